//! What is written is read again, and whatever is not as written is noticed.

use std::borrow::Cow;

use super::*;
use crate::bmm::convergence::Convergence;
use crate::bmm::history::History;
use crate::bmm::shape::Shape;
use crate::bmm::trace::TraceEntry;
use crate::clustering::{Clusters, Start};
use crate::compartments::{Compartment, Compartments};
use crate::data::{Change, ClusterIdx, ComponentIdx};
use crate::noise::{Confidence, NoiseFit, Normal};

fn to(component: usize) -> Option<ComponentIdx> {
    Some(ComponentIdx::new(component))
}

fn identity() -> Identity {
    vec![("seed".to_owned(), "1".to_owned()), ("exclude_genes".to_owned(), String::new())]
}

fn example() -> Checkpoint<'static> {
    let mut history = History::new(4);
    for first in [to(0), to(1), to(2), None, to(2), to(3)] {
        history.record(&[first, to(4), None, to(0)]);
    }
    let entry = TraceEntry { n_components: vec![5, 3], noise_share: 0.25, n_changed: 2, share_that_left: None };
    let second = TraceEntry { share_that_left: Some(0.0), ..entry.clone() };
    let window = History::new(4);
    Checkpoint {
        iteration: 1,
        last: 10,
        n_components: 5,
        assignment: Cow::Owned(vec![to(3), to(4), None, to(0)]),
        owners: vec![(None, 3), (Some(crate::data::SegmentIdx::new(4)), 0)],
        shapes: vec![(ComponentIdx::new(4), Shape { precision: [1.0, 0.5, 2.0, 0.0, 0.0, 0.0], log_peak: -0.75 })],
        history: Cow::Owned(history),
        trace: Cow::Owned(vec![entry, second]),
        convergence: Some(Cow::Owned(Convergence::from_parts(window, Some(vec![None, to(1), None, to(0)]), 1))),
    }
}

fn prepared() -> Prepared<'static> {
    let trace = vec![Change { largest: 0.5, share: 1.0 }, Change { largest: 0.25, share: 0.5 }];
    let (signal, background) = (Normal { mean: 1.0, std: 0.5 }, Normal { mean: 9.0, std: 3.0 });
    let confidence = Confidence {
        values: vec![0.5, 1.0, 0.25, 0.0],
        fit: Some(NoiseFit {
            signal,
            background,
            n_signal: 3.5,
            n_background: 0.5,
            outlier_threshold: 20.0,
            n_iterations: 17,
            converged: true,
        }),
        longest: 30.0,
    };
    let clusters = Clusters {
        cluster_of: [0, 2, 1, 0].map(ClusterIdx::new).into(),
        profiles: vec![0.5, 0.5, 0.25, 0.75, 0.0, 1.0],
        course: None,
        n_iterations: 2,
        last_change: 0.25,
        converged: false,
        start: Start::Ica { converged: true },
        trace: trace.clone(),
    };
    let compartments = Compartments {
        compartment_of: vec![Compartment::Cyto, Compartment::Nuclei, Compartment::Unknown, Compartment::Nuclei],
        probabilities: vec![[0.0, 1.0, 0.0], [0.5, 0.25, 0.25], [0.0, 0.0, 1.0], [1.0, 0.0, 0.0]],
        n_iterations: 2,
        last_change: 0.25,
        converged: true,
        trace,
    };
    Prepared {
        confidence: Some(Cow::Owned(confidence)),
        clusters: Some(Cow::Owned(clusters)),
        compartments: Some(Cow::Owned(compartments)),
    }
}

fn opened(path: &Path) -> Stored {
    Stored::open(path).unwrap().unwrap()
}

fn write(path: &Path, identity: &Identity, model: &Checkpoint<'_>) -> Result<(), WriteError> {
    super::write(path, identity, &prepared(), Some(model))
}

fn read(path: &Path) -> (Prepared<'static>, Option<Checkpoint<'static>>) {
    let (prepared, begun) = opened(path).prepared().unwrap();
    (prepared, begun.map(|begun| begun.read().unwrap()))
}

#[test]
fn what_was_found_before_the_model_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x_checkpoint.bin");
    let all = prepared();
    let some = Prepared { clusters: None, ..prepared() };
    let on_a_grid = Confidence { fit: None, ..prepared().confidence.unwrap().into_owned() };
    let first = Prepared { confidence: Some(Cow::Owned(on_a_grid)), clusters: None, compartments: None };
    for parts in [Prepared::default(), first, some, all] {
        super::write(&path, &identity(), &parts, None).unwrap();
        assert_eq!(read(&path), (parts.clone(), None));
        assert!(parts.fits(4) && (parts.fits(5) == parts.names().is_empty()));
        super::write(&path, &identity(), &parts, Some(&example())).unwrap();
        assert_eq!(read(&path), (parts, Some(example())));
    }
}

#[test]
fn what_is_written_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x_checkpoint.bin");
    assert!(Stored::open(&path).unwrap().is_none() && !is_checkpoint(&path));
    write(&path, &identity(), &example()).unwrap();
    assert!(is_checkpoint(&path));
    assert_eq!(read(&path), (prepared(), Some(example())));
    let plain = Checkpoint { convergence: None, history: Cow::Owned(History::new(4)), ..example() };
    write(&path, &identity(), &plain).unwrap();
    assert_eq!(read(&path).1, Some(plain));
}

#[test]
fn a_large_checkpoint_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x_checkpoint.bin");
    let n = 50_000;
    let assignment: Vec<_> = (0..n).map(|i| (i % 3 > 0).then(|| ComponentIdx::new(i % 977))).collect();
    let mut history = History::new(n);
    (0..4).for_each(|shift| {
        let moved: Vec<_> = (0..n).map(|i| to((i * (shift + 1)) % 977)).collect();
        history.record(&moved);
    });
    let large = Checkpoint {
        n_components: 977,
        assignment: Cow::Owned(assignment),
        history: Cow::Owned(history),
        convergence: None,
        ..example()
    };
    write(&path, &identity(), &large).unwrap();
    assert_eq!(read(&path).1, Some(large));
}

#[test]
fn every_cut_and_every_changed_byte_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x_checkpoint.bin");
    write(&path, &identity(), &example()).unwrap();
    let whole = std::fs::read(&path).unwrap();
    for n in 0..whole.len() {
        std::fs::write(&path, &whole[..n]).unwrap();
        assert!(Stored::open(&path).is_err(), "cut to {n} bytes");
        let mut changed = whole.clone();
        changed[n] ^= 0x10;
        std::fs::write(&path, changed).unwrap();
        assert!(Stored::open(&path).is_err(), "byte {n} changed");
    }
    let mut longer = whole;
    longer.push(0);
    std::fs::write(&path, longer).unwrap();
    assert!(matches!(Stored::open(&path), Err(CheckpointError::Damaged { .. })));
}

#[test]
fn foreign_newer_and_other_checkpoints_are_told_apart() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x_checkpoint.bin");
    std::fs::write(&path, "x,y,gene\n").unwrap();
    assert!(matches!(Stored::open(&path), Err(CheckpointError::Foreign { .. })));
    write(&path, &identity(), &example()).unwrap();
    let stored = opened(&path);
    stored.check(&identity()).unwrap();
    let other = stored.check(&[("seed".to_owned(), "2".to_owned())]).unwrap_err().to_string();
    assert!(other.contains("another run: seed was '1' and is '2' now"), "{other}");
    let mut newer = std::fs::read(&path).unwrap();
    newer[8] = 9;
    std::fs::write(&path, newer).unwrap();
    let newer = Stored::open(&path).unwrap_err().to_string();
    assert!(newer.contains("has the format 9") && newer.contains("up to 3"), "{newer}");
}
