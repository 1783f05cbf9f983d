//! A run that is stopped or killed at any moment goes on with `--resume` and ends with the same bytes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use support::{Folder, Tissue};

const SIGINT: &str = "INT";
const SIGTERM: &str = "TERM";
const SIGHUP: &str = "HUP";
const SIGKILL: &str = "KILL";

/// Files of a run under their final names, with their content: those that do not depend on the command line.
fn results(folder: &Folder, stem: &str) -> BTreeMap<String, Vec<u8>> {
    let others = ["_params.dump.toml", "_log.log", "_checkpoint.bin"];
    let names = folder.names().into_iter().filter(|name| name.starts_with(stem));
    let names = names.filter(|name| !others.iter().any(|other| name.ends_with(other)));
    names.map(|name| (name.replacen(stem, "", 1), std::fs::read(folder.path(&name)).unwrap())).collect()
}

fn start(folder: &Folder, line: &str) -> Child {
    let mut command = Command::new(folder.program());
    command.args(line.split_whitespace()).env_clear().current_dir(folder.path(""));
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn send(child: &Child, signal: &str) {
    let id = child.id().to_string();
    Command::new("kill").args(["-s", signal, &id]).status().expect("the command kill");
}

/// Waits until a file of the folder has a text, or the program has ended.
fn wait_for(folder: &Folder, child: &mut Child, name: &str, text: &str) {
    let begin = Instant::now();
    let is_there = || std::fs::read(folder.path(name)).is_ok_and(|have| String::from_utf8_lossy(&have).contains(text));
    while !is_there() && child.try_wait().unwrap().is_none() {
        assert!(begin.elapsed() < Duration::from_secs(60), "{name} never had '{text}'");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn end(child: Child) -> (ExitStatus, String) {
    let output = child.wait_with_output().unwrap();
    (output.status, String::from_utf8(output.stderr).unwrap())
}

/// Runs on `t.csv` until a signal ends it some time after the iterations began; returns what it said, or `None` if it
/// was done before.
fn interrupted(folder: &Folder, line: &str, log: &str, signal: &str, after: Duration) -> Option<String> {
    let _ = std::fs::remove_file(folder.path(log));
    let mut child = start(folder, line);
    wait_for(folder, &mut child, log, "Using the following");
    std::thread::sleep(after);
    send(&child, signal);
    let (status, stderr) = end(child);
    if status.success() {
        return None;
    }
    match signal {
        SIGKILL => assert_eq!(status.signal(), Some(9), "{stderr}"),
        SIGINT => assert_eq!(status.code(), Some(130), "{stderr}"),
        SIGHUP => assert_eq!(status.code(), Some(129), "{stderr}"),
        _ => assert_eq!(status.code(), Some(143), "{stderr}"),
    }
    assert!(!stderr.contains("panicked"), "{stderr}");
    Some(stderr)
}

/// A tissue on which iterations take some milliseconds.
fn tissue() -> Tissue {
    Tissue { side: 16, per_cell: 40, ..Tissue::default() }
}

/// Interrupts a run again and again, with other numbers of threads, until it is done, and compares it with a whole one.
///
/// Half of the iterations are late enough to be recorded before and after an interruption.
fn ends_alike(csv: &str, arguments: &str) {
    let folder = Folder::with("t.csv", csv);
    let common = format!("run t.csv -m 8 --iters 400 --count-matrix-format tsv --run-id same {arguments}");
    let begin = Instant::now();
    folder.succeed(&format!("{common} -t 2 -o whole.csv"));
    let whole_time = begin.elapsed();
    let whole = results(&folder, "whole");
    assert!(whole.len() >= 4, "{:?}", whole.keys());

    let (mut n_stopped, mut was_killed) = (0, false);
    let mut is_done = false;
    for (round, signal) in [SIGTERM, SIGKILL, SIGINT, SIGKILL, SIGINT, SIGTERM].into_iter().enumerate() {
        let line = format!("{common} -t {} --checkpoint-every 7 --resume -o part.csv", 1 + round % 3);
        let after = whole_time.mul_f64([0.1, 0.3, 0.02, 0.15, 0.25, 0.05][round]);
        let Some(stderr) = interrupted(&folder, &line, "part_log.log", signal, after) else {
            is_done = true;
            break;
        };
        n_stopped += 1;
        was_killed |= signal == SIGKILL;
        // Boundaries come last, and other files only after the model: half a file is nowhere.
        let left = results(&folder, "part");
        for (name, content) in &left {
            let is_rest = name.ends_with(".tmp") && was_killed;
            assert!(is_rest || whole.get(name) == Some(content), "{signal} left another {name}");
        }
        if signal != SIGKILL && stderr.contains("stopped after iteration") {
            let is_told = stderr.contains("continue with: baysor run t.csv -m 8");
            assert!(is_told && folder.path("part_checkpoint.bin").exists(), "{stderr}");
        }
    }
    assert!(n_stopped > 0, "the run was too short to be interrupted");
    if !is_done {
        folder.succeed(&format!("{common} -t 2 --resume -o part.csv"));
    }
    let mut part = results(&folder, "part");
    part.retain(|name, _| !name.ends_with(".tmp"));
    assert!(part.keys().eq(whole.keys()), "{:?} {:?}", part.keys(), whole.keys());
    for (name, content) in &whole {
        assert!(part[name] == *content, "{arguments}: {name} differs after {n_stopped} interruptions");
    }
    assert!(!folder.path("part_checkpoint.bin").exists(), "the checkpoint of a complete run is removed");
}

#[test]
fn an_interrupted_2d_run_ends_alike() {
    ends_alike(&tissue().csv_2d(), "-s 3");
}

#[test]
fn an_interrupted_3d_run_ends_alike() {
    ends_alike(&tissue().csv_3d(), "-s 3 --converged 0.0001");
}

#[test]
fn an_interrupted_run_with_a_prior_ends_alike() {
    ends_alike(&tissue().csv_with_prior(), ":cell_id --prior-segmentation-confidence 0.5");
}

#[test]
fn an_interrupted_run_with_a_trusted_prior_ends_alike() {
    ends_alike(&tissue().csv_with_prior(), ":cell_id -s 3 --prior-segmentation-confidence 1");
}

/// A folder with a run of 400 iterations that was stopped early, and the line that began it.
fn stopped() -> (Folder, String) {
    let folder = Folder::with("t.csv", tissue().csv_2d());
    let line = "run t.csv -m 8 -s 3 --iters 20000 -t 1".to_owned();
    let said = interrupted(&folder, &line, "segmentation_log.log", SIGINT, Duration::from_millis(100));
    let said = said.expect("it takes longer");
    assert!(said.contains("Stopping after this iteration") && said.contains("stopped after iteration "), "{said}");
    assert!(
        said.contains(" of 20000; continue with: baysor run t.csv -m 8 -s 3 --iters 20000 -t 1 --resume\n"),
        "{said}"
    );
    assert!(!said.contains("error: "), "{said}");
    let left = ["segmentation_checkpoint.bin", "segmentation_log.log", "segmentation_params.dump.toml", "t.csv"];
    assert_eq!(folder.names(), left);
    (folder, line)
}

/// Asserts that going on fails with one line that has all the texts, and leaves the checkpoint alone.
fn refused(folder: &Folder, line: &str, texts: &[&str]) {
    let before = std::fs::read(folder.path("segmentation_checkpoint.bin")).unwrap();
    let arguments: Vec<&str> = line.split_whitespace().chain(["--resume"]).collect();
    let texts: Vec<&str> = texts.iter().copied().chain(["segmentation_checkpoint.bin'", "without --resume"]).collect();
    let outcome = folder.baysor(&arguments.iter().map(|argument| argument.trim_matches('\'')).collect::<Vec<_>>());
    // Our own spelling of the remedy is broken over lines in the source only.
    outcome.assert_failure(1, &texts);
    assert_eq!(std::fs::read(folder.path("segmentation_checkpoint.bin")).unwrap(), before);
    assert!(!folder.path("segmentation.csv").exists());
}

#[test]
fn a_checkpoint_of_another_run_is_refused_with_what_differs() {
    let (folder, line) = stopped();
    refused(&folder, &format!("{line} --seed 2"), &["another run: seed was '1' and is '2' now"]);
    refused(&folder, &line.replace("20000", "40"), &["another run: iters was '20000' and is '40' now"]);
    refused(&folder, &format!("{line} --converged 0.1"), &["another run: converged was '0' and is '0.1' now"]);
    folder.write("t.csv", Tissue { seed: 3, ..tissue() }.csv_2d());
    refused(&folder, &line, &["another run: the molecule table was '", " bytes, hash "]);
}

#[test]
fn a_spoilt_checkpoint_is_refused() {
    let (folder, line) = stopped();
    let name = "segmentation_checkpoint.bin";
    let whole = std::fs::read(folder.path(name)).unwrap();
    folder.write(name, &whole[..whole.len() - 1]);
    refused(&folder, &line, &["truncated or damaged"]);
    folder.write(name, &whole[..20]);
    refused(&folder, &line, &["truncated or damaged"]);
    let mut changed = whole.clone();
    changed[whole.len() / 2] ^= 1;
    folder.write(name, &changed);
    refused(&folder, &line, &["truncated or damaged"]);
    let mut newer = whole.clone();
    newer[8] = 4;
    folder.write(name, &newer);
    refused(&folder, &line, &["has the format 4", "up to 3"]);
    folder.write(name, "x,y,gene\n1,2,a\n");
    refused(&folder, &line, &["is not a checkpoint"]);
}

#[test]
fn a_fresh_run_takes_no_notice_of_a_checkpoint_but_tells_of_it() {
    let (folder, _) = stopped();
    let outcome = folder.succeed("run t.csv -m 8 -s 3 --iters 30");
    assert!(outcome.stderr.contains("with --resume it would be continued"), "{}", outcome.stderr);
    assert!(!folder.path("segmentation_checkpoint.bin").exists());
    let outcome = folder.succeed("run t.csv -m 8 -s 3 --iters 30 --resume");
    assert!(outcome.stderr.contains("There is no checkpoint"), "{}", outcome.stderr);
}

#[test]
fn what_is_not_a_checkpoint_is_not_removed() {
    let folder = Folder::with("t.csv", Tissue { side: 6, ..Tissue::default() }.csv_2d());
    folder.write("segmentation_checkpoint.bin", "mine");
    folder.succeed("run t.csv -m 8 -s 3 --iters 30");
    assert_eq!(folder.text("segmentation_checkpoint.bin"), "mine");
}

#[test]
fn a_signal_after_the_last_iteration_left_no_checkpoint() {
    let csv = Tissue { side: 25, per_cell: 60, ..Tissue::default() }.csv_2d();
    let line = "run t.csv -m 8 -s 3 --iters 10 -t 1 -p --sample-name s --format baysor,h5ad";
    let whole = Folder::with("t.csv", &csv);
    whole.succeed(line);
    let whole = results(&whole, "segmentation");
    let mut n_stopped = 0;
    for (signal, code) in [(SIGTERM, 143), (SIGINT, 130), (SIGHUP, 129), (SIGKILL, 0)] {
        let steps = ["Coloring", "Saving results", "Estimating boundary", "Saving the format", "Writing reports"];
        for step in &steps[..if signal == SIGTERM { 5 } else { 1 }] {
            let folder = Folder::with("t.csv", &csv);
            let mut child = start(&folder, line);
            wait_for(&folder, &mut child, "segmentation_log.log", step);
            send(&child, signal);
            let (status, stderr) = end(child);
            if status.success() {
                continue;
            }
            // With the reports all else is there, so that nothing needs to be continued.
            let is_kept = folder.path("segmentation_checkpoint.bin").exists();
            assert!(is_kept || *step == "Writing reports", "{signal} at {step}: {stderr}");
            if signal != SIGKILL {
                assert_eq!(status.code(), Some(code), "{signal} at {step}: {stderr}");
                let hint = format!("; continue with: baysor {line} --resume\n");
                assert!(!is_kept || stderr.contains(&hint), "{signal} at {step}: {stderr}");
            }
            n_stopped += usize::from(is_kept);
            folder.succeed(&format!("{line} --resume"));
            let again = results(&folder, "segmentation");
            assert!(again.keys().eq(whole.keys()), "{signal} at {step}: {:?}", again.keys());
            assert!(again == whole, "{signal} at {step}: other bytes after --resume");
            assert!(!folder.path("segmentation_checkpoint.bin").exists());
        }
    }
    assert!(n_stopped >= 4, "{n_stopped}");
}

#[test]
fn a_signal_while_results_are_written_leaves_whole_files_or_none() {
    let csv = Tissue { side: 30, per_cell: 60, ..Tissue::default() }.csv_2d();
    let whole = Folder::with("t.csv", &csv);
    whole.succeed("run t.csv -m 8 -s 3 --iters 10");
    let whole = results(&whole, "segmentation");
    for milliseconds in [0, 15, 40, 80] {
        let folder = Folder::with("t.csv", &csv);
        let mut child = start(&folder, "run t.csv -m 8 -s 3 --iters 10");
        wait_for(&folder, &mut child, "segmentation_log.log", "Saving results");
        std::thread::sleep(Duration::from_millis(milliseconds));
        send(&child, SIGTERM);
        let (status, stderr) = end(child);
        assert!(matches!(status.code(), Some(0 | 143)), "{stderr}");
        for (name, content) in results(&folder, "segmentation") {
            assert!(whole.get(&name) == Some(&content), "after {milliseconds} ms: {name}");
        }
    }
}

#[test]
fn a_checkpoint_that_cannot_be_written_does_not_end_the_run() {
    let folder = Folder::with("t.csv", Tissue { side: 6, ..Tissue::default() }.csv_2d());
    let outcome = folder.succeed("run t.csv -m 8 -s 3 --iters 30 --checkpoint-every 5");
    assert!(!outcome.stderr.contains("Warning"), "{}", outcome.stderr);
    std::fs::create_dir(folder.path("segmentation_checkpoint.bin")).unwrap();
    folder
        .baysor(&["run", "t.csv", "-m", "8", "-s", "3"])
        .assert_failure(1, &["segmentation_checkpoint.bin", "a folder"]);
}

#[test]
fn the_model_ends_early_once_it_has_converged() {
    let folder = Folder::with("t.csv", Tissue::default().csv_2d());
    let outcome = folder.succeed("run t.csv -m 8 -s 3 --iters 500 --converged 0.02");
    let at = outcome.stderr.find("The model settled and ended after ").expect(&outcome.stderr);
    let n: usize = outcome.stderr[at + 34..].split(' ').next().unwrap().parse().unwrap();
    assert!((110..450).contains(&n) && (n - 50).is_multiple_of(20), "{n}");
    support::CellSets::read(&folder, "segmentation").assert_equal();
}
