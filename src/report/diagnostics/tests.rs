//! Runs of a few molecules, and what the page says of them.

use super::*;
use crate::bmm::trace::TraceEntry;
use crate::data::{ClusterIdx, SegmentIdx};

fn made() -> Made {
    Made {
        run_id: "R1".to_owned(),
        version: "1.2.3".to_owned(),
        seed: 1,
        n_genes: 7,
        scale: 2.0,
        scale_std: 0.5,
        scale_origin: "given".to_owned(),
        min_molecules_per_cell: 3,
        iterations: 500,
        prior_confidence: 0.2,
        is_3d: false,
        is_merged: false,
        warnings: Vec::new(),
    }
}

/// Cells of so many molecules, each of an area of 4π, whose radius is 2.
fn stats(sizes: &[u32]) -> CellStats {
    let n = sizes.len();
    CellStats {
        x: (0..n).map(|cell| cell as f64).collect(),
        y: vec![0.0; n],
        n_transcripts: sizes.to_vec(),
        density: vec![1.0; n],
        elongation: vec![1.5; n],
        area: vec![4.0 * std::f64::consts::PI; n],
        avg_confidence: vec![0.9; n],
        ..CellStats::default()
    }
}

/// Molecules of the cells in order, and so many of noise.
fn molecules(sizes: &[u32], n_noise: usize) -> Vec<Option<CellIdx>> {
    let in_cells = sizes.iter().enumerate().flat_map(|(cell, &n)| vec![Some(CellIdx::new(cell)); n as usize]);
    in_cells.chain(std::iter::repeat_n(None, n_noise)).collect()
}

/// A course whose number of cells goes evenly from one number to another.
fn course(n: usize, from: f64, to: f64) -> Vec<TraceEntry> {
    let cells = |at: usize| (from + (to - from) * at as f64 / (n - 1) as f64).round() as u32;
    let entry =
        |at| TraceEntry { n_components: vec![100, cells(at)], noise_share: 0.1, n_changed: 1, share_that_left: None };
    (0..n).map(entry).collect()
}

struct Case {
    sizes: Vec<u32>,
    n_noise: usize,
    entries: Vec<TraceEntry>,
    prior: Option<Prior>,
    stats: CellStats,
}

impl Case {
    fn new(sizes: &[u32], n_noise: usize) -> Self {
        Self { sizes: sizes.to_vec(), n_noise, entries: course(101, 50.0, 50.0), prior: None, stats: stats(sizes) }
    }

    fn page(&self, change: impl FnOnce(&mut Run<'_>)) -> String {
        let cell_of = molecules(&self.sizes, self.n_noise);
        let confidence = vec![0.9; cell_of.len()];
        let mut run = Run {
            made: made(),
            confidence: &confidence,
            assignment_confidence: None,
            cell_of: &cell_of,
            stats: &self.stats,
            genes_of_cell: self.sizes.clone(),
            likeness: Likeness::default(),
            course: Course { thresholds: &[1, 3], entries: &self.entries },
            clusters: &[],
            compartments: &[],
            prior: self.prior.clone(),
            scale: None,
        };
        change(&mut run);
        let mut bytes = Vec::new();
        page(&run).write(&mut bytes).unwrap();
        String::from_utf8(bytes).unwrap()
    }
}

fn assert_says(page: &str, texts: &[&str]) {
    let words = page.split("<script>\n!function").next().unwrap();
    for text in texts {
        assert!(page.contains(text), "'{text}' is not in {}", &words[words.len().saturating_sub(4000)..]);
    }
}

#[test]
fn a_good_run_has_good_verdicts() {
    let page = Case::new(&[10; 30], 20).page(|_| {});
    assert_says(&page, &["Few cells are too small", "The share of noise is plausible", "The model has settled"]);
    assert!(!page.contains("verdict bad") && !page.contains("verdict careful"));
}

#[test]
fn what_is_missing_is_said() {
    let page = Case::new(&[], 5).page(|run| run.course = Course::default());
    assert_says(
        &page,
        &["No cell was found", "There are no cells", "There was no prior segmentation", "were not kept"],
    );
    assert_says(&page, &["There is no assignment confidence", "Molecules were not clustered", "verdict bad"]);
    let page = Case::new(&[4], 0).page(|_| {});
    assert_says(&page, &["4 molecules, 1 cell<", "Radii of cells beside the expected one"]);
    let page = Case::new(&[], 0).page(|_| {});
    assert_says(&page, &["0 molecules, 0 cells", "There are no molecules with a confidence"]);
}

#[test]
fn missing_iterations_are_not_an_early_end() {
    let page = Case::new(&[10; 30], 0).page(|run| run.course = Course::default());
    assert_says(
        &page,
        &["not recorded", "The iterations of the model were not kept", "Molecules were not clustered in"],
    );
    assert!(!page.contains("stopped early") && !page.contains("per iteration\""));
    let page = Case::new(&[10; 30], 0).page(|run| {
        run.course = Course::default();
        run.made.is_merged = true;
    });
    assert_says(&page, &["every tile had its own", "the stages of the tiles have them"]);
    let mut case = Case::new(&[10; 30], 0);
    case.stats.cluster = Some(vec![Some(ClusterIdx::new(0)); 30]);
    assert_says(&case.page(|_| {}), &["The iterations of the molecule clustering were not kept"]);
    assert_says(&case.page(|run| run.made.is_merged = true), &["those of the molecule clustering"]);
    assert!(!case.page(|run| run.clusters = &[Change { largest: 0.0, share: 0.1 }; 30]).contains("were not kept"));
    // Numbers of components may be missing alone.
    let page = case.page(|run| run.course.thresholds = &[]);
    assert_says(
        &page,
        &["Noise per iteration", "Molecules moved per iteration", "numbers of components were not kept"],
    );
    assert!(!page.contains("The model has"));
}

#[test]
fn bad_runs_are_called_bad() {
    let many_small: Vec<u32> = (0..40).map(|cell| if cell % 2 == 0 { 1 } else { 9 }).collect();
    assert_says(&Case::new(&many_small, 0).page(|_| {}), &["Too many cells are too small", "20 of 40 cells"]);
    assert_says(&Case::new(&[10; 4], 60).page(|_| {}), &["Most molecules are noise", "60.0\u{a0}% of the molecules"]);
    let falling = Case { entries: course(101, 200.0, 50.0), ..Case::new(&[10; 30], 0) };
    assert_says(&falling.page(|_| {}), &["The model has not settled"]);
    let short = Case { entries: course(5, 50.0, 50.0), ..Case::new(&[10; 30], 0) };
    assert_says(&short.page(|_| {}), &["The model cannot have converged", "4 iterations only"]);
    let page = Case::new(&[10; 30], 0).page(|run| run.clusters = &[Change { largest: 0.5, share: 0.1 }; 30]);
    assert_says(&page, &["The model has nearly settled", "The molecule clustering had not come to rest"]);
}

#[test]
fn segments_that_share_cells_speak_against_the_prior() {
    let sizes = [8; 4];
    let cell_of = molecules(&sizes, 0);
    let segments = |n_per_cell: usize| -> Prior {
        let of: Vec<_> = (0..32).map(|at| Some(SegmentIdx::new(at * n_per_cell / 8))).collect();
        Prior { agreement: Agreement::of(&cell_of, 4, &of), nuclei: Nuclei::of(&cell_of, 4, &of), radii: vec![1.0] }
    };
    let one = Case { prior: Some(segments(1)), ..Case::new(&sizes, 0) };
    assert_says(
        &one.page(|_| {}),
        &["Cells follow the prior", "100.0\u{a0}% are the core of one cell", "prior segments 0.5"],
    );
    assert_says(
        &one.page(|_| {}),
        &["of the cells; 0.0\u{a0}% have none", "cells with one nucleus", "Nuclei per cell"],
    );
    let two = Case { prior: Some(segments(2)), ..Case::new(&sizes, 0) };
    assert_says(&two.page(|_| {}), &["Cells contradict the prior", "100.0\u{a0}% share a cell"]);
    assert_says(&two.page(|_| {}), &["Several nuclei", "in one cell; 0 divided, 0 without a cell"]);
    let ignored = two.page(|run| run.made.prior_confidence = 0.0);
    assert_says(&ignored, &["The prior was used for the scale only"]);
}

#[test]
fn a_verdict_on_the_scale_comes_first_and_shows_its_evidence() {
    let trial = |scale: f64| Trial { scale, deficit: (scale - 2.0).abs(), error: 0.1 };
    let check = ScaleCheck {
        verdict: Verdict::new(Level::Bad, "The scale is probably too large", ["Because.".to_owned()]),
        suggested: Some(1.0),
        trials: [1.0, 2.0, 4.0].map(trial).to_vec(),
    };
    let page = Case::new(&[10; 30], 0).page(|run| run.scale = Some(check));
    assert!(page.find("probably too large").unwrap() < page.find("Few cells are too small").unwrap());
    assert_says(&page, &["How well scales foretell molecules", "suggested 1"]);
}

#[test]
fn clusters_of_cells_are_counted() {
    let mut case = Case::new(&[5, 5, 5], 0);
    case.stats.cluster = Some([0, 2, 2].map(|cluster| Some(ClusterIdx::new(cluster))).to_vec());
    case.stats.max_cluster_frac = Some(vec![1.0, 0.5, 0.8]);
    let page = case.page(|_| {});
    assert_says(&page, &[r#"[{"n":1,"name":"1"},{"n":0,"name":"2"},{"n":2,"name":"3"}]"#, "more than 80 % of them"]);
}
