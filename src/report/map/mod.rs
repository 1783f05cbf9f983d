//! The interactive map: molecules, outlines of cells and of the prior, in one page that opens offline.
//!
//! ```text
//! MapInput -> tiles: which molecules, in which tile and level -> blocks: columns, packed, in base64
//!          -> rings: outlines as differences                  ->
//!          -> cells: statistics and genes of cells            ->   map.html + styles + scripts = one file
//!          -> head: JSON, what there is and where
//! ```
//!
//! The page draws with WebGL 2. For every frame it takes the levels of detail of the visible tiles that the machine can
//! draw in time, and completes the picture when the view rests; see `assets/map/draw.js`.

mod blocks;
mod cells;
mod rings;
#[cfg(test)]
mod tests;
mod tiles;

use std::io::{self, Write};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::escape::{html, script_json};
use crate::cells::{CellCounts, CellStats};
use crate::data::{CellIdx, CellNames, CellOutline, ClusterIdx, GeneIdx, Positions};
use crate::numeric::stats as numeric_stats;
use blocks::{Block, write_blocks};
use rings::Rings;
use tiles::{N_LEVELS, Tiles};

const THEME_STYLES: &str = include_str!("../assets/theme.css");
const THEME: &str = include_str!("../assets/theme.js");
const STYLES: &str = include_str!("../assets/map/map.css");
const BODY: &str = include_str!("../assets/map/map.html");
/// The program of the page, in the order of use.
const SCRIPTS: [&str; 7] = [
    include_str!("../assets/map/data.js"),
    include_str!("../assets/map/colors.js"),
    include_str!("../assets/map/draw.js"),
    include_str!("../assets/map/outlines.js"),
    include_str!("../assets/map/panels.js"),
    include_str!("../assets/map/input.js"),
    include_str!("../assets/map/main.js"),
];

/// Molecules that a map shows, at most: pages stay below some 25 MB.
pub const MAX_MOLECULES: usize = 2_000_000;

/// What a map shows. Arrays of molecules are `[n_molecules]`, in one order.
#[derive(Clone, Debug)]
pub struct MapInput<'a> {
    /// What the page is, in the window's title and at its top.
    pub title: &'a str,
    /// What it is about: the run. Plain text.
    pub subtitle: &'a str,
    /// Molecules shown at most; of more, a sample by a hash of their ids.
    pub max_molecules: usize,
    /// Identity of every molecule.
    pub ids: &'a [u32],
    /// Coordinates.
    pub positions: &'a Positions,
    /// Gene of every molecule.
    pub genes: &'a [GeneIdx],
    /// Names of genes. `[n_genes]`
    pub gene_names: &'a [String],
    /// Cell, `None` for noise.
    pub cells: &'a [Option<CellIdx>],
    /// Probability to be real, 0..=1.
    pub confidence: Option<&'a [f32]>,
    /// Trust in the cell, 0..=1.
    pub assignment_confidence: Option<&'a [f32]>,
    /// Molecule cluster.
    pub clusters: Option<&'a [ClusterIdx]>,
    /// Color of the neighborhood.
    pub colors: Option<&'a [[u8; 3]]>,
    /// Names of cells.
    pub names: &'a CellNames,
    /// Statistics of cells.
    pub stats: &'a CellStats,
    /// Genes of cells.
    pub counts: &'a CellCounts,
    /// Outlines of cells.
    pub outlines: &'a [CellOutline],
    /// The prior segmentation, if there is one.
    pub prior: Option<MapPrior<'a>>,
    /// A PNG for browsers without WebGL 2.
    pub static_picture: Option<&'a [u8]>,
    /// What is missing or was changed, in sentences for the reader.
    pub notes: Vec<String>,
}

/// The prior segmentation of a map.
#[derive(Clone, Debug, Default)]
pub struct MapPrior<'a> {
    /// Outlines with the names of their segments' places in `labels`.
    pub outlines: Vec<(u32, &'a [[f64; 2]])>,
    /// Names of segments.
    pub labels: Vec<String>,
    /// What the outlines are, in a few words.
    pub origin: &'a str,
    /// Segments that have a good share of a cell's molecules. `[n_cells]`
    pub segments_of_cells: Option<&'a [u32]>,
}

/// Writes the map as one page. The same input gives the same bytes.
pub fn write(out: &mut impl Write, input: &MapInput<'_>) -> io::Result<()> {
    let radius = typical_radius(input);
    let tiles = Tiles::new(input.positions, input.ids, radius, input.max_molecules);
    let outlines = input.outlines.iter().map(|outline| (outline.cell.idx() as u32, outline.ring.as_slice()));
    let outlines = Rings::pack(outlines, tiles.origin, radius);
    let prior = input.prior.as_ref().map(|prior| Rings::pack(prior.outlines.iter().copied(), tiles.origin, radius));
    let (statistics, of_statistics) = cells::statistics(input);
    let mut head = head(input, &tiles, radius);
    head["statistics"] = json!(statistics);
    head["outlines"] = describe_rings(&outlines);
    let mut notes = input.notes.clone();
    notes.extend(notes_on(input, &tiles, &outlines, prior.as_ref()));
    let mut blocks = molecule_blocks(input, &tiles, &mut head);
    blocks.extend(of_statistics);
    blocks.extend(cells::blocks(input));
    blocks.push(Block { name: "outlines", bytes: outlines.bytes });
    if let (Some(rings), Some(prior)) = (prior, &input.prior) {
        head["prior"] = describe_rings(&rings);
        head["prior"]["origin"] = json!(prior.origin);
        // Labels are joined, as they may be a million.
        blocks.push(Block { name: "prior", bytes: rings.bytes });
        blocks.push(Block { name: "prior-labels", bytes: serde_json::to_vec(&prior.labels)? });
    }
    head["notes"] = json!(notes);

    let title = html(input.title);
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>\n{THEME_STYLES}{STYLES}</style>\n<script>\n{THEME}</script>\n</head>\n<body>\n{BODY}"
    )?;
    if let Some(png) = input.static_picture {
        writeln!(out, "<script type=\"text/plain\" id=\"static-picture\">{}</script>", STANDARD.encode(png))?;
    }
    writeln!(out, "<script type=\"application/json\" id=\"head\">{}</script>", script_json(&head))?;
    write_blocks(out, &blocks)?;
    for script in SCRIPTS {
        write!(out, "<script>\n{script}</script>\n")?;
    }
    out.write_all(b"</body>\n</html>\n")
}

/// What there is and where, but for statistics and outlines.
fn head(input: &MapInput<'_>, tiles: &Tiles, radius: f64) -> Value {
    let mut n_of_gene = vec![0u32; input.gene_names.len()];
    for gene in input.genes {
        n_of_gene[gene.idx()] += 1;
    }
    let directory: Vec<Value> =
        (tiles.tiles.iter()).map(|tile| json!([tile.corner[0], tile.corner[1], tile.bits, tile.counts])).collect();
    json!({
        "title": input.title,
        "subtitle": input.subtitle,
        "n_molecules": input.ids.len(),
        "n_shown": tiles.order.len(),
        "n_cells": input.stats.n_cells(),
        "n_noise": input.cells.iter().filter(|cell| cell.is_none()).count(),
        "n_levels": N_LEVELS,
        "origin": tiles.origin,
        "step": tiles.step,
        "radius": radius,
        "tiles": directory,
        "genes": input.gene_names,
        "n_of_gene": n_of_gene,
        "cell_prefix": input.names.prefix(),
        "cell_numbers": cell_numbers(input),
    })
}

/// Numbers of the cells, ascending; none if they are 1, 2, …, as without filters.
fn cell_numbers(input: &MapInput<'_>) -> Option<Vec<u32>> {
    let numbers: Vec<u32> = (0..input.stats.n_cells()).map(|cell| input.names.number(CellIdx::new(cell))).collect();
    numbers.iter().enumerate().any(|(cell, &number)| number as usize != cell + 1).then_some(numbers)
}

fn describe_rings(rings: &Rings) -> Value {
    json!({ "n": rings.n, "step": rings.step, "error": rings.error })
}

/// Columns of the molecules that are shown. Enters into `head` what is needed to read them.
fn molecule_blocks(input: &MapInput<'_>, tiles: &Tiles, head: &mut Value) -> Vec<Block> {
    /// Shares are told in hundredths.
    fn hundredths(values: &[f32], order: &[u32]) -> Vec<u32> {
        order.iter().map(|&molecule| (values[molecule as usize].clamp(0.0, 1.0) * 100.0).round() as u32).collect()
    }
    let order = &tiles.order;
    let [x, y] = tiles.differences();
    let genes: Vec<u32> = order.iter().map(|&molecule| input.genes[molecule as usize].idx() as u32).collect();
    let mut blocks = vec![Block::planes("x", &x), Block::planes("y", &y), Block::planes("gene", &genes)];
    drop((x, y, genes));
    blocks.extend(cell_blocks(input, tiles));
    if let Some(clusters) = input.clusters {
        let numbers: Vec<u32> = order.iter().map(|&molecule| clusters[molecule as usize].number()).collect();
        let n_clusters = clusters.iter().map(|cluster| cluster.number()).max().unwrap_or(0) as usize;
        let mut counts = vec![0u32; n_clusters];
        clusters.iter().for_each(|cluster| counts[cluster.idx()] += 1);
        head["n_of_cluster"] = json!(counts);
        blocks.push(Block::planes("cluster", &numbers));
    }
    if let Some(values) = input.confidence {
        blocks.push(Block::planes("confidence", &hundredths(values, order)));
    }
    if let Some(values) = input.assignment_confidence {
        blocks.push(Block::planes("assignment", &hundredths(values, order)));
    }
    if let Some(colors) = input.colors {
        // 5 bits of red, 6 of green and 5 of blue: a byte each packs better than two bytes for all.
        for (channel, (name, n_bits)) in [("red", 5), ("green", 6), ("blue", 5)].into_iter().enumerate() {
            let most = (1u32 << n_bits) - 1;
            let coarse = |&molecule: &u32| (u32::from(colors[molecule as usize][channel]) * most + 127) / 255;
            blocks.push(Block::planes(name, &order.iter().map(coarse).collect::<Vec<u32>>()));
        }
    }
    if let Some(z) = &input.positions.z {
        let (values, low, step) = depths(z, order);
        head["z"] = json!({ "low": low, "step": step });
        blocks.push(Block::planes("z", &values));
    }
    blocks
}

/// Steps of z in all.
const DEPTH_STEPS: f64 = 250.0;

/// z of the shown molecules in steps: the values themselves if they are planes, otherwise of [`DEPTH_STEPS`].
fn depths(z: &[f64], order: &[u32]) -> (Vec<u32>, f64, f64) {
    let shown = || order.iter().map(|&molecule| z[molecule as usize]);
    let low = shown().fold(f64::INFINITY, f64::min);
    let high = shown().fold(f64::NEG_INFINITY, f64::max);
    if low.is_nan() || high <= low {
        return (vec![0; order.len()], if low.is_finite() { low } else { 0.0 }, 1.0);
    }
    let least = shown().map(|z| z - low).filter(|&above| above > 0.0).fold(f64::INFINITY, f64::min);
    let is_even = (high - low) / least <= DEPTH_STEPS
        && shown().all(|z| ((z - low) / least - ((z - low) / least).round()).abs() < 1e-6);
    let step = if is_even { least } else { (high - low) / DEPTH_STEPS };
    (shown().map(|z| ((z - low) / step).round() as u32).collect(), low, step)
}

/// Cells of molecules: for every tile a list of its cells, and for every molecule its place there plus one, 0 for none.
fn cell_blocks(input: &MapInput<'_>, tiles: &Tiles) -> [Block; 2] {
    let mut of_molecules = Vec::with_capacity(tiles.order.len());
    let (mut bytes, mut known) = (Vec::new(), Vec::new());
    for range in tiles.ranges() {
        let members = &tiles.order[range];
        let cell = |&molecule: &u32| input.cells[molecule as usize].map(|cell| cell.idx() as u32);
        known.clear();
        known.extend(members.iter().filter_map(cell));
        known.sort_unstable();
        known.dedup();
        cells::dictionary(&mut bytes, &known);
        let place = |cell: u32| known.binary_search(&cell).map_or(0, |place| place as u32 + 1);
        of_molecules.extend(members.iter().map(|molecule| cell(molecule).map_or(0, place)));
    }
    [Block { name: "tile-cells", bytes }, Block::planes("cell", &of_molecules)]
}

/// The radius of the circle with the area of a typical cell; without cells a few distances between molecules.
fn typical_radius(input: &MapInput<'_>) -> f64 {
    let mut areas: Vec<f64> = input.stats.area.iter().copied().filter(|area| area.is_finite() && *area > 0.0).collect();
    if !areas.is_empty() {
        return (numeric_stats::median(&mut areas) / std::f64::consts::PI).sqrt();
    }
    let extent = |values: &[f64]| {
        let low = values.iter().copied().fold(f64::INFINITY, f64::min);
        let high = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        if high > low { high - low } else { 0.0 }
    };
    let (width, height) = (extent(&input.positions.x), extent(&input.positions.y));
    let spacing = (width.max(height / 100.0) * height.max(width / 100.0) / input.ids.len().max(1) as f64).sqrt();
    if spacing > 0.0 { 3.0 * spacing } else { 1.0 }
}

/// What the reader has to know of this page.
fn notes_on(input: &MapInput<'_>, tiles: &Tiles, outlines: &Rings, prior: Option<&Rings>) -> Vec<String> {
    let mut notes = Vec::new();
    let (n, n_shown) = (input.ids.len(), tiles.order.len());
    if n_shown < n {
        let ratio = n as f64 / n_shown.max(1) as f64;
        let text = format!("{ratio:.1}");
        notes.push(format!(
            "1 of {} molecules is shown ({n_shown} of {n}), a uniform sample. Numbers of cells and genes count all.",
            text.strip_suffix(".0").unwrap_or(&text)
        ));
    }
    let n_cells = input.stats.n_cells();
    let mut lacks = |missing: bool, text: &str| {
        if missing {
            notes.push(text.to_owned());
        }
    };
    lacks(n == 0, "There are no molecules.");
    lacks(n > 0 && n_cells == 0, "No cells: all molecules are noise.");
    lacks(n_cells > 0 && outlines.n == 0, "No outlines of cells: the run had none to make (polygon format none).");
    lacks(input.colors.is_none(), "No neighborhood colors: they were not computed.");
    lacks(input.clusters.is_none(), "No clusters: molecules were not clustered.");
    lacks(input.assignment_confidence.is_none(), "No assignment confidence: the run recorded too few iterations.");
    lacks(prior.is_none(), "No prior segmentation was given.");
    lacks(prior.is_some_and(|rings| rings.n == 0), "The prior segmentation has no outlines.");
    for (rings, whose) in [(Some(outlines), "cells"), (prior, "the prior")] {
        if let Some(Rings { error, .. }) = rings.filter(|rings| rings.error > 0.0) {
            let share = 100.0 * error / typical_radius(input);
            notes.push(format!("Outlines of {whose} are simplified, by at most {share:.0} % of a cell's radius."));
        }
    }
    notes
}
