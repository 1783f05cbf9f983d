//! A configuration file as written.

use std::path::Path;

use super::ConfigError;
use super::nearest::nearest;
use super::options::{self, OptionDef, TABLES};
use super::values::{self, Value};

/// A key that was given, with where.
#[derive(Clone, Debug, PartialEq)]
pub struct Given {
    /// The option.
    pub def: &'static OptionDef,
    /// Its value.
    pub value: Value,
    /// Where it comes from.
    pub origin: Origin,
}

/// Where a value comes from, in rising precedence.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Built in.
    Default,
    /// A preset, by its name.
    Preset(String),
    /// The columns of the molecule table or the folder that it lies in, by the platform that they tell.
    Detected(String),
    /// The stage that is read in place of a molecule table, by its name.
    Stage(String),
    /// The tile that is read in place of a molecule table, by its name.
    Tile(String),
    /// A configuration file, by its name.
    File(String),
    /// `--config.<table>.<key>`, as the user wrote it.
    Dotted(String),
    /// An option of its own, as the user would write it.
    Flag(String),
}

impl Given {
    /// The option as the user gave it, for messages: `--scale`, `segmentation.scale in config.toml`.
    pub fn name(&self) -> String {
        match &self.origin {
            Origin::Default => format!("{} ({})", self.def.spelled(), self.def.path()),
            Origin::Preset(preset) => format!("{} of the preset {preset}", self.def.path()),
            Origin::Detected(platform) => format!("{} as assumed for {platform}", self.def.path()),
            Origin::Stage(stage) => format!("{} in the stage {stage}", self.def.path()),
            Origin::Tile(tile) => format!("{} in the tile {tile}", self.def.path()),
            Origin::File(file) => format!("{} in {file}", self.def.path()),
            Origin::Dotted(name) | Origin::Flag(name) => name.clone(),
        }
    }
}

/// Reads a configuration file.
///
/// Table names count in any case; `[molecules]` is `[data]`. Empty files are fine. The order of the result is the
/// parser's order of tables and keys; nothing depends on it.
///
/// # Errors
///
/// `Unreadable`, `Syntax`, `UnknownTable`, `UnknownKey`, `GivenTwice` or `WrongType`, each naming the file.
pub fn read(path: &Path) -> Result<Vec<Given>, ConfigError> {
    let text =
        std::fs::read_to_string(path).map_err(|reason| ConfigError::Unreadable { path: path.to_owned(), reason })?;
    parse(path, &text)
}

/// Reads the text of a configuration file; `path` is for messages.
///
/// # Errors
///
/// As [`read`], but `Unreadable`.
pub(super) fn parse(path: &Path, text: &str) -> Result<Vec<Given>, ConfigError> {
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let table: toml::Table = text.parse().map_err(|error: toml::de::Error| ConfigError::Syntax {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })?;
    collect(&path.display().to_string(), &table)
}

fn collect(file: &str, document: &toml::Table) -> Result<Vec<Given>, ConfigError> {
    let mut given = Vec::new();
    for (name, value) in document {
        if let toml::Value::Table(content) = value {
            let table = options::find_table(name).ok_or_else(|| unknown_table(file, name))?;
            // Keys of [prior] have their own aliases, so a table is looked up by the name it has here.
            for (key, value) in content {
                let def = options::find(table, key).ok_or_else(|| unknown_key(file, table, key))?;
                add(&mut given, file, def, value)?;
            }
        } else {
            let def = options::find("", name).ok_or_else(|| unknown_key(file, "", name))?;
            add(&mut given, file, def, value)?;
        }
    }
    Ok(given)
}

fn add(given: &mut Vec<Given>, file: &str, def: &'static OptionDef, value: &toml::Value) -> Result<(), ConfigError> {
    if given.iter().any(|other| std::ptr::eq(other.def, def) || other.def.path() == def.path()) {
        return Err(ConfigError::GivenTwice { place: file.to_owned(), key: def.path() });
    }
    let value = values::from_toml(def, &format!("{} in {file}", def.path()), value)?;
    given.push(Given { def, value, origin: Origin::File(file.to_owned()) });
    Ok(())
}

fn unknown_table(file: &str, name: &str) -> ConfigError {
    let hint = match nearest(name, TABLES) {
        Some(table) => format!(" (did you mean [{table}]?)"),
        None => String::new(),
    };
    let valid = TABLES.map(|table| format!("[{table}]")).join(", ");
    ConfigError::UnknownTable { place: file.to_owned(), table: name.to_owned(), hint, valid }
}

/// The error for a key that does not exist in `table` (`""`: top of the file). `place` is the file or the option.
///
/// Suggests the same key of another table, then the nearest of that table and of the others, and lists the keys of the
/// table.
pub fn unknown_key(place: &str, table: &str, key: &str) -> ConfigError {
    let names_of = |table: &'static str| options::keys_of(table).map(|def| def.name).chain(options::aliases_of(table));
    let here = TABLES.into_iter().find(|name| *name == table).unwrap_or("");
    let others = || TABLES.into_iter().chain([""]).filter(|other| *other != here);
    // The same word in the wrong table is likelier than another word.
    let elsewhere = others().find(|other| names_of(other).any(|name| name == key)).map(|other| dotted(other, key));
    let near = elsewhere
        .or_else(|| nearest(key, names_of(here)).map(|name| dotted(here, name)))
        .or_else(|| others().find_map(|other| nearest(key, names_of(other)).map(|name| dotted(other, name))));
    let hint = match (near, here.is_empty().then(|| nearest(key, TABLES)).flatten()) {
        (Some(path), _) => format!(" (did you mean '{path}'?)"),
        (None, Some(table)) => format!(" (did you mean the table [{table}]?)"),
        (None, None) => String::new(),
    };
    let mut valid: Vec<&str> = names_of(here).collect();
    let title = if here.is_empty() {
        valid.extend(TABLES);
        "at the top of the file stand".to_owned()
    } else {
        format!("the keys of [{here}] are")
    };
    let (place, key) = (place.to_owned(), dotted(table, key));
    ConfigError::UnknownKey { place, key, hint, valid: format!("{title} {}", valid.join(", ")) }
}

fn dotted(table: &str, key: &str) -> String {
    if table.is_empty() { key.to_owned() } else { format!("{table}.{key}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Vec<Given>, ConfigError> {
        collect("c.toml", &text.parse().unwrap())
    }

    fn value_of(given: &[Given], path: &str) -> Value {
        given.iter().find(|given| given.def.path() == path).unwrap().value.clone()
    }

    #[test]
    fn table_names_count_in_any_case_and_molecules_is_data() {
        let given = parse("[Plotting]\nmin_pixels_per_cell = 10\n[molecules]\nx = 'x_location'").unwrap();
        assert_eq!(value_of(&given, "plotting.min_pixels_per_cell"), Value::Int(10));
        assert_eq!(value_of(&given, "data.x"), Value::Text("x_location".into()));
    }

    #[test]
    fn keys_of_the_cpp_line_find_their_place() {
        let given = parse("threads = 4\n[prior]\nunassigned_label = 0\nestimate_scale_from_prior = false").unwrap();
        assert_eq!(value_of(&given, "threads"), Value::Int(4));
        assert_eq!(value_of(&given, "segmentation.unassigned_prior_label"), Value::Text("0".into()));
        assert_eq!(value_of(&given, "segmentation.estimate_scale_from_centers"), Value::Bool(false));
    }

    #[test]
    fn an_unknown_key_names_file_neighbour_and_valid_keys() {
        let error = parse("[segmentation]\nscael = 3").unwrap_err().to_string();
        assert!(
            error
                .starts_with("c.toml: unknown key 'segmentation.scael' (did you mean 'segmentation.scale'?); the keys")
        );
        assert!(error.contains("the keys of [segmentation] are scale, scale_std,"));
        let error = parse("[data]\nscale = 3").unwrap_err().to_string();
        assert!(error.contains("did you mean 'segmentation.scale'?"), "{error}");
        let error = parse("scale = 3").unwrap_err().to_string();
        assert!(error.contains("did you mean 'segmentation.scale'?"), "{error}");
    }

    #[test]
    fn an_unknown_table_names_its_neighbour() {
        let error = parse("[segmentations]\nscale = 3").unwrap_err().to_string();
        assert!(error.contains("unknown table [segmentations] (did you mean [segmentation]?)"), "{error}");
    }

    #[test]
    fn a_key_under_two_spellings_is_an_error() {
        let error = parse("[data]\nmin_molecules_per_segment = 2\n[prior]\nmin_molecules_per_segment = 3").unwrap_err();
        assert!(error.to_string().contains("'data.min_molecules_per_segment' is given twice"));
    }

    #[test]
    fn gene_lists_may_be_lists_or_text() {
        let listed = parse("[data]\nexclude_genes = ['a', ' b ']").unwrap();
        let text = parse("[data]\nexclude_genes = 'a, b'").unwrap();
        assert_eq!(value_of(&listed, "data.exclude_genes"), value_of(&text, "data.exclude_genes"));
    }

    #[test]
    fn a_missing_or_broken_file_is_named() {
        let error = read(Path::new("/no/such/config.toml")).unwrap_err().to_string();
        assert!(error.contains("'/no/such/config.toml'"), "{error}");
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("broken.toml");
        std::fs::write(&path, "[data\nx = 1").unwrap();
        let error = read(&path).unwrap_err().to_string();
        assert!(error.contains("broken.toml") && error.contains("line 1"), "{error}");
    }
}
