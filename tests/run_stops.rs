//! A run that is stopped at any step after loading keeps what it has found, and goes on to the same bytes.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;
use std::io::{BufRead as _, BufReader, Read as _};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use support::{Folder, Tissue};

const CHECKPOINT: &str = "segmentation_checkpoint.bin";
/// Exit status after each signal; `KILL` leaves none.
const SIGNALS: [(&str, Option<i32>); 4] = [("TERM", Some(143)), ("HUP", Some(129)), ("INT", Some(130)), ("KILL", None)];
const WITH_ALL: &str =
    "run t.csv -m 8 -s 3 --iters 10 -t 1 --format baysor,h5ad --nuclei-genes Gene00 --cyto-genes Gene01";

/// What is said at the beginning of the steps.
const STEPS: [&str; 10] = [
    "Building the molecule graph",
    "Estimating noise level",
    "Clustering molecules",
    "Estimating compartment regions",
    "Segmenting cells",
    "Using 2D coordinates",
    "Coloring neighborhoods",
    "Saving results",
    "Estimating boundary polygons",
    "Saving the format",
];

fn start(folder: &Folder, line: &str) -> Child {
    let mut command = Command::new(folder.program());
    command.args(line.split_whitespace()).env_clear().current_dir(folder.path(""));
    command.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("the program starts")
}

fn send(child: &Child, signal: &str) {
    Command::new("kill").args(["-s", signal, &child.id().to_string()]).status().expect("the command kill");
}

/// Runs until a line of stderr has a text, and sends a signal some time after that. Returns how it ended, and all that it
/// said.
fn stopped_at(folder: &Folder, line: &str, text: &str, after: Duration, signal: &str) -> (ExitStatus, String) {
    let mut child = start(folder, line);
    let mut stderr = BufReader::new(child.stderr.take().unwrap());
    let mut said = String::new();
    while !said.lines().last().is_some_and(|line| line.contains(text)) && stderr.read_line(&mut said).unwrap() > 0 {}
    assert!(said.contains(text), "never said '{text}': {said}");
    std::thread::sleep(after);
    send(&child, signal);
    stderr.read_to_string(&mut said).unwrap();
    (child.wait().unwrap(), said)
}

/// Files of the result that do not depend on the command line.
fn results(folder: &Folder) -> BTreeMap<String, Vec<u8>> {
    let mut all = folder.results(&["t.csv"]);
    all.retain(|name, _| !name.ends_with("_params.dump.toml") && !name.ends_with(".tmp"));
    all
}

fn tissue() -> String {
    Tissue { side: 12, per_cell: 60, ..Tissue::default() }.csv_2d()
}

/// Stops runs at a step by a signal, and asserts what is kept and that `--resume` ends with the bytes of `whole`.
///
/// Returns whether the signal came in time.
fn keeps(whole: &BTreeMap<String, Vec<u8>>, csv: &str, step: &str, kept: &str, signal: (&str, i32)) -> bool {
    let folder = Folder::with("t.csv", csv);
    let (signal, code) = signal;
    let (status, said) = stopped_at(&folder, WITH_ALL, step, Duration::ZERO, signal);
    if status.success() {
        return false;
    }
    let place = format!("{signal} at {step}");
    assert_eq!(status.code(), Some(code), "{place}: {said}");
    assert!(!said.contains("panicked") && !said.contains("error: "), "{place}: {said}");
    assert!(folder.path(CHECKPOINT).exists(), "{place}: {said}");
    assert!(said.contains(&format!("; continue with: baysor {WITH_ALL} --resume\n")), "{place}: {said}");
    let again = folder.succeed(&format!("{WITH_ALL} --resume"));
    assert!(again.stderr.contains(kept), "{place}, not '{kept}': {}", again.stderr);
    let again = results(&folder);
    assert!(again.keys().eq(whole.keys()), "{place}: {:?}", again.keys());
    for (name, content) in whole {
        assert!(again[name] == *content, "{place}: {name} has other bytes after --resume");
    }
    true
}

#[test]
fn a_run_stopped_before_between_and_after_the_iterations_began_anew() {
    let csv = tissue();
    let folder = Folder::with("t.csv", &csv);
    folder.succeed(WITH_ALL);
    let whole = results(&folder);
    let all = "confidences and clusters and compartments of molecules";
    let last = "Going on after iteration 10 of 10";
    let kept = [
        "",
        "Nothing was finished when",
        "has confidences of molecules",
        "has confidences and clusters of molecules",
        all,
        all,
        last,
        last,
        last,
        last,
    ];
    let mut in_time = 0;
    for (step, kept) in STEPS.into_iter().zip(kept) {
        for signal in [("TERM", 143), ("HUP", 129)] {
            in_time += usize::from(keeps(&whole, &csv, step, kept, signal));
        }
    }
    assert!(in_time >= 14, "{in_time} of 20 signals came in time");
}

#[test]
fn a_stop_while_tiles_are_computed_told_no_way_to_go_on() {
    let line = "run t.csv -m 8 -s 3 --iters 60 -t 1 --skip-ncv-color --max-molecules-per-tile 5000";
    let csv = tissue();
    let folder = Folder::with("t.csv", &csv);
    folder.succeed(line);
    let whole = results(&folder);
    for step in ["Loading the tile segmentation_baysor_scratch/split/tile_0002", "Comparing tiles"] {
        let folder = Folder::with("t.csv", &csv);
        let (status, said) = stopped_at(&folder, line, step, Duration::ZERO, "TERM");
        assert_eq!(status.code(), Some(143), "{step}: {said}");
        assert!(said.contains(&format!("continue with: baysor {line} --resume\n")), "{step}: {said}");
        let again = folder.succeed(&format!("{line} --resume"));
        assert!(again.stderr.contains("is finished already"), "{step}: {}", again.stderr);
        assert!(results(&folder) == whole, "{step}: other bytes after --resume");
        assert!(!folder.path("segmentation_baysor_scratch").exists(), "{step}");
    }
}

/// By hand: `cargo test --release --test run_stops -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes; the other tests stop at every step once"]
fn eighty_runs_stopped_at_random_end_alike() {
    let csv = tissue();
    let folder = Folder::with("t.csv", &csv);
    let begin = Instant::now();
    folder.succeed(WITH_ALL);
    let (time, whole) = (begin.elapsed(), results(&folder));
    let (mut n_kills, mut n_runs, mut random) = (0, 0, 1u64);
    let mut stopped_in: BTreeMap<String, usize> = BTreeMap::new();
    while n_kills < 80 {
        let folder = Folder::with("t.csv", &csv);
        let line = |threads| format!("{} -t {threads} --resume", WITH_ALL.replace(" -t 1", ""));
        let mut is_done = false;
        // Every run is stopped up to three times.
        for round in 0..3 {
            random = random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            let share = (random >> 40) as f64 / (1u64 << 24) as f64;
            let (signal, code) = SIGNALS[(random >> 33) as usize % 4];
            // By the clock most of them would be where it takes longest.
            let (step, after) = match random >> 60 & 1 {
                0 => ("Loading", time.mul_f64(share)),
                _ => (STEPS[(random >> 20) as usize % STEPS.len()], Duration::from_millis(100).mul_f64(share)),
            };
            let (status, said) = stopped_at(&folder, &line(1 + round % 2), step, after, signal);
            assert!(!said.contains("panicked"), "{said}");
            is_done = status.success();
            if is_done {
                break;
            }
            assert!(status.code() == code, "{signal}: {status} {said}");
            n_kills += 1;
            let step = said.lines().rev().find(|line| line.contains("...")).unwrap_or("start");
            let step = step.split("Info: ").last().unwrap_or_default().to_owned();
            *stopped_in.entry(step).or_default() += 1;
        }
        if !is_done {
            folder.succeed(&line(1));
        }
        n_runs += 1;
        let again = results(&folder);
        assert!(again.keys().eq(whole.keys()), "{:?}", again.keys());
        assert!(again == whole, "other bytes after {n_kills} kills");
    }
    println!("{n_kills} kills of {n_runs} runs, all with the same bytes at the end; last step before: {stopped_in:#?}");
}
