//! The same for a slide that is divided into tiles.

use serde::Serialize;

use super::clock::Cost;
use super::sight::Sight;
use super::stages::{self, Basis, StageEstimate};
use crate::config::{MaxMemory, RunSettings};
use crate::pipeline::memory::{self, Stage, Workload};
use crate::pipeline::tile_size;
use crate::spatial::tiling;

/// Tiles, and what each needs.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TilesEstimate {
    /// Whether the run divides the slide at all: not if it stays within the memory that was named.
    pub is_needed: bool,
    /// Number of tiles.
    pub n_tiles: usize,
    /// Molecules of a tile at most, margin included.
    pub max_molecules_per_tile: u64,
    /// Width of the margin in coordinate units.
    pub margin: f64,
    /// Molecules of every tile, margin included.
    pub n_molecules: Vec<u64>,
    /// Molecules of all tiles per molecule of the slide: what margins cost.
    pub overlap: f64,
    /// Of the largest tile.
    pub peak_memory_bytes: u64,
    /// The same, in whole MiB, rounded up.
    pub peak_memory_mib: u64,
    /// Seconds for the largest tile.
    pub seconds: f64,
    /// Computing seconds for it.
    pub cpu_seconds: f64,
    /// Seconds for all tiles, one after the other.
    pub total_seconds: f64,
    /// Computing seconds for all tiles.
    pub total_cpu_seconds: f64,
    /// Stages of the run of the largest tile.
    pub stages: Vec<StageEstimate>,
}

/// Plans tiles if the settings want them, and foretells their runs.
///
/// Errors: tiles that cannot be as small as wanted; memory that no tile stays within.
pub fn estimate(settings: &RunSettings, sight: &Sight, basis: &Basis<'_>) -> anyhow::Result<Option<TilesEstimate>> {
    if settings.max_molecules_per_tile.is_none() && settings.max_memory.is_none() {
        return Ok(None);
    }
    let slide = basis.workload;
    let limit = settings.max_memory.map(tile_size::bytes_of).transpose()?;
    let within = limit.map(|bytes| molecules_within(slide, bytes, settings.max_memory)).transpose()?;
    let wanted = settings.max_molecules_per_tile.map(|n| n as u64);
    let max_molecules = within.into_iter().chain(wanted).min().unwrap_or(u64::MAX);
    let positions = &sight.table.molecules.positions;
    let margin = settings.margin_scales * basis.trial.scale;
    let at_most = usize::try_from(max_molecules).unwrap_or(usize::MAX);
    let tiling = tiling::plan(&positions.x, &positions.y, at_most, margin)?;
    let n_molecules: Vec<u64> = tiling.count(&positions.x, &positions.y).iter().map(|count| count.n_all).collect();
    let of_tile = |n: u64| stages::estimate(&slide.of_tile(n), basis, is_of_tile);
    let largest = n_molecules.iter().copied().max().unwrap_or(0);
    let stages = of_tile(largest);
    let cost: Cost = stages.iter().map(StageEstimate::cost).sum();
    let total: Cost = n_molecules.iter().flat_map(|&n| of_tile(n)).map(|stage| stage.cost()).sum();
    let peak = memory::peak(&slide.of_tile(largest));
    Ok(Some(TilesEstimate {
        is_needed: wanted.is_some_and(|n| n < slide.n_molecules)
            || limit.is_some_and(|bytes| memory::peak(slide) > bytes),
        n_tiles: n_molecules.len(),
        max_molecules_per_tile: max_molecules.min(slide.n_molecules),
        margin,
        overlap: n_molecules.iter().sum::<u64>() as f64 / slide.n_molecules.max(1) as f64,
        n_molecules,
        peak_memory_bytes: peak,
        peak_memory_mib: stages::mebibytes(peak),
        seconds: cost.seconds,
        cpu_seconds: cost.cpu_seconds,
        total_seconds: total.seconds,
        total_cpu_seconds: total.cpu_seconds,
        stages,
    }))
}

fn molecules_within(slide: &Workload, bytes: u64, wish: Option<MaxMemory>) -> anyhow::Result<u64> {
    let tile = slide.of_tile(slide.n_molecules);
    memory::molecules_for_memory(&tile, bytes).ok_or_else(|| {
        let name = if wish == Some(MaxMemory::Auto) { "what is available" } else { "--max-memory" };
        let least = stages::mebibytes(memory::peak(&tile.with_molecules(1)));
        anyhow::anyhow!("{name}: {} MiB are too little for any tile; the program alone needs {least} MiB", bytes >> 20)
    })
}

/// The noise level is that of the slide.
fn is_of_tile(stage: Stage) -> bool {
    stage != Stage::Noise
}
