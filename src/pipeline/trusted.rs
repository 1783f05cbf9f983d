//! Which segments the model uses: those of the prior, or nuclei that genes show; and how many components it starts from.

use super::compartments::{NUCLEI_CONFIDENCE, Regions};
use super::model::Part;
use super::prior::Prior;
use super::scale::Scale;
use crate::bmm::{self, OwnerParams, Segments};
use crate::config::{RunSettings, SegmentSettings};
use crate::data::Molecules;

/// The segments that the model uses, how far it trusts them, and what they are to it.
#[derive(Clone, Copy)]
pub struct TrustedSegments<'a> {
    /// Those of the prior segmentation, or nuclei that genes show.
    pub segments: Option<Segments<'a>>,
    /// Trust in them.
    pub confidence: f64,
    /// How they own cells; `None`: they are regions.
    pub owners: Option<OwnerParams>,
}

impl<'a> TrustedSegments<'a> {
    /// Chooses between the prior and nuclei. A prior of trust 0 is ignored, so that nuclei shown by genes take its place.
    ///
    /// Nuclei that genes show are regions: what looks like a nucleus there may be a part of one. Fewer than three segments
    /// say nothing of cells.
    pub fn new(
        prior: Option<&'a Prior>,
        regions: Option<&'a Regions>,
        part: Option<Part<'_>>,
        settings: &RunSettings,
    ) -> Self {
        let used = prior.filter(|_| settings.prior_confidence > 0.0);
        let nuclei = regions.and_then(|regions| regions.nuclei.as_ref()).filter(|_| used.is_none());
        let confidence = if nuclei.is_some() { NUCLEI_CONFIDENCE } else { settings.prior_confidence };
        let are_nuclei = match part {
            Some(part) => part.fit.owners.as_ref().map(|owners| owners.are_nuclei),
            None => used.and_then(|prior| prior.are_nuclei(&settings.prior)),
        };
        let SegmentSettings { free_cells, spread_is_given, .. } = settings.segments;
        let owners = are_nuclei.filter(|_| nuclei.is_none()).map(|is_exclusive| OwnerParams {
            is_exclusive,
            free_cells,
            spread_is_given,
        });
        Self { segments: nuclei.or(prior).map(Prior::segments), confidence, owners }
    }

    /// The segments, if they have a say.
    pub fn in_use(&self) -> Option<Segments<'a>> {
        self.segments.filter(|_| self.confidence > 0.0)
    }

    /// How many components the model starts from, and why.
    pub fn n_cells_init(
        &self,
        molecules: &Molecules,
        scale: Scale,
        part: Option<Part<'_>>,
        settings: &RunSettings,
    ) -> (usize, String) {
        if let Some(part) = part {
            let n_segments = self.in_use().map_or(0, |segments| segments.n_with_molecules());
            let n_centers = part.is_center.iter().filter(|&&is_center| is_center).count();
            return (n_segments + n_centers, "those of the slide that lie here".to_owned());
        }
        match settings.n_cells_init {
            Some(n_cells) => (n_cells, "given".to_owned()),
            None => {
                let least = settings.min_molecules_per_cell;
                match (self.in_use(), self.owners) {
                    (Some(segments), Some(owners)) => {
                        bmm::init::default_n_cells_init(molecules, segments, owners, scale.radius, least)
                    }
                    (segments, _) => bmm::params::default_n_cells_init(molecules.len(), least, segments),
                }
            }
        }
    }
}
