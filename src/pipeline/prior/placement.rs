//! Where the pixels of a prior image lie: as the user says, as the file says, or as the coordinates suggest.

use crate::config::PriorSettings;
use crate::data::{PixelFrame, Positions};
use crate::io::images::ImageInfo;
use crate::observe::Observer;
use crate::prior::{Depth, ImageSize, Placement};

/// A frame of the file that fewer molecules lie in is doubted.
const FEW: f64 = 0.5;
/// If at least so many lie in the image when coordinates are taken for pixels, they are pixels.
const MOST: f64 = 0.9;
/// z planes may stand so far from equal distances, as a share of the distance.
const UNEVEN: f64 = 0.01;

/// Places an image, and says how the place was found. `path` is for messages.
///
/// Without a word of the user or the file, coordinates are pixels and the first pixel has its center at (1, 1).
pub fn place(
    path: &str,
    info: &ImageInfo,
    positions: &Positions,
    settings: &PriorSettings,
    observer: &dyn Observer,
) -> anyhow::Result<(Placement, String)> {
    let (frame, origin) = frame(path, info, positions, settings, observer);
    let depth = depth(path, info, positions, settings, observer)?;
    let n_pages = if depth == Depth::Flat { 1 } else { info.n_pages };
    let placement = Placement { frame, size: ImageSize { width: info.width, height: info.height, n_pages }, depth };
    observer.info(&format!("{path}: {}, {} x {} pixels; {origin}", info.format, info.width, info.height));
    Ok((placement, origin))
}

fn frame(
    path: &str,
    info: &ImageInfo,
    positions: &Positions,
    settings: &PriorSettings,
    observer: &dyn Observer,
) -> (PixelFrame, String) {
    let corner = settings.origin.map(|origin| origin.xy);
    let corner_text = |[x, y]: [f64; 2]| format!("the corner of the first one at {x}, {y}");
    if let Some([x, y]) = settings.pixel_size.map(|size| size.xy) {
        let corner = corner.unwrap_or_default();
        return (PixelFrame::new([x, y], corner), format!("pixels of {x} x {y} as given, {}", corner_text(corner)));
    }
    let of_file = info.pixel_size.map(|size| {
        let corner = corner.unwrap_or_default();
        let text = format!("pixels of {} x {} µm ({}), {}", size.x, size.y, size.source, corner_text(corner));
        (PixelFrame::new([size.x, size.y], corner), text)
    });
    let pixels = match corner {
        Some(corner) => {
            let size = settings.coordinate_scale;
            (PixelFrame::new([size; 2], corner), format!("coordinates are in pixels, {}", corner_text(corner)))
        }
        None if settings.coordinate_scale != 1.0 => {
            let size = settings.coordinate_scale;
            let text = format!("coordinates of the table are taken for pixels that count from 1, of {size} as given");
            (PixelFrame::new([size; 2], [0.5 * size; 2]), text)
        }
        None => (
            PixelFrame::one_based(),
            "coordinates are taken for pixels that count from 1 (--prior-pixel-size and --prior-origin tell otherwise)"
                .to_owned(),
        ),
    };
    let Some(of_file) = of_file else { return pixels };
    let share = |frame: &PixelFrame| share_inside(frame, info, positions);
    if share(&of_file.0) < FEW && share(&pixels.0) >= MOST {
        observer.warning(&format!(
            "{path}: the file tells a size of pixels ({}), but the molecules fill the image if their coordinates are \
             pixels: they are taken for pixels. --prior-pixel-size settles it",
            of_file.1
        ));
        return pixels;
    }
    of_file
}

fn share_inside(frame: &PixelFrame, info: &ImageInfo, positions: &Positions) -> f64 {
    let (columns, rows) = (0..info.width as i64, 0..info.height as i64);
    let is_inside = |(&x, &y): (&f64, &f64)| columns.contains(&frame.column(x)) && rows.contains(&frame.row(y));
    let n_inside = positions.x.iter().zip(&positions.y).filter(|&at| is_inside(at)).count();
    n_inside as f64 / positions.len().max(1) as f64
}

/// What several pages are: planes of 3D data, or pages of which one is meant.
fn depth(
    path: &str,
    info: &ImageInfo,
    positions: &Positions,
    settings: &PriorSettings,
    observer: &dyn Observer,
) -> anyhow::Result<Depth> {
    let n_pages = info.n_pages;
    if let Some(page) = settings.page {
        anyhow::ensure!(
            page < n_pages,
            "{path}: page {} is asked for, and the image has {n_pages}; --prior-page counts from 1",
            page + 1
        );
        return Ok(Depth::Flat);
    }
    if n_pages == 1 {
        return Ok(Depth::Flat);
    }
    let Some(z) = positions.z.as_deref().filter(|z| !z.is_empty()) else {
        observer.warning(&format!(
            "{path}: the image has {n_pages} pages and the molecules have no z: the first page is used. \
             --prior-page names another"
        ));
        return Ok(Depth::Flat);
    };
    let given = settings.pixel_size.and_then(|size| size.z);
    let told = info.pixel_size.and_then(|size| size.z).filter(|_| settings.pixel_size.is_none());
    let origin = settings.origin.and_then(|origin| origin.z);
    if let Some(step) = given.or(told) {
        let corner = origin.unwrap_or(0.0);
        observer
            .info(&format!("{path}: {n_pages} pages are z planes of thickness {step}, the first begins at {corner}"));
        return Ok(Depth::Stack { corner, step });
    }
    if let Some((first, step)) = even_planes(z, n_pages) {
        let corner = origin.unwrap_or(first - 0.5 * step);
        observer
            .info(&format!("{path}: the {n_pages} pages are the {n_pages} z planes of the molecules, from {first}"));
        return Ok(Depth::Stack { corner, step });
    }
    let (low, high) = z.iter().fold((f64::MAX, f64::MIN), |(low, high), &z| (low.min(z), high.max(z)));
    anyhow::ensure!(
        low >= 0.5 && high <= n_pages as f64 + 0.5,
        "{path}: the image has {n_pages} pages, and the molecules have z from {low} to {high}: which page is which z? \
         Give the thickness of a page as the third number of --prior-pixel-size X,Y,Z (and where the first begins as \
         that of --prior-origin), or choose one page for all with --prior-page"
    );
    observer.info(&format!("{path}: z is taken for the number of a page, from 1 to {n_pages}"));
    Ok(Depth::Stack { corner: origin.unwrap_or(0.5), step: 1.0 })
}

/// The first plane and the distance, if z has exactly so many values, evenly spaced.
fn even_planes(z: &[f64], n_pages: usize) -> Option<(f64, f64)> {
    let mut planes: Vec<f64> = Vec::new();
    for &z in z {
        if let Err(place) = planes.binary_search_by(|plane| plane.total_cmp(&z)) {
            if planes.len() == n_pages {
                return None;
            }
            planes.insert(place, z);
        }
    }
    if planes.len() != n_pages || n_pages < 2 {
        return None;
    }
    let step = (planes[n_pages - 1] - planes[0]) / (n_pages - 1) as f64;
    let is_even = planes.windows(2).all(|pair| (pair[1] - pair[0] - step).abs() <= UNEVEN * step);
    is_even.then_some((planes[0], step))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn planes_are_even_or_not_planes() {
        assert_eq!(even_planes(&[3.0, 1.5, 0.0, 1.5], 3), Some((0.0, 1.5)));
        assert_eq!(even_planes(&[0.0, 1.0, 3.0], 3), None);
        assert_eq!(even_planes(&[0.0, 1.0], 3), None);
        assert_eq!(even_planes(&[0.0, 1.0, 2.0, 3.0], 3), None);
    }
}
