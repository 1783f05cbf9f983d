//! The genes ranked by their preference for a compartment, as CSV.

use std::io::{self, Write};
use std::path::Path;

use super::quoted::write_text;
use crate::compartments::genes::GeneRank;
use crate::data::GeneTable;
use crate::io::atomic::{WriteError, write_file};

/// Writes the table: a header, then one line per gene, from the most nuclear to the most cytoplasmic one.
///
/// Columns: `gene`, `n_molecules` (in nuclei and the rings around them), `n_nuclei` (that say something about the
/// gene), `share_inside` and `expected_share` (of the molecules that are in nuclei), `log2_odds_ratio` (positive for
/// nuclear genes), `p`, `q` (false discovery rate) and `call` (`nuclear`, `cytoplasmic` or `none`).
pub fn write_ranking(path: &Path, ranking: &[GeneRank], genes: &GeneTable) -> Result<(), WriteError> {
    write_file(path, |file| write_table(file, ranking, genes))
}

fn write_table(out: &mut impl Write, ranking: &[GeneRank], genes: &GeneTable) -> io::Result<()> {
    out.write_all(b"gene,n_molecules,n_nuclei,share_inside,expected_share,log2_odds_ratio,p,q,call\n")?;
    for rank in ranking {
        let name = genes.names().get(rank.gene.idx()).map_or("", String::as_str);
        write_text(out, name, ',')?;
        writeln!(
            out,
            ",{},{},{},{},{},{},{},{}",
            rank.n_molecules,
            rank.n_nuclei,
            rank.share_inside,
            rank.expected_share,
            rank.effect,
            rank.p,
            rank.q,
            rank.call.label()
        )?;
    }
    Ok(())
}
