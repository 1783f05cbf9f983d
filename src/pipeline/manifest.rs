//! What the manifests of all stages have in common, and the way back from a manifest to a configuration.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use crate::config::options::{OptionDef, Place};
use crate::config::values::Value;
use crate::config::{ProgramSettings, dump};
use crate::io::molecules::MoleculeTable;
use crate::io::stage::{Estimate, Manifest, StageKind, Timing};

/// A manifest with the parameters of a command and how it was called.
///
/// `values` are those that belong into the manifest; what cannot change a result (threads), paths, and the seed, which
/// stands elsewhere, are left out.
pub fn begin(stage: StageKind, program: &ProgramSettings, values: &[(&'static OptionDef, Value)]) -> Manifest {
    let mut manifest = Manifest::new(stage, program.seed);
    manifest.parameters = parameters(values);
    let threads_given = program.values.iter().find(|given| given.def.name == "threads").map(|given| &given.value);
    manifest.timing = Timing {
        threads: u32::try_from(program.threads).unwrap_or(u32::MAX),
        threads_given: match threads_given {
            Some(Value::Int(number)) => u32::try_from(*number).unwrap_or(0),
            _ => 0,
        },
        command_line: program.command_line.clone(),
        ..Timing::default()
    };
    manifest
}

/// Where the value of a key stands in a manifest.
enum Home {
    Seed,
    Threads,
    PathOfPrior,
    Parameters,
}

fn home(def: &OptionDef) -> Home {
    match (def.place, def.name) {
        (Place::Top, "seed") => Home::Seed,
        (Place::Top, "threads") => Home::Threads,
        (Place::Table("prior"), "path") => Home::PathOfPrior,
        _ => Home::Parameters,
    }
}

/// Parameters by table and key; those at the top of a file stand beside the tables.
fn parameters(values: &[(&'static OptionDef, Value)]) -> BTreeMap<String, Json> {
    let mut parameters: BTreeMap<String, Json> = BTreeMap::new();
    for (def, value) in values.iter().filter(|(def, _)| matches!(home(def), Home::Parameters)) {
        match def.place {
            Place::CommandLine => {}
            Place::Top => drop(parameters.insert(def.name.to_owned(), json(value))),
            Place::Table(table) => {
                let keys = parameters.entry(table.to_owned()).or_insert_with(|| Json::Object(Map::new()));
                if let Json::Object(keys) = keys {
                    keys.insert(def.name.to_owned(), json(value));
                }
            }
        }
    }
    parameters
}

/// The value that a stage was made with; `None` for a key that its manifest does not have, or not with the right type.
pub fn value_of(manifest: &Manifest, def: &OptionDef) -> Option<Value> {
    match home(def) {
        Home::Seed => i64::try_from(manifest.seed).ok().map(Value::Int),
        Home::Threads => Some(Value::Int(manifest.timing.threads_given.into())),
        Home::PathOfPrior => Some(Value::Text(manifest.path_of("prior").unwrap_or_default().to_owned())),
        Home::Parameters => {
            let value = match def.place {
                Place::Table(table) => manifest.parameters.get(table)?.get(def.name)?,
                Place::Top => manifest.parameters.get(def.name)?,
                Place::CommandLine => return None,
            };
            from_json(&def.default_value(), value)
        }
    }
}

/// The parameter dump of the run that made a stage, with the command line of that run.
pub fn dump_of(manifest: &Manifest) -> String {
    let value = |def: &'static OptionDef| (def, value_of(manifest, def).unwrap_or_else(|| def.default_value()));
    let values: Vec<(&OptionDef, Value)> = dump::all_keys().map(value).collect();
    let resolved: Vec<(&str, String, &str)> = manifest
        .estimates
        .iter()
        .map(|estimate| (estimate.name.as_str(), text(&estimate.value), estimate.origin.as_str()))
        .collect();
    dump::compose(&manifest.timing.command_line, &values) + &dump::resolved_lines(&resolved)
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

/// The value of the same type as `like` that [`json`] made into this.
fn from_json(like: &Value, json: &Json) -> Option<Value> {
    match like {
        Value::Text(_) => json.as_str().map(|text| Value::Text(text.to_owned())),
        Value::Bool(_) => json.as_bool().map(Value::Bool),
        Value::Int(_) => json.as_i64().map(Value::Int),
        Value::Float(_) => {
            let number = json.as_f64().or_else(|| json.as_str()?.parse().ok().filter(|n: &f64| n.is_infinite()));
            number.map(Value::Float)
        }
        Value::List(_) => {
            let items: Option<Vec<String>> =
                json.as_array()?.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            items.map(Value::List)
        }
    }
}

/// A value that only the data could tell, of which `text` is what the parameter dump says.
pub fn estimate(name: &str, text: &str, origin: &str) -> Estimate {
    let whole = text.parse::<i64>().ok().map(Json::from);
    let real = || text.parse::<f64>().ok().filter(|number| number.is_finite()).map(Json::from);
    let number = whole.or_else(real).filter(|number| self::text(number) == text);
    Estimate::new(name, number.unwrap_or_else(|| Json::from(text)), origin)
}

/// An estimate as the parameter dump says it.
fn text(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Number(number) if number.is_f64() => number.as_f64().unwrap_or(f64::NAN).to_string(),
        other => other.to_string(),
    }
}

/// Molecules of every gene. `[n_genes]`
pub fn molecules_of_genes(table: &MoleculeTable) -> Vec<u32> {
    let mut n_of_gene = vec![0u32; table.genes.len()];
    table.molecules.genes.iter().for_each(|gene| n_of_gene[gene.idx()] += 1);
    n_of_gene
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::options::find_path;

    #[test]
    fn values_come_back_from_a_manifest() {
        let def = |path: &str| find_path(path).unwrap();
        let values = [
            (def("data.x"), Value::Text("x \"1\"".to_owned())),
            (def("data.x_min"), Value::Float(f64::NEG_INFINITY)),
            (def("data.x_max"), Value::Float(0.1 + 0.2)),
            (def("data.min_qv"), Value::Float(20.0)),
            (def("data.exclude_genes"), Value::List(vec!["a{1,2}".to_owned(), "b".to_owned()])),
            (def("data.force_2d"), Value::Bool(true)),
            (def("segmentation.iters"), Value::Int(7)),
            (def("segmentation.scale_std"), Value::Text("25.0%".to_owned())),
        ];
        let mut manifest = Manifest::new(StageKind::Run, 9);
        manifest.parameters = parameters(&values);
        let manifest: Manifest = serde_json::from_str(&manifest.to_json()).unwrap();
        for (def, value) in values {
            assert_eq!(value_of(&manifest, def), Some(value), "{}", def.path());
        }
        assert_eq!(value_of(&manifest, def("seed")), Some(Value::Int(9)));
        assert_eq!(value_of(&manifest, def("data.y")), None);
    }

    #[test]
    fn estimates_keep_their_text() {
        for number in [3.0, 0.1 + 0.2, 1e21, 5e-324, 6.5] {
            let written: f64 = number;
            let estimate = estimate("scale", &written.to_string(), "given");
            assert!(estimate.value.is_number());
            let again: Json = serde_json::from_str(&estimate.value.to_string()).unwrap();
            assert_eq!(text(&again), written.to_string());
        }
        for words in ["007", "NaN", "Neat1,Apob", "", "1e3"] {
            assert_eq!(text(&estimate("genes", words, "given").value), words);
        }
        assert_eq!(estimate("n_cells_init", "120", "derived").value, Json::from(120));
    }
}
