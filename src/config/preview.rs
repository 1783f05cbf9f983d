//! The settings of the command `preview`, and the names of its files.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::resolve::{Request, check_molecules, input, merge, program, vector_method};
use super::settings::{ColorSettings, InputSettings, ProgramSettings};
use super::{ConfigError, sample, stage::PriorStage};
use crate::config::Note;

/// The settings of the command `preview`.
#[derive(Clone, Debug, PartialEq)]
pub struct PreviewSettings {
    /// The molecules.
    pub input: InputSettings,
    /// Smallest number of molecules of a real cell, at least 1; `None`: the data suggest it.
    pub min_molecules_per_cell: Option<usize>,
    /// Which nearest neighbor gives the noise distance, at least 1; `None`: it follows from the minimum per cell.
    pub confidence_nn_id: Option<usize>,
    /// Neighborhoods and colors.
    pub colors: ColorSettings,
    /// Pixels for the side of a cell of minimal size.
    pub min_pixels_per_cell: usize,
    /// Longest side of a picture in pixels.
    pub max_plot_size: usize,
    /// The configuration file that the settings come from, for the command line that the report suggests.
    pub file: Option<PathBuf>,
    /// Names of the files to write.
    pub outputs: PreviewOutputs,
    /// Seed, threads, messages.
    pub program: ProgramSettings,
}

/// The files that `preview` writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreviewOutputs {
    /// The page.
    pub page: PathBuf,
    /// The numbers.
    pub numbers: PathBuf,
    /// The log.
    pub log: PathBuf,
    /// What the sample is called in files for MultiQC.
    pub sample: String,
    /// Path of the page without its extension.
    stem: PathBuf,
}

/// Name of the page in a folder.
const PAGE: &str = "preview.html";

impl PreviewOutputs {
    /// The files for an output that the user named.
    ///
    /// KEEPS: a folder, existing or ending in a separator, gets `preview.html`; the log is `<stem>_preview_log.log`.
    ///
    /// `sample`: the name of the sample, if it is given; `molecules`: the table, whose name is the last resort.
    fn new(output: &Path, sample: Option<String>, molecules: &Path) -> Result<Self, ConfigError> {
        let is_folder = output.is_dir() || output.to_string_lossy().ends_with(std::path::is_separator);
        let page = if is_folder { output.join(PAGE) } else { output.to_path_buf() };
        let stem = page.with_extension("");
        let numbers = page.with_extension("json");
        let invalid = |remedy: &str| ConfigError::Invalid {
            name: "--output".to_owned(),
            seen: format!("'{}'", output.display()),
            remedy: remedy.to_owned(),
        };
        if output.as_os_str().is_empty() {
            return Err(invalid("give a file or a directory"));
        }
        if numbers == page {
            let remedy =
                "the page cannot be called so, as its numbers are; write NAME.html, and NAME.json comes with it";
            return Err(invalid(remedy));
        }
        let of_table = || molecules.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let sample = sample.or_else(|| sample::by_output(&page, "preview")).unwrap_or_else(of_table);
        let mut outputs = Self { page, numbers, log: PathBuf::new(), sample, stem };
        outputs.log = outputs.beside("_preview_log.log");
        Ok(outputs)
    }

    /// All files, those included that not every table has.
    pub fn all(&self) -> Vec<PathBuf> {
        let pictures = ["transcripts", "confidence"].map(|what| self.multiqc(what, "png"));
        let numbers = ["general", "table", "molecules", "noise"].map(|what| self.multiqc(what, "json"));
        let of_page = [self.page.clone(), self.numbers.clone()];
        of_page.into_iter().chain(pictures).chain(numbers).collect()
    }

    /// A file beside the page: its stem with an ending.
    pub fn beside(&self, ending: &str) -> PathBuf {
        let mut name: OsString = self.stem.file_name().unwrap_or_default().to_owned();
        name.push(ending);
        self.stem.with_file_name(name)
    }

    /// A file for MultiQC.
    pub fn multiqc(&self, what: &str, extension: &str) -> PathBuf {
        self.beside(&format!("_{what}_mqc.{extension}"))
    }
}

/// Merges and checks a request of `preview`; see [`super::resolve::resolve`].
///
/// DIFFERS: the minimum of molecules per cell may be missing, since it is what people look for here; Baysor 0.7.1
/// insists on it.
///
/// # Errors
///
/// Every [`ConfigError`].
pub fn resolve_preview(
    request: &Request,
    environment: &dyn Fn(&str) -> Option<String>,
) -> Result<PreviewSettings, ConfigError> {
    let merged = merge(request)?;
    check_molecules(&request.molecules, "preview")?;
    let given = |path: &str| Some(merged.size(path)).filter(|&n| n > 0);
    let n_neighbors = usize::try_from(merged.int("plotting.gene_composition_neigborhood")).ok().filter(|&n| n > 0);
    let output = request.output.clone().unwrap_or_else(|| PathBuf::from(PAGE));
    let notes = request.prior_stage.iter().flat_map(PriorStage::note).map(Note::Info).collect();
    Ok(PreviewSettings {
        input: input(request, &merged)?,
        min_molecules_per_cell: given("data.min_molecules_per_cell"),
        confidence_nn_id: given("data.confidence_nn_id"),
        colors: ColorSettings { n_neighbors, method: vector_method(&merged) },
        min_pixels_per_cell: merged.size("plotting.min_pixels_per_cell"),
        max_plot_size: merged.size("plotting.max_plot_size"),
        file: request.file.clone(),
        outputs: PreviewOutputs::new(&output, sample::given(&merged)?, &request.molecules)?,
        program: program(request, merged, notes, environment)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outputs(output: &str) -> PreviewOutputs {
        PreviewOutputs::new(Path::new(output), None, Path::new("data/slide.csv.gz")).unwrap()
    }

    #[test]
    fn files_lie_beside_the_page_and_have_its_stem() {
        let files = outputs("ID_preview.html");
        assert_eq!(files.page, Path::new("ID_preview.html"));
        assert_eq!(files.numbers, Path::new("ID_preview.json"));
        assert_eq!(files.log, Path::new("ID_preview_preview_log.log"));
        assert_eq!(files.multiqc("noise", "json"), Path::new("ID_preview_noise_mqc.json"));
        assert_eq!(files.sample, "ID");
    }

    #[test]
    fn a_folder_gets_the_usual_names() {
        let files = outputs("no/such/folder/");
        assert_eq!(files.page, Path::new("no/such/folder/preview.html"));
        assert_eq!(files.log, Path::new("no/such/folder/preview_preview_log.log"));
        assert_eq!(files.sample, "folder");
    }

    #[test]
    fn a_page_called_like_its_numbers_is_refused() {
        let error = PreviewOutputs::new(Path::new("x.json"), None, Path::new("t.csv")).unwrap_err().to_string();
        assert!(error.contains("--output") && error.contains("NAME.html"), "{error}");
        assert_eq!(outputs("bare").numbers, Path::new("bare.json"));
    }
}
