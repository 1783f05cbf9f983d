//! Streams, devices, pipes and odd names, where files are read and written: they work, or are named before anything is
//! computed.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::process::Command;

use support::{Folder, Tissue};

/// The commands that write, with all but the place.
const WRITING: [&str; 6] = [
    "run t.csv -m 8 -s 3 -o",
    "run t.csv -m 8 -s 3 --stage",
    "preview t.csv -m 8 -o",
    "prior t.csv :cell_id -m 8 -o",
    "segfree t.csv -m 8 -o",
    "split t.csv -m 8 -s 3 --max-molecules-per-tile 500 -o",
];

fn folder() -> Folder {
    Folder::with("t.csv", Tissue { side: 6, ..Tissue::default() }.csv_with_prior())
}

fn pipe(folder: &Folder, name: &str) {
    let made = Command::new("mkfifo").arg(folder.path(name)).status().expect("the command mkfifo");
    assert!(made.success());
}

#[test]
fn results_written_to_a_stream_ended_among_the_devices() {
    let folder = folder();
    pipe(&folder, "pipe");
    for line in WRITING {
        for place in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/2", "/dev/no_such_thing/x", "pipe"] {
            let words: Vec<&str> = line.split(' ').chain([place]).collect();
            folder.baysor(&words).assert_failure(2, &[place.trim_start_matches("/dev/fd"), "file or "]);
        }
    }
    assert_eq!(folder.names(), ["pipe", "t.csv"]);
}

#[test]
fn names_that_are_not_utf_8_are_refused_before_anything_is_computed() {
    let folder = folder();
    let name = OsStr::from_bytes(b"a\xff.csv");
    for line in WRITING {
        let mut command = Command::new(folder.program());
        command.args(line.split(' ')).arg(name).env_clear().current_dir(folder.path(""));
        let output = command.output().unwrap();
        let stderr = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{line}: {stderr}");
        assert!(stderr.contains("is not UTF-8") && !stderr.contains("Loading"), "{line}: {stderr}");
    }
    assert_eq!(folder.names(), ["t.csv"]);
}

#[test]
fn tables_that_come_through_a_pipe_are_named_and_configurations_are_read() {
    let folder = folder();
    folder.write("c.toml", "seed = 3\n");
    let shell = |line: &str| {
        let script = format!("baysor() {{ {} \"$@\"; }}; {line}", folder.program());
        folder.command("bash", &["-c", &script])
    };
    let options = "-m 8 -s 3 --iters 5 --skip-ncv-color -o out/";
    for line in [
        format!("baysor run <(cat t.csv) {options}"),
        format!("baysor run t.csv <(cat t.csv) {options}"),
        format!("cat t.csv | baysor run /dev/stdin {options}"),
        "baysor preview <(cat t.csv) -m 8 -o out/".to_owned(),
        "baysor segfree <(cat t.csv) -m 8 -o out.loom".to_owned(),
    ] {
        shell(&line).assert_failure(1, &["is read more than once", "Write it to a file first"]);
    }
    shell(&format!("baysor run t.csv -c <(cat c.toml) {options}")).assert_success();
    assert!(folder.text("out/segmentation_params.dump.toml").contains("seed = 3"));
}
