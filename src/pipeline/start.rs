//! What a run starts from: molecules and their prior segmentation, from their files or from a stage.

use std::ops::Range;
use std::path::Path;

use anyhow::Context as _;

use super::compartments::CompartmentUse;
use super::input;
use super::memory::Workload;
use super::model::Part;
use super::prior::stage::Files;
use super::prior::{self, FoundPrior};
use super::recorder::Recorder;
use super::scale::Scale;
use super::workload::Input;
use crate::compartments::Markers;
use crate::config::RunSettings;
use crate::data::GeneTable;
use crate::io::molecules::{Carried, CarriedPlan, MoleculeTable};
use crate::io::stage::{InputFingerprint, SlideFit, StageKind, StageReader, TileManifest};
use crate::observe::Observer;

/// Threads that a run of a tile is expected to have. Not those of this command: how a slide is divided, and so its cells,
/// must not depend on them. Each needs little memory.
const THREADS: usize = 16;

/// Molecules with their prior segmentation, and where both came from.
pub struct Start {
    /// The molecules.
    pub table: MoleculeTable,
    /// Their prior segmentation, if there is one.
    pub prior: Option<FoundPrior>,
    /// Content of the inputs: of the molecule table, and of a prior segmentation in a file.
    pub inputs: Vec<InputFingerprint>,
    /// Their paths.
    pub paths: Vec<String>,
    /// What the tile tells, if the molecules are one.
    pub tile: Option<TileStart>,
}

/// What is known of a tile besides its molecules.
pub struct TileStart {
    /// Which tile it is.
    pub manifest: TileManifest,
    /// What was fitted to the slide.
    fit: SlideFit,
    /// Confidence of every molecule. `[n_molecules]`
    confidence: Vec<f32>,
    /// Whether a component starts from a molecule. `[n_molecules]`
    is_center: Vec<bool>,
}

impl TileStart {
    /// The scale of the slide.
    pub fn scale(&self) -> Scale {
        Scale { radius: self.fit.scale, std: self.fit.scale_std, origin: "that of the slide" }
    }

    /// The genes of compartments of the slide. `genes`: those of the tile.
    pub fn compartment_genes(&self, genes: &GeneTable) -> anyhow::Result<Option<CompartmentUse>> {
        let Some(markers) = &self.fit.markers else { return Ok(None) };
        let markers = Markers::by_name(&markers.nuclei, &markers.cyto, genes);
        Ok(Some(CompartmentUse::new(markers.context("the genes of compartments are not those of the tile")?)))
    }

    /// What the model takes from the slide.
    pub fn part(&self) -> Part<'_> {
        Part { fit: &self.fit, confidence: &self.confidence, is_center: &self.is_center }
    }
}

/// Where the carried columns of a slide come from, of which only the other columns are in memory.
pub enum CarriedSource {
    /// The files of the molecule table.
    Files(CarriedPlan),
    /// A stage of the command `prior`.
    Stage(StageReader),
}

impl CarriedSource {
    /// Hands over the carried columns of all molecules in order, some rows at a time. Errors: those of reading and of `take`.
    pub fn blocks(&self, take: impl FnMut(Range<usize>, Carried) -> anyhow::Result<()>) -> anyhow::Result<()> {
        match self {
            Self::Files(plan) => plan.blocks(take),
            Self::Stage(stage) => stage.carried_blocks(take),
        }
    }
}

impl Start {
    /// Reads what the settings name. The stage of the command `prior` gives the same as the files that it was made from.
    /// A tile gives its part of the slide.
    pub fn read(settings: &RunSettings, recorder: &Recorder<'_>) -> anyhow::Result<Self> {
        let path = &settings.input.molecules;
        if settings.is_tile {
            return Self::of_tile(path, recorder);
        }
        if settings.input.is_stage {
            let stage = prior::stage::open(path, recorder)?;
            let (table, prior) = prior::stage::read(&stage, StageReader::molecules, recorder)?;
            return Self::of_prior_stage(&stage, table, prior, recorder);
        }
        let files =
            prior::stage::read_files(&settings.input, &settings.prior, settings.save_prior.is_some(), recorder)?;
        if let (Some(folder), Some(_)) = (&settings.save_prior, &files.prior) {
            let manifest = prior::stage::begin(&settings.program, &settings.prior, recorder);
            prior::stage::write(folder, &files, settings.min_molecules_per_cell, &settings.prior, manifest, recorder)?;
        }
        let Files { table, prior, paths } = files;
        Ok(Self::of_files(table, prior, paths))
    }

    /// Reads what the settings name but for the carried columns, which are read in a second pass.
    pub fn scan(settings: &RunSettings, recorder: &Recorder<'_>) -> anyhow::Result<(Self, CarriedSource)> {
        if settings.input.is_stage {
            let stage = prior::stage::open(&settings.input.molecules, recorder)?;
            let (table, prior) = prior::stage::read(&stage, StageReader::molecules_without_carried, recorder)?;
            let start = Self::of_prior_stage(&stage, table, prior, recorder)?;
            return Ok((start, CarriedSource::Stage(stage)));
        }
        let (Files { table, prior, paths }, plan) =
            prior::stage::scan_files(&settings.input, &settings.prior, recorder)?;
        Ok((Self::of_files(table, prior, paths), CarriedSource::Files(plan)))
    }

    fn of_files(table: MoleculeTable, prior: Option<FoundPrior>, paths: Vec<String>) -> Self {
        let inputs = prior::stage::inputs(&table, prior.as_ref());
        Self { table, prior, inputs, paths, tile: None }
    }

    fn of_prior_stage(
        stage: &StageReader,
        table: MoleculeTable,
        prior: FoundPrior,
        recorder: &Recorder<'_>,
    ) -> anyhow::Result<Self> {
        input::check_number(&table)?;
        let manifest = stage.manifest();
        recorder.add(&manifest.notes);
        let (inputs, paths) = (manifest.inputs.clone(), manifest.timing.paths.clone());
        Ok(Self { table, prior: Some(prior), inputs, paths, tile: None })
    }

    fn of_tile(path: &Path, recorder: &Recorder<'_>) -> anyhow::Result<Self> {
        recorder.stage(&format!("Loading the tile {}", path.display()));
        let stage = StageReader::open(path, &[StageKind::Tile])?;
        let lacks = |what: &str| format!("{}: the tile has no {what}; split the slide again", path.display());
        let manifest = stage.manifest();
        let tile = manifest.tile.clone().with_context(|| lacks("place on the slide"))?;
        let (table, mut found) = stage.molecules()?;
        let confidence = found.confidence.take().with_context(|| lacks("confidence of molecules"))?;
        let is_center = found.is_center.take().with_context(|| lacks("centers"))?;
        let prior = match found.prior_segment.take() {
            Some(segment_of) => Some(prior::stage::of_segments(&stage, segment_of)?),
            None => None,
        };
        recorder.info(&format!(
            "Tile {} of {}: {} molecules, {} of them in its core",
            tile.index,
            tile.n_tiles,
            table.molecules.len(),
            tile.n_core
        ));
        let fit = stage.slide_fit()?;
        let (inputs, paths) = (manifest.inputs.clone(), manifest.timing.paths.clone());
        let tile = Some(TileStart { manifest: tile, fit, confidence, is_center });
        Ok(Self { table, prior, inputs, paths, tile })
    }

    /// The work of a run on a tile with `n_molecules` of these, for estimates of memory. Carried columns may be missing.
    pub fn workload_of_tile(&self, n_molecules: u64, settings: &RunSettings) -> anyhow::Result<Workload> {
        let columns = self.table.carried.frame.columns();
        let input = Input {
            table: &self.table,
            carried_bytes: columns.iter().map(|column| width(column.dtype())).sum(),
            prior: self.prior.as_ref(),
        };
        let work = Workload::of_run(settings, input)?.of_tile(n_molecules);
        Ok(Workload { n_threads: THREADS, ..work })
    }

    /// What identifies the content of the inputs, for the run id.
    pub fn fingerprint(&self) -> Vec<u8> {
        input::fingerprint(&self.table, self.prior.as_ref().and_then(|prior| prior.fingerprint))
    }
}

/// Bytes of a value in memory; texts are taken to be short.
fn width(dtype: &polars::prelude::DataType) -> f64 {
    use polars::prelude::DataType::*;
    match dtype {
        Boolean => 0.125,
        Int8 | UInt8 => 1.0,
        Int16 | UInt16 => 2.0,
        Int32 | UInt32 | Float32 | Date | Categorical(..) | Enum(..) => 4.0,
        String | Binary => 28.0,
        _ => 8.0,
    }
}
