//! A slide in tiles within one process: divided, segmented tile by tile, put together, and written like any other.
//!
//! The steps are those of `split`, `run` on every tile, `merge` and `export`, through the same stages, so that the result
//! is theirs.

use std::path::{Path, PathBuf};

use super::former::Replaces;
use super::recorder::Recorder;
use super::split::{self, Undivided};
use super::{export, merge, run};
use crate::config::{BundleSettings, ExportSettings, InputSettings, MergeSettings, RunSettings, SplitSettings};
use crate::io::scratch::Scratch;
use crate::io::stage::{StageKind, StageReader, StageWriter, is_file_of_stage};
use crate::observe::Observer;

/// Segments a slide in tiles, if the settings limit tiles or memory and the slide is larger than that.
///
/// Returns whether it did; if not, nothing was written. Tiles lie in a folder of their own beside the result, see
/// [`scratch_folder`], which goes when all is well. After a failure or a stop it stays, and with `--resume` finished tiles
/// are not computed again.
pub fn run_in_tiles(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<bool> {
    let folder = scratch_folder(settings);
    let Some(division) = settings.division(folder.join("split")).filter(|_| !settings.is_tile) else {
        return Ok(false);
    };
    Scratch::check(&folder)?;
    let recorder = Recorder::new(observer);
    let slide = Undivided::read(&division, &recorder)?;
    let (n_molecules, limit) = (slide.n_molecules(), slide.molecules_per_tile(&division)?);
    if n_molecules <= limit {
        observer.info(&format!("{n_molecules} molecules are not more than the {limit} of a tile: no tiles are needed"));
        return Ok(false);
    }
    observer.info(&format!("{n_molecules} molecules are more than the {limit} of a tile: the slide is divided"));
    if let Some(stage) = &settings.stage {
        drop(StageWriter::create(stage, StageKind::Merge)?);
    }
    let scratch = Scratch::open(&folder)?;
    split::prepare(&division.output)?;
    let tiles = slide.divide(&division, limit, &recorder)?;
    drop(recorder);
    let runs = segment_all(&tiles, &folder.join("runs"), settings, &division, observer)?;
    let merged = settings.stage.clone().unwrap_or_else(|| folder.join("merged"));
    let order = MergeSettings {
        tiles: runs,
        stage: merged.clone(),
        has_polygons: settings.polygon_format.is_some(),
        program: settings.program.clone(),
    };
    merge::merge_in_pool(&order, observer)?;
    if let Some(bundle) = settings.bundle() {
        write(&merged, bundle, settings, observer)?;
    }
    observer.can_continue(false);
    let left = scratch.remove(&|name| is_file_of_stage(name) || name == split::LIST)?;
    if let Some(file) = left.first() {
        observer.warning(&format!(
            "{}: stays, since it has {} files that this program did not make, such as '{}'",
            folder.display(),
            left.len(),
            file.display()
        ));
    }
    Ok(true)
}

/// The folder of the tiles: beside the stage, if there is one, otherwise beside the final files. Its name says whose it is,
/// and the file [`MARKER`](crate::io::scratch::MARKER) in it proves it.
pub fn scratch_folder(settings: &RunSettings) -> PathBuf {
    let beside = settings.stage.as_deref().unwrap_or(&settings.outputs.molecules);
    let name = beside.file_stem().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    beside.with_file_name(format!("{name}_baysor_scratch"))
}

/// Segments all tiles, one after another. Returns the folders of the stages.
fn segment_all(
    tiles: &[PathBuf],
    folder: &Path,
    settings: &RunSettings,
    division: &SplitSettings,
    observer: &dyn Observer,
) -> anyhow::Result<Vec<PathBuf>> {
    let mut runs = Vec::new();
    for tile in tiles {
        let name = tile.file_name().unwrap_or_default();
        let stage = folder.join(name);
        let settings = of_tile(tile, &stage, settings, division)?;
        if settings.checkpoint.resume && is_finished(&stage, tile) {
            observer.info(&format!("{} is finished already", stage.display()));
        } else {
            run::run_in_pool(&settings, observer)?;
        }
        // A tile that is finished is not computed again.
        observer.can_continue(true);
        runs.push(stage);
    }
    Ok(runs)
}

/// The settings for the run of a tile, as the command line `run TILE --stage` gives them.
fn of_tile(tile: &Path, stage: &Path, settings: &RunSettings, division: &SplitSettings) -> anyhow::Result<RunSettings> {
    let manifest = StageReader::peek(tile, &[StageKind::Tile])?.manifest().clone();
    Ok(RunSettings {
        input: InputSettings { molecules: tile.to_path_buf(), is_stage: true, ..settings.input.clone() },
        is_tile: true,
        stage: Some(stage.to_path_buf()),
        save_prior: None,
        writes_bundle: false,
        formats: Vec::new(),
        polygon_format: None,
        plot: false,
        outputs: settings.outputs.clone().with_checkpoint(stage.join("checkpoint.bin")),
        run_id: manifest.tile.map(|tile| tile.run_id),
        max_memory: None,
        max_molecules_per_tile: None,
        ..division.run.clone()
    })
}

/// Whether the stage is a finished run of just this tile.
fn is_finished(stage: &Path, tile: &Path) -> bool {
    let (Ok(run), Ok(tile)) =
        (StageReader::open(stage, &[StageKind::Run]), StageReader::peek(tile, &[StageKind::Tile]))
    else {
        return false;
    };
    let (run, tile) = (run.manifest(), tile.manifest());
    run.tile.is_some() && run.tile == tile.tile && run.program_version == tile.program_version
}

/// Writes the final files from the merged stage.
fn write(merged: &Path, bundle: BundleSettings, settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    let order = ExportSettings {
        stage: merged.to_path_buf(),
        ncv: None,
        formats: settings.formats.clone(),
        filters: Vec::new(),
        nuclei: settings.nuclei,
        ranger: settings.ranger.clone(),
        add_excluded: None,
        bundle,
        program: settings.program.clone(),
    };
    export::run_in_pool(&order, Replaces::All, observer)
}
