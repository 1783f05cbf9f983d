//! An estimate as text.

use super::{Estimate, StageEstimate, TilesEstimate};
use crate::pipeline::machine::{show_bytes, show_seconds};

/// The estimate for people: what was read, a line per stage, the sum, and tiles.
pub fn text(estimate: &Estimate) -> String {
    let mut lines = vec![what(estimate), String::new()];
    lines.extend(table(&estimate.stages));
    lines.push(row("run", estimate.peak_memory_bytes, estimate.seconds, estimate.cpu_seconds));
    lines.push(String::new());
    let range = |value: f64, share: f64| [value * (1.0 - share), value * (1.0 + share)];
    let [least, most] = range(estimate.peak_memory_bytes as f64, estimate.memory_uncertainty);
    lines.push(format!("Memory: {} to {}.", show_bytes(least as u64), show_bytes(most as u64)));
    let [least, most] = range(estimate.seconds, estimate.time_uncertainty);
    let trial = &estimate.trial;
    lines.push(format!(
        "Time: {} to {}, on this machine with as much other work on it as now; measured on {} molecules with {} \
         iterations of the model.",
        show_seconds(least),
        show_seconds(most),
        grouped(trial.n_molecules as u64),
        trial.iterations
    ));
    if trial.clustering_iterations > 0 {
        lines.push(format!(
            "Clusters took {} iterations there; a whole slide may need half or twice as many.",
            trial.clustering_iterations
        ));
    }
    if let Some(tiles) = &estimate.tiles {
        lines.push(String::new());
        lines.extend(of_tiles(tiles));
    }
    lines.join("\n") + "\n"
}

fn what(estimate: &Estimate) -> String {
    let (input, settings) = (&estimate.input, &estimate.settings);
    let rows =
        if input.n_rows > input.n_molecules { format!(" of {} rows", grouped(input.n_rows)) } else { String::new() };
    let prior = input.n_segments.map_or(String::new(), |n| format!(", {} segments of a prior", grouped(n)));
    format!(
        "{} molecules{rows}, {} genes, {}D{prior}; scale {:.4}, {} iterations, {} threads",
        grouped(input.n_molecules),
        input.n_genes,
        input.n_dims,
        settings.scale,
        settings.iterations,
        settings.threads
    )
}

fn table(stages: &[StageEstimate]) -> Vec<String> {
    let mut lines = vec![format!("{:<14}{:>10}{:>14}{:>14}", "", "memory", "time", "computing")];
    lines.extend(stages.iter().map(|stage| row(stage.name, stage.memory_bytes, stage.seconds, stage.cpu_seconds)));
    lines
}

fn row(name: &str, bytes: u64, seconds: f64, cpu_seconds: f64) -> String {
    format!("{name:<14}{:>10}{:>14}{:>14}", show_bytes(bytes), show_seconds(seconds), show_seconds(cpu_seconds))
}

fn of_tiles(tiles: &TilesEstimate) -> Vec<String> {
    if !tiles.is_needed {
        return vec!["Tiles: none are needed, the whole slide stays within these limits.".to_owned()];
    }
    let most = tiles.n_molecules.iter().copied().max().unwrap_or(0);
    let mut lines = vec![
        format!(
            "Tiles: {} of up to {} molecules, margins of {:.4} included ({:.0} % more molecules in all).",
            tiles.n_tiles,
            grouped(most),
            tiles.margin,
            100.0 * (tiles.overlap - 1.0)
        ),
        String::new(),
    ];
    lines.extend(table(&tiles.stages));
    lines.push(row("largest tile", tiles.peak_memory_bytes, tiles.seconds, tiles.cpu_seconds));
    lines.push(row("all tiles", tiles.peak_memory_bytes, tiles.total_seconds, tiles.total_cpu_seconds));
    lines.push(String::new());
    lines.push("Without split and merge, which take less than the tiles together.".to_owned());
    lines
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
