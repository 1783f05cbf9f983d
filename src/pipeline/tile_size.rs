//! How many molecules a tile may have, for the memory that there is.

use super::machine;
use crate::config::{MOLECULES_PER_TILE, MaxMemory};

/// Memory of the program itself, in bytes.
const PROGRAM: u64 = 20 << 20;
/// Memory of a run per molecule at its peak, in bytes, carried columns not included.
const PER_MOLECULE: u64 = 350;
/// Share of the available memory that is used with `auto`: other programs live, too.
const USED_SHARE: f64 = 0.8;
/// Tiles of fewer molecules are mostly margin.
const LEAST_MOLECULES: u64 = 20_000;

/// Memory that the run of so many molecules needs, in bytes. `carried`: bytes of carried columns per molecule.
pub fn memory_of_run(n_molecules: u64, carried: u64) -> u64 {
    PROGRAM + n_molecules * (PER_MOLECULE + carried)
}

/// The largest number of molecules whose run stays within a limit: what [`memory_of_run`] says backwards.
fn molecules_within(bytes: u64, carried: u64) -> u64 {
    bytes.saturating_sub(PROGRAM) / (PER_MOLECULE + carried)
}

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
/// [`MOLECULES_PER_TILE`] if neither is given. `carried`: bytes of carried columns per molecule.
///
/// Errors: a limit of memory with which tiles would be mostly margin.
pub fn molecules_per_tile(
    max_molecules: Option<usize>,
    max_memory: Option<MaxMemory>,
    carried: u64,
) -> anyhow::Result<usize> {
    let Some(memory) = max_memory else { return Ok(max_molecules.unwrap_or(MOLECULES_PER_TILE)) };
    let bytes = bytes_of(memory)?;
    let within = molecules_within(bytes, carried);
    anyhow::ensure!(
        within >= LEAST_MOLECULES,
        "--max-memory: {} are too little, enough for tiles of {within} molecules only; at least {} are needed",
        machine::show_bytes(bytes),
        machine::show_bytes(memory_of_run(LEAST_MOLECULES, carried))
    );
    let within = usize::try_from(within).unwrap_or(usize::MAX);
    Ok(max_molecules.map_or(within, |n| n.min(within)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_and_molecules_are_each_others_inverse() {
        for n in [0, 20_000, 1_000_000, 123_456_789] {
            assert_eq!(molecules_within(memory_of_run(n, 24), 24), n);
        }
        assert_eq!(molecules_within(1, 0), 0);
    }

    #[test]
    fn the_stricter_limit_counts() {
        let memory = |bytes: u64| Some(MaxMemory::Bytes(bytes));
        let of_million = memory(memory_of_run(1_000_000, 0));
        assert_eq!(molecules_per_tile(None, None, 0).unwrap(), MOLECULES_PER_TILE);
        assert_eq!(molecules_per_tile(Some(500), None, 0).unwrap(), 500);
        assert_eq!(molecules_per_tile(None, of_million, 0).unwrap(), 1_000_000);
        assert_eq!(molecules_per_tile(Some(500), of_million, 0).unwrap(), 500);
        assert_eq!(molecules_per_tile(Some(5_000_000), of_million, 0).unwrap(), 1_000_000);
        assert!(molecules_per_tile(None, of_million, 100).unwrap() < 800_000);
    }

    #[test]
    fn too_little_memory_is_told_with_what_is_needed() {
        let error = molecules_per_tile(None, Some(MaxMemory::Bytes(21 << 20)), 0).unwrap_err().to_string();
        assert!(error.contains("21 MiB are too little") && error.contains("at least 27 MiB"), "{error}");
    }

    #[test]
    fn what_is_available_is_found_on_linux() {
        if cfg!(target_os = "linux") {
            assert!(bytes_of(MaxMemory::Auto).unwrap() > 1 << 20);
        }
    }
}
