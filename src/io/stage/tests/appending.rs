//! Molecule tables written in parts, read in two passes and batch by batch.

use polars::prelude::{Categories, DataType, FrozenCategories, IdxCa};

use super::molecules::{csv, read, same, with_columns, written};
use super::*;

/// Names that recur, and some that come late.
fn kinds(n: usize) -> Vec<Option<String>> {
    let kind = |row: usize| match row {
        _ if row.is_multiple_of(5) => None,
        _ if row + 40 > n => Some("late".to_owned()),
        _ => Some(format!("kind {}", (n - row) * 7 % 4)),
    };
    (0..n).map(kind).collect()
}

/// Molecules whose carried columns have all storage forms; `categories`: also one whose dictionary grows.
pub(super) fn many(n: usize, categories: bool) -> MoleculeTable {
    let kinds = Series::new("kind".into(), kinds(n));
    let cast = |series: Series, name: &str, dtype: DataType| series.strict_cast(&dtype).unwrap().with_name(name.into());
    let levels = FrozenCategories::new(["late", "kind 3", "kind 2", "kind 1", "kind 0"]).unwrap();
    let whole = Series::new("whole".into(), (0..n).map(|row| (row % 3 > 0).then_some(row as i64)).collect::<Vec<_>>());
    let mut columns = vec![
        Series::new("id".into(), (0..n as u64).map(|row| u64::MAX - row).collect::<Vec<_>>()),
        cast(whole.clone(), "when", DataType::Datetime(polars::prelude::TimeUnit::Microseconds, None)),
        cast(kinds.clone(), "levels", DataType::from_frozen_categories(levels)),
        Series::new("flag".into(), (0..n).map(|row| (row % 4 > 0).then_some(row % 3 == 0)).collect::<Vec<_>>()),
        cast(kinds.clone(), "bytes", DataType::Binary),
        Series::full_null("nothing".into(), n, &DataType::Null),
        Series::new("short".into(), (0..n).map(|row| row as f32 / 3.0).collect::<Vec<_>>()),
        kinds.clone().with_name("text".into()),
        whole,
    ];
    if categories {
        columns.push(cast(kinds, "kind", DataType::from_categories(Categories::global())));
    }
    with_columns(columns)
}

/// Results of every kind.
pub(super) fn results_of(n: usize) -> MoleculeResults {
    MoleculeResults {
        prior_segment: Some((0..n).map(|row| SegmentIdx::from_number(row as u32 % 4)).collect()),
        confidence: Some((0..n).map(|row| row as f32 / n as f32).collect()),
        is_center: Some((0..n).map(|row| row % 7 == 0).collect()),
        compartment: Some(Compartments {
            names: ["Nuclei", "Cyto", "Unknown"].map(str::to_owned).to_vec(),
            of: (0..n).map(|row| (row % 2) as u8).collect(),
        }),
        nuclei_probs: Some(vec![0.25; n]),
        cluster: Some((0..n).map(|row| ClusterIdx::new(row % 4)).collect()),
        cell: Some((0..n).map(|row| CellIdx::from_number(row as u32 % 9)).collect()),
        assignment_confidence: Some((0..n).map(|row| 1.0 / (row + 1) as f32).collect()),
        ncv_color: Some((0..n).map(|row| [row as u8, 7, 255]).collect()),
    }
}

/// Some rows of a table with results, whose ids stay.
pub(super) fn subset(
    table: &MoleculeTable,
    results: &MoleculeResults,
    rows: &[u32],
) -> (MoleculeTable, MoleculeResults) {
    fn of<T: Clone>(values: &Option<Vec<T>>, rows: &[u32]) -> Option<Vec<T>> {
        values.as_ref().map(|values| rows.iter().map(|&row| values[row as usize].clone()).collect())
    }
    let parts = |parts: &Compartments| Compartments {
        names: parts.names.clone(),
        of: rows.iter().map(|&row| parts.of[row as usize]).collect(),
    };
    let taken = IdxCa::from_vec("".into(), rows.iter().map(|&row| row as polars::prelude::IdxSize).collect());
    let mut of_rows = table.clone();
    of_rows.molecules = table.molecules.permuted(rows);
    of_rows.carried.frame = table.carried.frame.take(&taken).unwrap();
    let results = MoleculeResults {
        prior_segment: of(&results.prior_segment, rows),
        confidence: of(&results.confidence, rows),
        is_center: of(&results.is_center, rows),
        compartment: results.compartment.as_ref().map(parts),
        nuclei_probs: of(&results.nuclei_probs, rows),
        cluster: of(&results.cluster, rows),
        cell: of(&results.cell, rows),
        assignment_confidence: of(&results.assignment_confidence, rows),
        ncv_color: of(&results.ncv_color, rows),
    };
    (of_rows, results)
}

/// Writes some rows in parts of `step` rows of the table each.
fn appended(
    dir: &Path,
    table: &MoleculeTable,
    results: &MoleculeResults,
    is_picked: &dyn Fn(u32) -> bool,
    step: usize,
) -> Manifest {
    let mut shape = table.clone();
    shape.carried = table.carried.without_rows();
    let mut writer = StageWriter::create(dir, StageKind::Prior).unwrap();
    let mut appender = writer.molecules_appending(&shape, results).unwrap();
    let n = table.molecules.len();
    for begin in (0..n).step_by(step) {
        let rows = begin..n.min(begin + step);
        let mut carried = shape.carried.clone();
        carried.frame = table.carried.frame.slice(begin as i64, rows.len());
        let block = CarriedBlock::new(rows.clone(), &carried).unwrap();
        let picked: Vec<u32> = rows.map(|row| row as u32).filter(|&row| is_picked(row)).collect();
        appender.push(&shape, results, &picked, &block).unwrap();
    }
    writer.finish_molecules(appender).unwrap();
    writer.genes(&table.genes, &vec![1; table.genes.len()]).unwrap();
    let mut manifest = Manifest::new(StageKind::Prior, 1);
    manifest.inputs.push(InputFingerprint::new("molecules", table.fingerprint));
    writer.finish(manifest).unwrap()
}

#[test]
fn table_written_in_parts_has_the_bytes_of_one_written_at_once() {
    let n = 2 * schema::ROWS_PER_BATCH + 5_000;
    let results = results_of(n);
    for categories in [false, true] {
        let table = many(n, categories);
        // More than one batch, one batch exactly, a few rows, none.
        let picks: [(&dyn Fn(u32) -> bool, usize); 4] = [
            (&|row| row % 3 != 1, 50_000),
            (&|row| row < 1 << 17, 1 << 16),
            (&|row| row % 1009 == 5, 777_777),
            (&|_| false, 100_000),
        ];
        for (is_picked, step) in picks {
            let rows: Vec<u32> = (0..n as u32).filter(|&row| is_picked(row)).collect();
            let dir = tempfile::tempdir().unwrap();
            let (one, other) = (dir.path().join("one"), dir.path().join("other"));
            let in_parts = appended(&one, &table, &results, is_picked, step);
            let (of_rows, results_of_rows) = subset(&table, &results, &rows);
            let at_once = written(&other, &of_rows, &results_of_rows);
            assert_eq!(in_parts.table("molecules"), at_once.table("molecules"), "{categories} {}", rows.len());
            let files = |dir: &Path| std::fs::read(dir.join("molecules.arrow")).unwrap();
            assert!(files(&one) == files(&other));
            assert_eq!(names_in(&one), names_in(&other), "nothing is left behind");
            if (1..1000).contains(&rows.len()) {
                let (again, results_again) = read(&one);
                same(&of_rows, &again);
                assert_eq!((again.molecules.ids[1], results_again), (rows[1], results_of_rows));
            }
        }
    }
}

#[test]
fn rows_are_taken_in_order_and_of_the_block_only() {
    let dir = tempfile::tempdir().unwrap();
    let (table, results) = (table(10), all_results());
    let writer = StageWriter::create(dir.path(), StageKind::Run).unwrap();
    let mut appender = writer.molecules_appending(&table, &results).unwrap();
    let mut block = table.carried.clone();
    block.frame = table.carried.frame.slice(2, 4);
    let block = CarriedBlock::new(2..6, &block).unwrap();
    let mut push = |rows: &[u32], results: &MoleculeResults| appender.push(&table, results, rows, &block);
    push(&[2, 4], &results).unwrap();
    let text = |result: Result<(), StageError>| result.unwrap_err().to_string();
    assert!(text(push(&[4], &results)).contains("not added in the order of their numbers"));
    assert!(text(push(&[6], &results)).contains("row 6 is not in the block 2..6"));
    assert!(text(push(&[5], &MoleculeResults::default())).contains("other columns than before"));
    drop(appender);
    drop(writer);
    assert_eq!(names_in(dir.path()), [""; 0]);
}

#[test]
fn stage_is_read_in_two_passes() {
    let n = schema::ROWS_PER_BATCH + 99;
    let whole = many(n, true);
    let (table, results) = subset(&whole, &results_of(n), &(3..n as u32).collect::<Vec<_>>());
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &table, &results);
    let stage = StageReader::open(dir.path(), &[StageKind::Prior]).unwrap();
    let (first, first_results) = stage.molecules_without_carried().unwrap();
    assert_eq!((&first.molecules, &first.genes, &first_results), (&table.molecules, &table.genes, &results));
    assert_eq!((first.carried.frame.height(), &first.carried.layout), (0, &table.carried.layout));
    assert_eq!(
        (first.carried.frame.schema(), first.carried.f32_axes),
        (table.carried.frame.schema(), [true, false, true])
    );
    let mut frame = first.carried.frame.clone();
    let mut end = 0;
    let pass = stage.carried_blocks(|rows, carried| {
        assert_eq!((rows.start, rows.len()), (end, carried.frame.height()));
        end = rows.end;
        frame.vstack_mut(&carried.frame).unwrap();
        Ok::<(), StageError>(())
    });
    pass.unwrap();
    assert_eq!(end, n - 3);
    assert!(frame.equals_missing(&table.carried.frame));
    // A caller with errors of its own stops the pass.
    let stopped = stage.carried_blocks(|_, _| Err(anyhow::anyhow!("enough")));
    assert_eq!(stopped.unwrap_err().to_string(), "enough");
}

#[test]
fn some_columns_are_read_batch_by_batch() {
    let n = schema::ROWS_PER_BATCH + 5_000;
    let whole = many(n, false);
    let rows: Vec<u32> = (0..n as u32).filter(|row| row % 1000 != 7).collect();
    let (table, results) = subset(&whole, &results_of(n), &rows);
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &table, &results);
    let stage = StageReader::open(dir.path(), &[StageKind::Prior]).unwrap();
    let columns = ["y", "gene", "cell", "is_center", "text"];
    let mut cursor = stage.molecule_cursor(&columns).unwrap();
    let mut batches = Vec::new();
    while let Some(batch) = cursor.next_batch().unwrap() {
        batches.push(batch);
    }
    let mut others = Vec::new();
    stage
        .molecule_batches(&columns, |batch| {
            others.push(batch);
            Ok(())
        })
        .unwrap();
    assert!(batches == others);
    let sizes: Vec<(u64, usize)> = batches.iter().map(|batch| (batch.first_row, batch.ids.len())).collect();
    assert_eq!(
        sizes,
        [(0, schema::ROWS_PER_BATCH), (schema::ROWS_PER_BATCH as u64, rows.len() - schema::ROWS_PER_BATCH)]
    );
    let ids: Vec<u32> = batches.iter().flat_map(|batch| batch.ids.clone()).collect();
    let y: Vec<f64> = batches.iter().flat_map(|batch| batch.positions.y.clone()).collect();
    let genes: Vec<GeneIdx> = batches.iter().flat_map(|batch| batch.genes.clone()).collect();
    let cells: Vec<_> = batches.iter().flat_map(|batch| batch.results.cell.clone().unwrap()).collect();
    let centers: Vec<bool> = batches.iter().flat_map(|batch| batch.results.is_center.clone().unwrap()).collect();
    assert_eq!((ids, y), (rows, table.molecules.positions.y));
    assert_eq!((genes, Some(cells), Some(centers)), (table.molecules.genes, results.cell, results.is_center));
    let first = &batches[0];
    assert_eq!((first.positions.x.len(), &first.positions.z, &first.results.confidence), (0, &None, &None));
}

#[test]
fn molecules_and_segments_of_a_tile_keep_their_numbers() {
    let (table, results) = (table(10), all_results());
    let (mut of_tile, mut results) = subset(&table, &results, &[3, 7, 8]);
    results.prior_segment = Some([0, 5, 2].map(SegmentIdx::from_number).to_vec());
    // The notes have commas.
    of_tile.carried.layout.pop();
    of_tile.carried.layout[3] = OutputColumn::Carried(1);
    of_tile.carried.frame = of_tile.carried.frame.drop("note").unwrap();
    let mut of_prior = segments();
    of_prior.rows[0].segment = SegmentIdx::from_number(2);
    of_prior.rows[2].segment = SegmentIdx::from_number(5);
    let dir = tempfile::tempdir().unwrap();
    let write = |largest: u32| {
        let mut of_prior = of_prior.clone();
        of_prior.rows[2].segment = SegmentIdx::from_number(largest);
        let mut writer = StageWriter::create(dir.path(), StageKind::Prior).unwrap();
        writer.molecules(&of_tile, &results).unwrap();
        writer.genes(&of_tile.genes, &[1; 3]).unwrap();
        writer.segments(&of_prior).unwrap();
        let mut manifest = manifest();
        manifest.stage = StageKind::Prior;
        writer.finish(manifest).unwrap();
        StageReader::open(dir.path(), &[StageKind::Prior]).unwrap()
    };
    let stage = write(5);
    let (again, results_again) = stage.molecules().unwrap();
    same(&of_tile, &again);
    assert_eq!((&again.molecules.ids, &results_again), (&vec![3, 7, 8], &results));
    assert_eq!(stage.segments().unwrap(), of_prior);
    assert_eq!(of_prior.numbers().unwrap(), [0, 4, 0, 0, 4_000_000_000]);
    let text = String::from_utf8(csv(&again, &results_again)).unwrap();
    let numbers: Vec<&str> = text.lines().skip(1).map(|line| line.split(',').nth(6).unwrap()).collect();
    assert_eq!((text.lines().next().unwrap().split(',').nth(6), numbers), (Some("molecule_id"), vec!["4", "8", "9"]));
    let error = write(4).molecules().unwrap_err().to_string();
    assert!(error.contains("a molecule is in the segment 5 of 4"), "{error}");
}
