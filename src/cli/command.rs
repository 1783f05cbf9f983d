//! The options of `run` for the parser library, and the help texts.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, Command, value_parser};

use crate::config::options::{Effect, Group, Kind, OPTIONS, OptionDef, Place};
use crate::config::values::Value;

/// What `baysor --help` prints.
pub const OVERVIEW: &str = "\
Baysor finds cells in imaging-based spatial transcriptomics.

Usage: baysor run MOLECULES [PRIOR] [OPTIONS]

Commands:
  run    segment molecules into cells

Options:
  -h, --help       this text; after a command, the help of that command
  -V, --version    the version

All options of a command: baysor run --help
";

const EXAMPLES: &str = "\
Examples:
  Cells of about 6.5 um radius, without a prior segmentation:
    baysor run -m 30 -s 6.5 -x x_location -y y_location -g feature_name transcripts.parquet
  With the prior segmentation in a column of the table; the scale is estimated from it:
    baysor run -m 30 --prior-segmentation-confidence 0.5 molecules.csv :cell_id
  With a configuration file, one key changed, results in a folder:
    baysor run -c config.toml --config.data.exclude-genes='Blank*' -o results/ molecules.csv

Files written for -o X.csv:
  X.csv (molecules with their cells), X_cell_stats.csv, X_counts.loom, X_polygons_2d.json,
  X_polygons_3d.json (3D data), X_params.dump.toml (repeats the run with -c), X_log.log

Configuration:
  Every [key: table.name] is also a key of the file given with -c, and an option
  --config.table.name=VALUE, with dashes or underscores. An option of its own wins over the
  dotted one, that over the file, that over the default. Of a repeated option the last counts.
  Switches take =true or =false.

Exit status:
  0 done, 1 data or files, 2 command line or configuration
";

/// The arguments of `run`, made from the definition of the options.
pub fn run() -> Command {
    let mut command = Command::new("baysor run")
        .bin_name("baysor run")
        .about("Segment molecules into cells.")
        .no_binary_name(true)
        .args_override_self(true)
        .max_term_width(100)
        .disable_help_flag(true)
        .override_usage("baysor run MOLECULES [PRIOR] [OPTIONS]")
        .after_help(format!("{}\n{EXAMPLES}", further_keys()))
        .arg(
            Arg::new("molecules")
                .value_name("MOLECULES")
                .required(true)
                .value_parser(value_parser!(OsString))
                .help("Table of molecules: CSV (also .gz) or Parquet, one row per molecule"),
        )
        .arg(
            Arg::new("prior")
                .value_name("PRIOR")
                .value_parser(value_parser!(OsString))
                .help("Prior segmentation: a column of the table with one label per molecule, written :NAME"),
        );
    for group in Group::ALL {
        let mut defs: Vec<_> = OPTIONS.iter().filter(|def| def.group == group && def.flag.is_some()).collect();
        defs.sort_by_key(|def| def.place != Place::CommandLine);
        command = command.args(defs.into_iter().map(argument));
    }
    let program = Group::Program.heading();
    command
        .arg(
            Arg::new("help")
                .long("help")
                .short('h')
                .action(ArgAction::SetTrue)
                .help_heading(program)
                .help("Print this text"),
        )
        .arg(
            Arg::new("version")
                .long("version")
                .short('V')
                .action(ArgAction::SetTrue)
                .help_heading(program)
                .help("Print the version"),
        )
        .arg(Arg::new("save_polygons").long("save-polygons").hide(true))
        .arg(switch(Arg::new("no_ncv_estimation").long("no-ncv-estimation").hide(true)))
}

fn argument(def: &'static OptionDef) -> Arg {
    let mut argument = Arg::new(def.name)
        .value_name(def.value_name)
        .help(help(def))
        .help_heading(def.group.heading())
        .long(def.flag.unwrap_or(def.name));
    if let Some(short) = def.short {
        argument = argument.short(short);
    }
    match def.kind {
        Kind::Bool => switch(argument),
        _ if is_path(def) => argument.value_parser(value_parser!(OsString)),
        _ => argument,
    }
}

/// Whether the value of an option is a path, which need not be text.
pub fn is_path(def: &OptionDef) -> bool {
    def.place == Place::CommandLine && matches!(def.name, "config" | "output")
}

/// A switch that may be given a value after `=`.
fn switch(argument: Arg) -> Arg {
    argument.num_args(0..=1).require_equals(true).default_missing_value("true")
}

/// The help line: meaning, default, key.
fn help(def: &OptionDef) -> StyledStr {
    let mut facts = Vec::new();
    let required = matches!(def.name, "min_molecules_per_cell" | "scale");
    match def.default_value() {
        Value::Text(text) if text.is_empty() => {}
        Value::Text(text) => facts.push(format!("default: {text}")),
        Value::Int(number) if !required => facts.push(format!("default: {number}")),
        Value::Float(number) if number.is_finite() && !required => facts.push(format!("default: {number}")),
        _ => {}
    }
    facts.push(match def.place {
        Place::CommandLine => "command line only".to_owned(),
        Place::Top | Place::Table(_) => format!("key: {}", def.path()),
    });
    format!("{} [{}]", def.help, facts.join("; ")).into()
}

/// The keys that have no option of their own.
fn further_keys() -> String {
    let mut text = String::from("Further keys, in the file or as --config.<table>.<key>=VALUE:\n");
    let defs = OPTIONS.iter().filter(|def| def.flag.is_none() && def.effect == Effect::Used);
    for def in defs {
        text.push_str(&format!("  {} [default: {}]\n", def.path(), def.default_value().to_toml()));
        for line in crate::config::example::wrap(def.help, 88) {
            text.push_str(&format!("      {line}\n"));
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parser_library_finds_no_fault() {
        run().debug_assert();
    }

    #[test]
    fn every_option_in_the_help_has_a_key_or_says_that_it_has_none() {
        for argument in
            run().get_arguments().filter(|argument| argument.get_long().is_some() && !argument.is_hide_set())
        {
            let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
            let id = argument.get_id().as_str();
            let documented = help.contains("[key: ") || help.contains("; key: ") || help.contains("command line only]");
            assert!(documented || matches!(id, "help" | "version"), "{id}");
        }
    }

    #[test]
    fn every_used_option_is_in_the_help() {
        let help = run().render_long_help().to_string();
        for def in OPTIONS.iter().filter(|def| def.effect == Effect::Used) {
            let wanted = def.flag.map_or_else(|| def.path(), |flag| format!("--{flag}"));
            assert!(help.contains(&wanted), "{wanted}");
        }
        assert!(help.contains("Examples:"));
    }
}
