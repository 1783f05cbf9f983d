//! `split`: a slide into tiles, each a stage of its own.

use std::ffi::OsStr;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use rayon::prelude::*;
use serde_json::json;

use super::compartments;
use super::memory::Workload;
use super::prior::FoundPrior;
use super::recorder::Recorder;
use super::slide::Slide;
use super::start::{CarriedSource, Start};
use super::{input, manifest, memory, scale, tile_size};
use crate::config::{self, SplitSettings, dump};
use crate::data::GeneIdx;
use crate::io::atomic;
use crate::io::stage::{
    CarriedBlock, MIN_MOLECULES_PER_SEGMENT, Manifest, MoleculeAppender, MoleculeResults, OutlineBasis, SlideFit,
    StageKind, StageReader, StageWriter, TileManifest, remove_stage,
};
use crate::observe::Observer;
use crate::prior::SegmentOutline;
use crate::spatial::tiling::{self, Tiling};

/// Name of the list of tiles in their folder.
pub const LIST: &str = "tiles.json";
/// How folders of tiles begin.
const PREFIX: &str = "tile_";

/// Divides a slide into tiles.
///
/// The list of tiles is written last: where it is, all tiles are complete. Errors name what is wrong and what to do.
pub fn split(settings: &SplitSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    input::with_threads(settings.run.program.threads, || {
        let recorder = Recorder::new(observer);
        prepare(&settings.output)?;
        let slide = Undivided::read(settings, &recorder)?;
        let limit = slide.molecules_per_tile(settings)?;
        let tiles = slide.divide(settings, limit, &recorder)?;
        observer.info(&format!(
            "Next: baysor run {} --stage RUNS/{PREFIX}… for each of the {} tiles, then baysor merge",
            settings.output.join(format!("{PREFIX}…")).display(),
            tiles.len()
        ));
        Ok(())
    })
}

/// Makes the folder. Where nothing can be written, nothing is computed. An older division stays as it is.
pub fn prepare(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("{}: cannot be made the folder of the tiles", folder.display()))?;
    atomic::prepare(&folder.join(LIST))?;
    Ok(())
}

/// A slide that was read but for its carried columns.
pub struct Undivided {
    start: Start,
    carried: CarriedSource,
}

impl Undivided {
    /// Reads the slide: the first of two passes.
    pub fn read(settings: &SplitSettings, recorder: &Recorder<'_>) -> anyhow::Result<Self> {
        let (start, carried) = Start::scan(&settings.run, recorder)?;
        StageWriter::check(&start.table)?;
        Ok(Self { start, carried })
    }

    /// Number of molecules.
    pub fn n_molecules(&self) -> usize {
        self.start.table.molecules.len()
    }

    /// Molecules of a tile, margin included, at most.
    pub fn molecules_per_tile(&self, settings: &SplitSettings) -> anyhow::Result<usize> {
        let tile = self.start.workload_of_tile(self.n_molecules() as u64, &settings.run)?;
        tile_size::molecules_per_tile(settings.max_molecules_per_tile, settings.max_memory, &tile)
    }

    /// Fits the slide and writes its tiles of at most `limit` molecules. Returns their folders in order.
    pub fn divide(
        self,
        settings: &SplitSettings,
        limit: usize,
        recorder: &Recorder<'_>,
    ) -> anyhow::Result<Vec<PathBuf>> {
        let Self { mut start, carried } = self;
        let run = &settings.run;
        let (table, prior) = (&start.table, start.prior.as_ref());
        let scale = scale::resolve(run, &table.molecules.positions, prior, recorder)?;
        let (genes, _) = compartments::genes(table, prior, scale, run, recorder)?;
        let margin = settings.margin_scales * scale.radius;
        let positions = &table.molecules.positions;
        let tiling = tiling::plan(&positions.x, &positions.y, limit, margin).map_err(|error| {
            anyhow::anyhow!(
                "{error}. Allow {} molecules in a tile, or a narrower margin (--margin, which is {} times the scale)",
                error.least,
                settings.margin_scales
            )
        })?;
        recorder.info(&format!(
            "{} tiles of at most {limit} molecules, with margins of {margin:.4} ({} times the scale)",
            tiling.n_tiles(),
            settings.margin_scales
        ));
        let slide = Slide {
            molecules: &table.molecules,
            genes: &table.genes,
            prior: prior.map(|found| &found.prior),
            scale,
            compartment_genes: genes.as_ref(),
            settings: run,
        };
        let mut fitted = slide.fit(recorder)?;
        let confidence = slide.confidence(&mut fitted, &tiling);
        let is_center = slide.centers(&fitted, &confidence);
        let mut results =
            MoleculeResults { confidence: Some(confidence), is_center: Some(is_center), ..MoleculeResults::default() };
        if let Some(found) = &mut start.prior {
            results.prior_segment = Some(std::mem::take(&mut found.prior.segment_of));
        }
        let estimates = vec![
            manifest::estimate("scale", &scale.radius.to_string(), scale.origin),
            manifest::estimate("scale_std", &scale.std.to_string(), scale.origin),
        ];
        Writing { settings, start, results, carried, tiling, fit: fitted.fit, estimates }.write(recorder)
    }
}

/// Everything that goes into the tiles.
struct Writing<'a> {
    settings: &'a SplitSettings,
    start: Start,
    /// What is known of every molecule of the slide.
    results: MoleculeResults,
    carried: CarriedSource,
    tiling: Tiling,
    fit: SlideFit,
    estimates: Vec<crate::io::stage::Estimate>,
}

/// What the manifests of all tiles need.
struct Common {
    slide: String,
    run_id: String,
    /// Molecules in the cores. `[n_tiles]`
    n_core: Vec<u64>,
    outlines: OutlineBasis,
    /// The work on a tile, of any size.
    work: Workload,
}

impl Writing<'_> {
    /// Writes all tiles side by side, in a second pass over the table, then their list.
    fn write(self, recorder: &Recorder<'_>) -> anyhow::Result<Vec<PathBuf>> {
        let folder = &self.settings.output;
        recorder.stage(&format!("Writing tiles to {}", folder.display()));
        let n_tiles = self.tiling.n_tiles();
        let folders: Vec<PathBuf> = (1..=n_tiles).map(|number| folder.join(name(number))).collect();
        let mut writers: Vec<StageWriter> =
            folders.iter().map(|folder| StageWriter::create(folder, StageKind::Tile)).collect::<Result<_, _>>()?;
        let (table, results) = (&self.start.table, &self.results);
        let mut appenders: Vec<MoleculeAppender> =
            writers.iter().map(|writer| writer.molecules_appending(table, results)).collect::<Result<_, _>>()?;
        let mut picked: Vec<Vec<u32>> = vec![Vec::new(); n_tiles];
        let positions = &table.molecules.positions;
        self.carried.blocks(|rows, carried| {
            picked.iter_mut().for_each(Vec::clear);
            for row in rows.clone() {
                self.tiling.tiles_with(positions.x[row], positions.y[row], |tile| picked[tile].push(row as u32));
            }
            let block = CarriedBlock::new(rows, &carried)?;
            // Collected before the first error is looked for: it is that of the first tile then.
            let pushed: Vec<Result<(), _>> = appenders
                .par_iter_mut()
                .zip(&picked)
                .filter(|(_, picked)| !picked.is_empty())
                .map(|(appender, picked)| appender.push(table, results, picked, &block))
                .collect();
            Ok(pushed.into_iter().collect::<Result<(), _>>()?)
        })?;
        let (n_core, n_of_genes): (Vec<u64>, Vec<_>) = self.counts().into_iter().unzip();
        let outlines = OutlineBasis::of(positions, self.settings.run.max_z_slices);
        let work = self.start.workload_of_tile(table.molecules.len() as u64, &self.settings.run)?;
        let (content, borders) = (self.start.fingerprint(), self.borders());
        let common = Common {
            slide: config::slide_id(&content, &self.settings.run, &borders),
            run_id: config::run_id_in_tiles(&content, &self.settings.run, &borders),
            n_core,
            outlines,
            work,
        };
        let (mut entries, mut complete) = (Vec::new(), Vec::new());
        let tiles = writers.drain(..).zip(appenders).zip(n_of_genes).zip(self.outlines());
        for (tile, (((mut writer, appender), n_of_gene), outlines)) in tiles.enumerate() {
            let n_molecules = writer.finish_molecules(appender)?;
            writer.genes(&table.genes, &n_of_gene)?;
            if let Some(found) = &self.start.prior {
                writer.segments(&found.table)?;
            }
            if let Some(outlines) = outlines {
                writer.prior_outlines(&outlines)?;
            }
            writer.slide_fit(&self.fit)?;
            let manifest = self.manifest(&common, tile, n_molecules, recorder);
            entries.push(entry(tile, n_molecules, &manifest));
            complete.push((writer, manifest));
        }
        let list = json!({
            "format_version": 1, "slide": common.slide, "n_molecules": table.molecules.len(), "margin": self.tiling.margin,
            "tiles": entries,
        });
        let text = format!("{list:#}\n");
        let write_list = || atomic::write_file(&folder.join(LIST), |file| io::Write::write_all(file, text.as_bytes()));
        let ((), list) = atomic::hold(write_list)?;
        // Everything is on the disk and only lacks its name: now an older division may go.
        remove_others(folder, n_tiles, recorder.inner())?;
        for (writer, manifest) in complete {
            writer.finish(manifest)?;
        }
        list.commit()?;
        recorder.info(&format!("Their numbers and sizes are in {}", folder.join(LIST).display()));
        Ok(folders)
    }

    /// The numbers that tell where the tiles are: the margin, and the ends of all cores.
    fn borders(&self) -> Vec<f64> {
        let ends = self.tiling.cores.iter().flat_map(|core| [core.x, core.y]).flatten();
        std::iter::once(self.tiling.margin).chain(ends).collect()
    }

    /// Of every tile: molecules in its core, and molecules of every gene, margin included.
    fn counts(&self) -> Vec<(u64, Vec<u32>)> {
        let molecules = &self.start.table.molecules;
        let mut counts = vec![(0, vec![0; molecules.n_genes]); self.tiling.n_tiles()];
        for molecule in 0..molecules.len() {
            let (x, y) = (molecules.positions.x[molecule], molecules.positions.y[molecule]);
            let gene: GeneIdx = molecules.genes[molecule];
            counts[self.tiling.tile_of(x, y)].0 += 1;
            self.tiling.tiles_with(x, y, |tile| counts[tile].1[gene.idx()] += 1);
        }
        counts
    }

    /// Outlines of the prior's segments, each part in the tile that has its first corner in the core.
    fn outlines(&self) -> Vec<Option<Vec<SegmentOutline>>> {
        let outlines = self.start.prior.as_ref().and_then(|found: &FoundPrior| found.outlines.as_ref());
        let mut of_tiles = vec![outlines.map(|_| Vec::new()); self.tiling.n_tiles()];
        for outline in outlines.into_iter().flatten() {
            let Some([x, y]) = outline.ring.first() else { continue };
            if let Some(outlines) = &mut of_tiles[self.tiling.tile_of(*x, *y)] {
                outlines.push(outline.clone());
            }
        }
        of_tiles
    }

    fn manifest(&self, common: &Common, tile: usize, n_molecules: u64, recorder: &Recorder<'_>) -> Manifest {
        let n_core = common.n_core[tile];
        let run = &self.settings.run;
        let mut manifest = manifest::begin(StageKind::Tile, &run.program, &dump::values(run));
        manifest.estimates = self.estimates.clone();
        manifest.inputs = self.start.inputs.clone();
        manifest.timing.paths = self.start.paths.clone();
        let mut enter = |name: &str, value: serde_json::Value| drop(manifest.summary.insert(name.to_owned(), value));
        enter("n_molecules", json!(n_molecules));
        enter("n_molecules_in_core", json!(n_core));
        enter("n_genes", json!(self.start.table.genes.len()));
        if let Some(found) = &self.start.prior {
            enter("prior_kind", json!(found.kind));
            enter("n_segments", json!(found.table.rows.len()));
            enter(MIN_MOLECULES_PER_SEGMENT, json!(found.table.min_molecules_per_segment));
        }
        manifest.tile = Some(TileManifest {
            slide: common.slide.clone(),
            index: tile as u32 + 1,
            n_tiles: self.tiling.n_tiles() as u32,
            core: self.tiling.cores[tile],
            margin: self.tiling.margin,
            n_core,
            n_slide: self.start.table.molecules.len() as u64,
            expected_memory_mib: memory::peak(&common.work.with_molecules(n_molecules)) >> 20,
            run_id: common.run_id.clone(),
            outlines: common.outlines.clone(),
            texts: Default::default(),
        });
        manifest.notes = recorder.notes();
        recorder.enter_times(&mut manifest);
        manifest
    }
}

/// Name of the folder of a tile, from 1.
fn name(number: usize) -> String {
    format!("{PREFIX}{number:04}")
}

/// Whether a folder of this name may be that of a tile.
pub fn is_name_of_tile(name: &OsStr) -> bool {
    number_of(name).is_some()
}

fn number_of(name: &OsStr) -> Option<usize> {
    name.to_str()?.strip_prefix(PREFIX)?.parse().ok()
}

/// A tile in the list.
fn entry(tile: usize, n_molecules: u64, manifest: &Manifest) -> serde_json::Value {
    let of_tile = manifest.tile.as_ref();
    json!({
        "name": name(tile + 1),
        "index": tile + 1,
        "n_molecules": n_molecules,
        "n_core": of_tile.map(|tile| tile.n_core),
        "expected_memory_mib": of_tile.map(|tile| tile.expected_memory_mib),
    })
}

/// Removes the list of an older division, and its tiles beyond `n_tiles`, so that nobody takes them for tiles of this one. Of their folders
/// only the files of the tiles go.
fn remove_others(folder: &Path, n_tiles: usize, observer: &dyn Observer) -> anyhow::Result<()> {
    let problem = || format!("{}: an older division cannot be removed", folder.display());
    let list = folder.join(LIST);
    if list.exists() {
        fs::remove_file(&list).with_context(problem)?;
    }
    for entry in fs::read_dir(folder).with_context(problem)? {
        let entry = entry.with_context(problem)?;
        let number = number_of(&entry.file_name());
        let is_other = matches!(
            StageReader::peek(&entry.path(), &[StageKind::Tile]),
            Err(crate::io::stage::StageError::WrongKind { .. })
        );
        let is_tile = StageReader::is_meant(&entry.path()) && !is_other;
        if number.is_some_and(|number| number > n_tiles) && is_tile && !remove_stage(&entry.path())? {
            observer.warning(&format!(
                "{}: the tile of an older division is removed, but not the folder, which has other files",
                entry.path().display()
            ));
        }
    }
    Ok(())
}
