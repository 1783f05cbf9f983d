//! `baysor inspect`: what a stage holds.

use std::ffi::OsString;

use super::request;
use crate::config::options::Command;
use crate::config::values::Value;
use crate::io::stage::{Description, StageKind, StageReader, describe};

/// Describes the stage that the arguments after `inspect` name: as text, or as JSON.
///
/// All tables are compared with the manifest first. Errors: a [`request::Grammar`] or [`crate::config::ConfigError`] is
/// misuse; everything else comes from the stage.
pub fn run(arguments: &[OsString]) -> anyhow::Result<String> {
    let (request, _) = request::parse(Command::Inspect, arguments)?;
    let as_json = request.flags.iter().any(|given| given.def.name == "json" && given.value == Value::Bool(true));
    let stage = StageReader::open(&request.molecules, &StageKind::ALL)?;
    let Description { lines, json } = describe(&stage)?;
    Ok(if as_json { format!("{json:#}\n") } else { lines.join("\n") + "\n" })
}
