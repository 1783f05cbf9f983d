//! What the manifests of all stages have in common.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::config::ProgramSettings;
use crate::config::options::Place;
use crate::config::values::Value;
use crate::io::stage::{Manifest, StageKind, Timing};

/// A manifest with the parameters of a command and how it was called.
pub fn begin(stage: StageKind, program: &ProgramSettings) -> Manifest {
    let mut manifest = Manifest::new(stage, program.seed);
    manifest.parameters = parameters(program);
    manifest.timing = Timing {
        threads: u32::try_from(program.threads).unwrap_or(u32::MAX),
        command_line: program.command_line.clone(),
        ..Timing::default()
    };
    manifest
}

/// All parameters by table and key; those at the top of a file stand beside the tables. What cannot change a result
/// (threads) and paths are left out.
fn parameters(program: &ProgramSettings) -> BTreeMap<String, Json> {
    let mut parameters: BTreeMap<String, Json> = BTreeMap::new();
    for given in &program.values {
        let value = json(&given.value);
        match (given.def.place, given.def.name) {
            (Place::Top, "threads" | "seed") | (Place::CommandLine, _) | (Place::Table("prior"), "path") => {}
            (Place::Top, name) => drop(parameters.insert(name.to_owned(), value)),
            (Place::Table(table), name) => {
                let keys = parameters.entry(table.to_owned()).or_insert_with(|| Json::Object(Map::new()));
                if let Json::Object(keys) = keys {
                    keys.insert(name.to_owned(), value);
                }
            }
        }
    }
    parameters
}

/// A value as JSON; infinite numbers, which JSON lacks, are texts.
fn json(value: &Value) -> Json {
    match value {
        Value::Text(text) => Json::from(text.clone()),
        Value::Bool(flag) => Json::from(*flag),
        Value::Int(number) => Json::from(*number),
        Value::Float(number) if number.is_finite() => Json::from(*number),
        Value::Float(number) => Json::from(number.to_string()),
        Value::List(items) => Json::from(items.clone()),
    }
}
