//! From what was given to what is meant: default < preset < file < dotted option < flag, checked, as `RunSettings`.

use crate::composition::VectorMethod;
use std::path::{Path, PathBuf};

use super::file::{self, Given, Origin};
use super::merged::Merged;
use super::options::Place;
use super::prior_settings::SegmentMeaning;
use super::settings::{
    CheckpointSettings, ColorSettings, Columns, Crop, InputSettings, Note, PriorStageSettings, ProgramSettings,
    RunSettings, SegfreeSettings, Verbosity,
};
use super::stage::PriorStage;
use super::values::Value;
use super::{ConfigError, FoundInput, TileStage, bundle, detect, division, formats, presets, prior, scale, threads};

/// What a command line asks for, unmerged.
#[derive(Clone, Debug, Default)]
pub struct Request {
    /// First positional argument.
    pub molecules: PathBuf,
    /// Second positional argument: `:column` or a path.
    pub prior: Option<String>,
    /// The configuration file.
    pub file: Option<PathBuf>,
    /// The molecule table as it was found, before it is read; `None` if it was not looked at, or cannot be read.
    pub found: Option<FoundInput>,
    /// Where to write, if given.
    pub output: Option<PathBuf>,
    /// Where to write the result as a stage, if given.
    pub stage: Option<PathBuf>,
    /// What the first argument settles if it is a stage of the command `prior`.
    pub prior_stage: Option<PriorStage>,
    /// What the first argument settles if it is a tile.
    pub tile: Option<TileStage>,
    /// The stages to be merged.
    pub tiles: Vec<PathBuf>,
    /// The stage with colors of molecules, if given.
    pub ncv: Option<PathBuf>,
    /// The molecule table of the run, whose excluded genes are to be counted in cells, if it is given.
    pub add_excluded: Option<PathBuf>,
    /// The bundle that the pair for Xenium Ranger is compared with, if it is given.
    pub xenium_bundle: Option<PathBuf>,
    /// Where to write the prior as a stage of its own, if given.
    pub save_prior: Option<PathBuf>,
    /// Dotted options in their order; of a repeated one the last counts.
    pub dotted: Vec<Given>,
    /// Options of their own, each at most once.
    pub flags: Vec<Given>,
    /// Remarks made so far.
    pub notes: Vec<Note>,
    /// The arguments joined by spaces, for the dump.
    pub command_line: String,
}

/// Merges and checks a request of `run`. `environment` tells variables that set the number of threads.
///
/// Reads the configuration file and looks whether the output is a directory; nothing is written.
///
/// # Errors
///
/// Every [`ConfigError`]; each names the option or key as the user gave it.
pub fn resolve(request: &Request, environment: &dyn Fn(&str) -> Option<String>) -> Result<RunSettings, ConfigError> {
    let merged = merge(request)?;
    check_molecules(&request.molecules, "run")?;
    let min_molecules_per_cell = min_molecules_per_cell(&merged)?;
    let prior =
        prior::settings(request, &merged, min_molecules_per_segment(request, &merged, min_molecules_per_cell)?)?;
    if let Some(stage) = &request.prior_stage {
        if request.save_prior.is_some() {
            let text =
                "--save-prior: the molecules come from what is already a stage of the command prior; leave it out";
            return Err(ConfigError::Usage(text.to_owned()));
        }
        stage.check_segments(prior.min_molecules_per_segment)?;
    }
    let bundle = bundle::settings(request, &merged)?;
    let has_prior = prior.source.is_some();
    let n_clusters = n_clusters(&merged)?;
    let compartment_genes = prior::compartment_genes(&merged, has_prior)?;
    let mut notes = if request.tile.is_none() { run_notes(&merged, has_prior) } else { Vec::new() };
    notes.extend(request.tile.iter().flat_map(TileStage::note).map(Note::Info));
    notes.extend(request.prior_stage.iter().flat_map(PriorStage::note).map(Note::Info));
    notes.extend(plot_note(request, bundle.plot).map(Note::Warning));
    notes.extend(bundle::name_note(&bundle.outputs).filter(|_| bundle::is_wanted(request, &merged)));
    let compartment_note = prior::compartment_note(&merged, &compartment_genes, n_clusters);
    notes.extend(compartment_note.filter(|_| request.tile.is_none()).map(Note::Warning));
    let is_colored = request.tile.as_ref().map_or(!merged.flag("skip_ncv_color"), |tile| tile.is_colored);
    Ok(RunSettings {
        input: input(request, &merged)?,
        is_tile: request.tile.is_some(),
        save_prior: request.save_prior.clone().filter(|_| has_prior),
        prior,
        min_molecules_per_cell,
        confidence_nn_id: derived_if_0(merged.size("data.confidence_nn_id"), || {
            default_confidence_nn_id(min_molecules_per_cell)
        }),
        scale: scale::source(&merged, has_prior)?,
        compartment_genes,
        n_clusters,
        prior_confidence: merged.float("segmentation.prior_segmentation_confidence"),
        segments: prior::segments(&merged),
        iters: merged.size("segmentation.iters"),
        tol: merged.float("segmentation.tol"),
        converged: merged.float("segmentation.converged"),
        n_cells_init: n_cells_init(&merged)?,
        outputs: bundle::with_checkpoint_in(bundle::stage_folder(request)?, bundle.outputs),
        writes_bundle: bundle::is_wanted(request, &merged),
        formats: formats::formats(&merged)?,
        nuclei: formats::nuclei(&merged)?,
        ranger: formats::ranger(request, &merged)?,
        stage: request.stage.clone(),
        polygon_format: bundle.polygon_format.filter(|_| request.tile.is_none()),
        count_format: bundle.count_format,
        layout_3d: bundle.layout_3d,
        plot: bundle.plot,
        max_z_slices: merged.size("plotting.max_z_slices"),
        run_id: match &request.tile {
            Some(tile) => Some(tile.run_id.clone()),
            None => run_id(&merged)?,
        },
        checkpoint: CheckpointSettings { every: merged.size("checkpoint_every"), resume: merged.flag("resume") },
        colors: is_colored.then(|| ColorSettings {
            n_neighbors: usize::try_from(merged.int("plotting.gene_composition_neigborhood")).ok().filter(|&n| n > 0),
            method: vector_method(&merged),
        }),
        // A tile is not divided again.
        max_molecules_per_tile: division::max_molecules_per_tile(&merged).filter(|_| request.tile.is_none()),
        max_memory: division::max_memory(&merged),
        margin_scales: merged.float("segmentation.tile_margin"),
        program: program(request, merged, notes, environment)?,
    })
}

/// Merges and checks a request of `prior`; see [`resolve`].
///
/// # Errors
///
/// Every [`ConfigError`].
pub fn resolve_prior(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<PriorStageSettings, ConfigError> {
    let merged = merge(request)?;
    check_molecules(&request.molecules, "prior")?;
    let min_molecules_per_cell = min_molecules_per_cell(&merged)?;
    let prior =
        prior::settings(request, &merged, min_molecules_per_segment(request, &merged, min_molecules_per_cell)?)?;
    if prior.source.is_none() {
        return Err(ConfigError::Missing {
            what: "the prior segmentation is not given".to_owned(),
            remedy: "write baysor prior MOLECULES PRIOR, where PRIOR is :COLUMN or a file".to_owned(),
        });
    }
    Ok(PriorStageSettings {
        input: input(request, &merged)?,
        prior,
        min_molecules_per_cell,
        output: request.output.clone().unwrap_or_else(|| PathBuf::from("prior")),
        program: program(request, merged, Vec::new(), environment)?,
    })
}

/// Merges and checks a request of `segfree`; see [`resolve`].
///
/// # Errors
///
/// Every [`ConfigError`].
pub fn resolve_segfree(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<SegfreeSettings, ConfigError> {
    let merged = merge(request)?;
    check_molecules(&request.molecules, "segfree")?;
    let min_molecules_per_cell = min_molecules_per_cell(&merged)?;
    let output = request.output.clone().unwrap_or_else(|| PathBuf::from("ncvs.loom"));
    let is_folder = output.is_dir() || output.to_string_lossy().ends_with(std::path::is_separator);
    let output = if is_folder { output.join("ncvs.loom") } else { output };
    let mut log_name = output.file_stem().unwrap_or_default().to_owned();
    log_name.push("_segfree_log.log");
    let log = output.with_file_name(log_name);
    let n_neighbors = Some(merged.size("k_neighbors")).filter(|&n| n > 0);
    Ok(SegfreeSettings {
        input: input(request, &merged)?,
        min_molecules_per_cell,
        confidence_nn_id: derived_if_0(merged.size("data.confidence_nn_id"), || {
            default_confidence_nn_id(min_molecules_per_cell)
        }),
        colors: ColorSettings { n_neighbors, method: vector_method(&merged) },
        // With a stage alone nothing else is written, unless a file is named.
        output: (request.stage.is_none() || request.output.is_some()).then_some(output),
        stage: request.stage.clone(),
        log,
        program: program(request, merged, Vec::new(), environment)?,
    })
}

pub(super) fn vector_method(merged: &Merged) -> VectorMethod {
    VectorMethod::from_name(merged.text("plotting.ncv_method")).unwrap_or(VectorMethod::RandomIndexing)
}

pub(super) fn merge(request: &Request) -> Result<Merged, ConfigError> {
    let in_file = request.file.as_deref().map(file::read).transpose()?.unwrap_or_default();
    if let Some(stage) = &request.prior_stage {
        stage.check(in_file.iter().chain(&request.dotted).chain(&request.flags))?;
    }
    let in_preset = preset(request)?;
    if let Some(tile) = &request.tile {
        let given = in_preset.iter().chain(&in_file).chain(&request.dotted).chain(&request.flags);
        tile.check(request, given)?;
    }
    let mut merged = Merged::new(in_preset, in_file, request);
    merged.check_ranges()?;
    if let Some(found) = &request.found {
        detect::complete(&mut merged, found)?;
    }
    Ok(merged)
}

/// The values of the preset that is named on the command line; an unknown name is left to the checks.
fn preset(request: &Request) -> Result<Vec<Given>, ConfigError> {
    let named = request.flags.iter().find(|given| given.def.name == "preset").map(|given| &given.value);
    match named {
        Some(Value::Text(name)) => presets::find(name).map_or_else(|| Ok(Vec::new()), presets::Preset::values),
        _ => Ok(Vec::new()),
    }
}

pub(super) fn input(request: &Request, merged: &Merged) -> Result<InputSettings, ConfigError> {
    Ok(InputSettings {
        molecules: request.molecules.clone(),
        is_stage: request.prior_stage.is_some() || request.tile.is_some(),
        columns: columns(merged)?,
        coordinate_scale: merged.float("data.coordinate_scale"),
        z_scale: merged.float("data.z_scale"),
        force_2d: merged.flag("data.force_2d"),
        min_molecules_per_gene: merged.size("data.min_molecules_per_gene"),
        exclude_genes: exclude_genes(merged)?,
        min_qv: Some(merged.float("data.min_qv")).filter(|&min| min > 0.0),
        crop: crop(merged)?,
        drop_duplicates: merged.flag("data.drop_duplicates"),
    })
}

/// How a table is read that a stage was made from: as its values say, but with all genes.
///
/// # Errors
///
/// Every [`ConfigError`] about columns and limits; the values of a stage that this program wrote have none.
pub fn input_with_all_genes(molecules: &Path, of_stage: Vec<Given>) -> Result<InputSettings, ConfigError> {
    let request = Request { molecules: molecules.to_owned(), dotted: of_stage, ..Request::default() };
    let input = input(&request, &merge(&request)?)?;
    Ok(InputSettings { min_molecules_per_gene: 0, exclude_genes: Vec::new(), ..input })
}

pub(super) fn program(
    request: &Request,
    merged: Merged,
    further_notes: Vec<Note>,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<ProgramSettings, ConfigError> {
    let (threads, thread_notes) = threads::count(merged.size("threads"), environment);
    let mut notes = request.notes.clone();
    notes.extend(thread_notes);
    notes.extend(detect::notes(&merged, request.found.as_ref()));
    notes.extend(merged.unused_note());
    notes.extend(further_notes);
    Ok(ProgramSettings {
        seed: merged.int("seed").unsigned_abs(),
        threads,
        verbosity: verbosity(&merged)?,
        command_line: request.command_line.clone(),
        config_file: request.file.clone(),
        values: merged.0.into_iter().filter(|given| given.def.place != Place::CommandLine).collect(),
        notes,
    })
}

/// Remarks that concern `run` only.
fn run_notes(merged: &Merged, has_prior: bool) -> Vec<Note> {
    let mut notes = Vec::new();
    if has_prior && merged.float("segmentation.scale") > 0.0 {
        let text = "The scale is given: none is estimated from the prior segmentation";
        notes.push(Note::Info(text.to_owned()));
    }
    if has_prior && merged.float("segmentation.prior_segmentation_confidence") == 0.0 {
        let text = "The trust in the prior segmentation is 0: it serves to estimate the scale, and nothing else";
        notes.push(Note::Info(text.to_owned()));
    }
    notes
}

/// Reports lie beside the final files, so a stage alone has none.
fn plot_note(request: &Request, plot: bool) -> Option<String> {
    let stage_alone = request.stage.is_some() && request.output.is_none();
    let text = "--plot: with --stage alone no reports are written; baysor export --plot makes them from the stage";
    (plot && stage_alone).then(|| text.to_owned())
}

fn min_molecules_per_segment(
    request: &Request,
    merged: &Merged,
    min_molecules_per_cell: usize,
) -> Result<usize, ConfigError> {
    let owns_cells = prior::source(request, merged)?.is_some() && prior::meaning(merged) != SegmentMeaning::Regions;
    Ok(derived_if_0(merged.size("data.min_molecules_per_segment"), || match owns_cells {
        // A nucleus of one molecule still tells where a cell is.
        true => 1,
        false => default_min_molecules_per_segment(min_molecules_per_cell),
    }))
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
pub fn default_confidence_nn_id(m: usize) -> usize {
    (m.max(3) / 2 + 1).max(5)
}

pub(super) fn check_molecules(molecules: &Path, command: &str) -> Result<(), ConfigError> {
    let text = molecules.to_string_lossy();
    if text.trim().is_empty() {
        return Err(ConfigError::Missing {
            what: "the molecule table is not given".to_owned(),
            remedy: format!("write baysor {command} MOLECULES ..."),
        });
    }
    if text.starts_with(':') && !molecules.exists() {
        let remedy = format!("the molecule table comes first: baysor {command} MOLECULES {text}");
        return Err(ConfigError::Invalid { name: "MOLECULES".to_owned(), seen: format!("'{text}'"), remedy });
    }
    Ok(())
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

/// Checks that every pattern is a regular expression; shell patterns such as `*Neg` are a common mistake.
fn exclude_genes(merged: &Merged) -> Result<Vec<String>, ConfigError> {
    let patterns = merged.list("data.exclude_genes");
    for pattern in &patterns {
        if regex::Regex::new(pattern).is_err() {
            let remedy = format!(
                "'{pattern}' is not a regular expression; write .* for any text and a backslash before ( ) [ ] + * ? that are meant as they are"
            );
            return Err(merged.invalid("data.exclude_genes", remedy));
        }
    }
    Ok(patterns)
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

#[cfg(test)]
#[path = "resolve_tests.rs"]
pub(crate) mod tests;
