use super::*;
use crate::data::{GeneIdx, GeneTable, Positions};
use crate::graph::Edge;
use crate::numeric::draws::{Draws, Stream};

/// Molecules on a line: two nuclear (gene 0), four of gene 2, two cytoplasmic (gene 1), 1 apart.
fn line() -> (Molecules, MoleculeGraph) {
    let genes = [0, 0, 2, 2, 2, 2, 1, 1];
    let molecules = Molecules {
        ids: (0..8).collect(),
        positions: Positions { x: (0..8).map(f64::from).collect(), y: vec![0.0; 8], z: None },
        genes: genes.map(GeneIdx::new).to_vec(),
        n_genes: 3,
    };
    let edges: Vec<Edge> = (0..7).map(|a| Edge { a, b: a + 1, value: 1.0 }).collect();
    (molecules, MoleculeGraph::from_edges(8, &edges))
}

fn markers() -> Markers {
    Markers::new(vec![GeneIdx::new(0)], vec![GeneIdx::new(1)])
}

#[test]
fn molecules_between_the_compartments_take_after_their_side() {
    let (molecules, graph) = line();
    let found = segment(&molecules, &markers(), &graph, &[1.0; 8], 10.0).expect("genes of both kinds");
    let labels: Vec<&str> = found.compartment_of.iter().map(|compartment| compartment.label()).collect();
    assert_eq!(labels, ["Nuclei", "Nuclei", "Nuclei", "Nuclei", "Cyto", "Cyto", "Cyto", "Cyto"]);
    assert!(found.converged && found.n_iterations > 20);
    assert_eq!((found.nuclei_probs()[0], found.nuclei_probs()[7]), (1.0, 0.0));
    // The line is symmetric under exchange of the compartments.
    for molecule in 0..8 {
        let ([nucleus, ..], [_, cytoplasm, _]) = (found.probabilities[molecule], found.probabilities[7 - molecule]);
        assert!((nucleus - cytoplasm).abs() < 1e-6);
    }
    for probabilities in &found.probabilities {
        assert!((probabilities.iter().sum::<f32>() - 1.0).abs() < 1e-5);
    }
}

#[test]
fn what_is_far_from_both_compartments_is_unknown_and_counts_as_nuclear() {
    let (mut molecules, _) = line();
    molecules.positions.x[4] = 1000.0;
    let graph = MoleculeGraph::from_edges(8, &[]);
    let found = segment(&molecules, &markers(), &graph, &[1.0; 8], 10.0).expect("genes of both kinds");
    assert_eq!(found.compartment_of[4], Compartment::Unknown);
    assert_eq!(found.nuclei_probs()[4], 1.0);
    assert_eq!(found.counts(), [5, 2, 1]);
}

#[test]
fn depth_counts() {
    let (mut molecules, _) = line();
    molecules.positions.z = Some(vec![0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 100.0, 100.0]);
    let graph = MoleculeGraph::from_edges(8, &[]);
    let found = segment(&molecules, &markers(), &graph, &[1.0; 8], 10.0).expect("genes of both kinds");
    assert_eq!(found.counts(), [0, 0, 8]);
}

#[test]
fn edges_from_nuclei_into_the_cytoplasm_lose_their_weight_in_one_direction() {
    let (molecules, mut graph) = line();
    let found = segment(&molecules, &markers(), &graph, &[1.0; 8], 10.0).expect("genes of both kinds");
    let probabilities = &found.probabilities;
    let before = graph.clone();
    keep_nuclei_apart(&mut graph, &found);
    let expected = 1.0 - probabilities[3][0] * probabilities[4][1];
    assert_eq!(graph.neighbors(3).1[1], expected);
    assert!(expected < 1.0);
    // A molecule in the cytoplasm hears nuclei as before.
    assert!(probabilities[5][0] <= 0.25);
    assert_eq!(graph.neighbors(5), before.neighbors(5));
}

#[test]
fn genes_are_looked_up_by_name() {
    let genes = GeneTable::new(["Actb", "Malat1", "Neat1"].map(str::to_owned).to_vec());
    let names = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<Vec<String>>();
    let found = Markers::by_name(&names(&["Neat1", "Malat1", "Neat1"]), &names(&["Actb"]), &genes);
    assert_eq!(found, Ok(Markers::new(vec![GeneIdx::new(1), GeneIdx::new(2)], vec![GeneIdx::new(0)])));
    let error = |nuclear: &[&str], cytoplasmic: &[&str]| {
        Markers::by_name(&names(nuclear), &names(cytoplasmic), &genes).expect_err("a mistake").to_string()
    };
    let text = error(&["Malat", "Neat1", "Xist"], &["Actb"]);
    assert!(text.contains("nuclear genes 'Malat', 'Xist'"), "{text}");
    assert!(error(&["Neat1", "Actb"], &["Actb"]).contains("at once: 'Actb'"));
    assert!(error(&["Neat1"], &[]).contains("no cytoplasmic genes"));
}

#[test]
fn a_set_of_one_molecule_is_an_error() {
    let (mut molecules, graph) = line();
    molecules.genes[0] = GeneIdx::new(2);
    let error = segment(&molecules, &markers(), &graph, &[1.0; 8], 10.0).expect_err("one nuclear molecule");
    assert_eq!(error, CompartmentError::TooFewMolecules { list: "nuclear", n_molecules: 1 });
}

#[test]
fn compartments_do_not_depend_on_threads() {
    // Square nuclei of side 0.05 in a sea of cytoplasm; half of the molecules are of other genes.
    let n = 6000;
    let draws = |which: u64| {
        let draws = Draws::new(7, Stream::Jitter).at(which);
        (0..n as u64).map(move |id| draws.uniform(id))
    };
    let is_even = |value: f64| ((value * 20.0) as usize).is_multiple_of(2);
    let gene = |((x, y), uniform): ((f64, f64), f64)| match (uniform < 0.5, is_even(x) && is_even(y)) {
        (true, _) => GeneIdx::new(2),
        (_, true) => GeneIdx::new(0),
        (_, false) => GeneIdx::new(1),
    };
    let molecules = Molecules {
        ids: (0..n).collect(),
        positions: Positions { x: draws(0).collect(), y: draws(1).collect(), z: None },
        genes: draws(0).zip(draws(1)).zip(draws(2)).map(gene).collect(),
        n_genes: 3,
    };
    let graph = crate::graph::weigh(&crate::graph::build(&molecules, Draws::new(1, Stream::Jitter)));
    let confidence: Vec<f32> = draws(3).map(|uniform| uniform as f32).collect();
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        pool.install(|| {
            let mut graph = graph.clone();
            let found = segment(&molecules, &markers(), &graph, &confidence, 0.06).expect("genes of both kinds");
            let nuclei = find_nuclei(&found, &graph, &molecules.positions, 0.06, 2);
            keep_nuclei_apart(&mut graph, &found);
            (found, nuclei, graph)
        })
    };
    let one = with(1);
    assert!(one.0.counts()[0] > 0 && one.0.counts()[1] > 0 && one.1.iter().any(Option::is_some));
    assert!(one == with(4));
}
