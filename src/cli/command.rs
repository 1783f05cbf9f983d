//! The options of the commands for the parser library.

use std::ffi::OsString;

use clap::builder::StyledStr;
use clap::{Arg, ArgAction, value_parser};

use super::help as help_text;
use crate::config::options::{Command, Effect, Group, Kind, OPTIONS, OptionDef, Place};
use crate::config::values::Value;

/// The arguments of a command, made from the definition of the options.
pub fn parser(command: Command) -> clap::Command {
    let full_name = format!("baysor {}", command.name());
    let (about, positionals, examples) = match command {
        Command::Run => ("Segment molecules into cells.", "MOLECULES [PRIOR]", help_text::RUN),
        Command::Preview => {
            ("Report on the molecules, with parameters to begin with.", "MOLECULES", help_text::PREVIEW)
        }
        Command::Prior => (
            "Find the segment of a prior segmentation for every molecule, and the scale.",
            "MOLECULES PRIOR",
            help_text::PRIOR,
        ),
        Command::Segfree => {
            ("Describe the neighborhood of every molecule, without cells.", "MOLECULES", help_text::SEGFREE)
        }
        Command::Export => {
            ("Write the final files of a stage that run --stage or merge made.", "STAGE", help_text::EXPORT)
        }
        Command::Split => {
            ("Divide a slide into tiles, each for a run of its own.", "MOLECULES [PRIOR]", help_text::SPLIT)
        }
        Command::Merge => ("Put the finished tiles of a slide together.", "RUN_STAGE... --stage DIR", help_text::MERGE),
        Command::Estimate => ("Tell memory and time of a run beforehand.", "MOLECULES [PRIOR]", help_text::ESTIMATE),
        Command::Inspect => ("Say what a stage holds.", "STAGE", help_text::INSPECT),
        Command::Config => ("Print a configuration to edit: all keys, maybe for a platform.", "", help_text::CONFIG),
    };
    let further = if command.is_configured() { further_keys(command) + "\n" } else { String::new() };
    let mut parser = clap::Command::new(full_name.clone())
        .bin_name(full_name.clone())
        .about(about)
        .no_binary_name(true)
        .args_override_self(true)
        .max_term_width(100)
        .disable_help_flag(true)
        .override_usage(format!("{full_name} {positionals} [OPTIONS]").replace("  ", " "))
        .after_help(format!("{further}{examples}"))
        .args(positional_arguments(command));
    for group in Group::ALL {
        let has_flag = |def: &&OptionDef| def.flag.is_some() && def.is_of(command);
        let mut defs: Vec<_> = OPTIONS.iter().filter(|def| def.group == group).filter(has_flag).collect();
        defs.sort_by_key(|def| def.place != Place::CommandLine);
        parser = parser.args(defs.into_iter().map(|def| argument(def, command)));
    }
    let program = Group::Program.heading();
    let parser = parser
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
        );
    match command {
        Command::Run | Command::Estimate => parser
            .arg(Arg::new("save_polygons").long("save-polygons").hide(true))
            .arg(switch(Arg::new("no_ncv_estimation").long("no-ncv-estimation").hide(true))),
        _ => parser,
    }
}

/// What stands without an option.
fn positional_arguments(command: Command) -> Vec<Arg> {
    let path = |name: &'static str| Arg::new(name).value_parser(value_parser!(OsString));
    let first = |name: &'static str, help: &'static str| path("molecules").value_name(name).required(true).help(help);
    let prior = path("prior").value_name("PRIOR").help(
        "Prior segmentation: a column of the table with one label per molecule, written :NAME, or a file: label image, \
         mask or stain (TIFF, PNG), MATLAB matrix, boundaries (CSV, Parquet, GeoJSON); @nuclei or @cells: the boundaries in \
         the output folder that MOLECULES names",
    );
    let table = "Table of molecules: CSV (also .gz) or Parquet, one row per molecule; or an output folder of Xenium, MERSCOPE \
                 or CosMx, points of SpatialData";
    match command {
        Command::Run => {
            let help = "Table of molecules: CSV (also .gz) or Parquet, one row per molecule; or an output folder of Xenium, \
                        MERSCOPE or CosMx, points of SpatialData; or a folder that the command prior has made, with \
                        molecules and prior; or a tile of the command split";
            vec![first("MOLECULES", help), prior]
        }
        Command::Prior => vec![first("MOLECULES", table), prior],
        Command::Preview | Command::Segfree => {
            let help = "Table of molecules: CSV (also .gz) or Parquet; or an output folder of Xenium, MERSCOPE or CosMx; or the \
                        folder of a stage of prior";
            vec![first("MOLECULES", help)]
        }
        Command::Split | Command::Estimate => {
            let help = "Table of molecules: CSV (also .gz) or Parquet, one row per molecule; or an output folder of Xenium, \
                        MERSCOPE or CosMx, points of SpatialData; or a folder that the command prior has made, with \
                        molecules and prior";
            vec![first("MOLECULES", help), prior]
        }
        Command::Merge => {
            let help = "Folders that baysor run TILE --stage has made, one for every tile of the slide, in any order; or \
                        a folder that holds them";
            vec![path("tiles").value_name("RUN_STAGE").required(true).num_args(1..).help(help)]
        }
        Command::Export => vec![first("STAGE", "Folder that run --stage or merge has made")],
        Command::Inspect => vec![first("STAGE", "Folder of a stage: of run --stage, prior, segfree, split, merge")],
        Command::Config => Vec::new(),
    }
}

fn argument(def: &'static OptionDef, command: Command) -> Arg {
    let help = match (def.name, command) {
        ("output", Command::Split) => "Folder for the tiles [default: tiles; command line only]".into(),
        ("stage", Command::Merge) => {
            "Folder for the result, a stage as run --stage makes it. Required [command line only]".into()
        }
        ("polygon_format", Command::Merge) => {
            "none leaves the boundaries of cells to export; with any other word they \
             are computed (their format is chosen by export) [default: FeatureCollection; command line only]"
                .into()
        }
        ("max_molecules_per_tile", Command::Split) => format!(
            "Molecules of a tile, margin included, at most [default: what --max-memory allows, otherwise {}; key: \
             segmentation.max_molecules_per_tile]",
            crate::config::MOLECULES_PER_TILE
        )
        .into(),
        ("max_memory", Command::Split) => {
            "Memory that the run of a tile may need, at most: 8GB, 500MB, 16GiB, or auto for \
             what this machine has available [command line only]"
                .into()
        }
        ("output", Command::Estimate) => {
            "Where the run would write; nothing is written there [default: segmentation.csv; command line only]".into()
        }
        ("stage", Command::Estimate) => {
            "Folder that the run would write as a stage; nothing is written there [command line only]".into()
        }
        ("output", Command::Prior) => "Folder to write into [default: prior; command line only]".into(),
        ("output", Command::Preview) => {
            "Page to write, or an existing folder [default: preview.html; command line only]".into()
        }
        ("min_molecules_per_cell", Command::Preview) => "Smallest number of molecules of a real cell; the distances \
             that tell noise from signal follow from it [default: suggested by the data; key: \
             data.min_molecules_per_cell]"
            .into(),
        ("output", Command::Segfree) => {
            "Loom file to write, or an existing folder [default: ncvs.loom; command line only]".into()
        }
        _ => help(def),
    };
    let mut argument = Arg::new(def.name)
        .value_name(def.value_name)
        .help(help)
        .help_heading(def.group.heading())
        .long(def.flag.unwrap_or(def.name));
    if let Some(short) = def.short {
        argument = argument.short(short);
    }
    match def.kind {
        Kind::Bool => switch(argument),
        Kind::Path => argument.value_parser(value_parser!(OsString)),
        _ => argument,
    }
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
fn further_keys(command: Command) -> String {
    let mut text = String::from("Further keys, in the file or as --config.<table>.<key>=VALUE:\n");
    let is_listed = |def: &&OptionDef| def.flag.is_none() && def.effect == Effect::Used && def.is_of(command);
    let defs = OPTIONS.iter().filter(is_listed);
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
        Command::ALL.into_iter().for_each(|command| parser(command).debug_assert());
    }

    #[test]
    fn every_option_in_the_help_has_a_key_or_says_that_it_has_none() {
        for parser in Command::ALL.map(parser) {
            for argument in
                parser.get_arguments().filter(|argument| argument.get_long().is_some() && !argument.is_hide_set())
            {
                let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
                let id = argument.get_id().as_str();
                let documented =
                    help.contains("[key: ") || help.contains("; key: ") || help.contains("command line only]");
                assert!(documented || matches!(id, "help" | "version"), "{id}");
            }
        }
    }

    #[test]
    fn every_used_option_is_in_the_help_of_its_commands_only() {
        for command in Command::ALL {
            let help = parser(command).render_long_help().to_string();
            for def in OPTIONS.iter().filter(|def| def.effect == Effect::Used) {
                let Some(flag) = def.flag else {
                    assert_eq!(help.contains(&format!("  {} [", def.path())), def.is_of(command), "{}", def.path());
                    continue;
                };
                // Examples may name options of other commands.
                let is_there = parser(command).get_arguments().any(|argument| {
                    argument.get_id() == def.name && argument.get_long() == Some(flag) && !argument.is_hide_set()
                });
                assert_eq!(is_there, def.is_of(command), "{} --{flag}", command.name());
            }
            assert!(help.contains("Examples:"));
        }
    }
}
