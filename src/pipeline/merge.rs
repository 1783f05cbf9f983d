//! `merge`: finished tiles into one result.

use crate::config::MergeSettings;
use crate::observe::Observer;

/// Puts the tiles of a slide together.
pub fn merge(settings: &MergeSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    super::input::with_threads(settings.program.threads, || merge_in_pool(settings, observer))
}

/// [`merge`] on the threads of the caller.
pub fn merge_in_pool(settings: &MergeSettings, _observer: &dyn Observer) -> anyhow::Result<()> {
    anyhow::bail!("{}: not written yet", settings.stage.display())
}
