use super::*;
use crate::numeric::draws::{Draws, Stream};
use crate::prior::table::{SegmentLabels, SegmentRow};

/// Molecules all over a rectangle.
fn spread([x0, x1]: [f64; 2], [y0, y1]: [f64; 2]) -> Positions {
    let draws = Draws::new(4, Stream::Jitter);
    let axis = |which, low: f64, high: f64| {
        (0..4000).map(|i| low + (high - low) * draws.at(which).uniform(i)).collect::<Vec<f64>>()
    };
    Positions { x: axis(0, x0, x1), y: axis(1, y0, y1), z: None }
}

fn image(width: f64, height: f64) -> PriorExtent {
    let rectangle = [[0.5, 0.5], [width + 0.5, height + 0.5]];
    PriorExtent { kind: PriorKind::Image, rectangle, pixel_size: 1.0, thickness: 1.0 }
}

fn likely(positions: &Positions, prior: PriorExtent) -> (Vec<String>, Option<Likely>) {
    let overlap = check_overlap(positions, prior, None);
    let first = overlap.findings.first().and_then(|finding| finding.likely().cloned());
    (overlap.findings.iter().map(Finding::to_string).collect(), first)
}

#[test]
fn molecules_that_fill_the_image_raise_nothing() {
    let overlap = check_overlap(&spread([1.0, 1000.0], [1.0, 800.0]), image(1000.0, 800.0), None);
    assert_eq!((overlap.n_inside, overlap.findings.len()), (4000, 0));
    // One outlier is no reason for a warning.
    let mut positions = spread([1.0, 1000.0], [1.0, 800.0]);
    positions.x[7] = 1e6;
    assert!(check_overlap(&positions, image(1000.0, 800.0), None).findings.is_empty());
}

#[test]
fn molecules_in_microns_name_the_pixel_size_of_the_instrument() {
    let (texts, likely) = likely(&spread([0.0, 425.0], [0.0, 340.0]), image(2000.0, 1600.0));
    assert!(
        matches!(likely, Some(Likely::PixelSize { pixel_size: 0.2125, instrument: Some("Xenium"), .. })),
        "{likely:?}"
    );
    assert!(texts[0].contains("about 0.2125 (Xenium), with --prior-pixel-size"), "{texts:?}");
    // Molecules in pixels on an image that is thought to have pixels of 0.2125 microns.
    let mut prior = image(2000.0, 1600.0);
    prior.rectangle = [[0.0, 0.0], [425.0, 340.0]];
    prior.pixel_size = 0.2125;
    let (texts, likely) = self::likely(&spread([0.0, 2000.0], [0.0, 1600.0]), prior);
    let Some(Likely::PixelSize { pixel_size, instrument: None, .. }) = likely else { panic!("{texts:?}") };
    assert!((pixel_size - 1.0).abs() < 0.02, "{pixel_size}");
}

#[test]
fn boundaries_in_pixels_are_other_units() {
    let prior = PriorExtent { kind: PriorKind::Boundaries, ..image(1000.0, 800.0) };
    let (texts, likely) = likely(&spread([0.0, 120.28], [0.0, 96.2]), prior);
    assert!(matches!(likely, Some(Likely::OtherUnits { instrument: Some("CosMx"), .. })), "{texts:?}");
}

#[test]
fn exchanged_axes_and_offsets_are_told_apart() {
    let (texts, exchanged) = likely(&spread([0.0, 500.0], [0.0, 1000.0]), image(1000.0, 500.0));
    assert!(matches!(exchanged, Some(Likely::Exchanged { .. })), "{texts:?}");
    let (texts, shifted) = likely(&spread([5000.0, 6000.0], [300.0, 1100.0]), image(1000.0, 800.0));
    assert!(texts[0].starts_with("No molecule lies within the prior image: it covers x from 0.5"), "{texts:?}");
    let Some(Likely::Offset { shift }) = shifted else { panic!("{texts:?}") };
    assert!((shift[0] - 5000.0).abs() < 10.0 && (shift[1] - 300.0).abs() < 10.0);
}

#[test]
fn a_crop_deep_in_a_large_image_is_no_unit_mistake() {
    let (texts, likely) = likely(&spread([300.0, 400.0], [350.0, 440.0]), image(1000.0, 1000.0));
    assert!(texts[0].contains("40 % of the width and 44 % of the height"), "{texts:?}");
    assert_eq!(likely, None);
}

/// Segments that cover a tenth of a square of side 100, with so many of the molecules.
fn table(n_molecules: u32) -> SegmentTable {
    let row = SegmentRow {
        segment: None,
        n_molecules,
        n_pixels: None,
        area: Some(1000.0),
        center: [50.0, 50.0, 0.0],
        radius: None,
        kept: true,
    };
    SegmentTable { labels: SegmentLabels::Numbers(vec![1]), rows: vec![row], ..SegmentTable::default() }
}

#[test]
fn molecules_that_avoid_the_segments_are_a_warning() {
    let positions = spread([0.6, 100.4], [0.6, 100.4]);
    let enriched = check_overlap(&positions, image(100.0, 100.0), Some(&table(1600)));
    assert!((enriched.enrichment.unwrap() - 6.0).abs() < 0.2, "{enriched:?}");
    assert!(enriched.findings.is_empty());
    let avoided = check_overlap(&positions, image(100.0, 100.0), Some(&table(100)));
    assert!(matches!(avoided.findings[..], [Finding::Avoided { .. }]), "{avoided:?}");
    // Enrichment is better evidence than extents.
    let small = spread([1.0, 40.0], [1.0, 40.0]);
    let mut part = table(3000);
    part.rows[0].center = [20.0, 20.0, 0.0];
    part.rows[0].area = Some(500.0);
    assert!(check_overlap(&small, image(100.0, 100.0), Some(&part)).findings.is_empty());
    assert_eq!(check_overlap(&small, image(100.0, 100.0), None).findings.len(), 1);
}

#[test]
fn no_molecules_and_points_on_a_line_do_no_harm() {
    assert!(check_overlap(&Positions::default(), image(5.0, 5.0), None).findings.is_empty());
    let line = Positions { x: vec![3.0; 5], y: vec![3.0; 5], z: None };
    assert_eq!(check_overlap(&line, image(5.0, 5.0), None).n_inside, 5);
}
