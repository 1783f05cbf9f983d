//! What the program asks of the machine for messages and timings: time of day and memory. None of it reaches a result.

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
    fn numbers_are_shown_for_people() {
        assert_eq!(show_bytes(536_870_912), "512 MiB");
        assert_eq!(show_bytes(3_650_722_201), "3.4 GiB");
        assert_eq!(show_seconds(0.26), "0.3 s");
        assert_eq!(show_seconds(125.0), "2 min 5 s");
        assert_eq!(show_seconds(4320.0), "1 h 12 min");
    }
}
