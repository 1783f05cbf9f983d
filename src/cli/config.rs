//! `baysor config`: the configuration of a platform, to be edited.

use std::ffi::OsString;

use super::request;
use crate::config::options::Command;
use crate::config::values::Value;
use crate::config::{ConfigError, example, nearest, presets};

/// Prints what the arguments after `config` name: all keys with their defaults, those of a preset, or the presets.
///
/// # Errors
///
/// A [`request::Grammar`] or [`ConfigError`], all of which are misuse.
pub fn run(arguments: &[OsString]) -> anyhow::Result<String> {
    let (request, _) = request::parse(Command::Config, arguments)?;
    let given = |name: &str| request.flags.iter().find(|given| given.def.name == name).map(|given| &given.value);
    if given("list") == Some(&Value::Bool(true)) {
        let line = |preset: &presets::Preset| format!("{:<9} {}\n", preset.name, preset.title);
        return Ok(presets::PRESETS.iter().map(line).collect());
    }
    match given("preset") {
        Some(Value::Text(name)) if !name.is_empty() => {
            let preset = presets::find(name).ok_or_else(|| unknown(name))?;
            Ok(example::text_of(preset)?)
        }
        _ => Ok(example::text()),
    }
}

fn unknown(name: &str) -> ConfigError {
    let names = presets::PRESETS.map(|preset| preset.name);
    let hint = nearest(name, names).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
    let remedy = format!("it must be one of {}{hint}", names.join(", "));
    ConfigError::Invalid { name: "--preset".to_owned(), seen: format!("'{name}'"), remedy }
}
