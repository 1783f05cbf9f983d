//! What the memory of a run depends on, from its settings and its table.

use super::memory::{PriorForm, PriorLoad, Source, Workload};
use super::prior::FoundPrior;
use crate::bmm;
use crate::config::values::Value;
use crate::config::{CompartmentGenes, PriorSource, RunSettings};
use crate::io::molecules::{MoleculeTable, TableForm, size_of_table};

/// What is known of the input of a run.
#[derive(Clone, Copy)]
pub struct Input<'a> {
    /// The molecules; carried columns may be missing.
    pub table: &'a MoleculeTable,
    /// Bytes of the carried columns per molecule.
    pub carried_bytes: f64,
    /// Their prior segmentation, if there is one.
    pub prior: Option<&'a FoundPrior>,
}

impl<'a> Input<'a> {
    /// A table that was read whole.
    pub fn whole(table: &'a MoleculeTable, prior: Option<&'a FoundPrior>) -> Self {
        let carried_bytes = bytes_per_row(&table.carried.frame, table.molecules.len());
        Self { table, carried_bytes, prior }
    }
}

/// Bytes that a frame takes per row.
pub fn bytes_per_row(frame: &polars::prelude::DataFrame, n_rows: usize) -> f64 {
    let bytes: usize = frame.columns().iter().map(|column| column.as_materialized_series().estimated_size()).sum();
    bytes as f64 / n_rows.max(1) as f64
}

impl Workload {
    /// The work of a run on its input. Reads footers and header of the table, no rows.
    pub fn of_run(settings: &RunSettings, input: Input<'_>) -> anyhow::Result<Self> {
        let molecules = &input.table.molecules;
        let n_molecules = molecules.len() as u64;
        let used = input.prior.filter(|_| settings.prior_confidence > 0.0).map(|found| found.prior.segments());
        let least = settings.min_molecules_per_cell;
        let derived = || bmm::params::default_n_cells_init(molecules.len(), least, used).0;
        let source = if settings.input.is_stage {
            Source::Stage
        } else {
            let size = size_of_table(&settings.input.molecules)?;
            match size.form {
                TableForm::Text { .. } => Source::Text { n_columns: size.n_columns },
                TableForm::Parquet { largest_group, .. } => Source::Parquet { largest_group },
            }
        };
        Ok(Self {
            n_rows: input.table.seen.n_rows.max(n_molecules),
            n_molecules,
            n_dims: molecules.positions.n_dims(),
            n_genes: molecules.n_genes,
            source,
            carried_bytes: input.carried_bytes,
            prior: input.prior.map(|found| prior_load(settings, found)),
            n_cells_init: settings.n_cells_init.unwrap_or_else(derived) as u64,
            n_clusters: settings.n_clusters,
            has_compartments: settings.compartment_genes != CompartmentGenes::None,
            may_end_early: settings.converged > 0.0,
            n_neighbors: settings.colors.map(|colors| colors.n_neighbors(molecules.n_genes, least)),
            has_polygons: settings.polygon_format.is_some()
                || settings.formats.iter().any(|form| form.needs_polygons()),
            report_pixels: settings.bundle().filter(|bundle| bundle.plot).map(|_| pixels(settings, n_molecules)),
            n_threads: settings.program.threads,
        })
    }
}

fn prior_load(settings: &RunSettings, found: &FoundPrior) -> PriorLoad {
    let is_known = settings.input.is_stage || !matches!(settings.prior.source, Some(PriorSource::File { .. }));
    let form = match (&found.stain, &found.placement) {
        _ if is_known => PriorForm::Known,
        (Some(_), Some(placement)) => {
            PriorForm::Stain { n_pixels: placement.size.width as u64 * placement.size.height as u64 }
        }
        _ => PriorForm::Areas,
    };
    PriorLoad { form, n_segments: found.table.rows.len() as u64 }
}

/// Pixels of the picture that the reports draw: as many as cells of the smallest size need, up to the largest picture.
fn pixels(settings: &RunSettings, n_molecules: u64) -> u64 {
    let whole = |path: &str| {
        let given = settings.program.values.iter().find(|given| given.def.path() == path);
        match given.map(|given| &given.value) {
            Some(Value::Int(number)) => number.unsigned_abs(),
            _ => 0,
        }
    };
    let side = whole("plotting.min_pixels_per_cell");
    let n_cells = n_molecules / settings.min_molecules_per_cell.max(1) as u64;
    let longest = whole("plotting.max_plot_size");
    side.saturating_mul(side).saturating_mul(n_cells).min(longest.saturating_mul(longest))
}
