//! What `export` can write, and the names of the files.

use std::path::PathBuf;

use super::file::Origin;
use super::merged::Merged;
use super::{ConfigError, OutputNames, nearest};
use crate::cells::{CellFilter, Statistic};
use crate::data::PolygonFormat;

/// What `export` can write.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// The files of Baysor 0.7.1, as `run` writes them.
    Baysor,
    /// Tables as Parquet, boundaries as GeoParquet and as vertices.
    Parquet,
    /// AnnData.
    H5ad,
    /// Feature-barcode matrix of 10x Genomics as HDF5.
    TenxH5,
    /// Feature-barcode matrix of 10x Genomics as a folder of texts.
    TenxMtx,
    /// A SpatialData store.
    SpatialData,
    /// The pair that Xenium Ranger imports.
    XeniumRanger,
}

impl ExportFormat {
    /// All formats, in the order of the help.
    pub const ALL: [Self; 7] =
        [Self::Baysor, Self::Parquet, Self::H5ad, Self::TenxH5, Self::TenxMtx, Self::SpatialData, Self::XeniumRanger];

    /// The name in options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baysor => "baysor",
            Self::Parquet => "parquet",
            Self::H5ad => "h5ad",
            Self::TenxH5 => "10x-h5",
            Self::TenxMtx => "10x-mtx",
            Self::SpatialData => "spatialdata",
            Self::XeniumRanger => "xenium-ranger",
        }
    }

    /// What follows the stem in the names of its files: for `-o X.csv` and `.h5ad` the file is `X.h5ad`. Those of
    /// the files of Baysor 0.7.1 are in [`OutputNames`].
    pub const fn suffixes(self) -> &'static [&'static str] {
        match self {
            Self::Baysor => &[],
            Self::Parquet => &[
                "_molecules.parquet",
                "_cells.parquet",
                "_counts.parquet",
                "_polygons.parquet",
                "_polygons_3d.parquet",
                "_cell_boundaries.parquet",
            ],
            Self::H5ad => &[".h5ad"],
            Self::TenxH5 => &["_feature_bc_matrix.h5"],
            Self::TenxMtx => &[
                "_feature_bc_matrix/matrix.mtx.gz",
                "_feature_bc_matrix/barcodes.tsv.gz",
                "_feature_bc_matrix/features.tsv.gz",
            ],
            Self::SpatialData => &[".zarr"],
            Self::XeniumRanger => &["_xenium_ranger.csv", "_xenium_ranger_polygons.json"],
        }
    }

    /// Whether boundaries of cells are part of it.
    pub const fn needs_polygons(self) -> bool {
        matches!(self, Self::Parquet | Self::SpatialData | Self::XeniumRanger)
    }

    /// Whether it has counts of nuclei and cytoplasm.
    pub const fn has_nuclear_layers(self) -> bool {
        matches!(self, Self::H5ad | Self::SpatialData)
    }

    /// Its files, those included that not every result has.
    pub fn files(self, names: &OutputNames) -> Vec<PathBuf> {
        match self {
            Self::Baysor => names.of_export().map(PathBuf::from).into(),
            _ => self.suffixes().iter().map(|suffix| names.beside(suffix)).collect(),
        }
    }
}

/// Whether something beside the plain files of Baysor 0.7.1 is written, which [`EXPORT_RECORD`] then tells about.
pub const EXPORT_RECORD: &str = "_export.json";

/// Where it is known from which molecules are in nuclei.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NucleiSource {
    /// The compartments if they were modeled, else the prior segmentation if it is known to be one of nuclei, else a
    /// column of the input that says so.
    Auto,
    /// Nowhere: no counts of nuclei.
    None,
    /// Compartments that the model found.
    Compartments,
    /// The prior segmentation, whose segments are nuclei.
    Prior,
    /// The column `overlaps_nucleus` of the input.
    Column,
}

impl NucleiSource {
    /// The words of the option with their meanings.
    const WORDS: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("none", Self::None),
        ("compartments", Self::Compartments),
        ("prior", Self::Prior),
        ("overlaps_nucleus", Self::Column),
    ];
}

/// The formats to write, in the order of the help.
pub(super) fn formats(merged: &Merged) -> Result<Vec<ExportFormat>, ConfigError> {
    let wanted = merged.list("format");
    let names = ExportFormat::ALL.map(ExportFormat::name);
    let is = |format: &ExportFormat, word: &String| word.eq_ignore_ascii_case(format.name());
    if let Some(word) = wanted.iter().find(|word| !ExportFormat::ALL.iter().any(|format| is(format, word))) {
        let hint = nearest(word, names).map(|near| format!("; did you mean {near}?")).unwrap_or_default();
        return Err(merged.invalid("format", format!("'{word}' is not one of {}{hint}", names.join(", "))));
    }
    let chosen = ExportFormat::ALL.into_iter().filter(|format| wanted.iter().any(|word| is(format, word)));
    Ok(if wanted.is_empty() { vec![ExportFormat::Baysor] } else { chosen.collect() })
}

/// Where nuclei are known from.
pub(super) fn nuclei(merged: &Merged) -> NucleiSource {
    let word = merged.text("nuclei_from");
    NucleiSource::WORDS.iter().find(|(name, _)| *name == word).map_or(NucleiSource::Auto, |&(_, source)| source)
}

/// How the pair for Xenium Ranger is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RangerSettings {
    /// How boundaries say whose they are: by number, which all versions read, unless the user wants features.
    pub polygon_format: PolygonFormat,
    /// The bundle to compare with, if it is given.
    pub bundle: Option<PathBuf>,
}

/// Settings of the pair for Xenium Ranger.
pub(super) fn ranger(merged: &Merged) -> Result<RangerSettings, ConfigError> {
    let is_wanted = formats(merged)?.contains(&ExportFormat::XeniumRanger);
    let bundle = Some(merged.text("xenium_bundle")).filter(|path| !path.is_empty()).map(PathBuf::from);
    if let Some(path) = &bundle {
        if !is_wanted {
            return Err(
                merged.invalid("xenium_bundle", "it is compared with --format xenium-ranger only; leave it out")
            );
        }
        if !path.join("experiment.xenium").is_file() {
            let remedy = "there is no file experiment.xenium in it; give the output folder of the instrument";
            return Err(merged.invalid("xenium_bundle", remedy));
        }
    }
    let given = merged.get("polygon_format").filter(|given| is_wanted && given.origin != Origin::Default);
    let polygon_format = match given.map(|_| merged.text("polygon_format")) {
        None | Some("GeometryCollectionLegacy") => PolygonFormat::GeometryCollectionLegacy,
        Some("FeatureCollection") => PolygonFormat::FeatureCollection,
        Some(_) => {
            let remedy = "Xenium Ranger does not read it; leave it out, or give GeometryCollectionLegacy (Ranger 1.7 to \
                          4) or FeatureCollection (Ranger 4)";
            return Err(merged.invalid("polygon_format", remedy));
        }
    };
    Ok(RangerSettings { polygon_format, bundle })
}

/// The limits of cells, one for each statistic that is limited.
pub(super) fn filters(merged: &Merged) -> Result<Vec<CellFilter>, ConfigError> {
    use Statistic::{
        Area, AvgAssignmentConfidence, AvgConfidence, Density, Elongation, Lifespan, MaxClusterFrac, NTranscripts,
    };
    let options = [
        (NTranscripts, "min_molecules", "max_molecules"),
        (Area, "min_area", "max_area"),
        (Density, "min_density", ""),
        (Elongation, "", "max_elongation"),
        (AvgConfidence, "min_confidence", ""),
        (AvgAssignmentConfidence, "min_assignment_confidence", ""),
        (MaxClusterFrac, "min_cluster_frac", ""),
        (Lifespan, "min_lifespan", ""),
    ];
    let given = |name: &str| merged.get(name).filter(|given| given.value != given.def.default_value());
    let limit = |name: &str| given(name).map(|_| merged.float(name));
    let mut filters = Vec::new();
    for (statistic, min_name, max_name) in options {
        let (min, max) = (limit(min_name), limit(max_name));
        if min.zip(max).is_some_and(|(min, max)| min > max) {
            return Err(merged.invalid(min_name, "it is larger than the maximum: no cell would be left"));
        }
        if min.is_some() || max.is_some() {
            filters.push(CellFilter { statistic, min, max });
        }
    }
    Ok(filters)
}
