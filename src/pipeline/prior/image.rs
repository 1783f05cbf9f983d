//! A prior segmentation from an image: labels, a mask, or a stain.

use std::ops::ControlFlow;
use std::path::Path;

use super::{FoundPrior, Picture, StainNumbers, found, placement};
use crate::config::{ImageKind, PriorSettings, StainSettings};
use crate::data::{GrayImage, Positions};
use crate::io::images::{self, Image, ImageFault};
use crate::observe::Observer;
use crate::prior::{
    self, Content, Depth, LabelScan, NumberedSegments, Placement, PriorExtent, PriorKind, Reading, Scan, SegmentTable,
};
use crate::stain::{self, StainParams};

/// Reads an image and finds the segment of every molecule.
pub fn read(
    path: &Path,
    positions: &Positions,
    settings: &PriorSettings,
    keep_labels: bool,
    observer: &dyn Observer,
) -> anyhow::Result<FoundPrior> {
    let mut image = images::open(path)?;
    let name = path.display().to_string();
    image.info().notes.iter().for_each(|note| observer.info(&format!("{name}: {note}")));
    let (placement, origin) = placement::place(&name, image.info(), positions, settings, observer)?;
    let page = settings.page.unwrap_or(0);
    let scan = match settings.image_kind {
        ImageKind::Stain => None,
        kind => scan_labels(&mut image, page, placement, positions, kind)?,
    };
    let mut result = match scan {
        Some(scan) if scan.content != Content::Stain => from_labels(&name, scan, settings, observer)?,
        _ => from_stain(&mut image, page, placement, positions, settings, keep_labels, observer)?,
    };
    let placement = result.placement.unwrap_or(placement);
    let thickness = match placement.depth {
        Depth::Flat => 1.0,
        Depth::Stack { step, .. } => step * placement.size.n_pages as f64,
    };
    let extent = PriorExtent {
        kind: PriorKind::Image,
        rectangle: placement.rectangle(),
        pixel_size: placement.frame.pixel_size[0],
        thickness,
    };
    result.overlap = Some(prior::check_overlap(positions, extent, Some(&result.table)));
    result.placement_origin = origin;
    Ok(result)
}

/// Scans an image for labels; `None` if it has fractions and so must be a stain.
fn scan_labels(
    image: &mut Image,
    page: usize,
    placement: Placement,
    positions: &Positions,
    kind: ImageKind,
) -> anyhow::Result<Option<Scan>> {
    let reading = match kind {
        ImageKind::Labels => Reading::Labels,
        ImageKind::Mask => Reading::Mask,
        ImageKind::Auto | ImageKind::Stain => Reading::Recognize,
    };
    let mut scan = LabelScan::new(placement, positions, reading);
    for at in 0..placement.size.n_pages {
        scan.begin_page(at);
        let page = if placement.depth == Depth::Flat { page } else { at };
        let result = image.for_each_label_block(page, &mut |block| {
            scan.take(&block);
            ControlFlow::Continue(())
        });
        match result {
            Err(error) if kind == ImageKind::Auto && matches!(error.fault, ImageFault::Fractions { .. }) => {
                return Ok(None);
            }
            result => result?,
        }
    }
    Ok(Some(scan.finish()))
}

fn from_labels(
    name: &str,
    scan: Scan,
    settings: &PriorSettings,
    observer: &dyn Observer,
) -> anyhow::Result<FoundPrior> {
    let kind = match scan.content {
        Content::Empty => anyhow::bail!(
            "{name}: all pixels are 0, so there is no segment; is it the right image and page (--prior-page)?"
        ),
        Content::Classes => anyhow::bail!(
            "{name}: the image has {} values, each in many separate places: these look like classes of pixels, not \
             like segments. Keep the class of the nuclei or cells as a mask (other pixels 0); or say what it is with \
             --prior-kind labels or --prior-kind stain",
            scan.statistics.n_values
        ),
        Content::LabelsOnBackground(value) => {
            observer.warning(&format!(
                "{name}: the value {value} covers most of the image. It is taken for the background, which should be 0; \
                 with --prior-kind labels it is a segment"
            ));
            "label image"
        }
        Content::Mask => "binary mask",
        Content::Labels | Content::Stain => "label image",
    };
    if let (Content::Mask, [only]) = (scan.content, &scan.regions[..]) {
        observer.warning(&format!(
            "{name}: the mask has one connected region only, of {} pixels: no cells can be told apart in it",
            only.n_pixels
        ));
    }
    Ok(from_scan(scan, kind, settings))
}

fn from_scan(scan: Scan, kind: &str, settings: &PriorSettings) -> FoundPrior {
    let table = SegmentTable::of_scan(&scan, settings.min_molecules_per_segment);
    let NumberedSegments { segment_of, .. } = prior::number_labels(&scan.label_of);
    let outlines = prior::outlines_of_contours(scan.contours, &table);
    let mut result = found(segment_of, table, kind.to_owned(), Picture::Labels(scan.overview));
    result.outlines = Some(outlines);
    result.placement = Some(scan.placement);
    result
}

fn from_stain(
    image: &mut Image,
    page: usize,
    placement: Placement,
    positions: &Positions,
    settings: &PriorSettings,
    keep_labels: bool,
    observer: &dyn Observer,
) -> anyhow::Result<FoundPrior> {
    let name = image.path().display().to_string();
    observer.info(&format!("{name}: a gray image, taken for a stain of nuclei; it is segmented"));
    let flat = Placement::flat(placement.frame, placement.size.width, placement.size.height);
    let gray = match placement.depth {
        Depth::Flat => image.read_gray(page)?,
        Depth::Stack { .. } => projection(image, placement.size.n_pages, observer)?,
    };
    let segmented = stain::segment(&gray, &stain_params(&settings.stain), observer)
        .map_err(|error| anyhow::anyhow!("{name}: {error}"))?;
    drop(gray);
    let numbers = StainNumbers::of(&segmented);
    let scan = prior::scan_image(&segmented.labels, flat, positions);
    let mut result = from_scan(scan, "nuclei found in a stain", settings);
    result.stain = Some(numbers);
    result.labels = keep_labels.then_some(segmented.labels);
    Ok(result)
}

/// The brightest value over all pages.
fn projection(image: &mut Image, n_pages: usize, observer: &dyn Observer) -> anyhow::Result<GrayImage> {
    let name = image.path().display().to_string();
    observer.warning(&format!(
        "{name}: the brightest of the {n_pages} pages counts at each pixel: nuclei are found in the plane, for all z"
    ));
    let mut projected = image.read_gray(0)?;
    for page in 1..n_pages {
        let next = image.read_gray(page)?;
        for (value, other) in projected.values.iter_mut().zip(next.values) {
            *value = value.max(other);
        }
    }
    Ok(projected)
}

fn stain_params(settings: &StainSettings) -> StainParams {
    StainParams {
        sigma: settings.sigma,
        threshold: settings.threshold.unwrap_or_default(),
        min_area: settings.min_area,
        split_touching: settings.split,
        ..StainParams::default()
    }
}
