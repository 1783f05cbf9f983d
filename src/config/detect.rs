//! What the molecule table itself tells about its columns, while the user says nothing about them.
//!
//! Command lines of Baysor 0.7.1 keep their meaning: columns are assumed only where that version would fail, because the
//! table lacks a column that it looks for by default, or is a folder, which it does not read. Only names of columns and
//! the label of unassigned molecules are assumed, never a filter.

use std::path::PathBuf;

use super::ConfigError;
use super::file::{Given, Origin};
use super::merged::Merged;
use super::options::find_path;
use super::presets::{self, Preset};
use super::settings::Note;
use super::values::Value;

/// A molecule table before it is read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FoundInput {
    /// Its files.
    pub tables: Vec<PathBuf>,
    /// Names of its columns.
    pub header: Vec<String>,
    /// The preset of the platform whose output folder it lies in.
    pub platform: Option<&'static str>,
    /// The column with the gene, if a table of SpatialData names it.
    pub gene: Option<String>,
    /// Boundaries of nuclei beside it.
    pub nuclei: Option<PathBuf>,
    /// Boundaries of cells beside it.
    pub cells: Option<PathBuf>,
    /// What its folder says of itself.
    pub description: Option<String>,
}

/// The columns that every table needs, with what they are called by default.
const NEEDED: [(&str, &str); 3] = [("data.x", "x"), ("data.y", "y"), ("data.gene", "gene")];
/// The option of the column with z.
const Z: &str = "data.z";
/// The option of the label.
const LABEL: &str = "segmentation.unassigned_prior_label";
/// How columns of SpatialData are told from others in messages.
const SPATIAL_DATA: &str = "SpatialData";

/// Sets the columns that the table tells, where nobody said what they are.
///
/// # Errors
///
/// `Missing` for a preset whose columns the table does not have.
pub(super) fn complete(merged: &mut Merged, found: &FoundInput) -> Result<(), ConfigError> {
    let has = |name: &str| found.header.iter().any(|column| column == name);
    let preset = chosen(merged);
    if let Some(gene) = &found.gene {
        let columns = [("data.x", "x"), ("data.y", "y"), (Z, "z"), ("data.gene", gene)];
        for (path, name) in columns.into_iter().filter(|(_, name)| has(name)) {
            assume(merged, path, name, SPATIAL_DATA, &|origin| matches!(origin, Origin::Default | Origin::Preset(_)));
        }
    }
    if let Some(preset) = preset {
        return check(merged, preset, found);
    }
    if !columns_are_free(merged) {
        return Ok(());
    }
    let is_incomplete = NEEDED.iter().any(|(_, name)| !has(name));
    let platform = found.platform.and_then(presets::find);
    let platform = platform.or_else(|| presets::of_columns(&found.header).filter(|_| is_incomplete));
    let Some(platform) = platform else { return Ok(()) };
    for given in platform.values()? {
        let path = given.def.path();
        let is_column = NEEDED.iter().any(|(needed, _)| *needed == path) || path == Z;
        if let Value::Text(name) = &given.value
            && ((is_column && has(name)) || path == LABEL)
        {
            assume(merged, &path, name, platform.name, &|origin| *origin == Origin::Default);
        }
    }
    Ok(())
}

/// What the user should know about the columns.
pub(super) fn notes(merged: &Merged, found: Option<&FoundInput>) -> Vec<Note> {
    let mut notes: Vec<Note> = found.and_then(|found| found.description.clone()).map(Note::Info).into_iter().collect();
    let of_origin = |is_it: &dyn Fn(&Origin) -> bool| -> Vec<String> {
        let values = merged.0.iter().filter(|given| is_it(&given.origin));
        values.map(|given| format!("{} = {}", given.def.name, given.value.show())).collect()
    };
    if let Some(preset) = chosen(merged) {
        let values = of_origin(&|origin| matches!(origin, Origin::Preset(_)));
        notes.push(Note::Info(format!("Preset {}: {}", preset.name, values.join(", "))));
    }
    let platform = merged.0.iter().find_map(|given| match &given.origin {
        Origin::Detected(platform) => Some(platform.as_str()),
        _ => None,
    });
    let assumed = of_origin(&|origin| matches!(origin, Origin::Detected(_))).join(", ");
    match platform {
        Some(SPATIAL_DATA) => notes.push(Note::Info(format!("Points of SpatialData: {assumed}"))),
        Some(platform) => notes.push(Note::Info(format!(
            "The table is one of {}: {assumed} are assumed. --preset {platform} sets these, and what that platform needs \
             besides (controls, quality, molecules per cell; baysor config --preset {platform} shows all)",
            presets::find(platform).map_or(platform, |preset| preset.title)
        ))),
        None => {
            let is_free = chosen(merged).is_none() && columns_are_free(merged);
            let likely = found.and_then(|found| presets::of_columns(&found.header)).filter(|_| is_free);
            notes.extend(likely.map(|preset| {
                Note::Warning(format!(
                    "The columns x, y and gene are used, but the table is one of {}, whose columns are {}. \
                     --preset {} uses those",
                    preset.title,
                    preset.markers.join(", "),
                    preset.name
                ))
            }));
        }
    }
    notes
}

fn chosen(merged: &Merged) -> Option<&'static Preset> {
    presets::find(merged.text("preset"))
}

/// Whether nobody said what the columns are.
fn columns_are_free(merged: &Merged) -> bool {
    let is_default = |path: &str| merged.get(path).is_some_and(|given| given.origin == Origin::Default);
    NEEDED.iter().all(|(path, _)| is_default(path)) && is_default(Z)
}

/// Sets a text if its value may still be replaced.
fn assume(merged: &mut Merged, path: &str, name: &str, platform: &str, is_free: &dyn Fn(&Origin) -> bool) {
    let Some(def) = find_path(path) else { return };
    if let Some(given) = merged.0.iter_mut().find(|given| given.def == def && is_free(&given.origin)) {
        let (value, origin) = (Value::Text(name.to_owned()), Origin::Detected(platform.to_owned()));
        *given = Given { def, value, origin };
    }
}

/// Compares the columns that a preset names with those that there are.
fn check(merged: &Merged, preset: &Preset, found: &FoundInput) -> Result<(), ConfigError> {
    let is_missing = |path: &str| {
        let of_preset = merged.get(path).filter(|given| matches!(given.origin, Origin::Preset(_)));
        of_preset.is_some_and(|_| !found.header.iter().any(|column| column == merged.text(path)))
    };
    let listed = found.header.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", ");
    if let Some((path, _)) = NEEDED.iter().find(|(path, _)| is_missing(path)) {
        let remedy = match presets::of_columns(&found.header) {
            Some(other) => format!("these are the columns of {}: give --preset {}", other.title, other.name),
            None => {
                let flag = find_path(path).map_or_else(String::new, |def| def.spelled());
                format!("give another preset, or name the column with {flag}")
            }
        };
        let what = format!(
            "the preset {} expects the column '{}' ({path}), but the table has {listed}",
            preset.name,
            merged.text(path)
        );
        return Err(ConfigError::Missing { what, remedy });
    }
    if merged.float("data.min_qv") > 0.0 && is_missing("data.qv") {
        return Err(ConfigError::Missing {
            what: format!(
                "the preset {} removes molecules of low quality, and the table has no column '{}' but {listed}",
                preset.name,
                merged.text("data.qv")
            ),
            remedy: "name the column with --qv-column, or switch the filter off with --min-qv 0".to_owned(),
        });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::resolve::resolve;
    use super::super::resolve::tests::request;
    use super::super::{RunSettings, resolve::Request};
    use super::*;

    const COMMON: [&str; 2] = ["min_molecules_per_cell=30", "scale=10"];

    fn found(header: &[&str]) -> FoundInput {
        FoundInput { header: header.iter().map(|name| (*name).to_owned()).collect(), ..FoundInput::default() }
    }

    fn run(found: FoundInput, given: &[&str]) -> Result<RunSettings, ConfigError> {
        let given: Vec<&str> = COMMON.iter().chain(given).copied().collect();
        resolve(&Request { found: Some(found), ..request(&given) }, &|_| Some("1".to_owned()))
    }

    fn columns(settings: &RunSettings) -> [&str; 4] {
        let columns = &settings.input.columns;
        [&columns.x, &columns.y, &columns.z, &columns.gene]
    }

    fn told(settings: &RunSettings) -> String {
        format!("{:?}", settings.program.notes)
    }

    const XENIUM: [&str; 6] = ["transcript_id", "cell_id", "feature_name", "x_location", "y_location", "z_location"];
    const MERSCOPE: [&str; 7] = ["", "global_x", "global_y", "global_z", "x", "y", "gene"];

    #[test]
    fn columns_and_label_are_assumed_and_no_filter() {
        let settings = run(found(&XENIUM), &[]).unwrap();
        assert_eq!(columns(&settings), ["x_location", "y_location", "z_location", "feature_name"]);
        assert_eq!(settings.prior.unassigned_label, "UNASSIGNED");
        assert_eq!((settings.input.min_qv, settings.input.exclude_genes.len()), (None, 0));
        assert_eq!((settings.input.min_molecules_per_gene, settings.prior_confidence), (1, 0.2));
        assert!(told(&settings).contains("--preset xenium sets these"), "{}", told(&settings));
        let settings = run(found(&XENIUM[..5]), &[]).unwrap();
        assert_eq!(settings.input.columns.z, "z", "a column that is not there is not assumed");
    }

    #[test]
    fn nothing_is_assumed_where_a_column_is_given_or_the_defaults_are_there() {
        let settings = run(found(&XENIUM), &["x=x_location"]).unwrap();
        assert_eq!(columns(&settings), ["x_location", "y", "z", "gene"]);
        let settings = run(found(&XENIUM), &["[gene=feature_name"]).unwrap();
        assert_eq!(columns(&settings), ["x", "y", "z", "feature_name"]);
        let settings = run(found(&MERSCOPE), &[]).unwrap();
        assert_eq!(columns(&settings), ["x", "y", "z", "gene"]);
        assert!(told(&settings).contains("--preset merscope uses those"), "{}", told(&settings));
        assert!(run(found(&XENIUM), &["unassigned_prior_label=none"]).unwrap().prior.unassigned_label == "none");
    }

    #[test]
    fn a_folder_of_an_instrument_tells_its_columns() {
        let settings = run(FoundInput { platform: Some("merscope"), ..found(&MERSCOPE) }, &[]).unwrap();
        assert_eq!(columns(&settings), ["global_x", "global_y", "global_z", "gene"]);
        assert_eq!((settings.prior.unassigned_label.as_str(), settings.input.z_scale), ("-1", 1.0));
    }

    #[test]
    fn points_of_spatial_data_win_over_the_columns_of_a_preset() {
        let points = FoundInput { gene: Some("feature_name".to_owned()), ..found(&["x", "y", "feature_name", "qv"]) };
        let settings = run(points.clone(), &[]).unwrap();
        assert_eq!(columns(&settings), ["x", "y", "z", "feature_name"]);
        let settings = run(points, &["preset=xenium"]).unwrap();
        assert_eq!(columns(&settings)[..2], ["x", "y"]);
        assert_eq!(settings.input.min_qv, Some(20.0));
    }

    #[test]
    fn a_preset_that_does_not_fit_names_the_one_that_does() {
        let error = run(found(&XENIUM), &["preset=merscope"]).unwrap_err().to_string();
        assert!(error.contains("expects the column 'global_x' (data.x), but the table has 'transcript_id'"), "{error}");
        assert!(error.ends_with("these are the columns of Xenium (10x Genomics): give --preset xenium"), "{error}");
        let error = run(found(&XENIUM), &["preset=xenium"]).unwrap_err().to_string();
        assert!(error.contains("no column 'qv'") && error.contains("--min-qv 0"), "{error}");
        assert!(run(found(&XENIUM), &["preset=xenium", "min_qv=0"]).is_ok());
        let given = ["preset=merscope", "x=x_location", "y=y_location", "gene=feature_name", "z=z_location"];
        assert!(run(found(&XENIUM), &given).is_ok(), "what is given counts, not the preset");
    }

    #[test]
    fn flag_and_dotted_option_win_over_the_preset() {
        let settings = run(found(&["x", "y", "gene"]), &["preset=iss", "[min_molecules_per_gene=7"]).unwrap();
        assert_eq!((settings.input.min_molecules_per_gene, settings.min_molecules_per_cell), (7, 30));
        let error = run(found(&["x", "y", "gene"]), &["preset=isss"]).unwrap_err().to_string();
        assert!(error.contains("--preset is 'isss'") && error.contains("did you mean iss?"), "{error}");
    }
}
