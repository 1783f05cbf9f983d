//! `run`: from molecules to cells.

use crate::config::RunSettings;
use crate::observe::Observer;

/// Segments molecules as `settings` say.
///
/// # Errors
///
/// Always, for now.
pub fn run(_settings: &RunSettings, _observer: &dyn Observer) -> anyhow::Result<()> {
    anyhow::bail!("the pipeline is not there yet")
}
