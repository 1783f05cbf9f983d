//! What users have is neither removed nor overwritten: files of their own, inputs, and the results of earlier runs.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::fs;

use support::{Folder, Tissue};

/// How slides here are segmented.
const MODEL: &str = "-m 8 -s 3 --iters 20 -t 1 --skip-ncv-color";

fn folder() -> Folder {
    Folder::with("t.csv", Tissue { side: 8, ..Tissue::default() }.csv_with_prior())
}

fn arguments(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[test]
fn a_run_in_tiles_removed_a_folder_of_the_user_with_the_name_of_its_scratch() {
    let folder = folder();
    folder.write("slide_tiles/tile_0_0.tif", "precious");
    let in_tiles = format!("run t.csv {MODEL} --max-molecules-per-tile 1500 --margin 4 -o slide.csv");
    folder.succeed(&in_tiles);
    assert_eq!(folder.text("slide_tiles/tile_0_0.tif"), "precious");
    // The folder that is really used is told from one of the user by a mark in it.
    folder.write("slide_baysor_scratch/split/tile_0001/molecules.arrow", "precious");
    let outcome = folder.baysor(&arguments(&in_tiles));
    outcome.assert_failure(1, &["'slide_baysor_scratch'", "this program did not make", "BAYSOR_SCRATCH"]);
    assert_eq!(folder.text("slide_baysor_scratch/split/tile_0001/molecules.arrow"), "precious");
    // And what somebody puts into a marked one stays.
    fs::remove_dir_all(folder.path("slide_baysor_scratch")).unwrap();
    folder.write("slide_baysor_scratch/BAYSOR_SCRATCH", "");
    folder.write("slide_baysor_scratch/split/notes.txt", "precious");
    folder.succeed(&in_tiles).assert_warning(&["slide_baysor_scratch", "did not make", "notes.txt"]);
    let left: Vec<String> = folder.names().into_iter().filter(|name| name.contains("scratch")).collect();
    assert_eq!(left, ["slide_baysor_scratch/split/notes.txt"]);
}

#[test]
fn a_division_into_fewer_tiles_removed_what_lay_beside_an_older_tile() {
    let folder = folder();
    let split = |n: usize| format!("split t.csv {MODEL} --max-molecules-per-tile {n} --margin 4 -o tiles/");
    folder.succeed(&split(1500));
    let last = folder.json("tiles/tiles.json")["tiles"].as_array().unwrap().len();
    let last = format!("tiles/tile_{last:04}");
    folder.write(&format!("{last}/segmentation.csv"), "precious");
    folder.succeed(&split(100_000)).assert_warning(&[&last, "other files"]);
    let left: Vec<String> = folder.names().into_iter().filter(|name| name.starts_with(&last)).collect();
    assert_eq!(left, [format!("{last}/segmentation.csv")]);
}

/// Everything in the folder but logs.
fn contents(folder: &Folder) -> std::collections::BTreeMap<String, Vec<u8>> {
    folder.results(&[])
}

#[test]
fn no_command_overwrites_what_it_reads() {
    let folder = folder();
    folder.write("c.toml", "[data]\nmin_molecules_per_cell = 8\n");
    folder.succeed(&format!("run t.csv :cell_id {MODEL} -o a/ --stage stage --save-prior prior"));
    fs::copy(folder.path("a/segmentation_params.dump.toml"), folder.path("a/c.toml")).unwrap();
    fs::hard_link(folder.path("t.csv"), folder.path("linked_cell_stats.csv")).unwrap();
    fs::hard_link(folder.path("c.toml"), folder.path("b_params.dump.toml")).unwrap();
    folder.succeed("export stage -o e.csv --format parquet,spatialdata,h5ad");
    let before = contents(&folder);
    let cases = [
        // The molecule table, also under another name, as any file of a result.
        ("segfree t.csv -m 8 -o t.csv", "--output", "the molecule table"),
        ("preview t.csv -o t.csv", "--output", "the molecule table"),
        ("estimate t.csv -m 8 -s 3 --json t.csv", "--json", "the molecule table"),
        ("run t.csv -m 8 -s 3 -o linked.csv", "linked_cell_stats.csv", "the molecule table"),
        ("run e_molecules.parquet -m 8 -s 3 -o e.csv --format parquet", "--output", "the molecule table"),
        ("run e.zarr/points/transcripts -m 8 -s 3 -o e.csv --format spatialdata", "e.zarr", "the molecule table"),
        ("export stage --add-excluded t.csv -o linked.csv", "linked_cell_stats.csv", "the molecule table"),
        // A prior, a configuration, a stage.
        ("run t.csv a/segmentation_polygons_2d.json -m 8 -s 3 -o a/", "--output", "the prior segmentation"),
        ("run t.csv -s 3 -c a/segmentation_params.dump.toml -o a/", "--output", "the configuration file"),
        ("run t.csv -s 3 -c c.toml -o b", "b_params.dump.toml", "the configuration file"),
        ("merge stage --stage stage", "--stage", "one of the tiles"),
        ("segfree prior -m 8 --stage prior", "--stage", "the stage with the molecules"),
        ("run prior -s 3 --stage prior", "--stage", "the stage with the molecules"),
    ];
    for (line, option, what) in cases {
        let outcome = folder.baysor(&arguments(line));
        outcome.assert_failure(2, &[option, what, "would be overwritten; choose another name"]);
        assert!(contents(&folder) == before, "{line} has changed a file");
    }
}

#[test]
fn a_rerun_that_fails_leaves_parameters_log_and_all_else_of_the_result() {
    let folder = folder();
    folder.succeed(&format!("run t.csv {MODEL} --seed 7"));
    folder.write("broken.csv", "x,y,gene\n1,2\n");
    let (before, log) = (contents(&folder), folder.text("segmentation_log.log"));
    folder.baysor(&arguments(&format!("run broken.csv {MODEL} --seed 8"))).assert_failure(1, &["broken.csv"]);
    assert!(contents(&folder) == before);
    assert_eq!(folder.text("segmentation_log.log"), log);
    assert!(folder.text("segmentation_new_log.log").contains("Error: broken.csv"));
    // With the next result its log takes the place of both.
    folder.succeed(&format!("run t.csv {MODEL} --seed 8"));
    assert!(folder.text("segmentation_log.log").contains("seed: 8"));
    assert!(!folder.path("segmentation_new_log.log").exists());
    assert!(folder.text("segmentation_params.dump.toml").contains("\nseed = 8\n"));
}

#[test]
fn a_rerun_with_other_formats_leaves_no_stale_files_and_removes_no_others() {
    let folder = folder();
    let run = |extra: &str| folder.succeed(&format!("run t.csv {MODEL} {extra}"));
    run("--format baysor,h5ad,10x-mtx,spatialdata --count-matrix-format tsv -p");
    folder.write("segmentation_molecules.parquet", "the user's own");
    folder.write("segmentation_notes.txt", "the user's own");
    let outcome = run("--seed 2");
    assert!(outcome.stderr.contains("Removed files of an earlier result"), "{}", outcome.stderr);
    outcome.assert_warning(&["'segmentation_molecules.parquet'", "stays"]);
    let names: Vec<String> = folder.names().into_iter().filter(|name| name.starts_with("segmentation")).collect();
    let expected = [
        "segmentation.csv",
        "segmentation_cell_stats.csv",
        "segmentation_counts.loom",
        "segmentation_log.log",
        "segmentation_molecules.parquet",
        "segmentation_notes.txt",
        "segmentation_params.dump.toml",
        "segmentation_polygons_2d.json",
    ];
    assert_eq!(names, expected);
    assert!(!folder.path("segmentation_feature_bc_matrix").exists());
}

#[test]
fn exports_of_one_run_add_up_and_those_of_another_take_their_place() {
    let folder = folder();
    folder.succeed(&format!("run t.csv {MODEL} --stage one"));
    folder.succeed(&format!("run t.csv {MODEL} --seed 2 --stage two"));
    folder.succeed("export one -o x.csv");
    folder.succeed("export one -o x.csv --format h5ad");
    folder.succeed("export one -o x.csv --format parquet");
    assert!(folder.path("x.csv").exists() && folder.path("x.h5ad").exists() && folder.path("x_cells.parquet").exists());
    folder.succeed("export two -o x.csv --format 10x-h5");
    let names: Vec<String> = folder.names().into_iter().filter(|name| name.starts_with("x")).collect();
    assert_eq!(names, ["x_export.json", "x_feature_bc_matrix.h5", "x_log.log"]);
}

#[test]
fn a_mistyped_input_removed_the_list_of_tiles() {
    let folder = folder();
    folder.write("tiles/tiles.json", "{}");
    folder.baysor(&arguments(&format!("split missing.csv {MODEL} -o tiles"))).assert_failure(1, &["missing.csv"]);
    assert_eq!(folder.text("tiles/tiles.json"), "{}");
}

#[test]
fn the_next_command_removes_what_a_killed_one_has_left() {
    let folder = folder();
    let left = ["segmentation.csv.99999-0.tmp", "segmentation.zarr.99999-1.tmp/points/x", "segmentation_log.log"];
    left.iter().for_each(|name| folder.write(name, "left"));
    folder.write("other.csv.99999-0.tmp", "of another");
    folder.succeed(&format!("run t.csv {MODEL}"));
    let temporary: Vec<String> = folder.names().into_iter().filter(|name| name.contains(".tmp")).collect();
    assert_eq!(temporary, ["other.csv.99999-0.tmp"]);
    folder.write("ncvs.loom.99999-0.tmp", "left");
    folder.write("preview.html.99999-0.tmp", "left");
    folder.succeed("segfree t.csv -m 8 -o ncvs.loom");
    folder.succeed("preview t.csv -m 8 -o preview.html");
    let temporary: Vec<String> = folder.names().into_iter().filter(|name| name.contains(".tmp")).collect();
    assert_eq!(temporary, ["other.csv.99999-0.tmp"]);
}

/// What makes closing a file fail, as servers and quotas can: the data are refused as late as that, and the file is cut.
#[cfg(target_os = "linux")]
const FAILING_CLOSE: &str = r#"
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
int close(int fd) {
    static int (*real)(int);
    if (!real) real = dlsym(RTLD_NEXT, "close");
    char link[64], path[4096];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, path, sizeof path - 1);
    const char *which = getenv("FAILING_CLOSE");
    if (n > 0 && which) {
        path[n] = 0;
        if (strstr(path, ".tmp") && strstr(path, which)) {
            int cut = ftruncate(fd, 100);
            (void)cut;
            real(fd);
            errno = EDQUOT;
            return -1;
        }
    }
    return real(fd);
}
"#;

#[cfg(target_os = "linux")]
#[test]
fn a_file_whose_closing_failed_was_taken_for_complete() {
    let folder = folder();
    folder.write("shim.c", FAILING_CLOSE);
    let made = folder.command("cc", &["-shared", "-fPIC", "-o", "shim.so", "shim.c", "-ldl"]);
    assert_eq!(made.code, Some(0), "{}", made.stderr);
    let line = format!("run t.csv {MODEL} --format baysor,h5ad,parquet,spatialdata,10x-mtx -o o/ --stage s");
    let files = [
        ("segmentation.csv", "o/segmentation.csv'"),
        ("_cell_stats.csv", "o/segmentation_cell_stats.csv'"),
        ("_counts.loom", "o/segmentation_counts.loom'"),
        ("_polygons_2d.json", "o/segmentation_polygons_2d.json'"),
        (".h5ad", "o/segmentation.h5ad'"),
        ("_molecules.parquet", "o/segmentation_molecules.parquet'"),
        (".zarr", "o/segmentation.zarr'"),
        ("matrix.mtx.gz", "matrix.mtx.gz'"),
        ("molecules.arrow", "s/molecules.arrow'"),
        ("manifest.json", "s/manifest.json'"),
    ];
    for (which, name) in files {
        let mut command = std::process::Command::new(folder.program());
        command.args(arguments(&line)).current_dir(folder.path("")).env_clear();
        command.env("LD_PRELOAD", folder.path("shim.so")).env("FAILING_CLOSE", which);
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{which}: {said}");
        assert!(
            said.contains("error: ") && said.contains(name) && said.contains("Disk quota exceeded"),
            "{which}: {said}"
        );
        let is_there = |have: &String| have.ends_with(name.trim_end_matches('\''));
        assert!(!folder.names().iter().any(|have| is_there(have) || have.contains(".tmp")), "{:?}", folder.names());
        for at in ["o", "s"] {
            let _ = fs::remove_dir_all(folder.path(at));
        }
    }
}

/// Starts the program in the folder.
fn start(folder: &Folder, line: &str) -> std::process::Child {
    let mut command = std::process::Command::new(folder.program());
    command.args(line.split_whitespace()).current_dir(folder.path("")).env_clear();
    command.stdout(std::process::Stdio::null()).stderr(std::process::Stdio::piped());
    command.spawn().unwrap()
}

#[test]
fn two_runs_at_a_time_mixed_their_files() {
    let folder = folder();
    for round in 0..10 {
        let lines = [1, 2].map(|seed| format!("run t.csv {MODEL} --seed {seed} -o o/"));
        let both = lines.map(|line| start(&folder, &line)).map(|child| child.wait_with_output().unwrap());
        let said = both.each_ref().map(|output| String::from_utf8_lossy(&output.stderr).into_owned());
        let n_done = both.iter().filter(|output| output.status.success()).count();
        assert!(n_done >= 1, "{said:?}");
        let refused = |said: &String| said.contains("another baysor") && said.contains("is writing there");
        assert!(n_done == 2 || said.iter().any(refused), "round {round}: {said:?}");
        // All files are of one seed.
        let seed = folder.text("o/segmentation_params.dump.toml");
        let seed = seed.lines().find_map(|line| line.strip_prefix("seed = ")).unwrap().to_owned();
        let alone = format!("alone{seed}");
        if !folder.path(&alone).exists() {
            folder.succeed(&format!("run t.csv {MODEL} --seed {seed} -o {alone}/"));
        }
        for name in ["segmentation.csv", "segmentation_cell_stats.csv", "segmentation_counts.loom"] {
            let [one, other] = [&alone[..], "o"].map(|at| fs::read(folder.path(&format!("{at}/{name}"))).unwrap());
            assert!(one == other, "round {round}: {name} is not of seed {seed}");
        }
    }
    let stage = format!("run t.csv {MODEL} --stage s");
    let both = [start(&folder, &stage), start(&folder, &stage)].map(|child| child.wait_with_output().unwrap());
    assert!(both.iter().any(|output| output.status.success()));
    folder.succeed("export s -o exported/");
    assert!(!folder.names().iter().any(|name| name.contains(".lock")), "{:?}", folder.names());
}
