//! The one definition of every option: where it stands in a file, its flag, type, default, limits, meaning.

mod table;

use super::values::Value;
pub use table::OPTIONS;
use table::{ALIASES, TABLE_ALIASES};

/// The type of an option and the values it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A file or folder; on the command line it need not be text.
    Path,
    /// A switch.
    Bool,
    /// A whole number within limits, both included.
    Int {
        /// Smallest value.
        min: i64,
        /// Largest value.
        max: i64,
    },
    /// A number within limits, both included; never NaN, infinite only if a limit is.
    Float {
        /// Smallest value.
        min: f64,
        /// Largest value.
        max: f64,
    },
    /// A positive number, or a percentage such as `25%`.
    Amount,
    /// A size of memory with its unit, such as `8GB`, or `auto`.
    Memory,
    /// Comma-separated texts.
    List,
    /// One of some words, in any case.
    Choice(&'static [&'static str]),
}

impl Kind {
    /// What a value of this type is, for messages.
    pub fn describe(self) -> String {
        match self {
            Self::Text => "a text".to_owned(),
            Self::Path => "a path".to_owned(),
            Self::Bool => "true or false".to_owned(),
            Self::Int { .. } => "a whole number".to_owned(),
            Self::Float { .. } => "a number".to_owned(),
            Self::Amount => "a number or a percentage such as 25%".to_owned(),
            Self::Memory => "a size such as 8GB, or auto".to_owned(),
            Self::List => "a list of texts, or one text with commas,".to_owned(),
            Self::Choice(words) => format!("one of {}", words.join(", ")),
        }
    }
}

/// Where an option may be given besides its flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// At the top of a configuration file.
    Top,
    /// In a table of a configuration file.
    Table(&'static str),
    /// Nowhere: it belongs to one command line and has no key.
    CommandLine,
}

/// What this version does with an option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// It is used.
    Used,
    /// It changes nothing; a value other than the default gives a warning.
    Unused,
}

/// A command of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Molecules to cells.
    Run,
    /// The prior segmentation alone.
    Prior,
    /// A report on the molecules, with parameters to begin with.
    Preview,
    /// Neighborhoods of molecules, without cells.
    Segfree,
    /// The final files from a finished stage.
    Export,
    /// A slide into tiles.
    Split,
    /// Finished tiles into one result.
    Merge,
    /// Memory and time of a run, beforehand.
    Estimate,
    /// What a stage holds, for people.
    Inspect,
    /// The configuration of a platform, to be edited.
    Config,
}

impl Command {
    /// All commands in the order of the help.
    pub const ALL: [Self; 10] = [
        Self::Run,
        Self::Preview,
        Self::Prior,
        Self::Segfree,
        Self::Export,
        Self::Split,
        Self::Merge,
        Self::Estimate,
        Self::Inspect,
        Self::Config,
    ];
    /// Those that read molecules and have a configuration.
    pub const COMPUTING: [Self; 6] =
        [Self::Run, Self::Preview, Self::Prior, Self::Segfree, Self::Split, Self::Estimate];

    /// Those that know the presets.
    pub const WITH_PRESETS: [Self; 7] =
        [Self::Run, Self::Preview, Self::Prior, Self::Segfree, Self::Split, Self::Estimate, Self::Config];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Preview => "preview",
            Self::Prior => "prior",
            Self::Segfree => "segfree",
            Self::Export => "export",
            Self::Split => "split",
            Self::Merge => "merge",
            Self::Estimate => "estimate",
            Self::Inspect => "inspect",
            Self::Config => "config",
        }
    }

    /// Whether it has a configuration: a file, and keys as options.
    pub fn is_configured(self) -> bool {
        Self::COMPUTING.contains(&self)
    }
}

/// The heading an option stands under in `--help`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Columns of the molecule table.
    Columns,
    /// Which molecules are used.
    Filters,
    /// The model.
    Segmentation,
    /// The prior segmentation.
    Prior,
    /// How a slide is divided.
    Tiles,
    /// Which cells are written.
    Cells,
    /// Files written.
    Output,
    /// Reports and colours.
    Plotting,
    /// The program itself.
    Program,
}

impl Group {
    /// All groups in the order of the help.
    pub const ALL: [Self; 9] = [
        Self::Segmentation,
        Self::Columns,
        Self::Filters,
        Self::Prior,
        Self::Tiles,
        Self::Cells,
        Self::Output,
        Self::Program,
        Self::Plotting,
    ];

    /// The heading.
    pub fn heading(self) -> &'static str {
        match self {
            Self::Columns => "Columns of the molecule table",
            Self::Filters => "Molecules and genes used",
            Self::Segmentation => "Segmentation",
            Self::Prior => "Prior segmentation",
            Self::Tiles => "Tiles of large slides",
            Self::Cells => "Cells written",
            Self::Output => "Output",
            Self::Plotting => "Colors and reports",
            Self::Program => "Program",
        }
    }
}

/// A default, in a form that fits a constant.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum BuiltIn {
    /// A text.
    Text(&'static str),
    /// A switch.
    Bool(bool),
    /// A whole number.
    Int(i64),
    /// A number.
    Float(f64),
    /// The empty list.
    EmptyList,
}

/// One option: key, flag and help text.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OptionDef {
    /// Where its key stands.
    pub place: Place,
    /// Its key, with underscores; for options without a key the flag with underscores.
    pub name: &'static str,
    /// Its long flag without dashes, if it has one.
    pub flag: Option<&'static str>,
    /// Its short flag.
    pub short: Option<char>,
    /// What stands for its value in the help.
    pub value_name: &'static str,
    /// Its type and limits.
    pub kind: Kind,
    /// Its default.
    pub default: BuiltIn,
    /// Its meaning, with units, in a sentence or two.
    pub help: &'static str,
    /// Its heading in the help.
    pub group: Group,
    /// Whether this version uses it.
    pub effect: Effect,
    /// The commands that have its flag. Its key may stand in the file of any command.
    pub commands: &'static [Command],
}

impl OptionDef {
    /// Whether a command has this option. `estimate` has those of `run`, whose work it foretells.
    pub fn is_of(&self, command: Command) -> bool {
        let has = |command| self.commands.contains(&command);
        has(command) || (command == Command::Estimate && has(Command::Run))
    }

    /// The dotted name, e.g. `segmentation.scale`; at the top of a file just `seed`.
    pub fn path(&self) -> String {
        match self.place {
            Place::Table(table) => format!("{table}.{}", self.name),
            Place::Top | Place::CommandLine => self.name.to_owned(),
        }
    }

    /// The default as a value.
    pub fn default_value(&self) -> Value {
        match self.default {
            BuiltIn::Text(text) => Value::Text(text.to_owned()),
            BuiltIn::Bool(flag) => Value::Bool(flag),
            BuiltIn::Int(number) => Value::Int(number),
            BuiltIn::Float(number) => Value::Float(number),
            BuiltIn::EmptyList => Value::List(Vec::new()),
        }
    }

    /// How a user gives it: the flag if there is one, else the dotted option.
    pub fn spelled(&self) -> String {
        match self.flag {
            Some(flag) => format!("--{flag}"),
            None => format!("--config.{}", self.path()),
        }
    }

    const fn flag(mut self, flag: &'static str, value_name: &'static str) -> Self {
        self.flag = Some(flag);
        self.value_name = value_name;
        self
    }

    const fn short(mut self, short: char) -> Self {
        self.short = Some(short);
        self
    }

    const fn effect(mut self, effect: Effect) -> Self {
        self.effect = effect;
        self
    }

    const fn on(mut self, commands: &'static [Command]) -> Self {
        self.commands = commands;
        self
    }
}

/// The tables of a configuration file in their order.
pub const TABLES: [&str; 4] = ["data", "segmentation", "plotting", "prior"];

/// Returns a table by its name, in any case, or by another name it has.
pub fn find_table(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_lowercase();
    let renamed = TABLE_ALIASES.iter().find(|(alias, _)| *alias == name).map(|&(_, table)| table);
    renamed.or_else(|| TABLES.into_iter().find(|table| *table == name))
}

/// Returns the option with a key in a table (`""`: at the top of the file); `-` counts as `_`.
pub fn find(table: &str, key: &str) -> Option<&'static OptionDef> {
    let key = key.replace('-', "_");
    let alias = ALIASES.iter().find(|alias| alias.0 == table && alias.1 == key);
    let (table, key) = alias.map_or((table, key.as_str()), |alias| (alias.2, alias.3));
    let place = if table.is_empty() { Place::Top } else { Place::Table(find_table(table)?) };
    OPTIONS.iter().find(|def| def.name == key && def.place == place)
}

/// Returns the option of a long flag (with dashes, without the leading ones).
pub fn find_flag(flag: &str) -> Option<&'static OptionDef> {
    OPTIONS.iter().find(|def| def.flag == Some(flag))
}

/// Returns the option of a long flag of a command; if it has none, that of another command.
pub fn find_flag_of(flag: &str, command: Command) -> Option<&'static OptionDef> {
    OPTIONS.iter().find(|def| def.flag == Some(flag) && def.is_of(command)).or_else(|| find_flag(flag))
}

/// Returns the option of a dotted name such as `segmentation.scale` or `seed`; of those without a key by their name.
pub fn find_path(path: &str) -> Option<&'static OptionDef> {
    OPTIONS.iter().find(|def| def.path() == path)
}

/// Returns the keys of a table (`""`: the top of the file), aliases excluded.
pub fn keys_of(table: &str) -> impl Iterator<Item = &'static OptionDef> {
    OPTIONS.iter().filter(move |def| match def.place {
        Place::Top => table.is_empty(),
        Place::Table(name) => name == table,
        Place::CommandLine => false,
    })
}

/// Returns the other spellings of keys that may stand in a table.
pub fn aliases_of(table: &str) -> impl Iterator<Item = &'static str> {
    ALIASES.iter().filter(move |alias| alias.0 == table).map(|alias| alias.1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_default_has_the_type_of_its_option() {
        for def in OPTIONS {
            let fits = match (def.kind, def.default) {
                (Kind::Text | Kind::Path | Kind::Amount | Kind::Memory, BuiltIn::Text(_))
                | (Kind::Bool, BuiltIn::Bool(_)) => true,
                (Kind::Int { min, max }, BuiltIn::Int(value)) => (min..=max).contains(&value),
                (Kind::Float { min, max }, BuiltIn::Float(value)) => (min..=max).contains(&value),
                (Kind::List, BuiltIn::EmptyList) => true,
                (Kind::Choice(words), BuiltIn::Text(word)) => words.contains(&word),
                _ => false,
            };
            assert!(fits, "{}", def.path());
        }
    }

    #[test]
    fn names_flags_and_letters_are_unique() {
        for (position, a) in OPTIONS.iter().enumerate() {
            for b in &OPTIONS[position + 1..] {
                assert_ne!(a.path(), b.path());
                let meet = Command::ALL.into_iter().any(|command| a.is_of(command) && b.is_of(command));
                assert!(a.flag.is_none() || a.flag != b.flag || !meet, "{}", a.path());
                assert!(a.short.is_none() || a.short != b.short, "{}", a.path());
            }
        }
    }

    #[test]
    fn other_spellings_find_their_option() {
        let path = |table, key| find(table, key).map(OptionDef::path);
        assert_eq!(path("molecules", "x"), path("data", "x"));
        assert_eq!(path("Data", "exclude-genes").as_deref(), Some("data.exclude_genes"));
        assert_eq!(path("prior", "unassigned_label").as_deref(), Some("segmentation.unassigned_prior_label"));
        assert_eq!(path("", "seed").as_deref(), Some("seed"));
        let correct = path("plotting", "gene_composition_neighborhood");
        assert_eq!(correct.as_deref(), Some("plotting.gene_composition_neigborhood"));
        assert_eq!(path("data", "scael"), None);
        assert_eq!(path("", "output"), None, "options of the command line have no key");
    }
}
