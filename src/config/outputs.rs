//! Names of the files a run writes, all derived from `--output`.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::{CountFormat, EXPORT_RECORD, ExportFormat, sample};

/// The files of one run. Nothing is created here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputNames {
    /// Table of molecules with their cells, always CSV.
    pub molecules: PathBuf,
    /// Table of cells.
    pub cell_stats: PathBuf,
    /// Count matrix.
    pub counts: PathBuf,
    /// Boundaries of cells, layers joined.
    pub polygons_2d: PathBuf,
    /// Boundaries of cells by layer.
    pub polygons_3d: PathBuf,
    /// Genes ranked by their preference for a compartment; only if they are looked for.
    pub compartment_genes: PathBuf,
    /// Table of molecules of excluded genes, if they are wanted.
    pub excluded: PathBuf,
    /// Their count matrix, if they are wanted.
    pub excluded_counts: PathBuf,
    /// The parameters, as a configuration file.
    pub params_dump: PathBuf,
    /// The log.
    pub log: PathBuf,
    /// Page with diagnostics, if reports are wanted.
    pub diagnostics: PathBuf,
    /// Page with the map of cells, if reports are wanted.
    pub borders: PathBuf,
    /// The map as a picture, if reports are wanted.
    pub borders_picture: PathBuf,
    /// A smaller picture for MultiQC, if reports are wanted.
    pub multiqc_picture: PathBuf,
    /// Numbers of the run for MultiQC, if reports are wanted.
    pub multiqc_numbers: PathBuf,
    /// A table of the cells in numbers for MultiQC, if reports are wanted.
    pub multiqc_cells: PathBuf,
    /// The course of the iterations for MultiQC, if reports are wanted.
    pub multiqc_convergence: PathBuf,
    /// The state of the model while it iterates; gone when the run is complete.
    pub checkpoint: PathBuf,
    /// What the sample is called in files for MultiQC; `None` if nothing tells.
    pub sample: Option<String>,
    /// What all names but that of the molecule table begin with.
    stem: PathBuf,
}

impl OutputNames {
    /// Names the files for an `--output`; looks only whether it is an existing directory.
    pub fn new(output: &Path, counts: CountFormat) -> Self {
        Self::for_output(output, output.is_dir(), counts)
    }

    /// Names the files for an `--output` that is, or is not, an existing directory.
    ///
    /// KEEPS: the rules of Baysor 0.7.1. A directory (existing, ending in a separator, or ending in `.` or `..`) gets
    /// the fixed names `segmentation.csv` and so on; `X.ext` is the molecule table and the others are `X_<suffix>`;
    /// without an extension all files are `X_<suffix>`.
    pub fn for_output(output: &Path, is_directory: bool, counts: CountFormat) -> Self {
        let text = output.to_string_lossy();
        let last = text.rsplit(std::path::is_separator).next().unwrap_or_default();
        let table = if is_directory || matches!(last, "" | "." | "..") {
            output.join("segmentation.csv")
        } else {
            output.into()
        };
        let has_extension = table.extension().is_some();
        let mut stem = table.clone();
        if has_extension && let Some(name) = table.file_stem() {
            stem.set_file_name(name);
        }
        let with = |suffix: &str| {
            let mut name: OsString = stem.clone().into_os_string();
            name.push("_");
            name.push(suffix);
            PathBuf::from(name)
        };
        let molecules = if has_extension { table } else { with("segmentation.csv") };
        Self {
            sample: sample::by_output(&molecules, "segmentation"),
            molecules,
            cell_stats: with("cell_stats.csv"),
            counts: with(&format!("counts.{}", counts.extension())),
            polygons_2d: with("polygons_2d.json"),
            polygons_3d: with("polygons_3d.json"),
            compartment_genes: with("compartment_genes.csv"),
            excluded: with("excluded.csv"),
            excluded_counts: with(&format!("excluded_counts.{}", counts.extension())),
            params_dump: with("params.dump.toml"),
            log: with("log.log"),
            diagnostics: with("diagnostics.html"),
            borders: with("borders.html"),
            borders_picture: with("borders.png"),
            multiqc_picture: with("borders_mqc.png"),
            multiqc_numbers: with("numbers_mqc.json"),
            multiqc_cells: with("cells_mqc.json"),
            multiqc_convergence: with("convergence_mqc.json"),
            checkpoint: with("checkpoint.bin"),
            stem,
        }
    }

    /// The same names for a sample that is called `sample`, if that is given.
    pub fn of_sample(self, sample: Option<String>) -> Self {
        Self { sample: sample.or(self.sample.clone()), ..self }
    }

    /// The same names with another place for the checkpoint.
    pub fn with_checkpoint(self, checkpoint: PathBuf) -> Self {
        Self { checkpoint, ..self }
    }

    /// The file of another format: the stem and a suffix, which may lead into a folder (`X_folder/file` for `-o X.csv`).
    pub fn beside(&self, suffix: &str) -> PathBuf {
        let mut name = self.stem.clone().into_os_string();
        name.push(suffix);
        PathBuf::from(name)
    }

    /// The files that exist when all is done, whoever makes them.
    pub fn of_export(&self) -> [&Path; 7] {
        let [files @ .., _] = self.all();
        files
    }

    /// All files that a run or an export with these names may write, whatever its formats, and may have written before.
    /// The checkpoint and the log are not among them.
    pub fn every(&self) -> Vec<PathBuf> {
        let [files @ .., _, _] = self.all();
        let both = ["_counts", "_excluded_counts"];
        let counts =
            both.into_iter().flat_map(|name| ["loom", "tsv"].map(|ending| self.beside(&format!("{name}.{ending}"))));
        let others = [self.compartment_genes.clone(), self.excluded.clone(), self.beside(EXPORT_RECORD)];
        let of_formats = ExportFormat::ALL.into_iter().filter(|format| *format != ExportFormat::Baysor);
        let of_formats = of_formats.flat_map(|format| format.files(self));
        let plain = files.into_iter().chain(self.of_reports()).map(Path::to_path_buf);
        let mut every: Vec<PathBuf> = plain.chain(counts).chain(others).chain(of_formats).collect();
        every.sort();
        every.dedup();
        every
    }

    /// What all names but that of the molecule table begin with.
    pub fn stem(&self) -> &Path {
        &self.stem
    }

    /// The reports. They are optional: a name that cannot be written to does not stop a run.
    pub fn of_reports(&self) -> [&Path; 7] {
        [
            &self.diagnostics,
            &self.borders,
            &self.borders_picture,
            &self.multiqc_picture,
            &self.multiqc_numbers,
            &self.multiqc_cells,
            &self.multiqc_convergence,
        ]
    }

    /// All files but the reports; the checkpoint is the last.
    pub fn all(&self) -> [&Path; 8] {
        [
            &self.molecules,
            &self.cell_stats,
            &self.counts,
            &self.polygons_2d,
            &self.polygons_3d,
            &self.params_dump,
            &self.log,
            &self.checkpoint,
        ]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(output: &str, is_directory: bool) -> (String, String) {
        let names = OutputNames::for_output(Path::new(output), is_directory, CountFormat::Loom);
        (names.molecules.display().to_string(), names.counts.display().to_string())
    }

    fn pair(molecules: &str, counts: &str) -> (String, String) {
        (molecules.to_owned(), counts.to_owned())
    }

    #[test]
    fn a_directory_gets_the_fixed_names() {
        let expected = pair("out/segmentation.csv", "out/segmentation_counts.loom");
        assert_eq!(names("out", true), expected);
        assert_eq!(names("out/", false), expected);
        assert_eq!(names(".", false), pair("./segmentation.csv", "./segmentation_counts.loom"));
        assert_eq!(names("a/..", false), pair("a/../segmentation.csv", "a/../segmentation_counts.loom"));
    }

    #[test]
    fn an_output_with_extension_is_the_molecule_table() {
        assert_eq!(names("segmentation.csv", false), pair("segmentation.csv", "segmentation_counts.loom"));
        assert_eq!(
            names("out/ID_segmentation.csv", false),
            pair("out/ID_segmentation.csv", "out/ID_segmentation_counts.loom")
        );
        assert_eq!(names("out/run.v1", false), pair("out/run.v1", "out/run_counts.loom"));
    }

    #[test]
    fn an_output_without_extension_is_a_prefix() {
        assert_eq!(names("out/run1", false), pair("out/run1_segmentation.csv", "out/run1_counts.loom"));
        assert_eq!(names("out.d/run1", false), pair("out.d/run1_segmentation.csv", "out.d/run1_counts.loom"));
        assert_eq!(names(".run", false), pair(".run_segmentation.csv", ".run_counts.loom"));
    }

    #[test]
    fn every_file_has_its_suffix() {
        let names = OutputNames::for_output(Path::new("o/s.csv"), false, CountFormat::Tsv);
        let all: Vec<String> = names.all().iter().map(|path| path.display().to_string()).collect();
        let expected = [
            "o/s.csv",
            "o/s_cell_stats.csv",
            "o/s_counts.tsv",
            "o/s_polygons_2d.json",
            "o/s_polygons_3d.json",
            "o/s_params.dump.toml",
            "o/s_log.log",
            "o/s_checkpoint.bin",
        ];
        assert_eq!(all, expected);
        let reports: Vec<String> = names.of_reports().iter().map(|path| path.display().to_string()).collect();
        let expected = ["diagnostics.html", "borders.html", "borders.png"].map(|suffix| format!("o/s_{suffix}"));
        assert_eq!(reports[..3], expected);
        assert!(reports[3..].iter().all(|path| path.starts_with("o/s_") && path.contains("_mqc.")));
    }
}
