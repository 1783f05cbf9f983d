//! The nearest valid name, for misspelt ones.

/// Letters of a name that may be meant for another; longer ones are none.
const LONGEST: usize = 200;

/// Returns the candidate nearest to `name`, if one is near enough to be meant.
///
/// Near: at most a third of the letters (at least one, counting insertions, deletions, replacements and swaps of
/// neighbours), ignoring case and the difference between `-` and `_`; or the name is the beginning of a candidate.
/// Equally near candidates: the first.
pub fn nearest<'a>(name: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let name = fold(name);
    if name.is_empty() || name.len() > LONGEST {
        return None;
    }
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let folded = fold(candidate);
        let limit = (name.len().max(folded.len()) / 3).max(1);
        let begins = name.len() >= 3 && folded.starts_with(&name);
        let distance = if begins { 1 } else { edits(&name, &folded) };
        if distance <= limit && best.is_none_or(|(nearest, _)| distance < nearest) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

fn fold(name: &str) -> Vec<char> {
    name.chars().map(|c| if c == '-' { '_' } else { c.to_ascii_lowercase() }).collect()
}

/// Counts insertions, deletions, replacements and swaps of neighbouring letters between two words.
fn edits(a: &[char], b: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_swap_of_two_letters_is_one_edit() {
        assert_eq!(edits(&fold("scael"), &fold("scale")), 1);
        assert_eq!(edits(&fold(""), &fold("abc")), 3);
    }

    #[test]
    fn a_name_of_a_million_letters_is_no_misspelt_one_and_was_compared_for_seconds() {
        assert_eq!(nearest(&"scale".repeat(200_000), ["scale"; 200]), None);
    }

    #[test]
    fn a_misspelt_name_finds_its_neighbour() {
        assert_eq!(nearest("scael", ["iters", "scale", "scale_std"]), Some("scale"));
        assert_eq!(nearest("n-clsters", ["n_clusters", "n_cells_init"]), Some("n_clusters"));
        assert_eq!(nearest("Iters", ["iters"]), Some("iters"));
    }

    #[test]
    fn a_strange_name_finds_nothing() {
        assert_eq!(nearest("colour", ["iters", "scale"]), None);
        assert_eq!(nearest("", ["x"]), None);
    }
}
