//! What a run starts from: molecules and their prior segmentation, from their files or from a stage.

use super::prior::{self, FoundPrior};
use super::recorder::Recorder;
use super::{input, manifest};
use crate::config::{PriorSource, RunSettings};
use crate::io::molecules::MoleculeTable;
use crate::io::stage::{InputFingerprint, StageKind};

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
}

impl Start {
    /// Reads what the settings name. The stage of the command `prior` gives the same as the files that it was made from.
    pub fn read(settings: &RunSettings, recorder: &Recorder<'_>) -> anyhow::Result<Self> {
        if settings.input.is_stage {
            let (stage, table, prior) = prior::stage::read(&settings.input.molecules, recorder)?;
            input::check_number(&table)?;
            recorder.add(&stage.notes);
            return Ok(Self { table, prior: Some(prior), inputs: stage.inputs, paths: stage.timing.paths });
        }
        let mut paths = Vec::new();
        if let Some(PriorSource::File { path }) = &settings.prior.source {
            recorder.call(path.display().to_string(), "the prior segmentation");
            paths.push(path.display().to_string());
        }
        let mut table = input::load(&settings.input, &settings.prior, recorder)?;
        let prior = prior::take(&mut table, &settings.prior, settings.save_prior.is_some(), recorder)?;
        if let (Some(folder), Some(found)) = (&settings.save_prior, &prior) {
            let values = prior::stage::values(&settings.program, &settings.prior);
            let mut manifest = manifest::begin(StageKind::Prior, &settings.program, &values);
            manifest.notes = recorder.notes();
            prior::stage::write(folder, &table, found, settings.min_molecules_per_cell, manifest, &paths, recorder)?;
        }
        paths.insert(0, table.path.display().to_string());
        let inputs = prior::stage::inputs(&table, prior.as_ref());
        Ok(Self { table, prior, inputs, paths })
    }

    /// What identifies the content of the inputs, for the run id.
    pub fn fingerprint(&self) -> Vec<u8> {
        input::fingerprint(&self.table, self.prior.as_ref().and_then(|prior| prior.fingerprint))
    }
}
