//! An estimate as text.

use super::{Estimate, StageEstimate, TilesEstimate};
use crate::pipeline::machine::{show_bytes, show_seconds};
use crate::report::digits;

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
    lines.push("Without split, which fits up to a million molecules first, and merge.".to_owned());
    lines
}

/// A number with commas between groups of three digits.
fn grouped(number: u64) -> String {
    digits::grouped(number, ',')
}

#[cfg(test)]
mod tests {
    use super::super::{InputFacts, SettingFacts, TrialFacts};
    use super::*;

    fn stage(name: &'static str, memory_bytes: u64, seconds: f64) -> StageEstimate {
        StageEstimate { name, memory_bytes, seconds, cpu_seconds: 2.0 * seconds }
    }

    fn estimate() -> Estimate {
        Estimate {
            format: "baysor-estimate",
            format_version: 1,
            baysor_version: "0",
            input: InputFacts {
                n_rows: 1_100_000,
                n_molecules: 1_000_000,
                n_genes: 300,
                n_dims: 2,
                carried_bytes_per_molecule: 8.0,
                n_segments: Some(7_000),
            },
            settings: SettingFacts { threads: 2, scale: 5.7, iterations: 500, n_cells_init: 80_000, n_clusters: 4 },
            peak_memory_bytes: 300 << 20,
            peak_memory_mib: 300,
            memory_uncertainty: 0.2,
            seconds: 100.0,
            cpu_seconds: 200.0,
            time_uncertainty: 0.25,
            stages: vec![stage("loading", 90 << 20, 0.5), stage("model", 300 << 20, 99.5)],
            trial: TrialFacts {
                n_molecules: 20_000,
                iterations: 500,
                clustering_iterations: 180,
                n_cells: 200,
                seconds: 5.0,
            },
            tiles: None,
        }
    }

    #[test]
    fn the_table_has_a_line_per_stage_and_their_sum() {
        let text = text(&estimate());
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(
            lines[0],
            "1,000,000 molecules of 1,100,000 rows, 300 genes, 2D, 7,000 segments of a prior; scale 5.7000, 500 \
             iterations, 2 threads"
        );
        assert_eq!(lines[3], "loading           90 MiB         0.5 s         1.0 s");
        assert_eq!(lines[5], "run              300 MiB    1 min 40 s    3 min 20 s");
        assert_eq!(lines[7], "Memory: 240 MiB to 360 MiB.");
        assert!(lines[8].starts_with("Time: 1 min 15 s to 2 min 5 s, on this machine"), "{text}");
        assert!(text.ends_with("twice as many.\n") && !text.contains("Tiles"), "{text}");
    }

    #[test]
    fn tiles_are_told_if_they_are_needed() {
        let tiles = TilesEstimate {
            is_needed: true,
            n_tiles: 4,
            max_molecules_per_tile: 400_000,
            margin: 45.6,
            n_molecules: vec![310_000, 300_000, 290_000, 280_000],
            overlap: 1.18,
            peak_memory_bytes: 100 << 20,
            peak_memory_mib: 100,
            seconds: 30.0,
            cpu_seconds: 60.0,
            total_seconds: 115.0,
            total_cpu_seconds: 230.0,
            stages: vec![stage("model", 100 << 20, 30.0)],
        };
        let none = TilesEstimate { is_needed: false, ..tiles.clone() };
        let of = |tiles| text(&Estimate { tiles: Some(tiles), ..estimate() });
        let told = of(tiles);
        assert!(told.contains("Tiles: 4 of up to 310,000 molecules, margins of 45.6000 included (18 % more"), "{told}");
        assert!(told.contains("all tiles        100 MiB    1 min 55 s    3 min 50 s"), "{told}");
        assert!(of(none).ends_with("stays within these limits.\n"));
    }

    #[test]
    fn numbers_are_grouped() {
        assert_eq!([0, 999, 1000, 1_234_567].map(grouped), ["0", "999", "1,000", "1,234,567"]);
    }
}
