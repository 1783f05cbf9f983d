//! The M-step: every component refitted to its molecules.

use rayon::prelude::*;

use super::BmmError;
use super::cell_prior::Learned;
use super::components::{BLOCK, Component, Tallies};
use super::composition::{CountTable, CountsMut, Extent};
use super::groups::Groups;
use super::params::{Evidence, MIN_NUCLEAR_WEIGHT, NUCLEUS_QUANTILE, Params, Segments};
use super::shape::{self, Shape};
use super::state::State;
use crate::data::{ClusterIdx, Positions, SegmentIdx};
use crate::numeric::elementary::{LnTable, ln};
use crate::numeric::stats;

/// Refits all components to the current groups, then the noise density.
///
/// Parallel over blocks of components; sums over components are taken block by block in order.
pub fn refit(
    state: &mut State,
    evidence: &Evidence<'_>,
    params: &Params,
    learned: Option<Learned>,
) -> Result<(), BmmError> {
    let State { components, groups, logs, cell_prior, assignment, .. } = state;
    let borders = lay_out_tables(&mut components.list, groups, evidence.molecules.n_genes);
    components.tallies.resize_with(borders.len(), Tallies::default);
    let refitter = Refitter { groups, evidence, params, logs, by_prior: cell_prior.is_some() };
    let sums: Vec<(f64, usize)> = components
        .list
        .par_chunks_mut(BLOCK)
        .zip(components.counts.parts(&borders))
        .zip(&mut components.tallies)
        .enumerate()
        .map_init(Scratch::default, |scratch, (index, ((block, counts), tallies))| {
            refitter.refit_block(index * BLOCK, block, counts, tallies, scratch)
        })
        .collect();
    if let Some(prior) = cell_prior {
        prior.refit(components, groups, assignment, evidence, params, learned);
    }
    let (sum, n_components) = sums.iter().fold((0.0, 0), |a, b| (a.0 + b.0, a.1 + b.1));
    // Λ = η times the mean over components of their mean gene frequency, 1 / n_gen.
    let gene_density = if n_components > 0 { sum / n_components as f64 } else { 0.0 };
    state.log_noise_density = state.log_position_density + ln(gene_density);
    if state.log_noise_density.is_nan() || state.log_noise_density > 700.0 {
        return Err(BmmError::NoiseDensity { scale: params.scale });
    }
    Ok(())
}

/// Gives every component room for its gene counts; returns the extents at the end of each block.
fn lay_out_tables(components: &mut [Component], groups: &Groups, n_genes: usize) -> Vec<Extent> {
    let mut used = Extent::default();
    let mut borders = Vec::with_capacity(components.len().div_ceil(BLOCK));
    for (index, block) in components.chunks_mut(BLOCK).enumerate() {
        for (local, component) in block.iter_mut().enumerate() {
            let n_molecules = groups.size(index * BLOCK + local);
            component.table = CountTable::reserve(&mut used, n_molecules, n_genes);
        }
        borders.push(used);
    }
    borders
}

#[derive(Default)]
struct Scratch {
    cluster_sizes: Vec<u32>,
    segments: Vec<SegmentIdx>,
    visible: Vec<u32>,
    nuclei_probs: Vec<f64>,
}

/// What a refit reads.
struct Refitter<'a> {
    groups: &'a Groups,
    evidence: &'a Evidence<'a>,
    params: &'a Params,
    logs: &'a LnTable,
    /// Whether shapes and bases come from the [`cell_prior`](super::cell_prior) afterwards.
    by_prior: bool,
}

impl Refitter<'_> {
    /// Refits one block; returns the sum of 1 / n_gen and the number of components with molecules.
    fn refit_block(
        &self,
        first: usize,
        components: &mut [Component],
        mut counts: CountsMut<'_>,
        tallies: &mut Tallies,
        scratch: &mut Scratch,
    ) -> (f64, usize) {
        tallies.ends.clear();
        tallies.entries.clear();
        let molecules = self.evidence.molecules;
        let mut sum = 0.0;
        let mut n_alive = 0;
        for (local, component) in components.iter_mut().enumerate() {
            let members = self.groups.members(first + local);
            let n = members.len() as u32;
            component.n_molecules = n;
            if n > 0 {
                let visible = self.visible(members, &mut scratch.visible);
                component.n_genes = counts.fill(component.table, visible, &molecules.genes, molecules.n_genes);
                component.n_visible = visible.len() as u32;
                component.log_composition = self.logs.ln(visible.len() as u32 + 1);
                component.mean = mean_of(members, self.evidence);
                component.log_base = 0.0;
                if !self.by_prior {
                    set_shape(component, members, &self.evidence.molecules.positions, self.params);
                    component.log_base = self.logs.ln(n) - component.log_composition + component.shape.log_peak;
                }
                if let Some(compartments) = self.evidence.compartments.filter(|_| n > 1) {
                    component.log_base +=
                        log_nuclear_share(members, compartments.nuclei_probs, &mut scratch.nuclei_probs);
                }
                if let Some(clusters) = self.evidence.clusters {
                    component.dominant_cluster = dominant_cluster(members, clusters, &mut scratch.cluster_sizes);
                }
                if let Some(segments) = self.evidence.segments {
                    let begin = tallies.entries.len();
                    tally_segments(members, segments, &mut scratch.segments, &mut tallies.entries);
                    component.main_segment = main_segment(&tallies.entries[begin..], segments.sizes);
                }
                if component.n_genes > 0 {
                    sum += 1.0 / f64::from(component.n_genes);
                    n_alive += 1;
                }
            }
            tallies.ends.push(tallies.entries.len() as u32);
        }
        (sum, n_alive)
    }

    /// The members whose genes count in compositions.
    fn visible<'m>(&self, members: &'m [u32], scratch: &'m mut Vec<u32>) -> &'m [u32] {
        let Some(hidden) = self.evidence.compartments.and_then(|compartments| compartments.hidden_genes) else {
            return members;
        };
        let genes = &self.evidence.molecules.genes;
        scratch.clear();
        scratch.extend(members.iter().filter(|&&molecule| !hidden[genes[molecule as usize].idx()]));
        scratch
    }
}

/// ln of the factor on the density of a component by its nucleus: the 0.9 quantile of the nuclear
/// probabilities of its molecules (γ in spec 5.6), so that a tenth of them is nucleus enough.
///
/// DIFFERS: at least 0.01. In 0.7.1 a component of nothing but cytoplasm has a density of 0 and
/// loses all its molecules to noise at once, although sections cut cells beside their nucleus too.
fn log_nuclear_share(members: &[u32], nuclei_probs: &[f32], scratch: &mut Vec<f64>) -> f64 {
    scratch.clear();
    scratch.extend(members.iter().map(|&molecule| f64::from(nuclei_probs[molecule as usize])));
    ln(stats::quantile(scratch, NUCLEUS_QUANTILE).max(MIN_NUCLEAR_WEIGHT))
}

/// The center of a component.
///
/// METHOD: with compartments the mean is that of the nucleus: molecules weigh by their nuclear
/// probability. The covariance is that of all molecules around it. Source: spec 5.6.
fn mean_of(members: &[u32], evidence: &Evidence<'_>) -> [f64; 3] {
    let positions = &evidence.molecules.positions;
    match evidence.compartments {
        None => weighted_mean(members, positions, |_| 1.0),
        Some(compartments) => weighted_mean(members, positions, |molecule| {
            f64::from(compartments.nuclei_probs[molecule]).max(MIN_NUCLEAR_WEIGHT)
        }),
    }
}

/// Sets the shape around the mean. With too few molecules for a covariance it stays as it was.
fn set_shape(component: &mut Component, members: &[u32], positions: &Positions, params: &Params) {
    let n_dims = positions.n_dims();
    if members.len() <= n_dims {
        return;
    }
    let points = members.iter().map(|&molecule| positions.at(molecule as usize));
    let covariance = shape::covariance_around(component.mean, points);
    component.shape = Shape::from_covariance(covariance, members.len(), n_dims, params);
}

fn weighted_mean(members: &[u32], positions: &Positions, weight: impl Fn(usize) -> f64) -> [f64; 3] {
    let (mut mean, mut total) = ([0.0f64; 3], 0.0);
    for &molecule in members {
        let at = positions.at(molecule as usize);
        let weight = weight(molecule as usize);
        total += weight;
        for (sum, value) in mean.iter_mut().zip(at) {
            *sum += weight * value;
        }
    }
    mean.map(|sum| sum / total)
}

/// The most frequent cluster; of equally frequent ones the one that got there first.
fn dominant_cluster(members: &[u32], clusters: &[ClusterIdx], sizes: &mut Vec<u32>) -> Option<ClusterIdx> {
    sizes.clear();
    let (mut most, mut dominant) = (0, None);
    for &molecule in members {
        let cluster = clusters[molecule as usize];
        if sizes.len() <= cluster.idx() {
            sizes.resize(cluster.idx() + 1, 0);
        }
        let size = &mut sizes[cluster.idx()];
        *size += 1;
        if *size > most {
            (most, dominant) = (*size, Some(cluster));
        }
    }
    dominant
}

/// Appends (segment, number of members) for every segment met, ascending.
fn tally_segments(
    members: &[u32],
    segments: Segments<'_>,
    scratch: &mut Vec<SegmentIdx>,
    tallies: &mut Vec<(SegmentIdx, u32)>,
) {
    scratch.clear();
    scratch.extend(members.iter().filter_map(|&molecule| segments.segment_of[molecule as usize]));
    scratch.sort_unstable();
    tallies.extend(scratch.chunk_by(|a, b| a == b).map(|run| (run[0], run.len() as u32)));
}

/// The segment of which the component covers the largest share.
///
/// KEEPS: the share of the *segment* counts, so a small segment that is covered entirely beats a
/// large one covered by half; among entirely covered ones the largest wins.
fn main_segment(tallies: &[(SegmentIdx, u32)], sizes: &[u32]) -> Option<SegmentIdx> {
    let mut main: Option<(SegmentIdx, f64, u32)> = None;
    for &(segment, n_covered) in tallies {
        let size = sizes[segment.idx()];
        let share = f64::from(n_covered) / f64::from(size.max(1));
        let better = match main {
            None => true,
            Some((_, best_share, best_size)) => share > best_share + 1e-10 || (n_covered == size && size > best_size),
        };
        if better {
            main = Some((segment, share, size));
        }
    }
    main.map(|(segment, ..)| segment)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ties_between_clusters_go_to_the_first_to_get_there() {
        let clusters: Vec<ClusterIdx> = [2, 0, 0, 2].map(ClusterIdx::new).to_vec();
        assert_eq!(dominant_cluster(&[0, 1, 2, 3], &clusters, &mut Vec::new()), Some(ClusterIdx::new(0)));
        assert_eq!(dominant_cluster(&[], &clusters, &mut Vec::new()), None);
    }

    #[test]
    fn main_segment_is_the_one_covered_best() {
        let segment = SegmentIdx::new;
        let sizes = [100, 4, 10];
        assert_eq!(main_segment(&[(segment(0), 50), (segment(1), 3)], &sizes), Some(segment(1)));
        assert_eq!(main_segment(&[(segment(1), 4), (segment(2), 10)], &sizes), Some(segment(2)));
        assert_eq!(main_segment(&[], &sizes), None);
    }

    #[test]
    fn tallies_count_each_segment_once() {
        let segment_of: Vec<Option<SegmentIdx>> =
            [Some(1), None, Some(0), Some(1)].iter().map(|s: &Option<usize>| s.map(SegmentIdx::new)).collect();
        let segments = Segments { segment_of: &segment_of, n_segments: 2, sizes: &[1, 2] };
        let mut tallies = Vec::new();
        tally_segments(&[0, 1, 2, 3], segments, &mut Vec::new(), &mut tallies);
        assert_eq!(tallies, [(SegmentIdx::new(0), 1), (SegmentIdx::new(1), 2)]);
    }
}
