//! The charts of the report.

use serde_json::{Value, json};

use super::super::chart::{Chart, significant};
use super::genes::{N_BARS, by_frequency};
use super::{Bins, NormalFacts, Preview, Trial};
use crate::numeric::elementary::exp;

/// Colors with a meaning, told apart with any color vision and on light and dark pages.
const REAL: &str = "#0072b2";
const NOISE: &str = "#d55e00";
const PLAIN: &str = "#9aa4b0";
const CONTROL: &str = "#cc79a7";

/// Genes named in the embedding when there are many.
const N_NAMES: usize = 40;

fn tooltip(fields: &[(&str, &str, &str)]) -> Value {
    let field = |&(field, kind, title): &(&str, &str, &str)| json!({"field": field, "type": kind, "title": title});
    Value::Array(fields.iter().map(field).collect())
}

/// Density of a normal, times its share.
fn density(normal: &NormalFacts, at: f64) -> f64 {
    const SQRT_TAU: f64 = 2.506_628_274_631_000_2;
    let deviation = (at - normal.mean) / normal.std;
    normal.share * exp(-0.5 * deviation * deviation) / (normal.std * SQRT_TAU)
}

/// Rows of the histogram of distances: bounds and middle of each bin, densities seen and fitted.
pub(super) fn distance_rows(bins: &Bins, normals: [Option<&NormalFacts>; 2]) -> Vec<[Option<f64>; 6]> {
    let n = bins.n.max(1) as f64;
    let row = |(at, &count): (usize, &u64)| {
        let from = bins.from + at as f64 * bins.width;
        let middle = from + 0.5 * bins.width;
        let fitted = normals.map(|normal| normal.map(|normal| density(normal, middle)));
        let seen = count as f64 / (n * bins.width);
        [Some(from), Some(from + bins.width), Some(middle), Some(seen), fitted[0], fitted[1]]
    };
    bins.counts.iter().enumerate().map(row).collect()
}

/// Distances to the neighbor, with the two fitted normals.
pub(super) fn distances(preview: &Preview) -> Chart {
    let noise = &preview.noise;
    let rows = match &noise.distances {
        Some(bins) => distance_rows(bins, [noise.background.as_ref(), noise.signal.as_ref()]),
        None => Vec::new(),
    };
    let number = |value: Option<f64>| value.map_or(Value::Null, |value| significant(value, 5));
    let value = |row: &[Option<f64>; 6]| {
        let [from, to, middle, seen, background, signal] = row.map(number);
        json!({
            "distance": middle, "from": from, "to": to, "Observed": seen, "Background": background,
            "Intracellular": signal
        })
    };
    let names = ["Observed", "Background", "Intracellular"];
    let shown = if noise.signal.is_some() { &names[..] } else { &names[..1] };
    let color = |name: &str| {
        json!({
            "datum": name,
            "scale": {"domain": shown, "range": [PLAIN, NOISE, REAL]},
            "legend": {"title": null, "orient": "top-right"}
        })
    };
    let x = format!("Distance to neighbor {} ({})", noise.nn_id, preview.unit.of_length());
    let axis = json!({"field": "from", "bin": "binned", "type": "quantitative", "title": x, "axis": {"grid": false}});
    let y = |field: &str| json!({"field": field, "type": "quantitative", "title": "Density"});
    let hints = tooltip(&[
        ("from", "quantitative", "from"),
        ("to", "quantitative", "to"),
        ("Observed", "quantitative", "Observed"),
        ("Background", "quantitative", "Background"),
        ("Intracellular", "quantitative", "Intracellular"),
    ]);
    let mut layers = vec![json!({
        "mark": {"type": "bar", "opacity": 0.75, "binSpacing": 0},
        "encoding": {"x": axis, "x2": {"field": "to"}, "y": y("Observed"), "color": color("Observed"), "tooltip": hints}
    })];
    for name in &shown[1..] {
        layers.push(json!({
            "mark": {"type": "line", "strokeWidth": 2.5, "interpolate": "monotone"},
            "encoding": {
                "x": {"field": "distance", "type": "quantitative"},
                "y": y(name),
                "color": color(name)
            }
        }));
    }
    let label = "Histogram of distances to the neighbor, with two fitted normals";
    Chart::new(label, rows.iter().map(value).collect(), 300, json!({ "layer": layers }))
}

/// Molecules of the most frequent genes, real and noise.
pub(super) fn genes(preview: &Preview) -> Chart {
    let rows: Vec<Value> = by_frequency(&preview.genes.table)
        .into_iter()
        .take(N_BARS)
        .map(|gene| {
            json!({
                "gene": gene.name, "Real": gene.real, "Noise": gene.molecules - gene.real, "molecules": gene.molecules
            })
        })
        .collect();
    let spec = json!({
        "transform": [{"fold": ["Real", "Noise"], "as": ["kind", "count"]}],
        "mark": {"type": "bar"},
        "encoding": {
            "x": {
                "field": "gene", "type": "nominal", "title": null, "sort": {"field": "molecules", "order": "descending"},
                "axis": {"labelAngle": -60, "labelLimit": 110, "labelOverlap": false, "labelFontSize": 11}
            },
            "y": {"field": "count", "type": "quantitative", "title": "Molecules", "axis": {"format": "~s"}},
            "color": {
                "field": "kind", "type": "nominal", "scale": {"domain": ["Real", "Noise"], "range": [REAL, NOISE]},
                "legend": {"title": null, "orient": "top-right"}
            },
            "order": {"field": "kind", "sort": "descending"},
            "tooltip": tooltip(&[
                ("gene", "nominal", "Gene"), ("Real", "quantitative", "Real"), ("Noise", "quantitative", "Noise")
            ])
        }
    });
    Chart::new("Molecules per gene, real and noise", rows, 320, spec)
}

/// Genes in the plane, neighbors in space near one another.
pub(super) fn embedding(preview: &Preview) -> Chart {
    let genes = by_frequency(&preview.genes.table);
    let rows: Vec<Value> = genes
        .iter()
        .filter_map(|gene| Some((gene, gene.place?)))
        .enumerate()
        .map(|(rank, (gene, [x, y]))| {
            json!({
                "gene": gene.name, "x": significant(x, 4), "y": significant(y, 4), "molecules": gene.molecules,
                "noise": gene.molecules - gene.real, "rank": rank + 1,
                "kind": if gene.is_control { "control" } else { "gene" }
            })
        })
        .collect();
    let found = "search != '' && indexof(lower(datum.gene), lower(search)) >= 0";
    let axis = |field: &str| {
        json!({
            "field": field, "type": "quantitative", "title": format!("Embedding, axis {}", if field == "x" { 1 } else { 2 }),
            "scale": {"zero": false}, "axis": {"labels": false, "ticks": false, "grid": false}
        })
    };
    let spec = json!({
        "params": [{
            "name": "search", "value": "", "bind": {"input": "search", "placeholder": "part of a name", "name": "Find a gene"}
        }],
        "encoding": {"x": axis("x"), "y": axis("y")},
        "layer": [
            {
                "params": [{"name": "zoom", "select": "interval", "bind": "scales"}],
                "mark": {"type": "circle", "stroke": "#ffffff", "strokeWidth": 0.5},
                "encoding": {
                    "size": {
                        "field": "molecules", "type": "quantitative", "scale": {"type": "log", "range": [15, 260]},
                        "legend": null
                    },
                    "color": {
                        "condition": {"test": found, "value": NOISE},
                        "field": "kind", "type": "nominal",
                        "scale": {"domain": ["gene", "control"], "range": [REAL, CONTROL]}, "legend": null
                    },
                    "opacity": {"condition": {"test": format!("search == '' || ({found})"), "value": 0.8}, "value": 0.15},
                    "tooltip": tooltip(&[
                        ("gene", "nominal", "Gene"), ("molecules", "quantitative", "Molecules"),
                        ("noise", "quantitative", "Noise"), ("rank", "quantitative", "Rank"), ("kind", "nominal", "Kind")
                    ])
                }
            },
            {
                "transform": [{"filter": format!("search == '' ? datum.rank <= {N_NAMES} : {found}")}],
                "mark": {"type": "text", "dy": -9, "fontSize": 11},
                "encoding": {"text": {"field": "gene"}}
            }
        ]
    });
    Chart::new("Genes near one another if they are neighbors in space", rows, 560, spec)
}

/// Molecules of all genes by rank.
pub(super) fn ranks(preview: &Preview) -> Chart {
    let rows: Vec<Value> = by_frequency(&preview.genes.table)
        .into_iter()
        .enumerate()
        .map(|(at, gene)| {
            let kind = if gene.is_control { "Control" } else { "Gene" };
            json!({"gene": gene.name, "rank": at + 1, "molecules": gene.molecules, "kind": kind})
        })
        .collect();
    let spec = json!({
        "mark": {"type": "point", "filled": true, "size": 28, "opacity": 0.8},
        "encoding": {
            "x": {"field": "rank", "type": "quantitative", "title": "Genes, from the most to the least frequent"},
            "y": {"field": "molecules", "type": "quantitative", "title": "Molecules", "scale": {"type": "log"}},
            "color": {
                "field": "kind", "type": "nominal", "scale": {"domain": ["Gene", "Control"], "range": [REAL, CONTROL]},
                "legend": {"title": null, "orient": "top-right"}
            },
            "tooltip": tooltip(&[
                ("gene", "nominal", "Gene"), ("molecules", "quantitative", "Molecules"), ("rank", "quantitative", "Rank")
            ])
        }
    });
    Chart::new("Molecules per gene, from the most to the least frequent gene", rows, 260, spec)
}

/// How well scales explain the data, with the range that they support.
pub(super) fn trials(preview: &Preview) -> Chart {
    let suggestion = &preview.suggestion;
    let row = |trial: &Trial| {
        json!({
            "scale": significant(trial.scale, 4), "lead": significant(-trial.deficit, 4),
            "low": significant(-trial.deficit - 2.0 * trial.deficit_error, 4),
            "high": significant(-trial.deficit + 2.0 * trial.deficit_error, 4),
            "cells": trial.n_cells, "radius": significant(trial.median_radius, 3),
            "molecules": significant(trial.molecules_per_cell[1], 3)
        })
    };
    let x = format!("Scale: expected cell radius ({})", preview.unit.of_length());
    let x = json!({"field": "scale", "type": "quantitative", "title": x, "scale": {"type": "log", "nice": false}});
    let y = "Behind the best (nats per molecule)";
    let mut layers = Vec::new();
    if let Some([low, high]) = suggestion.scale_range {
        layers.push(json!({
            "data": {"values": [{}]},
            "mark": {"type": "rect", "color": REAL, "opacity": 0.15},
            "encoding": {"x": {"datum": significant(low, 4)}, "x2": {"datum": significant(high, 4)}}
        }));
    }
    layers.push(json!({
        "mark": {"type": "rule", "strokeWidth": 1.5, "color": REAL},
        "encoding": {"x": x, "y": {"field": "low", "type": "quantitative", "title": y}, "y2": {"field": "high"}}
    }));
    layers.push(json!({
        "mark": {"type": "line", "point": {"filled": true, "size": 55}, "strokeWidth": 2},
        "encoding": {
            "x": x,
            "y": {"field": "lead", "type": "quantitative", "title": y},
            "tooltip": tooltip(&[
                ("scale", "quantitative", "Scale tried"), ("lead", "quantitative", "Behind the best"),
                ("cells", "quantitative", "Cells found"), ("radius", "quantitative", "Their median radius"),
                ("molecules", "quantitative", "Their median of molecules")
            ])
        }
    }));
    if let Some(scale) = suggestion.scale {
        layers.push(json!({
            "data": {"values": [{}]},
            "mark": {"type": "rule", "strokeDash": [5, 4], "strokeWidth": 2, "color": NOISE},
            "encoding": {"x": {"datum": scale}}
        }));
    }
    Chart::new(
        "Scores of the scales tried",
        suggestion.trials.iter().map(row).collect(),
        280,
        json!({ "layer": layers }),
    )
}
