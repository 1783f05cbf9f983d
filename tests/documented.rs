//! The command lines of README and documentation, in order, as a reader would type them: those on the example work, and
//! the others are understood and only lack their files.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::fs;
use std::path::Path;
use std::process::Command;

use support::Folder;

/// Programs and placeholders of lines that are not for this test.
const OTHERS: [&str; 14] = [
    "apptainer",
    "cargo",
    "docker",
    "jq ",
    "multiqc",
    "nextflow",
    "pip ",
    "python3",
    "sbatch",
    "snakemake",
    "sudo",
    "xargs",
    "xeniumranger",
    "SCALE",
];

/// The shell commands of a document, with loops and continued lines as one.
fn commands(document: &str) -> Vec<String> {
    let mut commands: Vec<String> = Vec::new();
    let (mut is_shell, mut is_continued) = (false, false);
    for line in document.lines() {
        if line.starts_with("```") {
            is_shell = line == "```sh";
            continue;
        }
        if !is_shell || line.is_empty() || line.starts_with('#') {
            continue;
        }
        match commands.last_mut() {
            Some(last) if is_continued => *last += &format!("\n{line}"),
            _ => commands.push(line.to_owned()),
        }
        let is_in_loop = commands.last().is_some_and(|last| last.starts_with("for ") && !last.ends_with("done"));
        is_continued = line.ends_with('\\') || is_in_loop;
    }
    commands.retain(|command| !OTHERS.iter().any(|other| command.contains(other)));
    commands
}

/// The same with few iterations: how good cells are is another question. A tile and a dump have theirs.
fn quick(command: &str) -> String {
    let command = command.replace("--iters 500", "--iters 20").replace("--iters 100", "--iters 20");
    let is_own = ["tile", "dump.toml", "--iters"].iter().any(|own| command.contains(own));
    if command.starts_with("baysor run ") && !is_own {
        command.replacen(" run ", " run --iters=20 ", 1)
    } else {
        command
    }
}

/// Runs all commands of a document in a folder of its own. Returns how many worked.
fn check(name: &str) -> usize {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = Folder::new();
    for link in ["examples", "configs", "presets"] {
        std::os::unix::fs::symlink(root.join(link), folder.path(link)).unwrap();
    }
    std::os::unix::fs::symlink("examples/iss_ca1/nuclei.tif", folder.path("nuclei.tif")).unwrap();
    for settings in ["xenium.toml", "config.toml"] {
        folder.write(settings, "[data]\nmin_molecules_per_cell = 30\n");
    }
    let programs = Path::new(folder.program()).parent().unwrap().display().to_string();
    let document = fs::read_to_string(root.join(name)).unwrap();
    let mut n_worked = 0;
    for command in commands(&document) {
        let mut shell = Command::new("sh");
        shell.args(["-e", "-c", &quick(&command)]).current_dir(folder.path("")).env_clear();
        let output = shell.env("PATH", format!("{programs}:/usr/bin:/bin")).env("MOLECULES", "molecules.csv").output();
        let output = output.unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        if output.status.success() {
            n_worked += 1;
            continue;
        }
        assert!(!command.contains("examples/"), "{name}: {command}\n{said}");
        // A table of the reader, or a folder that another document makes.
        let of_reader = |word: &&str| word.contains(['.', '/', '$']) && !word.starts_with(['-', '@', '"']);
        let mut paths = command.split_whitespace().take_while(|word| *word != "#").filter(of_reader);
        assert!(paths.any(|path| !folder.path(path).exists()), "{name}: {command}\n{said}");
        for word in ["unexpected argument", "unknown", "no such option", "panicked"] {
            assert!(!said.contains(word), "{name}: {command}\n{said}");
        }
    }
    n_worked
}

#[test]
fn commands_of_the_readme() {
    assert!(check("README.md") >= 6);
}

#[test]
fn commands_of_stages() {
    assert!(check("docs/stages.md") >= 5);
}

#[test]
fn commands_of_tiles() {
    assert!(check("docs/tiles.md") >= 6);
}

#[test]
fn commands_of_other_documents() {
    let documents = ["accuracy", "estimate", "export", "inputs", "preview", "priors", "workflows"];
    let n_worked: usize = documents.iter().map(|name| check(&format!("docs/{name}.md"))).sum();
    assert!(n_worked >= 4, "{n_worked}");
}
