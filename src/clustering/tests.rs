//! Clustering as a whole: known tissue, an independent implementation, repeatability.

use super::*;
use crate::data::GeneIdx;
use crate::graph::{Edge, MoleculeGraph};
use crate::numeric::draws::Stream;
use crate::observe::Silent;

/// Molecules that own their data.
struct Tissue {
    genes: Vec<GeneIdx>,
    n_genes: usize,
    graph: MoleculeGraph,
    confidence: Vec<f32>,
}

impl Tissue {
    fn data(&self) -> Data<'_> {
        Data { genes: &self.genes, n_genes: self.n_genes, graph: &self.graph, confidence: &self.confidence }
    }
}

fn draws() -> Draws {
    Draws::new(1, Stream::Clustering)
}

fn edge(a: u32, b: u32, value: f32) -> Edge {
    Edge { a, b, value }
}

/// Three stripes of 20 rows of 80 molecules on a grid; each type has four of twelve genes to
/// itself, which make up seven in ten of its molecules. Returns the stripe of every molecule too.
fn stripes() -> (Tissue, Vec<usize>) {
    let (width, height) = (80u32, 60u32);
    let random = Draws::new(7, Stream::Colors);
    let place = |x: u32, y: u32| y * width + x;
    let (mut edges, mut genes, mut truth, mut confidence) = (vec![], vec![], vec![], vec![]);
    for y in 0..height {
        for x in 0..width {
            let molecule = place(x, y);
            // Eight neighbors, weighted by distance.
            for (step_x, step_y, weight) in [(1, 0, 1.0), (0, 1, 1.0), (1, 1, 0.7), (-1, 1, 0.7)] {
                let (other_x, other_y) = (x as i32 + step_x, y + step_y);
                if (0..width as i32).contains(&other_x) && other_y < height {
                    edges.push(edge(molecule, place(other_x as u32, other_y), weight));
                }
            }
            let stripe = (y / 20) as usize;
            let own = random.at(1).uniform(u64::from(molecule)) < 0.7;
            let pick = random.at(2).uniform(u64::from(molecule));
            genes.push(GeneIdx::new(if own { 4 * stripe + (4.0 * pick) as usize } else { (12.0 * pick) as usize }));
            truth.push(stripe);
            confidence.push(if molecule % 17 == 0 { 0.3 } else { 0.99 });
        }
    }
    let graph = MoleculeGraph::from_edges((width * height) as usize, &edges);
    (Tissue { genes, n_genes: 12, graph, confidence }, truth)
}

/// Agreement of two groupings, adjusted for chance.
fn adjusted_rand_index(a: &[usize], b: &[usize]) -> f64 {
    let groups = |labels: &[usize]| labels.iter().max().map_or(0, |top| top + 1);
    let (n_a, n_b) = (groups(a), groups(b));
    let mut table = vec![0f64; n_a * n_b];
    a.iter().zip(b).for_each(|(x, y)| table[x * n_b + y] += 1.0);
    let pairs = |count: f64| count * (count - 1.0) / 2.0;
    let both: f64 = table.iter().copied().map(pairs).sum();
    let rows: f64 = table.chunks(n_b).map(|row| pairs(row.iter().sum())).sum();
    let columns: f64 = (0..n_b).map(|y| pairs((0..n_a).map(|x| table[x * n_b + y]).sum())).sum();
    let expected = rows * columns / pairs(a.len() as f64);
    (both - expected) / ((rows + columns) / 2.0 - expected)
}

fn numbers(clusters: &Clusters) -> Vec<usize> {
    clusters.cluster_of.iter().map(|cluster| cluster.idx()).collect()
}

#[test]
fn stripes_of_three_cell_types_are_recovered() {
    let (tissue, truth) = stripes();
    let found = cluster(tissue.data(), &Params::new(3, truth.len()), draws(), &Silent);
    assert_eq!(found.start, Start::Ica { converged: true });
    assert!(found.converged);
    // A gene of another type speaks for it with ln 8, the neighbors within a stripe for theirs with
    // up to 6.8: they win unless several strays meet. The rows on both sides of the two borders, 4 of
    // 60, hear both types: if half of them went wrong, 3 % of molecules, the index would be about 0.9.
    let index = adjusted_rand_index(&numbers(&found), &truth);
    assert!(index > 0.9, "{index}");
    // A type's own genes are 0.7 + 0.3 / 3 of its molecules.
    for profile in found.profiles.chunks(12) {
        let own = profile.chunks(4).map(|genes| genes.iter().sum::<f64>()).fold(0.0, f64::max);
        assert!((own - 0.8).abs() < 0.04, "{own}");
        assert!((profile.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    }
}

#[test]
fn number_of_threads_changes_nothing() {
    let (tissue, truth) = stripes();
    let params = Params::new(4, truth.len());
    let run = |n_threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("a thread pool");
        pool.install(|| cluster(tissue.data(), &params, draws(), &Silent))
    };
    let one = run(1);
    assert_eq!(one, run(2));
    assert_eq!(one, run(3));
}

#[test]
fn leaving_out_what_cannot_change_changes_nothing() {
    let (tissue, truth) = stripes();
    let run = |skip| cluster(tissue.data(), &Params { skip, ..Params::new(3, truth.len()) }, draws(), &Silent);
    let (all, some) = (run(Skip::Nothing), run(Skip::Unchanged));
    assert_eq!(all, some);
    let nearly = run(Skip::Nearly(3e-4));
    let n_other = numbers(&all).iter().zip(numbers(&nearly)).filter(|(a, b)| **a != *b).count();
    // Stale by 3e-4, only molecules within about 1e-3 of a tie can differ.
    assert!(n_other <= truth.len() / 1000, "{n_other}");
}

#[test]
fn molecule_of_a_common_gene_joins_the_cluster_of_its_neighbors() {
    // 0 - 1 - 2 and 3 - 4 - 5; gene 2 is as frequent in both clusters.
    let graph = MoleculeGraph::from_edges(6, &[edge(0, 1, 1.0), edge(1, 2, 1.0), edge(3, 4, 1.0), edge(4, 5, 1.0)]);
    let genes = [0, 0, 2, 1, 1, 2].map(GeneIdx::new);
    let data = Data { genes: &genes, n_genes: 3, graph: &graph, confidence: &[1.0; 6] };
    let profiles = [0.9, 0.05, 0.05, 0.05, 0.9, 0.05];
    let found = fit(data, &profiles, Start::Fallback, &Params::new(2, 6), &Silent);
    assert_eq!(numbers(&found), [0, 0, 0, 1, 1, 1]);
}

#[test]
fn one_cluster_and_no_molecules_are_no_trouble() {
    let (tissue, truth) = stripes();
    let found = cluster(tissue.data(), &Params::new(1, truth.len()), draws(), &Silent);
    assert!(numbers(&found).iter().all(|&cluster| cluster == 0));
    let empty = Data { genes: &[], n_genes: 2, graph: &MoleculeGraph::from_edges(0, &[]), confidence: &[] };
    assert!(cluster(empty, &Params::new(3, 0), draws(), &Silent).cluster_of.is_empty());
    // More clusters than genes: a nearly uniform start, but an answer.
    let found = cluster(tissue.data(), &Params { max_iterations: 5, ..Params::new(13, 1) }, draws(), &Silent);
    assert_eq!((found.start, found.n_iterations, found.converged), (Start::Fallback, 5, false));
}

/// The line of the reference that starts with `key`.
fn reference<T: std::str::FromStr>(key: &str) -> Vec<T> {
    let text = include_str!("../../tests/data/clustering_crop.txt");
    let line = text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(' ')).expect("a line of that key");
    line.split(' ').map(|word| word.parse().ok().expect("a number")).collect()
}

fn reference_tissue() -> Tissue {
    let (first, steps, weights) = (reference("edge_a"), reference::<u32>("edge_b_minus_a"), reference("edge_weight"));
    let edges: Vec<Edge> =
        first.iter().zip(&steps).zip(&weights).map(|((&a, &step), &weight)| edge(a, a + step, weight)).collect();
    let genes: Vec<GeneIdx> = reference("genes").into_iter().map(GeneIdx::new).collect();
    let graph = MoleculeGraph::from_edges(genes.len(), &edges);
    Tissue { genes, n_genes: 60, graph, confidence: reference("confidence") }
}

#[test]
fn correlation_agrees_with_the_reference() {
    let tissue = reference_tissue();
    let found = gene_correlation(&tissue.genes, tissue.n_genes, &tissue.graph, &tissue.confidence);
    for (gene, want) in reference::<f64>("correlation_of_gene_16").into_iter().enumerate() {
        // Weights in single precision are off by up to 6e-8 of themselves.
        assert!((found.at(16, gene) - want).abs() < 1e-8, "{gene}");
    }
}

#[test]
fn clusters_agree_with_the_reference() {
    let tissue = reference_tissue();
    let want: Vec<usize> = reference("clusters");
    for (skip, n_allowed, margin) in [(Skip::Nothing, 0, 1e-4), (Skip::Nearly(3e-4), 1, 1e-3)] {
        let params = Params { skip, ..Params::new(4, want.len()) };
        let found = fit(tissue.data(), &reference::<f64>("first_profiles"), Start::Fallback, &params, &Silent);
        let n_other = found.cluster_of.iter().zip(&want).filter(|(a, b)| a.number() as usize != **b).count();
        assert!(n_other <= n_allowed, "{n_other}");
        let n_iterations = reference::<usize>("n_iterations")[0];
        // The change of iteration 79 is 0.010005: rounding decides whether the calm begins there.
        assert!(found.n_iterations.abs_diff(n_iterations) <= 1 + 10 * n_allowed, "{}", found.n_iterations);
        for (have, want) in found.profiles.iter().zip(reference::<f64>("profiles")) {
            assert!((have - want).abs() < margin, "{have} {want}");
        }
    }
}

#[test]
fn independent_components_start_the_reference_well() {
    // All that can be said without the true types: the start converges, and every cluster is used.
    let tissue = reference_tissue();
    let found = cluster(tissue.data(), &Params::new(4, tissue.genes.len()), draws(), &Silent);
    assert_eq!(found.start, Start::Ica { converged: true });
    assert!((0..4).all(|cluster| numbers(&found).contains(&cluster)));
}

#[test]
fn a_part_that_follows_the_slide_has_its_clusters_away_from_the_cut() {
    let (tissue, truth) = stripes();
    let params = Params { keeps_course: true, ..Params::new(3, truth.len()) };
    let whole = cluster(tissue.data(), &params, draws(), &Silent);
    let course = whole.course.as_ref().expect("a course");
    assert!(course.is_sound(12));
    assert_eq!(follow(tissue.data(), course, &Silent).cluster_of, whole.cluster_of);

    // The left 50 of 80 columns; what is asked for lies 15 columns from the cut.
    let (width, part_width) = (80, 50);
    let rows: Vec<usize> = (0..truth.len()).filter(|molecule| molecule % width < part_width).collect();
    let mut edges = Vec::new();
    for (place, &molecule) in rows.iter().enumerate() {
        let (neighbors, weights) = tissue.graph.neighbors(molecule);
        for (&neighbor, &weight) in neighbors.iter().zip(weights) {
            if let Ok(other) = rows.binary_search(&(neighbor as usize))
                && other > place
            {
                edges.push(edge(place as u32, other as u32, weight));
            }
        }
    }
    let part = Tissue {
        genes: rows.iter().map(|&molecule| tissue.genes[molecule]).collect(),
        n_genes: 12,
        graph: MoleculeGraph::from_edges(rows.len(), &edges),
        confidence: rows.iter().map(|&molecule| tissue.confidence[molecule]).collect(),
    };
    let found = follow(part.data(), course, &Silent);
    let inside = || rows.iter().enumerate().filter(|(_, molecule)| *molecule % width < part_width - 15);
    assert!(inside().all(|(place, &molecule)| found.cluster_of[place] == whole.cluster_of[molecule]));
    assert_eq!((found.n_iterations, found.start), (whole.n_iterations, Start::Followed));
}
