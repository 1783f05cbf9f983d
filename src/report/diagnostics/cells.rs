//! What cells are like.

use super::figures::{Axes, Mark, bins, bulk, columns, median};
use super::words::{count, short};
use super::{Run, caption, nothing};
use crate::report::chart::Chart;
use crate::report::document::{Block, Caption, Section};

/// The section.
pub fn section(run: &Run<'_>) -> Section {
    let mut section = Section::new("Cells", "Cells");
    if run.stats.n_cells() == 0 {
        nothing(&mut section, "There are no cells: all molecules are noise.");
        return section;
    }
    let figures = [molecules(run), genes(run), area(run), elongation(run), density(run), clusters(run)];
    section.push(Block::Row(figures.into_iter().flatten().collect()));
    if run.stats.cluster.is_none() {
        nothing(&mut section, "Molecules were not clustered, so cells have no clusters.");
    }
    section
}

fn figure(chart: Option<Chart>, caption: Caption) -> Option<Block> {
    chart.map(|chart| Block::Chart(chart, caption))
}

fn histogram(label: &str, axes: Axes<'_>, values: &[f64], range: [f64; 2], marks: &[Mark]) -> Option<Chart> {
    super::figures::histogram(label, axes, &bins(values.iter().copied(), range), marks)
}

fn molecules(run: &Run<'_>) -> Option<Block> {
    let values: Vec<f64> = run.stats.n_transcripts.iter().map(|&n| f64::from(n)).filter(|&n| n > 1.0).collect();
    let least = run.made.min_molecules_per_cell as f64;
    let marks = [(least, format!("minimum {least}")), (median(values.iter().copied()), "median".to_owned())];
    let axes = Axes { x: "molecules per cell", y: "cells" };
    let chart = histogram("Molecules per cell", axes, &values, bulk(&values, true), &marks);
    let shows = "Molecules per cell, for cells of more than one; the largest 1 % are cut off.";
    let good = "a hump well to the right of the minimum, with few cells below it.";
    let bad = "the highest bar at the left edge: cells in pieces. Raise the scale, or filter small cells later on.";
    figure(chart, caption(shows, good, bad))
}

fn genes(run: &Run<'_>) -> Option<Block> {
    let values: Vec<f64> = run.genes_of_cell.iter().map(|&n| f64::from(n)).collect();
    let typical = median(values.iter().copied());
    let axes = Axes { x: "different genes per cell", y: "cells" };
    let chart = histogram("Genes per cell", axes, &values, bulk(&values, true), &[(typical, "median".to_owned())]);
    let shows = format!("Different genes in a cell, of {} in the table.", count(run.made.n_genes));
    let good = "a single hump; together with the molecules per cell it says how much clustering of cells can do.";
    let bad = "most cells with a handful of genes: too small to be told apart.";
    figure(chart, caption(shows, good, bad))
}

fn area(run: &Run<'_>) -> Option<Block> {
    let circle = std::f64::consts::PI * run.made.scale * run.made.scale;
    let values = &run.stats.area;
    let range = bulk(values, true);
    let marks = [(circle, "area at the scale".to_owned())].into_iter().filter(|mark| mark.0 <= range[1]);
    let axes = Axes { x: "area of the cell, squared coordinate units", y: "cells" };
    let chart = histogram("Area of cells", axes, values, range, &marks.collect::<Vec<_>>());
    let shows = "Area of the convex hull of the molecules of a cell in x and y; the largest 1 % are cut off.";
    let good = "one broad hump around the area of a circle with the scale as radius.";
    let bad = "a peak at 0 with a long tail: many tiny cells beside a few large ones.";
    figure(chart, caption(shows, good, bad))
}

fn elongation(run: &Run<'_>) -> Option<Block> {
    let values = &run.stats.elongation;
    let typical = median(values.iter().copied());
    let [_, high] = bulk(values, false);
    let axes = Axes { x: "elongation (larger by smaller variance)", y: "cells" };
    let chart =
        histogram("Elongation of cells", axes, values, [1.0, high.clamp(1.0, 30.0)], &[(typical, "median".to_owned())]);
    let shows = format!("1 is round; the median is {}. A cell twice as long as wide has 4.", short(typical));
    let good = "a peak between 1 and 3.";
    let bad = "many cells above 6, where the tissue has no such cells: pieces along borders, or cells merged in a row.";
    figure(chart, caption(shows, good, bad))
}

fn density(run: &Run<'_>) -> Option<Block> {
    let values = &run.stats.density;
    let axes = Axes { x: "molecules per squared coordinate unit", y: "cells" };
    let chart = histogram("Density of cells", axes, values, bulk(values, true), &[]);
    let shows = "Molecules of a cell by its area; the densest 1 % are cut off.";
    let good = "one hump: cells of a tissue are about equally dense.";
    let bad = "a second hump at small densities: background that was made into cells.";
    figure(chart, caption(shows, good, bad))
}

fn clusters(run: &Run<'_>) -> Option<Block> {
    let clusters = run.stats.cluster.as_ref()?;
    let n = clusters.iter().flatten().map(|cluster| cluster.number()).max().unwrap_or(0) as usize;
    let mut cells = vec![0u64; n];
    clusters.iter().flatten().for_each(|cluster| cells[cluster.idx()] += 1);
    let cells: Vec<(String, u64)> = cells.into_iter().enumerate().map(|(at, n)| ((at + 1).to_string(), n)).collect();
    let axes = Axes { x: "molecule cluster", y: "cells" };
    let mut shows = "Cells by the most frequent cluster of their molecules.".to_owned();
    if let Some(shares) = &run.stats.max_cluster_frac {
        let typical = median(shares.iter().copied());
        shows += &format!(" In half of the cells it holds more than {} % of them.", short(100.0 * typical));
    }
    let good = "every cluster has cells, and cells are mostly of one cluster (above 80 %).";
    let bad =
        "clusters without cells, or cells of mixed clusters: the scale may be too large, or --n-clusters too high.";
    figure(columns("Cells by cluster", axes, &cells), caption(shows, good, bad))
}
