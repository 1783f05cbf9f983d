//! What belongs to a slide as a whole, fitted once, so that its parts are segmented alike.

use super::compartments::CompartmentUse;
use super::model::{self, Grounds, Heeded, Known, Part, pick};
use super::prior::Prior;
use super::scale::Scale;
use crate::bmm::{self, Course, Evidence};
use crate::config::RunSettings;
use crate::data::Molecules;
use crate::graph::EdgeLengths;
use crate::noise::NoiseFit;
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Observer;
use crate::spatial::frame::Frame;
use crate::spatial::order::hilbert_order_in;

/// Molecules that the fit looks at, at most.
const MAX_FITTED: usize = 1_000_000;
/// Molecules on which the course of the noise density is found, at most.
const MAX_COURSE: usize = 200_000;
/// Stretches of the Hilbert curve that they come from, if that is not everything.
const N_STRETCHES: usize = 16;

/// What is fitted once for a slide and used by all its tiles.
#[derive(Clone, Debug, PartialEq)]
pub struct SlideFit {
    /// Extent of the slide.
    pub frame: Frame,
    /// What is usual among edges.
    pub edges: EdgeLengths,
    /// The noise fit, with the longest distance that counts.
    pub noise: Option<(NoiseFit, f32)>,
    /// Profiles of the molecule clusters. `[n_clusters * n_genes]`
    pub profiles: Option<Vec<f64>>,
    /// ln of the density of noise, for the start and every iteration of the model.
    pub log_noise_density: Vec<f64>,
}

/// The fit, and what follows from it for every molecule.
pub struct FittedSlide {
    /// The fit.
    pub fit: SlideFit,
    /// Confidence of the molecules that were fitted, if these are all. `[n_molecules]`
    pub confidence: Option<Vec<f32>>,
    /// Of the molecules fitted that could be centers, the share that are.
    pub center_share: f64,
}

/// Fits what belongs to the slide.
///
/// Up to a million molecules are looked at: all of a smaller slide; of a larger one 16 stretches along the Hilbert
/// curve, evenly spread. The course of the noise density is that of the model itself, on up to 200,000 of them.
/// `molecules` are in any order, and ids ascend with it. The same for any number of threads.
pub fn fit(
    molecules: &Molecules,
    prior: Option<&Prior>,
    scale: Scale,
    compartment_genes: Option<&CompartmentUse>,
    settings: &RunSettings,
    observer: &dyn Observer,
) -> anyhow::Result<FittedSlide> {
    let frame = Frame::of(&molecules.positions);
    let order = hilbert_order_in(&molecules.positions, &frame);
    let chosen = stretches(&order, MAX_FITTED);
    let is_all = chosen.len() == order.len();
    drop(order);
    if !is_all {
        observer.info(&format!("The slide is fitted by {} of its {} molecules", chosen.len(), molecules.len()));
    }
    let sample = molecules.permuted(&chosen);
    let sample_prior = prior.map(|prior| prior.permuted(&chosen));
    let known = Known { scale, compartment_genes, part: None };
    let grounds = Grounds::prepare(&sample, sample_prior.as_ref(), known, settings, observer)?;
    let mut fit = SlideFit {
        frame,
        edges: grounds.edges,
        noise: grounds.noise,
        profiles: grounds.clustering.as_ref().map(|clusters| clusters.fixed_profiles.clone()),
        log_noise_density: Vec::new(),
    };
    let heeded = Heeded::new(sample_prior.as_ref(), grounds.regions.as_ref(), settings);
    let (n_cells_init, _) = heeded.n_cells_init(&sample, None, settings);
    let centers = bmm::init::centers(&sample, &grounds.confidence, heeded.trusted(), n_cells_init);
    let n_candidates = bmm::init::n_candidates(&sample, &grounds.confidence, heeded.trusted());
    let mut is_center = vec![false; sample.len()];
    centers.iter().for_each(|&molecule| is_center[molecule as usize] = true);
    fit.log_noise_density = {
        let places: Vec<u32> = (0..sample.len() as u32).collect();
        let places = stretches(&places, MAX_COURSE);
        let few = sample.permuted(&places);
        let confidence = pick(&grounds.confidence, &places);
        let is_center = pick(&is_center, &places);
        let prior = sample_prior.as_ref().map(|prior| prior.permuted(&places));
        let part = Part { fit: &fit, confidence: &confidence, is_center: &is_center };
        let known = Known { part: Some(part), ..known };
        observer.stage("Finding the course of the noise density");
        noise_course(&few, prior.as_ref(), known, settings, observer)?
    };
    let confidence = is_all.then(|| {
        let mut by_row = vec![0.0; molecules.len()];
        chosen.iter().zip(&grounds.confidence).for_each(|(&row, &value)| by_row[row as usize] = value);
        by_row
    });
    Ok(FittedSlide { fit, confidence, center_share: centers.len() as f64 / n_candidates.max(1) as f64 })
}

/// All of `order`, or up to `n` in equal stretches, evenly spread.
fn stretches(order: &[u32], n: usize) -> Vec<u32> {
    if order.len() <= n {
        return order.to_vec();
    }
    let (length, step) = (n / N_STRETCHES, order.len() / N_STRETCHES);
    let from = |stretch: usize| stretch * step + (step - length) / 2;
    (0..N_STRETCHES).flat_map(|stretch| &order[from(stretch)..from(stretch) + length]).copied().collect()
}

/// ln of the density of noise at the start and after every iteration of the model on some molecules.
fn noise_course(
    molecules: &Molecules,
    prior: Option<&Prior>,
    known: Known<'_>,
    settings: &RunSettings,
    observer: &dyn Observer,
) -> anyhow::Result<Vec<f64>> {
    let Grounds { graph, confidence, clustering, regions, .. } =
        Grounds::prepare(molecules, prior, known, settings, observer)?;
    let heeded = Heeded::new(prior, regions.as_ref(), settings);
    let (n_cells_init, _) = heeded.n_cells_init(molecules, known.part, settings);
    let params = model::params(known.scale, &heeded, n_cells_init, None, settings);
    let evidence = Evidence {
        molecules,
        graph: &graph,
        confidence: &confidence,
        clusters: clustering.as_ref().map(|clusters| &clusters.cluster_of[..]),
        segments: heeded.segments,
        compartments: regions.as_ref().map(|regions| regions.evidence()),
        centers: known.part.map(|part| part.is_center),
    };
    let mut course = Course::start(&evidence, &params, Draws::new(settings.program.seed, Stream::Assignment))?;
    let mut log_noise_density = vec![course.log_noise_density()];
    while !course.is_done() {
        course.advance()?;
        observer.iteration(&course.progress());
        log_noise_density.push(course.log_noise_density());
    }
    Ok(log_noise_density)
}
