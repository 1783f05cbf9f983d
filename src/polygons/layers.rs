//! Outlines per layer of z.

use super::outline::Scene;
use super::plane_index::counting_sort;
use crate::data::{CellIdx, CellOutline, LayerOutlines, Positions};
use crate::numeric::stats;

/// The bulk of z, over which layers are spaced evenly, lies between these quantiles.
const BULK: [f64; 2] = [0.025, 0.975];

/// The outlines of cells in layers of z, from below; nothing for 2D data.
///
/// With at most `max_layers` distinct values of z (0 counts as 1) each value is a layer.
/// Otherwise there are `max_layers` layers of equal thickness between the quantiles 0.025 and
/// 0.975 of z, of which the first is extended down to the smallest z and the last up to the
/// largest.
///
/// Each layer is outlined from its own molecules only, so a cell has no outline in a layer
/// where it has no molecule. A layer without cells, or without molecules, has no outlines.
///
/// Shapes: `cell_of` is `[n_molecules]`. Coordinates must be finite. Draws nothing; the same
/// result for any number of threads.
///
/// Source: Baysor 0.7.1 user documentation (layer per value of z, 20 bins for continuous z)
/// and `boundary_polygons_auto` (the quantiles).
///
/// METHOD: equal bins between the extremes, as the documentation has it, would let a few misplaced molecules
/// decide: one at z = 1000 above a section of 10 leaves a single layer with all the others.
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
    if z.is_empty() {
        return Vec::new();
    }
    Layers::new(z, max_layers).outlines(positions, cell_of, n_cells)
}

/// Which values of z belong together.
#[derive(Clone, Debug, PartialEq)]
pub struct Layers(Kind);

#[derive(Clone, Debug, PartialEq)]
enum Kind {
    /// One layer per value, ascending.
    Values(Vec<f64>),
    /// Borders of the layers, ascending; one more than there are layers.
    Ranges(Vec<f64>),
}

impl Layers {
    /// The layers of molecules with these z, by the rules of [`layer_outlines`].
    pub fn new(z: &[f64], max_layers: usize) -> Self {
        let mut range = ZRange::new(max_layers);
        z.iter().for_each(|&z| range.add(z));
        range.layers(z)
    }

    /// The outlines of cells in these layers; see [`layer_outlines`]. None without z.
    ///
    /// The layers may be those of more molecules than are here. What is below the first counts as in the first, what is
    /// above the last as in the last.
    pub fn outlines(&self, positions: &Positions, cell_of: &[Option<CellIdx>], n_cells: usize) -> Vec<LayerOutlines> {
        let Some(z) = &positions.z else { return Vec::new() };
        let all: Vec<u32> = (0..z.len() as u32).collect();
        let spacing = Scene::new(positions, cell_of, &all).spacing();
        let (starts, by_layer) = counting_sort(&all, self.len(), |member| Some(self.layer_of(z[member as usize])));
        drop(all);
        (0..self.len())
            .map(|layer| {
                let members = &by_layer[starts[layer] as usize..starts[layer + 1] as usize];
                let outlines = Scene::new(positions, cell_of, members).outlines(n_cells, spacing);
                self.describe(layer, outlines)
            })
            .collect()
    }

    /// The layers, from below, without outlines.
    pub fn empty(&self) -> Vec<LayerOutlines> {
        (0..self.len()).map(|layer| self.describe(layer, Vec::new())).collect()
    }

    fn len(&self) -> usize {
        match &self.0 {
            Kind::Values(values) => values.len(),
            Kind::Ranges(breaks) => breaks.len() - 1,
        }
    }

    /// The layer of a molecule: closed below, open above.
    fn layer_of(&self, z: f64) -> usize {
        let lower_borders = match &self.0 {
            Kind::Values(values) => &values[..],
            Kind::Ranges(breaks) => &breaks[..breaks.len() - 1],
        };
        lower_borders.partition_point(|&border| border <= z).saturating_sub(1)
    }

    fn describe(&self, layer: usize, outlines: Vec<CellOutline>) -> LayerOutlines {
        match &self.0 {
            Kind::Values(values) => {
                let z = values[layer];
                LayerOutlines { name: julia_float(z), z, z_range: [z, z], outlines }
            }
            Kind::Ranges(breaks) => {
                let (low, high) = (breaks[layer], breaks[layer + 1]);
                let bracket = if layer + 1 == self.len() { ']' } else { ')' };
                let name = format!("[{}, {}{bracket}", julia_float(low), julia_float(high));
                LayerOutlines { name, z: low + 0.5 * (high - low), z_range: [low, high], outlines }
            }
        }
    }
}

/// What layers depend on but for the bulk of z: to be found molecule by molecule.
#[derive(Clone, Debug)]
pub struct ZRange {
    max_layers: usize,
    /// The distinct values, ascending, unless there are more than layers.
    values: Option<Vec<f64>>,
    low: f64,
    high: f64,
}

impl ZRange {
    /// Nothing yet; `max_layers` is the number of layers at most (0 counts as 1).
    pub fn new(max_layers: usize) -> Self {
        Self { max_layers: max_layers.max(1), values: Some(Vec::new()), low: f64::INFINITY, high: f64::NEG_INFINITY }
    }

    /// Adds a molecule. The order does not matter.
    pub fn add(&mut self, z: f64) {
        let z = z + 0.0; // plus zero turns -0 into 0
        (self.low, self.high) = (self.low.min(z), self.high.max(z));
        let Some(values) = &mut self.values else { return };
        let at = values.partition_point(|&value| value < z);
        if values.get(at) != Some(&z) {
            values.insert(at, z);
        }
        if values.len() > self.max_layers {
            self.values = None;
        }
    }

    /// The layers. `sample`: z of the molecules, or of enough of them to find their bulk.
    pub fn layers(self, sample: &[f64]) -> Layers {
        let [low, high] = [self.low, self.high];
        Layers(match self.values {
            Some(values) => Kind::Values(values),
            None => Kind::Ranges(breaks(sample.to_vec(), [low, high], self.max_layers)),
        })
    }
}

/// Borders of `n_layers` layers between the extremes.
fn breaks(mut values: Vec<f64>, [low, high]: [f64; 2], n_layers: usize) -> Vec<f64> {
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

    #[test]
    fn few_values_are_a_layer_each() {
        let z = [3.0, 1.0, 2.0, 1.0, -0.0, 0.0];
        let layers = Layers::new(&z, 4);
        assert_eq!(layers.0, Kind::Values(vec![0.0, 1.0, 2.0, 3.0]));
        assert_eq!(z.map(|z| layers.layer_of(z)), [3, 1, 2, 1, 0, 0]);
        assert_eq!(layers.describe(1, vec![]).name, "1.0");
        assert_eq!(layers.describe(1, vec![]).z_range, [1.0, 1.0]);
    }

    #[test]
    fn many_values_share_layers_of_equal_thickness() {
        let z: Vec<f64> = (0..=1000).map(f64::from).collect();
        let layers = Layers::new(&z, 4);
        // Quantiles 25 and 975: inner borders 262.5, 500, 737.5.
        assert_eq!(layers.0, Kind::Ranges(vec![0.0, 262.5, 500.0, 737.5, 1000.0]));
        assert_eq!([0.0, 262.4, 262.5, 999.0, 1000.0].map(|z| layers.layer_of(z)), [0, 0, 1, 3, 3]);
        let first = layers.describe(0, vec![]);
        assert_eq!((first.name.as_str(), first.z, first.z_range), ("[0.0, 262.5)", 131.25, [0.0, 262.5]));
        assert_eq!(layers.describe(3, vec![]).name, "[737.5, 1000.0]");
    }

    #[test]
    fn an_outlier_does_not_push_all_others_into_one_layer() {
        let mut z: Vec<f64> = (0..100).map(|i| f64::from(i) / 10.0).collect();
        z.push(1e9);
        let layers = Layers::new(&z, 5);
        let mut counts = [0; 5];
        z.iter().for_each(|&z| counts[layers.layer_of(z)] += 1);
        assert!(counts.iter().all(|&count| count >= 18), "{counts:?}");
    }

    #[test]
    fn layers_exist_for_one_value_one_layer_and_a_bulk_at_one_value() {
        assert_eq!(Layers::new(&[7.0; 5], 1).0, Kind::Values(vec![7.0]));
        assert_eq!(Layers::new(&[1.0, 2.0, 3.0], 1).0, Kind::Ranges(vec![1.0, 3.0]));
        let mut z = vec![0.0; 1000];
        z.extend([1.0, 2.0, 4.0]);
        assert_eq!(Layers::new(&z, 2).0, Kind::Ranges(vec![0.0, 2.0, 4.0]));
        let next = 1.0 + f64::EPSILON;
        assert_eq!(Layers::new(&[1.0, next, next + f64::EPSILON], 2).len(), 2);
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
