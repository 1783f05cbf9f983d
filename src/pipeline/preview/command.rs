//! A command line for `run` that users can copy.

use crate::config::PreviewSettings;
use crate::config::file::Origin;
use crate::config::options::{Command, Place};
use crate::config::values::Value;

/// Options that the suggestion decides, and those that do not belong to it.
const NOT_COPIED: [&str; 4] = ["data.min_molecules_per_cell", "data.exclude_genes", "segmentation.scale", "threads"];

/// The command line for `run` with the input as it was given and the parameters suggested.
pub fn suggested(
    settings: &PreviewSettings,
    scale: Option<f64>,
    min_molecules_per_cell: Option<usize>,
    exclude_genes: Option<&str>,
) -> String {
    let mut words = vec!["baysor".to_owned(), "run".to_owned()];
    if let Some(file) = &settings.file {
        words.extend(["-c".to_owned(), quoted(&file.to_string_lossy())]);
    }
    for given in &settings.program.values {
        let is_given = matches!(given.origin, Origin::Flag(_) | Origin::Dotted(_));
        let is_of_run = given.def.commands.contains(&Command::Run) && given.def.place != Place::CommandLine;
        if is_given && is_of_run && !NOT_COPIED.contains(&given.def.path().as_str()) {
            words.extend(option(&given.def.spelled(), &text(&given.value)));
        }
    }
    let is_given = |path: &str| {
        let given = settings.program.values.iter().find(|given| given.def.path() == path);
        given.filter(|given| matches!(given.origin, Origin::Flag(_) | Origin::Dotted(_)))
    };
    let patterns = match (exclude_genes, is_given("data.exclude_genes")) {
        (Some(patterns), _) => Some(patterns.to_owned()),
        (None, given) => given.map(|given| text(&given.value)),
    };
    if let Some(patterns) = patterns {
        words.extend(option("--exclude-genes", &patterns));
    }
    let minimum = min_molecules_per_cell.or(settings.min_molecules_per_cell);
    words.extend(["-m".to_owned(), minimum.map_or("M".to_owned(), |minimum| minimum.to_string())]);
    words.extend(["-s".to_owned(), scale.map_or("SCALE".to_owned(), |scale| scale.to_string())]);
    words.push(quoted(&settings.input.molecules.to_string_lossy()));
    words.join(" ")
}

/// An option with its value; a value that begins with a dash is bound to it.
fn option(name: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') || value == "true" || value == "false" {
        vec![format!("{name}={}", quoted(value))]
    } else {
        vec![name.to_owned(), quoted(value)]
    }
}

fn text(value: &Value) -> String {
    match value {
        Value::Text(text) => text.clone(),
        Value::Bool(flag) => flag.to_string(),
        Value::Int(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::List(items) => items.join(","),
    }
}

/// A word for a shell: in single quotes unless it is plain.
fn quoted(word: &str) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "_@%+=:,./-".contains(letter);
    if !word.is_empty() && word.chars().all(is_plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_a_shell() {
        assert_eq!(quoted("a/b-1.csv"), "a/b-1.csv");
        assert_eq!(quoted("it's a 'b'"), r"'it'\''s a '\''b'\'''");
        assert_eq!(quoted(""), "''");
        assert_eq!(option("--x-column", "-x"), ["--x-column=-x"]);
        assert_eq!(option("--force-2d", "true"), ["--force-2d=true"]);
    }
}
