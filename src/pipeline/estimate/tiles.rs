//! The same for a slide that is divided into tiles.

use serde::Serialize;

use super::clock::Cost;
use super::sight::Sight;
use super::stages::{self, Basis, StageEstimate, Whole};
use crate::config::RunSettings;
use crate::pipeline::memory;
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
    // As `split` does it.
    let tile = sight.start.workload_of_tile(slide.n_molecules, settings)?;
    let at_most = tile_size::molecules_per_tile(settings.max_molecules_per_tile, settings.max_memory, &tile)?;
    let positions = &sight.start.table.molecules.positions;
    let margin = settings.margin_scales * basis.trial.scale;
    let tiling = tiling::plan(&positions.x, &positions.y, at_most, margin).map_err(|error| {
        anyhow::anyhow!("{error}. Allow {} molecules in a tile, or a narrower margin (--margin)", error.least)
    })?;
    let n_molecules: Vec<u64> = tiling.count(&positions.x, &positions.y).iter().map(|count| count.n_all).collect();
    let of_tile = |n: u64| stages::estimate(&slide.of_tile(n), basis, Whole::Tile);
    let largest = n_molecules.iter().copied().max().unwrap_or(0);
    let stages = of_tile(largest);
    let cost: Cost = stages.iter().map(StageEstimate::cost).sum();
    let total: Cost = n_molecules.iter().flat_map(|&n| of_tile(n)).map(|stage| stage.cost()).sum();
    let peak = memory::peak(&slide.of_tile(largest));
    Ok(Some(TilesEstimate {
        is_needed: slide.n_molecules > at_most as u64,
        n_tiles: n_molecules.len(),
        max_molecules_per_tile: (at_most as u64).min(slide.n_molecules),
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
