//! How many threads to use.

use super::Note;

/// Variables that may hold the number of threads, first that is set.
pub const VARIABLES: [&str; 3] = ["BAYSOR_NUM_THREADS", "JULIA_NUM_THREADS", "OMP_NUM_THREADS"];

/// Returns the number of threads, at least 1, and a note for every variable that was passed over.
///
/// `configured` is what the user asked for (0: nothing). Then the variables count, as told by `environment`; of a list
/// such as `4,1` the first number counts. At last the CPUs this process may use, with its affinity and quota.
pub fn count(configured: usize, environment: &dyn Fn(&str) -> Option<String>) -> (usize, Vec<Note>) {
    let mut notes = Vec::new();
    if configured > 0 {
        return (configured, notes);
    }
    for variable in VARIABLES {
        let Some(text) = environment(variable).filter(|text| !text.trim().is_empty()) else { continue };
        match text.split(',').next().and_then(|first| first.trim().parse::<usize>().ok()) {
            Some(threads @ 1..=4096) => return (threads, notes),
            _ => notes.push(Note::Info(format!("{variable}={text} is not a number of threads and is ignored"))),
        }
    }
    (std::thread::available_parallelism().map_or(1, std::num::NonZero::get), notes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn environment(set: &'static [(&'static str, &'static str)]) -> impl Fn(&str) -> Option<String> {
        move |name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
    }

    #[test]
    fn the_first_variable_that_is_set_counts() {
        let both = environment(&[("JULIA_NUM_THREADS", "6"), ("OMP_NUM_THREADS", "2")]);
        assert_eq!(count(0, &both), (6, vec![]));
        assert_eq!(count(3, &both), (3, vec![]));
        assert_eq!(count(0, &environment(&[("JULIA_NUM_THREADS", "4,1")])).0, 4);
    }

    #[test]
    fn auto_is_passed_over_with_a_note() {
        let (threads, notes) = count(0, &environment(&[("JULIA_NUM_THREADS", "auto"), ("OMP_NUM_THREADS", "2")]));
        assert_eq!((threads, notes.len()), (2, 1));
    }

    #[test]
    fn without_any_wish_there_is_at_least_one_thread() {
        assert!(count(0, &environment(&[])).0 >= 1);
    }
}
