//! The version of the program is the same wherever workflows, containers, recipes and documents name it.
//!
//! With `BAYSOR_UPDATE_VERSION=1` the files are rewritten to the version of Cargo.toml, and the test passes.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

use std::path::{Path, PathBuf};

use regex::Regex;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What names the version, and the least number of files in which it does.
const PLACES: [(&str, &str, usize); 9] = [
    ("image for Docker", r"\bbaysor:(\d+\.\d+\.\d+)\b", 6),
    ("image for Apptainer", r"\bbaysor-(\d+\.\d+\.\d+)\.sif\b", 6),
    ("package of conda", r"\bbaysor ?==?(\d+\.\d+\.\d+)\b", 6),
    ("manifest of the Nextflow pipeline", r"(?m)^ +version += '(\d+\.\d+\.\d+)'$", 1),
    ("label of the Docker image", r"(?m)^ARG VERSION=(\d+\.\d+\.\d+)$", 1),
    ("label of the Apptainer image", r"image\.version (\d+\.\d+\.\d+)\b", 1),
    ("recipe of Bioconda", r#"set version = "(\d+\.\d+\.\d+)""#, 1),
    ("citation", r"(?m)^version: (\d+\.\d+\.\d+)$", 1),
    ("documents", r"`baysor --version` prints `(\d+\.\d+\.\d+)`", 1),
];

/// Files that may name the version; folders with all that is in them.
const READ: [&str; 5] = ["workflows", "containers", "docs", "README.md", "CITATION.cff"];

fn text_files(path: &Path, found: &mut Vec<PathBuf>) {
    if path.is_file() {
        found.push(path.to_owned());
        return;
    }
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    if matches!(name, "results" | "work" | ".snakemake" | ".nextflow") {
        return;
    }
    for entry in std::fs::read_dir(path).unwrap() {
        text_files(&entry.unwrap().path(), found);
    }
}

#[test]
fn all_files_name_the_version_of_the_program() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let update = std::env::var_os("BAYSOR_UPDATE_VERSION").is_some();
    let mut files = Vec::new();
    for name in READ {
        text_files(&root.join(name), &mut files);
    }
    files.sort();
    let mut counts = [0; PLACES.len()];
    let mut wrong = Vec::new();
    for path in files {
        let Ok(mut text) = std::fs::read_to_string(&path) else { continue };
        let before = text.clone();
        for (place, (what, pattern, _)) in PLACES.iter().enumerate() {
            let pattern = Regex::new(pattern).unwrap();
            let others: Vec<_> = pattern.captures_iter(&text).map(|found| found.get(1).unwrap().range()).collect();
            counts[place] += usize::from(!others.is_empty());
            for range in others.into_iter().rev() {
                if &text[range.clone()] == VERSION {
                    continue;
                }
                let line = text[..range.start].lines().count();
                wrong.push(format!("{}:{line}: {what} {}", path.display(), &text[range.clone()]));
                text.replace_range(range, VERSION);
            }
        }
        if update && text != before {
            std::fs::write(&path, text).unwrap();
        }
    }
    assert!(
        update || wrong.is_empty(),
        "the program is {VERSION}, but:\n{}\nBAYSOR_UPDATE_VERSION=1 cargo test --test versions mends them",
        wrong.join("\n")
    );
    for ((what, _, least), count) in PLACES.iter().zip(counts) {
        assert!(count >= *least, "{what}: the version is named in {count} files, {least} were expected");
    }
}

#[test]
fn the_change_log_begins_with_the_version_of_the_program() {
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("CHANGELOG.md")).unwrap();
    let newest = text.lines().find_map(|line| line.strip_prefix("## ")).unwrap();
    assert!(
        newest.split(' ').next() == Some(VERSION) || newest.starts_with("Unreleased"),
        "the newest entry is '{newest}', the program is {VERSION}"
    );
}
