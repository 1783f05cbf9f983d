//! TIFF files: which of their pages are the image, and how large its pixels are.

mod chunks;
mod description;
mod directory;
mod layout;

use std::path::Path;

use self::description::Description;
use self::directory::{Directory, Source, tags};
use self::layout::{Compression, Layout, Shades};
use super::error::ImageFault;
use super::{ImageInfo, PixelSize, TakePixels};

/// Largest pixel that a resolution can mean, in µm; coarser ones are those of screens and printers.
///
/// METHOD: 1200 dots per inch are 21 µm; microscopes have smaller pixels.
const LARGEST_PIXEL: f64 = 20.0;

/// A TIFF file whose directories were read.
#[derive(Debug)]
pub(super) struct TiffFile {
    source: Source,
    pages: Vec<Page>,
    compression: Compression,
}

/// Where a page is.
#[derive(Clone, Copy, Debug)]
struct Page {
    /// Offset of its directory.
    directory: u64,
    /// Bytes that its pixels lie behind those of the directory.
    shift: u64,
}

/// What has to be known of all pages.
struct Summary {
    offset: u64,
    size: (u64, u64),
    /// Whether it is a smaller copy of another page, or a mask of one.
    auxiliary: bool,
}

impl TiffFile {
    /// Opens a file, finds the pages and checks that the first can be read.
    pub(super) fn open(path: &Path) -> Result<(Self, ImageInfo), ImageFault> {
        let mut source = Source::open(path)?;
        let summaries = summaries(&mut source)?;
        let Some(first) = summaries.iter().find(|page| !page.auxiliary) else {
            return Err(ImageFault::Damaged("it has no image".to_owned()));
        };
        let directory = source.directory(first.offset)?;
        let layout = Layout::read(&mut source, &directory)?;
        let same = |page: &&Summary| page.size == first.size && !page.auxiliary;
        let mut pages: Vec<Page> =
            summaries.iter().filter(same).map(|page| Page { directory: page.offset, shift: 0 }).collect();
        let mut notes = shade_notes(&layout);
        let n_others = summaries.len() - pages.len();
        if n_others > 0 {
            notes.push(format!(
                "{n_others} page(s) of other sizes, such as thumbnails and pyramid levels, are left out"
            ));
        }
        let (format, description) = describe(&mut source, &directory);
        if format == "ImageJ TIFF" && pages.len() == 1 {
            pages = one_directory_pages(&source, &layout, pages[0], description.n_pages());
        }
        choose_pages(&description, &mut pages, &mut notes);
        let pixel_size = description.pixel_size.or_else(|| resolution(&mut source, &directory, &description));
        let info = ImageInfo {
            format,
            width: layout.width,
            height: layout.height,
            n_pages: pages.len(),
            samples: layout.samples,
            pixel_size,
            notes,
        };
        Ok((Self { source, pages, compression: layout.compression }, info))
    }

    /// Reads a page.
    pub(super) fn read(&mut self, page: usize, take: &mut TakePixels<'_>) -> Result<(), ImageFault> {
        let Page { directory, shift } = self.pages[page];
        let directory = self.source.directory(directory)?;
        let mut layout = Layout::read(&mut self.source, &directory)?;
        for offset in &mut layout.offsets {
            *offset = offset.saturating_add(shift);
        }
        chunks::read_page(&mut self.source, &layout, take)
    }

    /// Whether the pixels went through a compression that changes them.
    pub(super) fn is_lossy(&self) -> bool {
        self.compression == Compression::Jpeg
    }

    /// Bytes that a byte of the file can become at most.
    pub(super) fn largest_expansion(&self) -> u64 {
        // A bit can become a pixel.
        8 * self.compression.expansion()
    }
}

fn summaries(source: &mut Source) -> Result<Vec<Summary>, ImageFault> {
    let mut summaries = Vec::new();
    let walked = source.for_each_directory(|source, offset, directory| {
        let width = source.number(directory, tags::WIDTH)?.unwrap_or(0);
        let height = source.number(directory, tags::HEIGHT)?.unwrap_or(0);
        let subfile = source.number(directory, tags::SUBFILE_TYPE)?.unwrap_or(0);
        summaries.push(Summary { offset, size: (width, height), auxiliary: subfile & 0b101 != 0 });
        Ok(())
    });
    walked.map(|()| summaries)
}

fn shade_notes(layout: &Layout) -> Vec<String> {
    let mut notes = Vec::new();
    match layout.shades {
        Shades::Palette => notes.push("the image has a table of colors; their numbers are taken as values".to_owned()),
        Shades::WhiteIsZero => {
            notes.push("0 means white in this image; labels are taken as they are stored".to_owned())
        }
        Shades::BlackIsZero => {}
    }
    notes
}

/// The format and what its description says.
fn describe(source: &mut Source, directory: &Directory) -> (&'static str, Description) {
    let text = source.text(directory, tags::DESCRIPTION);
    if let Some(ome) = description::read_ome(&text) {
        return ("OME-TIFF", ome);
    }
    match description::read_imagej(&text) {
        Some(imagej) => ("ImageJ TIFF", imagej),
        None => ("TIFF", Description::default()),
    }
}

/// The pages of a stack that has one directory only, as ImageJ writes it beyond 4 GB.
fn one_directory_pages(source: &Source, layout: &Layout, page: Page, n_pages: usize) -> Vec<Page> {
    let page_bytes = layout.row_bytes() as u64 * layout.height as u64;
    let start = layout.offsets.first().copied().unwrap_or(0);
    let end = page_bytes.checked_mul(n_pages as u64).and_then(|n_bytes| n_bytes.checked_add(start));
    let together = layout.compression == Compression::None && !layout.tiled && layout.predictor == 1;
    if !together || end.is_none_or(|end| end > source.length) {
        return vec![page];
    }
    (0..n_pages as u64).map(|number| Page { shift: number * page_bytes, ..page }).collect()
}

/// Keeps the slices of the first channel and time point.
fn choose_pages(description: &Description, pages: &mut Vec<Page>, notes: &mut Vec<String>) {
    let Description { n_channels, n_times, .. } = *description;
    if n_channels <= 1 && n_times <= 1 {
        return;
    }
    if pages.len() < description.n_pages() {
        if pages.len() > 1 {
            notes.push(format!(
                "the file speaks of {n_channels} channel(s), {} slice(s) and {n_times} time point(s), but has {} \
                 pages; they are taken for slices",
                description.n_slices,
                pages.len()
            ));
        }
        return;
    }
    *pages = (0..description.n_slices).filter_map(|slice| pages.get(description.page(0, slice, 0)).copied()).collect();
    if n_channels > 1 {
        notes.push(format!("the image has {n_channels} channels; only the first is read, keep another one to use it"));
    }
    if n_times > 1 {
        notes.push(format!("the image has {n_times} time points; only the first is read"));
    }
}

/// The size of a pixel by the resolution.
fn resolution(source: &mut Source, directory: &Directory, description: &Description) -> Option<PixelSize> {
    let x = source.ratio(directory, tags::X_RESOLUTION)?;
    let y = source.ratio(directory, tags::Y_RESOLUTION)?;
    let (unit, source_name) = match description.unit {
        Some(unit) => (unit, "ImageJ"),
        None => match source.number(directory, tags::RESOLUTION_UNIT).ok()?.unwrap_or(2) {
            2 if x != 1.0 => (25_400.0, "TIFF resolution"),
            3 if x != 1.0 => (10_000.0, "TIFF resolution"),
            _ => return None,
        },
    };
    let size = PixelSize { x: unit / x, y: unit / y, z: description.spacing.map(|z| z * unit), source: source_name };
    let fine = |length: f64| length > 0.0 && (length <= LARGEST_PIXEL || description.unit.is_some());
    (fine(size.x) && fine(size.y)).then_some(size)
}
