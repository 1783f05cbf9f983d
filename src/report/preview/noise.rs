//! Noise: the picture of confidences, the distances they come from.

use super::super::document::{Block, Caption, Fact, Section};
use super::{Preview, charts, digits, percent};

pub(super) fn section(preview: &Preview, picture: Option<Vec<u8>>) -> Section {
    let mut section = Section::new("Noise_Level", "Noise level");
    let noise = &preview.noise;
    if let Some(png) = picture {
        let caption = Caption::new(
            "Molecules colored by confidence, the probability that a molecule is real and not background: blue is \
             real, red is noise. Molecules that are far from their neighbors are noise.",
            "cells or tissue in blue, thin red in between.",
            "red inside of cells, or blue where no tissue is. Another -m changes how many neighbors count.",
        );
        section.push(Block::Picture { png, alt: "Molecules colored by confidence".to_owned(), caption });
    }
    match &noise.text {
        Some(text) => {
            section.push(Block::Text(text.clone()));
            section.push(Block::Text(
                "Minimal: molecules that are noise almost surely (confidence below 0.01). Expected: the share of noise \
                 by all confidences."
                    .to_owned(),
            ));
        }
        None => {
            section.push(Block::Text(
                "Noise cannot be told: all molecules are (nearly) equally far from their neighbors, or there are too \
                 few of them. Every molecule counts as real with the same confidence."
                    .to_owned(),
            ));
        }
    }
    if noise.distances.is_some() {
        let fitted = if noise.signal.is_some() { ", with the two normals that are fitted to them" } else { "" };
        let caption = Caption::new(
            &format!(
                "Distances of the molecules to their {} nearest neighbor, below the 0.99 quantile{fitted}. Short \
                 distances are those within cells.",
                ordinal(noise.nn_id)
            ),
            "two hills, or one with a long tail to the right, and a curve on each.",
            "both curves on the same hill: real molecules and noise are equally dense, and cells cannot be told from \
             background by density.",
        );
        section.push(Block::Chart(charts::distances(preview), caption));
    }
    section.push(Block::Facts(facts(preview)));
    section
}

fn facts(preview: &Preview) -> Vec<Fact> {
    let (noise, unit) = (&preview.noise, preview.unit.of_length());
    let from = format!("from -m {} ({})", noise.min_molecules_per_cell, noise.min_molecules_per_cell_origin);
    let mut facts = vec![Fact::new("Neighbor that counts", ordinal(noise.nn_id), &from)];
    let shares = [("Minimal noise", noise.minimal), ("Expected noise", noise.expected)];
    facts.extend(shares.into_iter().filter_map(|(name, share)| Some(Fact::new(name, percent(share?), ""))));
    for (name, normal) in [("Distance within cells", noise.signal), ("Distance in the background", noise.background)] {
        if let Some(normal) = normal {
            let note = format!("± {} {unit}", digits(normal.std, 3));
            facts.push(Fact::new(name, digits(normal.mean, 3), &note));
        }
    }
    facts
}

/// `1st`, `2nd`, `11th`.
fn ordinal(number: usize) -> String {
    let ending = match (number % 10, number % 100) {
        (1, rest) if rest != 11 => "st",
        (2, rest) if rest != 12 => "nd",
        (3, rest) if rest != 13 => "rd",
        _ => "th",
    };
    format!("{number}{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ordinals_are_english() {
        assert_eq!(
            [1, 2, 3, 4, 11, 12, 21, 113].map(ordinal),
            ["1st", "2nd", "3rd", "4th", "11th", "12th", "21st", "113th"]
        );
    }
}
