//! How the prior segmentation is read, and what its segments are to the model.

use std::path::PathBuf;

use crate::bmm::FreeCells;
use crate::stain::ThresholdMethod;

/// How the prior segmentation is read.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorSettings {
    /// Where it is, if there is one.
    pub source: Option<PriorSource>,
    /// Column and value: molecules with another value in this column of the table are in no segment.
    pub only: Option<(String, String)>,
    /// Factor of the coordinates of the molecules: where nothing else is said, boundaries are in the units of the
    /// table as it is, and images in its pixels.
    pub coordinate_scale: f64,
    /// Value of the prior column that means no segment.
    pub unassigned_label: String,
    /// Whether the user named it, and not a default, a preset or the table.
    pub label_is_given: bool,
    /// Segments with fewer molecules are ignored; at least 1.
    pub min_molecules_per_segment: usize,
    /// What the segments are.
    pub meaning: SegmentMeaning,
    /// What the pixels of an image mean.
    pub image_kind: ImageKind,
    /// Width, height and maybe depth of a pixel, in coordinate units; `None`: as the file says, or 1.
    pub pixel_size: Option<XyAndZ>,
    /// Coordinates of the outer corner of the first pixel; `None`: the first pixel has its centre at (1, 1) if
    /// coordinates are in pixels, otherwise its corner at (0, 0).
    pub origin: Option<XyAndZ>,
    /// Page of an image with several, from 0; `None`: all for 3D data, the first for 2D data.
    pub page: Option<usize>,
    /// How a stain is segmented.
    pub stain: StainSettings,
}

impl PriorSettings {
    /// What it says itself that its segments are: by being a stain, or by the name of the column or file.
    pub fn named_meaning(&self) -> Option<SegmentMeaning> {
        let name = match &self.source {
            Some(PriorSource::Column { name }) => name.clone(),
            Some(PriorSource::File { path }) => {
                path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
            }
            None => String::new(),
        };
        match self.image_kind {
            ImageKind::Stain => Some(SegmentMeaning::Nuclei),
            _ => meaning_of_name(&name, self.only.as_ref().map(|(column, value)| [&column[..], value])),
        }
    }
}

/// Where the prior segmentation is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PriorSource {
    /// In a column of the molecule table.
    Column {
        /// The column's name, or several with commas between them.
        name: String,
    },
    /// In a file: an image, a matrix, or boundaries.
    File {
        /// The file.
        path: PathBuf,
    },
}

/// What the segments of a prior are.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SegmentMeaning {
    /// Nuclei or cells, as the prior itself tells.
    #[default]
    Auto,
    /// Nuclei: one cell each, and no cell holds molecules of two.
    Nuclei,
    /// Cells: one each, with borders that may move.
    Cells,
    /// Regions that cells may share and cross.
    Regions,
}

/// How the model takes the segments of a prior.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SegmentSettings {
    /// How far cells without a segment are believed in.
    pub free_cells: FreeCells,
    /// Whether the spread of cell sizes was given, so that it counts besides what the cells teach.
    pub spread_is_given: bool,
}

/// A size or a place in the plane, and maybe along z, in coordinate units.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct XyAndZ {
    /// x and y.
    pub xy: [f64; 2],
    /// z, if it was given.
    pub z: Option<f64>,
}

/// What the pixels of a prior image mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ImageKind {
    /// The content tells.
    Auto,
    /// The number of a segment, 0 for none.
    Labels,
    /// Segment or not; what hangs together is one segment.
    Mask,
    /// How bright a stain of nuclei is.
    Stain,
}

/// How a stain is segmented. Lengths in pixels.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct StainSettings {
    /// Standard deviation of the blur; `None`: chosen from the image.
    pub sigma: Option<f64>,
    /// How the threshold is found; `None`: the method that is best in general.
    pub threshold: Option<ThresholdMethod>,
    /// Objects of a smaller area are removed; `None`: chosen from the image.
    pub min_area: Option<f64>,
    /// Touching nuclei are split.
    pub split: bool,
}

/// What segments of a column or file of this name are; with the column and the value that molecules in segments have.
fn meaning_of_name(name: &str, only: Option<[&str; 2]>) -> Option<SegmentMeaning> {
    let has = |text: &str, word: &str| text.to_ascii_lowercase().contains(word);
    if has(name, "nucle") || only.is_some_and(|texts| texts.iter().any(|text| has(text, "nucle"))) {
        Some(SegmentMeaning::Nuclei)
    } else if has(name, "cell") && only.is_none() {
        Some(SegmentMeaning::Cells)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_nuclei_from_cells() {
        let (nuclei, cells) = (Some(SegmentMeaning::Nuclei), Some(SegmentMeaning::Cells));
        assert_eq!(meaning_of_name("nucleus_boundaries.parquet", None), nuclei);
        assert_eq!(meaning_of_name("cell_ID", None), cells);
        assert_eq!(meaning_of_name("cell_id", Some(["overlaps_nucleus", "1"])), nuclei);
        assert_eq!(meaning_of_name("fov,cell_ID", Some(["CellComp", "Nuclear"])), nuclei);
        assert_eq!(meaning_of_name("cell_id", Some(["part", "2"])), None);
        assert_eq!(meaning_of_name("prior", None), None);
    }
}
