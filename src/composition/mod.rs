//! Neighborhood composition: what surrounds a molecule, as a vector of genes, as a few numbers, and
//! as a color.
//!
//! ```text
//! molecules --> neighborhoods: shares of genes around each (one per gene, mostly 0)
//!                  --> vectors: a linear map to 20 or 30 numbers
//!                        --> anchors: 10,000 molecules, laid out in three dimensions
//!                              --> all molecules, by their nearest anchors --> lab: colors
//! ```
//!
//! Similar neighborhoods have similar colors. Colors are comparable within one call only, or between parts of a slide
//! that are colored by one [`ColorModel`].
//! Compositions are never held for more than a few thousand molecules.

mod anchors;
mod gene_map;
mod lab;
mod model;
pub mod neighborhoods;
pub mod projection;
pub mod vectors;
mod weights;

pub use gene_map::{NoGeneMap, gene_map};
pub use lab::Color;
pub use model::{ColorModel, ColorModelParts};
pub use neighborhoods::{Compositions, Neighborhoods};
pub use projection::Transform;
pub use vectors::VectorMethod;

use anchors::{Anchors, Vectors};
use lab::LabScale;

use crate::data::Molecules;
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Observer;

/// Iteration of the draws for the molecule vectors, beyond those of the layout.
const VECTOR_DRAWS: u64 = 1 << 32;

/// How colors are computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct ColorParams {
    /// Molecules in a neighborhood, itself included; at least 3 count.
    pub n_neighbors: usize,
    /// How compositions become molecule vectors.
    pub method: VectorMethod,
    /// What becomes of the shares before that.
    pub transform: Transform,
    /// Length of the molecule vectors.
    pub n_components: usize,
    /// Seed of all draws.
    pub seed: u64,
}

impl ColorParams {
    /// As `run` and `preview` do it: 20 components of logarithms.
    pub fn of_run(n_neighbors: usize, method: VectorMethod, seed: u64) -> Self {
        Self { n_neighbors, method, transform: Transform::Log, n_components: 20, seed }
    }

    /// As `segfree` does it: 30 components of the shares themselves.
    ///
    /// KEEPS: the colors of `segfree` are not those of `run`, as in Baysor 0.7.1.
    pub fn of_segfree(n_neighbors: usize, method: VectorMethod, seed: u64) -> Self {
        Self { n_neighbors, method, transform: Transform::None, n_components: 30, seed }
    }
}

/// A color for every molecule, `[n_molecules]` in the order of `molecules`: similar neighborhoods have similar
/// colors.
///
/// `confidence`, `[n_molecules]`, says which molecules may be anchors, and nothing else. Any data have colors:
/// where nothing differs, all molecules are gray.
///
/// Memory: `4 * n_components + 80` bytes per molecule at the peak, besides the 3 of the result. The
/// colors are the same for any number of threads and any order of molecules in memory.
/// Source: Petukhov et al. 2022, Methods; Baysor 0.7.1 `neighborhood_composition.jl`.
pub fn colors(molecules: &Molecules, confidence: &[f32], params: &ColorParams, observer: &dyn Observer) -> Vec<Color> {
    let neighborhoods = Neighborhoods::new(molecules, params.n_neighbors);
    color(neighborhoods, molecules.len(), confidence, params, observer)
}

/// A color for the molecules at `subset` (indices in memory, without order), `[n_subset]` in the order of `subset`.
///
/// Neighborhoods are among all molecules; everything else is learned from those of the subset, so that the time goes
/// with its size. The colors are those of [`colors`] if the subset is everything, and otherwise as good, but others: a
/// subset has a layout of its own. `confidence` is `[n_molecules]`.
///
/// Memory: about 50 bytes per molecule, and what [`colors`] takes per molecule of the subset. The same for any number
/// of threads and any order of molecules in memory and in the subset.
pub fn colors_of(
    molecules: &Molecules,
    subset: &[u32],
    confidence: &[f32],
    params: &ColorParams,
    observer: &dyn Observer,
) -> Vec<Color> {
    let neighborhoods = Neighborhoods::of_subset(molecules, subset, params.n_neighbors);
    let colors = color(neighborhoods, molecules.len(), confidence, params, observer);
    subset.iter().map(|&molecule| colors[molecule as usize]).collect()
}

/// Colors of the molecules that have neighborhoods, `[n_molecules]`; gray for others.
fn color(
    neighborhoods: Neighborhoods<'_>,
    n_molecules: usize,
    confidence: &[f32],
    params: &ColorParams,
    observer: &dyn Observer,
) -> Vec<Color> {
    let mut colors = vec![Color::GRAY; n_molecules];
    if let Some(learned) = learn(neighborhoods, confidence, params, observer) {
        for (&molecule, color) in learned.order.iter().zip(learned.model.scale.colors(&learned.places)) {
            colors[molecule as usize] = color;
        }
    }
    colors
}

/// A model, and what was found of the molecules it is made from on the way.
struct Learned {
    model: ColorModel,
    /// Molecules along the curve. `[n]`
    order: Vec<u32>,
    /// Their places in three dimensions. `[n]`
    places: Vec<[f32; 3]>,
}

/// Learns colors from the molecules that have neighborhoods. `None` if these are alike, or none.
fn learn(
    neighborhoods: Neighborhoods<'_>,
    confidence: &[f32],
    params: &ColorParams,
    observer: &dyn Observer,
) -> Option<Learned> {
    if neighborhoods.n_molecules() == 0 {
        return None;
    }
    let draws = Draws::new(params.seed, Stream::Colors);
    let (transform, n_components) = (params.transform, params.n_components);
    let projection = params.method.projection(&neighborhoods, transform, n_components, draws.at(VECTOR_DRAWS));
    let vectors = projection.project_all(&neighborhoods, transform);
    let least_distance = neighborhoods.least_distance();
    // From here on all is in the order along the curve.
    let order = neighborhoods.into_order();
    let confidence: Vec<f32> = order.iter().map(|&molecule| confidence[molecule as usize]).collect();
    let anchors = anchors(&vectors, projection.n_components, &confidence, draws, observer);
    if anchors.is_none() {
        observer.info("All neighborhoods are alike, and all molecules gray.");
    }
    let anchors = anchors?;
    let places = anchors.places(Vectors { values: &vectors, n_components: projection.n_components });
    drop(vectors);
    let scale = LabScale::of(&places)?;
    let n_neighbors = params.n_neighbors;
    let model = ColorModel { n_neighbors, least_distance, transform, projection, anchors, scale };
    Some(Learned { model, order, places })
}

/// Chooses anchors among molecule vectors and lays them out.
fn anchors(
    vectors: &[f32],
    n_components: usize,
    confidence: &[f32],
    draws: Draws,
    observer: &dyn Observer,
) -> Option<Anchors> {
    let vectors = Vectors { values: vectors, n_components };
    let (candidates, few_are_confident) = anchors::candidates(confidence);
    if few_are_confident {
        observer.warning(&format!(
            "Hardly any molecule is surely real; the colors rely on the {} most confident ones.",
            candidates.len()
        ));
    }
    let anchors = anchors::spread_out(vectors, candidates);
    observer.detail(&format!("Laying out {} molecules as colors", anchors.len()));
    Anchors::lay_out(vectors, &anchors, draws)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::data::{GeneIdx, Positions};
    use crate::observe::Silent;

    /// Molecules on a line, each with its place and gene.
    pub(crate) fn molecules_at(places: &[(f64, usize)]) -> Molecules {
        Molecules {
            ids: (0..places.len() as u32).collect(),
            positions: Positions {
                x: places.iter().map(|place| place.0).collect(),
                y: vec![0.0; places.len()],
                z: None,
            },
            genes: places.iter().map(|place| GeneIdx::new(place.1)).collect(),
            n_genes: places.iter().map(|place| place.1 + 1).max().unwrap_or(0),
        }
    }

    /// Molecules spread evenly over a square of side 100.
    pub(crate) fn random_molecules(n: usize, n_genes: usize, seed: u64) -> Molecules {
        let draws = Draws::new(seed, Stream::Jitter);
        let axis = |which: u64| (0..n as u64).map(|id| 100.0 * draws.at(which).uniform(id)).collect();
        Molecules {
            ids: (0..n as u32).collect(),
            positions: Positions { x: axis(0), y: axis(1), z: None },
            genes: (0..n as u64).map(|id| GeneIdx::new((draws.at(2).bits(id) % n_genes as u64) as usize)).collect(),
            n_genes,
        }
    }

    fn params() -> ColorParams {
        ColorParams::of_run(10, VectorMethod::RandomIndexing, 42)
    }

    /// Square regions of 25 by 25, each with one of four kinds of cells, whose molecules are mostly of
    /// five genes of their own; and the kind of every molecule.
    pub(crate) fn tissue(n: usize) -> (Molecules, Vec<usize>) {
        let mut molecules = random_molecules(n, 40, 21);
        let draws = Draws::new(5, Stream::Jitter);
        let kinds: Vec<usize> = (0..n)
            .map(|molecule| {
                let [x, y, _] = molecules.positions.at(molecule);
                let region = (x / 25.0) as u64 + 4 * (y / 25.0) as u64;
                (draws.at(0).bits(region) % 4) as usize
            })
            .collect();
        for (molecule, gene) in molecules.genes.iter_mut().enumerate() {
            if draws.at(1).uniform(molecule as u64) < 0.6 {
                *gene = GeneIdx::new(gene.idx() % 5 + 5 * kinds[molecule]);
            }
        }
        (molecules, kinds)
    }

    pub(crate) fn difference(a: Color, b: Color) -> f64 {
        a.0.iter().zip(b.0).map(|(&a, b)| (f64::from(a) - f64::from(b)).powi(2)).sum::<f64>().sqrt()
    }

    #[test]
    fn similar_neighborhoods_have_similar_colors() {
        let (molecules, kinds) = tissue(6000);
        for method in [VectorMethod::RandomIndexing, VectorMethod::Dense, VectorMethod::Sparse] {
            let params = ColorParams { method, n_neighbors: 30, ..params() };
            let colors = colors(&molecules, &[1.0; 6000], &params, &Silent);
            let (mut same, mut other) = ((0.0, 0), (0.0, 0));
            for a in (0..6000).step_by(7) {
                for b in (3..6000).step_by(11) {
                    let sum = if kinds[a] == kinds[b] { &mut same } else { &mut other };
                    *sum = (sum.0 + difference(colors[a], colors[b]), sum.1 + 1);
                }
            }
            let (same, other) = (same.0 / f64::from(same.1), other.0 / f64::from(other.1));
            assert!(other > 1.4 * same, "{method:?}: {same} within, {other} between kinds");
        }
    }

    #[test]
    fn neither_threads_nor_order_in_memory_change_colors() {
        let (molecules, _) = tissue(3000);
        let confidence: Vec<f32> = (0..3000).map(|at| if at % 3 == 0 { 0.5 } else { 0.97 }).collect();
        let with = |threads, molecules: &Molecules, confidence: &[f32]| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| colors(molecules, confidence, &params(), &Silent))
        };
        let plain = with(1, &molecules, &confidence);
        assert_eq!(plain, with(3, &molecules, &confidence));
        let order: Vec<u32> = (0..3000).map(|place| (place * 11 + 5) % 3000).collect();
        let shuffled: Vec<f32> = order.iter().map(|&molecule| confidence[molecule as usize]).collect();
        let other = with(2, &molecules.permuted(&order), &shuffled);
        assert!(order.iter().zip(other).all(|(&molecule, color)| plain[molecule as usize] == color));
    }

    #[test]
    fn a_subset_of_all_has_the_colors_of_all() {
        let (molecules, _) = tissue(2000);
        let confidence: Vec<f32> = (0..2000).map(|at| if at % 5 == 0 { 0.2 } else { 0.97 }).collect();
        let whole = colors(&molecules, &confidence, &params(), &Silent);
        let order: Vec<u32> = (0..2000).map(|place| (place * 7 + 3) % 2000).collect();
        let found = colors_of(&molecules, &order, &confidence, &params(), &Silent);
        assert!(order.iter().zip(found).all(|(&molecule, color)| whole[molecule as usize] == color));
        assert!(colors_of(&molecules, &[], &confidence, &params(), &Silent).is_empty());
    }

    #[test]
    fn a_part_is_colored_by_all_its_neighbors() {
        // A molecule in 8 only; with those alone, neighborhoods of 30 would mix the regions.
        let (molecules, kinds) = tissue(16_000);
        let subset: Vec<u32> = (0..16_000).step_by(8).collect();
        let params = ColorParams { n_neighbors: 30, ..params() };
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| colors_of(&molecules, &subset, &[1.0; 16_000], &params, &Silent))
        };
        let found = with(1);
        assert_eq!(found, with(3));
        let (mut same, mut other) = ((0.0, 0), (0.0, 0));
        for a in (0..subset.len()).step_by(7) {
            for b in (3..subset.len()).step_by(11) {
                let alike = kinds[subset[a] as usize] == kinds[subset[b] as usize];
                let sum = if alike { &mut same } else { &mut other };
                *sum = (sum.0 + difference(found[a], found[b]), sum.1 + 1);
            }
        }
        let (same, other) = (same.0 / f64::from(same.1), other.0 / f64::from(other.1));
        assert!(other > 1.7 * same, "{same} within, {other} between kinds");
    }

    #[test]
    fn any_data_have_colors() {
        for method in [VectorMethod::RandomIndexing, VectorMethod::Dense, VectorMethod::Sparse] {
            for n in [0, 1, 2, 3, 4, 5, 6, 15, 16, 17, 120] {
                for n_genes in [1, 2, 5] {
                    for confidence in [0.0, 1.0] {
                        let molecules = random_molecules(n, n_genes, 8);
                        let params = ColorParams { method, ..params() };
                        let found = colors(&molecules, &vec![confidence; n], &params, &Silent);
                        assert_eq!(found.len(), n);
                        assert!(n_genes > 1 || found.iter().all(|&color| color == Color::GRAY));
                    }
                }
            }
        }
    }

    #[test]
    fn coincident_molecules_and_unused_genes_have_colors() {
        let mut molecules = random_molecules(200, 3, 8);
        molecules.n_genes = 6;
        molecules.positions.x.fill(1.0);
        molecules.positions.y.fill(1.0);
        assert_eq!(colors(&molecules, &[0.96; 200], &params(), &Silent).len(), 200);
    }
}
