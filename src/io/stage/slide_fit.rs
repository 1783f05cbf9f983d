//! What was estimated once from a whole slide, and holds for all of its tiles.
//!
//! Numbers are rows of a table: the name of an array, a position in it, a value, to the last bit. Texts are in the
//! object `tile` of the manifest.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::StageError;
use super::ipc::{SourceColumn, damaged, read_table, write_table};
use super::schema::SLIDE_FIT;
use crate::bmm::Learned;
use crate::clustering::{Course, CourseStep};
use crate::composition::{ColorModel, ColorModelParts, Transform};
use crate::graph::EdgeLengths;
use crate::noise::{NoiseFit, Normal};
use crate::spatial::frame::Frame;

/// What belongs to a slide: fitted once, the same for all tiles.
#[derive(Clone, Debug, PartialEq)]
pub struct SlideFit {
    /// The place that the slide takes up.
    pub frame: Frame,
    /// What is usual among its edges.
    pub edges: EdgeLengths,
    /// Distances of real molecules and of the background; `None` where they cannot be told apart.
    pub noise: Option<NoiseFit>,
    /// Expected radius of a cell, in coordinate units, > 0.
    pub scale: f64,
    /// Its spread, in coordinate units, > 0.
    pub scale_std: f64,
    /// Where the scale comes from: `given`, or `estimated from …`.
    pub scale_origin: String,
    /// How the profiles of the molecule clusters moved, if molecules are clustered.
    pub clustering: Option<Course>,
    /// ln of the density of noise (Λ) at the start of the model and after every iteration. `[1 + n_iterations]`
    pub log_noise_density: Vec<f64>,
    /// What the segments of the prior are, if they own cells.
    pub owners: Option<SlideOwners>,
    /// Genes that tell compartments, if compartments are modelled.
    pub markers: Option<SlideMarkers>,
    /// Whether molecules are colored by neighborhood.
    pub is_colored: bool,
    /// The colors, if molecules are colored; `None` then means that all are gray.
    pub colors: Option<ColorModel>,
}

/// Segments that own cells, on a slide.
#[derive(Clone, Debug, PartialEq)]
pub struct SlideOwners {
    /// Whether they are nuclei, and not cells.
    pub are_nuclei: bool,
    /// What was learned of cells at the start of the model and after every iteration. `[1 + n_iterations]`
    pub learned: Vec<Learned>,
}

/// Names of genes that tell compartments. Both lists hold at least one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SlideMarkers {
    /// Genes of the nucleus.
    pub nuclei: Vec<String>,
    /// Genes of the cytoplasm.
    pub cyto: Vec<String>,
}

/// The texts of a fit, as the manifest has them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FitTexts {
    /// Where the scale comes from.
    pub scale_origin: String,
    /// Genes that tell compartments; null where compartments are not modelled.
    pub markers: Option<SlideMarkers>,
    /// Whether molecules are colored by neighborhood.
    pub is_colored: bool,
    /// What becomes of the shares of genes before they become colors; null without a fit of colors.
    pub color_transform: Option<String>,
}

/// Arrays of numbers by name. An array that may be absent has its length besides, as `n_<name>`.
type Arrays = BTreeMap<String, Vec<f64>>;

impl SlideFit {
    /// The texts of the fit.
    pub fn texts(&self) -> FitTexts {
        FitTexts {
            scale_origin: self.scale_origin.clone(),
            markers: self.markers.clone(),
            is_colored: self.is_colored,
            color_transform: self.colors.as_ref().map(|colors| colors.to_parts().transform.name().to_owned()),
        }
    }

    /// The numbers, in the order of the table.
    fn arrays(&self) -> Vec<(&'static str, Vec<f64>)> {
        let EdgeLengths { log_limit, full_weight } = self.edges;
        let mut arrays = vec![
            ("frame_low", self.frame.low.to_vec()),
            ("frame_high", self.frame.high.to_vec()),
            ("edge_log_limit", log_limit.into_iter().collect()),
            ("edge_full_weight", vec![full_weight]),
            ("scale", vec![self.scale]),
            ("scale_std", vec![self.scale_std]),
        ];
        if let Some(noise) = &self.noise {
            let NoiseFit { signal, background, n_signal, n_background, outlier_threshold, .. } = *noise;
            arrays.extend([
                ("noise_signal", vec![signal.mean, signal.std, n_signal]),
                ("noise_background", vec![background.mean, background.std, n_background]),
                ("noise_outlier_threshold", vec![outlier_threshold]),
                ("noise_iterations", vec![noise.n_iterations as f64, f64::from(u8::from(noise.converged))]),
            ]);
        }
        if let Some(course) = &self.clustering {
            arrays.extend(cluster_arrays(course));
        }
        arrays.push(("log_noise_density", self.log_noise_density.clone()));
        if let Some(owners) = &self.owners {
            arrays.push(("owners_are_nuclei", vec![f64::from(u8::from(owners.are_nuclei))]));
            arrays.push(("owners_learned", owners.learned.iter().flat_map(|learned| learned.to_array()).collect()));
        }
        if let Some(colors) = &self.colors {
            arrays.extend(color_arrays(colors.to_parts()));
        }
        arrays
    }

    /// The fit of arrays that [`arrays`](Self::arrays) made. Errors in a few words.
    fn of(mut arrays: Arrays, texts: &FitTexts) -> Result<Self, String> {
        let mut take = Take(&mut arrays);
        let frame = Frame { low: take.exactly("frame_low")?, high: take.exactly("frame_high")? };
        let log_limit = take.maybe::<1>("edge_log_limit")?.map(|[limit]| limit);
        let [full_weight] = take.exactly("edge_full_weight")?;
        let ([scale], [scale_std]) = (take.exactly("scale")?, take.exactly("scale_std")?);
        if !(scale > 0.0 && scale_std > 0.0) {
            return Err(format!("the scale is {scale}, its spread {scale_std}"));
        }
        let noise = match take.maybe("noise_signal")? {
            Some([mean, std, n_signal]) => {
                let signal = Normal { mean, std };
                let [mean, std, n_background] = take.exactly("noise_background")?;
                let [outlier_threshold] = take.exactly("noise_outlier_threshold")?;
                let [n_iterations, converged] = take.exactly("noise_iterations")?;
                Some(NoiseFit {
                    signal,
                    background: Normal { mean, std },
                    n_signal,
                    n_background,
                    outlier_threshold,
                    n_iterations: n_iterations as usize,
                    converged: converged == 1.0,
                })
            }
            None => None,
        };
        let clustering = match take.maybe("n_clusters")? {
            Some([n]) => Some(take.course(n as usize)?),
            None => None,
        };
        let log_noise_density = take.all("log_noise_density");
        let owners = take.owners()?;
        let colors = match &texts.color_transform {
            Some(name) => {
                let transform =
                    Transform::from_name(name).ok_or_else(|| format!("'{name}' is no transform of colors"))?;
                Some(take.colors(transform)?)
            }
            None => None,
        };
        if let Some(name) = arrays.keys().next() {
            return Err(format!("'{name}' is not known"));
        }
        let (scale_origin, markers) = (texts.scale_origin.clone(), texts.markers.clone());
        let edges = EdgeLengths { log_limit, full_weight };
        Ok(Self {
            frame,
            edges,
            noise,
            scale,
            scale_std,
            scale_origin,
            clustering,
            log_noise_density,
            owners,
            markers,
            is_colored: texts.is_colored,
            colors,
        })
    }
}

/// Codes of the steps of a clustering.
const SWEEP: f64 = 0.0;
const EXHAUSTIVE_SWEEP: f64 = 1.0;
const WAKE: f64 = 2.0;

/// The numbers of a clustering.
fn cluster_arrays(course: &Course) -> [(&'static str, Vec<f64>); 6] {
    let step = |&(step, n_moves): &(CourseStep, u32)| match step {
        CourseStep::Sweep { threshold, exhaustive: false } => [SWEEP, threshold.into(), n_moves.into()],
        CourseStep::Sweep { threshold, exhaustive: true } => [EXHAUSTIVE_SWEEP, threshold.into(), n_moves.into()],
        CourseStep::Wake => [WAKE, 0.0, n_moves.into()],
    };
    [
        ("n_clusters", vec![course.n_clusters as f64]),
        ("cluster_first", course.first.clone()),
        ("cluster_steps", course.steps.iter().flat_map(step).collect()),
        ("cluster_genes", course.genes.iter().map(|&gene| gene.into()).collect()),
        ("cluster_far", course.is_far.iter().map(|&is_far| f64::from(u8::from(is_far))).collect()),
        ("cluster_profiles", course.values.iter().map(|&value| value.into()).collect()),
    ]
}

/// The numbers of the colors.
fn color_arrays(parts: ColorModelParts) -> [(&'static str, Vec<f64>); 8] {
    let wide = |values: &[f32]| values.iter().copied().map(f64::from).collect();
    [
        ("color_neighbors", vec![parts.n_neighbors as f64, parts.least_distance]),
        ("color_per_gene", wide(&parts.per_gene)),
        ("color_offset", wide(&parts.offset)),
        ("color_anchor_vectors", wide(&parts.anchor_vectors)),
        ("color_anchor_places", wide(&parts.anchor_places)),
        ("color_place_mean", wide(&parts.place_mean)),
        ("color_place_shares", wide(&parts.place_shares)),
        ("color_place_ranges", parts.place_ranges.to_vec()),
    ]
}

/// Takes arrays out, so that what is left is unknown.
struct Take<'a>(&'a mut Arrays);

impl Take<'_> {
    /// All values of an array; none if it is absent.
    fn all(&mut self, name: &str) -> Vec<f64> {
        self.0.remove(name).unwrap_or_default()
    }

    /// How the profiles of clusters moved.
    fn course(&mut self, n_clusters: usize) -> Result<Course, String> {
        let step = |step: &[f64]| {
            let n_moves = step[2] as u32;
            let sweep = |exhaustive| CourseStep::Sweep { threshold: step[1] as f32, exhaustive };
            match step[0] {
                SWEEP => Ok((sweep(false), n_moves)),
                EXHAUSTIVE_SWEEP => Ok((sweep(true), n_moves)),
                WAKE => Ok((CourseStep::Wake, n_moves)),
                other => Err(format!("the clustering has a step {other}")),
            }
        };
        let course = Course {
            n_clusters,
            first: self.all("cluster_first"),
            steps: self.all("cluster_steps").chunks_exact(3).map(step).collect::<Result<_, String>>()?,
            genes: self.all("cluster_genes").into_iter().map(|gene| gene as u32).collect(),
            is_far: self.all("cluster_far").into_iter().map(|flag| flag == 1.0).collect(),
            values: self.all("cluster_profiles").into_iter().map(|value| value as f32).collect(),
        };
        let n_genes = course.first.len() / n_clusters.max(1);
        if course.is_sound(n_genes) {
            Ok(course)
        } else {
            Err(format!("the course of {n_clusters} clusters is not whole"))
        }
    }

    /// What segments own.
    fn owners(&mut self) -> Result<Option<SlideOwners>, String> {
        let Some([are_nuclei]) = self.maybe::<1>("owners_are_nuclei")? else { return Ok(None) };
        let values = self.all("owners_learned");
        let (rows, rest) = values.as_chunks::<{ Learned::LEN }>();
        if !rest.is_empty() {
            return Err(format!("'owners_learned' has {} values, no multiple of {}", values.len(), Learned::LEN));
        }
        Ok(Some(SlideOwners {
            are_nuclei: are_nuclei == 1.0,
            learned: rows.iter().copied().map(Learned::of_array).collect(),
        }))
    }

    /// The values of an array of a known length, if it is there.
    fn maybe<const N: usize>(&mut self, name: &str) -> Result<Option<[f64; N]>, String> {
        let Some(values) = self.0.remove(name) else { return Ok(None) };
        let n = values.len();
        <[f64; N]>::try_from(values).map(Some).map_err(|_| format!("'{name}' has {n} values instead of {N}"))
    }

    /// The numbers of the colors.
    fn colors(&mut self, transform: Transform) -> Result<ColorModel, String> {
        let [n_neighbors, least_distance] = self.exactly("color_neighbors")?;
        let narrow = |values: Vec<f64>| -> Vec<f32> { values.into_iter().map(|value| value as f32).collect() };
        let offset = narrow(self.all("color_offset"));
        let parts = ColorModelParts {
            n_neighbors: n_neighbors as usize,
            least_distance,
            transform,
            n_components: offset.len(),
            per_gene: narrow(self.all("color_per_gene")),
            offset,
            anchor_vectors: narrow(self.all("color_anchor_vectors")),
            anchor_places: narrow(self.all("color_anchor_places")),
            place_mean: self.exactly::<3>("color_place_mean")?.map(|value| value as f32),
            place_shares: self.exactly::<9>("color_place_shares")?.map(|value| value as f32),
            place_ranges: self.exactly("color_place_ranges")?,
        };
        ColorModel::from_parts(parts).ok_or_else(|| "the numbers of the colors do not fit together".to_owned())
    }

    /// The values of an array of a known length.
    fn exactly<const N: usize>(&mut self, name: &str) -> Result<[f64; N], String> {
        self.maybe(name)?.ok_or_else(|| format!("'{name}' is missing"))
    }
}

/// Writes the numbers of a fit; returns the numbers of columns and rows.
pub(super) fn write_slide_fit(out: impl Write, fit: &SlideFit) -> io::Result<(u32, usize)> {
    let arrays = fit.arrays();
    let rows: Vec<(&str, u32, f64)> = arrays
        .iter()
        .flat_map(|(name, values)| values.iter().enumerate().map(|(at, &value)| (*name, at as u32, value)))
        .collect();
    let columns: Vec<SourceColumn<'_>> = SLIDE_FIT
        .columns
        .iter()
        .map(|column| match column.name {
            "name" => SourceColumn::texts(column, |row| Some(rows[row].0)),
            "position" => SourceColumn::numbers(column, |row| rows[row].1),
            _ => SourceColumn::numbers(column, |row| rows[row].2),
        })
        .collect();
    write_table(out, &SLIDE_FIT, &columns, rows.len())?;
    Ok((columns.len() as u32, rows.len()))
}

/// Reads a fit.
pub(super) fn read_slide_fit(path: &Path, n_rows: u64, texts: &FitTexts) -> Result<SlideFit, StageError> {
    let mut arrays = Arrays::new();
    read_table(path, &SLIDE_FIT, n_rows, |batch| {
        let names = batch.texts("name")?.values_iter();
        let places = batch.numbers::<u32>("position")?.iter().zip(batch.numbers::<f64>("value")?);
        for (name, (&position, &value)) in names.zip(places) {
            if !arrays.contains_key(name) {
                arrays.insert(name.to_owned(), Vec::new());
            }
            let Some(array) = arrays.get_mut(name).filter(|array| array.len() == position as usize) else {
                return Err(batch.damaged(format!("'{name}' has no value before the position {position}")));
            };
            array.push(value);
        }
        Ok(())
    })?;
    SlideFit::of(arrays, texts).map_err(|fault| damaged(path, fault))
}
