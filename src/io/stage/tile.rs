//! What makes a stage a part of a slide: the object `tile` of its manifest.

use serde::{Deserialize, Serialize};

use super::slide_fit::FitTexts;
use super::{Manifest, StageKind};
use crate::data::Positions;
use crate::polygons::{self, SlideLayers};
use crate::spatial::tiling::Rect;

/// A part of a slide, as its manifest has it. Tiles carry it, and the runs that are made from them.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TileManifest {
    /// Id of the division: 16 hexadecimal digits that follow from inputs, settings and borders. All tiles of a slide
    /// have the same.
    pub slide: String,
    /// Number of the tile, from 1.
    pub index: u32,
    /// Number of tiles of the slide.
    pub n_tiles: u32,
    /// Where the cells are that come from this tile. Cores of a slide touch but do not overlap; infinite ends, at the
    /// outside of the slide, are null in the file.
    #[serde(with = "limits")]
    pub core: Rect,
    /// Width of the margin around the core, in coordinate units. The tile has the molecules in core and margin.
    pub margin: f64,
    /// Molecules in the core.
    pub n_core: u64,
    /// Molecules of the slide.
    pub n_slide: u64,
    /// Memory that the run of the tile is expected to need, in MiB.
    pub expected_memory_mib: u64,
    /// What stands in the names of the slide's cells between `C` and `-`.
    pub run_id: String,
    /// What boundaries of cells need of the slide.
    pub outlines: OutlineBasis,
    /// The texts of the slide's fit; the writer of the stage enters them.
    #[serde(default)]
    pub texts: FitTexts,
}

/// What boundaries of cells need of the slide, so that tiles have those of the whole.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OutlineBasis {
    /// Mean distance of molecules to the nearest other one, see [`molecule_spacing`](crate::polygons::molecule_spacing).
    pub spacing: f64,
    /// The layers of z; null for 2D data.
    #[serde(with = "layers")]
    pub layers: Option<SlideLayers>,
}

impl OutlineBasis {
    /// That of a slide with these molecules, for at most `max_layers` layers.
    pub fn of(positions: &Positions, max_layers: usize) -> Self {
        Self { spacing: polygons::molecule_spacing(positions), layers: SlideLayers::of(positions, max_layers) }
    }
}

impl TileManifest {
    /// What contradicts itself, in a few words; `None` if all is well.
    fn fault(&self, n_molecules: Option<u64>) -> Option<String> {
        let is_hash = self.slide.len() == 16 && self.slide.bytes().all(|byte| byte.is_ascii_hexdigit());
        let is_name = !self.run_id.is_empty() && self.run_id.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if !is_hash {
            return Some(format!("tile.slide is '{}', not 16 hexadecimal digits", self.slide));
        }
        if !(1..=self.n_tiles).contains(&self.index) {
            return Some(format!("it is tile {} of {}", self.index, self.n_tiles));
        }
        if let Some([low, high]) = [self.core.x, self.core.y].into_iter().find(|[low, high]| low >= high) {
            return Some(format!("the core of the tile goes from {low} to {high}"));
        }
        if !(self.margin.is_finite() && self.margin >= 0.0) {
            return Some(format!("the margin of the tile is {}", self.margin));
        }
        if self.n_core > n_molecules.unwrap_or(self.n_slide).min(self.n_slide) {
            return Some(format!("{} molecules are in the core of the tile, more than there are", self.n_core));
        }
        (!is_name).then(|| format!("tile.run_id is '{}', not letters and digits", self.run_id))
    }
}

/// What is wrong with the object `tile` of a manifest, or with its absence; `None` if all is well.
pub(super) fn fault(manifest: &Manifest) -> Option<String> {
    match (&manifest.tile, manifest.stage) {
        (None, StageKind::Tile) => Some("the object 'tile' is missing".to_owned()),
        (Some(_), StageKind::Prior | StageKind::Segfree | StageKind::Merge) => {
            Some(format!("a stage of the kind '{}' has the object 'tile'", manifest.stage))
        }
        (Some(tile), StageKind::Tile | StageKind::Run) => {
            tile.fault(manifest.table(super::schema::MOLECULES.name).map(|entry| entry.n_rows))
        }
        (None, _) => None,
    }
}

/// Layers in JSON.
mod layers {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::polygons::{SlideLayers, ZLayers};

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Layers {
        /// Whether `z` are values of layers, or borders between them.
        are_values: bool,
        z: Vec<f64>,
        spacing: Vec<f64>,
    }

    pub fn serialize<S: Serializer>(layers: &Option<SlideLayers>, serializer: S) -> Result<S::Ok, S::Error> {
        let layers = layers.as_ref().map(|SlideLayers { layers, spacing }| {
            let (are_values, z) = match layers {
                ZLayers::Values(values) => (true, values),
                ZLayers::Ranges(borders) => (false, borders),
            };
            Layers { are_values, z: z.clone(), spacing: spacing.clone() }
        });
        layers.serialize(serializer)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Option<SlideLayers>, D::Error> {
        let layers = Option::<Layers>::deserialize(deserializer)?;
        Ok(layers.map(|Layers { are_values, z, spacing }| SlideLayers {
            layers: if are_values { ZLayers::Values(z) } else { ZLayers::Ranges(z) },
            spacing,
        }))
    }
}

/// Rectangles in JSON, which has no infinite numbers.
mod limits {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    use crate::spatial::tiling::Rect;

    #[derive(Serialize, Deserialize)]
    #[serde(deny_unknown_fields)]
    struct Limits {
        x: [Option<f64>; 2],
        y: [Option<f64>; 2],
    }

    pub fn serialize<S: Serializer>(rect: &Rect, serializer: S) -> Result<S::Ok, S::Error> {
        let finite = |[low, high]: [f64; 2]| [low, high].map(|end| Some(end).filter(|end| end.is_finite()));
        Limits { x: finite(rect.x), y: finite(rect.y) }.serialize(serializer)
    }

    pub fn deserialize<'a, D: Deserializer<'a>>(deserializer: D) -> Result<Rect, D::Error> {
        let Limits { x, y } = Limits::deserialize(deserializer)?;
        let ends = |[low, high]: [Option<f64>; 2]| [low.unwrap_or(f64::NEG_INFINITY), high.unwrap_or(f64::INFINITY)];
        Ok(Rect { x: ends(x), y: ends(y) })
    }
}
