//! Numbers for MultiQC, as its "custom content": files `*_mqc.json` that it finds by their names.
//!
//! Each file is one section, with one sample. Samples of a slide set come together in MultiQC, because the sections have
//! the same `id` in all of them. Times and memory are not here: files must be the same for equal runs, and times are
//! not. They stand under `timing` in the manifest of a stage.

use serde_json::{Map, Value, json};

/// A column of the table of all samples.
#[derive(Clone, Debug)]
pub struct Number {
    /// Name in the data; letters and underscores.
    pub key: &'static str,
    /// Head of the column.
    pub title: &'static str,
    /// What it is.
    pub description: &'static str,
    /// Its value; null for none.
    pub value: Value,
    /// What stands behind the value, such as ` %`.
    pub suffix: &'static str,
    /// How it is written, such as `{:,.1f}`.
    pub format: &'static str,
    /// Largest value there can be, if there is one; the least is 0.
    pub max: Option<f64>,
}

/// What a section is called and about.
#[derive(Clone, Copy, Debug)]
pub struct Head<'a> {
    /// Identity, the same in all samples.
    pub id: &'a str,
    /// Heading.
    pub name: &'a str,
    /// A sentence below it.
    pub description: &'a str,
}

/// Columns for the general statistics, the table at the top of a MultiQC report.
pub fn general_stats(head: Head<'_>, sample: &str, numbers: &[Number]) -> Value {
    let columns: Vec<Value> = numbers.iter().map(|number| json!({number.key: column(number)})).collect();
    section(head, "generalstats", Value::Array(columns), sample, values(numbers))
}

/// A table with a row for the sample.
pub fn table(head: Head<'_>, sample: &str, numbers: &[Number]) -> Value {
    let headers: Map<String, Value> = numbers.iter().map(|number| (number.key.to_owned(), column(number))).collect();
    let config = json!({"id": format!("{}_table", head.id), "title": head.name, "namespace": "Baysor"});
    let mut section = section(head, "table", config, sample, values(numbers));
    section["headers"] = Value::Object(headers);
    section
}

/// A line of points for the sample.
pub fn line(head: Head<'_>, axes: [&str; 2], sample: &str, points: impl IntoIterator<Item = (f64, f64)>) -> Value {
    let config = json!({
        "id": format!("{}_plot", head.id), "title": format!("Baysor: {}", head.name), "xlab": axes[0], "ylab": axes[1],
        "ymin": 0,
    });
    let points: Vec<Value> = points.into_iter().map(|(x, y)| json!([x, y])).collect();
    section(head, "linegraph", config, sample, Value::Array(points))
}

fn section(head: Head<'_>, plot_type: &str, config: Value, sample: &str, data: Value) -> Value {
    json!({
        "id": head.id,
        "section_name": head.name,
        "description": head.description,
        "parent_id": "baysor",
        "parent_name": "Baysor",
        "parent_description": "finds cells in molecules of imaging-based spatial transcriptomics.",
        "plot_type": plot_type,
        "pconfig": config,
        "data": { sample: data },
    })
}

fn values(numbers: &[Number]) -> Value {
    // What is not known is left out: MultiQC takes null for text.
    let known = numbers.iter().filter(|number| !number.value.is_null());
    Value::Object(known.map(|number| (number.key.to_owned(), number.value.clone())).collect())
}

fn column(number: &Number) -> Value {
    let mut column = json!({
        "title": number.title, "description": number.description, "suffix": number.suffix, "format": number.format, "min": 0,
        "namespace": "Baysor",
    });
    if let Some(max) = number.max {
        column["max"] = json!(max);
    }
    column
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: Head<'static> = Head { id: "baysor_x", name: "X", description: "About x." };

    fn number(key: &'static str, value: Value) -> Number {
        Number { key, title: "T", description: "D", value, suffix: " %", format: "{:.1f}", max: Some(100.0) }
    }

    #[test]
    fn unknown_numbers_are_left_out() {
        let numbers = [number("cells", json!(3)), number("noise", Value::Null)];
        let section = general_stats(HEAD, "s", &numbers);
        assert_eq!(section["data"], json!({"s": {"cells": 3}}));
        assert_eq!(
            (&section["plot_type"], &section["pconfig"][1]["noise"]["max"]),
            (&json!("generalstats"), &json!(100.0))
        );
        assert_eq!(table(HEAD, "s", &numbers)["headers"]["cells"]["title"], "T");
    }

    #[test]
    fn a_line_is_a_list_of_points() {
        let section = line(HEAD, ["iteration", "cells"], "a \"b\"", [(0.0, 5.0), (1.0, 4.0)]);
        assert_eq!(section["data"]["a \"b\""], json!([[0.0, 5.0], [1.0, 4.0]]));
        assert_eq!(section["pconfig"]["xlab"], "iteration");
    }
}
