//! What the program asks of the machine for messages and timings: time of day and memory. None of it reaches a result.

use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970, UTC.
fn seconds() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs())
}

/// The time of day, `HH:MM:SS`, UTC.
pub fn time_of_day() -> String {
    time_at(seconds())
}

/// Today, `YYYY-MM-DD`, UTC.
pub fn date() -> String {
    date_at(seconds())
}

/// Date and time, `YYYY-MM-DDTHH:MM:SSZ`, as RFC 3339 has them.
pub fn timestamp() -> String {
    let now = seconds();
    format!("{}T{}Z", date_at(now), time_at(now))
}

fn time_at(seconds: u64) -> String {
    let seconds = seconds % 86_400;
    format!("{:02}:{:02}:{:02}", seconds / 3600, seconds / 60 % 60, seconds % 60)
}

fn date_at(seconds: u64) -> String {
    let (year, month, day) = civil(seconds / 86_400);
    format!("{year:04}-{month:02}-{day:02}")
}

/// Year, month and day of a day counted from 1970-01-01, in the Gregorian calendar.
fn civil(day: u64) -> (u64, u64, u64) {
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    let (mut year, mut left) = (1970, day);
    loop {
        let length = if is_leap(year) { 366 } else { 365 };
        if left < length {
            break;
        }
        left -= length;
        year += 1;
    }
    let february = if is_leap(year) { 29 } else { 28 };
    let mut month = 1;
    for length in [31, february, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] {
        if left < length {
            break;
        }
        left -= length;
        month += 1;
    }
    (year, month, left + 1)
}

/// Largest memory this process has used so far, in bytes, where the system tells.
pub fn peak_memory() -> Option<u64> {
    memory("VmHWM:")
}

/// Memory this process uses now, in bytes, where the system tells.
pub fn current_memory() -> Option<u64> {
    memory("VmRSS:")
}

/// Memory that this process may still take, in bytes, where the system tells: what the machine has available, or what
/// the limits of a container or a job leave, if that is less.
pub fn available_memory() -> Option<u64> {
    let of_machine = field_of(&std::fs::read_to_string("/proc/meminfo").ok()?, "MemAvailable:")?;
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    Some(of_machine.min(left_in_groups(Path::new("/sys/fs/cgroup"), &groups).unwrap_or(u64::MAX)))
}

/// What the limits of control groups leave, if there are any. `groups` is the text of `/proc/self/cgroup`.
///
/// Every group above the own one counts as well. Files that are cached only do not count as used: they give way. Where
/// a container hides the path of its group, the group is the root.
fn left_in_groups(root: &Path, groups: &str) -> Option<u64> {
    let mut least: Option<u64> = None;
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else { continue };
        let is_second = controllers.is_empty();
        if !is_second && !controllers.split(',').any(|controller| controller == "memory") {
            continue;
        }
        let (top, limit, used, cached) = if is_second {
            (root.to_path_buf(), "memory.max", "memory.current", "inactive_file ")
        } else {
            (root.join("memory"), "memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file ")
        };
        for group in Path::new(path.trim_start_matches('/')).ancestors() {
            let folder = top.join(group);
            let number = |name: &str| std::fs::read_to_string(folder.join(name)).ok()?.trim().parse::<u64>().ok();
            let (Some(limit), Some(used)) = (number(limit), number(used)) else { continue };
            let statistics = std::fs::read_to_string(folder.join("memory.stat")).unwrap_or_default();
            let cached = statistics.lines().find_map(|line| line.strip_prefix(cached)?.trim().parse::<u64>().ok());
            let left = limit.saturating_sub(used.saturating_sub(cached.unwrap_or(0)));
            least = Some(least.map_or(left, |least| least.min(left)));
        }
    }
    least
}

/// Seconds that all threads of this process have computed so far, where the system tells.
pub fn cpu_seconds() -> Option<f64> {
    let tasks = std::fs::read_dir("/proc/self/task").ok()?;
    let nanoseconds = |task: std::io::Result<std::fs::DirEntry>| {
        let text = std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<u64>().ok()
    };
    let total: u64 = tasks.filter_map(nanoseconds).sum();
    (total > 0).then_some(total as f64 * 1e-9)
}

fn memory(field: &str) -> Option<u64> {
    field_of(&std::fs::read_to_string("/proc/self/status").ok()?, field)
}

fn field_of(status: &str, field: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix(field))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kibibytes| kibibytes * 1024)
}

/// A number of bytes for people: `512 MiB`, `3.4 GiB`.
pub fn show_bytes(bytes: u64) -> String {
    let mebibytes = bytes as f64 / 1_048_576.0;
    if mebibytes < 1024.0 { format!("{mebibytes:.0} MiB") } else { format!("{:.1} GiB", mebibytes / 1024.0) }
}

/// A time span for people: `0.3 s`, `2 min 5 s`, `1 h 12 min`.
pub fn show_seconds(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    if seconds < 9.95 {
        format!("{seconds:.1} s")
    } else if whole < 60 {
        format!("{whole} s")
    } else if whole < 3600 {
        format!("{} min {} s", whole / 60, whole % 60)
    } else {
        format!("{} h {} min", whole / 3600, whole / 60 % 60)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_become_dates() {
        assert_eq!(civil(0), (1970, 1, 1));
        assert_eq!(civil(59), (1970, 3, 1));
        assert_eq!(civil(11_016), (2000, 2, 29));
        assert_eq!(civil(20_453), (2025, 12, 31));
        assert_eq!(
            (date_at(951_782_400 + 3_661), time_at(951_782_400 + 3_661)),
            ("2000-02-29".into(), "01:01:01".into())
        );
    }

    #[test]
    fn memory_is_read_from_the_status_of_the_process() {
        assert_eq!(field_of("Name:\tbaysor\nVmHWM:\t    2048 kB\n", "VmHWM:"), Some(2_097_152));
        assert_eq!(field_of("Name:\tbaysor\n", "VmHWM:"), None);
    }

    #[test]
    fn the_strictest_limit_of_the_groups_above_counts_and_caches_give_way() {
        let root = tempfile::tempdir().unwrap();
        let group = |path: &str, files: &[(&str, &str)]| {
            let folder = root.path().join(path);
            std::fs::create_dir_all(&folder).unwrap();
            files.iter().for_each(|(name, text)| std::fs::write(folder.join(name), text).unwrap());
        };
        assert_eq!(left_in_groups(root.path(), "0::/\n"), None);
        let statistics = ("memory.stat", "anon 1\ninactive_file 300\n");
        group("a/b", &[("memory.max", "max\n"), ("memory.current", "900\n")]);
        group("a", &[("memory.max", "1000\n"), ("memory.current", "900\n"), statistics]);
        assert_eq!(left_in_groups(root.path(), "0::/a/b\n"), Some(400));
        group("", &[("memory.max", "350\n"), ("memory.current", "20\n")]);
        assert_eq!(left_in_groups(root.path(), "0::/a/b\n"), Some(330));
        assert_eq!(left_in_groups(root.path(), "0::/elsewhere\n"), Some(330));
        group("memory/job", &[("memory.limit_in_bytes", "80"), ("memory.usage_in_bytes", "90")]);
        assert_eq!(left_in_groups(root.path(), "5:cpu:/job\n4:hugetlb,memory:/job\n"), Some(0));
    }

    #[test]
    fn numbers_are_shown_for_people() {
        assert_eq!(show_bytes(536_870_912), "512 MiB");
        assert_eq!(show_bytes(3_650_722_201), "3.4 GiB");
        assert_eq!(show_seconds(0.26), "0.3 s");
        assert_eq!(show_seconds(125.0), "2 min 5 s");
        assert_eq!(show_seconds(4320.0), "1 h 12 min");
    }
}
