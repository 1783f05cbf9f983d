//! Reports of a finished run: pages, pictures, and numbers for MultiQC.
//!
//! They are made from what a stage holds, so `run --plot` and `export --plot` write the same bytes. Everything else has
//! been saved by then: a report that fails is told with its file and the reason, the others are written all the same,
//! and the command fails at the end, since not all that was asked for is there.

mod diagnostics;
mod multiqc;
mod parameters;
mod pictures;
mod scale;

use std::path::Path;

use super::export::max_z_slices;
use super::former::Former;
use super::map;
use super::results::RunResult;
use crate::config::BundleSettings;
use crate::io::atomic;
use crate::io::stage::{Manifest, StagePolygons};
use crate::observe::Observer;

/// A run with all that its reports show.
pub struct Finished<'a> {
    /// Molecules and cells.
    pub result: &'a RunResult,
    /// Parameters, estimates and warnings.
    pub manifest: &'a Manifest,
}

/// Writes all reports. `polygons` are computed if the run has none.
///
/// Errors: names the reports that could not be written, after all others were.
pub fn write(
    result: &RunResult,
    polygons: Option<StagePolygons>,
    manifest: &Manifest,
    bundle: &BundleSettings,
    former: &Former<'_>,
    observer: &dyn Observer,
) -> anyhow::Result<()> {
    observer.stage("Writing reports");
    let polygons = polygons.unwrap_or_else(|| result.outline(max_z_slices(manifest)));
    let finished = Finished { result, manifest };
    let mut failed: Vec<String> = Vec::new();
    let mut report = |path: &Path, written: anyhow::Result<()>| {
        if let Err(error) = written {
            observer.warning(&format!("The report {} could not be written: {error:#}", path.display()));
            failed.push(path.display().to_string());
        }
    };
    let outputs = &bundle.outputs;
    let run = diagnostics::run(&finished, observer);
    let page = crate::report::diagnostics::page(&run);
    report(&outputs.diagnostics, write_file(former, &outputs.diagnostics, |file| page.write(file)));
    let sections = multiqc::sections(&run, outputs);
    if sections.iter().all(|(path, _)| *path != outputs.multiqc_convergence) {
        let path = outputs.multiqc_convergence.display();
        observer.info(&format!("There is no {path}: the number of cells by iteration was not kept"));
    }
    for (path, section) in sections {
        let text = format!("{section:#}\n");
        report(path, write_file(former, path, |file| std::io::Write::write_all(file, text.as_bytes())));
    }
    let [picture, small] = pictures::of(&finished, &polygons);
    for (path, picture) in [(&outputs.borders_picture, &picture), (&outputs.multiqc_picture, &small)] {
        if let Some(png) = picture.as_deref() {
            report(path, write_file(former, path, |file| std::io::Write::write_all(file, png)));
        }
    }
    let write_map = || map::write_map(result, &polygons, small.as_deref(), &outputs.borders, observer);
    report(&outputs.borders, former.commit(write_map));
    if failed.is_empty() {
        observer.info(&format!("Diagnostics are in {}", outputs.diagnostics.display()));
        observer.info(&format!("The map of cells is in {}", outputs.borders.display()));
        return Ok(());
    }
    anyhow::bail!(
        "{} could not be written, for the reasons above. All results are complete; with a stage, baysor export --plot \
         makes the reports again",
        failed.join(", ")
    )
}

fn write_file(
    former: &Former<'_>,
    path: &Path,
    fill: impl FnOnce(&mut atomic::NewFile) -> std::io::Result<()>,
) -> anyhow::Result<()> {
    former.commit(|| Ok(atomic::write_file(path, fill)?))
}
