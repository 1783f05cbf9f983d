//! Tiles: what was fitted to a slide, and which part of it a stage is.

use serde_json::{Value, json};

use super::documents::{SCHEMA, check};
use super::*;
use crate::bmm::Learned;
use crate::clustering::{Course, CourseStep};
use crate::composition::{ColorModel, ColorModelParts, Transform};
use crate::graph::EdgeLengths;
use crate::noise::{NoiseFit, Normal};
use crate::spatial::frame::Frame;
use crate::spatial::tiling::Rect;

/// Colors of neighborhoods of three genes, with two anchors.
fn colors() -> ColorModel {
    let parts = ColorModelParts {
        n_neighbors: 15,
        least_distance: 0.1 + 0.2,
        transform: Transform::Log,
        n_components: 2,
        per_gene: vec![0.1, -0.2, 0.3, 1e-30, 0.5, 0.6],
        offset: vec![0.7, 1.0 / 3.0],
        anchor_vectors: vec![1.0, 2.0, 3.0, 4.0],
        anchor_places: vec![0.1, 0.2, 0.3, 0.4, 0.5, 0.6],
        place_mean: [0.01, 0.02, 0.03],
        place_shares: [1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        place_ranges: [-1.0, 1.0 / 7.0, -2.0, 2.0, -3.0, 3.0],
    };
    ColorModel::from_parts(parts).unwrap()
}

/// A fit without texts, which a stage that is no tile does not keep.
pub(super) fn numbers() -> SlideFit {
    SlideFit { scale_origin: String::new(), markers: None, is_colored: false, colors: None, ..fit() }
}

fn fit() -> SlideFit {
    SlideFit {
        frame: Frame { low: [-0.1, 1.0 / 3.0, 0.0], high: [1e9, 7.5, 0.0] },
        edges: EdgeLengths { log_limit: Some(-2.5 - 0.1), full_weight: 0.1 + 0.2 },
        noise: Some(NoiseFit {
            signal: Normal { mean: 1.0 / 7.0, std: 5e-324 },
            background: Normal { mean: 3.0, std: 2.0 },
            n_signal: 1e7 + 0.25,
            n_background: 12.5,
            outlier_threshold: 6.0,
            n_iterations: 17,
            converged: true,
        }),
        scale: 6.5,
        scale_std: 1.625,
        scale_origin: "estimated from 12 prior segments".to_owned(),
        clustering: Some(Course {
            n_clusters: 2,
            first: vec![0.5, 0.25, 0.25, 0.1, 0.2, 0.7],
            steps: vec![
                (CourseStep::Sweep { threshold: 0.0, exhaustive: true }, 1),
                (CourseStep::Wake, 0),
                (CourseStep::Sweep { threshold: 3e-4, exhaustive: false }, 1),
            ],
            genes: vec![2, 0],
            is_far: vec![true, false],
            values: vec![0.1, 0.2, 0.3, 1e-30],
        }),
        log_noise_density: vec![0.125, 0.1, 1.0 / 11.0],
        owners: Some(SlideOwners {
            are_nuclei: true,
            learned: vec![Learned::of_array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 0.1, -7.0]); 2],
        }),
        markers: Some(SlideMarkers { nuclei: vec!["Neat1".to_owned()], cyto: vec!["Äb".to_owned()] }),
        is_colored: true,
        colors: Some(colors()),
    }
}

/// As little as there can be.
fn bare_fit() -> SlideFit {
    SlideFit {
        edges: EdgeLengths { log_limit: None, full_weight: 1.0 },
        noise: None,
        clustering: None,
        log_noise_density: Vec::new(),
        owners: None,
        markers: None,
        is_colored: false,
        colors: None,
        ..fit()
    }
}

fn tile() -> TileManifest {
    TileManifest {
        slide: "0123456789abcdef".to_owned(),
        index: 2,
        n_tiles: 3,
        core: Rect { x: [f64::NEG_INFINITY, 0.1 + 0.2], y: [-5.5, f64::INFINITY] },
        margin: 52.0,
        n_core: 7,
        n_slide: 30,
        expected_memory_mib: 21,
        run_id: "R0123456789".to_owned(),
        outlines: OutlineBasis { spacing: 1.0, layers: None },
        texts: FitTexts::default(),
    }
}

fn tile_manifest() -> Manifest {
    Manifest { tile: Some(tile()), run_id: None, ..manifest() }
}

fn write_tile(dir: &Path, fit: &SlideFit, manifest: Manifest) -> Result<Manifest, StageError> {
    let mut writer = StageWriter::create(dir, StageKind::Tile)?;
    let table = table(10);
    writer.molecules(&table, &MoleculeResults::default())?;
    writer.genes(&table.genes, &[1, 2, 7])?;
    writer.slide_fit(fit)?;
    writer.finish(manifest)
}

/// What spoils the place of a tile.
type Change<'a> = &'a dyn Fn(&mut TileManifest);

#[test]
fn a_fit_comes_back_to_the_last_bit_with_its_texts() {
    let gray = SlideFit { is_colored: true, ..bare_fit() };
    for fit in [fit(), bare_fit(), gray] {
        let dir = tempfile::tempdir().unwrap();
        write_tile(dir.path(), &fit, tile_manifest()).unwrap();
        let stage = StageReader::open(dir.path(), &[StageKind::Tile]).unwrap();
        assert_eq!(stage.slide_fit().unwrap(), fit);
        let texts = &stage.manifest().tile.as_ref().unwrap().texts;
        assert_eq!((texts.scale_origin.as_str(), &texts.markers), ("estimated from 12 prior segments", &fit.markers));
    }
}

#[test]
fn the_place_of_a_tile_comes_back_and_follows_the_json_schema() {
    let dir = tempfile::tempdir().unwrap();
    let written = write_tile(dir.path(), &fit(), tile_manifest()).unwrap();
    let read = StageReader::open(dir.path(), &[StageKind::Tile]).unwrap().manifest().clone();
    assert_eq!((&read, read.format_version), (&written, FORMAT_VERSION));
    assert_eq!(read.tile, Some(TileManifest { texts: fit().texts(), ..tile() }));
    let json: Value = serde_json::from_str(&read.to_json()).unwrap();
    assert_eq!(json["tile"]["core"], json!({ "x": [null, 0.1 + 0.2], "y": [-5.5, null] }));
    let schema: Value = serde_json::from_str(SCHEMA).unwrap();
    check(&json, &schema, &schema, "manifest");
    for field in json["tile"].as_object().unwrap().keys() {
        assert!(schema["$defs"]["tile"]["properties"].get(field).is_some(), "{field}");
    }
}

#[test]
fn a_stage_that_is_no_part_of_a_slide_says_nothing_of_tiles() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = write_all(dir.path());
    assert_eq!((manifest.format_version, manifest.tile.as_ref()), (FORMAT_VERSION, None));
    assert!(!manifest.to_json().contains("\"tile\""));
}

#[test]
fn a_place_that_makes_no_sense_is_a_damaged_manifest() {
    let with = |change: &dyn Fn(&mut TileManifest)| {
        let mut tile = tile();
        change(&mut tile);
        let dir = tempfile::tempdir().unwrap();
        let manifest = Manifest { tile: Some(tile), ..tile_manifest() };
        write_tile(&dir.path().join("tile_0002"), &fit(), manifest).unwrap_err().to_string()
    };
    let cases: [(Change, &str); 7] = [
        (&|tile| tile.index = 4, "it is tile 4 of 3"),
        (&|tile| tile.index = 0, "it is tile 0 of 3"),
        (&|tile| tile.slide = "slide".to_owned(), "tile.slide is 'slide', not 16 hexadecimal digits"),
        (&|tile| tile.core.y = [2.0, 2.0], "the core of the tile goes from 2 to 2"),
        (&|tile| tile.margin = -1.0, "the margin of the tile is -1"),
        (&|tile| tile.n_core = 11, "11 molecules are in the core of the tile, more than there are"),
        (&|tile| tile.run_id = "R-1".to_owned(), "tile.run_id is 'R-1'"),
    ];
    for (change, expected) in cases {
        let text = with(change);
        assert!(text.contains(expected) && text.contains("tile_0002"), "{text}");
    }
    let dir = tempfile::tempdir().unwrap();
    let error = write_tile(dir.path(), &fit(), manifest()).unwrap_err().to_string();
    assert!(error.contains("the object 'tile' is missing"), "{error}");
}

#[test]
fn a_manifest_that_lost_its_place_is_refused_when_it_is_read() {
    let dir = tempfile::tempdir().unwrap();
    let manifest = write_tile(dir.path(), &fit(), tile_manifest()).unwrap();
    let path = dir.path().join(MANIFEST_FILE);
    std::fs::write(&path, Manifest { tile: None, ..manifest.clone() }.to_json()).unwrap();
    let error = StageReader::open(dir.path(), &[StageKind::Tile]).unwrap_err().to_string();
    assert!(error.contains("manifest.json: the manifest is damaged (the object 'tile' is missing)"), "{error}");
    std::fs::write(&path, manifest.to_json().replace("\"margin\": 52.0", "\"margin\": null")).unwrap();
    assert!(matches!(StageReader::open(dir.path(), &[StageKind::Tile]), Err(StageError::Manifest { .. })));
}

#[test]
fn a_fit_that_lacks_numbers_is_a_damaged_table() {
    let dir = tempfile::tempdir().unwrap();
    let cases = [
        (SlideFit { scale: f64::NAN, ..fit() }, "the scale is NaN"),
        (
            SlideFit { clustering: fit().clustering.map(|course| Course { genes: vec![2, 3], ..course }), ..fit() },
            "not whole",
        ),
    ];
    for (fit, expected) in cases {
        write_tile(dir.path(), &fit, tile_manifest()).unwrap();
        let stage = StageReader::open(dir.path(), &[StageKind::Tile]).unwrap();
        let error = stage.slide_fit().unwrap_err().to_string();
        assert!(error.contains("slide_fit.arrow: the table is damaged") && error.contains(expected), "{error}");
    }
}

#[test]
fn a_tile_is_described_by_its_place_and_what_the_slide_told() {
    let dir = tempfile::tempdir().unwrap();
    write_tile(dir.path(), &fit(), tile_manifest()).unwrap();
    let stage = StageReader::open(dir.path(), &StageKind::ALL).unwrap();
    let text = describe(&stage).unwrap().lines.join("\n");
    for expected in [
        "a finished stage of the kind 'tile'",
        "Tile 2 of 3 of the slide 0123456789abcdef, whose cells have the run id R0123456789",
        "Core: x up to 0.30000000000000004, y from -5.5 on; with a margin of 52 around it",
        "Molecules in the core: 7 of 30 of the slide (23.3 %)",
        "Expected memory of its run: 21 MiB",
        "Fitted to the whole slide, the same in all tiles:",
        "  scale 6.5 with a spread of 1.625 (estimated from 12 prior segments)",
        "  distance to the k-th neighbor: 0.1429 in cells, 3.0000 in the background",
        "  course of 2 molecule clusters, 3 steps",
        "  genes of nuclei: Neat1; of cytoplasm: Äb",
        "  colors of neighborhoods",
        "  slide_fit.arrow: ",
    ] {
        assert!(text.contains(expected), "{expected}\n{text}");
    }
}
