//! The scale that a prior column suggests, against the figures of Baysor 0.7.1's rule.

use baysor::io::molecules::{PriorColumn, ReadRequest, read};
use baysor::prior::{drop_small_segments, estimate_scale};

#[test]
fn scale_of_a_simulated_slide_is_that_of_the_original() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/prior/sim_small_segments.csv.gz").into();
    let prior = Some(PriorColumn { name: "segment".into(), unassigned_label: "0".into(), ..PriorColumn::default() });
    let table = read(&ReadRequest { path, prior, ..ReadRequest::default() }).unwrap();
    let mut segments = table.prior_segments.unwrap().segment_of;
    drop_small_segments(&mut segments, 3);
    let estimate = estimate_scale(&table.molecules.positions, &segments, 11).unwrap();
    assert!((estimate.scale / 10.139_129_039_571_824 - 1.0).abs() < 1e-9, "{estimate:?}");
    assert!((estimate.scale_std / 2.810_270_841_266_148 - 1.0).abs() < 1e-9, "{estimate:?}");
    assert!(!estimate.std_was_raised);
}
