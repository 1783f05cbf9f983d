//! Bad input and bad luck: one clear error that says what to do, or a warning and a result. Never a crash.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::io::Write;

use support::{CellSets, Folder, Outcome, Tissue, agreement};

const OPTIONS: [&str; 6] = ["-m", "8", "-s", "3", "--iters", "30"];

/// Runs on the file `t.csv` of a folder.
fn run_in(folder: &Folder, extra: &[&str]) -> Outcome {
    let mut arguments = vec!["run", "t.csv"];
    arguments.extend(OPTIONS);
    arguments.extend(extra);
    folder.baysor(&arguments)
}

/// Asserts that `content` as the table `t.csv` is refused with texts, and that no result is left.
fn refused(content: impl AsRef<[u8]>, extra: &[&str], texts: &[&str]) {
    let texts: Vec<&str> = texts.iter().copied().chain(["t.csv"]).collect();
    refused_by_model(content, extra, &texts);
}

/// As [`refused`], but the message, about the molecules as they are, need not name the file.
fn refused_by_model(content: impl AsRef<[u8]>, extra: &[&str], texts: &[&str]) {
    let folder = Folder::with("t.csv", content);
    run_in(&folder, extra).assert_failure(1, texts);
    only_log_and_parameters(&folder);
}

fn only_log_and_parameters(folder: &Folder) {
    let mut names = folder.names();
    names.retain(|name| !name.starts_with('t'));
    assert_eq!(names, ["segmentation_log.log", "segmentation_params.dump.toml"]);
}

/// Asserts that the table gives a complete, consistent result; returns the folder and what the program said.
fn works(content: impl AsRef<[u8]>, extra: &[&str]) -> (Folder, Outcome) {
    let folder = Folder::with("t.csv", content);
    let outcome = run_in(&folder, extra);
    outcome.assert_success();
    CellSets::read(&folder, "segmentation").assert_equal();
    (folder, outcome)
}

fn small() -> Tissue {
    Tissue { side: 6, ..Tissue::default() }
}

/// The small tissue with one more row.
fn with_row(row: &str) -> String {
    format!("{}{row}\n", small().csv_2d())
}

#[test]
fn an_empty_file() {
    refused("", &[], &["the file is empty", "x, y and gene"]);
    refused("\n\n", &[], &["the file is empty"]);
}

#[test]
fn a_header_alone() {
    refused("x,y,gene\n", &[], &["a header but no molecules"]);
    refused("x,y,gene", &[], &["a header but no molecules"]);
}

#[test]
fn a_missing_column() {
    refused("x_location,y,gene\n1,2,A\n", &[], &["no x column 'x'", "'x_location', 'y', 'gene'", "-x/--x-column"]);
    refused("x, y, gene\n1,2,A\n", &[], &["no y column 'y'", "' y'", "(maybe -y ' y')"]);
    refused("# made today\nx,y,gene\n1,2,A\n", &[], &["looks like a comment", "remove the lines before the header"]);
    refused("x,y,feature_name\n1,2,A\n", &[], &["no gene column 'gene'", "'feature_name'", "--gene-column"]);
    refused(small().csv_2d(), &["-z", "height"], &["no z column 'height'", "--z-column"]);
    refused(small().csv_2d(), &[":nuclei"], &["no prior column 'nuclei'", "'x', 'y', 'gene'", ":"]);
}

#[test]
fn text_in_a_number_column() {
    refused(with_row("oops,1,Gene01"), &[], &["column 'x'", "'oops' is not a number", "row ", "remove the row"]);
    refused(with_row("1,,Gene01"), &[], &["column 'y'", "a missing value is not a number"]);
    refused("x;y;gene\n1,5;2;A\n", &[], &["column 'x'", "'1,5' is not a number", "Decimal commas"]);
}

#[test]
fn coordinates_that_are_not_finite() {
    for value in ["NaN", "nan", "inf", "-Infinity", "1e999"] {
        refused(with_row(&format!("1,{value},Gene01")), &[], &["column 'y'", value, "must be finite"]);
    }
}

#[test]
fn a_row_that_is_too_short() {
    refused(with_row("1,2"), &[], &["has 2 fields, but the header has 3", "truncated"]);
}

#[test]
fn all_molecules_at_one_point() {
    for header in ["x,y,gene", "x,y,z,gene"] {
        let point = if header.contains('z') { "5,5,5" } else { "5,5" };
        let (_, outcome) = works(small().table(header, |_, m| format!("{point},{}", m.gene)), &[]);
        outcome.assert_warning(&["equally far from their neighbors"]);
        outcome.assert_warning(&["repeat another one"]);
    }
}

#[test]
fn a_regular_grid() {
    let (_, outcome) = works(small().table("x,y,gene", |row, m| format!("{},{},{}", row % 30, row / 30, m.gene)), &[]);
    outcome.assert_warning(&["as on a grid"]);
}

#[test]
fn molecules_on_one_line() {
    works(small().table("x,y,gene", |row, m| format!("{},7,{}", row as f64 * 0.1, m.gene)), &[]);
}

#[test]
fn hardly_any_molecules() {
    let first = |n: usize| -> String { small().csv_2d().lines().take(n + 1).map(|line| format!("{line}\n")).collect() };
    for n in [1, 2, 7] {
        refused(first(n), &[], &[&format!("{n} molecules are too few"), "at least 8", "--min-molecules-per-cell"]);
    }
    for n in [8, 9, 19, 20] {
        works(first(n), &[]);
    }
    for n in [1, 2] {
        refused(first(n), &["-m", "1"], &["too few", "at least 3"]);
    }
    refused_by_model(first(3), &["-m", "1"], &["at least 2 initial cells", "3 molecules"]);
    works(small().csv_3d().lines().take(12).map(|line| format!("{line}\n")).collect::<String>(), &["-m", "2"]);
}

#[test]
fn a_single_gene() {
    let (folder, _) = works(small().table("x,y,gene", |_, m| format!("{},{},Actb", m.x, m.y)), &[]);
    let counts = hdf5_metno::File::open(folder.path("segmentation_counts.loom")).unwrap();
    assert_eq!(counts.dataset("matrix").unwrap().shape()[0], 1);
}

#[test]
fn exact_duplicates() {
    let csv = small().csv_2d();
    let twice = format!("{csv}{}", &csv[csv.find('\n').unwrap() + 1..]);
    let n_molecules = csv.lines().count() - 1;
    let (folder, outcome) = works(twice, &["-m", "16"]);
    outcome.assert_warning(&[&n_molecules.to_string(), "repeat another one"]);
    assert_eq!(folder.table("segmentation.csv").rows.len(), 2 * n_molecules);
}

#[test]
fn ids_beyond_double_precision() {
    let csv = small().table("transcript_id,cell,x,y,gene", |row, m| {
        format!("{},-{},{},{},{}", u64::MAX - row as u64, (1_u64 << 62) + row as u64, m.x, m.y, m.gene)
    });
    let (folder, _) = works(&csv, &[]);
    let expected: Vec<String> = (0..csv.lines().count() as u64 - 1).map(|row| (u64::MAX - row).to_string()).collect();
    assert_eq!(folder.table("segmentation.csv").column("transcript_id"), expected);
}

#[test]
fn as_many_genes_as_molecules() {
    let tissue = Tissue { side: 20, per_cell: 28, ..Tissue::default() };
    let csv = tissue.table("x,y,gene", |row, m| format!("{},{},gene{row}", m.x, m.y));
    assert!(csv.lines().count() > 10_001);
    works(csv, &["--iters", "20"]);
}

#[test]
fn nanometres_and_millimetres() {
    let tissue = Tissue::default();
    let (microns, _) = works(tissue.csv_2d(), &[]);
    let cells = |folder: &Folder| -> Vec<String> {
        folder.table("segmentation.csv").column("cell").into_iter().map(str::to_owned).collect()
    };
    for (unit, scale) in [(1e3, "3000"), (1e-3, "0.003"), (1e6, "3e6")] {
        let csv = tissue.table("x,y,gene", |_, m| format!("{},{},{}", m.x * unit, m.y * unit, m.gene));
        let (folder, outcome) = works(csv, &["-s", scale]);
        assert!(!outcome.stderr.contains("Warning"), "{}", outcome.stderr);
        // Rounding differs, so draws may: as alike as two seeds are.
        let index = agreement(&cells(&microns), &cells(&folder));
        assert!(index > 0.93, "unit {unit}: adjusted Rand index {index}");
    }
}

#[test]
fn a_molecule_far_away() {
    works(with_row("1e9,-1e9,Gene01"), &[]);
    let far = |m: &support::Molecule| format!("{},{},{}", m.x + 1e6, m.y - 3e7, m.gene);
    works(small().table("x,y,gene", |_, m| far(m)), &[]);
}

#[test]
fn a_truncated_gzip_file() {
    let mut packer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packer.write_all(small().csv_2d().as_bytes()).unwrap();
    let bytes = packer.finish().unwrap();
    works(&bytes, &[]);
    refused(&bytes[..bytes.len() / 2], &[], &["truncated", "gzip", "download it again"]);
}

#[test]
fn a_truncated_parquet_file() {
    let bytes = std::fs::read(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/tissue.parquet")).unwrap();
    for n in [4, 100, bytes.len() / 2, bytes.len() - 1] {
        refused(&bytes[..n], &[], &["truncated", "Parquet"]);
    }
    let mut damaged = bytes.clone();
    let n = damaged.len();
    damaged[n - 100..n - 50].fill(0xff);
    refused(damaged, &[], &["cannot be decoded"]);
}

#[test]
fn files_that_are_no_tables() {
    refused(b"PK\x03\x04\0\0\0\0", &[], &["zip archive", "CSV"]);
    refused([7, 0, 1, 2, 200, 3], &[], &["binary data", "CSV (plain or gzip) or Parquet"]);
    refused([200, 9, 4, 77, 10, 200, 3], &[], &["binary data"]);
    refused("{\"a\": 1}", &[], &["JSON", "molecule table"]);
}

#[test]
fn a_folder_or_a_device_as_input() {
    let folder = Folder::new();
    std::fs::create_dir(folder.path("t.csv")).unwrap();
    run_in(&folder, &[]).assert_failure(1, &["t.csv", "is a directory"]);
    let outcome = folder.baysor(&["run", "/dev/null", "-m", "8", "-s", "3"]);
    outcome.assert_failure(1, &["/dev/null", "pipe or a device", "Write it to a file"]);
}

#[test]
fn an_absent_file() {
    let folder = Folder::new();
    let outcome = run_in(&folder, &[]);
    outcome.assert_failure(1, &["t.csv", "No such file"]);
    assert_eq!(outcome.stderr.matches("os error 2").count(), 1, "{}", outcome.stderr);
    assert!(folder.text("segmentation_log.log").contains("No such file"));
}

#[cfg(unix)]
#[test]
fn an_unreadable_file_and_a_locked_folder() {
    use std::os::unix::fs::PermissionsExt;
    let allow = |folder: &Folder, name: &str, mode: u32| {
        std::fs::set_permissions(folder.path(name), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    let folder = Folder::with("t.csv", small().csv_2d());
    allow(&folder, "t.csv", 0o000);
    if std::fs::read(folder.path("t.csv")).is_ok() {
        return; // root may read everything
    }
    run_in(&folder, &[]).assert_failure(1, &["t.csv", "cannot be read", "permissions"]);
    allow(&folder, "t.csv", 0o644);
    std::fs::create_dir(folder.path("locked")).unwrap();
    allow(&folder, "locked", 0o555);
    run_in(&folder, &["-o", "locked/"]).assert_failure(1, &["locked/segmentation_", "is writable"]);
    allow(&folder, "locked", 0o755);
}

#[test]
fn an_output_that_cannot_be() {
    let folder = Folder::with("t.csv", small().csv_2d());
    for output in ["t.csv/x.csv", "t.csv/", "t.csv/deep/x.csv"] {
        run_in(&folder, &["-o", output]).assert_failure(1, &["cannot write", "'t.csv' is not a folder"]);
    }
    run_in(&folder, &["-o", "t.csv"]).assert_failure(2, &["--output", "'t.csv' is the molecule table"]);
    run_in(&folder, &["-o", "/dev/null"]).assert_failure(2, &["--output", "device"]);
    run_in(&folder, &["-o", ""]).assert_failure(2, &["--output", "file or a directory"]);
    assert_eq!(folder.names(), ["t.csv"]);
    // Found before the work, not after it.
    std::fs::create_dir(folder.path("segmentation_counts.loom")).unwrap();
    run_in(&folder, &[]).assert_failure(1, &["segmentation_counts.loom", "a folder"]);
    assert_eq!(folder.names(), ["segmentation_log.log", "t.csv"]);
}

/// A limit on the size of files stands for a full disk: both stop a file half-way.
#[cfg(target_os = "linux")]
#[test]
fn a_disk_that_fills_up() {
    let folder = Folder::with("t.csv", Tissue { side: 12, ..Tissue::default() }.csv_2d());
    let line = format!("trap '' XFSZ; ulimit -f 60; exec '{}' run t.csv {}", folder.program(), OPTIONS.join(" "));
    let outcome = folder.command("sh", &["-c", &line]);
    outcome.assert_failure(1, &["cannot write 'segmentation.csv'", "has space left"]);
    // As far as it had room: with more of that the run can go on.
    std::fs::remove_file(folder.path("segmentation_checkpoint.bin")).unwrap();
    only_log_and_parameters(&folder);
}

#[test]
fn a_killed_run_leaves_no_results() {
    let folder = Folder::with("t.csv", small().csv_2d());
    let line = ["run", "t.csv", "-m", "8", "-s", "3", "--iters", "9999999"];
    folder.baysor_killed_at("Using 2D coordinates", "segmentation_log.log", &line);
    // Nobody was there to remove the lock, which the system took back.
    std::fs::remove_file(folder.path(".segmentation.baysor.lock")).unwrap();
    std::fs::remove_file(folder.path("segmentation_checkpoint.bin")).unwrap();
    only_log_and_parameters(&folder);
}

#[test]
fn a_scale_of_another_unit() {
    for scale in ["3000", "0.003"] {
        let (_, outcome) = works(small().csv_2d(), &["-s", scale]);
        outcome.assert_warning(&["A cell of the scale", "Is --scale in the units of x and y"]);
    }
}

#[test]
fn no_cells_at_all() {
    let (folder, outcome) = works(small().csv_2d(), &["-s", "0.0001"]);
    outcome.assert_warning(&["No cell was found", "--scale"]);
    assert!(folder.table("segmentation.csv").column("is_noise").iter().all(|&text| text == "true"));
    let names = folder.names();
    assert!(names.contains(&"segmentation_polygons_2d.json".to_owned()), "{names:?}");
}

#[test]
fn a_wrong_minimum_of_molecules_per_cell() {
    let folder = Folder::with("t.csv", small().csv_2d());
    let cases = [
        ("0", 2, "greater than 0"),
        ("-3", 2, "at least 0"),
        ("3.5", 2, "whole number"),
        ("many", 2, "'many'"),
        ("99999", 1, "too few"),
    ];
    for (least, code, text) in cases {
        run_in(&folder, &["-m", least]).assert_failure(code, &[text, "min"]);
    }
    let outcome = folder.baysor(&["run", "t.csv", "-s", "3"]);
    outcome.assert_failure(2, &["minimum number of molecules per cell", "--min-molecules-per-cell", "[data]"]);
    let outcome = folder.baysor(&["run", "t.csv", "-m", "3"]);
    outcome.assert_failure(2, &["neither a scale nor a prior", "--scale"]);
}

#[test]
fn a_prior_without_enough_cells_for_a_scale() {
    let csv = small().table("x,y,gene,cell_id", |_, m| format!("{},{},{},{}", m.x, m.y, m.gene, m.core().min(2)));
    let two = csv.replace(",0\n", ",1\n");
    let none = small().table("x,y,gene,cell_id", |_, m| format!("{},{},{},0", m.x, m.y, m.gene));
    let one = small().table("x,y,gene,cell_id", |_, m| format!("{},{},{},7", m.x, m.y, m.gene));
    for (csv, text) in [(two, "of its 2 segments"), (none, "no molecule lies in a segment"), (one, "of its 1 segments")]
    {
        let folder = Folder::with("t.csv", &csv);
        let outcome = folder.baysor(&["run", "t.csv", ":cell_id", "-m", "8", "--iters", "30"]);
        outcome.assert_failure(1, &[text, "--scale"]);
        only_log_and_parameters(&folder);
        // An explicit scale wins.
        works(&csv, &[":cell_id"]);
        works(&csv, &[":cell_id", "--prior-segmentation-confidence", "1"]);
    }
}

#[test]
fn a_prior_label_for_unassigned_that_is_not_there() {
    let csv = small().table("x,y,gene,cell_id", |_, m| match m.core() {
        0 => format!("{},{},{},UNASSIGNED", m.x, m.y, m.gene),
        cell => format!("{},{},{},cell-{cell}", m.x, m.y, m.gene),
    });
    let (_, outcome) = works(&csv, &[":cell_id"]);
    outcome.assert_warning(&["cell_id", "'UNASSIGNED'", "--unassigned-prior-label"]);
    let (_, outcome) = works(&csv, &[":cell_id", "--unassigned-prior-label", "UNASSIGNED"]);
    assert!(!outcome.stderr.contains("Warning"), "{}", outcome.stderr);
}

#[test]
fn filters_that_leave_nothing() {
    let csv = small().csv_2d();
    refused(&csv, &["--min-molecules-per-gene", "100000"], &["no molecules are left", "min_molecules_per_gene"]);
    refused(&csv, &["--exclude-genes", "Gene"], &["no molecules are left", "exclude_genes"]);
    refused(&csv, &["--x-min", "1e6"], &["no molecules are left", "crop"]);
    let folder = Folder::with("t.csv", &csv);
    run_in(&folder, &["--exclude-genes", "*Neg"]).assert_failure(2, &["exclude", "'*Neg'", "regular expression"]);
}

#[test]
fn a_plane_of_one_z_is_two_dimensional() {
    let (folder, _) = works(small().table("x,y,z,gene", |_, m| format!("{},{},5,{}", m.x, m.y, m.gene)), &[]);
    assert!(!folder.path("segmentation_polygons_3d.json").exists());
    assert_eq!(folder.table("segmentation.csv").names()[..3], ["x", "y", "gene"]);
}
