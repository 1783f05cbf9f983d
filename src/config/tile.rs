//! What a tile settles when `run` reads it in place of a molecule table.
//!
//! `split` decides everything that can change a result, for all tiles of a slide alike; else they could not be put
//! together again. A tile brings these values. They need not be given again; another value is an error. What changes no
//! result, such as the number of threads, is free.

use super::file::{Given, Origin};
use super::merged::parse_amount;
use super::options::{Effect, Group, OptionDef, Place};
use super::prior_settings::PriorSource;
use super::values::Value;
use super::{ConfigError, resolve::Request};

/// What a tile was made with.
#[derive(Clone, Debug, PartialEq)]
pub struct TileStage {
    /// Its path, for messages.
    pub place: String,
    /// Its values of the options that [`is_inherited`] tells, with the origin [`Origin::Tile`].
    pub values: Vec<Given>,
    /// Where the prior segmentation of the slide came from, if there is one; the file need not exist any more.
    pub source: Option<PriorSource>,
    /// What stands in the names of the slide's cells.
    pub run_id: String,
    /// Whether molecules are colored by neighborhood.
    pub is_colored: bool,
}

/// Whether a run takes the value of an option from the tile.
pub fn is_inherited(def: &OptionDef) -> bool {
    def.place != Place::CommandLine && def.name != "threads"
}

/// Whether `split` decided on a key for good. Sizes of pictures are of no interest to tiles, which have none.
pub fn is_fixed(def: &OptionDef) -> bool {
    let is_picture = matches!(def.name, "min_pixels_per_cell" | "max_plot_size");
    is_inherited(def) && def.effect == Effect::Used && !is_picture
}

/// Whether a value that won stays, whatever else is given. What contradicts was refused by [`TileStage::check`].
pub(super) fn is_settled(given: &Given) -> bool {
    matches!(given.origin, Origin::Tile(_)) && is_fixed(given.def)
}

impl TileStage {
    /// Compares what a run is told with what `split` settled. `given` are all layers above the defaults.
    pub(super) fn check<'a>(
        &self,
        request: &Request,
        given: impl Iterator<Item = &'a Given>,
    ) -> Result<(), ConfigError> {
        self.check_use(request)?;
        for given in given {
            match given.def.place {
                Place::CommandLine => self.check_option(given)?,
                Place::Top | Place::Table(_) => self.check_key(given)?,
            }
        }
        Ok(())
    }

    /// What cannot be asked of a tile: a prior of its own, and anything but a stage.
    fn check_use(&self, request: &Request) -> Result<(), ConfigError> {
        let place = &self.place;
        if let Some(prior) = request.prior.as_deref().filter(|text| !text.is_empty()) {
            let remedy = match self.source {
                Some(_) => format!("the tile '{place}' has its prior segmentation already; leave this out"),
                None => format!("the tile '{place}' was made without a prior segmentation: give it to baysor split"),
            };
            return Err(ConfigError::Invalid { name: "PRIOR".to_owned(), seen: format!("'{prior}'"), remedy });
        }
        if request.save_prior.is_some() {
            let text = format!(
                "--save-prior: '{place}' is a tile, which has only a part of the prior; leave it out, or make the stage \
                 of the whole slide with baysor prior"
            );
            return Err(ConfigError::Usage(text));
        }
        if request.output.is_some() {
            return Err(self.no_final_files("--output"));
        }
        if request.stage.is_none() {
            return Err(ConfigError::Missing {
                what: format!("'{place}' is a tile: its result is a stage, and no folder is given for it"),
                remedy: "give --stage DIR, another one for every tile; when all tiles are done: baysor merge DIR... \
                         --stage MERGED, then baysor export MERGED"
                    .to_owned(),
            });
        }
        Ok(())
    }

    fn no_final_files(&self, option: &str) -> ConfigError {
        ConfigError::Usage(format!(
            "{option}: '{}' is a tile, and tiles have no final files, since cells at their borders are settled by merge; \
             give --stage DIR alone, then baysor merge for all tiles of the slide, then baysor export",
            self.place
        ))
    }

    /// An option of the command line alone.
    fn check_option(&self, given: &Given) -> Result<(), ConfigError> {
        let contradicts =
            |key: &str, held: String| Err(self.contradiction(given.name(), given.value.show(), key.to_owned(), held));
        match (given.def.name, &given.value) {
            ("run_id", Value::Text(id)) if *id != self.run_id => contradicts("run_id", format!("'{}'", self.run_id)),
            ("skip_ncv_color", &Value::Bool(skipped)) if skipped == self.is_colored => {
                contradicts("skip_ncv_color", (!self.is_colored).to_string())
            }
            ("max_memory", _) => Err(ConfigError::Usage(format!(
                "{}: '{}' is a tile already; how large tiles are is decided by baysor split --max-memory",
                given.name(),
                self.place
            ))),
            ("run_id" | "checkpoint_every" | "resume", _) => Ok(()),
            ("plot", Value::Bool(true)) => Err(self.no_final_files(&given.name())),
            _ if given.def.group == Group::Output => Err(self.no_final_files(&given.name())),
            _ => Ok(()),
        }
    }

    /// A key of the configuration.
    ///
    /// METHOD: tools write every key into their files, so the literal default in a file is not a wish. A prior that is
    /// named in a file gives way to that of the tile.
    fn check_key(&self, given: &Given) -> Result<(), ConfigError> {
        let Some(held) = self.values.iter().find(|held| held.def.path() == given.def.path()) else { return Ok(()) };
        let is_source =
            matches!((given.def.place, given.def.name), (Place::Table("prior"), "path" | "column_name" | "type"));
        let is_wish = match given.origin {
            Origin::File(_) | Origin::Preset(_) => !is_source && given.value != given.def.default_value(),
            _ => true,
        };
        if !is_fixed(given.def) || !is_wish || self.is_alike(given, held) {
            return Ok(());
        }
        Err(self.contradiction(given.name(), given.value.show(), given.def.path(), held.value.show()))
    }

    /// Whether a value means what the tile has: the same, or a wish that it be derived.
    fn is_alike(&self, given: &Given, held: &Given) -> bool {
        match (given.def.name, &given.value, &held.value) {
            ("min_molecules_per_segment" | "confidence_nn_id", Value::Int(0), _) => true,
            ("max_molecules_per_tile", Value::Int(0), _) => true,
            ("scale_std", Value::Text(one), Value::Text(other)) => parse_amount(one) == parse_amount(other),
            // A scale that is given switches it off.
            ("estimate_scale_from_centers", Value::Bool(true), _) => true,
            // The tile knows its own source, whatever words named it.
            ("type", ..) => true,
            (_, one, other) => one == other,
        }
    }

    fn contradiction(&self, name: String, seen: String, key: String, held: String) -> ConfigError {
        let remedy = format!(
            "what changes results is settled for all tiles of a slide at once: leave out {name}, or split the slide \
             again with it"
        );
        ConfigError::NotAsStaged { name, seen, stage: self.place.clone(), key, held, remedy }
    }

    /// What the user should know: the values that are not the defaults.
    pub(super) fn note(&self) -> Option<String> {
        let is_told = |held: &&Given| is_fixed(held.def) && held.value != held.def.default_value();
        let told = self.values.iter().filter(is_told).filter(|held| held.def.name != "type");
        let told: Vec<String> = told.map(|held| format!("{} = {}", held.def.path(), held.value.show())).collect();
        (!told.is_empty()).then(|| format!("From the tile '{}': {}", self.place, told.join(", ")))
    }
}

#[cfg(test)]
#[path = "tile_tests.rs"]
mod tests;
