//! From what was given to what is meant: default < file < dotted option < flag, checked, as `RunSettings`.

use crate::data::{Layout3d, PolygonFormat};
use std::path::{Path, PathBuf};

use super::file::{self, Given, Origin};
use super::options::{Effect, Kind, OPTIONS, OptionDef, Place};
use super::settings::{
    Columns, CountFormat, Crop, Note, PriorSource, RunSettings, ScaleSource, ScaleStd,
    Verbosity,
};
use super::values::Value;
use super::{ConfigError, OutputNames, threads};

/// What a command line of `run` asks for, unmerged.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// First positional argument.
    pub molecules: PathBuf,
    /// Second positional argument: `:column` or a path.
    pub prior: Option<String>,
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// Where to write, if given.
    pub output: Option<PathBuf>,
    /// Dotted options in their order; of a repeated one the last counts.
    pub dotted: Vec<Given>,
    /// Options of their own, each at most once.
    pub flags: Vec<Given>,
    /// Remarks made so far.
    pub notes: Vec<Note>,
    /// The arguments joined by spaces, for the dump.
    pub command_line: String,
}

/// Merges and checks a request. `environment` tells variables that set the number of threads.
///
/// Reads the configuration file and looks whether the output is a directory; nothing is written.
///
/// # Errors
///
/// Every [`ConfigError`]; each names the option or key as the user gave it.
pub fn resolve(request: &Request, environment: &dyn Fn(&str) -> Option<String>) -> Result<RunSettings, ConfigError> {
    let in_file = request.file.as_deref().map(file::read).transpose()?.unwrap_or_default();
    let merged = Merged::new(in_file, request);
    merged.check_ranges(request.prior.is_some())?;

    let prior = prior_source(request, &merged)?;
    check_molecules(&request.molecules)?;
    let min_molecules_per_cell = min_molecules_per_cell(&merged)?;
    let count_format = match merged.text("count_matrix_format") {
        "tsv" => CountFormat::Tsv,
        _ => CountFormat::Loom,
    };
    let output = request.output.clone().unwrap_or_else(|| PathBuf::from(merged.text("output")));
    let (n_threads, thread_notes) = threads::count(merged.size("threads"), environment);
    let mut notes = request.notes.clone();
    notes.extend(thread_notes);
    notes.extend(merged.notes());

    Ok(RunSettings {
        molecules: request.molecules.clone(),
        columns: columns(&merged)?,
        force_2d: merged.flag("data.force_2d"),
        min_molecules_per_gene: merged.size("data.min_molecules_per_gene"),
        exclude_genes: merged.list("data.exclude_genes"),
        min_qv: Some(merged.float("data.min_qv")).filter(|&min| min > 0.0),
        crop: crop(&merged)?,
        min_molecules_per_cell,
        min_molecules_per_segment: derived_if_0(merged.size("data.min_molecules_per_segment"), || {
            default_min_molecules_per_segment(min_molecules_per_cell)
        }),
        confidence_nn_id: derived_if_0(merged.size("data.confidence_nn_id"), || {
            default_confidence_nn_id(min_molecules_per_cell)
        }),
        scale: scale_source(&merged, prior.is_some())?,
        n_clusters: n_clusters(&merged)?,
        prior_confidence: merged.float("segmentation.prior_segmentation_confidence"),
        iters: merged.size("segmentation.iters"),
        tol: merged.float("segmentation.tol"),
        n_cells_init: n_cells_init(&merged)?,
        unassigned_label: merged.text("segmentation.unassigned_prior_label").to_owned(),
        outputs: outputs(&output, count_format, &request.molecules)?,
        polygon_format: match merged.text("polygon_format") {
            "none" => None,
            "geometrycollection" => Some(PolygonFormat::GeometryCollection),
            "geometrycollectionlegacy" => Some(PolygonFormat::GeometryCollectionLegacy),
            _ => Some(PolygonFormat::FeatureCollection),
        },
        count_format,
        layout_3d: match merged.text("polygon_3d_layout") {
            "object" => Layout3d::Object,
            _ => Layout3d::Array,
        },
        max_z_slices: merged.size("plotting.max_z_slices"),
        seed: merged.int("seed").unsigned_abs(),
        threads: n_threads,
        run_id: run_id(&merged)?,
        verbosity: verbosity(&merged)?,
        skip_ncv_color: merged.flag("skip_ncv_color"),
        command_line: request.command_line.clone(),
        prior,
        values: merged.0.into_iter().filter(|given| given.def.place != Place::CommandLine).collect(),
        notes,
    })
}

/// Every option with the value that won, in the order of `OPTIONS`.
struct Merged(Vec<Given>);

impl Merged {
    fn new(in_file: Vec<Given>, request: &Request) -> Self {
        let mut merged: Vec<Given> =
            OPTIONS.iter().map(|def| Given { def, value: def.default_value(), origin: Origin::Default }).collect();
        let layers = in_file.into_iter().chain(request.dotted.iter().cloned()).chain(request.flags.iter().cloned());
        for given in layers {
            if let Some(place) = merged.iter_mut().find(|old| old.def == given.def) {
                *place = given;
            }
        }
        Self(merged)
    }

    /// Returns an option by its dotted name, which is one of `OPTIONS` (a test asks for all).
    fn get(&self, path: &str) -> Option<&Given> {
        self.0.iter().find(|given| given.def.path() == path)
    }

    fn text(&self, path: &str) -> &str {
        match self.get(path).map(|given| &given.value) {
            Some(Value::Text(text)) => text,
            _ => "",
        }
    }

    fn flag(&self, path: &str) -> bool {
        matches!(self.get(path).map(|given| &given.value), Some(Value::Bool(true)))
    }

    fn int(&self, path: &str) -> i64 {
        match self.get(path).map(|given| &given.value) {
            Some(Value::Int(number)) => *number,
            _ => 0,
        }
    }

    /// An integer that is not negative by its limits.
    fn size(&self, path: &str) -> usize {
        usize::try_from(self.int(path)).unwrap_or(0)
    }

    fn float(&self, path: &str) -> f64 {
        match self.get(path).map(|given| &given.value) {
            Some(Value::Float(number)) => *number,
            _ => 0.0,
        }
    }

    fn list(&self, path: &str) -> Vec<String> {
        match self.get(path).map(|given| &given.value) {
            Some(Value::List(items)) => items.clone(),
            _ => Vec::new(),
        }
    }

    /// The error for an option whose value makes no sense.
    fn invalid(&self, path: &str, remedy: impl Into<String>) -> ConfigError {
        let (name, seen) = match self.get(path) {
            Some(given) => (given.name(), given.value.show()),
            None => (path.to_owned(), String::new()),
        };
        ConfigError::Invalid { name, seen, remedy: remedy.into() }
    }

    /// Checks limits, words, and wishes for later versions.
    fn check_ranges(&self, prior_on_command_line: bool) -> Result<(), ConfigError> {
        for given in &self.0 {
            check_range(given)?;
            if let Effect::Refused(what) = given.def.effect {
                let overruled = prior_on_command_line && given.def.place == Place::Table("prior");
                if !overruled && given.value != given.def.default_value() {
                    let what = format!("{}: {what}", given.name());
                    let remedy = match given.def.kind {
                        Kind::Bool => format!("run without {}", given.def.spelled()),
                        _ => "leave it empty".to_owned(),
                    };
                    return Err(ConfigError::NotYet { what, remedy });
                }
            }
        }
        Ok(())
    }

    fn notes(&self) -> Vec<Note> {
        let mut notes = Vec::new();
        let unused: Vec<String> = self
            .0
            .iter()
            .filter(|given| given.def.effect == Effect::Unused && given.value != given.def.default_value())
            .map(|given| given.def.path())
            .collect();
        if !unused.is_empty() {
            notes.push(Note::Warning(format!("No effect in this version: {}", unused.join(", "))));
        }
        if !self.flag("skip_ncv_color") {
            let text = "Neighbourhood colours (ncv_color) are not computed by this version";
            notes.push(Note::Info(text.to_owned()));
        }
        notes
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
        _ => return Ok(()),
    };
    Err(ConfigError::Invalid { name: given.name(), seen: given.value.show(), remedy })
}

/// Reads `25%` or `6.5`; only positive, finite amounts.
fn parse_amount(text: &str) -> Option<ScaleStd> {
    let text = text.trim();
    let number = |text: &str| text.trim().parse::<f64>().ok().filter(|n| n.is_finite() && *n > 0.0);
    match text.strip_suffix('%') {
        Some(percent) => number(percent).map(|percent| ScaleStd::Relative(percent / 100.0)),
        None => number(text).map(ScaleStd::Absolute),
    }
}

fn derived_if_0(value: usize, derive: impl FnOnce() -> usize) -> usize {
    if value == 0 { derive() } else { value }
}

/// KEEPS: a quarter of m' = max(m, 3), rounded half to even, at least 2.
fn default_min_molecules_per_segment(m: usize) -> usize {
    let m = m.max(3);
    let quarter = m / 4;
    let rounded = match m % 4 {
        0 | 1 => quarter,
        2 => quarter + quarter % 2,
        _ => quarter + 1,
    };
    rounded.max(2)
}

/// KEEPS: half of m' = max(m, 3) plus 1, at least 5.
fn default_confidence_nn_id(m: usize) -> usize {
    (m.max(3) / 2 + 1).max(5)
}

fn check_molecules(molecules: &Path) -> Result<(), ConfigError> {
    let text = molecules.to_string_lossy();
    if text.trim().is_empty() {
        return Err(ConfigError::Missing {
            what: "the molecule table is not given".to_owned(),
            remedy: "write baysor run MOLECULES [PRIOR] ...".to_owned(),
        });
    }
    if text.starts_with(':') && !molecules.exists() {
        let remedy = format!("the molecule table comes first: baysor run MOLECULES {text}");
        return Err(ConfigError::Invalid { name: "MOLECULES".to_owned(), seen: format!("'{text}'"), remedy });
    }
    Ok(())
}

fn prior_source(request: &Request, merged: &Merged) -> Result<Option<PriorSource>, ConfigError> {
    let column = |name: &str| Some(PriorSource::Column { name: name.to_owned() });
    let given = request.prior.as_deref().filter(|text| !text.is_empty());
    if let Some(text) = given {
        return match text.strip_prefix(':') {
            Some("") => Err(ConfigError::Invalid {
                name: "PRIOR".to_owned(),
                seen: "':'".to_owned(),
                remedy: "a column name must follow the colon, as in :cell_id".to_owned(),
            }),
            Some(name) => Ok(column(name)),
            None if Path::new(text).exists() => Err(ConfigError::NotYet {
                what: format!("PRIOR '{text}': prior segmentations from a file (image, .mat, boundary table) are"),
                remedy: "give a column of the molecule table as :NAME, or run without a prior".to_owned(),
            }),
            None => Err(ConfigError::Invalid {
                name: "PRIOR".to_owned(),
                seen: format!("'{text}'"),
                remedy: format!("no such file; for a column write :{text}"),
            }),
        };
    }
    let name = merged.text("prior.column_name");
    let name = name.strip_prefix(':').unwrap_or(name);
    match merged.text("prior.type") {
        "none" => Ok(None),
        "image" | "boundary" => Err(ConfigError::NotYet {
            what: format!("prior.type = '{}': prior segmentations from a file are", merged.text("prior.type")),
            remedy: "use type = \"column\" with column_name, or none".to_owned(),
        }),
        "column" if name.is_empty() => Err(ConfigError::Missing {
            what: "prior.type is 'column', but no column is named".to_owned(),
            remedy: "set prior.column_name, or write :NAME after the molecule table".to_owned(),
        }),
        _ => Ok(if name.is_empty() { None } else { column(name) }),
    }
}

fn min_molecules_per_cell(merged: &Merged) -> Result<usize, ConfigError> {
    let path = "data.min_molecules_per_cell";
    let remedy = "set the smallest number of molecules of a real cell with -m/--min-molecules-per-cell, or \
                  min_molecules_per_cell under [data]: about 3 for ISS, 30 to 100 for dense protocols";
    match (merged.size(path), merged.get(path).map(|given| &given.origin)) {
        (0, Some(Origin::Default)) => Err(ConfigError::Missing {
            what: "the minimum number of molecules per cell is not given".to_owned(),
            remedy: remedy.to_owned(),
        }),
        (0, _) => Err(merged.invalid(path, format!("it must be greater than 0; {remedy}"))),
        (m, _) => Ok(m),
    }
}

fn columns(merged: &Merged) -> Result<Columns, ConfigError> {
    for name in ["x", "y", "z", "gene", "qv"] {
        let path = format!("data.{name}");
        if merged.text(&path).is_empty() {
            return Err(merged.invalid(&path, "a column name is needed"));
        }
    }
    for (one, other) in [("data.y", "data.x"), ("data.gene", "data.x"), ("data.gene", "data.y")] {
        if merged.text(one) == merged.text(other) {
            return Err(merged.invalid(one, format!("{other} names the same column; name two different ones")));
        }
    }
    let text = |name: &str| merged.text(&format!("data.{name}")).to_owned();
    Ok(Columns { x: text("x"), y: text("y"), z: text("z"), gene: text("gene"), qv: text("qv") })
}

fn crop(merged: &Merged) -> Result<Crop, ConfigError> {
    let limits = |axis: &str| {
        let (low, high) = (format!("data.{axis}_min"), format!("data.{axis}_max"));
        let (min, max) = (merged.float(&low), merged.float(&high));
        if min == f64::INFINITY {
            return Err(merged.invalid(&low, "it must be a number, or -inf for no limit"));
        }
        if max == f64::NEG_INFINITY {
            return Err(merged.invalid(&high, "it must be a number, or inf for no limit"));
        }
        if min > max {
            return Err(merged.invalid(&low, format!("it must not exceed {high}, which is {max}")));
        }
        Ok((Some(min).filter(|min| min.is_finite()), Some(max).filter(|max| max.is_finite())))
    };
    let ((x_min, x_max), (y_min, y_max), (z_min, z_max)) = (limits("x")?, limits("y")?, limits("z")?);
    Ok(Crop { x_min, x_max, y_min, y_max, z_min, z_max })
}

fn scale_source(merged: &Merged, has_prior: bool) -> Result<ScaleSource, ConfigError> {
    let path = "segmentation.scale";
    let scale = merged.float(path);
    // Checked by `check_range`; the default serves the compiler only.
    let std = parse_amount(merged.text("segmentation.scale_std")).unwrap_or(ScaleStd::Relative(0.25));
    if scale > 0.0 {
        return Ok(ScaleSource::Given { scale, std });
    }
    let remedy =
        "set --scale (-s), or scale under [segmentation], to the approximate cell radius in the units of x and y";
    if !has_prior {
        return Err(match merged.get(path).map(|given| &given.origin) {
            Some(Origin::Default) => ConfigError::Missing {
                what: "neither a scale nor a prior segmentation is given".to_owned(),
                remedy: format!("{remedy}, or name a prior column as :NAME after the molecule table"),
            },
            _ => merged
                .invalid(path, format!("without a prior segmentation there is nothing to estimate it from; {remedy}")),
        });
    }
    if !merged.flag("segmentation.estimate_scale_from_centers") {
        let path = "segmentation.estimate_scale_from_centers";
        return Err(merged.invalid(path, format!("then a scale is needed; {remedy}, or leave the estimate on")));
    }
    Ok(ScaleSource::FromPrior { std: wished_std(merged).then_some(std) })
}

/// Whether the user asked for this spread, so that it wins over the estimate from the prior.
///
/// Tools write every key into their files, so the literal default in a file is not a wish.
fn wished_std(merged: &Merged) -> bool {
    merged.get("segmentation.scale_std").is_some_and(|given| match given.origin {
        Origin::Default => false,
        Origin::File(_) => given.value != given.def.default_value(),
        Origin::Dotted(_) | Origin::Flag(_) => true,
    })
}

fn n_clusters(merged: &Merged) -> Result<usize, ConfigError> {
    let path = "segmentation.cluster_method";
    match merged.text(path) {
        "none" => Ok(1),
        "louvain" | "leiden" => {
            let name = merged.get(path).map_or_else(|| path.to_owned(), Given::name);
            let what = format!("{name}: clustering by {} is", merged.text(path));
            Err(ConfigError::NotYet { what, remedy: "use mrf, or none".to_owned() })
        }
        _ => Ok(merged.size("segmentation.n_clusters")),
    }
}

fn n_cells_init(merged: &Merged) -> Result<Option<usize>, ConfigError> {
    let path = "segmentation.n_cells_init";
    match merged.int(path) {
        1 => Err(merged.invalid(path, "it must be at least 2, or 0 to derive it from the data")),
        ..=0 => Ok(None),
        _ => Ok(Some(merged.size(path))),
    }
}

fn run_id(merged: &Merged) -> Result<Option<String>, ConfigError> {
    let id = merged.text("run_id");
    let given = merged.get("run_id").is_some_and(|given| given.origin != Origin::Default);
    if given && (id.is_empty() || id.len() > 64 || !id.chars().all(|c| c.is_ascii_alphanumeric())) {
        return Err(
            merged.invalid("run_id", "it must be 1 to 64 letters and digits, as it stands in the names of cells")
        );
    }
    Ok(given.then(|| id.to_owned()))
}

fn verbosity(merged: &Merged) -> Result<Verbosity, ConfigError> {
    match (merged.flag("quiet"), merged.flag("verbose")) {
        (true, true) => Err(ConfigError::Usage("--quiet and --verbose contradict each other; give one".to_owned())),
        (true, false) => Ok(Verbosity::Quiet),
        (false, true) => Ok(Verbosity::Verbose),
        (false, false) => Ok(Verbosity::Normal),
    }
}

/// Names the files, and sees to it that none is the input.
fn outputs(output: &Path, counts: CountFormat, molecules: &Path) -> Result<OutputNames, ConfigError> {
    let invalid = |remedy: String| ConfigError::Invalid {
        name: "--output".to_owned(),
        seen: format!("'{}'", output.display()),
        remedy,
    };
    if output.as_os_str().is_empty() {
        return Err(invalid("give a file or a directory".to_owned()));
    }
    let names = OutputNames::new(output, counts);
    if let Ok(input) = molecules.canonicalize() {
        let hit = names.all().into_iter().find(|path| path.canonicalize().is_ok_and(|path| path == input));
        if let Some(path) = hit {
            return Err(invalid(format!(
                "'{}' is the molecule table and would be overwritten; choose another name",
                path.display()
            )));
        }
    }
    Ok(names)
}

/// Looks up an option for a value given in the program's own words, e.g. by a legacy spelling.
pub fn option(path: &str) -> Option<&'static OptionDef> {
    OPTIONS.iter().find(|def| def.path() == path)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::values::from_text;
    use super::*;

    fn no_environment(_: &str) -> Option<String> {
        Some("2".to_owned())
    }

    /// Options given as `name=value`; `[name=value` puts one in the dotted layer.
    fn request(given: &[&str]) -> Request {
        let mut request = Request { molecules: "molecules.csv".into(), ..Request::default() };
        for text in given {
            let dotted = text.starts_with('[');
            let (name, value) = text.trim_start_matches('[').split_once('=').unwrap();
            let def = OPTIONS.iter().find(|def| def.name == name).unwrap();
            let spelled = if dotted { format!("--config.{}", def.path()) } else { def.spelled() };
            let value = from_text(def, &spelled, value).unwrap();
            if dotted {
                request.dotted.push(Given { def, value, origin: Origin::Dotted(spelled) });
            } else {
                request.flags.push(Given { def, value, origin: Origin::Flag(spelled) });
            }
        }
        request
    }

    pub(crate) fn settings_of(given: &[&str]) -> RunSettings {
        resolve(&request(given), &no_environment).unwrap()
    }

    pub(crate) fn settings_with_prior(given: &[&str], prior: &str) -> RunSettings {
        resolve(&Request { prior: Some(prior.to_owned()), ..request(given) }, &no_environment).unwrap()
    }

    /// Loads a configuration text as a file, with nothing on the command line.
    pub(crate) fn load(text: &str) -> RunSettings {
        with_file(text, request(&[])).unwrap()
    }

    fn with_file(text: &str, request: Request) -> Result<RunSettings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        resolve(&Request { file: Some(path), ..request }, &no_environment)
    }

    fn error_of(given: &[&str]) -> String {
        resolve(&request(given), &no_environment).unwrap_err().to_string()
    }

    fn prior_error(given: &[&str], prior: &str) -> String {
        resolve(&Request { prior: Some(prior.to_owned()), ..request(given) }, &no_environment).unwrap_err().to_string()
    }

    const M: &str = "min_molecules_per_cell=30";
    const SCALE: &str = "scale=10";

    #[test]
    fn every_name_asked_for_exists() {
        let source = include_str!("resolve.rs");
        let names =
            regex::Regex::new(r#"(?:merged|self)\.(?:text|flag|int|size|float|list|get)\("([a-z_.]+)"\)"#).unwrap();
        let mut n = 0;
        for name in names.captures_iter(source) {
            assert!(option(&name[1]).is_some(), "{}", &name[1]);
            n += 1;
        }
        assert!(n > 25);
    }

    #[test]
    fn derived_defaults_follow_the_minimum_per_cell() {
        let segment: Vec<usize> = [1, 3, 10, 14, 30, 50, 100].map(default_min_molecules_per_segment).into();
        assert_eq!(segment, [2, 2, 2, 4, 8, 12, 25]);
        let neighbour: Vec<usize> = [1, 3, 10, 14, 30, 50, 100].map(default_confidence_nn_id).into();
        assert_eq!(neighbour, [5, 5, 6, 8, 16, 26, 51]);
    }

    #[test]
    fn flag_wins_over_dotted_over_file_over_default() {
        let file = "[data]\nmin_molecules_per_cell = 1\nmin_molecules_per_gene = 1\nx = 'a'\n[segmentation]\nscale = 1";
        let given = request(&["min_molecules_per_cell=3", "[min_molecules_per_cell=2", "[min_molecules_per_gene=2"]);
        let settings = with_file(file, given).unwrap();
        assert_eq!(settings.min_molecules_per_cell, 3);
        assert_eq!(settings.min_molecules_per_gene, 2);
        assert_eq!(settings.columns.x, "a");
        assert_eq!(settings.columns.y, "y");
        let twice = settings_of(&[SCALE, M, "[iters=5", "[iters=6"]);
        assert_eq!(twice.iters, 6);
    }

    #[test]
    fn a_given_scale_has_a_spread() {
        let scale = |given: &[&str]| settings_of(given).scale;
        assert_eq!(scale(&[M, SCALE]), ScaleSource::Given { scale: 10.0, std: ScaleStd::Relative(0.25) });
        let absolute = ScaleSource::Given { scale: 10.0, std: ScaleStd::Absolute(0.2) };
        assert_eq!(scale(&[M, SCALE, "scale_std=0.2"]), absolute);
        let relative = ScaleSource::Given { scale: 10.0, std: ScaleStd::Relative(0.5) };
        assert_eq!(scale(&[M, SCALE, "scale_std= 50 % "]), relative);
    }

    #[test]
    fn a_spread_that_is_asked_for_wins_over_the_estimate() {
        let from_prior = |std| ScaleSource::FromPrior { std };
        assert_eq!(settings_with_prior(&[M], ":cell").scale, from_prior(None));
        let wished = settings_with_prior(&[M, "scale_std=25%"], ":cell").scale;
        assert_eq!(wished, from_prior(Some(ScaleStd::Relative(0.25))));
        let prior = Request { prior: Some(":cell".to_owned()), ..request(&[M]) };
        let file = |text: &str| with_file(text, prior.clone()).unwrap().scale;
        assert_eq!(file("[segmentation]\nscale = -1.0\nscale_std = '25%'"), from_prior(None));
        assert_eq!(file("[segmentation]\nscale_std = 2"), from_prior(Some(ScaleStd::Absolute(2.0))));
    }

    #[test]
    fn without_scale_there_must_be_a_prior_to_estimate_it() {
        assert!(error_of(&[M]).contains("neither a scale nor a prior segmentation is given; set --scale"));
        assert!(error_of(&[M, "scale=-1"]).starts_with("--scale is -1: without a prior"));
        let error = prior_error(&[M, "estimate_scale_from_centers=false"], ":cell");
        assert!(error.contains("estimate_scale_from_centers is false: then a scale is needed"), "{error}");
        assert!(error_of(&[SCALE]).contains("-m/--min-molecules-per-cell"));
        assert!(error_of(&[SCALE, "min_molecules_per_cell=0"]).contains("must be greater than 0"));
    }

    #[test]
    fn values_out_of_range_are_errors_naming_option_value_and_range() {
        let cases = [
            (
                "prior_segmentation_confidence=1.5",
                "--prior-segmentation-confidence is 1.5: it must be a number from 0 to 1",
            ),
            ("prior_segmentation_confidence=NaN", "--prior-segmentation-confidence is NaN"),
            ("scale_std=0", "--scale-std is '0': it must be a positive number"),
            ("scale_std=-5%", "--scale-std is '-5%'"),
            ("scale_std=wide", "--scale-std is 'wide'"),
            ("iters=0", "--iters is 0: it must be at least 1"),
            ("n_clusters=256", "--n-clusters is 256: it must be at most 255"),
            ("n_clusters=-1", "--n-clusters is -1"),
            ("min_molecules_per_cell=-1", "--min-molecules-per-cell is -1: it must be at least 0"),
            ("scale=inf", "--scale is inf: it must be a finite number"),
            ("scale=NaN", "--scale is NaN"),
            ("n_cells_init=1", "--n-cells-init is 1: it must be at least 2"),
            ("polygon_format=GeoJson", "--polygon-format is 'geojson': it must be one of featurecollection"),
            ("count_matrix_format=h5", "--count-matrix-format is 'h5': it must be one of loom, tsv"),
            ("x_min=nan", "--x-min is NaN"),
            ("max_z_slices=0", "--max-z-slices is 0"),
            ("tol=2", "--tol is 2"),
            ("threads=-2", "--threads is -2"),
            ("run_id=a-b", "--run-id is 'a-b'"),
            ("x=y", "data.x names the same column"),
            ("gene=", "--gene-column is '': a column name is needed"),
            ("cluster_method=leiden", "not part of this version"),
            ("ncv_method=x", "--config.plotting.ncv_method is 'x'"),
            (
                "nuclei_genes=Neat1",
                "--nuclei-genes: compartments (nuclei_genes, cyto_genes) are not part of this version",
            ),
            ("plot=true", "--plot: reports (--plot) are not part of this version yet; run without --plot"),
            ("path=mask.tif", "not part of this version"),
        ];
        for (given, expected) in cases {
            let error = error_of(&[M, SCALE, given]);
            assert!(error.contains(expected), "{given}: {error}");
        }
        assert!(
            error_of(&[M, SCALE, "x_min=5", "x_max=3"])
                .contains("--x-min is 5: it must not exceed data.x_max, which is 3")
        );
        assert!(error_of(&[M, SCALE, "quiet=1", "verbose=1"]).contains("contradict"));
    }

    #[test]
    fn an_error_in_a_file_names_key_and_file() {
        let error = with_file("[segmentation]\niters = 0", request(&[M, SCALE])).unwrap_err().to_string();
        assert!(error.starts_with("segmentation.iters in ") && error.contains("config.toml is 0"), "{error}");
    }

    #[test]
    fn a_file_as_sopa_writes_it_is_accepted() {
        let file = "[data]\nx = 'x'\ny = 'y'\nz = 'z'\ngene = 'genes'\nforce_2d = true\nmin_molecules_per_cell = 10\n\
            min_molecules_per_gene = 0\nmin_molecules_per_segment = 3\nconfidence_nn_id = 6\nexclude_genes = ''\n\
            [segmentation]\nscale = 3\nscale_std = '25%'\nprior_segmentation_confidence = 1\n\
            estimate_scale_from_centers = false\nn_clusters = 4\niters = 500\nn_cells_init = 0\nnuclei_genes = ''\n\
            cyto_genes = ''\n";
        let settings = load(file);
        assert_eq!(settings.scale, ScaleSource::Given { scale: 3.0, std: ScaleStd::Relative(0.25) });
        assert_eq!(settings.prior_confidence, 1.0);
        assert_eq!(settings.min_molecules_per_gene, 0);
        assert_eq!((settings.min_molecules_per_segment, settings.confidence_nn_id), (3, 6));
        assert!(settings.force_2d && settings.exclude_genes.is_empty());
        assert_eq!(settings.notes.len(), 1, "only the remark on colours");
    }

    #[test]
    fn absent_limits_are_none() {
        let settings = settings_of(&[M, SCALE]);
        assert_eq!((settings.crop, settings.min_qv, settings.n_cells_init), (Crop::default(), None, None));
        assert_eq!((settings.run_id, settings.threads, settings.seed), (None, 2, 1));
        let settings = settings_of(&[M, SCALE, "x_min=-5", "min_qv=20", "n_cells_init=9"]);
        assert_eq!((settings.crop.x_min, settings.min_qv, settings.n_cells_init), (Some(-5.0), Some(20.0), Some(9)));
    }

    #[test]
    fn the_prior_is_a_column_or_refused() {
        let column = |name: &str| Some(PriorSource::Column { name: name.to_owned() });
        assert_eq!(settings_with_prior(&[M], ":cell_id").prior, column("cell_id"));
        assert_eq!(settings_with_prior(&[M, SCALE], "").prior, None);
        assert_eq!(settings_of(&[M, "column_name=cell"]).prior, column("cell"));
        assert_eq!(settings_of(&[M, SCALE, "column_name=cell", "type=none"]).prior, None);
        assert_eq!(settings_with_prior(&[M, "type=image", "path=a.tif"], ":cell_id").prior, column("cell_id"));
        assert!(prior_error(&[M, SCALE], "cell_id").contains("no such file; for a column write :cell_id"));
        assert!(prior_error(&[M, SCALE], ":").contains("a column name must follow the colon"));
        let folder = tempfile::tempdir().unwrap();
        let mask = folder.path().join("mask.tif");
        std::fs::write(&mask, "").unwrap();
        let error = prior_error(&[M, SCALE], &mask.display().to_string());
        assert!(error.contains("mask.tif") && error.contains("not part of this version"), "{error}");
    }

    #[test]
    fn keys_without_effect_give_one_warning() {
        let settings = settings_of(&[M, SCALE, "min_pixels_per_cell=10", "cluster_graph_k=3", "skip_ncv_color=true"]);
        let text = "No effect in this version: segmentation.cluster_graph_k, plotting.min_pixels_per_cell";
        assert_eq!(settings.notes, [Note::Warning(text.to_owned())]);
    }

    #[test]
    fn the_molecule_table_is_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let table = folder.path().join("molecules.csv");
        std::fs::write(&table, "x,y,gene\n").unwrap();
        let request = Request { molecules: table.clone(), output: Some(table), ..request(&[M, SCALE]) };
        let error = resolve(&request, &no_environment).unwrap_err().to_string();
        assert!(error.contains("would be overwritten"), "{error}");
    }

    #[test]
    fn no_clustering_is_one_cluster() {
        assert_eq!(settings_of(&[M, SCALE, "cluster_method=NONE"]).n_clusters, 1);
        assert_eq!(settings_of(&[M, SCALE, "n_clusters=0"]).n_clusters, 0);
    }
}
