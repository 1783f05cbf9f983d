//! Damaged files, each of which ended the program or kept it busy: now an error, soon, and without a panic.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use baysor::io::molecules::fingerprint;

use support::{Folder, Outcome};

fn data(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/hostile").join(name)
}

const MOLECULES: &str = "x,y,gene\n1,1,A\n2,1,B\n1,2,A\n2,2,B\n";

/// An error of one line that names the file, and nothing of a panic.
fn check_refused(outcome: &Outcome, name: &str) {
    assert_eq!(outcome.code, Some(1), "{name}: {}", outcome.stderr);
    assert!(outcome.stderr.contains(name) && !outcome.stderr.contains("panicked"), "{}", outcome.stderr);
    assert!(!outcome.stderr.contains("stack backtrace"), "{}", outcome.stderr);
}

fn read(path: &str) -> Outcome {
    Folder::new().baysor(&["run", path, "-m", "2", "-s", "4", "--iters", "2", "--quiet", "-o", "out/"])
}

fn read_prior(path: &str) -> Outcome {
    let folder = Folder::with("m.csv", MOLECULES);
    folder.baysor(&["prior", "m.csv", path, "-m", "2", "--prior-pixel-size", "1", "--quiet", "-o", "prior"])
}

#[test]
fn page_headers_with_impossible_numbers_do_not_reserve_memory() {
    for name in ["molecules_abort_1byte.parquet", "molecules_caught_panic.parquet", "parquet_without_columns.parquet"] {
        check_refused(&read(data(name).to_str().unwrap()), name);
    }
    for name in ["boundaries_abort_1byte.parquet", "boundaries_panic.parquet", "boundaries_panic_1byte.parquet"] {
        check_refused(&read_prior(data(name).to_str().unwrap()), name);
    }
}

#[test]
fn a_footer_of_parquet_with_a_list_of_millions_reserved_gigabytes() {
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/molecules/nan_integer_genes.parquet");
    let mut bytes = fs::read(good).unwrap();
    let at = bytes.len() - 8;
    let length = u32::from_le_bytes(bytes[at..at + 4].try_into().unwrap());
    // After the version comes the schema, a list of structures.
    let list = at - length as usize + 2;
    assert!(bytes[list] == 0x19 && bytes[list + 1] & 0x0f == 0x0c);
    bytes.splice(list + 1..list + 2, [0xfc, 0xff, 0xff, 0xff, 0x7f]);
    let at = bytes.len() - 8;
    bytes[at..at + 4].copy_from_slice(&(length + 4).to_le_bytes());
    let folder = Folder::with("list.parquet", bytes);
    for line in ["run list.parquet -m 2 -s 4 -o out/", "prior m.csv list.parquet -m 2 -o prior"] {
        folder.write("m.csv", MOLECULES);
        let outcome = folder.baysor(&line.split_whitespace().collect::<Vec<_>>());
        check_refused(&outcome, "list.parquet");
        assert!(outcome.stderr.contains("its footer is damaged"), "{}", outcome.stderr);
    }
}

#[test]
fn a_table_of_a_stage_that_is_said_to_unpack_to_terabytes_ended_the_program() {
    let folder = Folder::with("m.csv", MOLECULES);
    folder.write("p.csv", "cell_id,vertex_x,vertex_y\n1,0,0\n1,3,0\n1,3,3\n1,0,3\n");
    folder.succeed("prior m.csv p.csv -m 2 -o prior");
    let path = folder.path("prior/molecules.arrow");
    let mut bytes = fs::read(&path).unwrap();
    let before = fingerprint(&bytes[..]).unwrap();
    // A packed buffer is the number of its bytes, and then what zstd begins with.
    let at = bytes.windows(4).position(|word| word == [0x28, 0xb5, 0x2f, 0xfd]).unwrap();
    bytes[at - 8..at].copy_from_slice(&(1u64 << 42).to_le_bytes());
    let after = fingerprint(&bytes[..]).unwrap();
    fs::write(path, bytes).unwrap();
    // A hash that fits: whoever wants can make one.
    let hash = |hash: u64| format!("{hash:016x}");
    let manifest = folder.text("prior/manifest.json");
    assert!(manifest.contains(&hash(before.hash)));
    folder.write("prior/manifest.json", manifest.replace(&hash(before.hash), &hash(after.hash)));
    for line in ["run prior -m 2 -s 4 -o out/", "inspect prior"] {
        let outcome = folder.baysor(&line.split_whitespace().collect::<Vec<_>>());
        check_refused(&outcome, "molecules.arrow");
        assert!(outcome.stderr.contains("is said to unpack to"), "{}", outcome.stderr);
    }
}

#[test]
fn matlab_files_that_end_the_hdf5_library_are_an_error() {
    for name in ["mat73_segfault.mat", "mat73_hang.mat"] {
        check_refused(&read_prior(data(name).to_str().unwrap()), name);
    }
}

#[test]
fn matlab_files_are_read_in_a_process_of_their_own_as_in_this_one() {
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images");
    let mut n = 0;
    for entry in fs::read_dir(good).unwrap() {
        let path = entry.unwrap().path();
        let is_matlab = path.extension().is_some_and(|extension| extension == "mat");
        if !is_matlab || fs::read(&path).unwrap().get(512..516) != Some(b"\x89HDF") {
            continue;
        }
        let header = |arguments: &[&str]| {
            let output = std::process::Command::new(env!("CARGO_BIN_EXE_baysor")).args(arguments).output().unwrap();
            String::from_utf8_lossy(&output.stdout).lines().next().unwrap_or_default().to_owned()
        };
        let answer = header(&["__matrix", "header", path.to_str().unwrap()]);
        match baysor::io::images::open(&path) {
            Ok(image) => {
                let expected = format!("\"width\":{},\"height\":{}", image.info().width, image.info().height);
                assert!(answer.contains(&expected), "{answer}");
                n += 1;
            }
            Err(_) => assert!(!answer.contains("Matrix\":{"), "{answer}"),
        }
    }
    assert!(n > 0, "no file of version 7.3 was read");
}

#[test]
fn a_header_of_any_length_is_read() {
    let outcome = read(data("csv_header_over_64KiB.csv.gz").to_str().unwrap());
    outcome.assert_success();
    let mut text = String::from("x,y,gene");
    (0..600_000).for_each(|column| write!(text, ",c{column}").unwrap());
    let n_bytes = text.len();
    text.push('\n');
    for row in 0..3 {
        writeln!(text, "{row},{row},A{}", ",".repeat(600_000)).unwrap();
    }
    assert!(n_bytes > 4 << 20);
    let folder = Folder::with("wide.csv", text);
    let outcome = folder.baysor(&["preview", "wide.csv", "-x", "nosuch", "-o", "preview.html"]);
    assert!(outcome.stderr.contains("no x column 'nosuch'"), "{}", &outcome.stderr[..outcome.stderr.len().min(500)]);
}

#[test]
fn a_quotation_mark_without_its_pair_is_an_error_at_once() {
    let lines = "1\n".repeat(200_000);
    for text in [format!("x,y,gene\n1,2,\"A\n{lines}"), format!("\"x,y,gene\n{lines}"), format!("x,y,gene\n\"{lines}")]
    {
        let folder = Folder::with("m.csv", text);
        let outcome = folder.baysor(&["run", "m.csv", "-m", "2", "-s", "4", "-o", "out/"]);
        check_refused(&outcome, "m.csv");
        assert!(outcome.stderr.contains("a quoted field is not closed"), "{}", outcome.stderr);
    }
}

#[test]
fn numbers_of_rows_in_a_manifest_are_compared_with_the_tables() {
    let folder = Folder::with("m.csv", MOLECULES);
    folder.write("p.csv", "cell_id,vertex_x,vertex_y\n1,0,0\n1,3,0\n1,3,3\n1,0,3\n");
    folder.succeed("prior m.csv p.csv -m 2 -o prior");
    let manifest = folder.text("prior/manifest.json");
    let given = "\"n_rows\": 4";
    assert!(manifest.contains(given), "{manifest}");
    for number in ["3", "4294967296", "18446744073709551615"] {
        folder.write("prior/manifest.json", manifest.replace(given, &format!("\"n_rows\": {number}")));
        for command in ["run", "segfree"] {
            let outcome = folder.baysor(&[command, "prior", "-m", "2", "-o", "out.csv"]);
            check_refused(&outcome, "molecules.arrow");
            assert!(outcome.stderr.contains("it has 4 rows"), "{}", outcome.stderr);
        }
    }
}

#[cfg(unix)]
#[test]
fn a_result_that_cannot_be_printed_is_a_failure() {
    let full = fs::OpenOptions::new().write(true).open("/dev/full");
    let Ok(full) = full else { return };
    for arguments in [&["config"][..], &["--version"], &["run", "--help"], &["help"]] {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_baysor"));
        let output = command.args(arguments).stdout(full.try_clone().unwrap()).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{arguments:?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains("cannot be printed"), "{arguments:?}");
    }
}
