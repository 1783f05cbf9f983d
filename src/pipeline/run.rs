//! `run`: from a molecule table to the files of a segmentation.

use super::keeper::Keeper;
use super::prior::{self, FoundPrior};
use super::{compartments, input, manifest, model, results, scale};
use crate::config::{self, PriorSource, RunSettings};
use crate::data::CellNames;
use crate::io::atomic;
use crate::io::molecules::{Fingerprint, MoleculeTable};
use crate::io::stage::StageKind;
use crate::observe::Observer;

/// Reads molecules, segments them into cells and writes the result files.
///
/// The same inputs and settings give the same bytes for any number of threads. Errors name what
/// is wrong and what to do; no file appears under its final name before it is complete.
pub fn run(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    input::with_threads(settings.program.threads, || run_in_pool(settings, observer))
}

fn run_in_pool(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    for path in settings.outputs.all() {
        atomic::prepare(path)?;
    }
    let mut keeper = Keeper::new(settings, observer)?;
    write_params(settings, &[])?;

    let mut table = input::load(&settings.input, &settings.prior, observer)?;
    let Fingerprint { size, hash } = table.fingerprint;
    keeper.identify("the molecule table", format!("{size} bytes, hash {hash:016x}"))?;
    let prior = prior::take(&mut table, &settings.prior, settings.save_prior.is_some(), observer)?;
    if let Some(Fingerprint { size, hash }) = prior.as_ref().and_then(|found| found.fingerprint) {
        keeper.identify("the prior segmentation", format!("{size} bytes, hash {hash:016x}"))?;
    }
    if let (Some(folder), Some(found)) = (&settings.save_prior, &prior) {
        let mut manifest = manifest::begin(StageKind::Prior, &settings.program);
        if let Some(PriorSource::File { path }) = &settings.prior.source {
            manifest.timing.paths.push(path.display().to_string());
        }
        prior::stage::write(folder, &table, found, settings.min_molecules_per_cell, manifest, observer)?;
    }
    check_size(&table, prior.as_ref(), settings)?;
    let scale = scale::resolve(settings, &table.molecules.positions, prior.as_ref(), observer)?;
    let run_id =
        config::run_id(&input::fingerprint(&table, prior.as_ref().and_then(|found| found.fingerprint)), settings);
    let genes = compartments::genes(&table, prior.as_ref(), scale, settings, observer)?;
    let names = CellNames::new(&run_id);
    observer.info(&format!("Run id: {run_id}"));
    observer.info(&format!("Expected peak memory: about {} MiB", expected_mebibytes(table.molecules.len())));

    let result = model::segment(
        &mut table.molecules,
        prior.as_ref().map(|found| &found.prior),
        scale,
        genes.as_ref(),
        settings,
        &mut keeper,
        observer,
    )?;
    let n_iterations = result.trace.entries().len().saturating_sub(1);
    if n_iterations < settings.iters {
        observer.info(&format!("The model settled and ended after {n_iterations} of {} iterations", settings.iters));
    }
    observer.info("Processing complete.");
    if result.segmentation.n_cells == 0 {
        observer.warning(
            "No cell was found: all molecules are noise, and the files have no cells. Is --scale in the units of x and \
             y, and --min-molecules-per-cell right?",
        );
    }

    write_params(settings, &result.resolved)?;
    results::write(&table, prior.as_ref(), &result, &names, settings, observer)?;
    keeper.discard();
    Ok(())
}

/// Memory of a run, measured on slides of 10^5 to 10^6 molecules with few columns of their own.
fn expected_mebibytes(n_molecules: usize) -> usize {
    const PROGRAM: usize = 20 << 20;
    const PER_MOLECULE: usize = 250;
    (PROGRAM + PER_MOLECULE * n_molecules) >> 20
}

/// Refuses tables that are too small for the model, before anything is computed from them.
///
/// With a prior segmentation, or a number of cells to start with, the model itself judges.
fn check_size(table: &MoleculeTable, prior: Option<&FoundPrior>, settings: &RunSettings) -> anyhow::Result<()> {
    let (n_molecules, needed) = (table.molecules.len(), settings.min_molecules_per_cell.max(3));
    if n_molecules < needed && prior.is_none() && settings.n_cells_init.is_none() {
        anyhow::bail!(
            "{}: {n_molecules} molecules are too few: the model needs at least {needed}, the larger of 3 and \
             min_molecules_per_cell. Check the table and its filters, or lower -m/--min-molecules-per-cell",
            table.path.display()
        );
    }
    Ok(())
}

/// Writes the parameter dump: at the start, so that it is there whatever happens, and again with
/// the values that only the data could tell.
fn write_params(settings: &RunSettings, resolved: &[(&str, String, &str)]) -> anyhow::Result<()> {
    let text = config::dump::text(settings) + &config::dump::resolved_lines(resolved);
    atomic::write_file(&settings.outputs.params_dump, |file| std::io::Write::write_all(file, text.as_bytes()))?;
    Ok(())
}
