//! Texts that Python wrote with the marks of its bytes: `b'GENE'` for `GENE`.
//!
//! Older tables of Xenium hold bytes instead of texts; pandas prints such a value with its marks into CSV.

use super::Note;
use super::chunk::Genes;

/// The text between the marks, if there are any.
pub(super) fn inner(text: &str) -> Option<&str> {
    let quoted = text.strip_prefix('b')?;
    let between = |mark: char| quoted.strip_prefix(mark)?.strip_suffix(mark);
    between('\'').or_else(|| between('"'))
}

/// Takes the marks away from names of genes.
pub(super) fn unmark(genes: &mut Genes, notes: &mut Vec<Note>) {
    let marked: Vec<&str> = genes.names.iter().map(String::as_str).filter(|name| inner(name).is_some()).collect();
    let Some(&first) = marked.first() else { return };
    notes.push(Note::Warning(format!(
        "{} genes are written as bytes of Python, such as {first}: they are read as {} and the like. Labels of a prior \
         column are, too",
        marked.len(),
        inner(first).unwrap_or_default()
    )));
    genes.rename(|name| inner(name).unwrap_or(name));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn marks_of_bytes_are_taken_away_and_equal_genes_are_one() {
        let mut genes = Genes::default();
        ["b'A'", "B", "A", "b\"C\"", "b'", "brca1"].into_iter().for_each(|name| genes.push(Some(name)));
        let mut notes = Vec::new();
        unmark(&mut genes, &mut notes);
        assert_eq!(genes.names, ["A", "B", "C", "b'", "brca1"]);
        assert_eq!(genes.codes, [0, 1, 0, 2, 3, 4]);
        assert!(matches!(&notes[..], [Note::Warning(text)] if text.contains("b'A'")), "{notes:?}");
        notes.clear();
        unmark(&mut genes, &mut notes);
        assert!(notes.is_empty());
    }
}
