//! `preview`: a report on the molecules, with parameters to begin with.

mod command;
mod controls;
mod genes;
mod noise_level;
mod pictures;
mod place;
mod suggest;

use std::io::Write as _;
use std::path::Path;

use serde::Serialize;

use super::former::{Former, Replaces};
use super::places::Places;
use super::{input, prior, sizing};
use crate::config::resolve::default_confidence_nn_id;
use crate::config::{PreviewSettings, VERSION};
use crate::graph;
use crate::io::atomic;
use crate::io::molecules::{MoleculeTable, ReadFacts, repeats};
use crate::io::stage::StageReader;
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Observer;
use crate::report::preview::{
    self as page, ControlFacts, DepthFacts, MoleculeFacts, NoiseFacts, Pictures, Preview, Suggestion, multiqc,
};
use crate::spatial::order::hilbert_order;

use noise_level::Minimum;

/// The minimum of molecules per cell that the noise is estimated with when none is given.
///
/// METHOD: the neighbor that gives the noise distance is the sixth then, which lies within a cell for all but the
/// sparsest protocols, and is not so near that chance decides.
const ASSUMED_MINIMUM: usize = 10;
/// A larger share of repetitions is told at the top.
const MANY_DUPLICATES: f64 = 0.01;

/// Reads molecules and writes the report on them.
///
/// The same inputs and settings give the same bytes for any number of threads.
pub fn run(settings: &PreviewSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    input::with_threads(settings.program.threads, || run_in_pool(settings, observer))
}

fn run_in_pool(settings: &PreviewSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    // Where nothing can be written, nothing is read.
    atomic::prepare(&settings.outputs.page)?;
    atomic::prepare(&settings.outputs.numbers)?;
    let table = if settings.input.is_stage {
        prior::stage::read(&prior::stage::open(&settings.input.molecules, observer)?, StageReader::molecules, observer)?
            .0
    } else {
        input::load_plain(&settings.input, observer)?
    };
    let (preview, pictures) = look(table, settings, observer);
    observer.stage(&format!("Saving the report to {}", settings.outputs.page.display()));
    let (outputs, places) = (&settings.outputs, Places::of_preview(settings));
    let former = Former::new(outputs.all(), &outputs.log, places, "the preview".to_owned(), Replaces::All, observer);
    former.commit(|| write(&preview, pictures, settings))
}

/// All numbers and pictures.
fn look(table: MoleculeTable, settings: &PreviewSettings, observer: &dyn Observer) -> (Preview, Pictures) {
    let MoleculeTable { molecules, genes, mut seen, .. } = table;
    if settings.input.is_stage {
        let (positions, genes) = (&molecules.positions, &molecules.genes);
        seen.n_duplicates = repeats(&positions.x, &positions.y, positions.z.as_deref(), genes).n_duplicates;
    }
    observer.stage("Looking at places and genes");
    let facts = place::facts(&molecules.positions, genes.len(), seen.n_duplicates);
    let z = place::depth(&molecules.positions, settings.input.force_2d, facts.spacing);
    // From here on molecules are sorted in space.
    let molecules = molecules.permuted(&hilbert_order(&molecules.positions));

    observer.stage("Building the molecule graph");
    let graph = graph::weigh(&graph::build(&molecules, Draws::new(settings.program.seed, Stream::Jitter)));
    observer.stage("Estimating noise level");
    let assumed = Minimum { n: ASSUMED_MINIMUM, origin: "assumed" };
    let mut minimum = settings.min_molecules_per_cell.map_or(assumed, |n| Minimum { n, origin: "given" });
    let noise_of = |minimum: Minimum| {
        let nn_id = settings.confidence_nn_id.unwrap_or_else(|| default_confidence_nn_id(minimum.n));
        noise_level::estimate(&molecules, &graph, nn_id, minimum)
    };
    let (mut confidence, mut noise) = noise_of(minimum);
    observer.stage("Looking for the size of cells");
    let mut suggestion = if noise.text.is_some() {
        suggest::suggestion(sizing::suggest(&molecules, &confidence, settings.program.seed, observer))
    } else {
        suggest::without_density()
    };
    if let Some(n) = suggestion.min_molecules_per_cell.filter(|_| settings.min_molecules_per_cell.is_none()) {
        // What `run` will see with the minimum suggested.
        let suggested = Minimum { n, origin: "suggested" };
        observer.stage("Estimating noise level again");
        let again = noise_of(suggested);
        if again.1.text.is_some() {
            minimum = suggested;
            (confidence, noise) = again;
        } else {
            suggestion = suggest::without_density();
        }
    }
    tell(&noise, &suggestion, observer);
    let unit = suggest::unit(&suggestion, &molecules.positions);

    observer.stage("Arranging genes");
    let mut genes = genes::facts(&molecules, &confidence, &genes);
    genes::arrange(&mut genes, &molecules, &graph, &confidence, settings.program.seed);
    drop(graph);
    let controls = find_controls(&genes, &seen, molecules.len());
    observer.stage("Drawing molecules");
    let (pictures, picture_facts) = pictures::draw(&molecules, &confidence, minimum, &unit, settings, observer);

    let exclude_genes = controls::exclude_genes(&controls, &settings.input.exclude_genes);
    let command =
        command::suggested(settings, suggestion.scale, suggestion.min_molecules_per_cell, exclude_genes.as_deref());
    let preview = Preview {
        format: "baysor-preview",
        format_version: page::FORMAT_VERSION,
        baysor_version: VERSION,
        warnings: warnings(&facts, &z, &controls),
        molecules: facts,
        unit,
        noise,
        suggestion: Suggestion { exclude_genes, command, ..suggestion },
        genes,
        controls,
        z,
        pictures: picture_facts,
    };
    (preview, pictures)
}

/// The most important numbers, for the terminal and the log.
fn tell(noise: &NoiseFacts, suggestion: &Suggestion, observer: &dyn Observer) {
    match &noise.text {
        Some(text) => observer.info(text),
        None => observer.warning("Noise cannot be told: all molecules are (nearly) equally far from their neighbors"),
    }
    match (suggestion.scale, suggestion.min_molecules_per_cell) {
        (Some(scale), Some(minimum)) => {
            observer.info(&format!("Suggested: --scale {scale} -m {minimum} (certainty: {})", suggestion.certainty))
        }
        _ => observer.info(&format!("No scale is suggested. {}", suggestion.reasons.join(" "))),
    }
}

/// What the reader of the page should not miss.
fn warnings(molecules: &MoleculeFacts, z: &DepthFacts, controls: &ControlFacts) -> Vec<String> {
    let mut warnings = Vec::new();
    if controls.n_genes > 0 {
        warnings.push(format!(
            "{} genes are controls of the panel by their names; the command above leaves them out.",
            controls.n_genes
        ));
    }
    if molecules.duplicate_share > MANY_DUPLICATES {
        warnings.push(format!(
            "{} molecules repeat another one (same gene, same place). If the table was exported with duplicates, remove \
             them: they look like dense cells.",
            molecules.n_duplicates
        ));
    }
    if z.try_2d {
        warnings.push(z.advice.clone());
    }
    warnings
}

/// Controls among the genes that are left and those that the filters removed.
fn find_controls(genes: &page::GeneFacts, seen: &ReadFacts, n_molecules: usize) -> ControlFacts {
    let kept = genes.table.iter().map(|gene| controls::Counted {
        name: &gene.name,
        n_molecules: gene.molecules,
        is_removed: false,
    });
    let removed = seen.removed_genes.iter().map(|gene| controls::Counted {
        name: &gene.name,
        n_molecules: gene.n_molecules,
        is_removed: true,
    });
    controls::find(&kept.chain(removed).collect::<Vec<_>>(), n_molecules as u64)
}

/// Writes pictures and numbers, and the page last.
fn write(preview: &Preview, pictures: Pictures, settings: &PreviewSettings) -> anyhow::Result<()> {
    let outputs = &settings.outputs;
    for (what, png) in [("transcripts", &pictures.expression), ("confidence", &pictures.confidence)] {
        if let Some(png) = png {
            atomic::write_file(&outputs.multiqc(what, "png"), |file| file.write_all(png))?;
        }
    }
    for (what, content) in multiqc::contents(preview, &outputs.sample) {
        write_json(&outputs.multiqc(what, "json"), &content)?;
    }
    write_json(&outputs.numbers, preview)?;
    let document = page::document(preview, pictures);
    atomic::write_file(&outputs.page, |file| document.write(file))?;
    Ok(())
}

fn write_json(path: &Path, value: &impl Serialize) -> anyhow::Result<()> {
    let mut text = serde_json::to_string_pretty(value)?;
    text.push('\n');
    atomic::write_file(path, |file| file.write_all(text.as_bytes()))?;
    Ok(())
}
