//! What documents say is what the program does.

use serde_json::Value;

use super::*;

const STAGES: &str = include_str!("../../../../docs/stages.md");
pub(super) const SCHEMA: &str = include_str!("../../../../docs/stage-manifest.schema.json");

#[test]
fn every_table_and_column_is_documented_as_it_is() {
    for table in schema::TABLES {
        let begin =
            STAGES.find(&format!("### `{}`", table.file)).unwrap_or_else(|| panic!("{} is missing", table.file));
        let section = &STAGES[begin + 4..];
        let section = &section[..section.find("\n### ").or_else(|| section.find("\n## ")).unwrap_or(section.len())];
        assert!(section.contains(table.description), "{}: a row is {}", table.file, table.description);
        for column in table.columns {
            let presence = match (column.optional, column.nullable) {
                (false, false) => "",
                (true, false) => "optional",
                (false, true) => "null",
                (true, true) => "optional, null",
            };
            let row = format!(
                "| `{}` | {} | {presence} | {} | {} |",
                column.name,
                column.kind.name(),
                column.unit.unwrap_or(""),
                column.description
            );
            assert!(section.contains(&row), "{} lacks\n{row}", table.file);
        }
    }
}

/// Checks a value against a schema; knows the few words that ours uses.
pub(super) fn check(value: &Value, schema: &Value, root: &Value, at: &str) {
    if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
        let target = root.pointer(reference.trim_start_matches('#')).unwrap_or_else(|| panic!("{at}: {reference}"));
        return check(value, target, root, at);
    }
    let known = ["type", "const", "enum", "properties", "required", "additionalProperties", "items", "pattern"];
    let also = ["description", "title", "minimum", "$schema", "$id", "$defs", "uniqueItems"];
    for word in schema.as_object().unwrap().keys() {
        assert!(known.iter().chain(&also).any(|known| known == word), "{at}: the test does not know '{word}'");
    }
    if let Some(types) = schema.get("type") {
        let types: Vec<&str> = match types {
            Value::Array(types) => types.iter().filter_map(Value::as_str).collect(),
            one => one.as_str().into_iter().collect(),
        };
        let found = match value {
            Value::Null => "null",
            Value::Bool(_) => "boolean",
            Value::Number(number) if number.is_f64() => "number",
            Value::Number(_) => "integer",
            Value::String(_) => "string",
            Value::Array(_) => "array",
            Value::Object(_) => "object",
        };
        assert!(types.contains(&found) || (found == "integer" && types.contains(&"number")), "{at}: {found}");
    }
    assert!(schema.get("const").is_none_or(|only| only == value), "{at}: {value}");
    assert!(schema.get("enum").and_then(Value::as_array).is_none_or(|all| all.contains(value)), "{at}: {value}");
    if let (Some(pattern), Some(text)) = (schema.get("pattern").and_then(Value::as_str), value.as_str()) {
        assert!(regex::Regex::new(pattern).unwrap().is_match(text), "{at}: {text}");
    }
    if let Some(fields) = value.as_object() {
        let known = schema.get("properties").and_then(Value::as_object);
        for name in schema.get("required").and_then(Value::as_array).into_iter().flatten() {
            assert!(fields.contains_key(name.as_str().unwrap()), "{at}: {name} is missing");
        }
        for (name, field) in fields {
            match known.and_then(|known| known.get(name)) {
                Some(schema) => check(field, schema, root, &format!("{at}.{name}")),
                None => assert!(schema.get("additionalProperties") != Some(&Value::Bool(false)), "{at}: {name}"),
            }
        }
    }
    if let (Some(items), Some(values)) = (schema.get("items"), value.as_array()) {
        values.iter().for_each(|value| check(value, items, root, &format!("{at}[]")));
    }
}

#[test]
fn manifest_follows_its_json_schema_and_the_schema_requires_every_field() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    let text = std::fs::read_to_string(dir.path().join(MANIFEST_FILE)).unwrap();
    let manifest: Value = serde_json::from_str(&text).unwrap();
    check(&manifest, &schema, &schema, "manifest");
    let required = schema["required"].as_array().unwrap();
    assert_eq!(required.len(), manifest.as_object().unwrap().len());
    for field in manifest.as_object().unwrap().keys() {
        assert!(required.iter().any(|name| name == field), "{field}");
        assert!(STAGES.contains(&format!("| `{field}` |")), "{field} is not documented");
    }
    for field in manifest["timing"].as_object().unwrap().keys() {
        assert!(STAGES.contains(&format!("| `timing.{field}` |")), "{field} is not documented");
    }
    let kinds: Vec<&str> =
        schema["properties"]["stage"]["enum"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(kinds, StageKind::ALL.map(StageKind::name));
    assert_eq!(schema["properties"]["format_version"]["enum"], serde_json::json!([1, 2, FORMAT_VERSION]));
}

#[test]
fn numbers_in_manifests_come_back_to_the_last_bit() {
    let mut manifest = manifest();
    let hard = [0.1 + 0.2, 5e-324, 1.797e308, 2.225_073_858_507_201_4e-308, 0.000_123_456_789_012_345_67, 1e23, -0.0];
    for value in hard.iter().chain(&(0..2000).map(|i| 1.0 / (f64::from(i) + 0.7)).collect::<Vec<_>>()) {
        manifest.estimates.push(Estimate::new("value", *value, "given"));
    }
    let mut again: Manifest = serde_json::from_str(&manifest.to_json()).unwrap();
    again.timing.xxh64 = None;
    assert_eq!(again, manifest);
    for (one, other) in manifest.estimates.iter().zip(&again.estimates) {
        assert_eq!(one.value.as_f64().unwrap().to_bits(), other.value.as_f64().unwrap().to_bits());
    }
    assert_eq!(Estimate::new("area", f64::NAN, "given").value, Value::Null);
}

#[test]
fn description_tells_tables_numbers_and_origins() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let Description { lines, json } = describe(&open(dir.path()).unwrap()).unwrap();
    let text = lines.join("\n");
    for expected in [
        "a finished stage of the kind 'run'",
        "with the seed 18446744073709551615",
        "scale = 0.30000000000000004 (estimated from the prior segmentation)",
        "n_cells: 2",
        "Warning: Loaded 10 transcripts",
        "Took 1.5 s on 2 threads, peak memory 1.0 GiB",
        "  cells.arrow: 2 rows, 16 columns",
        "    n_nuclei (uint32) [segments]: segments of the prior",
        "    prior_segment (utf8): label of the segment of the prior",
        "    area (float64) [coordinate unit of the input, squared]: area of the convex hull",
        "    gene (dictionary<int32, utf8>): gene; the dictionary is the gene table",
        "    geometry (large_binary (geoarrow.wkb))",
        "    n_components_5 (uint32): components with at least 5 molecules",
        "    cell_input (int32): column of the input",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
    assert_eq!(json["manifest"]["summary"]["n_cells"], 2);
    assert_eq!(json["tables"][0]["columns"][1]["unit"], "coordinate unit of the input");
}
