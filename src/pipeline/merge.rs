//! `merge`: finished tiles into one result.

use crate::config::MergeSettings;
use crate::observe::Observer;

/// Puts the tiles of a slide together.
pub fn merge(settings: &MergeSettings, _observer: &dyn Observer) -> anyhow::Result<()> {
    anyhow::bail!("{}: not written yet", settings.stage.display())
}
