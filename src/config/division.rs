//! Settings of the commands that divide a slide and put it together again.

use std::path::PathBuf;

use super::merged::Merged;
use super::resolve::{Request, check_molecules, merge, program, resolve};
use super::settings::{ProgramSettings, RunSettings};
use super::{ConfigError, bundle};

/// Width of the margin of tiles, in units of the scale.
pub const MARGIN_SCALES: f64 = 8.0;

/// Molecules of a tile, margin included, at most, if nobody says otherwise.
pub const MOLECULES_PER_TILE: usize = 2_000_000;

/// How much memory a command may use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum MaxMemory {
    /// So many bytes.
    Bytes(u64),
    /// What the machine has available when the command starts.
    Auto,
}

impl MaxMemory {
    /// Reads a size with its unit, or `auto`. `None` for anything else.
    ///
    /// Units in any case, with or without a blank or a dot before them: B, KB, MB, GB, TB are powers of 1000, K, M, G, T
    /// the same, KiB, MiB, GiB, TiB are powers of 1024. A number alone is refused: nobody means bytes.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.eq_ignore_ascii_case("auto") {
            return Some(Self::Auto);
        }
        let unit_at = text.find(|c: char| c.is_ascii_alphabetic())?;
        let (number, unit) = text.split_at(unit_at);
        let number: f64 = number.trim().trim_end_matches('.').trim().parse().ok()?;
        let factor: f64 = match unit.to_ascii_lowercase().as_str() {
            "b" => 1.0,
            "k" | "kb" => 1e3,
            "m" | "mb" => 1e6,
            "g" | "gb" => 1e9,
            "t" | "tb" => 1e12,
            "kib" => 1024.0,
            "mib" => 1_048_576.0,
            "gib" => 1_073_741_824.0,
            "tib" => 1_099_511_627_776.0,
            _ => return None,
        };
        let bytes = number * factor;
        (1.0..1e18).contains(&bytes).then_some(Self::Bytes(bytes as u64))
    }
}

/// The settings of the command `split`.
#[derive(Clone, Debug, PartialEq)]
pub struct SplitSettings {
    /// How the slide is read, and what all of its tiles have in common. It names no files to write.
    pub run: RunSettings,
    /// The folder for the tiles.
    pub output: PathBuf,
    /// Molecules of a tile, margin included, at most; `None`: `max_memory` tells, or [`MOLECULES_PER_TILE`].
    pub max_molecules_per_tile: Option<usize>,
    /// Memory that the run of a tile may need, at most.
    pub max_memory: Option<MaxMemory>,
    /// Width of the margin, in units of the scale, >= 0.
    pub margin_scales: f64,
}

impl RunSettings {
    /// How the slide is divided, if it should be; `output` is the folder for the tiles.
    pub fn division(&self, output: PathBuf) -> Option<SplitSettings> {
        (self.max_molecules_per_tile.is_some() || self.max_memory.is_some()).then(|| self.split_into(output))
    }

    fn split_into(&self, output: PathBuf) -> SplitSettings {
        SplitSettings {
            max_molecules_per_tile: self.max_molecules_per_tile,
            max_memory: self.max_memory,
            margin_scales: self.margin_scales,
            run: self.clone(),
            output,
        }
    }
}

/// The settings of the command `merge`.
#[derive(Clone, Debug, PartialEq)]
pub struct MergeSettings {
    /// The stages that the runs of the tiles made, in any order; at least one.
    pub tiles: Vec<PathBuf>,
    /// The folder for the result.
    pub stage: PathBuf,
    /// Whether boundaries of cells are computed.
    pub has_polygons: bool,
    /// Threads and messages; the seed has no meaning.
    pub program: ProgramSettings,
}

/// Merges and checks a request of `split`; see [`resolve`].
///
/// # Errors
///
/// Every [`ConfigError`].
pub fn resolve_split(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<SplitSettings, ConfigError> {
    check_molecules(&request.molecules, "split")?;
    let output = request.output.clone().unwrap_or_else(|| PathBuf::from("tiles"));
    if output.as_os_str().is_empty() {
        return Err(ConfigError::Invalid {
            name: "--output".to_owned(),
            seen: "''".to_owned(),
            remedy: "give the name of a folder for the tiles".to_owned(),
        });
    }
    // As a run that writes a stage and no final files.
    let of_run = Request { output: None, stage: Some(output.clone()), ..request.clone() };
    let run = resolve(&of_run, environment)?;
    Ok(RunSettings { stage: None, ..run }.split_into(output))
}

/// Merges and checks a request of `merge`, whose arguments are stages; see [`resolve`].
///
/// # Errors
///
/// Every [`ConfigError`].
pub fn resolve_merge(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<MergeSettings, ConfigError> {
    let merged = merge(request)?;
    let Some(stage) = bundle::stage_folder(request)? else {
        return Err(ConfigError::Missing {
            what: "the folder for the merged slide is not given".to_owned(),
            remedy: "write baysor merge RUNS/* --stage DIR; the final files are then written by baysor export DIR"
                .to_owned(),
        });
    };
    let settings = MergeSettings {
        tiles: Vec::new(),
        stage: stage.to_path_buf(),
        has_polygons: merged.text("polygon_format") != "none",
        program: program(request, merged, Vec::new(), environment)?,
    };
    Ok(settings.of(request.tiles.clone()))
}

impl MergeSettings {
    /// The same for these stages.
    pub fn of(self, tiles: Vec<PathBuf>) -> Self {
        Self { tiles, ..self }
    }
}

/// Molecules of a tile, at most, if the user said so.
pub(super) fn max_molecules_per_tile(merged: &Merged) -> Option<usize> {
    Some(merged.size("segmentation.max_molecules_per_tile")).filter(|&n| n > 0)
}

/// Memory, at most, if the user said so. The text was checked.
pub(super) fn max_memory(merged: &Merged) -> Option<MaxMemory> {
    MaxMemory::parse(merged.text("max_memory"))
}

#[cfg(test)]
mod tests {
    use super::super::resolve::tests::{request, settings_of};
    use super::*;

    fn alone(_: &str) -> Option<String> {
        Some("1".to_owned())
    }

    const COMMON: [&str; 2] = ["min_molecules_per_cell=30", "scale=10"];

    fn split(given: &[&str]) -> Result<SplitSettings, ConfigError> {
        let given: Vec<&str> = COMMON.iter().chain(given).copied().collect();
        resolve_split(&request(&given), &alone)
    }

    #[test]
    fn sizes_have_units_and_are_read_as_people_write_them() {
        let bytes = |text: &str| match MaxMemory::parse(text) {
            Some(MaxMemory::Bytes(bytes)) => bytes,
            other => panic!("{text}: {other:?}"),
        };
        assert_eq!([bytes("8GB"), bytes("8 gb"), bytes("8.GB"), bytes("8g"), bytes("8000MB")], [8_000_000_000; 5]);
        assert_eq!((bytes("1.5GiB"), bytes("500MB"), bytes("64 KiB")), (1_610_612_736, 500_000_000, 65_536));
        assert_eq!(MaxMemory::parse(" AUTO "), Some(MaxMemory::Auto));
        for text in ["8", "", "GB", "-8GB", "8XB", "8GB8", "infGB", "nanGB", "0GB", "1e30GB"] {
            assert_eq!(MaxMemory::parse(text), None, "{text}");
        }
    }

    #[test]
    fn a_size_without_unit_is_refused_with_an_example() {
        let error = split(&["max_memory=8"]).unwrap_err().to_string();
        assert!(error.starts_with("--max-memory is '8': a size with its unit") && error.contains("8GB"), "{error}");
    }

    #[test]
    fn a_split_has_the_settings_of_a_run_and_writes_nothing_else() {
        let settings = split(&["max_molecules_per_tile=5000", "tile_margin=6.5", "seed=7", "max_memory=2GB"]).unwrap();
        assert_eq!((settings.max_molecules_per_tile, settings.margin_scales), (Some(5000), 6.5));
        assert_eq!(settings.max_memory, Some(MaxMemory::Bytes(2_000_000_000)));
        assert_eq!(settings.output, PathBuf::from("tiles"));
        assert_eq!((settings.run.program.seed, settings.run.writes_bundle, &settings.run.stage), (7, false, &None));
        let plain = split(&[]).unwrap();
        let all = (plain.max_molecules_per_tile, plain.max_memory, plain.margin_scales);
        assert_eq!(all, (None, None, MARGIN_SCALES));
    }

    #[test]
    fn a_run_is_divided_only_if_it_is_asked_to() {
        let run = |given: &[&str]| settings_of(&COMMON.iter().chain(given).copied().collect::<Vec<_>>());
        assert_eq!(run(&["tile_margin=5"]).division("t".into()), None);
        let divided = run(&["max_memory=auto", "tile_margin=5"]).division("t".into()).unwrap();
        assert_eq!((divided.max_memory, divided.margin_scales), (Some(MaxMemory::Auto), 5.0));
        assert!(run(&["max_molecules_per_tile=900"]).division("t".into()).is_some());
    }

    #[test]
    fn a_merge_needs_a_folder() {
        let folder = tempfile::tempdir().unwrap();
        let tiles = vec![folder.path().join("a"), folder.path().join("b")];
        std::fs::create_dir(&tiles[1]).unwrap();
        let with = |stage: Option<PathBuf>| {
            let request = Request { tiles: tiles.clone(), stage, ..request(&["polygon_format=none"]) };
            resolve_merge(&request, &alone)
        };
        let merged = with(Some(folder.path().join("c"))).unwrap();
        assert_eq!((merged.tiles, merged.has_polygons), (tiles.clone(), false));
        assert!(with(None).unwrap_err().to_string().contains("baysor merge RUNS/* --stage DIR"));
    }
}
