//! Configurations of platforms that come with the program, as plain TOML.

use std::path::Path;

use super::ConfigError;
use super::file::{self, Given, Origin};

/// A configuration that comes with the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Preset {
    /// Its name on the command line.
    pub name: &'static str,
    /// The platform, for people.
    pub title: &'static str,
    /// The TOML text.
    pub text: &'static str,
    /// Columns that no table of another platform has together; none if the columns tell nothing.
    pub markers: &'static [&'static str],
}

/// Words of the option `--preset`: none, and the names of [`PRESETS`].
pub const PRESET_WORDS: &[&str] =
    &["", "xenium", "merscope", "cosmx", "starmap", "iss", "osmfish", "seqfish", "generic"];

/// All presets, in the order of the help.
pub const PRESETS: [Preset; 8] = [
    Preset {
        name: "xenium",
        title: "Xenium (10x Genomics)",
        text: include_str!("../../presets/xenium.toml"),
        markers: &["x_location", "y_location", "feature_name"],
    },
    Preset {
        name: "merscope",
        title: "MERSCOPE (Vizgen)",
        text: include_str!("../../presets/merscope.toml"),
        markers: &["global_x", "global_y", "gene"],
    },
    Preset {
        name: "cosmx",
        title: "CosMx (NanoString/Bruker)",
        text: include_str!("../../presets/cosmx.toml"),
        markers: &["x_global_px", "y_global_px", "target"],
    },
    Preset { name: "starmap", title: "STARmap", text: include_str!("../../presets/starmap.toml"), markers: &[] },
    Preset { name: "iss", title: "In situ sequencing", text: include_str!("../../presets/iss.toml"), markers: &[] },
    Preset { name: "osmfish", title: "osmFISH", text: include_str!("../../presets/osmfish.toml"), markers: &[] },
    Preset {
        name: "seqfish",
        title: "seqFISH (Spatial Genomics)",
        text: include_str!("../../presets/seqfish.toml"),
        markers: &["x", "y", "name", "cell"],
    },
    Preset {
        name: "generic",
        title: "any table with x, y, maybe z, and gene; nothing is guessed",
        text: include_str!("../../presets/generic.toml"),
        markers: &[],
    },
];

/// Returns a preset by its name.
pub fn find(name: &str) -> Option<&'static Preset> {
    PRESETS.iter().find(|preset| preset.name == name)
}

/// Returns the preset that the columns of a table tell unmistakably.
pub fn of_columns(header: &[String]) -> Option<&'static Preset> {
    let has = |name: &&str| header.iter().any(|column| column == name);
    let mut fitting = PRESETS.iter().filter(|preset| !preset.markers.is_empty() && preset.markers.iter().all(&has));
    fitting.next().filter(|_| fitting.next().is_none())
}

impl Preset {
    /// The values that it sets.
    ///
    /// # Errors
    ///
    /// None for the presets of [`PRESETS`], which a test reads.
    pub fn values(&self) -> Result<Vec<Given>, ConfigError> {
        let origin = || Origin::Preset(self.name.to_owned());
        let given = file::parse(Path::new(&format!("presets/{}.toml", self.name)), self.text)?;
        Ok(given.into_iter().map(|given| Given { origin: origin(), ..given }).collect())
    }

    /// The first comment of the text, without its signs: what the platform is and needs.
    pub fn introduction(&self) -> impl Iterator<Item = &'static str> {
        self.text.lines().map_while(|line| line.strip_prefix('#')).map(str::trim)
    }

    /// The comment right above a key, without its signs: why it has this value.
    pub fn reason(&self, table: &str, key: &str) -> Vec<&'static str> {
        let (mut here, mut comment) = ("", Vec::new());
        for line in self.text.lines().map(str::trim) {
            if let Some(words) = line.strip_prefix('#') {
                comment.push(words.trim());
                continue;
            }
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                here = name;
            } else if here == table && line.split_once('=').is_some_and(|(name, _)| name.trim() == key) {
                return comment;
            }
            comment.clear();
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::super::values::Value;
    use super::*;

    #[test]
    fn every_preset_loads_and_names_its_columns() {
        assert_eq!(PRESET_WORDS[1..], PRESETS.map(|preset| preset.name));
        for preset in PRESETS {
            let values = preset.values().unwrap();
            for path in ["data.x", "data.y", "data.z", "data.gene"] {
                let value = values.iter().find(|given| given.def.path() == path).map(|given| &given.value);
                let is_text = |value: &&Value| matches!(value, Value::Text(name) if !name.is_empty());
                assert!(value.filter(is_text).is_some(), "{} {path}", preset.name);
            }
            assert!(preset.introduction().count() > 0, "{}", preset.name);
            for pattern in values.iter().filter(|given| given.def.name == "exclude_genes") {
                let Value::List(patterns) = &pattern.value else { panic!("{pattern:?}") };
                assert!(patterns.iter().all(|pattern| regex::Regex::new(pattern).is_ok()), "{patterns:?}");
            }
        }
    }

    #[test]
    fn columns_tell_the_platform_or_nothing() {
        let name = |columns: &[&str]| {
            let header: Vec<String> = columns.iter().map(|name| (*name).to_owned()).collect();
            of_columns(&header).map(|preset| preset.name)
        };
        assert_eq!(name(&["transcript_id", "feature_name", "x_location", "y_location"]), Some("xenium"));
        assert_eq!(name(&["", "global_x", "global_y", "x", "y", "gene"]), Some("merscope"));
        assert_eq!(name(&["fov", "x_global_px", "y_global_px", "target"]), Some("cosmx"));
        assert_eq!(name(&["name", "cell", "x", "y"]), Some("seqfish"));
        assert_eq!(name(&["x", "y", "gene"]), None);
        assert_eq!(name(&["x_location", "y_location", "feature_name", "global_x", "global_y", "gene"]), None);
    }

    #[test]
    fn reasons_stand_above_their_keys() {
        let preset = find("xenium").unwrap();
        assert!(preset.reason("data", "min_qv")[0].starts_with("The instrument counts molecules of quality 20"));
        assert!(preset.reason("data", "x").is_empty(), "the introduction belongs to no key");
        assert!(preset.reason("segmentation", "min_qv").is_empty());
    }

    #[test]
    fn controls_are_excluded_and_genes_are_not() {
        let is_excluded = |name: &str, gene: &str| {
            let values = find(name).unwrap().values().unwrap();
            values.iter().any(|given| match (&given.value, given.def.name) {
                (Value::List(patterns), "exclude_genes") => {
                    patterns.iter().any(|pattern| regex::Regex::new(pattern).unwrap().is_match(gene))
                }
                _ => false,
            })
        };
        let controls = [
            (
                "xenium",
                &[
                    "NegControlProbe_00042",
                    "NegControlCodeword_0500",
                    "GenomicControlProbe_0001",
                    "GenomicControl_7",
                    "antisense_SCRIB",
                    "BLANK_0006",
                    "UnassignedCodeword_0001",
                    "DeprecatedCodeword_1",
                    "Intergenic_Region_1",
                ][..],
            ),
            ("merscope", &["Blank-1", "Blank-12", "blank-3", "BLANK_4"][..]),
            ("cosmx", &["NegPrb1", "Negative1", "Negative", "SystemControl12", "FalseCode3"][..]),
            ("seqfish", &["Blank-1", "blank_2", "blank7"][..]),
        ];
        for (preset, genes) in controls {
            genes.iter().for_each(|gene| assert!(is_excluded(preset, gene), "{preset} {gene}"));
            for gene in ["NEGR1", "Negr1", "FALSE1", "EPCAM", "Blnk", "SYS1", "Intu", "ANTXR1", "UNASSIGNED1"] {
                assert!(!is_excluded(preset, gene), "{preset} {gene}");
            }
        }
    }
}
