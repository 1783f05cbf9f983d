//! How many molecules a tile may have, for the memory that there is.

use super::machine;
use super::memory::{Workload, molecules_for_memory, peak};
use crate::config::{MOLECULES_PER_TILE, MaxMemory};

/// Share of the available memory that is used with `auto`: other programs live, too.
const USED_SHARE: f64 = 0.8;
/// Tiles of fewer molecules are mostly margin.
const LEAST_MOLECULES: u64 = 20_000;

/// Bytes that a limit of memory means.
///
/// Errors: `auto`, where the system does not tell what is available.
pub fn bytes_of(memory: MaxMemory) -> anyhow::Result<u64> {
    match memory {
        MaxMemory::Bytes(bytes) => Ok(bytes),
        MaxMemory::Auto => {
            let available = machine::available_memory().ok_or_else(|| {
                anyhow::anyhow!(
                    "--max-memory auto: this system does not tell how much memory is available; give a size"
                )
            })?;
            Ok((available as f64 * USED_SHARE) as u64)
        }
    }
}

/// Molecules of a tile, margin included, at most: the smaller of what was given and what memory allows;
/// [`MOLECULES_PER_TILE`] if neither is given. `tile`: the work on a tile, of any size, from [`Workload::of_tile`].
///
/// Errors: a limit of memory with which tiles would be mostly margin.
pub fn molecules_per_tile(
    max_molecules: Option<usize>,
    max_memory: Option<MaxMemory>,
    tile: &Workload,
) -> anyhow::Result<usize> {
    let Some(memory) = max_memory else { return Ok(max_molecules.unwrap_or(MOLECULES_PER_TILE)) };
    let bytes = bytes_of(memory)?;
    let within = molecules_for_memory(tile, bytes).unwrap_or(0);
    anyhow::ensure!(
        within >= LEAST_MOLECULES,
        "--max-memory: {} are too little, enough for tiles of {within} molecules; at least {} are needed",
        machine::show_bytes(bytes),
        machine::show_bytes(peak(&tile.with_molecules(LEAST_MOLECULES)))
    );
    let within = usize::try_from(within).unwrap_or(usize::MAX);
    Ok(max_molecules.map_or(within, |n| n.min(within)))
}

#[cfg(test)]
mod tests {
    use super::super::memory::Source;
    use super::*;

    fn tile() -> Workload {
        Workload {
            n_rows: 1_000_000,
            n_molecules: 1_000_000,
            n_dims: 2,
            n_genes: 300,
            source: Source::Stage,
            carried_bytes: 16.0,
            prior: None,
            n_cells_init: 66_000,
            n_clusters: 4,
            has_compartments: false,
            may_end_early: false,
            n_neighbors: Some(30),
            has_polygons: false,
            report_pixels: None,
            n_threads: 2,
        }
    }

    #[test]
    fn the_stricter_limit_counts() {
        let of_million = Some(MaxMemory::Bytes(peak(&tile())));
        let molecules = |n, memory, tile: &Workload| molecules_per_tile(n, memory, tile).unwrap();
        assert_eq!(molecules(None, None, &tile()), MOLECULES_PER_TILE);
        assert_eq!(molecules(Some(500), None, &tile()), 500);
        assert_eq!(molecules(Some(500), of_million, &tile()), 500);
        let within = molecules(None, of_million, &tile());
        assert!((999_000..1_001_000).contains(&within), "{within}");
        assert_eq!(molecules(Some(5_000_000), of_million, &tile()), within);
        let wide = Workload { carried_bytes: 216.0, ..tile() };
        assert!(molecules(None, of_million, &wide) < 800_000);
    }

    #[test]
    fn too_little_memory_is_told_with_what_is_needed() {
        let error = molecules_per_tile(None, Some(MaxMemory::Bytes(20 << 20)), &tile()).unwrap_err().to_string();
        assert!(error.contains("20 MiB are too little") && error.contains("at least "), "{error}");
        let needed = peak(&tile().with_molecules(LEAST_MOLECULES));
        assert!(molecules_per_tile(None, Some(MaxMemory::Bytes(needed)), &tile()).is_ok());
    }

    #[test]
    fn what_is_available_is_found_on_linux() {
        if cfg!(target_os = "linux") {
            assert!(bytes_of(MaxMemory::Auto).unwrap() > 1 << 20);
        }
    }
}
