//! The report of `preview`: what is in a table of molecules, and what to begin with.
//!
//! KEEPS: the sections `Transcript_Plots`, `Noise_Level` and `Gene_Structure` of Baysor 0.7.1 with a picture right after
//! the headings of the first two, and the order of the charts: distances, genes, embedding. Programs look for them.

mod charts;
mod controls;
mod genes;
pub mod multiqc;
mod noise;
mod numbers;
mod start;

pub use numbers::{
    Bins, ControlFacts, ControlFamily, DepthFacts, FORMAT_VERSION, Gene, GeneFacts, MANY_VALUES, MoleculeFacts,
    NoiseFacts, NormalFacts, PictureFacts, Preview, RARE, Suggestion, Trial, Unit,
};

use super::digits;
use super::document::{Block, Caption, Document, Section};

/// The pictures of the report, PNG files.
#[derive(Clone, Debug, Default)]
pub struct Pictures {
    /// Molecules by local expression.
    pub expression: Option<Vec<u8>>,
    /// Molecules by confidence.
    pub confidence: Option<Vec<u8>>,
}

/// The page.
pub fn document(preview: &Preview, pictures: Pictures) -> Document {
    let Pictures { expression, confidence } = pictures;
    let molecules = &preview.molecules;
    Document {
        title: "Baysor preview".to_owned(),
        subtitle: format!("{} molecules of {} genes", grouped(molecules.n as u64), grouped(molecules.n_genes as u64)),
        sections: vec![
            start::section(preview),
            transcripts(preview, expression),
            noise::section(preview, confidence),
            genes::section(preview),
            start::evidence(preview),
            controls::section(preview),
            start::input(preview),
        ],
        footer: format!("Baysor {}", preview.baysor_version),
    }
}

fn transcripts(preview: &Preview, picture: Option<Vec<u8>>) -> Section {
    let mut section = Section::new("Transcript_Plots", "Transcript plots");
    let PictureFacts { n_molecules, n_neighbors, has_colors } = preview.pictures;
    let Some(png) = picture else {
        section.push(Block::Text("There is nothing to draw.".to_owned()));
        return section;
    };
    let shown = if n_molecules < preview.molecules.n {
        format!(" {} of {} molecules are drawn.", grouped(n_molecules as u64), grouped(preview.molecules.n as u64))
    } else {
        String::new()
    };
    let caption = if has_colors {
        Caption {
            shows: format!(
                "Molecules colored by local expression: similar colors mean similar genes among the {n_neighbors} \
                 nearest molecules. Colors can be compared within this picture only.{shown}"
            ),
            good: "patches, layers and spots of one color, as large as cells or cell types.".to_owned(),
            bad: "one mixture of all colors everywhere (few molecules per cell, or much noise); straight edges where \
                  fields of view meet (stitching or staining differs)."
                .to_owned(),
        }
    } else {
        Caption::new(
            &format!("Molecules. All neighborhoods are alike, so that there are no colors to tell them apart.{shown}"),
            "",
            "with more than a few genes this means that genes are mixed at random; check the gene column.",
        )
    };
    section.push(Block::Picture { png, alt: "Molecules colored by local expression".to_owned(), caption });
    section
}

/// A whole number with commas between thousands.
fn grouped(number: u64) -> String {
    digits::grouped(number, ',')
}

/// A number with so many significant digits, without an exponent where people need none.
fn digits(value: f64, n: usize) -> String {
    if value == 0.0 || !value.is_finite() {
        return "0".to_owned();
    }
    let size = value.abs().log10().floor() as i32;
    if value.abs() >= 1e4 {
        return grouped(value.abs().round() as u64).replacen("", if value < 0.0 { "-" } else { "" }, 1);
    }
    if size < -5 {
        return format!("{value:.*e}", n.saturating_sub(1));
    }
    let decimals = (n as i32 - 1 - size).max(0) as usize;
    let text = format!("{value:.decimals$}");
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
}

/// A share in percent.
fn percent(share: f64) -> String {
    format!("{} %", digits(100.0 * share, 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
        assert_eq!(
            [0.0, 6.5, 6.4999, 0.01234, 123.4, 56_789.4, -3.25].map(|value| digits(value, 3)),
            ["0", "6.5", "6.5", "0.0123", "123", "56,789", "-3.25"]
        );
        assert_eq!(percent(0.0789), "7.9 %");
        assert_eq!(digits(-12_345.0, 3), "-12,345");
    }
}
