//! `prior`: molecules with their prior segmentation, as a stage of its own.

use crate::config::PriorStageSettings;
use crate::observe::Observer;

/// Reads molecules and their prior segmentation and writes both, with what they tell.
pub fn run(_settings: &PriorStageSettings, _observer: &dyn Observer) -> anyhow::Result<()> {
    anyhow::bail!("later")
}
