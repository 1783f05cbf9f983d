//! Suggestions for small generated tissues, and for data that can suggest nothing.

use super::*;
use crate::data::{GeneIdx, Positions};
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Silent;

/// Molecules at given places, with genes.
fn molecules(places: &[([f64; 2], usize)]) -> Molecules {
    Molecules {
        ids: (0..places.len() as u32).collect(),
        positions: Positions {
            x: places.iter().map(|place| place.0[0]).collect(),
            y: places.iter().map(|place| place.0[1]).collect(),
            z: None,
        },
        genes: places.iter().map(|place| GeneIdx::new(place.1)).collect(),
        n_genes: 12,
    }
}

/// Round cells of radius 1, 2.2 apart in a square of `side` cells, `per_cell` molecules each, of three types.
fn tissue(side: usize, per_cell: usize, unit: f64) -> Molecules {
    let draws = Draws::new(5, Stream::Jitter);
    let mut places = Vec::new();
    for cell in 0..side * side {
        let of_cell = draws.at(cell as u64);
        let kind = (of_cell.uniform(0) * 3.0) as usize;
        for molecule in 0..per_cell as u64 {
            let [angle, radius, gene] = [1, 2, 3].map(|part| of_cell.uniform(10 * (molecule + 1) + part));
            let (sin, cos) = (std::f64::consts::TAU * angle).sin_cos();
            let at = [cos, sin].map(|direction| radius.sqrt() * direction);
            let center = [cell % side, cell / side].map(|index| 2.2 * index as f64);
            places.push(([unit * (center[0] + at[0]), unit * (center[1] + at[1])], 4 * kind + (4.0 * gene) as usize));
        }
    }
    molecules(&places)
}

fn noise(n: usize) -> Molecules {
    let draws = Draws::new(8, Stream::Jitter);
    let places: Vec<_> = (0..n as u64)
        .map(|i| ([draws.at(0).uniform(i), draws.at(1).uniform(i)], (12.0 * draws.at(2).uniform(i)) as usize))
        .collect();
    molecules(&places)
}

fn suggested(molecules: &Molecules) -> Suggestion {
    suggest(molecules, &vec![0.95; molecules.len()], 1, &Silent)
}

#[test]
fn the_radius_of_round_cells_is_found_in_any_unit() {
    for unit in [1.0, 1.0e-3, 1.0e5] {
        let found = suggested(&tissue(12, 30, unit));
        let sizing = found.sizing().unwrap_or_else(|| panic!("{unit}: {found:?}"));
        let ratio = sizing.scale / unit;
        assert!((0.75..1.3).contains(&ratio), "{ratio}");
        assert!(sizing.interval[0] < sizing.scale && sizing.scale < sizing.interval[1]);
        // 30 molecules in every cell: a quarter is 7 or 8, and cells at the border of nothing stay whole.
        assert!((22.0..40.0).contains(&sizing.molecules_per_cell[1]), "{:?}", sizing.molecules_per_cell);
        assert!((5..=10).contains(&sizing.min_molecules_per_cell));
        assert!(!sizing.reasons.is_empty());
    }
}

#[test]
fn the_suggestion_is_the_same_for_any_number_of_threads_and_order_of_molecules() {
    let molecules = tissue(8, 30, 1.0);
    let on = |n_threads: usize| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(n_threads).build().expect("threads");
        pool.install(|| suggested(&molecules))
    };
    assert_eq!(on(1), on(3));
    let backwards: Vec<u32> = (0..molecules.len() as u32).rev().collect();
    assert_eq!(suggested(&molecules.permuted(&backwards)), on(1));
}

#[test]
fn few_molecules_or_all_in_one_place_suggest_nothing() {
    let reason = |molecules: &Molecules| match suggested(molecules) {
        Suggestion::CannotTell { reason, .. } => reason,
        found => panic!("{found:?}"),
    };
    assert!(reason(&molecules(&[])).contains("only 0 molecules"));
    assert!(reason(&molecules(&[([1.0, 1.0], 0)])).contains("only 1 molecules"));
    assert!(reason(&molecules(&[([1.0, 1.0], 0); 2000])).contains("same place"));
}

#[test]
fn noise_grids_lines_and_single_genes_do_not_panic_and_are_not_trusted() {
    let grid: Vec<_> = (0..2500).map(|i| ([f64::from(i % 50), f64::from(i / 50)], 0)).collect();
    let line: Vec<_> = (0..2000).map(|i| ([f64::from(i), 0.0], 0)).collect();
    let one_gene: Vec<_> = {
        let spread = noise(2000);
        (0..2000).map(|i| ([spread.positions.x[i], spread.positions.y[i]], 0)).collect()
    };
    for data in [noise(3000), molecules(&grid), molecules(&line), molecules(&one_gene)] {
        let found = suggested(&data);
        assert!(found.sizing().is_none_or(|sizing| sizing.certainty < Certainty::High), "{found:?}");
        let judged = Judged { scale: 1.0, median_radius: None, median_molecules: None, nuclei: None };
        assert!(!judge(&judged, &found).sentences.is_empty());
    }
}
