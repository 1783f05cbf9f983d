//! The kinds of stages.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::schema::{self, Table};

/// Which subcommand a stage comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StageKind {
    /// Molecules with a prior segmentation, and the scale that it suggests.
    Prior,
    /// Colors and confidences from the neighborhoods of molecules.
    Segfree,
    /// Molecules with their cells.
    Run,
    /// A part of a slide, with what was estimated from all of it.
    Tile,
    /// Finished tiles put together.
    Merge,
}

impl StageKind {
    /// All kinds.
    pub const ALL: [Self; 5] = [Self::Prior, Self::Segfree, Self::Run, Self::Tile, Self::Merge];

    /// The name in manifests and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Prior => "prior",
            Self::Segfree => "segfree",
            Self::Run => "run",
            Self::Tile => "tile",
            Self::Merge => "merge",
        }
    }

    /// Tables without which a stage of this kind is not complete.
    pub fn required_tables(self) -> &'static [&'static Table] {
        match self {
            Self::Prior => &[&schema::MOLECULES, &schema::GENES],
            Self::Tile => &[&schema::MOLECULES, &schema::GENES, &schema::SLIDE_FIT],
            Self::Segfree => &[&schema::NCV, &schema::GENES],
            Self::Run | Self::Merge => &[&schema::MOLECULES, &schema::GENES, &schema::CELLS, &schema::COUNTS],
        }
    }
}

impl fmt::Display for StageKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
