//! What a sample is called in files for MultiQC, where the numbers of many samples come together.

use std::path::{Component, Path};

use super::ConfigError;
use super::file::Origin;
use super::merged::Merged;

/// Longest name.
const MAX_LENGTH: usize = 200;

/// Names of folders that say what is in them, but not of which sample.
const OF_RESULTS: [&str; 13] = [
    "baysor",
    "cells",
    "export",
    "out",
    "output",
    "outputs",
    "preview",
    "result",
    "results",
    "run",
    "segmentation",
    "stage",
    "stages",
];

/// The name that the user gave with `--sample-name`, if any.
///
/// # Errors
///
/// An empty name, a path, or a name with characters that do not print.
pub(super) fn given(merged: &Merged) -> Result<Option<String>, ConfigError> {
    let name = merged.text("sample_name");
    if merged.get("sample_name").is_none_or(|given| given.origin == Origin::Default) {
        return Ok(None);
    }
    let refused = |c: char| c.is_control() || matches!(c, '/' | '\\');
    let is_plain = name.trim() == name && !name.is_empty() && name.chars().count() <= MAX_LENGTH;
    if !is_plain || name.contains(refused) || name.chars().all(|c| c == '.') {
        let remedy = "it must be 1 to 200 characters, without slashes, control characters, or spaces at its ends";
        return Err(merged.invalid("sample_name", remedy));
    }
    Ok(Some(name.to_owned()))
}

/// The name of the sample by its output: what `file` is called without its extension and `kind`, such as `preview`; where
/// nothing is left, the nearest folder that is not called after results. So the commands of one sample agree.
///
/// Looks at no file, but where it is run counts for paths from there. `None` if there is no such name.
pub(super) fn by_output(file: &Path, kind: &str) -> Option<String> {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let own = stem.strip_suffix(kind).unwrap_or(&stem).trim_end_matches(['_', '-', '.']);
    if !own.is_empty() {
        return Some(own.to_owned());
    }
    let whole = std::path::absolute(file).ok()?;
    let mut folders: Vec<String> = Vec::new();
    for part in whole.parent()?.components() {
        match part {
            Component::Normal(name) => folders.push(name.to_string_lossy().into_owned()),
            Component::ParentDir => drop(folders.pop()),
            _ => {}
        }
    }
    let says_which = |name: &&String| !OF_RESULTS.contains(&name.to_lowercase().as_str());
    folders.iter().rev().find(says_which).or(folders.last()).cloned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of_run(file: &str) -> Option<String> {
        by_output(Path::new(file), "segmentation")
    }

    fn of_preview(file: &str) -> Option<String> {
        by_output(Path::new(file), "preview")
    }

    #[test]
    fn preview_and_run_of_one_sample_have_one_name() {
        for (run, preview) in [
            ("out/ID_segmentation.csv", "out/ID_preview.html"),
            ("out/ID.csv", "ID.html"),
            ("/data/ID/segmentation.csv", "/data/ID/preview.html"),
            ("/data/ID/run/segmentation.csv", "/data/ID/preview/preview.html"),
            ("/data/ID/out/../Results/segmentation.csv", "/data/x/../ID/preview.html"),
        ] {
            assert_eq!((of_run(run).as_deref(), of_preview(preview).as_deref()), (Some("ID"), Some("ID")), "{run}");
        }
    }

    #[test]
    fn a_folder_gives_its_name_where_files_have_fixed_ones() {
        assert_eq!(of_run("/out/segmentation.csv").as_deref(), Some("out"));
        assert_eq!(of_run("/segmentation.csv"), None);
        let here = std::env::current_dir().unwrap();
        let here = here.file_name().unwrap().to_string_lossy();
        assert_eq!(of_run("segmentation.csv").as_deref(), Some(&*here));
        assert_eq!(of_preview("./preview.html"), of_run("out/segmentation.csv"));
    }
}
