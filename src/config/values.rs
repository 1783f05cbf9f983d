//! Values of options: their types, and how text and TOML become values.

use super::ConfigError;
use super::options::{Kind, OptionDef};

/// A value as given by a default, a file or the command line, already of its option's type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any text.
    Text(String),
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// A list of texts.
    List(Vec<String>),
}

impl Value {
    /// The value as it is written in a TOML file.
    ///
    /// A list is written as one comma-separated text, the form every version of Baysor reads, unless an element holds
    /// a comma itself.
    pub fn to_toml(&self) -> String {
        match self {
            Self::Text(text) => quote(text),
            Self::Bool(flag) => flag.to_string(),
            Self::Int(number) => number.to_string(),
            // Debug keeps the point: 10.0, not 10.
            Self::Float(number) => format!("{number:?}"),
            Self::List(items) if items.iter().any(|item| item.contains(',')) => {
                format!("[{}]", items.iter().map(|item| quote(item)).collect::<Vec<_>>().join(", "))
            }
            Self::List(items) => quote(&items.join(",")),
        }
    }

    /// The value as a message shows it.
    pub fn show(&self) -> String {
        match self {
            Self::Text(text) => format!("'{text}'"),
            Self::Float(number) => number.to_string(),
            Self::List(items) => format!("'{}'", items.join(",")),
            other => other.to_toml(),
        }
    }
}

fn quote(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}

/// Splits a comma-separated list: elements lose surrounding white space, empty ones are dropped.
pub fn split_list(text: &str) -> Vec<String> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(str::to_owned).collect()
}

/// Reads a switch: `true`/`false`, also `yes`/`no`, `on`/`off`, `1`/`0`, in any case.
pub fn parse_bool(text: &str) -> Option<bool> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" | "1" => Some(true),
        "false" | "no" | "off" | "0" => Some(false),
        _ => None,
    }
}

/// Reads the text of a command-line option by the type of `def`. `name` is the option as the user wrote it.
///
/// # Errors
///
/// `WrongType` if the text is not of that type.
pub fn from_text(def: &OptionDef, name: &str, text: &str) -> Result<Value, ConfigError> {
    let parsed = match def.kind {
        Kind::Text | Kind::Path | Kind::Amount | Kind::Memory => Some(Value::Text(text.to_owned())),
        Kind::List => Some(Value::List(split_list(text))),
        // An unknown word stays as it is, for the message.
        Kind::Choice(words) => {
            let word = words.iter().find(|word| word.eq_ignore_ascii_case(text.trim()));
            Some(Value::Text(word.map_or_else(|| text.to_owned(), |word| (*word).to_owned())))
        }
        Kind::Bool => parse_bool(text).map(Value::Bool),
        Kind::Int { .. } => parse_int(text).map(Value::Int),
        Kind::Float { .. } => text.trim().parse().ok().map(Value::Float),
    };
    parsed.ok_or_else(|| wrong_type(def, name, format!("'{text}'")))
}

/// Reads a TOML value by the type of `def`; lenient where the meaning is clear. `name` is the key with its file.
///
/// Numbers are accepted where text is meant (`scale_std = 25`, `unassigned_prior_label = 0`), integers where a number
/// is meant, whole floats where an integer is meant, and lists or comma-separated text for lists.
///
/// # Errors
///
/// `WrongType` otherwise.
pub fn from_toml(def: &OptionDef, name: &str, value: &toml::Value) -> Result<Value, ConfigError> {
    let parsed = match (def.kind, value) {
        (Kind::Text | Kind::Path | Kind::Amount | Kind::Memory, toml::Value::String(text)) => {
            Some(Value::Text(text.clone()))
        }
        (Kind::Text | Kind::Path | Kind::Amount | Kind::Memory, toml::Value::Integer(number)) => {
            Some(Value::Text(number.to_string()))
        }
        (Kind::Text | Kind::Path | Kind::Amount | Kind::Memory, toml::Value::Float(number)) => {
            Some(Value::Text(number.to_string()))
        }
        (Kind::List, toml::Value::Array(items)) => {
            let texts: Option<Vec<String>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.map(|items| {
                Value::List(items.iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
            })
        }
        (Kind::Bool, toml::Value::Boolean(flag)) => Some(Value::Bool(*flag)),
        (Kind::Int { .. }, toml::Value::Integer(number)) => Some(Value::Int(*number)),
        (Kind::Int { .. }, toml::Value::Float(number)) => whole(*number).map(Value::Int),
        (Kind::Float { .. }, toml::Value::Float(number)) => Some(Value::Float(*number)),
        (Kind::Float { .. }, toml::Value::Integer(number)) => Some(Value::Float(*number as f64)),
        (Kind::List | Kind::Choice(_), toml::Value::String(text)) => return from_text(def, name, text),
        _ => None,
    };
    parsed.ok_or_else(|| wrong_type(def, name, value.to_string()))
}

fn parse_int(text: &str) -> Option<i64> {
    let text = text.trim();
    if let Some(digits) = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        return i64::from_str_radix(digits, 16).ok();
    }
    text.parse().ok().or_else(|| text.parse().ok().and_then(whole))
}

/// The integer equal to `number`, if there is one that a double holds exactly.
fn whole(number: f64) -> Option<i64> {
    (number.fract() == 0.0 && number.abs() < 9e15).then_some(number as i64)
}

fn wrong_type(def: &OptionDef, name: &str, seen: String) -> ConfigError {
    ConfigError::WrongType { name: name.to_owned(), expected: def.kind.describe(), seen }
}

#[cfg(test)]
mod tests {
    use super::super::options::find;
    use super::*;

    fn toml_value(text: &str) -> toml::Value {
        let table: toml::Table = format!("v = {text}").parse().unwrap();
        table["v"].clone()
    }

    #[test]
    fn lists_lose_white_space_and_empty_elements() {
        assert_eq!(split_list(" a, b*,,c ,"), ["a", "b*", "c"]);
        assert!(split_list("  ").is_empty());
    }

    #[test]
    fn numbers_are_read_where_text_is_meant() {
        let std = find("segmentation", "scale_std").unwrap();
        assert_eq!(from_toml(std, "k", &toml_value("25")).unwrap(), Value::Text("25".into()));
        assert_eq!(from_toml(std, "k", &toml_value("0.2")).unwrap(), Value::Text("0.2".into()));
        let label = find("segmentation", "unassigned_prior_label").unwrap();
        assert_eq!(from_toml(label, "k", &toml_value("-1")).unwrap(), Value::Text("-1".into()));
        assert!(from_toml(label, "k", &toml_value("true")).is_err());
    }

    #[test]
    fn integers_serve_as_numbers_and_whole_numbers_as_integers() {
        let scale = find("segmentation", "scale").unwrap();
        assert_eq!(from_toml(scale, "k", &toml_value("3")).unwrap(), Value::Float(3.0));
        let iters = find("segmentation", "iters").unwrap();
        assert_eq!(from_toml(iters, "k", &toml_value("50.0")).unwrap(), Value::Int(50));
        assert!(from_toml(iters, "k", &toml_value("50.5")).is_err());
        assert_eq!(from_text(iters, "--iters", "0x10").unwrap(), Value::Int(16));
        assert_eq!(from_text(iters, "--iters", "1e3").unwrap(), Value::Int(1000));
    }

    #[test]
    fn a_wrong_type_names_option_value_and_expectation() {
        let iters = find("segmentation", "iters").unwrap();
        let error = from_text(iters, "--iters", "many").unwrap_err().to_string();
        assert_eq!(error, "--iters: a whole number expected, but it is 'many'");
    }

    #[test]
    fn values_are_written_as_toml() {
        assert_eq!(Value::Float(10.0).to_toml(), "10.0");
        assert_eq!(Value::Float(f64::NEG_INFINITY).to_toml(), "-inf");
        assert_eq!(Value::Text("25%".into()).to_toml(), "\"25%\"");
        assert_eq!(Value::List(vec!["a*".into(), "b".into()]).to_toml(), "\"a*,b\"");
        assert_eq!(Value::List(vec!["a{1,2}".into(), "b".into()]).to_toml(), "[\"a{1,2}\", \"b\"]");
    }
}
