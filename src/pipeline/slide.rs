//! What belongs to a slide as a whole, fitted once, so that its parts are segmented alike.

use super::compartments::CompartmentUse;
use super::model::{self, Grounds, Known, Part, pick};
use super::prior::Prior;
use super::scale::Scale;
use super::trusted::TrustedSegments;
use crate::bmm::{self, Course, Evidence, Learned};
use crate::composition::{ColorModel, ColorParams};
use crate::config::RunSettings;
use crate::data::{GeneTable, Molecules};
use crate::io::stage::{SlideFit, SlideMarkers, SlideOwners};
use crate::noise::{self, NoiseFit, PriorTrust};
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Observer;
use crate::spatial::frame::Frame;
use crate::spatial::order::{hilbert_order_in, stretches};
use crate::spatial::tiling::{TileCount, Tiling};

/// Molecules that the fit looks at, at most.
const MAX_FITTED: usize = 1_000_000;
/// Molecules on which the course of the noise density is found, at most.
const MAX_COURSE: usize = 200_000;
/// Stretches of the Hilbert curve that they come from, if that is not everything.
const N_STRETCHES: usize = 16;

/// A slide to be fitted. Molecules and prior are in the order of the ids.
#[derive(Clone, Copy)]
pub struct Slide<'a> {
    /// All molecules.
    pub molecules: &'a Molecules,
    /// Names of the genes.
    pub genes: &'a GeneTable,
    /// The prior segmentation.
    pub prior: Option<&'a Prior>,
    /// Expected cell radius.
    pub scale: Scale,
    /// Genes of compartments.
    pub compartment_genes: Option<&'a CompartmentUse>,
    /// How the slide is segmented.
    pub settings: &'a RunSettings,
}

/// The fit of a slide, and what is known of its molecules from it.
pub struct FittedSlide {
    /// The fit.
    pub fit: SlideFit,
    /// Confidence of every molecule, if all were fitted. `[n_molecules]`
    confidence: Option<Vec<f32>>,
    /// Distances that count are no longer.
    longest: f32,
    /// Where components start from nuclei that genes show: of the molecules that could be further centers, the share
    /// that are.
    center_share: Option<f64>,
}

impl Slide<'_> {
    /// Fits what belongs to the slide.
    ///
    /// Up to a million molecules are looked at: all of a smaller slide; of a larger one 16 stretches along the Hilbert
    /// curve, evenly spread. The course of the noise density is that of the model itself, on up to 200,000 of them.
    /// The same for any number of threads.
    ///
    /// METHOD: in the whole, the density of noise follows from the components of all tissue in every iteration. Tiles
    /// that found it alone would call different molecules noise on the two sides of a border.
    pub fn fit(&self, observer: &dyn Observer) -> anyhow::Result<FittedSlide> {
        let Self { molecules, settings, scale, compartment_genes, .. } = *self;
        let frame = Frame::of(&molecules.positions);
        let chosen = stretches(&hilbert_order_in(&molecules.positions, &frame), MAX_FITTED, N_STRETCHES);
        let is_all = chosen.len() == molecules.len();
        if !is_all {
            observer.info(&format!("The slide is fitted by {} of its {} molecules", chosen.len(), molecules.len()));
        }
        let sample = molecules.permuted(&chosen);
        let prior = self.prior.map(|prior| permuted_part(prior, &chosen));
        let known = Known { scale, compartment_genes, part: None, keeps_course: true };
        let grounds = Grounds::prepare(&sample, prior.as_ref(), known, settings, None, observer)?;
        let trusted = TrustedSegments::new(prior.as_ref(), grounds.regions.as_ref(), None, settings);
        let (mut n_cells_init, _) = trusted.n_cells_init(&sample, scale, None, settings);
        if settings.n_cells_init.is_some() {
            n_cells_init = (n_cells_init as f64 * chosen.len() as f64 / molecules.len() as f64).round() as usize;
        }
        let (owners, segments) = (trusted.owners, trusted.in_use());
        let centers =
            bmm::init::centers(&sample, &grounds.confidence.values, segments, owners, scale.radius, n_cells_init);
        let n_candidates = bmm::init::n_candidates(&sample, &grounds.confidence.values, trusted.in_use());
        let has_nuclei = grounds.regions.as_ref().is_some_and(|regions| regions.nuclei.is_some());
        let by_genes = has_nuclei && !(prior.is_some() && settings.prior_confidence > 0.0);
        let (noise, longest) = (grounds.confidence.fit, grounds.confidence.longest);
        let mut fit = SlideFit {
            frame,
            edges: grounds.edges,
            noise,
            scale: scale.radius,
            scale_std: scale.std,
            scale_origin: scale.origin.to_owned(),
            clustering: grounds.clustering.and_then(|clusters| clusters.course),
            log_noise_density: Vec::new(),
            owners: owners.map(|owners| SlideOwners { are_nuclei: owners.is_exclusive, learned: Vec::new() }),
            markers: compartment_genes.map(|genes| self.marker_names(genes)),
            is_colored: settings.colors.is_some(),
            colors: None,
        };
        (fit.log_noise_density, fit.owners) = {
            let places: Vec<u32> = (0..sample.len() as u32).collect();
            let places = stretches(&places, MAX_COURSE, N_STRETCHES);
            let few = sample.permuted(&places);
            let mut is_center = vec![false; sample.len()];
            centers.iter().for_each(|&molecule| is_center[molecule as usize] = true);
            let (confidence, is_center) = (pick(&grounds.confidence.values, &places), pick(&is_center, &places));
            let prior = prior.as_ref().map(|prior| permuted_part(prior, &places));
            let part = Part { fit: &fit, confidence: &confidence, is_center: &is_center };
            let (densities, learned) = course_of(
                &few,
                prior.as_ref(),
                Known { part: Some(part), keeps_course: false, ..known },
                settings,
                observer,
            )?;
            (densities, fit.owners.clone().map(|owners| SlideOwners { learned, ..owners }))
        };
        if let Some(colors) = settings.colors {
            observer.stage("Coloring neighborhoods");
            let n_neighbors = colors.n_neighbors(molecules.n_genes, settings.min_molecules_per_cell);
            let params = ColorParams::of_run(n_neighbors, colors.method, settings.program.seed);
            fit.colors = ColorModel::fit(&sample, &grounds.confidence.values, &params, observer);
        }
        let confidence = is_all.then(|| {
            let mut by_row = vec![0.0; molecules.len()];
            chosen.iter().zip(&grounds.confidence.values).for_each(|(&row, &value)| by_row[row as usize] = value);
            by_row
        });
        let center_share = by_genes.then(|| centers.len() as f64 / n_candidates.max(1) as f64);
        Ok(FittedSlide { fit, confidence, longest, center_share })
    }

    fn marker_names(&self, genes: &CompartmentUse) -> SlideMarkers {
        let names =
            |genes: &[crate::data::GeneIdx]| genes.iter().map(|gene| self.genes.names()[gene.idx()].clone()).collect();
        SlideMarkers { nuclei: names(genes.markers.nuclear()), cyto: names(genes.markers.cytoplasmic()) }
    }

    /// Confidence of every molecule by the fit. `[n_molecules]`
    ///
    /// What was fitted as a whole keeps its confidences. Otherwise tiles are looked at one after another.
    pub fn confidence(&self, fitted: &mut FittedSlide, tiling: &Tiling) -> Vec<f32> {
        if let Some(confidence) = fitted.confidence.take() {
            return confidence;
        }
        let Self { molecules, settings, .. } = *self;
        let mut by_row = vec![noise::DEFAULT_CONFIDENCE; molecules.len()];
        let Some(fit) = &fitted.fit.noise else { return by_row };
        for (tile, rows) in self.molecules_of_tiles(tiling).iter().enumerate() {
            let positions = molecules.positions.permuted(rows);
            let in_core = |&place: &u32| {
                let [x, y, _] = positions.at(place as usize);
                tiling.tile_of(x, y) == tile
            };
            let wanted: Vec<u32> = (0..rows.len() as u32).filter(in_core).collect();
            let distances = noise::neighbor_distances_of(&positions, &wanted, settings.confidence_nn_id);
            let rows = pick(rows, &wanted);
            for (row, value) in rows.iter().zip(self.confidence_of(&rows, &distances, fit, fitted.longest)) {
                by_row[*row as usize] = value;
            }
        }
        by_row
    }

    /// The molecules of every tile, margins included, ascending.
    fn molecules_of_tiles(&self, tiling: &Tiling) -> Vec<Vec<u32>> {
        let positions = &self.molecules.positions;
        let room = |count: TileCount| Vec::with_capacity(count.n_all as usize);
        let mut tiles: Vec<Vec<u32>> = tiling.count(&positions.x, &positions.y).into_iter().map(room).collect();
        for molecule in 0..positions.len() {
            tiling.tiles_with(positions.x[molecule], positions.y[molecule], |tile| tiles[tile].push(molecule as u32));
        }
        tiles
    }

    fn confidence_of(&self, rows: &[u32], distances: &[f32], fit: &NoiseFit, longest: f32) -> Vec<f32> {
        let segment_of = self.prior.map(|prior| pick(&prior.segment_of, rows));
        let trust = segment_of
            .as_deref()
            .map(|segment_of| PriorTrust { segment_of, prior_confidence: self.settings.prior_confidence });
        noise::values(distances, fit, longest, trust)
    }

    /// The molecules that components start from besides segments. `[n_molecules]`
    pub fn centers(&self, fitted: &FittedSlide, confidence: &[f32]) -> Vec<bool> {
        let Self { molecules, settings, .. } = *self;
        let trusted = TrustedSegments::new(self.prior, None, None, settings);
        let centers = match fitted.center_share {
            // Those in nuclei are left out where the nuclei are known: in the tiles.
            Some(share) => {
                let n = (share * bmm::init::n_candidates(molecules, confidence, None) as f64).round() as usize;
                bmm::init::centers(molecules, confidence, None, None, self.scale.radius, n)
            }
            None => {
                let scale = self.scale.radius;
                let (n_cells_init, _) = trusted.n_cells_init(molecules, self.scale, None, settings);
                bmm::init::centers(molecules, confidence, trusted.in_use(), trusted.owners, scale, n_cells_init)
            }
        };
        let mut is_center = vec![false; molecules.len()];
        centers.into_iter().for_each(|molecule| is_center[molecule as usize] = true);
        is_center
    }
}

/// The prior of some molecules, with sizes of segments among them.
fn permuted_part(prior: &Prior, rows: &[u32]) -> Prior {
    Prior::new(pick(&prior.segment_of, rows))
}

/// ln of the density of noise, and what is learned of cells where segments own them, at the start and after every
/// iteration of the model on some molecules.
fn course_of(
    molecules: &Molecules,
    prior: Option<&Prior>,
    known: Known<'_>,
    settings: &RunSettings,
    observer: &dyn Observer,
) -> anyhow::Result<(Vec<f64>, Vec<Learned>)> {
    let Grounds { graph, confidence, clustering, regions, .. } =
        Grounds::prepare(molecules, prior, known, settings, None, observer)?;
    observer.stage("Finding the course of the noise density");
    let trusted = TrustedSegments::new(prior, regions.as_ref(), known.part, settings);
    let (n_cells_init, _) = trusted.n_cells_init(molecules, known.scale, known.part, settings);
    let params = model::params(known.scale, &trusted, n_cells_init, None, settings);
    let evidence = Evidence {
        molecules,
        graph: &graph,
        confidence: &confidence.values,
        clusters: clustering.as_ref().map(|clusters| &clusters.cluster_of[..]),
        segments: trusted.segments,
        compartments: regions.as_ref().map(|regions| regions.evidence()),
        centers: known.part.map(|part| part.is_center),
    };
    let mut course = Course::start(&evidence, &params, Draws::new(settings.program.seed, Stream::Assignment))?;
    let mut log_noise_density = vec![course.log_noise_density()];
    let mut learned: Vec<Learned> = course.learned().into_iter().collect();
    while !course.is_done() {
        course.advance()?;
        observer.iteration(&course.progress());
        log_noise_density.push(course.log_noise_density());
        learned.extend(course.learned());
    }
    Ok((log_noise_density, learned))
}
