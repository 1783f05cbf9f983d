//! Reading the molecule table as the settings say.

use std::path::Path;

use anyhow::Context as _;

use crate::config::{FoundInput, InputSettings, PriorSettings, PriorSource};
use crate::io::molecules::{self, Fingerprint, Layout, MoleculeTable, Note};
use crate::io::stage::StageReader;
use crate::observe::Observer;

/// Molecules in one run at most: each has up to ten neighbors, and their entries are counted in 32 bits.
const MAX_MOLECULES: usize = 400_000_000;

/// Runs a computation on threads of its own.
pub fn with_threads<T: Send>(n_threads: usize, work: impl FnOnce() -> anyhow::Result<T> + Send) -> anyhow::Result<T> {
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(n_threads)
        .build()
        .context("starting threads; try fewer with --threads")?;
    pool.install(work)
}

/// Looks at a molecule table, or at the folder that it lies in, before anything is read.
///
/// `None` for a stage, and for what cannot be read: the error comes when it is.
pub fn look(path: &Path) -> Option<FoundInput> {
    if StageReader::is_meant(path) {
        return None;
    }
    let molecules::Look { located, header } = molecules::look(path).ok()?;
    let platform = match &located.layout {
        Layout::Xenium => Some("xenium"),
        Layout::Merscope => Some("merscope"),
        Layout::Cosmx => Some("cosmx"),
        Layout::Seqfish => Some("seqfish"),
        Layout::File | Layout::SpatialData { .. } | Layout::Parts => None,
    };
    Some(FoundInput {
        platform,
        gene: if let Layout::SpatialData { gene } = located.layout { gene } else { None },
        tables: located.tables,
        header,
        nuclei: located.nuclei,
        cells: located.cells,
        description: located.description,
    })
}

/// Reads the molecules, and the prior segmentation if it is one of their columns.
pub fn load(input: &InputSettings, prior: &PriorSettings, observer: &dyn Observer) -> anyhow::Result<MoleculeTable> {
    read(input, prior.source.as_ref().and_then(|source| prior_column(source, prior)), observer)
}

/// Reads what [`load`] reads, but of the carried columns only how to read them.
pub fn scan(input: &InputSettings, prior: &PriorSettings, observer: &dyn Observer) -> anyhow::Result<molecules::Scan> {
    observer.stage("Loading data");
    let prior = prior.source.as_ref().and_then(|source| prior_column(source, prior));
    let scan = molecules::scan(&read_request(input, prior))?;
    tell(&scan.table, observer);
    Ok(scan)
}

/// Reads the molecules alone.
pub fn load_plain(input: &InputSettings, observer: &dyn Observer) -> anyhow::Result<MoleculeTable> {
    read(input, None, observer)
}

/// The content of the inputs: of the molecule table, and of a prior segmentation in a file.
pub fn fingerprint(table: &MoleculeTable, prior: Option<Fingerprint>) -> Vec<u8> {
    let parts = std::iter::once(table.fingerprint).chain(prior);
    parts.flat_map(|part| [part.size.to_le_bytes(), part.hash.to_le_bytes()].concat()).collect()
}

fn read(
    input: &InputSettings,
    prior: Option<molecules::PriorColumn>,
    observer: &dyn Observer,
) -> anyhow::Result<MoleculeTable> {
    observer.stage("Loading data");
    let table = molecules::read(&read_request(input, prior))?;
    tell(&table, observer);
    check_number(&table)?;
    Ok(table)
}

fn tell(table: &MoleculeTable, observer: &dyn Observer) {
    for note in &table.notes {
        match note {
            Note::Info(text) => observer.info(text),
            Note::Warning(text) => observer.warning(text),
        }
    }
}

/// Refuses tables that are too large for one run.
pub fn check_number(table: &MoleculeTable) -> anyhow::Result<()> {
    anyhow::ensure!(
        table.molecules.len() <= MAX_MOLECULES,
        "{}: {} molecules; a run takes at most {MAX_MOLECULES}. Divide the slide with --max-memory or baysor split",
        table.path.display(),
        table.molecules.len()
    );
    Ok(())
}

/// What the settings ask the reader for.
fn read_request(input: &InputSettings, prior: Option<molecules::PriorColumn>) -> molecules::ReadRequest {
    let (columns, crop) = (&input.columns, &input.crop);
    molecules::ReadRequest {
        path: input.molecules.clone(),
        columns: molecules::ColumnNames {
            x: columns.x.clone(),
            y: columns.y.clone(),
            z: columns.z.clone(),
            gene: columns.gene.clone(),
            qv: columns.qv.clone(),
        },
        force_2d: input.force_2d,
        coordinate_scale: Some(input.coordinate_scale),
        z_scale: Some(input.z_scale),
        min_molecules_per_gene: input.min_molecules_per_gene,
        exclude_genes: input.exclude_genes.clone(),
        min_qv: input.min_qv,
        crop: molecules::Crop {
            x_min: crop.x_min,
            x_max: crop.x_max,
            y_min: crop.y_min,
            y_max: crop.y_max,
            z_min: crop.z_min,
            z_max: crop.z_max,
        },
        drop_duplicates: input.drop_duplicates,
        prior,
    }
}

fn prior_column(source: &PriorSource, settings: &PriorSettings) -> Option<molecules::PriorColumn> {
    match source {
        PriorSource::Column { name } => Some(molecules::PriorColumn {
            name: name.clone(),
            unassigned_label: settings.unassigned_label.clone(),
            label_is_given: settings.label_is_given,
            only: settings.only.clone().map(|(column, value)| molecules::OnlyWhere { column, value }),
        }),
        PriorSource::File { .. } => None,
    }
}
