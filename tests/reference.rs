//! Our deterministic steps against reference intermediates of Baysor 0.7.1, number by number.
//!
//! Deliberate departures are switched off here: hull edges are removed, the noise sweep is
//! sequential, the confidence of very dense molecules is not raised, quirks are imitated.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)] // a test without its data, or with a wrong step, must fail here

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;

use baysor::bmm::{self, Choice, Evidence, Params, Quirks, Segments, State};
use baysor::composition::{Compositions, Neighborhoods};
use baysor::data::{ClusterIdx, ComponentIdx, GeneIdx, Molecules, Positions, SegmentIdx};
use baysor::graph::{self, Edge, MoleculeGraph, SpatialGraph};
use baysor::noise::{self, NoiseFit, PriorTrust, Sweep};
use baysor::numeric::draws::{Draws, Stream};
use baysor::spatial::{delaunay, normalize};

/// Columns of a tab-separated table by name.
struct Table(BTreeMap<String, Vec<f64>>);

impl Table {
    fn read(name: &str) -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/reference").join(name);
        let file = std::fs::File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut text = String::new();
        flate2::read::GzDecoder::new(file).read_to_string(&mut text).unwrap();
        let mut lines = text.lines();
        let names: Vec<&str> = lines.next().unwrap().split('\t').collect();
        let mut columns = vec![Vec::new(); names.len()];
        for line in lines {
            for (column, value) in columns.iter_mut().zip(line.split('\t')) {
                column.push(value.parse().unwrap());
            }
        }
        Self(names.into_iter().map(str::to_owned).zip(columns).collect())
    }

    fn numbers(&self, name: &str) -> &[f64] {
        &self.0[name]
    }

    fn ids(&self, name: &str) -> Vec<u32> {
        self.0[name].iter().map(|&value| value as u32).collect()
    }

    fn components(&self, name: &str) -> Vec<Option<ComponentIdx>> {
        self.ids(name).into_iter().map(ComponentIdx::from_number).collect()
    }
}

struct Case {
    name: &'static str,
    scale: f64,
    min_molecules_per_cell: usize,
    nn_id: usize,
    n_cells_init: usize,
    /// Fitted means and deviations of distances: signal, background.
    noise: [[f64; 2]; 2],
    init_noise_density: f64,
    truth_noise_density: f64,
}

const CASES: [Case; 2] = [
    Case {
        name: "sim_small",
        scale: 9.96,
        min_molecules_per_cell: 11,
        nn_id: 6,
        n_cells_init: 1540,
        noise: [[3.413_857_572_281_589, 1.080_328_367_556_000_7], [9.033_573_199_577_596, 2.577_994_419_447_606]],
        init_noise_density: 5.798_669_725_146_63e-8,
        truth_noise_density: 1.080_725_684_353_914_4e-8,
    },
    Case {
        name: "own_3d",
        scale: 8.0,
        min_molecules_per_cell: 20,
        nn_id: 11,
        n_cells_init: 1560,
        noise: [[3.909_740_959_178_104_3, 1.154_028_093_984_767_1], [8.604_091_023_348_083, 1.158_275_004_828_420_5]],
        init_noise_density: 3.294_792_019_813_579e-11,
        truth_noise_density: 9.055_537_934_861_099e-12,
    },
];

/// A reference case with everything that the steps need.
struct Setting {
    case: &'static Case,
    table: Table,
    molecules: Molecules,
    unfiltered: MoleculeGraph,
    filtered: MoleculeGraph,
    confidence: Vec<f32>,
    confidence_with_prior: Vec<f32>,
    clusters: Vec<ClusterIdx>,
    segment_of: Vec<Option<SegmentIdx>>,
    segment_sizes: Vec<u32>,
}

impl Setting {
    fn new(case: &'static Case) -> Self {
        let table = Table::read(&format!("{}_molecules.tsv.gz", case.name));
        let genes: Vec<GeneIdx> = table.ids("gene").iter().map(|&gene| GeneIdx::new(gene as usize)).collect();
        let molecules = Molecules {
            ids: (0..genes.len() as u32).collect(),
            positions: Positions {
                x: table.numbers("x").to_vec(),
                y: table.numbers("y").to_vec(),
                z: table.0.get("z").cloned(),
            },
            genes,
            n_genes: 60,
        };
        let mut spatial = without_hull_edges(&molecules);
        let unfiltered = graph::weigh(&spatial);
        graph::filter_long_edges(&mut spatial);
        let filtered = graph::weigh(&spatial);
        let single = |name: &str| table.numbers(name).iter().map(|&value| value as f32).collect::<Vec<f32>>();
        let segment_of: Vec<Option<SegmentIdx>> =
            table.ids("prior_segmentation").into_iter().map(SegmentIdx::from_number).collect();
        let n_segments = segment_of.iter().flatten().map(|segment| segment.idx() + 1).max().unwrap_or(0);
        let mut segment_sizes = vec![0; n_segments];
        for segment in segment_of.iter().flatten() {
            segment_sizes[segment.idx()] += 1;
        }
        Self {
            case,
            molecules,
            unfiltered,
            filtered,
            confidence: single("confidence"),
            confidence_with_prior: single("confidence_prior0.5"),
            clusters: table.ids("hash_cluster").iter().map(|&cluster| ClusterIdx::new(cluster as usize - 1)).collect(),
            segment_of,
            segment_sizes,
            table,
        }
    }

    fn evidence(&self, clusters: bool, prior: bool) -> Evidence<'_> {
        Evidence {
            molecules: &self.molecules,
            graph: &self.filtered,
            confidence: if prior { &self.confidence_with_prior } else { &self.confidence },
            clusters: clusters.then_some(&self.clusters[..]),
            segments: prior.then_some(Segments {
                segment_of: &self.segment_of,
                n_segments: self.segment_sizes.len(),
                sizes: &self.segment_sizes,
            }),
            compartments: None,
            centers: None,
        }
    }

    fn params(&self, prior_confidence: f64) -> Params {
        Params {
            scale: self.case.scale,
            scale_std: 0.25 * self.case.scale,
            min_molecules_per_cell: self.case.min_molecules_per_cell,
            prior_confidence,
            iterations: 100,
            tolerance: 0.0,
            converged: 0.0,
            n_cells_init: self.case.n_cells_init,
            choice: Choice::Argmax,
            quirks: Quirks { erase_negative_covariance: true, spare_last_component: true },
            log_noise_density: None,
            learned: None,
            owners: None,
        }
    }

    /// The state with a given assignment, refitted.
    fn state_at(&self, column: &str, evidence: &Evidence<'_>, params: &Params) -> State {
        let assignment = self.table.components(column);
        let n_components = assignment.iter().flatten().map(|at| at.idx() + 1).max().unwrap();
        let centers = Params { n_cells_init: n_components, ..params.clone() };
        // Ours would start from the segments.
        let blind = Evidence { segments: None, ..*evidence };
        let mut state = bmm::init::start(&blind, &centers).unwrap();
        assert_eq!(state.components().len(), n_components);
        state.assign(assignment);
        state.regroup(1);
        bmm::mstep::refit(&mut state, evidence, params, None).unwrap();
        state
    }
}

/// The graph of 0.7.1: in 2D without the edges of triangles that touch one of four artificial
/// corners of the unit square.
fn without_hull_edges(molecules: &Molecules) -> SpatialGraph {
    let jitter = Draws::new(1, Stream::Jitter);
    let ours = graph::build(molecules, jitter);
    if molecules.positions.z.is_some() {
        return ours;
    }
    let points = normalize::normalize(&molecules.positions, &molecules.ids, jitter).positions;
    let mut planar: Vec<[f64; 2]> = points.x.iter().zip(&points.y).map(|(&x, &y)| [x, y]).collect();
    let n_molecules = planar.len() as u32;
    planar.extend([[1.0, 1.0], [1.0, 2.0], [2.0, 1.0], [2.0, 2.0]]);
    let mut pairs: Vec<[u32; 2]> = delaunay::triangulation(&planar)
        .triangles
        .iter()
        .filter(|corners| corners.iter().all(|&corner| corner < n_molecules))
        .flat_map(|&[a, b, c]| [[a, b], [b, c], [a, c]].map(|[a, b]| [a.min(b), a.max(b)]))
        .collect();
    pairs.sort_unstable();
    pairs.dedup();
    let length = |a: u32, b: u32| {
        let (p, q) = (planar[a as usize], planar[b as usize]);
        (p[0] - q[0]).hypot(p[1] - q[1]) as f32
    };
    // All our edges but those of the hull are the same ones.
    let n_common = ours.edges.iter().filter(|edge| pairs.binary_search(&[edge.a, edge.b]).is_ok()).count();
    assert!(n_common as f64 > 0.999 * pairs.len() as f64, "{n_common} of {}", pairs.len());
    let edges = pairs.iter().map(|&[a, b]| Edge { a, b, value: length(a, b) }).collect();
    SpatialGraph { edges, ..ours }
}

fn for_each_case(check: impl Fn(&Setting)) {
    for case in &CASES {
        check(&Setting::new(case));
    }
}

#[test]
fn graph_has_the_reference_edges_and_weights() {
    for_each_case(|setting| {
        let edges = Table::read(&format!("{}_edges.tsv.gz", setting.case.name));
        for ((&a, &b), &weight) in edges.ids("i").iter().zip(&edges.ids("j")).zip(edges.numbers("weight")) {
            let (neighbors, weights) = setting.filtered.neighbors(a as usize - 1);
            let place = neighbors.binary_search(&(b - 1)).unwrap_or_else(|_| panic!("edge {a}-{b} is missing"));
            assert!((f64::from(weights[place]) - weight).abs() < 1e-6, "edge {a}-{b}");
        }
        let expected = if setting.case.name == "sim_small" { (24_603, 25_373) } else { (49_514, 50_532) };
        assert_eq!((setting.filtered.n_edges(), setting.unfiltered.n_edges()), expected);
    });
}

/// Our confidence with the rule of 0.7.1 that the background counts as 1 beyond a threshold.
fn with_outlier_rule(fit: &NoiseFit, distance: f64) -> f64 {
    if distance <= fit.outlier_threshold {
        return noise::posterior(fit, distance);
    }
    let deviation = (distance - fit.signal.mean) / fit.signal.std;
    let density = (-0.5 * deviation * deviation).exp() / (fit.signal.std * (2.0 * std::f64::consts::PI).sqrt());
    let signal = fit.n_signal * density;
    signal / (signal + 1.0)
}

#[test]
fn distances_and_confidences_agree() {
    for_each_case(|setting| {
        let distances = noise::neighbor_distances(&setting.molecules.positions, setting.case.nn_id);
        for (ours, &theirs) in distances.iter().zip(setting.table.numbers("nn_dist")) {
            assert!((f64::from(*ours) / theirs - 1.0).abs() < 1e-6);
        }
        let fit = noise::fit(&distances, &setting.unfiltered, None, Sweep::Sequential).unwrap();
        let fitted = [[fit.signal.mean, fit.signal.std], [fit.background.mean, fit.background.std]];
        for (ours, theirs) in fitted.as_flattened().iter().zip(setting.case.noise.as_flattened()) {
            assert!((ours / theirs - 1.0).abs() < 1e-5, "{ours} against {theirs}");
        }
        for (&distance, &theirs) in distances.iter().zip(setting.table.numbers("confidence")) {
            let ours = with_outlier_rule(&fit, f64::from(distance));
            assert!((ours - theirs).abs() < 2e-5, "{ours} against {theirs}");
        }
    });
}

#[test]
fn parallel_noise_sweep_ends_where_the_sequential_one_does() {
    for_each_case(|setting| {
        let distances = noise::neighbor_distances(&setting.molecules.positions, setting.case.nn_id);
        let fit = noise::fit(&distances, &setting.unfiltered, None, Sweep::Blocks).unwrap();
        // The sweeps stop at a change of 0.5 %, so they agree to about that.
        assert!((fit.signal.mean / setting.case.noise[0][0] - 1.0).abs() < 0.01);
        assert!((fit.background.mean / setting.case.noise[1][0] - 1.0).abs() < 0.01);
    });
}

#[test]
fn prior_raises_confidence_as_in_the_reference() {
    for_each_case(|setting| {
        let prior = PriorTrust { segment_of: &setting.segment_of, prior_confidence: 0.5 };
        let distances = noise::neighbor_distances(&setting.molecules.positions, setting.case.nn_id);
        let fit = noise::fit(&distances, &setting.unfiltered, Some(prior), Sweep::Sequential).unwrap();
        let theirs = setting.table.numbers("confidence_prior0.5");
        for (molecule, &distance) in distances.iter().enumerate() {
            let real = with_outlier_rule(&fit, f64::from(distance));
            let floor = if setting.segment_of[molecule].is_some() { 0.25 } else { 0.0 };
            assert!((floor + real * (1.0 - floor) - theirs[molecule]).abs() < 2e-5);
        }
    });
}

#[test]
fn neighborhood_compositions_agree() {
    for_each_case(|setting| {
        // As derived: the largest of a tenth of the genes, the molecules of a cell, and 3.
        let neighborhoods = Neighborhoods::new(&setting.molecules, setting.case.min_molecules_per_cell);
        let mut ours = Compositions::default();
        neighborhoods.compose(0..setting.molecules.len() as u32, &mut ours);
        let theirs = Table::read(&format!("{}_compositions.tsv.gz", setting.case.name));
        let mut n_entries: BTreeMap<u32, usize> = BTreeMap::new();
        for ((molecule, gene), &share) in
            theirs.ids("molecule").into_iter().zip(theirs.ids("gene")).zip(theirs.numbers("share"))
        {
            let (genes, shares) = ours.row(molecule as usize - 1);
            let place = genes.binary_search_by_key(&gene, |gene| gene.number()).unwrap();
            assert!((f64::from(shares[place]) - share).abs() < 1e-6, "molecule {molecule}, gene {gene}");
            *n_entries.entry(molecule).or_default() += 1;
        }
        assert!(n_entries.len() >= 250);
        assert!(n_entries.iter().all(|(&molecule, &n)| ours.row(molecule as usize - 1).0.len() == n));
    });
}

#[test]
fn initial_components_are_the_reference_ones() {
    for_each_case(|setting| {
        let evidence = setting.evidence(true, false);
        let state = bmm::init::start(&evidence, &setting.params(0.0)).unwrap();
        // Ours are numbered in another order: the same partition is what counts.
        let mut renamed: BTreeMap<u32, usize> = BTreeMap::new();
        for (ours, theirs) in state.assignment().iter().zip(setting.table.ids("init_component")) {
            let ours = ours.unwrap().idx();
            assert_eq!(*renamed.entry(theirs).or_insert(ours), ours);
        }
        assert_eq!(renamed.len(), state.components().len());
    });
}

fn check_densities(setting: &Setting, name: &str, column: &str, clusters: bool, prior: bool, noise_density: f64) {
    let evidence = Evidence { confidence: &setting.confidence, ..setting.evidence(clusters, prior) };
    let params = setting.params(if prior { 0.5 } else { 0.0 });
    let state = setting.state_at(column, &evidence, &params);
    assert!((state.log_noise_density().exp() / noise_density - 1.0).abs() < 1e-9);
    let reference = Table::read(&format!("{}_{name}.tsv.gz", setting.case.name));
    let rows = reference.ids("molecule").into_iter().zip(reference.ids("component"));
    let mut n_compared = 0;
    for ((molecule, component), &density) in rows.zip(reference.numbers("density")) {
        let (log_noise, options) = bmm::estep::log_densities(&state, &evidence, &params, molecule as usize - 1);
        let ours = match ComponentIdx::from_number(component) {
            None => log_noise.exp(),
            Some(component) => options.iter().find(|option| option.0 == component).unwrap().1.exp(),
        };
        // The table gives confidences to seven digits, which blurs 1 - c in the density of noise.
        let blur = if component == 0 {
            2e-7 / (1.0 - f64::from(evidence.confidence[molecule as usize - 1])).max(1e-7)
        } else {
            0.0
        };
        let tolerance = (1e-5 + blur) * density;
        assert!((ours - density).abs() < tolerance, "{name}, molecule {molecule}, {component}: {ours}, {density}");
        n_compared += 1;
    }
    assert!(n_compared > 500);
}

#[test]
fn first_densities_agree() {
    for_each_case(|setting| {
        let density = setting.case.init_noise_density;
        check_densities(setting, "init_densities_cluster", "init_component", true, false, density);
    });
}

#[test]
fn densities_at_the_truth_agree_with_and_without_clusters_and_prior() {
    for_each_case(|setting| {
        let density = setting.case.truth_noise_density;
        check_densities(setting, "truth_densities_plain", "truth_component", false, false, density);
        check_densities(setting, "truth_densities_cluster", "truth_component", true, false, density);
        check_densities(setting, "truth_densities_prior0.5", "truth_component", true, true, density);
    });
}

#[test]
fn split_detaches_what_the_reference_detaches() {
    for_each_case(|setting| {
        let evidence = setting.evidence(false, false);
        let params = setting.params(0.0);
        let mut state = setting.state_at("truth_component", &evidence, &params);
        bmm::split::detach_fragments(&mut state, &evidence, &params);
        let expected = setting.table.components("truth_after_split");
        let n_different = state.assignment().iter().zip(&expected).filter(|(a, b)| a != b).count();
        assert_eq!(n_different, 0, "{}", setting.case.name);
    });
}

/// Share of molecules whose component holds the same molecules' majority in the reference.
fn agreement(ours: &[Option<ComponentIdx>], theirs: &[u32]) -> f64 {
    let mut overlap: BTreeMap<(u32, u32), usize> = BTreeMap::new();
    for (ours, &theirs) in ours.iter().zip(theirs) {
        *overlap.entry((ours.map_or(0, ComponentIdx::number), theirs)).or_default() += 1;
    }
    let mut best: BTreeMap<u32, usize> = BTreeMap::new();
    for (&(ours, _), &n) in &overlap {
        let most = best.entry(ours).or_default();
        *most = n.max(*most);
    }
    best.values().sum::<usize>() as f64 / ours.len() as f64
}

#[test]
fn argmax_iterations_follow_the_reference() {
    let setting = Setting::new(&CASES[0]);
    for (column, clusters, prior) in [("plain", false, false), ("cluster", true, false), ("prior0.5", true, true)] {
        let evidence = setting.evidence(clusters, prior);
        let params = setting.params(if prior { 0.5 } else { 0.0 });
        let mut state = setting.state_at("init_component", &evidence, &params);
        for iteration in 1..=100 {
            let draws = Draws::new(1, Stream::Assignment).at(iteration);
            bmm::estep::propose(&mut state, &evidence, &params, draws);
            if iteration % 3 == 0 {
                state.regroup(1);
                bmm::split::detach_fragments(&mut state, &evidence, &params);
            }
            state.regroup(2);
            bmm::mstep::refit(&mut state, &evidence, &params, None).unwrap();
            if iteration == 1 || iteration == 100 {
                let theirs = setting.table.ids(&format!("det_{column}_iter{iteration}"));
                let agreement = agreement(state.assignment(), &theirs);
                println!("{column} after {iteration}: {agreement}");
                // One rounding of a near tie may send a molecule elsewhere, and its neighbors after it.
                // With a prior, small components cover equal shares of two segments, and which of
                // them is the main one is arbitrary in the reference (hash order).
                let least = match (prior, iteration) {
                    (false, 1) => 0.9999,
                    (true, 1) => 0.995,
                    _ => 0.95,
                };
                assert!(agreement > least, "{column} {iteration}: {agreement}");
            }
        }
    }
}
