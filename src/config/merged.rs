//! The layers laid over each other: every option with the value that won, checked by itself.

use super::ConfigError;
use super::file::{Given, Origin};
use super::options::{Effect, Kind, OPTIONS};
use super::resolve::Request;
use super::settings::{Note, ScaleStd};
use super::values::Value;
use super::{MaxMemory, stage, tile};

/// Every option with the value that won, in the order of `OPTIONS`.
pub(super) struct Merged(pub(super) Vec<Given>);

impl Merged {
    pub(super) fn new(in_preset: Vec<Given>, in_file: Vec<Given>, request: &Request) -> Self {
        let mut merged: Vec<Given> =
            OPTIONS.iter().map(|def| Given { def, value: def.default_value(), origin: Origin::Default }).collect();
        let of_stage = request.prior_stage.iter().flat_map(|stage| stage.values.iter().cloned());
        let of_tile = request.tile.iter().flat_map(|tile| tile.values.iter().cloned());
        let layers = in_preset
            .into_iter()
            .chain(of_stage)
            .chain(of_tile)
            .chain(in_file)
            .chain(request.dotted.iter().cloned())
            .chain(request.flags.iter().cloned());
        for given in layers {
            if let Some(place) = merged.iter_mut().find(|old| old.def == given.def)
                && !stage::is_settled(place)
                && !tile::is_settled(place)
            {
                *place = given;
            }
        }
        Self(merged)
    }

    /// Returns an option by its dotted name, which is one of `OPTIONS` (a test asks for all).
    pub(super) fn get(&self, path: &str) -> Option<&Given> {
        self.0.iter().find(|given| given.def.path() == path)
    }

    pub(super) fn text(&self, path: &str) -> &str {
        match self.get(path).map(|given| &given.value) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    pub(super) fn flag(&self, path: &str) -> bool {
        matches!(self.get(path).map(|given| &given.value), Some(Value::Bool(true)))
    }

    pub(super) fn int(&self, path: &str) -> i64 {
        match self.get(path).map(|given| &given.value) {
            Some(Value::Int(number)) => *number,
            _ => 0,
        }
    }

    /// An integer that is not negative by its limits.
    pub(super) fn size(&self, path: &str) -> usize {
        usize::try_from(self.int(path)).unwrap_or(0)
    }

    pub(super) fn float(&self, path: &str) -> f64 {
        match self.get(path).map(|given| &given.value) {
            Some(Value::Float(number)) => *number,
            _ => 0.0,
        }
    }

    pub(super) fn list(&self, path: &str) -> Vec<String> {
        match self.get(path).map(|given| &given.value) {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        }
    }

    /// The error for an option whose value makes no sense.
    pub(super) fn invalid(&self, path: &str, remedy: impl Into<String>) -> ConfigError {
        let (name, seen) = match self.get(path) {
            Some(given) => (given.name(), given.value.show()),
            None => (path.to_owned(), String::new()),
        };
        ConfigError::Invalid { name, seen, remedy: remedy.into() }
    }

    /// Checks limits and words.
    pub(super) fn check_ranges(&self) -> Result<(), ConfigError> {
        self.0.iter().try_for_each(check_range)
    }

    /// Names the options that are given and have no effect.
    pub(super) fn unused_note(&self) -> Option<Note> {
        let unused: Vec<String> = self
            .0
            .iter()
            .filter(|given| given.def.effect == Effect::Unused && given.value != given.def.default_value())
            .map(|given| given.def.path())
            .collect();
        (!unused.is_empty()).then(|| Note::Warning(format!("No effect in this version: {}", unused.join(", "))))
    }
}

fn check_range(given: &Given) -> Result<(), ConfigError> {
    let remedy = match (given.def.kind, &given.value) {
        (Kind::Int { min, max }, Value::Int(number)) if !(min..=max).contains(number) => {
            if *number < min {
                format!("it must be at least {min}")
            } else {
                format!("it must be at most {max}")
            }
        }
        (Kind::Float { min, max }, Value::Float(number)) if !(min..=max).contains(number) => {
            if max.abs() < f64::MAX {
                format!("it must be a number from {min} to {max}")
            } else {
                "it must be a finite number".to_owned()
            }
        }
        (Kind::Choice(words), Value::Text(word)) if !words.contains(&word.as_str()) => {
            let near = super::nearest(word, words.iter().copied());
            let hint = near.map(|near| format!("; did you mean {near}?")).unwrap_or_default();
            let words: Vec<&str> = words.iter().copied().filter(|word| !word.is_empty()).collect();
            format!("it must be one of {}{hint}", words.join(", "))
        }
        (Kind::Amount, Value::Text(text)) if parse_amount(text).is_none() => {
            "it must be a positive number (coordinate units) or a positive percentage of the scale such as 25%"
                .to_owned()
        }
        (Kind::Memory, Value::Text(text)) if !text.is_empty() && MaxMemory::parse(text).is_none() => {
            "a size with its unit is needed, such as 8GB, 500MB or 16GiB, or auto for what the machine has available"
                .to_owned()
        }
        _ => return Ok(()),
    };
    Err(ConfigError::Invalid { name: given.name(), seen: given.value.show(), remedy })
}

/// Reads `25%` or `6.5`; only positive, finite amounts.
pub(super) fn parse_amount(text: &str) -> Option<ScaleStd> {
    let text = text.trim();
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
    match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| ScaleStd::Relative(percent / 100.0)),
        None => number(text).map(ScaleStd::Absolute),
    }
}
