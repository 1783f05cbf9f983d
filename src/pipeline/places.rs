//! The places that a command reads and writes: none is both, and nobody else writes there meanwhile.
//!
//! This is the one place where that is looked at, for all commands. Every command says here what it reads and writes, and
//! [claims](Places::claim) the places before it does anything, even before it opens its log.

mod identity;
mod kind;

use std::fs;
use std::path::{Path, PathBuf};

use identity::Identity;

use super::{split, tiled};
use crate::config::{
    ConfigError, EXPORT_RECORD, ExportFormat, ExportSettings, InputSettings, MergeSettings, OutputNames,
    PreviewSettings, PriorSettings, PriorSource, PriorStageSettings, ProgramSettings, RunSettings, SegfreeSettings,
    SplitSettings,
};
use crate::io::lock::Lock;
use crate::io::stage::{StageReader, files_of_stage};
use crate::io::{atomic, molecules, running_log};
use crate::pipeline::prior::stage::FILES_TO_LOOK_AT;

const OUTPUT: &str = "--output";
const STAGE: &str = "--stage";
const SAVE_PRIOR: &str = "--save-prior";

/// What a command reads and writes.
#[derive(Debug, Default)]
pub struct Places {
    /// What is read, in words, and its files.
    reads: Vec<(String, PathBuf)>,
    /// Files and stores that are written, and the option that names them.
    writes: Vec<(&'static str, PathBuf)>,
    /// Folders that a stage or tiles are written into, and the option that names them.
    folders: Vec<(&'static str, PathBuf)>,
    /// What the names of the files begin with, and one of the files, for messages.
    stems: Vec<(PathBuf, PathBuf)>,
    /// Names that temporary files of earlier commands may be for, beside those of `writes`.
    earlier: Vec<PathBuf>,
}

/// The right to write to all places of a command. What was only made for that goes when it is dropped.
#[derive(Debug, Default)]
pub struct Claim {
    locks: Vec<Lock>,
    /// Folders that were made for a lock.
    made: Vec<PathBuf>,
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.locks.clear();
        for folder in &self.made {
            // Only if nothing was written into it.
            let _ = fs::remove_dir(folder);
        }
    }
}

impl Places {
    /// Those of `run`.
    pub fn of_run(settings: &RunSettings) -> Self {
        let mut places = Self::default();
        places.reads_input(&settings.input);
        places.reads_prior(&settings.prior);
        places.reads_config(&settings.program);
        if let Some(folder) = &settings.ranger.bundle {
            places.reads("the bundle to compare with", &folder.join("experiment.xenium"));
        }
        if settings.writes_bundle {
            places.writes_bundle(&settings.outputs, &settings.formats, settings.plot);
        }
        places.writes(OUTPUT, &settings.outputs.checkpoint);
        places.writes_stage(STAGE, settings.stage.as_deref());
        places.writes_stage(SAVE_PRIOR, settings.save_prior.as_deref());
        places.earlier.push(tiled::scratch_folder(settings));
        places
    }

    /// Those of `export`.
    pub fn of_export(settings: &ExportSettings) -> Self {
        let mut places = Self::default();
        places.reads_stage("a table of the stage", &settings.stage);
        if let Some(folder) = &settings.ncv {
            places.reads_stage("a table of the stage with colors", folder);
        }
        if let Some(table) = &settings.add_excluded {
            places.reads_molecules(table);
            places.writes(OUTPUT, &settings.bundle.outputs.excluded);
            places.writes(OUTPUT, &settings.bundle.outputs.excluded_counts);
        }
        if let Some(folder) = &settings.ranger.bundle {
            places.reads("the bundle to compare with", &folder.join("experiment.xenium"));
        }
        places.reads_config(&settings.program);
        places.writes_bundle(&settings.bundle.outputs, &settings.formats, settings.bundle.plot);
        places
    }

    /// Those of `prior`.
    pub fn of_prior(settings: &PriorStageSettings) -> Self {
        let mut places = Self::default();
        places.reads_input(&settings.input);
        places.reads_prior(&settings.prior);
        places.reads_config(&settings.program);
        places.writes_stage(OUTPUT, Some(&settings.output));
        places
    }

    /// Those of `segfree`.
    pub fn of_segfree(settings: &SegfreeSettings) -> Self {
        let mut places = Self::default();
        places.reads_input(&settings.input);
        places.reads_config(&settings.program);
        if let Some(output) = &settings.output {
            places.writes(OUTPUT, output);
            places.writes_log(&settings.log);
            places.stems.push((output.clone(), output.clone()));
        }
        places.writes_stage(STAGE, settings.stage.as_deref());
        places
    }

    /// Those of `preview`.
    pub fn of_preview(settings: &PreviewSettings) -> Self {
        let mut places = Self::default();
        places.reads_input(&settings.input);
        places.reads_config(&settings.program);
        let outputs = &settings.outputs;
        outputs.all().iter().for_each(|path| places.writes(OUTPUT, path));
        places.writes_log(&outputs.log);
        places.stems.push((outputs.page.clone(), outputs.page.clone()));
        places
    }

    /// Those of `estimate`; `json` is the file for the numbers.
    pub fn of_estimate(settings: &RunSettings, json: Option<&Path>) -> Self {
        let mut places = Self::default();
        places.reads_input(&settings.input);
        places.reads_prior(&settings.prior);
        places.reads_config(&settings.program);
        if let Some(json) = json {
            places.writes("--json", json);
            places.stems.push((json.to_path_buf(), json.to_path_buf()));
        }
        places
    }

    /// Those of `split`.
    pub fn of_split(settings: &SplitSettings) -> Self {
        let mut places = Self::default();
        places.reads_input(&settings.run.input);
        places.reads_prior(&settings.run.prior);
        places.reads_config(&settings.run.program);
        let folder = &settings.output;
        places.folders.push((OUTPUT, folder.clone()));
        places.writes(OUTPUT, &folder.join(split::LIST));
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            if split::is_name_of_tile(&entry.file_name()) {
                files_of_stage(&entry.path()).iter().for_each(|path| places.writes(OUTPUT, path));
            }
        }
        places
    }

    /// Those of `merge`.
    pub fn of_merge(settings: &MergeSettings) -> Self {
        let mut places = Self::default();
        settings.tiles.iter().for_each(|tile| places.reads_stage("a table of one of the tiles", tile));
        places.reads_config(&settings.program);
        places.writes_stage(STAGE, Some(&settings.stage));
        places
    }

    fn reads(&mut self, what: &str, path: &Path) {
        self.reads.push((what.to_owned(), path.to_path_buf()));
    }

    fn reads_stage(&mut self, what: &str, folder: &Path) {
        let stage = StageReader::directory(folder);
        files_of_stage(&stage).iter().for_each(|path| self.reads(what, path));
    }

    fn reads_molecules(&mut self, table: &Path) {
        self.reads("the molecule table", table);
        if let Ok(found) = molecules::locate(table) {
            found.tables.iter().for_each(|path| self.reads("the molecule table", path));
        }
    }

    fn reads_input(&mut self, input: &InputSettings) {
        match input.is_stage {
            true => self.reads_stage("a table of the stage with the molecules", &input.molecules),
            false => self.reads_molecules(&input.molecules),
        }
    }

    fn reads_prior(&mut self, prior: &PriorSettings) {
        if let Some(PriorSource::File { path }) = &prior.source {
            self.reads("the prior segmentation", path);
        }
    }

    fn reads_config(&mut self, program: &ProgramSettings) {
        if let Some(path) = &program.config_file {
            self.reads("the configuration file", path);
        }
    }

    fn writes(&mut self, option: &'static str, path: &Path) {
        self.writes.push((option, path.to_path_buf()));
    }

    fn writes_log(&mut self, log: &Path) {
        self.writes(OUTPUT, log);
        self.writes(OUTPUT, &running_log::new_log(log));
    }

    fn writes_stage(&mut self, option: &'static str, folder: Option<&Path>) {
        let Some(folder) = folder else { return };
        self.folders.push((option, folder.to_path_buf()));
        let to_look_at = FILES_TO_LOOK_AT.into_iter().map(|name| folder.join(name));
        files_of_stage(folder).into_iter().chain(to_look_at).for_each(|path| self.writes(option, &path));
    }

    fn writes_bundle(&mut self, outputs: &OutputNames, formats: &[ExportFormat], has_reports: bool) {
        for format in formats {
            format.files(outputs).iter().for_each(|path| self.writes(OUTPUT, path));
        }
        let reports = outputs.of_reports();
        reports.iter().filter(|_| has_reports).for_each(|path| self.writes(OUTPUT, path));
        let others = [&outputs.params_dump, &outputs.compartment_genes, &outputs.beside(EXPORT_RECORD)];
        others.into_iter().for_each(|path| self.writes(OUTPUT, path));
        self.writes_log(&outputs.log);
        self.stems.push((outputs.stem().to_path_buf(), outputs.params_dump.clone()));
        self.earlier.extend(outputs.every());
        self.earlier.push(outputs.checkpoint.clone());
    }

    /// Whether a file is one that is read, under whatever name.
    pub fn is_read(&self, path: &Path) -> bool {
        let Some(found) = Identity::of(path) else { return false };
        self.reads.iter().any(|(_, read)| Identity::of(read).is_some_and(|read| read == found) || is_in(read, path))
    }

    /// Sees to it that what is written can be a file, and is nothing that is read. Changes nothing.
    ///
    /// Files are compared as the system knows them, whatever their names. Errors: [`ConfigError::Invalid`] names option,
    /// file and what it is.
    pub fn check(&self) -> Result<(), ConfigError> {
        for (option, path) in self.folders.iter().chain(&self.writes) {
            kind::check(option, path)?;
        }
        let reads: Vec<(Identity, &str)> =
            self.reads.iter().filter_map(|(what, path)| Some((Identity::of(path)?, what.as_str()))).collect();
        for (option, path) in &self.writes {
            let Some(found) = Identity::of(path) else { continue };
            let same = reads.iter().find(|(read, _)| *read == found).map(|(_, what)| *what);
            let inside = || self.reads.iter().find(|(_, read)| is_in(read, path)).map(|(what, _)| what.as_str());
            if let Some(what) = same.or_else(inside) {
                return Err(ConfigError::Invalid {
                    name: (*option).to_owned(),
                    seen: format!("'{}'", path.display()),
                    remedy: format!("'{}' is {what} and would be overwritten; choose another name", path.display()),
                });
            }
        }
        Ok(())
    }

    /// Checks the places and keeps others from writing there, until the claim is dropped. Removes what killed programs
    /// have left there.
    ///
    /// Errors: those of [`check`](Self::check), [`LockError`](crate::io::lock::LockError).
    pub fn claim(&self) -> anyhow::Result<Claim> {
        self.check()?;
        let mut claim = Claim::default();
        for (stem, file) in &self.stems {
            claim.locks.push(Lock::of_files(stem, file)?);
        }
        for (_, folder) in &self.folders {
            // Whatever else has the name is the concern of whoever writes there.
            if !folder.exists() {
                let failed = |source| atomic::WriteError::System { path: folder.clone(), source };
                fs::create_dir_all(folder).map_err(failed)?;
                claim.made.push(folder.clone());
            }
            if folder.is_dir() {
                claim.locks.push(Lock::of_folder(folder)?);
            }
        }
        if claim.locks.iter().all(Lock::is_sole) {
            let targets = self.writes.iter().map(|(_, path)| path).chain(&self.earlier);
            let is_store = |path: &Path| path.join(".zmetadata").is_file();
            atomic::remove_rest(targets.cloned(), is_store);
        }
        Ok(claim)
    }
}

/// Whether a file lies in a folder that will be replaced as a whole.
fn is_in(file: &Path, folder: &Path) -> bool {
    if !folder.is_dir() {
        return false;
    }
    match (file.canonicalize(), folder.canonicalize()) {
        (Ok(file), Ok(folder)) => file.starts_with(folder),
        _ => false,
    }
}

#[cfg(test)]
mod tests;
