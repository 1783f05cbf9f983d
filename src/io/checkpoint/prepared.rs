//! What was found of the molecules before the model begins: every part written beside the way it is read.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use super::bytes::{Sink, Source, malformed};
use crate::clustering::{Clusters, Start};
use crate::compartments::{Compartment, Compartments};
use crate::data::{Change, ClusterIdx};
use crate::noise::{Confidence, NoiseFit, Normal};

/// Results of the steps before the model, in the order of the molecules that the model sees; absent ones were not
/// finished, or are not wanted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Prepared<'a> {
    /// Confidences of molecules, with the fit that they come from.
    pub confidence: Option<Cow<'a, Confidence>>,
    /// Clusters of molecules. The course of their profiles is not kept.
    pub clusters: Option<Cow<'a, Clusters>>,
    /// Compartments of molecules.
    pub compartments: Option<Cow<'a, Compartments>>,
}

impl Prepared<'_> {
    /// Whether all parts are of so many molecules.
    pub fn fits(&self, n_molecules: usize) -> bool {
        let of = |n: Option<usize>| n.is_none_or(|n| n == n_molecules);
        of(self.confidence.as_ref().map(|confidence| confidence.values.len()))
            && of(self.clusters.as_ref().map(|clusters| clusters.cluster_of.len()))
            && of(self.compartments.as_ref().map(|compartments| compartments.probabilities.len()))
    }

    /// The names of the parts that are there.
    pub fn names(&self) -> Vec<&'static str> {
        let names = [
            self.confidence.as_ref().map(|_| "confidences"),
            self.clusters.as_ref().map(|_| "clusters"),
            self.compartments.as_ref().map(|_| "compartments"),
        ];
        names.into_iter().flatten().collect()
    }
}

/// Writes all parts, each after a byte that says whether it is there.
pub(super) fn write_prepared(sink: &mut Sink<impl Write>, prepared: &Prepared<'_>) -> io::Result<()> {
    sink.flag(prepared.confidence.is_some())?;
    if let Some(confidence) = &prepared.confidence {
        write_confidence(sink, confidence)?;
    }
    sink.flag(prepared.clusters.is_some())?;
    if let Some(clusters) = &prepared.clusters {
        write_clusters(sink, clusters)?;
    }
    sink.flag(prepared.compartments.is_some())?;
    match &prepared.compartments {
        Some(compartments) => write_compartments(sink, compartments),
        None => Ok(()),
    }
}

/// Reads what [`write_prepared`] wrote.
pub(super) fn read_prepared(source: &mut Source<impl Read>) -> io::Result<Prepared<'static>> {
    let confidence = if source.flag()? { Some(Cow::Owned(read_confidence(source)?)) } else { None };
    let clusters = if source.flag()? { Some(Cow::Owned(read_clusters(source)?)) } else { None };
    let compartments = if source.flag()? { Some(Cow::Owned(read_compartments(source)?)) } else { None };
    Ok(Prepared { confidence, clusters, compartments })
}

fn write_confidence(sink: &mut Sink<impl Write>, confidence: &Confidence) -> io::Result<()> {
    sink.length(confidence.values.len())?;
    confidence.values.iter().try_for_each(|value| sink.bytes(&value.to_le_bytes()))?;
    sink.bytes(&confidence.longest.to_le_bytes())?;
    sink.flag(confidence.fit.is_some())?;
    let Some(NoiseFit { signal, background, n_signal, n_background, outlier_threshold, n_iterations, converged }) =
        &confidence.fit
    else {
        return Ok(());
    };
    for number in
        [signal.mean, signal.std, background.mean, background.std, *n_signal, *n_background, *outlier_threshold]
    {
        sink.bytes(&number.to_le_bytes())?;
    }
    sink.length(*n_iterations)?;
    sink.flag(*converged)
}

fn read_confidence(source: &mut Source<impl Read>) -> io::Result<Confidence> {
    let n = source.length(4)?;
    let values = (0..n).map(|_| source.small_float()).collect::<io::Result<_>>()?;
    let longest = source.small_float()?;
    let fit = if source.flag()? {
        let mut numbers = [0.0; 7];
        for number in &mut numbers {
            *number = source.float()?;
        }
        let [signal_mean, signal_std, background_mean, background_std, n_signal, n_background, outlier_threshold] =
            numbers;
        Some(NoiseFit {
            signal: Normal { mean: signal_mean, std: signal_std },
            background: Normal { mean: background_mean, std: background_std },
            n_signal,
            n_background,
            outlier_threshold,
            n_iterations: source.number()?,
            converged: source.flag()?,
        })
    } else {
        None
    };
    Ok(Confidence { values, fit, longest })
}

fn write_clusters(sink: &mut Sink<impl Write>, clusters: &Clusters) -> io::Result<()> {
    sink.length(clusters.cluster_of.len())?;
    clusters.cluster_of.iter().try_for_each(|cluster| sink.bytes(&cluster.number().to_le_bytes()))?;
    sink.length(clusters.profiles.len())?;
    clusters.profiles.iter().try_for_each(|share| sink.bytes(&share.to_le_bytes()))?;
    sink.length(clusters.n_iterations)?;
    sink.bytes(&clusters.last_change.to_le_bytes())?;
    sink.flag(clusters.converged)?;
    let start = match clusters.start {
        Start::Ica { converged: false } => 0,
        Start::Ica { converged: true } => 1,
        Start::Fallback => 2,
        Start::Followed => 3,
    };
    sink.bytes(&[start])?;
    write_changes(sink, &clusters.trace)
}

fn read_clusters(source: &mut Source<impl Read>) -> io::Result<Clusters> {
    let n = source.length(4)?;
    let cluster = |_| ClusterIdx::from_number(u32::from_le_bytes(source.array()?)).ok_or_else(malformed);
    let cluster_of = (0..n).map(cluster).collect::<io::Result<_>>()?;
    let n_shares = source.length(8)?;
    let profiles = (0..n_shares).map(|_| source.float()).collect::<io::Result<_>>()?;
    Ok(Clusters {
        cluster_of,
        profiles,
        course: None,
        n_iterations: source.number()?,
        last_change: source.small_float()?,
        converged: source.flag()?,
        start: match source.array()? {
            [0] => Start::Ica { converged: false },
            [1] => Start::Ica { converged: true },
            [2] => Start::Fallback,
            [3] => Start::Followed,
            _ => return Err(malformed()),
        },
        trace: read_changes(source)?,
    })
}

fn write_compartments(sink: &mut Sink<impl Write>, compartments: &Compartments) -> io::Result<()> {
    sink.length(compartments.probabilities.len())?;
    for (compartment, probabilities) in compartments.compartment_of.iter().zip(&compartments.probabilities) {
        sink.bytes(&[*compartment as u8])?;
        probabilities.iter().try_for_each(|probability| sink.bytes(&probability.to_le_bytes()))?;
    }
    sink.length(compartments.n_iterations)?;
    sink.bytes(&compartments.last_change.to_le_bytes())?;
    sink.flag(compartments.converged)?;
    write_changes(sink, &compartments.trace)
}

fn read_compartments(source: &mut Source<impl Read>) -> io::Result<Compartments> {
    let n = source.length(13)?;
    let (mut compartment_of, mut probabilities) = (Vec::with_capacity(n), Vec::with_capacity(n));
    for _ in 0..n {
        compartment_of.push(match source.array()? {
            [0] => Compartment::Nuclei,
            [1] => Compartment::Cyto,
            [2] => Compartment::Unknown,
            _ => return Err(malformed()),
        });
        probabilities.push([source.small_float()?, source.small_float()?, source.small_float()?]);
    }
    Ok(Compartments {
        compartment_of,
        probabilities,
        n_iterations: source.number()?,
        last_change: source.small_float()?,
        converged: source.flag()?,
        trace: read_changes(source)?,
    })
}

fn write_changes(sink: &mut Sink<impl Write>, trace: &[Change]) -> io::Result<()> {
    sink.length(trace.len())?;
    trace.iter().flat_map(|change| [change.largest, change.share]).try_for_each(|n| sink.bytes(&n.to_le_bytes()))
}

fn read_changes(source: &mut Source<impl Read>) -> io::Result<Vec<Change>> {
    let n = source.length(8)?;
    (0..n).map(|_| Ok(Change { largest: source.small_float()?, share: source.small_float()? })).collect()
}
