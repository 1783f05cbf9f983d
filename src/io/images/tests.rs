//! The formats against files of other programs; see `tests/data/images/make.py`.

use std::fs;
use std::io::{Cursor, Seek, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use super::*;
use crate::data::LabelImage;

const WIDTH: usize = 53;
const HEIGHT: usize = 37;

fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images")
}

fn image(name: &str) -> Image {
    open(&fixtures().join(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// Names of the images in the folder, with and without the mark of those that must be refused.
fn names(bad: bool) -> Vec<String> {
    let entries = fs::read_dir(fixtures()).expect("the folder of images");
    let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
    let image = |name: &String| [".tif", ".png", ".mat", ".jpg"].iter().any(|ending| name.ends_with(ending));
    let mut names: Vec<String> = names.filter(|name| image(name) && name.starts_with("bad_") == bad).collect();
    names.sort();
    names
}

fn expected() -> Vec<u32> {
    let text = fs::read_to_string(fixtures().join("expected.csv")).expect("the expected labels");
    let labels: Vec<u32> = text.split(['\n', ',']).filter_map(|label| label.parse().ok()).collect();
    assert_eq!(labels.len(), WIDTH * HEIGHT);
    labels
}

/// The labels of a page, by the ending of the file's name.
fn expected_of(name: &str, page: usize) -> Vec<u32> {
    let labels = expected().into_iter();
    let stem = name.split('.').next().unwrap_or_default();
    let change: fn(u32) -> u32 = match page {
        _ if stem.ends_with("_wide") => |label| label * 70_001,
        _ if stem.ends_with("_mask") => |label| label.min(1),
        1 => |label| label + label.min(1),
        2 => |label| label * 2,
        _ => |label| label,
    };
    labels.map(change).collect()
}

/// Puts the blocks together; every pixel must come exactly once.
fn labels_of(image: &mut Image, page: usize) -> Result<Vec<u32>, ImageError> {
    let (width, height) = (image.info().width, image.info().height);
    let mut labels = vec![0; width * height];
    let mut seen = vec![false; width * height];
    image.for_each_label_block(page, &mut |block| {
        for (row, values) in block.labels.chunks_exact(block.width).enumerate() {
            let start = (block.row + row) * width + block.column;
            labels[start..start + block.width].copy_from_slice(values);
            assert!(seen[start..start + block.width].iter().all(|&seen| !seen), "a pixel came twice");
            seen[start..start + block.width].fill(true);
        }
        ControlFlow::Continue(())
    })?;
    assert!(seen.into_iter().all(|seen| seen), "a pixel is missing");
    Ok(labels)
}

#[test]
fn every_format_gives_the_expected_labels() {
    let names = names(false);
    assert!(names.len() >= 65, "{} images only", names.len());
    for name in names {
        let mut image = image(&name);
        let info = image.info().clone();
        assert_eq!((info.width, info.height), (WIDTH, HEIGHT), "{name}");
        assert_eq!(info.n_pages, if name.contains("_pages") { 3 } else { 1 }, "{name}");
        for page in 0..info.n_pages {
            let labels = labels_of(&mut image, page).unwrap_or_else(|error| panic!("{error}"));
            assert!(labels == expected_of(&name, page), "{name}, page {page}");
        }
        let error = image.read_gray(info.n_pages).expect_err("no such page");
        assert!(matches!(error.fault, ImageFault::NoPage { .. }), "{name}: {error}");
    }
}

#[test]
fn gray_values_are_those_of_the_file() {
    for name in names(false) {
        let gray = image(&name).read_gray(0).unwrap_or_else(|error| panic!("{error}"));
        assert_eq!((gray.width, gray.height), (WIDTH, HEIGHT));
        let dark = name.starts_with("u2_white_is_zero");
        let as_gray = |label: u32| if dark { 65535.0 - label as f32 } else { label as f32 };
        assert!(gray.values.iter().copied().eq(expected_of(&name, 0).into_iter().map(as_gray)), "{name}");
    }
    let fractions = image("bad_fractions.tif").read_gray(0).expect("a stain");
    assert!(fractions.values.iter().copied().eq(expected().into_iter().map(|label| label as f32 / 4.0)));
    assert!(image("bad_jpeg.tif").read_gray(0).is_ok());
}

#[test]
fn types_of_samples_are_told() {
    for (name, expected) in [
        ("bit_mask.tif", SampleType::Bit),
        ("u1.tif", SampleType::UInt(8)),
        ("i2_deflate.tif", SampleType::Int(16)),
        ("f2_deflate.tif", SampleType::Float(16)),
        ("f8_deflate_wide.tif", SampleType::Float(64)),
        ("bit_mask.png", SampleType::Bit),
        ("gray16.png", SampleType::UInt(16)),
        ("v5_i4_wide.mat", SampleType::Int(32)),
        ("v5_double_in_bytes.mat", SampleType::Float(64)),
        ("v5_logical_mask.mat", SampleType::Bit),
        ("v73_f8_wide.mat", SampleType::Float(64)),
        ("v73_logical_mask.mat", SampleType::Bit),
    ] {
        assert_eq!(image(name).info().samples, expected, "{name}");
    }
}

#[test]
fn pixel_sizes_are_found_where_they_mean_something() {
    for (name, expected) in [
        ("u2_centimeters.tif", Some((0.2125, 0.425, None, "TIFF resolution"))),
        ("imagej_pages.tif", Some((0.25, 0.5, Some(1.5), "ImageJ"))),
        ("ome_pyramid.ome.tif", Some((0.2125, 0.425, None, "OME-XML"))),
        ("ome_channels_pages.ome.tif", Some((0.5, 0.5, Some(3.0), "OME-XML"))),
        ("u1_dpi.tif", None),
        ("u1.tif", None),
        ("imagej_one_directory_pages.tif", None),
    ] {
        let found = image(name).info().pixel_size;
        assert_eq!(found.map(|size| (size.z, size.source)), expected.map(|size| (size.2, size.3)), "{name}");
        if let (Some(found), Some(expected)) = (found, expected) {
            assert!((found.x - expected.0).abs() < 1e-6 && (found.y - expected.1).abs() < 1e-6, "{name}: {found:?}");
        }
    }
}

#[test]
fn what_is_left_out_is_noted() {
    for (name, part) in [
        ("ome_channels_pages.ome.tif", "has 2 channels; only the first is read"),
        ("u2_thumbnail.tif", "2 page(s) of other sizes"),
        ("u1_palette.tif", "table of colors"),
        ("u2_white_is_zero.tif", "0 means white"),
        ("v5_among_others.mat", "the image is 'mask' (37 x 53 uint16)"),
    ] {
        let notes = image(name).info().notes.join("\n");
        assert!(notes.contains(part), "{name}: {notes}");
    }
    for name in ["u2_deflate.tif", "ome_pyramid.ome.tif", "u2_pages.tif", "gray8.png", "v5_u2.mat"] {
        assert!(image(name).info().notes.is_empty(), "{name}: {:?}", image(name).info().notes);
    }
}

#[test]
fn images_that_cannot_be_labels_are_refused_with_a_remedy() {
    let cases = [
        ("bad_fractions.tif", "holds fractions, e.g. 4.5 at column 1, row 7"),
        ("bad_negative.tif", "holds -1 at column 0, row 0"),
        ("bad_large.tif", "holds 19791209299968 at column"),
        ("bad_rgb.tif", "is a color image with 3 channels"),
        ("bad_rgb.png", "is a color image with 3 channels"),
        ("bad_palette.png", "table of colors (palette)"),
        ("bad_transparent.png", "is transparent at column 7, row 4"),
        ("bad_picture.jpg", "is a JPEG picture; convert it"),
        ("bad_jpeg.tif", "compressed with JPEG, which changes labels"),
        ("bad_jpeg2000.tif", "uses JPEG 2000 compression"),
        ("bad_lzma.tif", "uses LZMA compression"),
        ("bad_v4.mat", "save it with '-v7'"),
        ("bad_v5_several.mat", "several matrices, 'nuclei' (37 x 53 uint16), 'cells' (37 x 53 uint16); keep"),
        ("bad_v5_none.mat", "'settings' (1 x 1 struct)"),
    ];
    for (name, part) in cases {
        let result = open(&fixtures().join(name)).and_then(|mut image| labels_of(&mut image, 0));
        let message = result.expect_err(name).to_string();
        assert!(message.contains(part) && message.contains(name), "{message}");
    }
    assert_eq!(names(true).len(), cases.len());
}

#[test]
fn other_files_are_no_images() {
    let folder = tempfile::tempdir().expect("a folder");
    let message = |name: &str, content: &[u8]| {
        let path = folder.path().join(name);
        fs::write(&path, content).expect("written");
        open(&path).expect_err("no image").to_string()
    };
    assert!(message("a.tif", b"").contains("is an empty file"));
    assert!(message("b.tif", b"x,y,gene\n").contains("begins with 'x,y,gene'"));
    assert!(message("c.tif", b"II*\0").contains("is damaged: it ends early"));
    assert!(open(folder.path()).expect_err("a folder").to_string().contains("is a folder"));
    assert!(open(&folder.path().join("none.tif")).expect_err("nothing").to_string().contains("cannot be read"));
    assert!(!is_image(b"x,y,gene\n") && !is_image(b"{\"type\":") && !is_image(b"") && !is_image(b"PAR1"));
    for name in names(false).iter().chain(&names(true)).filter(|name| *name != "bad_v4.mat") {
        let bytes = fs::read(fixtures().join(name)).expect("a file");
        assert!(is_image(&bytes[..bytes.len().min(MAGIC_LENGTH)]), "{name}");
    }
}

#[test]
fn reading_stops_when_told() {
    for name in ["u1_zstd_tiles.tif", "u2_lzw.tif", "gray8.png", "v5_f8_wide.mat", "v73_f8_wide.mat"] {
        let mut n_blocks = 0;
        let stopped = image(name).for_each_label_block(0, &mut |_| {
            n_blocks += 1;
            ControlFlow::Break(())
        });
        stopped.expect("no error");
        assert_eq!(n_blocks, 1, "{name}");
    }
}

/// A label image that is too large for one block, with many labels.
fn large(width: usize, height: usize, factor: u32) -> LabelImage {
    let labels = (0..(width * height) as u32).map(|pixel| (pixel / 7 % 601) * factor).collect();
    LabelImage { width, height, labels }
}

#[test]
fn written_labels_read_back() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("labels.tif");
    for (image, samples) in [
        (LabelImage { width: 1, height: 1, labels: vec![7] }, SampleType::UInt(16)),
        (large(301, 1999, 1), SampleType::UInt(16)),
        (large(1999, 301, 70_001), SampleType::UInt(32)),
    ] {
        let mut bytes = Cursor::new(Vec::new());
        write_labels(&mut bytes, &image, Some([0.2125, 0.5])).expect("written");
        fs::write(&path, bytes.get_ref()).expect("written");
        let mut again = open(&path).expect("a TIFF");
        assert_eq!(again.info().samples, samples);
        let size = again.info().pixel_size.expect("a size");
        assert!((size.x - 0.2125).abs() < 1e-9 && (size.y - 0.5).abs() < 1e-9, "{size:?}");
        assert!(labels_of(&mut again, 0).expect("labels") == image.labels);
        let mut second = Cursor::new(Vec::new());
        write_labels(&mut second, &image, Some([0.2125, 0.5])).expect("written");
        assert!(bytes == second);
    }
    assert!(write_labels(&mut Cursor::new(Vec::new()), &LabelImage::default(), None).is_err());
}

#[test]
fn strips_and_matrices_beyond_a_block_come_in_parts() {
    let folder = tempfile::tempdir().expect("a folder");
    let LabelImage { width, height, labels } = large(1500, 1201, 70_001);
    let tiff = folder.path().join("one_strip.tif");
    let mut encoder = ::tiff::encoder::TiffEncoder::new(fs::File::create(&tiff).expect("a file")).expect("a TIFF");
    let mut page =
        encoder.new_image::<::tiff::encoder::colortype::Gray32>(width as u32, height as u32).expect("a page");
    page.rows_per_strip(height as u32).expect("one strip");
    page.write_data(&labels).expect("written");

    let matlab = folder.path().join("plain.mat");
    let mut bytes = format!("{:124}", "MATLAB 5.0 MAT-file").into_bytes();
    let n_bytes = (labels.len() * 4) as u32;
    bytes.extend([0, 1, b'I', b'M']);
    for word in [14, 56 + n_bytes, 6, 8, 13, 0, 5, 8, height as u32, width as u32, 1, 1, u32::from(b'm'), 0, 6, n_bytes]
    {
        bytes.extend(word.to_le_bytes());
    }
    for column in 0..width {
        bytes.extend((0..height).flat_map(|row| labels[row * width + column].to_le_bytes()));
    }
    fs::write(&matlab, bytes).expect("written");

    let hdf5 = folder.path().join("plain.h5.mat");
    let file = hdf5_metno::File::create(&hdf5).expect("a file");
    let data = ndarray::Array2::from_shape_fn((width, height), |(column, row)| labels[row * width + column]);
    let data = file.new_dataset_builder().with_data(&data).chunk((100, 100)).deflate(1).create("m").expect("a matrix");
    let class = hdf5_metno::types::FixedAscii::<6>::from_ascii("uint32").expect("a text");
    data.new_attr::<hdf5_metno::types::FixedAscii<6>>()
        .create("MATLAB_class")
        .and_then(|attribute| attribute.write_scalar(&class))
        .expect("written");
    file.close().expect("closed");

    for path in [tiff, matlab, hdf5] {
        let mut image = open(&path).expect("an image");
        assert!(labels_of(&mut image, 0).expect("labels") == labels, "{}", path.display());
        let gray = image.read_gray(0).expect("gray values");
        assert!(gray.values.iter().zip(&labels).all(|(&gray, &label)| gray == label as f32));
    }
}

#[test]
fn pictures_are_written_as_png() {
    let mut bytes = Vec::new();
    write_rgb_png(&mut bytes, 2, 1, &[255, 0, 0, 1, 2, 3]).expect("a picture");
    let mut reader = ::png::Decoder::new(Cursor::new(bytes)).read_info().expect("a PNG");
    let row = reader.next_row().expect("a row").expect("a row").data().to_vec();
    assert_eq!(row, [255, 0, 0, 1, 2, 3]);
    assert!(write_rgb_png(Vec::new(), 2, 2, &[0; 3]).is_err());
    assert!(write_rgb_png(Vec::new(), 0, 0, &[]).is_err());
}

/// Opens and reads whatever it is; only the absence of panics and of absurd blocks counts.
fn survive(path: &Path) {
    let Ok(mut image) = open(path) else { return };
    // Damaged headers may still promise more than anyone would wait for.
    let mut n_pixels = 0;
    let _ = image.for_each_label_block(0, &mut |block| {
        n_pixels += block.labels.len();
        if n_pixels > 1 << 20 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    });
    if image.info().width * image.info().height < 1 << 20 {
        let _ = image.read_gray(image.info().n_pages - 1);
    }
}

#[test]
fn damaged_files_end_in_errors() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("damaged");
    // Overwritten, never emptied: file systems wait for the disk when a file is emptied and filled anew.
    let mut file = fs::File::create(&path).expect("a file");
    let mut write = |bytes: &[u8]| {
        file.set_len(bytes.len() as u64).and_then(|()| file.rewind()).expect("the beginning");
        file.write_all(bytes).expect("written");
    };
    for name in names(false).iter().chain(&names(true)) {
        let good = fs::read(fixtures().join(name)).expect("a file");
        let step = (good.len() / 60).max(1);
        for place in (0..good.len()).step_by(step) {
            write(&good[..place]);
            survive(&path);
            for change in [0xff, 0x80, 0x01] {
                let mut bytes = good.clone();
                bytes[place] ^= change;
                write(&bytes);
                survive(&path);
            }
        }
    }
}

#[test]
fn headers_that_promise_too_much_are_damaged() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("damaged");
    let change = |name: &str, find: &[u8], replace: &[u8]| {
        let mut bytes = fs::read(fixtures().join(name)).expect("a file");
        let place = bytes.windows(find.len()).position(|part| part == find).expect("the header");
        bytes[place..place + replace.len()].copy_from_slice(replace);
        fs::write(&path, bytes).expect("written");
        let result = open(&path).and_then(|mut image| image.read_gray(0));
        let error = result.expect_err("too much");
        assert!(matches!(error.fault, ImageFault::Damaged(_)), "{error}");
    };
    // 3,000,000 instead of the width, the height, both.
    let many = 3_000_000u32.to_le_bytes();
    change("u1.tif", &[0, 1, 4, 0, 1, 0, 0, 0, 53], &[&[0, 1, 4, 0, 1, 0, 0, 0][..], &many].concat());
    change("u2_deflate.tif", &[1, 1, 4, 0, 1, 0, 0, 0, 37], &[&[1, 1, 4, 0, 1, 0, 0, 0][..], &many].concat());
    change("v5_plain.mat", &[37, 0, 0, 0, 53, 0, 0, 0], &[many, many].concat());
}
