//! The parameter dump: a configuration file that repeats the run, written beside its results.

use super::file::{Given, Origin};
use super::options::{OptionDef, Place, TABLES, keys_of};
use super::values::Value;
use super::{PriorSource, RunSettings, ScaleSource};

/// Returns the text of the dump: the command line as a comment, then every key.
///
/// KEEPS: the layout of Baysor 0.7.1, with `min_molecules_per_segment`, `confidence_nn_id` and
/// `estimate_scale_from_centers` already derived. Our keys stand beside its keys. Loaded as a configuration the text
/// gives the same settings.
pub fn text(settings: &RunSettings) -> String {
    compose(&settings.program.command_line, &values(settings))
}

/// Returns every key of a configuration with the value that is known best, in the order of the file.
pub fn values(settings: &RunSettings) -> Vec<(&'static OptionDef, Value)> {
    let of_key = |def: &'static OptionDef| {
        let path = def.path();
        let given = settings.program.values.iter().find(|given| given.def.path() == path);
        let value = derived(settings, &path, given)
            .or_else(|| given.map(|given| given.value.clone()))
            .unwrap_or_else(|| def.default_value());
        (def, value)
    };
    all_keys().map(of_key).collect()
}

/// Every key, in the order of the file.
pub fn all_keys() -> impl Iterator<Item = &'static OptionDef> {
    std::iter::once("").chain(TABLES).flat_map(keys_of)
}

/// Returns the text for a command line and keys as [`values`] gives them.
pub fn compose(command_line: &str, values: &[(&OptionDef, Value)]) -> String {
    let command_line: String = command_line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut text = format!("# CLI params: `{command_line}`\n");
    let mut table = "";
    for (def, value) in values {
        if let Place::Table(name) = def.place
            && name != table
        {
            table = name;
            text.push_str(&format!("\n[{table}]\n"));
        }
        text.push_str(&format!("{} = {}\n", def.name, value.to_toml()));
    }
    text
}

/// Returns comment lines for values known only during the run: (name, value, where it comes from).
///
/// Appended to the dump they leave it a valid configuration.
pub fn resolved_lines<T: AsRef<str>>(values: &[(T, String, T)]) -> String {
    values
        .iter()
        .map(|(name, value, origin)| {
            format!("# resolved: {} = {} ({})\n", name.as_ref(), value.replace(['\n', '\r'], " "), origin.as_ref())
        })
        .collect()
}

/// The value of a key that is known better than as given.
fn derived(settings: &RunSettings, path: &str, given: Option<&Given>) -> Option<Value> {
    let source = settings.prior.source.as_ref();
    match path {
        "data.min_molecules_per_segment" => Some(Value::Int(settings.prior.min_molecules_per_segment as i64)),
        "data.confidence_nn_id" => Some(Value::Int(settings.confidence_nn_id as i64)),
        "segmentation.max_molecules_per_tile" => settings.max_molecules_per_tile.map(|n| Value::Int(n as i64)),
        "segmentation.estimate_scale_from_centers" => {
            Some(Value::Bool(matches!(settings.scale, ScaleSource::FromPrior { .. })))
        }
        "segmentation.scale_std" => {
            // A file's literal default does not count as the user's wish (see `resolve`), so a wished one must differ.
            let wished = given.is_some_and(|given| matches!(given.origin, Origin::Dotted(_) | Origin::Flag(_)));
            let is_default = given.is_some_and(|given| given.value == given.def.default_value());
            (wished && is_default).then(|| Value::Text("25.0%".to_owned()))
        }
        "prior.column_name" => source.map(|source| match source {
            PriorSource::Column { name } => Value::Text(name.clone()),
            PriorSource::File { .. } => Value::Text(String::new()),
        }),
        "prior.path" => Some(match source {
            Some(PriorSource::File { path }) => Value::Text(path.to_string_lossy().into_owned()),
            Some(PriorSource::Column { .. }) | None => Value::Text(String::new()),
        }),
        "prior.type" => source.map(|source| match source {
            PriorSource::Column { .. } => Value::Text("column".to_owned()),
            PriorSource::File { .. } => Value::Text(String::new()),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::super::ProgramSettings;
    use super::super::resolve::tests::{load, settings_of, settings_with_prior};
    use super::*;

    #[test]
    fn the_dump_of_a_plain_run_reads_as_in_baysor_0_7_1() {
        let text = text(&settings_of(&["min_molecules_per_cell=30", "scale=10"]));
        let expected = "\n[data]\nx = \"x\"\ny = \"y\"\nz = \"z\"\ngene = \"gene\"\nforce_2d = false\n\
            min_molecules_per_gene = 1\nexclude_genes = \"\"\nmin_molecules_per_cell = 30\n\
            min_molecules_per_segment = 8\nconfidence_nn_id = 16\n";
        assert!(text.contains(expected), "{text}");
        let expected = "\n[segmentation]\nscale = 10.0\nscale_std = \"25%\"\nestimate_scale_from_centers = false\n\
            n_clusters = 4\nprior_segmentation_confidence = 0.2\niters = 500\nn_cells_init = 0\n\
            nuclei_genes = \"\"\ncyto_genes = \"\"\nunassigned_prior_label = \"0\"\n";
        assert!(text.contains(expected), "{text}");
        let expected = "\n[plotting]\ngene_composition_neigborhood = 0\nmin_pixels_per_cell = 15\n\
            max_plot_size = 3000\nncv_method = \"ri\"\n";
        assert!(text.contains(expected), "{text}");
        assert!(text.starts_with("# CLI params: `"), "{text}");
    }

    #[test]
    fn the_dump_loads_again_as_the_same_settings() {
        let common = ["min_molecules_per_cell=30", "exclude_genes=Blank*,a b", "x_max=1e3", "seed=7", "min_qv=20"];
        let with = |extra: &[&'static str]| common.iter().copied().chain(extra.iter().copied()).collect::<Vec<_>>();
        let cases = [
            settings_of(&with(&["scale=6.5", "scale_std=50%", "unassigned_prior_label=UN\"A"])),
            settings_of(&with(&["scale=6.5", "max_molecules_per_tile=90000", "tile_margin=6.5"])),
            settings_with_prior(&with(&[]), ":cell"),
            settings_with_prior(&with(&["scale_std=25%"]), ":cell"),
            settings_with_prior(&with(&["scale_std=3"]), ":cell"),
        ];
        for settings in cases {
            let lines = resolved_lines(&[("scale", "6.5".to_owned(), "estimated from 12 prior segments")]);
            let again = load(&format!("{}{lines}", text(&settings)));
            let ignoring_origins = |s: &RunSettings| RunSettings {
                program: ProgramSettings {
                    values: Vec::new(),
                    command_line: String::new(),
                    config_file: None,
                    notes: Vec::new(),
                    ..s.program.clone()
                },
                ..s.clone()
            };
            assert_eq!(ignoring_origins(&settings), ignoring_origins(&again));
        }
    }

    #[test]
    fn resolved_values_are_comments() {
        let lines = resolved_lines(&[("scale", "6.5".to_owned(), "given")]);
        assert_eq!(lines, "# resolved: scale = 6.5 (given)\n");
    }
}
