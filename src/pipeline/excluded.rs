//! Molecules of genes that a run left out, such as negative controls, counted in its cells by their place.

use std::path::Path;

use anyhow::Context as _;
use serde_json::{Value as Json, json};

use super::former::Former;
use super::results::RunResult;
use super::{input, manifest};
use crate::cells;
use crate::config::file::{Given, Origin};
use crate::config::options::{Group, OPTIONS, OptionDef, Place};
use crate::config::resolve::input_with_all_genes;
use crate::config::{BundleSettings, CountFormat, InputSettings};
use crate::data::{CellIdx, CellMembers, CellOutline, Positions};
use crate::io::atomic;
use crate::io::export::{loom, molecules as molecule_table, tsv};
use crate::io::molecules::{self, MoleculeTable};
use crate::io::stage::StageReader;
use crate::observe::Observer;
use crate::prior::{PolygonsBuilder, SegmentLabels, assign_to_centers};

/// Writes the molecules of genes that are in `table` but not in the stage, with their cells, and the counts.
///
/// `outlines` are the boundaries of the cells of `result`, which are those that the filters left. The result itself
/// does not change. Returns numbers for the record of the export; `None` if no gene was left out, and nothing is
/// written. Errors: `table` cannot be read, or is not the one that the stage was made from.
pub fn write(
    table: &Path,
    stage: &StageReader,
    result: &RunResult,
    outlines: &[CellOutline],
    bundle: &BundleSettings,
    former: &Former<'_>,
    observer: &dyn Observer,
) -> anyhow::Result<Option<Json>> {
    check_content(table, stage)?;
    let Some(excluded) = excluded_molecules(table, stage, result, observer)? else {
        observer.info(&format!(
            "--add-excluded: no gene of {} was left out of the run; nothing is written about excluded genes",
            table.display()
        ));
        return Ok(None);
    };
    observer.stage("Counting excluded genes in cells");
    let n_cells = result.stats.n_cells();
    let centers: Vec<[f64; 2]> = result.stats.x.iter().zip(&result.stats.y).map(|(&x, &y)| [x, y]).collect();
    let cell_of = place(outlines, &centers, &excluded.molecules.positions);
    let members = CellMembers::group(&cell_of, n_cells);
    let counts = cells::count_genes(&excluded.molecules.genes, excluded.molecules.n_genes, &members);
    let (outputs, names) = (&bundle.outputs, &result.names);
    for path in [&outputs.excluded, &outputs.excluded_counts] {
        atomic::prepare(path)?;
    }
    former.commit(|| {
        atomic::write_file(&outputs.excluded, |file| molecule_table::write_placed(file, &excluded, &cell_of, names))?;
        match bundle.count_format {
            CountFormat::Loom => {
                loom::write_loom(&outputs.excluded_counts, &excluded.genes, names, &counts, &result.stats)?;
            }
            CountFormat::Tsv => tsv::write_tsv(&outputs.excluded_counts, &excluded.genes, names, &counts)?,
        }
        Ok(())
    })?;
    let (n_genes, n_molecules) = (excluded.genes.len(), cell_of.len());
    let n_in_cells = cell_of.iter().flatten().count();
    observer.info(&format!("Excluded genes: {n_genes} with {n_molecules} molecules, {n_in_cells} of them in cells"));
    let name = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
    Ok(Some(json!({
        "n_genes": n_genes,
        "n_molecules": n_molecules,
        "n_molecules_in_cells": n_in_cells,
        "files": [name(&outputs.excluded), name(&outputs.excluded_counts)],
    })))
}

/// The cell whose boundary a molecule lies in: of several that with the nearest center, of equally near ones the first.
///
/// METHOD: z does not matter. Boundaries over all z are what the count of a control per cell is for: every molecule
/// counts once, and no layer is without a cell.
///
/// Shapes: `centers` are mean x and y `[n_cells]`; the result is that of `positions`. Deterministic on any thread count.
fn place(outlines: &[CellOutline], centers: &[[f64; 2]], positions: &Positions) -> Vec<Option<CellIdx>> {
    let mut builder = PolygonsBuilder::default();
    for outline in outlines {
        outline.ring.iter().for_each(|&vertex| builder.push_vertex(vertex));
        builder.end_ring();
        builder.end_part(outline.cell.idx() as u32);
    }
    let (polygons, _) = builder.finish(SegmentLabels::Numbers((1..=centers.len() as u32).collect()));
    let assigned = assign_to_centers(&polygons, centers, positions);
    assigned.label_of.into_iter().map(CellIdx::from_number).collect()
}

/// Refuses a table of other content than the one that the stage was made from.
fn check_content(table: &Path, stage: &StageReader) -> anyhow::Result<()> {
    let manifest = stage.manifest();
    let of_stage = manifest.input("molecules").with_context(|| {
        format!(
            "{}: its manifest has no input 'molecules', so nothing can be added to it by --add-excluded",
            stage.dir().display()
        )
    })?;
    let given = molecules::fingerprint_of_table(table)?;
    let was = manifest.path_of("molecules").map(|path| format!(" ('{path}' then)")).unwrap_or_default();
    anyhow::ensure!(
        given == of_stage,
        "--add-excluded '{}': it has {} bytes with the hash {:016x}, but {} was made from a table{was} of {} bytes with \
         the hash {:016x}; give the very table of the run, or run again with this one",
        table.display(),
        given.size,
        given.hash,
        stage.dir().display(),
        of_stage.size,
        of_stage.hash
    );
    Ok(())
}

/// Reads the table as the run did, and leaves the genes that the run left out; `None` if there are none.
fn excluded_molecules(
    path: &Path,
    stage: &StageReader,
    result: &RunResult,
    observer: &dyn Observer,
) -> anyhow::Result<Option<MoleculeTable>> {
    let input = input_settings(path, stage, result)?;
    let table = input::load_plain(&input, observer)?;
    let is_excluded: Vec<bool> =
        table.genes.names().iter().map(|name| result.table.genes.find(name).is_none()).collect();
    let n_known = table.molecules.genes.iter().filter(|gene| !is_excluded[gene.idx()]).count();
    let n_of_run = result.table.molecules.len();
    anyhow::ensure!(
        n_known == n_of_run,
        "--add-excluded '{}': read with the parameters in {} it has {n_known} molecules of the genes of the run, which \
         had {n_of_run}; the manifest was edited or is of another version. Run again with this version",
        path.display(),
        stage.dir().display()
    );
    if !is_excluded.contains(&true) {
        return Ok(None);
    }
    Ok(Some(table.of_genes(&is_excluded)?))
}

/// How the run read its table, but with all genes; without z if the molecules of the run have none.
fn input_settings(path: &Path, stage: &StageReader, result: &RunResult) -> anyhow::Result<InputSettings> {
    let origin = || Origin::Stage(stage.dir().display().to_string());
    let is_read =
        |def: &&OptionDef| matches!(def.group, Group::Columns | Group::Filters) && matches!(def.place, Place::Table(_));
    let held = |def: &'static OptionDef| {
        let value = manifest::value_of(stage.manifest(), def)?;
        Some(Given { def, value, origin: origin() })
    };
    let values = OPTIONS.iter().filter(is_read).filter_map(held).collect();
    let input = input_with_all_genes(path, values)?;
    let force_2d = input.force_2d || result.table.molecules.positions.z.is_none();
    Ok(InputSettings { force_2d, ..input })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The boundary of a cell: a square.
    fn square(number: u32, [x, y]: [f64; 2], side: f64) -> CellOutline {
        let ring = vec![[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]];
        CellOutline { cell: CellIdx::from_number(number).unwrap(), ring }
    }

    fn numbers(outlines: &[CellOutline], centers: &[[f64; 2]], at: &[[f64; 2]]) -> Vec<u32> {
        let axis = |axis: usize| at.iter().map(|point| point[axis]).collect();
        let positions = Positions { x: axis(0), y: axis(1), z: Some(vec![7.0; at.len()]) };
        place(outlines, centers, &positions).into_iter().map(|cell| cell.map_or(0, CellIdx::number)).collect()
    }

    #[test]
    fn a_molecule_in_two_cells_is_in_that_with_the_nearest_mean_and_one_in_none_in_no_cell() {
        let outlines = [square(1, [0.0, 0.0], 4.0), square(2, [3.0, 0.0], 4.0)];
        let at = [[3.5, 2.0], [1.0, 1.0], [6.0, 3.0], [8.0, 1.0], [3.5, 5.0]];
        // The molecules of the first cell are at its left side, so the overlap is nearer to the second.
        assert_eq!(numbers(&outlines, &[[0.5, 2.0], [5.0, 2.0]], &at), [2, 1, 2, 0, 0]);
        assert_eq!(numbers(&outlines, &[[2.0, 2.0], [6.5, 2.0]], &at), [1, 1, 2, 0, 0]);
        assert_eq!(numbers(&outlines, &[[2.0, 2.0], [5.0, 2.0]], &at)[0], 1, "equally near: the smaller number");
    }

    #[test]
    fn cells_without_a_boundary_get_nothing_and_keep_their_numbers() {
        let outlines = [square(3, [0.0, 0.0], 1.0)];
        assert_eq!(numbers(&outlines, &[[0.5, 0.5]; 3], &[[0.5, 0.5], [2.0, 2.0]]), [3, 0]);
        assert_eq!(numbers(&[], &[], &[[0.5, 0.5]]), [0]);
    }
}
