//! Third pass: the molecules of all tiles as one table.

use super::tiles::Tiles;
use crate::cells::seams::Seams;
use crate::data::CellIdx;
use crate::io::stage::{Choice, Claims, MergedMolecules, StageWriter};

/// How many molecules there are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Joined {
    /// On the slide.
    pub n_molecules: u64,
    /// In cells.
    pub n_in_cells: u64,
    /// Not where the borders of tiles say.
    n_astray: u64,
}

/// Writes the table of molecules in the order of their ids. A row is that of the tile with the molecule in its core; cell
/// and trust in it are what `seams` says.
///
/// Errors: damaged tables; molecules that are missing, or are not where the borders of tiles say.
pub fn write(tiles: &Tiles, seams: &Seams, writer: &mut StageWriter) -> anyhow::Result<Joined> {
    let mut joined = Joined::default();
    let mut next = vec![0usize; tiles.len()];
    let cores: Vec<_> = tiles.iter().map(|tile| tile.place.core).collect();
    let choose = |claims: &Claims<'_>| {
        let [x, y] = claims.position;
        let in_core = claims.of.iter().position(|claim| cores[claim.tile].contains(x, y));
        let mut shared = None;
        for claim in claims.of {
            let molecule = seams.shared[claim.tile].get(next[claim.tile]).filter(|molecule| molecule.id == claims.id);
            next[claim.tile] += usize::from(molecule.is_some());
            shared = shared.or(molecule);
        }
        let is_astray = in_core.is_none() || (claims.of.len() > 1 && shared.is_none());
        joined.n_astray += u64::from(is_astray);
        let claim = in_core.unwrap_or(0);
        let choice = match shared {
            Some(molecule) => {
                Choice { claim, cell: molecule.cell(), assignment_confidence: molecule.assignment_confidence }
            }
            None => {
                let own = &claims.of[claim];
                let cell_of = |cell: CellIdx| seams.cells_of(own.tile).get(cell.idx()).copied().flatten();
                let cell = own.cell.and_then(cell_of);
                // Nobody had a molecule as noise that was freed.
                let trust = if cell.is_some() == own.cell.is_some() { own.assignment_confidence } else { None };
                Choice { claim, cell, assignment_confidence: trust.unwrap_or(0.0) }
            }
        };
        joined.n_in_cells += u64::from(choice.cell.is_some());
        choice
    };
    let n_molecules = MergedMolecules::open(&tiles.stages())?.write(writer, choose)?;
    anyhow::ensure!(
        n_molecules == tiles.n_molecules() && joined.n_astray == 0,
        "the tiles have {n_molecules} molecules, and {} of them where other tiles should be, but the slide has {}; split the \
         slide again, and run all tiles again",
        joined.n_astray,
        tiles.n_molecules()
    );
    joined.n_molecules = n_molecules;
    Ok(joined)
}
