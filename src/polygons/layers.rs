//! Outlines per layer of z.

use super::outline::{self, ANY_SPACING, Scene};
use super::plane_index::{PlaneIndex, counting_sort};
use crate::data::{CellIdx, CellOutline, LayerOutlines, Positions};
use crate::numeric::stats;

/// The bulk of z, over which layers are spaced evenly, lies between these quantiles.
const BULK: [f64; 2] = [0.025, 0.975];

/// Layers of z: which values of z belong together.
#[derive(Clone, Debug, PartialEq)]
pub enum ZLayers {
    /// One layer per value, ascending. `[n_layers]`
    Values(Vec<f64>),
    /// Borders of the layers, ascending. `[n_layers + 1]`
    Ranges(Vec<f64>),
}

/// What the outlines in layers of a part of a slide have to know of the slide.
#[derive(Clone, Debug, PartialEq)]
pub struct SlideLayers {
    /// The layers.
    pub layers: ZLayers,
    /// Mean distance of the molecules of a layer to the nearest other one of it, seen from above, in units of the
    /// coordinates; that of all molecules for layers that have none. `[n_layers]`
    pub spacing: Vec<f64>,
}

impl SlideLayers {
    /// Those of the molecules of a slide. At most `max_layers` layers, see [`ZLayers::of`]. `None` for 2D data and
    /// without molecules. The same for any number of threads. Memory: 13 bytes per molecule.
    pub fn of(positions: &Positions, max_layers: usize) -> Option<Self> {
        let z = positions.z.as_ref()?;
        let layers = ZLayers::of(z, max_layers)?;
        let spacing_of = |members: &[u32]| outline::spacing(&PlaneIndex::new(&positions.x, &positions.y, members));
        let all: Vec<u32> = (0..z.len() as u32).collect();
        let of_all = spacing_of(&all);
        let members = Members::new(z, &layers, all);
        let spacing = (0..layers.len()).map(|layer| spacing_of(members.of(layer)).or(of_all).unwrap_or(ANY_SPACING));
        let spacing = spacing.collect();
        Some(Self { layers, spacing })
    }
}

/// The outlines of cells in layers of z, from below; nothing for 2D data.
///
/// There are at most `max_layers` layers, see [`ZLayers::of`]. Each layer is outlined from its own molecules only, so a
/// cell has no outline in a layer where it has no molecule. A layer without cells, or without molecules, has no outlines.
///
/// Shapes: `cell_of` is `[n_molecules]`. Coordinates must be finite. Draws nothing; the same
/// result for any number of threads.
///
/// DIFFERS: the program has 10 layers; it fails when one has fewer than three molecules, and
/// gives the wrong name to those above an empty one.
pub fn layer_outlines(
    positions: &Positions,
    cell_of: &[Option<CellIdx>],
    n_cells: usize,
    max_layers: usize,
) -> Vec<LayerOutlines> {
    let Some(z) = &positions.z else { return Vec::new() };
    let Some(layers) = ZLayers::of(z, max_layers) else { return Vec::new() };
    let all: Vec<u32> = (0..z.len() as u32).collect();
    let of_all = Scene::new(positions, cell_of, &all).spacing();
    let members = Members::new(z, &layers, all);
    let outline = |layer: usize| {
        let scene = Scene::new(positions, cell_of, members.of(layer));
        scene.outlines(n_cells, scene.spacing().or(of_all).unwrap_or(ANY_SPACING))
    };
    (0..layers.len()).map(|layer| layers.describe(layer, outline(layer))).collect()
}

/// The same for a part of a slide, given the layers of the slide: all of them are in the result, with or without outlines.
/// Nothing for 2D data.
///
/// In every part that holds all molecules of the smallest rectangle around a cell, seen from above, its outlines are the
/// same, to the bit, as [`layer_outlines`] finds them on the whole slide. Values of z that the slide does not have belong
/// to the layer below.
pub fn layer_outlines_of_part(
    positions: &Positions,
    cell_of: &[Option<CellIdx>],
    n_cells: usize,
    slide: &SlideLayers,
) -> Vec<LayerOutlines> {
    let Some(z) = &positions.z else { return Vec::new() };
    let layers = &slide.layers;
    let members = Members::new(z, layers, (0..z.len() as u32).collect());
    let outline = |layer: usize| {
        let spacing = slide.spacing.get(layer).copied().unwrap_or(ANY_SPACING);
        Scene::new(positions, cell_of, members.of(layer)).outlines(n_cells, spacing)
    };
    (0..layers.len()).map(|layer| layers.describe(layer, outline(layer))).collect()
}

/// The molecules of every layer.
struct Members {
    /// Where those of each layer start. `[n_layers + 1]`
    starts: Vec<u32>,
    /// Molecules by layer, ascending within one.
    by_layer: Vec<u32>,
}

impl Members {
    fn new(z: &[f64], layers: &ZLayers, all: Vec<u32>) -> Self {
        let layer = |member: u32| Some(layers.layer_of(z[member as usize])).filter(|&layer| layer < layers.len());
        let (starts, by_layer) = counting_sort(&all, layers.len(), layer);
        Self { starts, by_layer }
    }

    fn of(&self, layer: usize) -> &[u32] {
        &self.by_layer[self.starts[layer] as usize..self.starts[layer + 1] as usize]
    }
}

impl ZLayers {
    /// The layers of a slide from the `z` of its molecules, `[n_molecules]`, at most `max_layers` (0 counts as 1). `None`
    /// without molecules.
    ///
    /// With at most `max_layers` distinct values of z each value is a layer. Otherwise there are `max_layers` layers of
    /// equal thickness between the quantiles 0.025 and 0.975 of z, of which the first is extended down to the smallest z
    /// and the last up to the largest.
    ///
    /// Source: Baysor 0.7.1 user documentation (layer per value of z, 20 bins for continuous z)
    /// and `boundary_polygons_auto` (the quantiles).
    ///
    /// METHOD: equal bins between the extremes, as the documentation has it, would let a few misplaced molecules
    /// decide: one at z = 1000 above a section of 10 leaves a single layer with all the others.
    pub fn of(z: &[f64], max_layers: usize) -> Option<Self> {
        if z.is_empty() {
            return None;
        }
        let max_layers = max_layers.max(1);
        Some(match distinct_values(z, max_layers) {
            Some(values) => Self::Values(values),
            None => Self::Ranges(breaks(z, max_layers)),
        })
    }

    /// Number of layers.
    pub fn len(&self) -> usize {
        match self {
            Self::Values(values) => values.len(),
            Self::Ranges(breaks) => breaks.len().saturating_sub(1),
        }
    }

    /// True without layers, which [`ZLayers::of`] does not give.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The layer of a molecule: closed below, open above.
    fn layer_of(&self, z: f64) -> usize {
        let lower_borders = match self {
            Self::Values(values) => &values[..],
            Self::Ranges(breaks) => &breaks[..self.len()],
        };
        lower_borders.partition_point(|&border| border <= z).saturating_sub(1)
    }

    fn describe(&self, layer: usize, outlines: Vec<CellOutline>) -> LayerOutlines {
        match self {
            Self::Values(values) => {
                let z = values[layer];
                LayerOutlines { name: julia_float(z), z, z_range: [z, z], outlines }
            }
            Self::Ranges(breaks) => {
                let (low, high) = (breaks[layer], breaks[layer + 1]);
                let bracket = if layer + 1 == self.len() { ']' } else { ')' };
                let name = format!("[{}, {}{bracket}", julia_float(low), julia_float(high));
                LayerOutlines { name, z: low + 0.5 * (high - low), z_range: [low, high], outlines }
            }
        }
    }
}

/// The distinct values, ascending, unless there are more than `most`.
fn distinct_values(z: &[f64], most: usize) -> Option<Vec<f64>> {
    let mut values: Vec<f64> = Vec::new();
    for &z in z {
        let at = values.partition_point(|&value| value < z);
        if values.get(at) != Some(&z) {
            if values.len() == most {
                return None;
            }
            values.insert(at, z + 0.0); // plus zero turns -0 into 0
        }
    }
    Some(values)
}

/// Borders of `n_layers` layers.
fn breaks(z: &[f64], n_layers: usize) -> Vec<f64> {
    let low = z.iter().copied().fold(f64::INFINITY, f64::min);
    let high = z.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let mut values = z.to_vec();
    let bulk = BULK.map(|share| stats::quantile(&mut values, share));
    // Without a bulk that has an extent, the whole range has to do.
    let [from, to] = if bulk[0] < bulk[1] { bulk } else { [low, high] };
    let inner = (1..n_layers).map(|border| from + (to - from) * (border as f64 / n_layers as f64));
    let mut breaks: Vec<f64> = std::iter::once(low).chain(inner).chain([high]).map(|border| border + 0.0).collect();
    // Values next to each other may leave no room for all borders.
    breaks.dedup_by(|next, previous| *next <= *previous);
    if breaks.len() < 2 {
        breaks.push(high);
    }
    breaks
}

/// Writes a number as Julia prints it: shortest, with a point, exponents from 1e6 and below 1e-4.
///
/// KEEPS: the names of layers in 0.7.1, which readers may look up.
fn julia_float(value: f64) -> String {
    let size = value.abs();
    if size == 0.0 || (1e-4..1e6).contains(&size) {
        return format!("{value:?}");
    }
    let scientific = format!("{value:e}");
    match scientific.split_once('e') {
        Some((mantissa, exponent)) if !mantissa.contains('.') => format!("{mantissa}.0e{exponent}"),
        _ => scientific,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::numeric::draws::{Draws, Stream};
    use crate::polygons::check::assert_valid;
    use crate::polygons::outline::tests::{slide, window_of};

    #[test]
    fn few_values_are_a_layer_each() {
        let z = [3.0, 1.0, 2.0, 1.0, -0.0, 0.0];
        let layers = ZLayers::of(&z, 4).expect("layers");
        assert_eq!(layers, ZLayers::Values(vec![0.0, 1.0, 2.0, 3.0]));
        assert_eq!(z.map(|z| layers.layer_of(z)), [3, 1, 2, 1, 0, 0]);
        assert_eq!(layers.describe(1, vec![]).name, "1.0");
        assert_eq!(layers.describe(1, vec![]).z_range, [1.0, 1.0]);
    }

    #[test]
    fn many_values_share_layers_of_equal_thickness() {
        let z: Vec<f64> = (0..=1000).map(f64::from).collect();
        let layers = ZLayers::of(&z, 4).expect("layers");
        // Quantiles 25 and 975: inner borders 262.5, 500, 737.5.
        assert_eq!(layers, ZLayers::Ranges(vec![0.0, 262.5, 500.0, 737.5, 1000.0]));
        assert_eq!([0.0, 262.4, 262.5, 999.0, 1000.0].map(|z| layers.layer_of(z)), [0, 0, 1, 3, 3]);
        let first = layers.describe(0, vec![]);
        assert_eq!((first.name.as_str(), first.z, first.z_range), ("[0.0, 262.5)", 131.25, [0.0, 262.5]));
        assert_eq!(layers.describe(3, vec![]).name, "[737.5, 1000.0]");
    }

    #[test]
    fn an_outlier_does_not_push_all_others_into_one_layer() {
        let mut z: Vec<f64> = (0..100).map(|i| f64::from(i) / 10.0).collect();
        z.push(1e9);
        let layers = ZLayers::of(&z, 5).expect("layers");
        let mut counts = [0; 5];
        z.iter().for_each(|&z| counts[layers.layer_of(z)] += 1);
        assert!(counts.iter().all(|&count| count >= 18), "{counts:?}");
    }

    #[test]
    fn layers_exist_for_one_value_one_layer_and_a_bulk_at_one_value() {
        assert_eq!(ZLayers::of(&[7.0; 5], 1), Some(ZLayers::Values(vec![7.0])));
        assert_eq!(ZLayers::of(&[1.0, 2.0, 3.0], 1), Some(ZLayers::Ranges(vec![1.0, 3.0])));
        let mut z = vec![0.0; 1000];
        z.extend([1.0, 2.0, 4.0]);
        assert_eq!(ZLayers::of(&z, 2), Some(ZLayers::Ranges(vec![0.0, 2.0, 4.0])));
        let next = 1.0 + f64::EPSILON;
        assert_eq!(ZLayers::of(&[1.0, next, next + f64::EPSILON], 2).expect("layers").len(), 2);
    }

    #[test]
    fn numbers_in_names_look_like_julia_prints_them() {
        let cases = [(1.0, "1.0"), (-2.5, "-2.5"), (0.0, "0.0"), (0.0001, "0.0001"), (999_999.0, "999999.0")];
        let exponents = [(1e6, "1.0e6"), (0.00001, "1.0e-5"), (-1.25e-7, "-1.25e-7"), (1_234_567.5, "1.2345675e6")];
        for (value, text) in cases.into_iter().chain(exponents) {
            assert_eq!(julia_float(value), text);
        }
    }

    #[test]
    fn a_layer_is_outlined_from_its_own_molecules() {
        // Cell 1: a triangle at z = 1 and one molecule at z = 3. Cell 2: at z = 3 only, on a line.
        let positions = Positions {
            x: vec![0.0, 4.0, 0.0, 1.0, 5.0, 6.0, 7.0, 0.5],
            y: vec![0.0, 0.0, 4.0, 1.0, 5.0, 5.0, 5.0, 0.5],
            z: Some(vec![1.0, 1.0, 1.0, 3.0, 3.0, 3.0, 3.0, 2.0]),
        };
        let cell_of = [1, 1, 1, 1, 2, 2, 2, 0].map(CellIdx::from_number);
        let layers = layer_outlines(&positions, &cell_of, 2, 20);
        let cells =
            |layer: usize| layers[layer].outlines.iter().map(|outline| outline.cell.number()).collect::<Vec<_>>();
        assert_eq!(layers.iter().map(|layer| layer.name.as_str()).collect::<Vec<_>>(), ["1.0", "2.0", "3.0"]);
        assert_eq!([cells(0), cells(1), cells(2)], [vec![1], vec![], vec![1, 2]]);
        // The molecules at other z neither extend nor cut the triangle.
        assert_eq!(layers[0].outlines[0].ring, [[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [0.0, 0.0]]);
        layers.iter().flat_map(|layer| &layer.outlines).for_each(|outline| assert_valid(&outline.ring));
    }

    #[test]
    fn a_layer_of_one_molecule_takes_its_unit_from_all_of_them() {
        let positions = Positions { x: vec![0.0, 1e-3, 2e-3], y: vec![0.0; 3], z: Some(vec![0.0, 0.0, 1.0]) };
        let layers = layer_outlines(&positions, &[1, 2, 3].map(CellIdx::from_number), 3, 20);
        let width = layers[1].outlines[0].ring[2][0] - layers[1].outlines[0].ring[0][0];
        assert!((width - 2e-5).abs() < 1e-12, "{width}");
    }

    #[test]
    fn a_part_of_a_slide_has_the_layers_and_outlines_of_the_whole() {
        let (mut positions, cell_of, n_cells) = slide();
        for max_layers in [1, 4, 20] {
            for with_values in [false, true] {
                if with_values {
                    positions.z.iter_mut().flatten().for_each(|z| *z = z.floor());
                }
                let whole = layer_outlines(&positions, &cell_of, n_cells, max_layers);
                let layers = SlideLayers::of(&positions, max_layers).expect("layers");
                assert_eq!((whole.len(), layers.spacing.len()), (layers.layers.len(), layers.layers.len()));
                let (mut part, cells, is_whole) = window_of(&positions, &cell_of, n_cells, [20.0, 65.0, 35.0, 90.0]);
                let found = layer_outlines_of_part(&part, &cells, n_cells, &layers);
                let within = |layer: &LayerOutlines| {
                    let outlines = layer.outlines.iter().filter(|outline| is_whole[outline.cell.idx()]).cloned();
                    LayerOutlines { outlines: outlines.collect(), ..layer.clone() }
                };
                assert_eq!(found.iter().map(within).collect::<Vec<_>>(), whole.iter().map(within).collect::<Vec<_>>());
                assert!(found.iter().all(|layer| within(layer).outlines.len() > 50));
                // Even if the part has no molecule in some of the layers.
                part.z.iter_mut().flatten().for_each(|z| *z = 0.0);
                let found = layer_outlines_of_part(&part, &cells, n_cells, &layers);
                assert_eq!(found.len(), whole.len());
                assert!(found.iter().zip(&whole).all(|(a, b)| a.name == b.name && a.z_range == b.z_range));
                assert!(found[1..].iter().all(|layer| layer.outlines.is_empty()));
            }
        }
        assert_eq!(SlideLayers::of(&Positions::default(), 5), None);
        let none = SlideLayers { layers: ZLayers::Ranges(vec![]), spacing: vec![] };
        assert!(none.layers.is_empty() && layer_outlines_of_part(&positions, &cell_of, n_cells, &none).is_empty());
    }

    #[test]
    fn empty_layers_stay_in_the_list() {
        let mut z: Vec<f64> = (0..50).map(f64::from).collect();
        z.extend((0..50).map(|i| 1000.0 + f64::from(i)));
        let n = z.len();
        let draws = Draws::new(2, Stream::Jitter);
        let axis = |which| (0..n as u64).map(|i| draws.at(which).uniform(i)).collect();
        let positions = Positions { x: axis(0), y: axis(1), z: Some(z) };
        let layers = layer_outlines(&positions, &vec![Some(CellIdx::new(0)); n], 1, 10);
        let counts: Vec<usize> = layers.iter().map(|layer| layer.outlines.len()).collect();
        assert_eq!(counts, [1, 0, 0, 0, 0, 0, 0, 0, 0, 1]);
        assert!(layers.windows(2).all(|pair| pair[0].z_range[1] == pair[1].z_range[0] && pair[0].z < pair[1].z));
    }

    #[test]
    fn flat_data_and_no_molecules_have_no_layers() {
        assert!(layer_outlines(&Positions::default(), &[], 0, 20).is_empty());
        assert!(layer_outlines(&Positions { z: Some(vec![]), ..Positions::default() }, &[], 0, 20).is_empty());
    }
}
