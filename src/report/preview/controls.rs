//! Controls of the panel: how many molecules they have, and how to leave them out.

use super::super::document::{Block, Level, Section};
use super::{ControlFacts, ControlFamily, Preview, digits, grouped, percent};

/// A control with more than this share of the molecules of a gene is suspicious.
const MANY: f64 = 0.1;

pub(super) fn section(preview: &Preview) -> Section {
    let mut section = Section::new("Panel_Controls", "Controls of the panel");
    let controls = &preview.controls;
    if controls.families.is_empty() {
        section.push(Block::Text(
            "No gene has a name like that of a control (NegControl…, BLANK…, Unassigned…, Deprecated…, antisense…, \
             Intergenic…, NegPrb…, SystemControl…). Either the panel has none, or they were removed before."
                .to_owned(),
        ));
        return section;
    }
    let (level, head) = match (controls.n_genes, &preview.suggestion.exclude_genes) {
        (0, _) | (_, None) => (Level::Good, "All controls are removed by the filters".to_owned()),
        (n, Some(_)) => (
            Level::Careful,
            format!("{} controls with {} of the molecules take part", grouped(n as u64), percent(controls.share)),
        ),
    };
    let mut sentences = vec![rate(controls)];
    if controls.n_genes > 0 {
        sentences.push("Controls are no genes: leave them out of the segmentation.".to_owned());
    }
    section.push(Block::Verdict(level, head, sentences));
    if let Some(patterns) = &preview.suggestion.exclude_genes {
        section.push(Block::Code(format!("--exclude-genes '{}'", patterns.replace('\'', "'\\''"))));
    }
    let row = |family: &ControlFamily| {
        vec![
            format!("{}…", family.prefix),
            grouped(family.n_genes as u64),
            grouped(family.n_removed_genes as u64),
            grouped(family.n_molecules),
            family.meaning.to_owned(),
            family.examples.join(", "),
        ]
    };
    section.push(Block::Table {
        head: ["Names", "#Controls", "#Removed", "#Molecules", "Meaning", "Examples"].map(str::to_owned).to_vec(),
        rows: controls.families.iter().map(row).collect(),
    });
    section
}

/// How often controls are seen, compared with genes.
fn rate(controls: &ControlFacts) -> String {
    match (controls.median_per_control, controls.median_per_gene, controls.ratio) {
        (Some(control), Some(gene), Some(ratio)) => {
            let judgement = if ratio > MANY {
                "That is much: false molecules are a good part of all genes."
            } else {
                "That is as it should be."
            };
            format!(
                "The median control has {} molecules, the median gene {}: {}. {judgement}",
                digits(control, 3),
                digits(gene, 3),
                percent(ratio)
            )
        }
        _ => "There are only controls; check the gene column.".to_owned(),
    }
}
