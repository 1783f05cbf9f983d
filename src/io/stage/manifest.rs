//! `manifest.json`: what a stage is, written last. `docs/stage-manifest.schema.json` is its JSON Schema.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::tile::{self, TileManifest};
use super::{StageError, StageKind, seal};
use crate::io::atomic;
use crate::io::molecules::{Fingerprint, Hasher};

/// Name of the manifest in a stage directory.
pub const MANIFEST_FILE: &str = "manifest.json";
/// What `format` says in every manifest.
pub(super) const FORMAT: &str = "baysor-stage";
/// The version of the format that this program writes: with [`Timing::xxh64`]. It reads the older ones, 2 with the object
/// `tile` and 1 without it.
pub const FORMAT_VERSION: u32 = 3;
/// Name of the summary number that tells how many molecules make a segment of the prior segmentation.
pub const MIN_MOLECULES_PER_SEGMENT: &str = "min_molecules_per_segment";
/// Version of this program.
const PROGRAM_VERSION: &str = env!("CARGO_PKG_VERSION");

/// What a stage is and holds.
///
/// Everything but [`timing`](Self::timing) is the same for the same inputs, parameters, seed and version. What
/// cannot be: times, memory, paths, threads, goes there.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// `baysor-stage`.
    pub format: String,
    /// Version of the format.
    pub format_version: u32,
    /// Kind of the stage.
    pub stage: StageKind,
    /// Version of the program.
    pub program_version: String,
    /// Seed of all draws.
    pub seed: u64,
    /// What stands in the names of cells between `C` and `-`; null before there are cells.
    pub run_id: Option<String>,
    /// All parameters that can change a result, resolved, by the tables and keys of the configuration.
    pub parameters: BTreeMap<String, Value>,
    /// Content of the inputs.
    pub inputs: Vec<InputFingerprint>,
    /// Values that only the data could tell, or that were given instead.
    pub estimates: Vec<Estimate>,
    /// Which part of a slide this is; absent for a whole one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tile: Option<TileManifest>,
    /// Tables, in the order of the documentation.
    pub tables: Vec<TableEntry>,
    /// Summary numbers by name; null for what is not a number.
    pub summary: BTreeMap<String, Value>,
    /// What the user was told, in order.
    pub notes: Vec<StageNote>,
    /// What differs between equal runs.
    pub timing: Timing,
}

/// Content of an input.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct InputFingerprint {
    /// What the input is: `molecules`, `prior`, `stage` ….
    pub role: String,
    /// Size in bytes.
    pub bytes: u64,
    /// XXH64 of the content, 16 hexadecimal digits.
    pub xxh64: String,
}

impl InputFingerprint {
    /// The entry of an input.
    pub fn new(role: &str, fingerprint: Fingerprint) -> Self {
        Self { role: role.to_owned(), bytes: fingerprint.size, xxh64: hash_text(fingerprint.hash) }
    }

    /// Size and hash; `None` if the hash is not one.
    pub fn fingerprint(&self) -> Option<Fingerprint> {
        u64::from_str_radix(&self.xxh64, 16).ok().map(|hash| Fingerprint { size: self.bytes, hash })
    }
}

/// A value and where it comes from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Estimate {
    /// Its name.
    pub name: String,
    /// A number or a text; null for what is not a number.
    pub value: Value,
    /// `given`, or `estimated from …`.
    pub origin: String,
}

impl Estimate {
    /// An entry.
    pub fn new(name: &str, value: impl Into<Value>, origin: &str) -> Self {
        Self { name: name.to_owned(), value: value.into(), origin: origin.to_owned() }
    }
}

/// A table of the stage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TableEntry {
    /// Name of the table.
    pub name: String,
    /// Its file in the stage directory.
    pub file: String,
    /// Rows.
    pub n_rows: u64,
    /// Columns, the carried ones included.
    pub n_columns: u32,
    /// Size of the file.
    pub bytes: u64,
    /// XXH64 of the file, 16 hexadecimal digits.
    pub xxh64: String,
}

/// Something the user was told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StageNote {
    /// How serious it is.
    pub level: NoteLevel,
    /// What was said. Without paths, times and memory.
    pub text: String,
}

/// How serious a note is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum NoteLevel {
    /// A fact.
    Info,
    /// Something was assumed or may be wrong.
    Warning,
}

/// What differs between equal runs.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Timing {
    /// When the command began, UTC, RFC 3339; null if nobody knows.
    pub started: Option<String>,
    /// Duration in seconds.
    pub seconds: f64,
    /// Largest resident memory in bytes; null if the system does not tell.
    pub peak_memory_bytes: Option<u64>,
    /// Number of threads.
    pub threads: u32,
    /// Number of threads that was asked for; 0: automatic.
    pub threads_given: u32,
    /// The arguments after the command.
    pub command_line: String,
    /// Paths of the inputs, in the order of `inputs`.
    pub paths: Vec<String>,
    /// Parts of the work, in order.
    pub phases: Vec<Phase>,
    /// XXH64 of the file with zeros in place of these 16 digits; the last entry. Older formats have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub xxh64: Option<String>,
}

/// A part of the work.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// Its name.
    pub name: String,
    /// Duration in seconds.
    pub seconds: f64,
    /// Largest resident memory until its end, in bytes; null if the system does not tell.
    pub peak_memory_bytes: Option<u64>,
}

impl Manifest {
    /// A manifest of this version without content; the writer of the stage enters the tables.
    pub fn new(stage: StageKind, seed: u64) -> Self {
        Self {
            format: FORMAT.to_owned(),
            format_version: FORMAT_VERSION,
            stage,
            program_version: PROGRAM_VERSION.to_owned(),
            seed,
            run_id: None,
            parameters: BTreeMap::new(),
            inputs: Vec::new(),
            estimates: Vec::new(),
            tile: None,
            tables: Vec::new(),
            summary: BTreeMap::new(),
            notes: Vec::new(),
            timing: Timing::default(),
        }
    }

    /// The estimate called `name`.
    pub fn estimate(&self, name: &str) -> Option<&Estimate> {
        self.estimates.iter().find(|estimate| estimate.name == name)
    }

    /// The entry of the table called `name`.
    pub fn table(&self, name: &str) -> Option<&TableEntry> {
        self.tables.iter().find(|table| table.name == name)
    }

    /// How many molecules make a segment of the prior segmentation; 0 if the summary does not tell.
    pub fn min_molecules_per_segment(&self) -> usize {
        let number = self.summary.get(MIN_MOLECULES_PER_SEGMENT).and_then(Value::as_u64);
        number.and_then(|number| usize::try_from(number).ok()).unwrap_or(0)
    }

    /// The path of the input with this role, as far as `timing` tells.
    pub fn path_of(&self, role: &str) -> Option<&str> {
        let at = self.inputs.iter().position(|input| input.role == role)?;
        self.timing.paths.get(at).map(String::as_str)
    }

    /// The content of the input with this role.
    pub fn input(&self, role: &str) -> Option<Fingerprint> {
        self.inputs.iter().find(|input| input.role == role).and_then(InputFingerprint::fingerprint)
    }

    /// Identifies the stage: size and hash of everything but `timing`, as compact JSON. Since the tables' hashes are
    /// part of it, so is all their content.
    pub fn fingerprint(&self) -> Fingerprint {
        let timeless = Self { timing: Timing::default(), ..self.clone() };
        let mut hasher = Hasher::default();
        // A manifest is plain values: it always has a JSON form.
        hasher.update(&serde_json::to_vec(&timeless).unwrap_or_default());
        hasher.finish()
    }

    /// Compares fields with one another. `dir` is for messages.
    pub(super) fn check(&self, dir: &Path) -> Result<(), StageError> {
        match tile::fault(self) {
            Some(detail) => Err(StageError::Manifest { path: dir.join(MANIFEST_FILE), detail }),
            None => Ok(()),
        }
    }

    /// The text of the file, with its hash.
    pub fn to_json(&self) -> String {
        let timing = Timing { xxh64: Some(seal::OPEN.to_owned()), ..self.timing.clone() };
        let text = serde_json::to_string_pretty(&Self { timing, ..self.clone() });
        text.map(|text| seal::seal(&(text + "\n"))).unwrap_or_default()
    }

    /// Writes `manifest.json` into a directory, all or nothing, and enters its hash here.
    pub(super) fn write(&mut self, dir: &Path) -> Result<(), StageError> {
        let text = self.to_json();
        atomic::write_file(&dir.join(MANIFEST_FILE), |file| file.write_all(text.as_bytes()))?;
        self.timing.xxh64 = seal::written(&text).map(str::to_owned);
        Ok(())
    }

    /// Reads and checks `manifest.json` in a directory.
    ///
    /// Returned besides is the error of a manifest that its hash does not fit. It is for the end: what else is wrong with
    /// the stage tells more.
    pub(super) fn read(dir: &Path) -> Result<(Self, Result<(), StageError>), StageError> {
        let path = dir.join(MANIFEST_FILE);
        let bytes = fs::read(&path).map_err(|source| StageError::Unreadable { path: path.clone(), source })?;
        let damaged = |detail: String| StageError::Manifest { path: path.clone(), detail };
        let text = String::from_utf8(bytes).map_err(|error| damaged(error.to_string()))?;
        let value: Value = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        // Format and version first: a newer manifest may have fields that this program does not know.
        if value.get("format").and_then(Value::as_str) != Some(FORMAT) {
            let detail = format!("its format is not '{FORMAT}'");
            return Err(StageError::NotAManifest { path, detail });
        }
        let version = value.get("format_version").and_then(Value::as_u64).unwrap_or(0);
        if version > FORMAT_VERSION.into() {
            let program = value.get("program_version").and_then(Value::as_str).unwrap_or("of unknown version");
            return Err(StageError::Newer {
                dir: dir.to_path_buf(),
                version,
                program: program.to_owned(),
                ours: PROGRAM_VERSION,
                newest: FORMAT_VERSION,
            });
        }
        if version == 0 {
            return Err(damaged("format_version is missing or not a positive whole number".to_owned()));
        }
        let manifest: Self = serde_json::from_str(&text).map_err(|error| damaged(error.to_string()))?;
        manifest.check(dir)?;
        let fault = seal::fault(&text, version >= FORMAT_VERSION.into());
        Ok((manifest, fault.map_or(Ok(()), |detail| Err(damaged(detail)))))
    }
}

/// A hash as it stands in manifests.
pub(super) fn hash_text(hash: u64) -> String {
    format!("{hash:016x}")
}
