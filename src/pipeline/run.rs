//! `run`: from a molecule table to the files of a segmentation.

use anyhow::Context as _;

use super::model::{self, CompartmentGenes, Prior};
use super::results;
use super::scale;
use crate::compartments::Markers;
use crate::config::{self, PriorSource, RunSettings};
use crate::data::CellNames;
use crate::io::atomic;
use crate::io::molecules::{self, MoleculeTable, Note};
use crate::observe::Observer;
use crate::prior;

/// Molecules in one run at most: each has up to ten neighbors, and their entries are counted in 32 bits.
const MAX_MOLECULES: usize = 400_000_000;

/// Reads molecules, segments them into cells and writes the result files.
///
/// The same inputs and settings give the same bytes for any number of threads. Errors name what
/// is wrong and what to do; no file appears under its final name before it is complete.
pub fn run(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(settings.threads)
        .build()
        .context("starting threads; try fewer with --threads")?;
    pool.install(|| run_in_pool(settings, observer))
}

fn run_in_pool(settings: &RunSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    for path in settings.outputs.all() {
        atomic::prepare(path)?;
    }
    write_params(settings, &[])?;

    observer.stage("Loading data");
    let mut table = molecules::read(&read_request(settings))?;
    tell(&table, observer);
    anyhow::ensure!(
        table.molecules.len() <= MAX_MOLECULES,
        "{}: {} molecules; a run takes at most {MAX_MOLECULES}. Cut the slide into parts with --x-min, --x-max, \
         --y-min and --y-max",
        table.path.display(),
        table.molecules.len()
    );
    let prior = take_prior(&mut table, settings, observer);
    check_size(&table, prior.as_ref(), settings)?;
    let scale = scale::resolve(settings, &table.molecules.positions, prior.as_ref(), observer)?;
    let genes = compartment_genes(&table, settings)?;
    let run_id = config::run_id(&fingerprint(&table), settings);
    let names = CellNames::new(&run_id);
    observer.info(&format!("Run id: {run_id}"));
    observer.info(&format!("Expected peak memory: about {} MiB", expected_mebibytes(table.molecules.len())));

    let result = model::segment(&mut table.molecules, prior.as_ref(), scale, genes.as_ref(), settings, observer)?;
    observer.info("Processing complete.");
    if result.segmentation.n_cells == 0 {
        observer.warning(
            "No cell was found: all molecules are noise, and the files have no cells. Is --scale in the units of x and \
             y, and --min-molecules-per-cell right?",
        );
    }

    write_params(settings, &result.resolved)?;
    results::write(&table, prior.as_ref(), &result, &names, settings, observer)?;
    Ok(())
}

/// Memory of a run, measured on slides of 10^5 to 10^6 molecules with few columns of their own.
fn expected_mebibytes(n_molecules: usize) -> usize {
    const PROGRAM: usize = 20 << 20;
    const PER_MOLECULE: usize = 250;
    (PROGRAM + PER_MOLECULE * n_molecules) >> 20
}

/// What the settings ask the reader for.
fn read_request(settings: &RunSettings) -> molecules::ReadRequest {
    let columns = &settings.columns;
    let crop = &settings.crop;
    molecules::ReadRequest {
        path: settings.molecules.clone(),
        columns: molecules::ColumnNames {
            x: columns.x.clone(),
            y: columns.y.clone(),
            z: columns.z.clone(),
            gene: columns.gene.clone(),
            qv: columns.qv.clone(),
        },
        force_2d: settings.force_2d,
        min_molecules_per_gene: settings.min_molecules_per_gene,
        exclude_genes: settings.exclude_genes.clone(),
        min_qv: settings.min_qv,
        crop: molecules::Crop {
            x_min: crop.x_min,
            x_max: crop.x_max,
            y_min: crop.y_min,
            y_max: crop.y_max,
            z_min: crop.z_min,
            z_max: crop.z_max,
        },
        prior: settings.prior.as_ref().map(|PriorSource::Column { name }| molecules::PriorColumn {
            name: name.clone(),
            unassigned_label: settings.unassigned_label.clone(),
        }),
    }
}

/// Refuses tables that are too small for the model, before anything is computed from them.
///
/// With a prior segmentation, or a number of cells to start with, the model itself judges.
fn check_size(table: &MoleculeTable, prior: Option<&Prior>, settings: &RunSettings) -> anyhow::Result<()> {
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

fn tell(table: &MoleculeTable, observer: &dyn Observer) {
    for note in &table.notes {
        match note {
            Note::Info(text) => observer.info(text),
            Note::Warning(text) => observer.warning(text),
        }
    }
}

/// The prior segmentation without its small segments, in the order of the table.
fn take_prior(table: &mut MoleculeTable, settings: &RunSettings, observer: &dyn Observer) -> Option<Prior> {
    let mut segment_of = table.prior_segments.take()?.segment_of;
    let least = settings.min_molecules_per_segment;
    let dropped = prior::drop_small_segments(&mut segment_of, least);
    let n_inside = segment_of.iter().flatten().count();
    observer.info(&format!(
        "Prior segmentation: {} segments hold {n_inside} of {} molecules; {} segments with fewer than {least} \
         molecules are ignored",
        dropped.n_left,
        segment_of.len(),
        dropped.n_segments,
    ));
    Some(Prior::new(segment_of))
}

/// The genes of compartments, if any are given.
fn compartment_genes(table: &MoleculeTable, settings: &RunSettings) -> anyhow::Result<Option<CompartmentGenes>> {
    if settings.nuclei_genes.is_empty() && settings.cyto_genes.is_empty() {
        return Ok(None);
    }
    let markers = Markers::by_name(&settings.nuclei_genes, &settings.cyto_genes, &table.genes)
        .with_context(|| format!("{}: --nuclei-genes and --cyto-genes", table.path.display()))?;
    Ok(Some(CompartmentGenes::new(markers)))
}

fn fingerprint(table: &MoleculeTable) -> [u8; 16] {
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&table.fingerprint.size.to_le_bytes());
    bytes[8..].copy_from_slice(&table.fingerprint.hash.to_le_bytes());
    bytes
}

/// Writes the parameter dump: at the start, so that it is there whatever happens, and again with
/// the values that only the data could tell.
fn write_params(settings: &RunSettings, resolved: &[(&str, String, &str)]) -> anyhow::Result<()> {
    let text = config::dump::text(settings) + &config::dump::resolved_lines(resolved);
    atomic::write_file(&settings.outputs.params_dump, |file| std::io::Write::write_all(file, text.as_bytes()))?;
    Ok(())
}
