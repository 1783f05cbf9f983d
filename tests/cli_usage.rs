//! The program as its callers see it: versions, help, misuse, refused wishes, exit statuses.

#![allow(clippy::unwrap_used, reason = "a test that cannot start the program should end")]

use std::path::Path;
use std::process::{Command, Output, Stdio};

/// What `--version` prints.
const VERSION_LINE: &str = concat!(env!("CARGO_PKG_VERSION"), "\n");

/// Runs the program in a folder, with a bare environment.
fn baysor_in(folder: &Path, arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_baysor"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("RUST_BACKTRACE", "1")
        .output()
        .unwrap()
}

fn baysor(arguments: &[&str]) -> Output {
    baysor_in(tempfile::tempdir().unwrap().path(), arguments)
}

fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn stderr(output: &Output) -> String {
    String::from_utf8(output.stderr.clone()).unwrap()
}

/// Asserts misuse (exit status 2) with a message that holds every text, nothing on stdout and no backtrace.
fn misused(arguments: &[&str], texts: &[&str]) {
    let output = baysor(arguments);
    let message = stderr(&output);
    assert_eq!(output.status.code(), Some(2), "{arguments:?}: {message}");
    assert_eq!(stdout(&output), "", "{arguments:?}");
    assert!(message.starts_with("error: "), "{arguments:?}: {message}");
    assert!(!message.contains("backtrace"), "{arguments:?}: {message}");
    for text in texts {
        assert!(message.contains(text), "{arguments:?} lacks '{text}': {message}");
    }
}

#[test]
fn the_version_is_one_bare_line_wherever_it_is_asked_for() {
    for arguments in [&["--version"][..], &["-V"], &["run", "--version"], &["run", "t.csv", "-m", "3", "-V"]] {
        let output = baysor(arguments);
        assert_eq!(stdout(&output), VERSION_LINE, "{arguments:?}");
        assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(0), ""), "{arguments:?}");
    }
}

#[test]
fn help_goes_to_stdout_even_where_a_value_is_expected() {
    for arguments in [&["run", "--help"][..], &["run", "t.csv", "-h"], &["run", "-o", "--help"]] {
        let output = baysor(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        let help = stdout(&output);
        let wanted = [
            "--min-molecules-per-cell",
            "--prior-segmentation-confidence",
            "[default: 0.2;",
            "Examples:",
            "Exit status",
        ];
        assert!(wanted.iter().all(|text| help.contains(text)), "{arguments:?}: {help}");
        assert!(!help.contains('\u{1b}'), "no colours without a terminal");
    }
    for arguments in [&["--help"][..], &["-h"], &["help"]] {
        let output = baysor(arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(stdout(&output).contains("run      segment molecules into cells"), "{arguments:?}");
    }
}

#[test]
fn a_reader_that_goes_away_is_no_crash() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_baysor"))
        .args(["run", "--help"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), stderr(&output).as_str()), (Some(1), ""));
}

#[test]
fn a_command_is_needed_and_must_exist() {
    misused(&[], &["a command is needed", "Usage: baysor run"]);
    misused(&["rnu", "t.csv"], &["unknown command 'rnu'; did you mean 'run'?"]);
    misused(&["--scale", "3"], &["unknown command '--scale'"]);
    misused(&["splt", "t.csv"], &["unknown command 'splt'; did you mean 'split'?"]);
}

#[test]
fn a_misspelt_option_has_a_suggestion() {
    misused(&["run", "t.csv", "-m", "3", "--scael", "4"], &["'--scael'", "'--scale'"]);
    misused(&["run", "t.csv", "--config.segmentation.itres=4"], &["did you mean 'segmentation.iters'?"]);
    misused(&["run", "t.csv", "-q"], &["'-q'"]);
}

#[test]
fn an_option_of_a_hundred_thousand_letters_was_compared_with_all_others_for_seconds() {
    let long = format!("--{}", "scale".repeat(20_000));
    misused(&["run", "t.csv", "-m", "3", &long], &["there is no option --scalescale", "so many letters"]);
    misused(&["run", "t.csv", "-m", "3", &format!("{long}=4")], &["there is no option --scalescale"]);
}

#[test]
fn missing_and_wrong_arguments_are_named() {
    misused(&["run", "-m", "3", "-s", "4"], &["MOLECULES"]);
    misused(&["run", "t.csv", "-s", "4"], &["-m/--min-molecules-per-cell"]);
    misused(&["run", "t.csv", "-m", "3"], &["neither a scale nor a prior segmentation", "--scale"]);
    misused(&["run", "t.csv", "-m", "3", "-s"], &["--scale needs a value"]);
    misused(&["run", "t.csv", "-m", "-1", "-s", "4"], &["--min-molecules-per-cell is -1", "at least 0"]);
    misused(&["run", "t.csv", "-m", "3", "-s", "wide"], &["--scale: a number expected", "'wide'"]);
    misused(&["run", "t.csv", "-m", "3", "-s", "4", "-c", "no.toml"], &["'no.toml'"]);
    misused(&["run", "t.csv", "cell", "-m", "3", "-s", "4"], &["no such file; for a column write :cell"]);
}

#[test]
fn a_configuration_error_names_file_and_key() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("c.toml"), "[segmentation]\nscael = 3\n").unwrap();
    let output = baysor_in(folder.path(), &["run", "t.csv", "-c", "c.toml"]);
    assert_eq!(output.status.code(), Some(2));
    let message = stderr(&output);
    assert!(message.starts_with("error: c.toml: unknown key 'segmentation.scael'"), "{message}");
}

#[test]
fn what_comes_later_is_refused_never_ignored() {
    let with = |extra: &[&'static str]| {
        let mut arguments = vec!["run", "t.csv", "-m", "3", "-s", "4"];
        arguments.extend(extra);
        arguments
    };
    misused(&with(&["--config.segmentation.cluster_method=leiden"]), &["leiden", "use mrf"]);
}

#[test]
fn half_a_wish_for_compartments_is_misuse() {
    let with = |extra: &'static str| ["run", "t.csv", "-m", "3", "-s", "4", extra];
    misused(&with("--nuclei-genes=Neat1"), &["--nuclei-genes", "give cyto_genes, too"]);
    misused(&with("--config.segmentation.cyto-genes=Apob"), &["give nuclei_genes, too"]);
    misused(&with("--compartment-genes=auto"), &["a prior segmentation of nuclei is needed"]);
}

#[test]
fn a_prior_needs_something_to_read() {
    misused(&["prior", "t.csv", "-m", "3"], &["the prior segmentation is not given"]);
    misused(&["prior", "t.csv", "-m", "3", "nuclei.tif"], &["'nuclei.tif': no such file"]);
    misused(&["prior", "t.csv", "-m", "3", ":nucleus", "--scale", "3"], &["--scale"]);
}

#[test]
fn a_missing_molecule_table_is_no_misuse_and_stands_in_the_log() {
    let folder = tempfile::tempdir().unwrap();
    let output = baysor_in(folder.path(), &["run", "absent.csv", "-m", "3", "-s", "4"]);
    let message = stderr(&output);
    let started = format!("Run Baysor v{}", VERSION_LINE.trim_end());
    assert_eq!(output.status.code(), Some(1), "{message}");
    assert!(message.contains(&started), "{message}");
    assert!(message.contains("error: ") && !message.contains("backtrace"), "{message}");
    let log = std::fs::read_to_string(folder.path().join("segmentation_log.log")).unwrap();
    assert!(log.contains(&started) && log.contains("Error: "), "{log}");
}

#[test]
fn quiet_shows_the_error_only() {
    let output = baysor(&["run", "absent.csv", "-m", "3", "-s", "4", "--quiet"]);
    let message = stderr(&output);
    assert!(message.starts_with("error: ") && message.lines().count() == 1, "{message}");
}
