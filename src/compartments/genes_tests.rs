use super::*;
use crate::data::Positions;

/// `n_nuclei` nuclei 100 apart, each with a core of `inside` (gene, count) at its center and
/// `ring` beside it, 2 away.
fn tissue(n_nuclei: usize, inside: &[(usize, usize)], ring: &[(usize, usize)]) -> (Molecules, Vec<Option<SegmentIdx>>) {
    let (mut molecules, mut nucleus_of) = (Molecules::default(), Vec::new());
    for nucleus in 0..n_nuclei {
        for (genes, offset) in [(inside, 0.0), (ring, 2.0)] {
            for &(gene, count) in genes {
                for copy in 0..count {
                    molecules.ids.push(molecules.ids.len() as u32);
                    molecules.positions.x.push(100.0 * nucleus as f64 + offset);
                    molecules.positions.y.push(0.01 * copy as f64);
                    molecules.genes.push(GeneIdx::new(gene));
                    nucleus_of.push((offset == 0.0).then(|| SegmentIdx::new(nucleus)));
                }
            }
        }
    }
    molecules.n_genes = 4;
    (molecules, nucleus_of)
}

fn of_gene(ranking: &Ranking, gene: usize) -> GeneRank {
    *ranking.genes.iter().find(|rank| rank.gene.idx() == gene).expect("every gene is ranked")
}

#[test]
fn one_nucleus_gives_the_odds_ratio_of_its_table() {
    // Gene 0: 3 inside, 1 in the ring; others: 2 inside, 4 in the ring. T = 10.
    let (molecules, nucleus_of) = tissue(1, &[(0, 3), (1, 2)], &[(0, 1), (1, 4)]);
    let ranking = rank(&molecules, &nucleus_of, 5.0, &Selection::default());
    let gene = of_gene(&ranking, 0);
    assert_eq!((gene.n_molecules, gene.n_nuclei), (4, 1));
    assert_eq!((gene.share_inside, gene.expected_share), (0.75, 0.5));
    // (1.2 + 0.5) / (0.2 + 0.5)
    assert!((gene.effect - (1.7f64 / 0.7).log2()).abs() < 1e-12);
    // One observation: z = 1.
    assert!((gene.p - 0.317_310_507_862_914_1).abs() < 1e-9);
    assert_eq!((gene.call, of_gene(&ranking, 3).n_molecules), (Call::None, 0));
}

#[test]
fn genes_of_both_sides_are_called_and_the_neutral_one_is_not() {
    let (molecules, nucleus_of) = tissue(40, &[(0, 4), (1, 1), (2, 3)], &[(0, 1), (1, 4), (2, 3)]);
    let ranking = rank(&molecules, &nucleus_of, 5.0, &Selection::default());
    assert_eq!(
        [0, 1, 2, 3].map(|gene| of_gene(&ranking, gene).call),
        [Call::Nuclear, Call::Cytoplasmic, Call::None, Call::None]
    );
    assert_eq!((ranking.n_nuclei, ranking.n_inside, ranking.n_ring), (40, 320, 320));
    let markers = ranking.markers().expect("genes of both kinds");
    assert_eq!((markers.nuclear(), markers.cytoplasmic()), (&[GeneIdx::new(0)][..], &[GeneIdx::new(1)][..]));
    assert_eq!(ranking.genes[0].gene, GeneIdx::new(0));
}

#[test]
fn too_small_a_part_of_the_molecules_is_not_used() {
    let inside = [(0, 4), (1, 1), (2, 30)];
    let (molecules, nucleus_of) = tissue(40, &inside, &[(0, 1), (1, 4), (2, 30)]);
    let ranking = rank(&molecules, &nucleus_of, 5.0, &Selection::default());
    assert_eq!(of_gene(&ranking, 0).call, Call::Nuclear);
    assert!((ranking.chosen_share() - 10.0 / 70.0).abs() < 1e-12);
    assert!(ranking.markers().is_none());
}

#[test]
fn many_molecules_of_few_nuclei_prove_nothing() {
    let (molecules, nucleus_of) = tissue(5, &[(0, 90), (1, 10)], &[(0, 10), (1, 90)]);
    let ranking = rank(&molecules, &nucleus_of, 5.0, &Selection::default());
    assert!(of_gene(&ranking, 0).effect > 3.0);
    assert!(ranking.genes.iter().all(|gene| gene.call == Call::None));
    assert!(ranking.markers().is_none());
}

#[test]
fn cell_types_with_large_nuclei_do_not_make_their_genes_nuclear() {
    // Gene 0 occurs where nine tenths of everything are inside, gene 1 where a tenth is.
    let (mut molecules, mut nucleus_of) = tissue(30, &[(0, 9), (2, 9)], &[(0, 1), (2, 1)]);
    let (others, other_nuclei) = tissue(30, &[(1, 1), (2, 1)], &[(1, 9), (2, 9)]);
    molecules.ids = (0..(molecules.len() + others.len()) as u32).collect();
    molecules.positions.x.extend(others.positions.x.iter().map(|x| x + 1e6));
    molecules.positions.y.extend(&others.positions.y);
    molecules.genes.extend(&others.genes);
    nucleus_of.extend(other_nuclei.iter().map(|nucleus| nucleus.map(|nucleus| SegmentIdx::new(nucleus.idx() + 30))));
    let ranking = rank(&molecules, &nucleus_of, 5.0, &Selection::default());
    for gene in [0, 1] {
        let gene = of_gene(&ranking, gene);
        assert!(gene.effect.abs() < 1e-9 && gene.p > 0.99, "{gene:?}");
    }
    assert_eq!([0, 1].map(|gene| of_gene(&ranking, gene).share_inside), [0.9, 0.1]);
}

#[test]
fn molecules_far_from_all_nuclei_do_not_count() {
    let (molecules, nucleus_of) = tissue(3, &[(0, 2)], &[(1, 2)]);
    assert_eq!(rank(&molecules, &nucleus_of, 1.9, &Selection::default()).n_ring, 0);
    assert_eq!(rank(&molecules, &nucleus_of, 2.1, &Selection::default()).n_ring, 6);
}

#[test]
fn no_nuclei_find_nothing_and_say_so() {
    let (molecules, _) = tissue(3, &[(0, 2)], &[(1, 2)]);
    let ranking = rank(&molecules, &vec![None; molecules.len()], 5.0, &Selection::default());
    let names = GeneTable::new(["a", "b", "c", "d"].map(str::to_owned).to_vec());
    assert!(ranking.summary(&names).contains("compartments are not used"));
}

#[test]
fn tails_of_the_normal_distribution_are_exact() {
    for (z, p) in [
        (0.0, 1.0),
        (1.0, 0.317_310_507_862_914_1),
        (1.959_963_984_540_054, 0.05),
        (2.5, 0.012_419_330_651_552_265),
        (3.0, 0.002_699_796_063_260_189),
        (6.0, 1.973_175_290_075_396_8e-9),
        (-10.0, 1.523_970_604_832_105_3e-23),
    ] {
        assert!((two_sided(z) / p - 1.0).abs() < 1e-9, "{z}: {}", two_sided(z));
    }
    assert_eq!(two_sided(100.0), 0.0);
}

#[test]
fn false_discovery_rates_follow_benjamini_and_hochberg() {
    let (molecules, nucleus_of) = tissue(1, &[(0, 1)], &[(1, 1)]);
    let mut genes = rank(&molecules, &nucleus_of, 5.0, &Selection::default()).genes;
    for (gene, p) in genes.iter_mut().zip([0.01, 0.04, 0.03, 0.5]) {
        gene.p = p;
    }
    set_false_discovery_rates(&mut genes, |_| true);
    let q: Vec<f64> = genes.iter().map(|gene| gene.q).collect();
    for (q, expected) in q.iter().zip([0.04, 0.16 / 3.0, 0.16 / 3.0, 0.5]) {
        assert!((q - expected).abs() < 1e-12);
    }
}

#[test]
fn ranking_does_not_depend_on_threads_or_order() {
    let (molecules, nucleus_of) = tissue(25, &[(0, 4), (1, 1), (2, 3)], &[(0, 1), (1, 3), (2, 3)]);
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
        pool.install(|| rank(&molecules, &nucleus_of, 5.0, &Selection::default()))
    };
    assert_eq!(with(1), with(4));
    let order: Vec<u32> = (0..molecules.len() as u32).rev().collect();
    let reversed: Vec<Option<SegmentIdx>> = order.iter().map(|&row| nucleus_of[row as usize]).collect();
    assert_eq!(rank(&molecules.permuted(&order), &reversed, 5.0, &Selection::default()), with(1));
}

#[test]
fn flags_become_nuclei_by_connection() {
    let edges = [(0, 1), (1, 2), (2, 3)].map(|(a, b)| crate::graph::Edge { a, b, value: 1.0 });
    let graph = MoleculeGraph::from_edges(4, &edges);
    let nuclei = nuclei_from_flags(&[true, true, false, true], &graph);
    assert_eq!(nuclei.iter().map(|n| n.map_or(0, SegmentIdx::number)).collect::<Vec<_>>(), [1, 1, 0, 2]);
}

#[test]
fn depth_separates_nucleus_and_ring_in_three_dimensions() {
    let (mut molecules, nucleus_of) = tissue(2, &[(0, 2)], &[(1, 2)]);
    let z = nucleus_of.iter().map(|nucleus| if nucleus.is_some() { 0.0 } else { 10.0 }).collect();
    molecules.positions = Positions { z: Some(z), ..molecules.positions };
    assert_eq!(rank(&molecules, &nucleus_of, 5.0, &Selection::default()).n_ring, 0);
}
