//! The molecule table: every type of carried column, the user's layout, batches, threads.

use polars::prelude::{Categories, DataType, FrozenCategories, TimeUnit};

use super::*;
use crate::io::export;

pub(super) fn written(dir: &Path, table: &MoleculeTable, results: &MoleculeResults) -> Manifest {
    let mut writer = StageWriter::create(dir, StageKind::Prior).unwrap();
    writer.molecules(table, results).unwrap();
    writer.genes(&table.genes, &vec![1; table.genes.len()]).unwrap();
    let mut manifest = Manifest::new(StageKind::Prior, 1);
    manifest.inputs.push(InputFingerprint::new("molecules", table.fingerprint));
    writer.finish(manifest).unwrap()
}

pub(super) fn read(dir: &Path) -> (MoleculeTable, MoleculeResults) {
    StageReader::open(dir, &[StageKind::Prior]).unwrap().molecules().unwrap()
}

pub(super) fn same(one: &MoleculeTable, other: &MoleculeTable) {
    assert_eq!(one.molecules, other.molecules);
    assert_eq!(one.genes, other.genes);
    assert_eq!(one.carried.layout, other.carried.layout);
    assert_eq!(one.carried.f32_axes, other.carried.f32_axes);
    assert_eq!(one.fingerprint, other.fingerprint);
    for (a, b) in one.carried.frame.columns().iter().zip(other.carried.frame.columns()) {
        assert_eq!((a.name(), a.dtype()), (b.name(), b.dtype()));
        assert!(a.equals_missing(b), "{a:?} {b:?}");
    }
    assert_eq!(one.carried.frame.shape(), other.carried.frame.shape());
}

pub(super) fn with_columns(columns: Vec<Series>) -> MoleculeTable {
    let n = columns[0].len();
    let mut table = table(n);
    table.carried.layout = [OutputColumn::X, OutputColumn::Y, OutputColumn::Z, OutputColumn::Gene]
        .into_iter()
        .chain((0..columns.len()).map(OutputColumn::Carried))
        .collect();
    table.carried.frame = DataFrame::new(n, columns.into_iter().map(Column::from).collect()).unwrap();
    table
}

pub(super) fn csv(table: &MoleculeTable, results: &MoleculeResults) -> Vec<u8> {
    let names = CellNames::new("R1");
    let results = export::molecules::MoleculeResults {
        segment_numbers: None,
        prior_segment: results.prior_segment.as_deref(),
        confidence: results.confidence.as_deref().unwrap(),
        compartment: results.compartment.as_ref(),
        nuclei_probs: results.nuclei_probs.as_deref(),
        cluster: results.cluster.as_deref(),
        cell: results.cell.as_deref().unwrap(),
        assignment_confidence: results.assignment_confidence.as_deref(),
        ncv_color: results.ncv_color.as_deref(),
        names: &names,
    };
    let mut text = Vec::new();
    export::molecules::write(&mut text, table, &results).unwrap();
    text
}

#[test]
fn table_with_all_results_comes_back_and_is_exported_with_the_same_bytes() {
    let dir = tempfile::tempdir().unwrap();
    let (table, results) = (table(10), all_results());
    let manifest = written(dir.path(), &table, &results);
    let (again, results_again) = read(dir.path());
    same(&table, &again);
    assert_eq!(results, results_again);
    assert_eq!(csv(&table, &results), csv(&again, &results_again));
    let entry = manifest.table("molecules").unwrap();
    // molecule_id, x, y, z, gene, nine results and three carried columns.
    assert_eq!((entry.n_rows, entry.n_columns), (10, 17));
}

#[test]
fn carried_columns_of_every_type_come_back() {
    let texts = [Some("b"), None, Some("a"), Some("b"), Some("")];
    let text = Series::new("text".into(), texts);
    let categories = DataType::from_categories(Categories::global());
    let levels = DataType::from_frozen_categories(FrozenCategories::new(["", "zz", "b", "a"]).unwrap());
    let whole = Series::new("i".into(), [Some(-5i64), None, Some(100), Some(0), Some(7)]);
    let positive = Series::new("u".into(), [Some(5u64), None, Some(100), Some(0), Some(7)]);
    let named = |series: Series, name: &str| series.with_name(name.into());
    let cast = |series: &Series, name: &str, dtype: DataType| named(series.strict_cast(&dtype).unwrap(), name);
    let columns = vec![
        cast(&whole, "i8", DataType::Int8),
        cast(&whole, "i16", DataType::Int16),
        cast(&whole, "i32", DataType::Int32),
        named(whole.clone(), "i64"),
        cast(&positive, "u8", DataType::UInt8),
        cast(&positive, "u16", DataType::UInt16),
        cast(&positive, "u32", DataType::UInt32),
        Series::new("u64".into(), [Some(u64::MAX), None, Some((1 << 53) + 1), Some(0), Some(1)]),
        Series::new("f32".into(), [Some(f32::NAN), None, Some(f32::INFINITY), Some(-0.0), Some(0.1)]),
        Series::new("f64".into(), [Some(f64::NAN), None, Some(f64::MIN_POSITIVE), Some(-0.0), Some(0.1)]),
        Series::new("bool".into(), [Some(true), None, Some(false), Some(true), None]),
        text.clone(),
        cast(&text, "categories", categories),
        cast(&text, "levels", levels),
        Series::new("bytes".into(), [Some(&b"\xff\0"[..]), None, Some(b""), Some(b"abc"), Some(b"d")]),
        cast(&cast(&whole, "d", DataType::Int32), "date", DataType::Date),
        cast(&whole, "when", DataType::Datetime(TimeUnit::Microseconds, None)),
        cast(&whole, "when_ns", DataType::Datetime(TimeUnit::Nanoseconds, None)),
        cast(&whole, "duration", DataType::Duration(TimeUnit::Milliseconds)),
        Series::full_null("nothing".into(), 5, &DataType::Null),
        Series::full_null("no_text".into(), 5, &DataType::String),
    ];
    let dir = tempfile::tempdir().unwrap();
    let table = with_columns(columns);
    written(dir.path(), &table, &MoleculeResults::default());
    let (again, results) = read(dir.path());
    same(&table, &again);
    assert_eq!(results, MoleculeResults::default());
    let zero = again.carried.frame.column("f64").unwrap().as_materialized_series().f64().unwrap().get(3).unwrap();
    assert!(zero.is_sign_negative());
}

#[test]
fn carried_columns_named_like_those_of_the_stage_keep_their_names() {
    let column = |name: &str, value: i32| Series::new(name.into(), vec![value; 2]);
    let names = ["cell_input", "cell", "molecule_id", "confidence", "z", "cell_input_input", "", "x y\"z"];
    let mut table = with_columns(names.iter().zip(0..).map(|(name, value)| column(name, value)).collect());
    // Data in two dimensions may carry a column that is called z.
    table.molecules.positions.z = None;
    table.carried.f32_axes[2] = false;
    table.carried.layout.retain(|column| *column != OutputColumn::Z);
    let dir = tempfile::tempdir().unwrap();
    written(dir.path(), &table, &MoleculeResults { cell: Some(cells(&[1, 0])), ..MoleculeResults::default() });
    let (again, results) = read(dir.path());
    same(&table, &again);
    assert_eq!(results.cell, Some(cells(&[1, 0])));
}

#[test]
fn empty_table_and_table_of_several_batches_come_back() {
    let dir = tempfile::tempdir().unwrap();
    for n in [0, 2 * schema::ROWS_PER_BATCH + 3] {
        let mut table = table(n);
        let frame = &mut table.carried.frame;
        let kinds: Vec<String> = (0..n).map(|row| format!("kind {}", (row * 7) % 300)).collect();
        let kinds = Series::new("kind".into(), kinds);
        let dtype = DataType::from_categories(Categories::global());
        frame.with_column(Column::from(kinds.cast(&dtype).unwrap())).unwrap();
        table.carried.layout.push(OutputColumn::Carried(3));
        let cell: Vec<u32> = (0..n as u32).map(|row| row % 5).collect();
        let results = MoleculeResults { cell: Some(cells(&cell)), ..MoleculeResults::default() };
        written(dir.path(), &table, &results);
        let (again, results_again) = read(dir.path());
        same(&table, &again);
        assert_eq!(results.cell.as_ref().map(Vec::len), Some(n));
        if n > 0 {
            assert_eq!(results, results_again);
            assert_eq!(again.carried.frame.column("kind").unwrap().n_chunks(), 1);
        }
    }
}

#[test]
fn bytes_depend_neither_on_threads_nor_on_what_stands_under_missing_values() {
    let n = schema::ROWS_PER_BATCH + 77;
    let mut table = table(n);
    let values: Vec<i64> = (0..n as i64).collect();
    let write_with = |table: &MoleculeTable, threads| {
        let dir = tempfile::tempdir().unwrap();
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| written(dir.path(), table, &MoleculeResults::default())).tables
    };
    let nulls = |values: Vec<i64>| {
        let series = Series::new("gaps".into(), values);
        let keep: Vec<bool> = (0..n).map(|row| row % 3 == 0).collect();
        let keep = Series::new("keep".into(), keep);
        let nothing = Series::full_null("gaps".into(), n, &DataType::Int64);
        series.zip_with(keep.bool().unwrap(), &nothing).unwrap()
    };
    table.carried.frame.with_column(Column::from(nulls(values.clone()))).unwrap();
    let one = write_with(&table, 1);
    assert_eq!(one, write_with(&table, 3));
    let other: Vec<i64> = values.iter().map(|&value| if value % 3 == 0 { value } else { -1 }).collect();
    table.carried.frame.with_column(Column::from(nulls(other))).unwrap();
    assert_eq!(one, write_with(&table, 2));
}

#[test]
fn nested_column_is_refused_by_name() {
    let list = Series::new("lists".into(), [Series::new("".into(), [1i32]), Series::new("".into(), [2i32])]);
    let dir = tempfile::tempdir().unwrap();
    let mut writer = StageWriter::create(dir.path(), StageKind::Prior).unwrap();
    let error = writer.molecules(&with_columns(vec![list]), &MoleculeResults::default()).unwrap_err();
    assert!(error.to_string().starts_with("the column 'lists' has the type list"), "{error}");
}
