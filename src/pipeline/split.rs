//! `split`: a slide into tiles.

use crate::config::SplitSettings;
use crate::observe::Observer;

/// Divides a slide into tiles, each a stage of its own.
pub fn split(settings: &SplitSettings, _observer: &dyn Observer) -> anyhow::Result<()> {
    anyhow::bail!("{}: not written yet", settings.output.display())
}
