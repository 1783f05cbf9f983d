//! What a run starts from: molecules and their prior segmentation, from their files or from a stage.

use super::input;
use super::prior::stage::Files;
use super::prior::{self, FoundPrior};
use super::recorder::Recorder;
use crate::config::RunSettings;
use crate::io::molecules::MoleculeTable;
use crate::io::stage::InputFingerprint;

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
        let files =
            prior::stage::read_files(&settings.input, &settings.prior, settings.save_prior.is_some(), recorder)?;
        if let (Some(folder), Some(_)) = (&settings.save_prior, &files.prior) {
            let manifest = prior::stage::begin(&settings.program, &settings.prior, recorder);
            prior::stage::write(folder, &files, settings.min_molecules_per_cell, manifest, recorder)?;
        }
        let Files { table, prior, paths } = files;
        let inputs = prior::stage::inputs(&table, prior.as_ref());
        Ok(Self { table, prior, inputs, paths })
    }

    /// What identifies the content of the inputs, for the run id.
    pub fn fingerprint(&self) -> Vec<u8> {
        input::fingerprint(&self.table, self.prior.as_ref().and_then(|prior| prior.fingerprint))
    }
}
