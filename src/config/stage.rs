//! What a stage of the command `prior` settles when `run` reads it in place of a molecule table.
//!
//! The stage brings the values that it was made with. Those that decided which molecules there are and in which
//! segments, are settled: another value is an error. The others (the minimum per cell, the seed, the trust in the
//! prior) are what `run` would have been told with the same words, and may be told otherwise.

use super::ConfigError;
use super::file::{Given, Origin};
use super::options::{Command, Group, OptionDef, Place};
use super::prior_settings::PriorSource;

/// What a stage of the command `prior` was made with.
#[derive(Clone, Debug, PartialEq)]
pub struct PriorStage {
    /// Its path, for messages.
    pub place: String,
    /// Its values of the options that [`is_inherited`] tells, with the origin [`Origin::Stage`].
    pub values: Vec<Given>,
    /// Where its prior segmentation came from; the file need not exist any more.
    pub source: PriorSource,
    /// Molecules of segments with fewer have no segment in it.
    pub min_molecules_per_segment: usize,
}

/// Whether a run takes the value of an option from the stage unless told otherwise.
pub fn is_inherited(def: &OptionDef) -> bool {
    let is_key = def.place != Place::CommandLine && def.name != "threads";
    is_key && def.commands.contains(&Command::Prior)
}

/// Whether an option decided what is in the stage.
fn is_fixed(def: &OptionDef) -> bool {
    match (def.group, def.name) {
        (Group::Columns | Group::Filters, _) | (_, "unassigned_prior_label") => true,
        // The stage knows its own source, whatever words named it.
        (_, "type") => false,
        _ => def.place == Place::Table("prior"),
    }
}

/// Whether a value that won stays, whatever else is given. What contradicts was refused by [`PriorStage::check`].
pub(super) fn is_settled(given: &Given) -> bool {
    matches!(given.origin, Origin::Stage(_)) && is_fixed(given.def)
}

impl PriorStage {
    /// Compares what a run is told with what the stage settles.
    ///
    /// METHOD: tools write every key into their files, so the literal default in a file is not a wish. A prior that is
    /// named in a file gives way to the stage as it does to the one on the command line.
    pub(super) fn check<'a>(&self, given: impl Iterator<Item = &'a Given>) -> Result<(), ConfigError> {
        for given in given.filter(|given| is_fixed(given.def)) {
            let is_source =
                matches!((given.def.place, given.def.name), (Place::Table("prior"), "path" | "column_name"));
            let is_wish = match given.origin {
                Origin::File(_) => !is_source && given.value != given.def.default_value(),
                _ => true,
            };
            let of_stage = self.values.iter().find(|held| held.def.path() == given.def.path());
            if let Some(held) = of_stage.filter(|held| is_wish && held.value != given.value) {
                let remedy = format!("leave out {}, or make the stage again with it", given.name());
                return Err(self.error(given.name(), given.value.show(), given.def.path(), held.value.show(), remedy));
            }
        }
        Ok(())
    }

    /// Compares the least size of a segment that a run would use with that of the stage.
    pub(super) fn check_segments(&self, min_molecules: usize) -> Result<(), ConfigError> {
        if min_molecules == self.min_molecules_per_segment {
            return Ok(());
        }
        let held = self.min_molecules_per_segment;
        let remedy = format!(
            "give --min-molecules-per-segment {held} if that is right, or make the stage again (without this option the \
             number follows from --min-molecules-per-cell)"
        );
        let (name, key) = ("the minimum of molecules per segment", "min_molecules_per_segment");
        Err(self.error(name.to_owned(), min_molecules.to_string(), key.to_owned(), held.to_string(), remedy))
    }

    fn error(&self, name: String, seen: String, key: String, held: String, remedy: String) -> ConfigError {
        ConfigError::NotAsStaged { name, seen, stage: self.place.clone(), key, held, remedy }
    }

    /// What the user should know: the values that are not the defaults.
    pub(super) fn note(&self) -> Option<String> {
        let told = self.values.iter().filter(|held| held.value != held.def.default_value() && held.def.name != "type");
        let told: Vec<String> = told.map(|held| format!("{} = {}", held.def.path(), held.value.show())).collect();
        (!told.is_empty()).then(|| format!("From the stage '{}': {}", self.place, told.join(", ")))
    }
}

#[cfg(test)]
mod tests {
    use super::super::options::find_path;
    use super::super::resolve::tests::{request, with_stage};
    use super::super::values::from_text;
    use super::*;

    fn stage(values: &[(&str, &str)]) -> PriorStage {
        let held = |&(path, value): &(&str, &str)| {
            let def = find_path(path).unwrap();
            Given { def, value: from_text(def, path, value).unwrap(), origin: Origin::Stage("p".to_owned()) }
        };
        PriorStage {
            place: "p".to_owned(),
            values: values.iter().map(held).collect(),
            source: PriorSource::Column { name: "nucleus".to_owned() },
            min_molecules_per_segment: 1,
        }
    }

    #[test]
    fn values_of_the_stage_are_taken_and_may_be_repeated() {
        let held = [("data.x", "x_location"), ("data.min_molecules_per_cell", "30"), ("seed", "7")];
        for given in [&[][..], &["x=x_location"], &["[x=x_location", "iters=3"]] {
            let settings = with_stage(stage(&held), request(given)).unwrap();
            assert_eq!((settings.input.columns.x.as_str(), settings.input.is_stage), ("x_location", true));
            assert_eq!((settings.min_molecules_per_cell, settings.program.seed), (30, 7));
            assert_eq!(settings.prior.source, Some(PriorSource::Column { name: "nucleus".to_owned() }));
        }
        let settings = with_stage(stage(&held), request(&["seed=3", "min_molecules_per_cell=32"])).unwrap();
        assert_eq!((settings.min_molecules_per_cell, settings.program.seed), (32, 3));
    }

    #[test]
    fn what_contradicts_the_stage_is_named_with_both_values() {
        let held = [("data.x", "x_location"), ("data.min_molecules_per_cell", "30"), ("data.min_qv", "20")];
        let error = |given: &[&str]| with_stage(stage(&held), request(given)).unwrap_err().to_string();
        let text = error(&["[x=x_um"]);
        assert!(
            text.contains("--config.data.x is 'x_um', but the stage 'p' was made with data.x = 'x_location'"),
            "{text}"
        );
        assert!(error(&["min_qv=0"]).contains("data.min_qv = 20"));
        let text = error(&["min_molecules_per_cell=60", "prior_segments=regions"]);
        assert!(text.contains("segment is 15") && text.contains("--min-molecules-per-segment 1"), "{text}");
        assert!(with_stage(stage(&held), request(&["min_molecules_per_cell=60"])).is_ok());
        let mut twice = request(&[]);
        twice.prior = Some(":cell".to_owned());
        assert!(with_stage(stage(&held), twice).unwrap_err().to_string().contains("has a prior segmentation already"));
    }

    #[test]
    fn options_that_decide_nothing_in_the_stage_are_free() {
        for path in ["segmentation.scale", "data.confidence_nn_id", "segmentation.prior_segmentation_confidence"] {
            assert!(!is_fixed(find_path(path).unwrap()), "{path}");
        }
        assert!(!is_inherited(find_path("segmentation.scale").unwrap()));
        assert!(!is_inherited(find_path("threads").unwrap()));
    }
}
