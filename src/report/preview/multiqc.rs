//! The numbers as custom content of MultiQC: a few for its general table, a table, molecules as bars, distances as lines.
//!
//! Every file has the sample's name as its key, so that reports of many samples come together in one.

use serde_json::{Map, Value, json};

use super::super::chart::significant;
use super::Preview;
use super::charts::distance_rows;

/// A file: what it is about, and its content.
pub type Content = (&'static str, Value);

/// Sections of all samples stand together under this heading.
const PARENT: &str = "Baysor preview";

/// All files for a sample.
pub fn contents(preview: &Preview, sample: &str) -> Vec<Content> {
    let mut contents = vec![
        ("general", general(preview, sample)),
        ("table", table(preview, sample)),
        ("molecules", bars(preview, sample)),
    ];
    contents.extend(lines(preview, sample).map(|lines| ("noise", lines)));
    contents
}

/// An object with one member.
fn by_sample(sample: &str, value: Value) -> Value {
    let mut data = Map::new();
    data.insert(sample.to_owned(), value);
    Value::Object(data)
}

fn frame(id: &str, name: &str, description: &str, plot: &str, config: Value, data: Value) -> Value {
    json!({
        "id": format!("baysor_preview_{id}"),
        "parent_id": "baysor_preview",
        "parent_name": PARENT,
        "parent_description": "What is in tables of molecules, before cells are segmented.",
        "section_name": name,
        "description": description,
        "plot_type": plot,
        "pconfig": config,
        "data": data
    })
}

/// A number that is known, as a member of an object.
fn put(row: &mut Map<String, Value>, key: &str, value: Option<f64>) {
    if let Some(value) = value {
        row.insert(key.to_owned(), significant(value, 6));
    }
}

fn general(preview: &Preview, sample: &str) -> Value {
    let mut row = Map::new();
    row.insert("molecules".to_owned(), json!(preview.molecules.n));
    row.insert("genes".to_owned(), json!(preview.molecules.n_genes));
    put(&mut row, "expected_noise", preview.noise.expected.map(|share| 100.0 * share));
    put(&mut row, "scale", preview.suggestion.scale);
    put(&mut row, "min_molecules_per_cell", preview.suggestion.min_molecules_per_cell.map(|n| n as f64));
    let config = json!([
        {"molecules": {"title": "Molecules", "description": "Molecules after the filters", "format": "{:,.0f}", "min": 0, "scale": "Blues"}},
        {"genes": {"title": "Genes", "description": "Genes after the filters", "format": "{:,.0f}", "min": 0, "scale": "Greens"}},
        {"expected_noise": {"title": "Noise", "description": "Expected share of background molecules", "suffix": "%", "min": 0, "max": 100, "scale": "OrRd"}},
        {"scale": {"title": "Scale", "description": "Suggested cell radius in coordinate units", "format": "{:,.2f}", "min": 0, "scale": "Purples"}},
        {"min_molecules_per_cell": {"title": "Min. molecules", "description": "Suggested minimum of molecules per cell", "format": "{:,.0f}", "min": 0, "scale": "Purples", "hidden": true}}
    ]);
    json!({
        "id": "baysor_preview_general",
        "plot_type": "generalstats",
        "pconfig": config,
        "data": by_sample(sample, Value::Object(row))
    })
}

fn table(preview: &Preview, sample: &str) -> Value {
    let Preview { molecules, noise, suggestion, genes, controls, z, .. } = preview;
    let percent = |share: f64| 100.0 * share;
    let quartile = |at: usize| suggestion.molecules_per_cell.map(|quartiles| quartiles[at]);
    let columns = [
        ("Molecules", Some(molecules.n as f64)),
        ("Genes", Some(molecules.n_genes as f64)),
        ("Area", molecules.area),
        ("Molecules per area", molecules.per_area),
        ("Minimal noise (%)", noise.minimal.map(percent)),
        ("Expected noise (%)", noise.expected.map(percent)),
        ("Median molecules per gene", Some(genes.median_molecules)),
        ("Rare genes", Some(genes.n_rare as f64)),
        ("Controls left", Some(controls.n_genes as f64)),
        ("Molecules of controls left (%)", Some(percent(controls.share))),
        ("Control by gene (%)", controls.ratio.map(percent)),
        ("Repeated molecules (%)", Some(percent(molecules.duplicate_share))),
        ("Distinct z", Some(z.n_distinct as f64)),
        ("Suggested scale", suggestion.scale),
        ("Suggested minimum of molecules", suggestion.min_molecules_per_cell.map(|n| n as f64)),
        ("Molecules per cell, median", quartile(1)),
    ];
    let mut row = Map::new();
    for (name, value) in columns {
        put(&mut row, name, value);
    }
    frame(
        "table",
        "Baysor preview: numbers",
        "Molecules, noise, genes and suggested parameters. Lengths are in the units of x and y.",
        "table",
        json!({"id": "baysor_preview_table_plot", "title": "Baysor preview: numbers"}),
        by_sample(sample, Value::Object(row)),
    )
}

fn bars(preview: &Preview, sample: &str) -> Value {
    let of = |wanted: bool| preview.genes.table.iter().filter(move |gene| gene.is_control == wanted);
    let real: u64 = of(false).map(|gene| gene.real).sum();
    let noise: u64 = of(false).map(|gene| gene.molecules - gene.real).sum();
    let controls: u64 = of(true).map(|gene| gene.molecules).sum();
    frame(
        "molecules",
        "Baysor preview: molecules",
        "Real molecules have a confidence of at least 0.5; controls of the panel count apart.",
        "bargraph",
        json!({"id": "baysor_preview_molecules_plot", "title": "Baysor preview: molecules", "ylab": "Molecules"}),
        by_sample(sample, json!({"Real": real, "Noise": noise, "Controls": controls})),
    )
}

/// Distances seen, and the two fitted normals.
fn lines(preview: &Preview, sample: &str) -> Option<Value> {
    let noise = &preview.noise;
    let bins = noise.distances.as_ref()?;
    let rows = distance_rows(bins, [noise.background.as_ref(), noise.signal.as_ref()]);
    let mut data = Map::new();
    for (place, ending) in [(3, ""), (4, " (background)"), (5, " (intracellular)")] {
        let points: Vec<Value> =
            rows.iter().filter_map(|row| Some(json!([significant(row[2]?, 5), significant(row[place]?, 5)]))).collect();
        if !points.is_empty() {
            data.insert(format!("{sample}{ending}"), Value::Array(points));
        }
    }
    let length = preview.unit.of_length();
    Some(frame(
        "noise",
        "Baysor preview: noise",
        "Distances of molecules to their k-th neighbor: seen, and the two normals that are fitted.",
        "linegraph",
        json!({
            "id": "baysor_preview_noise_plot", "title": "Baysor preview: distances to neighbors",
            "xlab": format!("Distance ({length})"), "ylab": "Density"
        }),
        Value::Object(data),
    ))
}
