//! What the description of a TIFF says about pages and pixel sizes: OME-XML, ImageJ's lines.

use roxmltree::{Document, Node};

use crate::io::images::PixelSize;

/// Longest OME-XML that is read, in bytes.
const MAX_XML: usize = 1 << 26;

/// How the pages of a file are arranged, and how large its pixels are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Description {
    /// Numbers of channels, z slices and time points; 1 where nothing is said.
    pub n_channels: usize,
    pub n_slices: usize,
    pub n_times: usize,
    /// The order in which pages count up: letters of C, Z and T, fastest first.
    pub order: String,
    pub pixel_size: Option<PixelSize>,
    /// A unit that XResolution is counted in, as µm.
    pub unit: Option<f64>,
    /// Distance of slices in that unit.
    pub spacing: Option<f64>,
}

impl Description {
    /// The page of a channel, slice and time point, among all.
    pub(super) fn page(&self, channel: usize, slice: usize, time: usize) -> usize {
        let mut page = 0;
        let mut step = 1;
        for axis in self.order.chars() {
            let (idx, n) = match axis {
                'C' => (channel, self.n_channels),
                'Z' => (slice, self.n_slices),
                'T' => (time, self.n_times),
                _ => continue,
            };
            page += idx * step;
            step *= n;
        }
        page
    }

    /// Pages that the description speaks of.
    pub(super) fn n_pages(&self) -> usize {
        self.n_channels.saturating_mul(self.n_slices).saturating_mul(self.n_times)
    }
}

/// Reads OME-XML; `None` when the text is none.
pub(super) fn read_ome(text: &str) -> Option<Description> {
    let text = text.trim_start_matches('\u{feff}').trim();
    if !text.starts_with('<') || text.len() > MAX_XML {
        return None;
    }
    let document = Document::parse(text).ok()?;
    let root = document.root_element();
    let named = |node: &Node<'_, '_>, name: &str| node.is_element() && node.tag_name().name() == name;
    if !named(&root, "OME") {
        return None;
    }
    let image = root.children().find(|node| named(node, "Image"))?;
    let pixels = image.children().find(|node| named(node, "Pixels"))?;
    let count = |name| pixels.attribute(name).and_then(|text: &str| text.parse().ok()).filter(|&n| n > 0).unwrap_or(1);
    let length = |name, unit_name| {
        let size: f64 = pixels.attribute(name)?.parse().ok()?;
        let micrometers = size * micrometers_of(pixels.attribute(unit_name).unwrap_or("µm"))?;
        (micrometers.is_finite() && micrometers > 0.0).then_some(micrometers)
    };
    let x = length("PhysicalSizeX", "PhysicalSizeXUnit");
    let y = length("PhysicalSizeY", "PhysicalSizeYUnit");
    let z = length("PhysicalSizeZ", "PhysicalSizeZUnit");
    Some(Description {
        // With several values per pixel a page holds several channels; those images are refused anyway.
        n_channels: count("SizeC"),
        n_slices: count("SizeZ"),
        n_times: count("SizeT"),
        order: pixels.attribute("DimensionOrder").unwrap_or("XYCZT").chars().skip(2).collect(),
        pixel_size: x.or(y).map(|one| PixelSize { x: x.unwrap_or(one), y: y.unwrap_or(one), z, source: "OME-XML" }),
        unit: None,
        spacing: None,
    })
}

/// Reads the lines that ImageJ writes; `None` when the text is none of them.
pub(super) fn read_imagej(text: &str) -> Option<Description> {
    if !text.starts_with("ImageJ=") {
        return None;
    }
    let value = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix('='));
    let count = |key: &str| value(key).and_then(|text| text.trim().parse::<usize>().ok()).filter(|&n| n > 0);
    let mut description = Description {
        n_channels: count("channels").unwrap_or(1),
        n_slices: count("slices").unwrap_or(1),
        n_times: count("frames").unwrap_or(1),
        order: "CZT".to_owned(),
        pixel_size: None,
        unit: value("unit").and_then(|unit| micrometers_of(unit.trim())),
        spacing: value("spacing").and_then(|text| text.trim().parse().ok()).filter(|&spacing| spacing > 0.0),
    };
    let n_images = count("images").unwrap_or(1);
    if description.n_pages() == 1 {
        description.n_slices = n_images;
    }
    Some(description)
}

/// A unit of length in µm; `None` for pixels and what else is no length.
fn micrometers_of(unit: &str) -> Option<f64> {
    // ImageJ writes letters beyond ASCII as \u00B5.
    let unit = unit.replace("\\u00B5", "µ").replace("\\u00b5", "µ").replace('\u{3bc}', "µ");
    Some(match unit.as_str() {
        "µm" | "um" | "micron" | "microns" | "micrometer" | "micrometers" | "micrometre" => 1.0,
        "nm" | "nanometer" | "nanometers" => 1e-3,
        "Å" => 1e-4,
        "pm" => 1e-6,
        "mm" | "millimeter" | "millimeters" => 1e3,
        "cm" | "centimeter" => 1e4,
        "dm" => 1e5,
        "m" | "meter" => 1e6,
        "in" | "inch" | "inches" => 25_400.0,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ome_sizes_come_in_micrometers() {
        let text = r#"<?xml version="1.0"?><OME xmlns="http://www.openmicroscopy.org/Schemas/OME/2016-06"><Image ID="a">
            <Pixels DimensionOrder="XYZCT" SizeC="2" SizeZ="3" SizeT="1" PhysicalSizeX="212.5"
            PhysicalSizeXUnit="nm" PhysicalSizeZ="0.003" PhysicalSizeZUnit="mm"/></Image></OME>"#;
        let ome = read_ome(text).expect("OME-XML");
        assert_eq!((ome.n_channels, ome.n_slices, ome.n_times, ome.n_pages()), (2, 3, 1, 6));
        let size = ome.pixel_size.expect("a size");
        assert_eq!((size.x, size.y, size.z), (0.2125, 0.2125, Some(3.0)));
        // z counts first, then the channel.
        assert_eq!(ome.page(0, 2, 0), 2);
        assert_eq!(ome.page(1, 0, 0), 3);
    }

    #[test]
    fn other_texts_are_no_ome() {
        for text in ["", "<svg/>", "shape=(3, 4)", "<OME><Image>", "<OME><Image/></OME>"] {
            assert_eq!(read_ome(text), None, "{text}");
        }
        let pixels = r#"<OME><Image><Pixels PhysicalSizeX="1" PhysicalSizeXUnit="pixel"/></Image></OME>"#;
        assert_eq!(read_ome(pixels).expect("OME-XML").pixel_size, None);
    }

    #[test]
    fn imagej_tells_unit_slices_and_channels() {
        let text = "ImageJ=1.53t\nimages=6\nchannels=2\nslices=3\nunit=\\u00B5m\nspacing=1.5\n";
        let imagej = read_imagej(text).expect("ImageJ's lines");
        assert_eq!((imagej.n_pages(), imagej.unit, imagej.spacing), (6, Some(1.0), Some(1.5)));
        assert_eq!(imagej.page(1, 2, 0), 5);
        assert_eq!(read_imagej("ImageJ=\nimages=4").expect("ImageJ's lines").n_slices, 4);
        assert_eq!(read_imagej("hello"), None);
    }
}
