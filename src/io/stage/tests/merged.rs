//! One molecule table from those of tiles.

use super::appending::{many, results_of, subset};
use super::molecules::{read, same, written};
use super::*;

/// Rows of three tiles that overlap: their ids begin anywhere and have gaps.
fn tiles_of(n: u32) -> [Vec<u32>; 3] {
    let third = n / 3;
    [
        (0..n).filter(|row| row % 2 == 0 && *row < 2 * third).collect(),
        (0..n).filter(|row| row % 3 == 0 || *row >= third).collect(),
        (0..n).filter(|row| row % 2 == 1 && *row < 2 * third).collect(),
    ]
}

/// Writes tiles whose cells are numbered each in its own way.
fn write_tiles(dir: &Path, table: &MoleculeTable, results: &MoleculeResults, tiles: &[Vec<u32>]) -> Vec<StageReader> {
    let write = |(at, rows): (usize, &Vec<u32>)| {
        let (of_tile, mut results) = subset(table, results, rows);
        let cells = results.cell.as_mut().unwrap().iter_mut();
        cells.for_each(|cell| *cell = cell.and_then(|cell| CellIdx::from_number(cell.number() + 100 * at as u32)));
        let dir = dir.join(format!("tile_{at}"));
        written(&dir, &of_tile, &results);
        StageReader::open(&dir, &[StageKind::Prior]).unwrap()
    };
    tiles.iter().enumerate().map(write).collect()
}

fn merge(dir: &Path, tiles: &[&StageReader], choose: impl FnMut(&Claims<'_>) -> Choice) -> (u64, Manifest) {
    let mut writer = StageWriter::create(dir, StageKind::Prior).unwrap();
    let merged = MergedMolecules::open(tiles).unwrap();
    assert_eq!(merged.n_tiles(), tiles.len());
    let n = merged.write(&mut writer, choose).unwrap();
    let (genes, n_molecules) = tiles[0].genes().unwrap();
    writer.genes(&genes, &n_molecules).unwrap();
    let mut manifest = Manifest::new(StageKind::Prior, 1);
    manifest.inputs.push(InputFingerprint::new("molecules", tiles[0].manifest().input("molecules").unwrap()));
    (n, writer.finish(manifest).unwrap())
}

/// Cells by their numbers in the whole, from whichever tile has the molecule.
fn any(claims: &Claims<'_>) -> Choice {
    let claim = claims.id as usize % claims.of.len();
    let Claim { cell, assignment_confidence, .. } = claims.of[claim];
    let cell = cell.and_then(|cell| CellIdx::from_number(cell.number() % 100));
    Choice { claim, cell, assignment_confidence: assignment_confidence.unwrap_or(0.0) }
}

#[test]
fn merged_table_has_the_bytes_of_the_whole_in_any_order_of_the_tiles() {
    let n = schema::ROWS_PER_BATCH + 20_000;
    let (table, mut results) = (many(n, true), results_of(n));
    let dir = tempfile::tempdir().unwrap();
    let tiles = write_tiles(dir.path(), &table, &results, &tiles_of(n as u32));
    results.is_center = None;
    let whole = written(&dir.path().join("whole"), &table, &results);
    for order in [[0, 1, 2], [2, 0, 1], [1, 2, 0]] {
        let target = dir.path().join(format!("merged_{}", order[0]));
        let (n_rows, manifest) = merge(&target, &order.map(|at| &tiles[at]), any);
        assert_eq!(n_rows, n as u64);
        assert_eq!(manifest.table("molecules"), whole.table("molecules"));
        assert_eq!(names_in(&target), ["genes.arrow", "manifest.json", "molecules.arrow"]);
    }
    let (again, results_again) = read(&dir.path().join("merged_1"));
    same(&table, &again);
    assert_eq!(results, results_again);
}

#[test]
fn caller_sees_all_claims_and_says_what_is_written() {
    let (table, results) = (table(10), all_results());
    let dir = tempfile::tempdir().unwrap();
    // Molecules 4 and 9 are in no tile, and all but the first tile begin late.
    let tiles = write_tiles(dir.path(), &table, &results, &[vec![0, 1, 2], vec![1, 2, 3, 5, 6], vec![2, 6, 7, 8]]);
    let mut seen = Vec::new();
    let (n_rows, _) = merge(&dir.path().join("merged"), &[&tiles[0], &tiles[1], &tiles[2]], |claims| {
        assert_eq!(
            claims.position,
            [table.molecules.positions.x[claims.id as usize], table.molecules.positions.y[claims.id as usize]]
        );
        let of: Vec<_> = claims.of.iter().map(|of| (of.tile, of.row, of.cell.map_or(0, CellIdx::number))).collect();
        seen.push((claims.id, of));
        Choice { claim: claims.of.len() - 1, cell: CellIdx::from_number(claims.id), assignment_confidence: 0.5 }
    });
    assert_eq!(n_rows, 8);
    assert_eq!(seen[2], (2, vec![(0, 2, 1), (1, 1, 101), (2, 0, 201)]));
    assert_eq!(seen[6], (7, vec![(2, 2, 202)]));
    let (merged, found) = read(&dir.path().join("merged"));
    assert_eq!(merged.molecules.ids, [0, 1, 2, 3, 5, 6, 7, 8]);
    assert_eq!(found.cell.unwrap(), cells(&[0, 1, 2, 3, 5, 6, 7, 8]));
    assert_eq!((found.assignment_confidence, found.is_center), (Some(vec![0.5; 8]), None));
    let (whole, expected) = subset(&table, &results, &[0, 1, 2, 3, 5, 6, 7, 8]);
    same(&whole, &merged);
    assert_eq!((found.confidence, found.ncv_color), (expected.confidence, expected.ncv_color));
}

#[test]
fn tiles_that_do_not_fit_are_named() {
    let (table, results) = (table(10), all_results());
    let dir = tempfile::tempdir().unwrap();
    let tiles = write_tiles(dir.path(), &table, &results, &[vec![0, 1, 2], vec![3, 5]]);
    let other = |name: &str, table: &MoleculeTable, results: &MoleculeResults| {
        let dir = dir.path().join(name);
        written(&dir, table, results);
        StageReader::open(&dir, &[StageKind::Prior]).unwrap()
    };
    let error =
        |one: &StageReader, other: &StageReader| MergedMolecules::open(&[one, other]).err().unwrap().to_string();
    let fewer = other("fewer", &table, &MoleculeResults { ncv_color: None, ..results.clone() });
    let text = error(&tiles[0], &fewer);
    assert!(text.contains("fewer") && text.contains("its columns are not those of"), "{text}");
    let mut renamed = table.clone();
    renamed.genes = GeneTable::new(["a", "b", "c"].map(str::to_owned).to_vec());
    let text = error(&tiles[0], &other("renamed", &renamed, &results));
    assert!(text.contains("renamed") && text.contains("its genes or other names"), "{text}");
    // Rows out of order, and a choice that there is not.
    let (turned, turned_results) = subset(&table, &results, &[3, 2]);
    let turned = other("turned", &turned, &turned_results);
    let write = |tiles: &[&StageReader], claim: usize| {
        let mut writer = StageWriter::create(&dir.path().join("merged"), StageKind::Prior).unwrap();
        let choose = |_: &Claims<'_>| Choice { claim, cell: None, assignment_confidence: 0.0 };
        MergedMolecules::open(tiles).unwrap().write(&mut writer, choose).unwrap_err().to_string()
    };
    let text = write(&[&tiles[0], &turned], 0);
    assert!(text.contains("turned") && text.contains("molecule 3 is not in the order"), "{text}");
    let text = write(&[&tiles[0]], 1);
    assert!(text.contains("the molecule 1 is taken from a tile that does not have it"), "{text}");
}
