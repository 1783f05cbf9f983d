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
    /// Molecule clusters, if molecules are clustered.
    pub profiles: Option<SlideProfiles>,
    /// Density of a gene among noise, which is the mean over components of 1 / number of their genes: at the start and
    /// after every iteration. `[1 + n_iterations]`
    pub gene_density: Vec<f64>,
    /// Borders between the layers of z that get boundaries of their own, ascending, the outer ones included; `None`
    /// where there are no layers.
    pub z_breaks: Option<Vec<f64>>,
    /// Genes that tell compartments, if compartments are modelled.
    pub markers: Option<SlideMarkers>,
}

/// Genes of the molecule clusters of a slide.
#[derive(Clone, Debug, PartialEq)]
pub struct SlideProfiles {
    /// Number of clusters.
    pub n_clusters: usize,
    /// Shares of the genes, cluster by cluster. `[n_clusters * n_genes]`
    pub shares: Vec<f64>,
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
}

/// Arrays of numbers by name. An array that may be absent has its length besides, as `n_<name>`.
type Arrays = BTreeMap<String, Vec<f64>>;

impl SlideFit {
    /// The texts of the fit.
    pub fn texts(&self) -> FitTexts {
        FitTexts { scale_origin: self.scale_origin.clone(), markers: self.markers.clone(), is_colored: false }
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
        if let Some(profiles) = &self.profiles {
            arrays.push(("n_clusters", vec![profiles.n_clusters as f64]));
            arrays.push(("cluster_shares", profiles.shares.clone()));
        }
        arrays.push(("gene_density", self.gene_density.clone()));
        if let Some(breaks) = &self.z_breaks {
            arrays.push(("n_z_breaks", vec![breaks.len() as f64]));
            arrays.push(("z_breaks", breaks.clone()));
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
        let profiles = match take.maybe("n_clusters")? {
            Some([n]) => {
                let (n_clusters, shares) = (n as usize, take.all("cluster_shares"));
                if n_clusters == 0 || shares.len() % n_clusters != 0 {
                    return Err(format!("{} shares of genes in {n} clusters", shares.len()));
                }
                Some(SlideProfiles { n_clusters, shares })
            }
            None => None,
        };
        let gene_density = take.all("gene_density");
        let z_breaks = match take.maybe("n_z_breaks")? {
            Some([n]) => {
                let breaks = take.all("z_breaks");
                if breaks.len() as f64 != n || breaks.windows(2).any(|pair| pair[0] > pair[1]) {
                    return Err(format!("{} borders of layers instead of {n}, ascending", breaks.len()));
                }
                Some(breaks)
            }
            None => None,
        };
        if let Some(name) = arrays.keys().next() {
            return Err(format!("'{name}' is not known"));
        }
        let (scale_origin, markers) = (texts.scale_origin.clone(), texts.markers.clone());
        let edges = EdgeLengths { log_limit, full_weight };
        Ok(Self { frame, edges, noise, scale, scale_std, scale_origin, profiles, gene_density, z_breaks, markers })
    }
}

/// Takes arrays out, so that what is left is unknown.
struct Take<'a>(&'a mut Arrays);

impl Take<'_> {
    /// All values of an array; none if it is absent.
    fn all(&mut self, name: &str) -> Vec<f64> {
        self.0.remove(name).unwrap_or_default()
    }

    /// The values of an array of a known length, if it is there.
    fn maybe<const N: usize>(&mut self, name: &str) -> Result<Option<[f64; N]>, String> {
        let Some(values) = self.0.remove(name) else { return Ok(None) };
        let n = values.len();
        <[f64; N]>::try_from(values).map(Some).map_err(|_| format!("'{name}' has {n} values instead of {N}"))
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
