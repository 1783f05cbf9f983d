//! Columns of every type that Parquet can hold: written, or left out with a warning when the table is read, or refused where
//! they are needed. Nothing is found at the end of a run.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use support::{CellSets, Folder};

const MODEL: &str = "-m 10 -s 4 --iters 10 -t 1 --skip-ncv-color";

fn folder(name: &str) -> Folder {
    let path = format!("{}/tests/data/column_types/{name}", env!("CARGO_MANIFEST_DIR"));
    Folder::with(name, std::fs::read(path).unwrap())
}

#[test]
fn a_time_with_a_zone_lost_a_run_at_its_end() {
    let folder = folder("us_utc.parquet");
    let outcome = folder.succeed(&format!("run us_utc.parquet {MODEL}"));
    assert!(outcome.stderr.contains("column 'acquired' (time zone UTC) are written in UTC"), "{}", outcome.stderr);
    let times = folder.table("segmentation.csv");
    let times = times.column("acquired");
    assert!(
        times.iter().all(|time| time.len() == "2026-10-01 00:00:00.000000".len() && !time.contains('Z')),
        "{times:?}"
    );
}

#[test]
fn every_type_is_written_by_every_writer_or_left_out_at_the_start() {
    let folder = folder("all.parquet");
    let formats = "--format baysor,parquet,vpt,spatialdata,h5ad";
    let outcome = folder.succeed(&format!("run all.parquet {MODEL} {formats} --stage s -o a/"));
    for left in ["list", "struct", "map", "fixed_list", "time32", "time64"] {
        outcome.assert_warning(&[&format!("Column '{left}' has a nested or unusual type"), "is not kept"]);
    }
    outcome.assert_warning(&["240 times in the columns that are kept are beyond the years 1 to 9999"]);
    let table = folder.table("a/segmentation.csv");
    let first = |name: &str| table.column(name)[1].to_owned();
    let expected = [
        ("ts_s", "2023-11-14 22:13:21.000"),
        ("ts_ms_zone", "2023-11-14 22:13:20.001"),
        ("ts_us_offset", "2023-11-14 22:13:20.000001"),
        ("ts_ns_utc", "2023-11-14 22:13:20.000000001"),
        ("date32", "2022-01-09"),
        ("duration", "1"),
        ("decimal", "0.01"),
        ("decimal_whole", "1"),
        ("decimal_long", "10000000000000000001"),
        ("bool", "false"),
        ("null", ""),
        ("bytes", "a1"),
        ("large", "x,\"y"),
        ("dict_int", "1"),
    ];
    for (name, text) in expected {
        assert_eq!(first(name), text, "{name}");
    }
    assert_eq!(table.column("ts_beyond")[0], "");
    folder.succeed(&format!("export s {formats} -o e/"));
    folder.succeed(&format!("run all.parquet {MODEL} --max-molecules-per-tile 400 --margin 1 -o t/"));
    let [run, exported] = ["a", "e"].map(|at| std::fs::read(folder.path(&format!("{at}/segmentation.csv"))).unwrap());
    assert!(run == exported);
}

#[test]
fn decimals_are_numbers_and_labels() {
    let folder = folder("prior_dec.parquet");
    folder.succeed(&format!("run prior_dec.parquet :cell_id {MODEL}"));
    assert!(CellSets::read(&folder, "segmentation").assert_equal() > 20);
    let folder = self::folder("x_dec.parquet");
    folder.succeed(&format!("run x_dec.parquet {MODEL}"));
    assert!(CellSets::read(&folder, "segmentation").assert_equal() > 20);
    let x = folder.table("segmentation.csv").numbers("x");
    assert!(x.iter().all(|x| ((x * 1e4).round() / 1e4 - x).abs() < 1e-12));
}

#[test]
fn a_column_that_can_be_no_number_or_label_is_named_with_its_type() {
    let folder = folder("all.parquet");
    let refused = |line: &str, column: &str, dtype: &str| {
        let line =
            if line.starts_with("run") { format!("{line} -m 10 -s 4 --iters 3") } else { format!("{line} -m 10") };
        let outcome = folder.baysor(&line.split_whitespace().collect::<Vec<_>>());
        outcome.assert_failure(1, &[&format!("column '{column}' has the type {dtype}, but"), "are needed"]);
    };
    refused("run all.parquet -x list", "list", "list");
    refused("run all.parquet -y date32", "date32", "date");
    refused("run all.parquet -g struct", "struct", "struct");
    refused("run all.parquet :struct", "struct", "struct");
    refused("run all.parquet :time64", "time64", "time of day");
    refused("run all.parquet :dict --prior-where list=1", "list", "list");
    refused("run all.parquet --min-qv 3 --qv-column ts_s", "ts_s", "timestamp");
    refused("prior all.parquet :list -o p", "list", "list");
    refused("segfree all.parquet -x time32", "time32", "time of day");
}
