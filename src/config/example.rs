//! The text of `example_config.toml`, made from the definition of the options.

use super::ConfigError;
use super::options::{Kind, OptionDef, Place, TABLES, keys_of};
use super::presets::Preset;
use super::values::Value;

/// Returns an example configuration: every key with its default, its meaning and its flag.
pub fn text() -> String {
    with_values("# Every key of a Baysor configuration with its default.\n", &|_| None)
}

/// Returns the configuration of a preset: every key with its value, its meaning and its flag, and why it has the value
/// if the preset sets it. Read as a file it gives the settings of the preset.
///
/// # Errors
///
/// None for the presets that come with the program.
pub fn text_of(preset: &Preset) -> Result<String, ConfigError> {
    let values = preset.values()?;
    let mut title = String::from("# Every key of a Baysor configuration with its value for a platform.\n#\n");
    preset.introduction().for_each(|line| title.push_str(&format!("# {line}\n")));
    title.push_str("#\n");
    Ok(with_values(&title, &|def| {
        let value = values.iter().find(|given| given.def.path() == def.path())?.value.clone();
        let table = if let Place::Table(table) = def.place { table } else { "" };
        Some((value, preset.reason(table, def.name).join(" ")))
    }))
}

/// Every key; `value_of` tells values other than the default, and why.
fn with_values(title: &str, value_of: &dyn Fn(&OptionDef) -> Option<(Value, String)>) -> String {
    let mut text = String::from(title);
    text.push_str(
        "\
         # Use a file with the keys you change: baysor run -c config.toml molecules.csv\n\
         # Any key is also an option of the command line, --config.<table>.<key>=VALUE, which wins over the file;\n\
         # the flags named below win over both.\n",
    );
    for def in keys_of("") {
        push(&mut text, def, value_of(def));
    }
    for table in TABLES {
        text.push_str(&format!("\n[{table}]\n"));
        for def in keys_of(table) {
            push(&mut text, def, value_of(def));
        }
    }
    text
}

fn push(text: &mut String, def: &OptionDef, value: Option<(Value, String)>) {
    let flags = match (def.flag, def.short) {
        (Some(flag), Some(short)) => format!(" Flags: -{short}, --{flag}."),
        (Some(flag), None) => format!(" Flag: --{flag}."),
        _ => String::new(),
    };
    let range = match def.kind {
        Kind::Float { min, max } if max.abs() < f64::MAX => format!(" From {min} to {max}."),
        _ => String::new(),
    };
    text.push('\n');
    for line in wrap(&format!("{}{range}{flags}", def.help), 110) {
        text.push_str(&format!("# {line}\n"));
    }
    let default = def.default_value();
    let (value, reason) = value.unwrap_or((default.clone(), String::new()));
    if value != default {
        text.push_str(&format!("# Default: {}\n", default.to_toml()));
    }
    for line in wrap(&reason, 106) {
        text.push_str(&format!("#   {line}\n"));
    }
    text.push_str(&format!("{} = {}\n", def.name, value.to_toml()));
}

/// Breaks a text into lines of at most `width` letters, if its words allow.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::options::OPTIONS;
    use super::*;

    fn shipped() -> std::path::PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("example_config.toml")
    }

    #[test]
    fn the_shipped_example_is_up_to_date() {
        if std::env::var_os("BAYSOR_UPDATE_EXAMPLE").is_some() {
            std::fs::write(shipped(), text()).unwrap();
        }
        let found = std::fs::read_to_string(shipped()).unwrap();
        assert_eq!(found, text(), "run the tests once with BAYSOR_UPDATE_EXAMPLE=1 to write it anew");
    }

    #[test]
    fn the_shipped_example_holds_every_key_with_its_default() {
        let given = super::super::file::read(&shipped()).unwrap();
        for def in OPTIONS.iter().filter(|def| def.place != Place::CommandLine) {
            let found = given.iter().find(|given| given.def.path() == def.path());
            assert_eq!(found.map(|given| &given.value), Some(&def.default_value()), "{}", def.path());
        }
    }

    #[test]
    fn the_text_of_a_preset_has_its_values_and_all_others() {
        let folder = tempfile::tempdir().unwrap();
        for preset in super::super::presets::PRESETS {
            let path = folder.path().join(preset.name);
            std::fs::write(&path, text_of(&preset).unwrap()).unwrap();
            let (found, set) = (super::super::file::read(&path).unwrap(), preset.values().unwrap());
            for def in OPTIONS.iter().filter(|def| def.place != Place::CommandLine) {
                let value = |given: &[super::super::file::Given]| {
                    given.iter().find(|given| given.def.path() == def.path()).map(|given| given.value.clone())
                };
                assert_eq!(value(&found), value(&set).or(Some(def.default_value())), "{} {}", preset.name, def.path());
            }
        }
    }

    #[test]
    fn the_shipped_configurations_of_protocols_load() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
        for name in ["xenium", "starmap", "osm_fish", "iss"] {
            assert!(super::super::file::read(&folder.join(format!("{name}.toml"))).is_ok(), "{name}");
        }
    }

    #[test]
    fn lines_are_broken_between_words() {
        assert_eq!(wrap("aa bb cc", 5), ["aa bb", "cc"]);
    }
}
