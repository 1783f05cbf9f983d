//! `baysor prior` and priors of `run`, with images that other programs wrote: the right label for every molecule, in
//! every format; what is wrong with bad ones; the real nuclei of the example.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::HashMap;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use baysor::io::stage::{StageKind, StageReader};
use support::{Folder, Outcome};

const WIDTH: usize = 53;
const HEIGHT: usize = 37;

fn images() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/images")
}

/// Labels of the image in all its formats, row by row.
fn labels() -> Vec<u32> {
    let text = std::fs::read_to_string(images().join("expected.csv")).expect("the labels");
    text.lines().flat_map(|line| line.split(',').map(|label| label.parse().expect("a label"))).collect()
}

/// A molecule in the middle of every pixel whose center is at (column, row) + `offset`, on every z.
fn molecules(offset: f64, z: &[f64]) -> String {
    let mut text = String::from(if z.is_empty() { "x,y,gene\n" } else { "x,y,z,gene\n" });
    let planes: Vec<String> =
        if z.is_empty() { vec![String::new()] } else { z.iter().map(|z| format!("{z},")).collect() };
    for plane in planes {
        for at in 0..WIDTH * HEIGHT {
            let (x, y) = ((at % WIDTH) as f64 + offset, (at / WIDTH) as f64 + offset);
            writeln!(text, "{x},{y},{plane}Gene{}", at % 7).expect("a text");
        }
    }
    text
}

/// Labels of the molecules as the stage in `folder/name` has them, 0 for none.
fn found_labels(folder: &Folder, name: &str) -> Vec<String> {
    let stage = StageReader::open(&folder.path(name), &[StageKind::Prior]).expect("a stage");
    let (_, results) = stage.molecules().expect("molecules");
    let table = folder.table(&format!("{name}/segments.csv"));
    let labels: HashMap<&str, &str> = table
        .column("segment")
        .into_iter()
        .zip(table.column("label"))
        .filter(|(segment, _)| !segment.is_empty())
        .collect();
    let segments = results.prior_segment.expect("segments");
    let label = |number: u32| labels[&*number.to_string()].to_owned();
    segments.into_iter().map(|segment| segment.map_or("0".to_owned(), |segment| label(segment.number()))).collect()
}

fn texts(labels: impl IntoIterator<Item = u32>) -> Vec<String> {
    labels.into_iter().map(|label| label.to_string()).collect()
}

fn prior(folder: &Folder, image: &str, more: &str) -> Outcome {
    let path = images().join(image);
    let mut arguments = vec!["prior", "m.csv", path.to_str().expect("a path"), "-m", "1", "-o", "prior"];
    arguments.extend(["--min-molecules-per-segment", "1"]);
    arguments.extend(more.split_whitespace());
    folder.baysor(&arguments)
}

#[test]
fn every_format_gives_every_molecule_its_label() {
    let folder = Folder::with("m.csv", molecules(1.0, &[]));
    let labels = labels();
    let mut names: Vec<String> = std::fs::read_dir(images())
        .expect("images")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .filter(|name| {
            [".tif", ".png", ".mat"].iter().any(|ending| name.ends_with(ending)) && !name.starts_with("bad_")
        })
        .collect();
    names.sort();
    assert!(names.len() > 50, "{names:?}");
    for name in names {
        // The frame of the file counts for real data; here coordinates are pixels.
        prior(&folder, &name, "--prior-pixel-size 1 --prior-origin 0.5,0.5").assert_success();
        let found = found_labels(&folder, "prior");
        let stem = name.split('.').next().unwrap_or_default();
        if stem.ends_with("_mask") {
            // Parts are numbered anew: the same pixels, and touching discs are one part.
            let covered = found.iter().map(|label| label != "0");
            assert!(covered.eq(labels.iter().map(|&label| label > 0)), "{name}");
            let n_parts = folder.table("prior/segments.csv").rows.len();
            assert!((2..13).contains(&n_parts), "{name}: {n_parts} parts");
            continue;
        }
        let factor = if stem.ends_with("_wide") { 70_001 } else { 1 };
        assert_eq!(found, texts(labels.iter().map(|label| label * factor)), "{name}");
    }
}

#[test]
fn pixels_count_from_one_unless_told_otherwise() {
    let labels = texts(labels());
    for (offset, more) in [
        (1.0, ""),
        (0.0, "--prior-origin=-0.5,-0.5"),
        (0.5, "--prior-pixel-size 1"),
        (100.5, "--prior-pixel-size=1,1 --prior-origin 100,100"),
    ] {
        let folder = Folder::with("m.csv", molecules(offset, &[]));
        prior(&folder, "u2_lzw.tif", more).assert_success();
        assert_eq!(found_labels(&folder, "prior"), labels, "{offset} {more}");
    }
}

#[test]
fn pages_of_a_stack_are_planes_of_z() {
    let labels = labels();
    let expected = [0, 1, 2].map(|page| {
        labels.iter().map(move |&label| match page {
            0 => label,
            1 => label + u32::from(label > 0),
            _ => 2 * label,
        })
    });
    let expected = texts(expected.into_iter().flatten());
    for (z, more) in [
        (vec![-1.5, 0.0, 1.5], ""),
        (vec![1.0, 2.0, 3.0], ""),
        (vec![0.1, 5.0, 11.9], "--prior-pixel-size 1,1,4 --prior-origin 0.5,0.5,0"),
    ] {
        let folder = Folder::with("m.csv", molecules(1.0, &z));
        prior(&folder, "u2_pages.tif", more).assert_success();
        assert_eq!(found_labels(&folder, "prior"), expected, "{z:?}");
    }
    let folder = Folder::with("m.csv", molecules(1.0, &[0.1, 5.0, 11.9]));
    prior(&folder, "u2_pages.tif", "")
        .assert_failure(1, &["3 pages", "z from 0.1 to 11.9", "--prior-pixel-size X,Y,Z"]);
    let flat = Folder::with("m.csv", molecules(1.0, &[]));
    prior(&flat, "u2_pages.tif", "").assert_warning(&["3 pages", "--prior-page"]);
    prior(&flat, "u2_pages.tif", "--prior-page 3").assert_success();
    assert_eq!(found_labels(&flat, "prior"), texts(labels.iter().map(|label| 2 * label)));
    prior(&flat, "u2_pages.tif", "--prior-page 4").assert_failure(1, &["page 4 is asked for", "has 3"]);
}

#[test]
fn the_nuclei_of_the_example_are_those_of_its_column() {
    let folder = Folder::new();
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/iss_ca1");
    let path = |name: &str| example.join(name).display().to_string();
    let table = path("molecules.csv.gz");
    folder.succeed(&format!("prior {table} {} --prior-origin=-0.5,-0.5 -m 3 -o image", path("nuclei.tif")));
    folder.succeed(&format!("prior {table} :nucleus_id -m 3 -o column"));
    let (of_image, of_column) = (found_labels(&folder, "image"), found_labels(&folder, "column"));
    let n_different = of_image.iter().zip(&of_column).filter(|(a, b)| a != b).count();
    // Six molecules lie beside the image, at x = -1, where the column has a nucleus all the same.
    assert_eq!(n_different, 6, "of {}", of_image.len());
    let scale = &folder.json("image/manifest.json")["estimates"][0];
    assert_eq!(scale["name"], "scale");
    let radius = scale["value"].as_f64().expect("a number");
    // That of the cells around the nuclei, whose own median radius is 18.8; 25 suits the cells.
    assert!((22.0..26.0).contains(&radius), "{radius}");
    let picture = std::fs::read(folder.path("image/overview.png")).expect("a picture");
    assert!(picture.starts_with(b"\x89PNG") && picture.len() > 10_000);
}

#[test]
fn a_prior_stage_has_the_same_bytes_for_any_number_of_threads() {
    let folder = Folder::with("m.csv", molecules(1.0, &[]));
    let timeless = |name: &str| {
        let mut files = HashMap::new();
        for file in ["molecules.arrow", "segments.arrow", "genes.arrow", "segments.csv", "overview.png"] {
            files.insert(file.to_owned(), std::fs::read(folder.path(&format!("{name}/{file}"))).expect("a file"));
        }
        let mut manifest = folder.json(&format!("{name}/manifest.json"));
        manifest.as_object_mut().expect("an object").remove("timing");
        files.insert("manifest".to_owned(), manifest.to_string().into_bytes());
        files
    };
    prior(&folder, "u4_deflate_wide.tif", "-t 1").assert_success();
    let one = timeless("prior");
    prior(&folder, "u4_deflate_wide.tif", "-t 3").assert_success();
    assert!(one == timeless("prior"));
}

#[test]
fn labels_of_an_earlier_stain_do_not_stay_beside_another_prior() {
    let folder = Folder::with("m.csv", molecules(1.0, &[]));
    prior(&folder, "u2_lzw.tif", "").assert_success();
    folder.write("prior/prior_labels.tif", "from a stain");
    prior(&folder, "u2_lzw.tif", "").assert_success();
    assert!(!folder.path("prior/prior_labels.tif").exists() && folder.path("prior/overview.png").exists());
}

#[test]
fn run_takes_the_same_priors_and_writes_the_labels_of_the_image() {
    let folder = Folder::with("m.csv", molecules(1.0, &[]));
    let image = images().join("u2_lzw.tif").display().to_string();
    folder
        .succeed(&format!("run m.csv {image} -m 20 -s 4 --iters 5 -o out.csv --polygon-format none --skip-ncv-color"));
    let found = folder.table("out.csv");
    let counts = |label: u32| labels().iter().filter(|&&other| other == label).count();
    let expected = labels().into_iter().map(|label| if counts(label) >= 5 { label } else { 0 });
    assert_eq!(found.column("prior_segmentation"), texts(expected));
    let without = ["m.csv", "out.csv", "out_cell_stats.csv", "out_counts.loom", "out_log.log", "out_params.dump.toml"];
    assert_eq!(folder.names(), without);
    folder.succeed(&format!(
        "run m.csv {image} -m 20 -s 4 --iters 5 -o out.csv --save-prior saved --polygon-format none"
    ));
    assert!(found_labels(&folder, "saved").iter().any(|label| label != "0"));
}

#[test]
fn bad_priors_end_in_one_clear_error() {
    let folder = Folder::with("m.csv", molecules(1.0, &[]));
    let cases: &[(&str, &[&str])] = &[
        ("bad_rgb.tif", &["color image", "3 channels"]),
        ("bad_palette.png", &["bad_palette.png"]),
        ("bad_negative.tif", &["-"]),
        ("bad_v5_several.mat", &["bad_v5_several.mat"]),
        ("bad_v5_none.mat", &["bad_v5_none.mat"]),
        ("bad_jpeg2000.tif", &["bad_jpeg2000.tif"]),
        ("expected.csv", &["expected.csv", "vertex_x"]),
    ];
    for (image, texts) in cases {
        prior(&folder, image, "").assert_failure(1, texts);
    }
    prior(&folder, "bad_fractions.tif", "--prior-kind labels").assert_failure(1, &["fractions"]);
    folder.write("empty.tif", "");
    folder.baysor(&["prior", "m.csv", "empty.tif", "-m", "1"]).assert_failure(1, &["empty.tif", "empty"]);
    let whole = std::fs::read(images().join("u2_lzw.tif")).expect("an image");
    folder.write("cut.tif", &whole[..whole.len() / 2]);
    folder.baysor(&["prior", "m.csv", "cut.tif", "-m", "1"]).assert_failure(1, &["cut.tif"]);
    folder
        .baysor(&["prior", "m.csv", ":nucleus", "-m", "1"])
        .assert_failure(1, &["no prior column 'nucleus'", "'gene'"]);
    assert!(!folder.path("prior/manifest.json").exists() && !folder.path("prior/molecules.arrow").exists());
}

#[test]
fn a_prior_in_other_units_or_elsewhere_is_noticed() {
    // Molecules in units of a fifth of a pixel lie in the upper left part; far away they miss the image.
    let scaled = |factor: f64, offset: f64| {
        let mut text = String::from("x,y,gene\n");
        for at in 0..WIDTH * HEIGHT {
            let (x, y) = ((at % WIDTH) as f64 * factor + offset, (at / WIDTH) as f64 * factor + offset);
            writeln!(text, "{x},{y},Gene{}", at % 7).expect("a text");
        }
        Folder::with("m.csv", text)
    };
    prior(&scaled(0.2, 1.0), "u2_lzw.tif", "").assert_warning(&["reach only", "--prior-pixel-size"]);
    prior(&scaled(5.0, 1.0), "u2_lzw.tif", "").assert_warning(&["lie outside", "--prior-pixel-size"]);
    prior(&scaled(1.0, 5000.0), "u2_lzw.tif", "").assert_failure(1, &["No molecule lies within", "same units"]);
}

#[test]
fn boundaries_give_the_same_segments_as_labels() {
    // Two squares, one with a hole in GeoJSON; molecules on a grid of whole coordinates.
    let folder = Folder::with("m.csv", molecules(0.0, &[]));
    let mut table = String::from("cell_id,vertex_x,vertex_y,label_id\n");
    for (cell, left, right) in [("aaab-1", 2.5, 12.5), ("aaac-1", 20.5, 30.5)] {
        for (x, y) in [(left, 2.5), (right, 2.5), (right, 12.5), (left, 12.5), (left, 2.5)] {
            writeln!(table, "{cell},{x},{y},1").expect("a text");
        }
    }
    folder.write("cells.csv", &table);
    let ring =
        |left: f64, right: f64| format!("[[{left},2.5],[{right},2.5],[{right},12.5],[{left},12.5],[{left},2.5]]");
    let feature = |id: &str, ring: String| {
        format!(
            r#"{{"type":"Feature","id":"{id}","properties":{{}},"geometry":{{"type":"Polygon","coordinates":[{ring}]}}}}"#
        )
    };
    let features = [feature("aaab-1", ring(2.5, 12.5)), feature("aaac-1", ring(20.5, 30.5))].join(",");
    folder.write("cells.json", format!(r#"{{"type":"FeatureCollection","features":[{features}]}}"#));
    for file in ["cells.csv", "cells.json"] {
        folder.baysor(&["prior", "m.csv", file, "-m", "3", "-o", "prior"]).assert_success();
        let found = found_labels(&folder, "prior");
        for (at, label) in found.iter().enumerate() {
            let (x, y) = (at % WIDTH, at / WIDTH);
            let expected = match (x, y) {
                (3..=12, 3..=12) => "aaab-1",
                (21..=30, 3..=12) => "aaac-1",
                _ => "0",
            };
            assert_eq!(label, expected, "{file} at {x}, {y}");
        }
    }
}
