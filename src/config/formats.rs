//! What `export` can write, and the names of the files.

use std::path::{Path, PathBuf};

use super::file::Origin;
use super::merged::Merged;
use super::resolve::Request;
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
    /// The files of a MERSCOPE region as Vizgen's post-processing tool has them.
    Vpt,
    /// A SpatialData store.
    SpatialData,
    /// The pair that Xenium Ranger imports.
    XeniumRanger,
}

impl ExportFormat {
    /// All formats, in the order of the help.
    pub const ALL: [Self; 8] = [
        Self::Baysor,
        Self::Parquet,
        Self::H5ad,
        Self::TenxH5,
        Self::TenxMtx,
        Self::Vpt,
        Self::SpatialData,
        Self::XeniumRanger,
    ];

    /// The name in options.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Baysor => "baysor",
            Self::Parquet => "parquet",
            Self::H5ad => "h5ad",
            Self::TenxH5 => "10x-h5",
            Self::TenxMtx => "10x-mtx",
            Self::Vpt => "vpt",
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
            Self::Vpt => &[
                "_vpt/cell_boundaries.parquet",
                "_vpt/cell_by_gene.csv",
                "_vpt/cell_metadata.csv",
                "_vpt/detected_transcripts.csv",
            ],
            Self::SpatialData => &[".zarr"],
            Self::XeniumRanger => &["_xenium_ranger.csv", "_xenium_ranger_polygons.json"],
        }
    }

    /// Whether boundaries of cells are part of it.
    pub const fn needs_polygons(self) -> bool {
        matches!(self, Self::Parquet | Self::Vpt | Self::SpatialData | Self::XeniumRanger)
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

/// Where nuclei are known from, which only some formats tell.
pub(super) fn nuclei(merged: &Merged) -> Result<NucleiSource, ConfigError> {
    let word = merged.text("nuclei_from");
    let source =
        NucleiSource::WORDS.iter().find(|(name, _)| *name == word).map_or(NucleiSource::Auto, |&(_, source)| source);
    if source != NucleiSource::Auto && !formats(merged)?.iter().any(|format| format.has_nuclear_layers()) {
        let names = ExportFormat::ALL.iter().filter(|format| format.has_nuclear_layers()).map(|format| format.name());
        let names: Vec<&str> = names.collect();
        let remedy = format!("only {} has counts of nuclei; add it to --format, or leave this out", names.join(", "));
        return Err(merged.invalid("nuclei_from", remedy));
    }
    Ok(source)
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
pub(super) fn ranger(request: &Request, merged: &Merged) -> Result<RangerSettings, ConfigError> {
    let is_wanted = formats(merged)?.contains(&ExportFormat::XeniumRanger);
    let bundle = request.xenium_bundle.clone();
    let invalid = |path: &Path, remedy: &str| ConfigError::Invalid {
        name: "--xenium-bundle".to_owned(),
        seen: format!("'{}'", path.display()),
        remedy: remedy.to_owned(),
    };
    if let Some(path) = &bundle {
        if !is_wanted {
            return Err(invalid(path, "it is compared with --format xenium-ranger only; leave it out"));
        }
        if !path.join("experiment.xenium").is_file() {
            let remedy = "there is no file experiment.xenium in it; give the output folder of the instrument";
            return Err(invalid(path, remedy));
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
        Area, AvgAssignmentConfidence, AvgConfidence, Density, Elongation, Lifespan, MaxClusterFrac, NNuclei,
        NTranscripts,
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
        (NNuclei, "min_nuclei", "max_nuclei"),
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

#[cfg(test)]
mod tests {
    use super::super::bundle::resolve_export;
    use super::super::options::find_path;
    use super::super::resolve::Request;
    use super::super::settings::ExportSettings;
    use super::super::values::from_text;
    use super::*;
    use crate::config::file::{Given, Origin};

    fn resolve(given: &[(&str, &str)]) -> Result<ExportSettings, ConfigError> {
        let flag = |&(name, text): &(&str, &str)| {
            let def = find_path(name).unwrap();
            let value = from_text(def, &def.spelled(), text)?;
            Ok(Given { def, value, origin: Origin::Flag(def.spelled()) })
        };
        let flags = given.iter().map(flag).collect::<Result<_, ConfigError>>()?;
        resolve_export(&Request { molecules: "stage".into(), flags, ..Request::default() }, &|_| None)
    }

    #[test]
    fn formats_are_a_list_in_any_case_and_order_without_repetitions() {
        let formats = |text: &str| resolve(&[("format", text)]).unwrap().formats;
        assert_eq!(resolve(&[]).unwrap().formats, [ExportFormat::Baysor]);
        assert_eq!(formats("H5AD,parquet,h5ad"), [ExportFormat::Parquet, ExportFormat::H5ad]);
        let error = resolve(&[("format", "parquet,10x")]).unwrap_err().to_string();
        assert!(error.contains("'10x' is not one of") && error.contains("10x-mtx"), "{error}");
    }

    #[test]
    fn limits_are_filters_and_defaults_are_none() {
        let given = [("min_molecules", "20"), ("max_area", "1e3"), ("min_area", "5"), ("min_confidence", "0")];
        let filter = |statistic, min, max| CellFilter { statistic, min, max };
        let expected =
            [filter(Statistic::NTranscripts, Some(20.0), None), filter(Statistic::Area, Some(5.0), Some(1000.0))];
        assert_eq!(resolve(&given).unwrap().filters, expected);
        assert!(resolve(&[("min_area", "6"), ("max_area", "5")]).is_err());
        assert!(resolve(&[("min_confidence", "1.5")]).is_err());
        assert!(resolve(&[]).unwrap().filters.is_empty());
        let of_nuclei = |given| resolve(given).map(|settings| settings.filters);
        let none = [filter(Statistic::NNuclei, None, Some(0.0))];
        assert_eq!(of_nuclei(&[("max_nuclei", "0")]).unwrap(), none);
        let one = [filter(Statistic::NNuclei, Some(1.0), Some(1.0))];
        assert_eq!(of_nuclei(&[("min_nuclei", "1"), ("max_nuclei", "1")]).unwrap(), one);
        assert!(of_nuclei(&[("min_nuclei", "2"), ("max_nuclei", "1")]).is_err());
    }

    #[test]
    fn nuclei_need_a_format_that_tells_them() {
        let nuclei = |given| resolve(given).map(|settings| settings.nuclei);
        assert_eq!(nuclei(&[("format", "h5ad"), ("nuclei_from", "prior")]).unwrap(), NucleiSource::Prior);
        assert_eq!(nuclei(&[]).unwrap(), NucleiSource::Auto);
        let error = nuclei(&[("format", "vpt"), ("nuclei_from", "prior")]).unwrap_err().to_string();
        assert!(error.contains("only h5ad"), "{error}");
    }

    #[test]
    fn files_of_formats_are_beside_the_molecule_table() {
        let names = OutputNames::for_output(std::path::Path::new("o/s.csv"), false, super::super::CountFormat::Loom);
        let files = |format: ExportFormat| format.files(&names);
        assert_eq!(files(ExportFormat::H5ad), [PathBuf::from("o/s.h5ad")]);
        assert_eq!(files(ExportFormat::TenxMtx)[0], PathBuf::from("o/s_feature_bc_matrix/matrix.mtx.gz"));
        assert_eq!(files(ExportFormat::Baysor)[0], PathBuf::from("o/s.csv"));
    }
}
