//! What the colors of a slide are made from: learned once, applied to any part of it.

use super::anchors::{Anchors, PlaceFinder, Start};
use super::lab::{Color, LabScale};
use super::neighborhoods::Neighborhoods;
use super::projection::{Projection, Transform};
use super::{ColorParams, learn};
use crate::data::Molecules;
use crate::numeric::vector_index::VectorSearch;
use crate::observe::Observer;

/// Colors of neighborhoods, learned from the molecules of a slide: those of all molecules with the same gene table and
/// unit of length can be told from it, part by part, in colors that are comparable.
///
/// Plain data, see [`ColorModel::to_parts`]: `n_genes * n_components` numbers for the map from compositions to molecule
/// vectors, and `n_components + 3` for each of at most 10,000 anchors.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorModel {
    /// Molecules in a neighborhood.
    pub(super) n_neighbors: usize,
    /// Distance below which a neighbor counts no more.
    pub(super) least_distance: f64,
    pub(super) transform: Transform,
    pub(super) projection: Projection,
    pub(super) anchors: Anchors,
    pub(super) scale: LabScale,
}

/// A [`ColorModel`] as numbers, for files. Arrays of more than one dimension are stored row after row.
#[derive(Clone, Debug, PartialEq)]
pub struct ColorModelParts {
    /// Molecules in a neighborhood, itself included.
    pub n_neighbors: usize,
    /// Neighbors nearer than this count as if they were this far away; in units of the coordinates, above 0.
    pub least_distance: f64,
    /// What becomes of the shares of genes; its [`name`](Transform::name) is for files.
    pub transform: Transform,
    /// Length of the molecule vectors, at least 1.
    pub n_components: usize,
    /// What a gene contributes to a molecule vector. `[n_genes, n_components]`
    pub per_gene: Vec<f32>,
    /// What is taken off every molecule vector. `[n_components]`
    pub offset: Vec<f32>,
    /// Molecule vectors of the anchors, at least one. `[n_anchors, n_components]`
    pub anchor_vectors: Vec<f32>,
    /// Where the anchors are in three dimensions. `[n_anchors, 3]`
    pub anchor_places: Vec<f32>,
    /// Mean of the places of molecules. `[3]`
    pub place_mean: [f32; 3],
    /// Share of each of the three dimensions in the axes a, b and lightness. `[3 dimensions, 3 axes]`
    pub place_shares: [f32; 9],
    /// Lower and upper end of the axes a, b and lightness, counted from the mean; at least one with a length.
    /// `[3 axes, 2]`
    pub place_ranges: [f64; 6],
}

impl ColorModel {
    /// Learns the colors of `molecules`. `None` if all neighborhoods are alike: then all molecules are gray.
    ///
    /// `confidence`, `[n_molecules]`, says which molecules may be anchors, and nothing else. The ranges of colors are
    /// those of these molecules. The same for any number of threads and any order of molecules in memory. Memory: as
    /// [`super::colors`], which does the same.
    pub fn fit(
        molecules: &Molecules,
        confidence: &[f32],
        params: &ColorParams,
        observer: &dyn Observer,
    ) -> Option<Self> {
        let neighborhoods = Neighborhoods::new(molecules, params.n_neighbors);
        learn(neighborhoods, confidence, params, observer).map(|learned| learned.model)
    }

    /// Number of genes of the gene table it is made for.
    pub fn n_genes(&self) -> usize {
        self.projection.per_gene.len() / self.projection.n_components
    }

    /// A color for every molecule, `[n_molecules]` in the order of `molecules`.
    ///
    /// A molecule's color depends on its nearest neighbors only: those at the border of a part of a slide need some
    /// around them, more than `n_neighbors`, and then have the same color, to the bit, in every part that holds these.
    /// `molecules` must have the gene table that the model was fitted with; further genes count as neighbors of no
    /// known kind. Where the molecules are fewer than a neighborhood has, all of them are one.
    ///
    /// METHOD: for the molecules that the model was fitted on these are, but for rounding, the colors of
    /// [`super::colors`] as they would be if that searched anchors for every molecule afresh. It starts from those of
    /// the molecule before, which is faster, but tells the same molecule slightly different colors in different parts.
    ///
    /// Memory: about 50 bytes per molecule, and the 3 of the result. The same for any number of threads and any order of
    /// molecules in memory.
    pub fn colors(&self, molecules: &Molecules) -> Vec<Color> {
        let neighborhoods = Neighborhoods::of_part(molecules, self.n_neighbors, self.least_distance);
        let finder = PlaceFinder::new(&self.anchors);
        let (n_genes, n_components) = (self.n_genes(), self.projection.n_components);
        let mut along_curve = vec![Color::GRAY; molecules.len()];
        neighborhoods.fill(&mut along_curve, 1, |compositions, colors| {
            self.transform.apply(compositions);
            let (mut vector, mut search) = (vec![0.0; n_components], VectorSearch::default());
            for ((genes, values), color) in compositions.rows().zip(colors) {
                let n_known = genes.partition_point(|gene| gene.idx() < n_genes);
                self.projection.project((&genes[..n_known], &values[..n_known]), &mut vector);
                *color = self.scale.color(&finder.place(&vector, Start::Afresh, &mut search));
            }
        });
        let mut colors = vec![Color::GRAY; molecules.len()];
        for (&molecule, color) in neighborhoods.order().iter().zip(along_curve) {
            colors[molecule as usize] = color;
        }
        colors
    }

    /// The model as numbers.
    pub fn to_parts(&self) -> ColorModelParts {
        let mut place_shares = [0.0; 9];
        place_shares.copy_from_slice(self.scale.shares.as_flattened());
        let mut place_ranges = [0.0; 6];
        place_ranges.copy_from_slice(self.scale.ranges.as_flattened());
        ColorModelParts {
            n_neighbors: self.n_neighbors,
            least_distance: self.least_distance,
            transform: self.transform,
            n_components: self.projection.n_components,
            per_gene: self.projection.per_gene.clone(),
            offset: self.projection.offset.clone(),
            anchor_vectors: self.anchors.vectors.clone(),
            anchor_places: self.anchors.places.as_flattened().to_vec(),
            place_mean: self.scale.mean,
            place_shares,
            place_ranges,
        }
    }

    /// The model of `parts`: of what [`ColorModel::to_parts`] gave, an equal one. `None` if lengths do not agree with each
    /// other, a number is not finite, or what has to be above 0 is not.
    pub fn from_parts(parts: ColorModelParts) -> Option<Self> {
        let width = parts.n_components;
        let (n_anchors, rest) = (parts.anchor_places.len() / 3, parts.anchor_places.len() % 3);
        let fits = width > 0
            && n_anchors > 0
            && rest == 0
            && parts.per_gene.len().is_multiple_of(width)
            && parts.offset.len() == width
            && n_anchors.checked_mul(width) == Some(parts.anchor_vectors.len());
        let numbers = [&parts.per_gene, &parts.offset, &parts.anchor_vectors, &parts.anchor_places];
        let are_finite = numbers.iter().all(|numbers| numbers.iter().all(|number| number.is_finite()));
        let has_distance = parts.least_distance.is_finite() && parts.least_distance > 0.0;
        if !(fits && are_finite && has_distance) {
            return None;
        }
        let ([r0, r1, r2, r3, r4, r5], s) = (parts.place_ranges, parts.place_shares);
        let shares = [[s[0], s[1], s[2]], [s[3], s[4], s[5]], [s[6], s[7], s[8]]];
        let scale = LabScale::new(parts.place_mean, shares, [[r0, r1], [r2, r3], [r4, r5]])?;
        let places = parts.anchor_places.chunks_exact(3).map(|place| [place[0], place[1], place[2]]).collect();
        Some(Self {
            n_neighbors: parts.n_neighbors,
            least_distance: parts.least_distance,
            transform: parts.transform,
            projection: Projection { n_components: width, per_gene: parts.per_gene, offset: parts.offset },
            anchors: Anchors { n_components: width, vectors: parts.anchor_vectors, places },
            scale,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::composition::tests::{difference, tissue};
    use crate::composition::{VectorMethod, colors};
    use crate::data::GeneIdx;
    use crate::observe::Silent;

    fn fitted(molecules: &Molecules) -> ColorModel {
        let params = ColorParams::of_run(15, VectorMethod::RandomIndexing, 42);
        ColorModel::fit(molecules, &vec![1.0; molecules.len()], &params, &Silent).expect("a model")
    }

    #[test]
    fn a_window_has_the_colors_of_the_whole() {
        let (mut molecules, _) = tissue(8000);
        // Half of them on a grid: equally near neighbors everywhere.
        for molecule in (0..8000).step_by(2) {
            molecules.positions.x[molecule] = (molecules.positions.x[molecule] * 2.0).floor() / 2.0;
            molecules.positions.y[molecule] = (molecules.positions.y[molecule] * 2.0).floor() / 2.0;
        }
        let model = fitted(&molecules);
        let whole = model.colors(&molecules);
        let is_within = |molecule: u32, margin: f64| {
            let [x, y, _] = molecules.positions.at(molecule as usize);
            x > 30.0 - margin && x < 61.0 + margin && y > 45.0 - margin && y < 82.0 + margin
        };
        // In another order in memory, too.
        let part: Vec<u32> = (0..8000).map(|at| (at * 7 + 5) % 8000).filter(|&at| is_within(at, 6.0)).collect();
        let window = model.colors(&molecules.permuted(&part));
        let inner = || part.iter().zip(&window).filter(|(molecule, _)| is_within(**molecule, 0.0));
        assert!(inner().count() > 800);
        assert!(inner().all(|(&molecule, &color)| color == whole[molecule as usize]));
        let n_distinct = inner().map(|(_, color)| color.0).collect::<std::collections::BTreeSet<_>>().len();
        assert!(n_distinct > 200, "{n_distinct}");
        // Those at the border lack neighbors: the window needs its margin.
        assert!(part.iter().zip(&window).any(|(&molecule, &color)| color != whole[molecule as usize]));
    }

    #[test]
    fn the_colors_of_the_fit_are_nearly_those_found_on_the_way() {
        let (molecules, _) = tissue(20_000);
        let model = fitted(&molecules);
        let params = ColorParams::of_run(15, VectorMethod::RandomIndexing, 42);
        let found = colors(&molecules, &vec![1.0; 20_000], &params, &Silent);
        let applied = model.colors(&molecules);
        let mean = found.iter().zip(&applied).map(|(&a, &b)| difference(a, b)).sum::<f64>() / 20_000.0;
        let shuffled = found.iter().zip(applied.iter().rev()).map(|(&a, &b)| difference(a, b)).sum::<f64>() / 20_000.0;
        assert!(mean < 0.1 * shuffled, "{mean} of {shuffled}");
    }

    #[test]
    fn threads_change_neither_model_nor_colors() {
        let (molecules, _) = tissue(3000);
        let with = |threads| {
            let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a thread pool");
            pool.install(|| {
                let model = fitted(&molecules);
                let colors = model.colors(&molecules);
                (model, colors)
            })
        };
        assert_eq!(with(1), with(3));
    }

    #[test]
    fn a_model_survives_as_parts() {
        let (molecules, _) = tissue(1000);
        let model = fitted(&molecules);
        let parts = model.to_parts();
        assert_eq!(model.n_genes(), 40);
        assert_eq!(parts.per_gene.len(), 40 * parts.n_components);
        assert_eq!(parts.anchor_places.len() / 3, 1000);
        let again = ColorModel::from_parts(parts).expect("a model");
        assert_eq!(again, model);
        assert_eq!(again.colors(&molecules), model.colors(&molecules));
    }

    #[test]
    fn parts_that_do_not_fit_are_no_model() {
        let parts = fitted(&tissue(300).0).to_parts();
        let broken = |change: fn(&mut ColorModelParts)| {
            let mut parts = parts.clone();
            change(&mut parts);
            ColorModel::from_parts(parts).is_none()
        };
        assert!(!broken(|_| ()));
        assert!(broken(|parts| parts.n_components = 0));
        assert!(broken(|parts| parts.n_components = 21));
        assert!(broken(|parts| parts.per_gene.truncate(21)));
        assert!(broken(|parts| parts.offset.push(0.0)));
        assert!(broken(|parts| parts.anchor_vectors.truncate(20)));
        assert!(broken(|parts| parts.anchor_places.truncate(20)));
        assert!(broken(|parts| {
            parts.anchor_places.clear();
            parts.anchor_vectors.clear();
        }));
        assert!(broken(|parts| parts.per_gene[3] = f32::NAN));
        assert!(broken(|parts| parts.least_distance = 0.0));
        assert!(broken(|parts| parts.place_ranges = [1.0; 6]));
    }

    #[test]
    fn transforms_have_names() {
        for transform in [Transform::None, Transform::Log] {
            assert_eq!(Transform::from_name(transform.name()), Some(transform));
        }
        assert_eq!(Transform::from_name("Log"), None);
    }

    #[test]
    fn few_molecules_and_unknown_genes_have_colors() {
        let (mut molecules, _) = tissue(500);
        let model = fitted(&molecules);
        molecules.genes[3] = GeneIdx::new(45);
        molecules.n_genes = 46;
        assert_eq!(model.colors(&molecules).len(), 500);
        for n in [0, 1, 2, 7] {
            let few: Vec<u32> = (0..n).collect();
            assert_eq!(model.colors(&molecules.permuted(&few)).len(), n as usize);
        }
        molecules.genes.fill(GeneIdx::new(2));
        assert_eq!(
            ColorModel::fit(&molecules, &[1.0; 500], &ColorParams::of_run(15, VectorMethod::Dense, 42), &Silent),
            None
        );
    }
}
