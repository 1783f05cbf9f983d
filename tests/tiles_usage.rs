//! Command lines about tiles as their callers see them: help, misuse, refused wishes.

#![allow(clippy::unwrap_used, reason = "a test that cannot start the program should end")]

use std::path::Path;
use std::process::{Command, Output};

fn baysor_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_baysor")).args(arguments).current_dir(folder).env_clear().output().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Asserts an exit status and a message that holds every text.
fn ends(folder: &Path, arguments: &[&str], status: i32, texts: &[&str]) {
    let output = baysor_in(folder, arguments);
    let message = text(&output.stderr);
    assert_eq!(output.status.code(), Some(status), "{arguments:?}: {message}");
    for text in texts {
        assert!(message.contains(text), "{arguments:?} lacks '{text}': {message}");
    }
}

fn misused(arguments: &[&str], texts: &[&str]) {
    ends(tempfile::tempdir().unwrap().path(), arguments, 2, texts);
}

#[test]
fn help_is_enough_to_work_with() {
    let folder = tempfile::tempdir().unwrap();
    let help = |arguments: &[&str]| {
        let output = baysor_in(folder.path(), arguments);
        assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""), "{arguments:?}");
        text(&output.stdout)
    };
    let cases: [(&[&str], &[&str]); 4] = [
        (&["--help"], &["  split  ", "  merge  ", "baysor merge runs/ --stage merged/"]),
        (
            &["split", "--help"],
            &[
                "--max-memory <SIZE>",
                "[default: tiles;",
                "--margin <SCALES>",
                "--scale <S>",
                "baysor merge --stage",
                "slide_fit.arrow",
            ],
        ),
        (
            &["merge", "--help"],
            &["<RUN_STAGE>...", "--stage <DIR>", "Required", "--polygon-format", "the result does not depend on it"],
        ),
        (
            &["run", "--help"],
            &[
                "--max-memory <SIZE>",
                "A tile of the command split",
                "baysor run --stage runs/tile_0001 tiles/tile_0001",
            ],
        ),
    ];
    for (arguments, texts) in cases {
        let found = help(arguments);
        for text in texts {
            // clap breaks lines where it likes.
            let plain = |text: &str| text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(plain(&found).contains(&plain(text)), "{arguments:?} lacks '{text}': {found}");
        }
    }
}

#[test]
fn a_split_needs_what_a_run_needs_and_writes_tiles_only() {
    misused(&["split"], &["MOLECULES"]);
    misused(&["split", "t.csv", "-s", "4"], &["-m/--min-molecules-per-cell"]);
    misused(&["split", "t.csv", "-m", "3"], &["neither a scale nor a prior segmentation"]);
    misused(&["split", "t.csv", "nuclei.tif", "-m", "3"], &["'nuclei.tif': no such file"]);
    misused(&["split", "t.csv", "-m", "3", "-s", "4", "--stage", "s"], &["'--stage'"]);
    misused(&["split", "t.csv", "-m", "3", "-s", "4", "--plot"], &["'--plot'"]);
    misused(&["split", "t.csv", "-m", "3", "-s", "4", "-o", ""], &["--output is ''", "a folder for the tiles"]);
}

#[test]
fn limits_of_tiles_are_checked() {
    for command in ["split", "run"] {
        let with = |extra: &[&'static str]| [&[command, "t.csv", "-m", "3", "-s", "4"], extra].concat();
        misused(&with(&["--max-memory", "8"]), &["--max-memory is '8'", "a size with its unit", "8GB"]);
        misused(&with(&["--max-memory", "much"]), &["--max-memory is 'much'", "auto"]);
        misused(&with(&["--max-memory"]), &["--max-memory needs a value"]);
        misused(&with(&["--margin", "-1"]), &["--margin is -1", "from 0 to 1000"]);
        misused(&with(&["--margin", "wide"]), &["--margin: a number expected", "'wide'"]);
        misused(&with(&["--max-molecules-per-tile", "-5"]), &["--max-molecules-per-tile is -5", "at least 0"]);
        misused(&with(&["--max-molecules", "5"]), &["'--max-molecules'", "'--max-molecules-per-tile'"]);
    }
}

#[test]
fn a_merge_needs_stages_and_a_folder() {
    misused(&["merge"], &["RUN_STAGE"]);
    misused(&["merge", "runs"], &["the folder for the merged slide is not given", "baysor merge RUNS/* --stage DIR"]);
    misused(&["merge", "runs", "--stage", ""], &["--stage is ''"]);
    misused(&["merge", "runs", "-o", "x.csv"], &["--output: merge writes a stage", "baysor export"]);
    misused(&["merge", "runs", "--stage", "m", "--config.seed=3"], &["--config.seed: merge has no configuration"]);
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir_all(folder.path().join("runs/tile_0001")).unwrap();
    ends(
        folder.path(),
        &["merge", "absent", "--stage", "m"],
        1,
        &["absent: cannot be read", "baysor run TILE --stage"],
    );
    ends(folder.path(), &["merge", "runs", "--stage", "m"], 1, &["runs: is no stage and holds none"]);
    std::fs::write(folder.path().join("runs/tile_0001/UNFINISHED"), "").unwrap();
    ends(folder.path(), &["merge", "runs", "runs/tile_0001", "--stage", "m"], 1, &["tile_0001: is given twice"]);
    ends(
        folder.path(),
        &["merge", "runs", "--stage", "runs/tile_0001"],
        2,
        &["one of the tiles and would be overwritten"],
    );
}
