//! The grammar of the command line beyond what the parser library reads: dotted options, underscores, one-letter long
//! options, values that begin with a dash.

use std::ffi::{OsStr, OsString};

use crate::config::ConfigError;
use crate::config::file::{Given, Origin, unknown_key};
use crate::config::options::{self, Command, Kind, OPTIONS, OptionDef};
use crate::config::values::{from_text, parse_bool};

/// Arguments of a command, rewritten for the parser library.
#[derive(Debug, Default, PartialEq)]
pub struct Sorted {
    /// Positional arguments, and options as `--long=value` or as they were.
    pub rest: Vec<OsString>,
    /// Dotted options in their order.
    pub dotted: Vec<Given>,
    /// How often a configuration file is named.
    pub n_config_files: usize,
}

/// Old long options that take a value and have no definition of their own.
const LEGACY_WITH_VALUE: &str = "save-polygons";

/// Sorts the arguments of a command.
///
/// * `--config.<table>.<key>` is taken out, with its value after `=` or in the next argument; `-` and `_` are alike.
/// * `_` in names of long options becomes `-`; `--x` is the long form of `-x`.
/// * An option that needs a value takes the next argument, whatever it begins with, unless that is another option:
///   then the value was forgotten.
/// * Everything after `--` is positional.
///
/// # Errors
///
/// `UnknownKey`, `WrongType`, or `Usage` for a value that is missing.
pub fn sort(command: Command, arguments: &[OsString]) -> Result<Sorted, ConfigError> {
    let mut sorted = Sorted::default();
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        let Some(text) = argument.to_str().filter(|text| text.starts_with('-') && text.len() > 1) else {
            sorted.rest.push(argument.clone());
            continue;
        };
        if text == "--" {
            sorted.rest.push(argument.clone());
            sorted.rest.extend(arguments.by_ref().cloned());
        } else if let Some(long) = text.strip_prefix("--") {
            let (name, value) = match long.split_once('=') {
                Some((name, value)) => (name, Some(value)),
                None => (long, None),
            };
            if let Some(path) = name.strip_prefix("config.") {
                sorted.dotted.push(dotted(path, value, &mut arguments)?);
            } else {
                let (name, takes_value) = canonical(command, name);
                sorted.n_config_files += usize::from(name == "config");
                push_option(&mut sorted.rest, &name, value.map(OsStr::new), takes_value, &mut arguments)?;
            }
        } else {
            let def = text.chars().nth(1).and_then(short);
            sorted.n_config_files += usize::from(def.is_some_and(|def| def.name == "config"));
            match def.filter(|def| text.len() == 2 && takes_value(def)).and_then(|def| def.flag) {
                Some(flag) => push_option(&mut sorted.rest, flag, None, true, &mut arguments)?,
                None => sorted.rest.push(argument.clone()),
            }
        }
    }
    Ok(sorted)
}

fn dotted<'a>(
    path: &str,
    value: Option<&str>,
    following: &mut (impl Iterator<Item = &'a OsString> + Clone),
) -> Result<Given, ConfigError> {
    let spelled = format!("--config.{path}");
    let (table, key) = path.split_once('.').unwrap_or(("", path));
    let table = if table.is_empty() { "" } else { options::find_table(table).unwrap_or(table) };
    let def = options::find(table, key).ok_or_else(|| unknown_key(&spelled, table, key))?;
    let value = match value {
        Some(value) => value.to_owned(),
        None => {
            let next = following.clone().next().map(|next| next.to_string_lossy().into_owned());
            match (def.kind, next) {
                // A switch may stand alone.
                (Kind::Bool, next) if next.as_deref().and_then(parse_bool).is_none() => "true".to_owned(),
                (_, Some(next)) if !is_option(&next) => {
                    following.next();
                    next
                }
                (_, next) => return Err(missing_value(&spelled, next.as_deref())),
            }
        }
    };
    let value = from_text(def, &spelled, &value)?;
    Ok(Given { def, value, origin: Origin::Dotted(spelled) })
}

fn push_option<'a>(
    rest: &mut Vec<OsString>,
    name: &str,
    value: Option<&OsStr>,
    takes_value: bool,
    following: &mut impl Iterator<Item = &'a OsString>,
) -> Result<(), ConfigError> {
    let mut argument = OsString::from(format!("--{name}"));
    let value = match value {
        None if takes_value => match following.next() {
            Some(next) if is_option(&next.to_string_lossy()) => {
                return Err(missing_value(&format!("--{name}"), Some(&next.to_string_lossy())));
            }
            Some(next) => Some(next.as_os_str()),
            None => return Err(missing_value(&format!("--{name}"), None)),
        },
        value => value,
    };
    if let Some(value) = value {
        argument.push("=");
        argument.push(value);
    }
    rest.push(argument);
    Ok(())
}

fn missing_value(option: &str, next: Option<&str>) -> ConfigError {
    ConfigError::Usage(match next {
        Some(next) => {
            format!(
                "option {option} needs a value, but the option {next} follows; write {option}={next} if it is the value"
            )
        }
        None => format!("option {option} needs a value, but nothing follows"),
    })
}

/// The name of a long option as defined, and whether it takes a value. Unknown names are left to the parser.
fn canonical(command: Command, name: &str) -> (String, bool) {
    let mut letters = name.chars();
    if let (Some(letter), None) = (letters.next(), letters.next())
        && let Some(def) = short(letter)
        && let Some(flag) = def.flag
    {
        return (flag.to_owned(), takes_value(def));
    }
    let name = name.replace('_', "-");
    let takes_value = options::find_flag_of(&name, command).map_or(name == LEGACY_WITH_VALUE, takes_value);
    (name, takes_value)
}

fn short(letter: char) -> Option<&'static OptionDef> {
    OPTIONS.iter().find(|def| def.short == Some(letter))
}

fn takes_value(def: &OptionDef) -> bool {
    def.kind != Kind::Bool
}

/// Whether an argument is surely one of our options, so that it is no value.
fn is_option(argument: &str) -> bool {
    if let Some(long) = argument.strip_prefix("--") {
        let name = long.split('=').next().unwrap_or_default();
        return name.starts_with("config.") || options::find_flag(&name.replace('_', "-")).is_some();
    }
    let mut letters = argument.chars();
    matches!((letters.next(), letters.next(), letters.next()), (Some('-'), Some(letter), None) if short(letter).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::values::Value;

    fn sorted(line: &[&str]) -> Result<Sorted, ConfigError> {
        sort(Command::Run, &line.iter().map(OsString::from).collect::<Vec<_>>())
    }

    fn rest(line: &[&str]) -> Vec<String> {
        sorted(line).unwrap().rest.iter().map(|argument| argument.to_string_lossy().into_owned()).collect()
    }

    #[test]
    fn names_lose_underscores_and_values_keep_them() {
        assert_eq!(rest(&["--x_column", "a_b"]), ["--x-column=a_b"]);
        assert_eq!(rest(&["--x_column=a_b", "m_1.csv"]), ["--x-column=a_b", "m_1.csv"]);
        assert_eq!(rest(&["--x-column", "--my_column"]), ["--x-column=--my_column"]);
    }

    #[test]
    fn single_letters_are_long_options_too() {
        assert_eq!(
            rest(&["--x=a", "--m", "3", "-y", "b", "-zc"]),
            ["--x-column=a", "--min-molecules-per-cell=3", "--y-column=b", "-zc"]
        );
        assert_eq!(rest(&["--p"]), ["--plot"]);
    }

    #[test]
    fn negative_numbers_are_values() {
        assert_eq!(rest(&["-s", "-1", "-m", "-1"]), ["--scale=-1", "--min-molecules-per-cell=-1"]);
    }

    #[test]
    fn a_forgotten_value_is_noticed() {
        let error = sorted(&["-o", "-p", "m.csv"]).unwrap_err().to_string();
        assert_eq!(
            error,
            "option --output needs a value, but the option -p follows; write --output=-p if it is the value"
        );
        assert!(sorted(&["m.csv", "--scale"]).is_err());
        assert!(sorted(&["--config.data.x", "--scale=3"]).is_err());
    }

    #[test]
    fn dotted_options_take_dashes_underscores_and_both_kinds_of_values() {
        let lines: [&[&str]; 4] = [
            &["--config.data.exclude-genes=Blank*"],
            &["--config.data.exclude_genes", "Blank*"],
            &["--config.Data.exclude-genes", "Blank*"],
            &["--config.molecules.exclude_genes=Blank*"],
        ];
        for line in lines {
            let sorted = sorted(line).unwrap();
            assert_eq!(sorted.dotted[0].def.path(), "data.exclude_genes");
            assert_eq!(sorted.dotted[0].value, Value::List(vec!["Blank*".into()]));
            assert!(sorted.rest.is_empty());
        }
        let negative = sorted(&["--config.segmentation.scale", "-2.5"]).unwrap();
        assert_eq!(negative.dotted[0].value, Value::Float(-2.5));
    }

    #[test]
    fn a_dotted_switch_may_stand_alone() {
        let sorted_line = sorted(&["--config.data.force_2d", "m.csv"]).unwrap();
        assert_eq!((sorted_line.dotted[0].value.clone(), sorted_line.rest.len()), (Value::Bool(true), 1));
        let sorted_line = sorted(&["--config.data.force_2d", "false", "m.csv"]).unwrap();
        assert_eq!((sorted_line.dotted[0].value.clone(), sorted_line.rest.len()), (Value::Bool(false), 1));
    }

    #[test]
    fn an_unknown_dotted_key_has_a_neighbour() {
        let error = sorted(&["--config.segmentation.scael=3"]).unwrap_err().to_string();
        assert!(error.contains("did you mean 'segmentation.scale'?"), "{error}");
        assert!(sorted(&["--config.nothing.scale=3"]).is_err());
        assert!(sorted(&["--config.seed=3"]).is_ok());
    }

    #[test]
    fn after_two_dashes_all_is_positional() {
        assert_eq!(rest(&["--", "--x_column", "-m"]), ["--", "--x_column", "-m"]);
    }

    #[test]
    fn an_option_may_take_a_value_for_one_command_only() {
        let line: Vec<OsString> = ["--json", "a.json", "m.csv"].map(OsString::from).into();
        assert_eq!(sort(Command::Estimate, &line).unwrap().rest, ["--json=a.json", "m.csv"]);
        assert_eq!(sort(Command::Inspect, &line).unwrap().rest, ["--json", "a.json", "m.csv"]);
    }

    #[test]
    fn configuration_files_are_counted() {
        assert_eq!(sorted(&["-c", "a", "--config=b", "-cc", "m.csv"]).unwrap().n_config_files, 3);
    }
}
