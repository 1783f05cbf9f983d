//! `segfree`: compositions and colors of the neighborhoods of molecules, without cells.

use serde_json::json;

use super::former::{Former, Replaces};
use super::model::{inverse, pick};
use super::places::Places;
use super::{input, manifest, prior};
use crate::composition::{self, Color, ColorParams, Neighborhoods};
use crate::config::options::Command;
use crate::config::{SegfreeSettings, run_id};
use crate::data::Molecules;
use crate::graph;
use crate::io::atomic;
use crate::io::export::ncvs::{self, MoleculeColumns};
use crate::io::molecules::MoleculeTable;
use crate::io::stage::{Estimate, InputFingerprint, NcvTable, StageKind, StageReader, StageWriter};
use crate::noise;
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Observer;
use crate::spatial::order::hilbert_order;

/// Reads molecules and writes their neighborhoods.
///
/// The same inputs and settings give the same bytes for any number of threads.
pub fn run(settings: &SegfreeSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    input::with_threads(settings.program.threads, || run_in_pool(settings, observer))
}

fn run_in_pool(settings: &SegfreeSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    // Where nothing can be written, nothing is read.
    if let Some(output) = &settings.output {
        atomic::prepare(output)?;
    }
    if let Some(stage) = &settings.stage {
        drop(StageWriter::create(stage, StageKind::Segfree)?);
    }
    let table = if settings.input.is_stage {
        prior::stage::read(&prior::stage::open(&settings.input.molecules, observer)?, StageReader::molecules, observer)?
            .0
    } else {
        input::load_plain(&settings.input, observer)?
    };
    let molecules = &table.molecules;
    let n_neighbors = settings.colors.n_neighbors(table.genes.len(), settings.min_molecules_per_cell);
    let origin = if settings.colors.n_neighbors.is_some() { "given" } else { "derived" };
    observer.info(&format!("Neighborhoods of {n_neighbors} molecules ({origin})"));

    observer.stage("Estimating noise level");
    let confidence = confidence(molecules, settings);
    observer.stage("Coloring neighborhoods");
    let params = ColorParams::of_segfree(n_neighbors, settings.colors.method, settings.program.seed);
    let colors = composition::colors(molecules, &confidence, &params, observer);

    if let Some(stage) = &settings.stage {
        observer.stage(&format!("Saving the stage to {}", stage.display()));
        write_stage(stage, settings, &table, &colors, &confidence, (n_neighbors, origin))?;
    }
    if let Some(output) = &settings.output {
        observer.stage(&format!("Saving neighborhoods to {}", output.display()));
        let columns = MoleculeColumns { colors: &colors, confidence: &confidence };
        let run_id = run_id::segfree_id(&input::fingerprint(&table, None), settings);
        let neighborhoods = Neighborhoods::new(molecules, n_neighbors);
        let (places, origin) = (Places::of_segfree(settings), format!("run {run_id}"));
        let former = Former::new(vec![output.clone()], &settings.log, places, origin, Replaces::All, observer);
        former.commit(|| Ok(ncvs::write_ncvs(output, &table.genes, &run_id, &neighborhoods, columns)?))?;
    }
    Ok(())
}

/// Probability of every molecule to be real, as `run` estimates it without a prior segmentation.
fn confidence(molecules: &Molecules, settings: &SegfreeSettings) -> Vec<f32> {
    let order = hilbert_order(&molecules.positions);
    let sorted = molecules.permuted(&order);
    let spatial = graph::build(&sorted, Draws::new(settings.program.seed, Stream::Jitter));
    let confidence = noise::estimate(&sorted, settings.confidence_nn_id, &graph::weigh(&spatial), None);
    pick(&confidence.values, &inverse(&order))
}

fn write_stage(
    folder: &std::path::Path,
    settings: &SegfreeSettings,
    table: &MoleculeTable,
    colors: &[Color],
    confidence: &[f32],
    (n_neighbors, origin): (usize, &str),
) -> anyhow::Result<()> {
    let mut writer = StageWriter::create(folder, StageKind::Segfree)?;
    writer.ncv(&NcvTable {
        ids: table.molecules.ids.clone(),
        colors: colors.iter().map(|color| color.0).collect(),
        confidence: confidence.to_vec(),
    })?;
    writer.genes(&table.genes, &manifest::molecules_of_genes(table))?;
    let values: Vec<_> = settings
        .program
        .values
        .iter()
        .filter(|given| given.def.commands.contains(&Command::Segfree))
        .map(|given| (given.def, given.value.clone()))
        .collect();
    let mut manifest = manifest::begin(StageKind::Segfree, &settings.program, &values);
    manifest.inputs.push(InputFingerprint::new("molecules", table.fingerprint));
    manifest.timing.paths.push(table.path.display().to_string());
    manifest.estimates.push(Estimate::new("n_neighbors", json!(n_neighbors), origin));
    for (name, value) in [("n_molecules", table.molecules.len()), ("n_genes", table.genes.len())] {
        manifest.summary.insert(name.to_owned(), json!(value));
    }
    writer.finish(manifest)?;
    Ok(())
}
