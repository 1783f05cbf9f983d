use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use super::*;
use crate::cells::{self, Nuclei};
use crate::config::division::resolve_merge;
use crate::config::resolve::{Request, tests as requests};
use crate::config::{RunSettings, dump};
use crate::data::{CellIdx, CellMembers, CellNames, ClusterIdx, Positions, SegmentIdx, Segmentation};
use crate::io::molecules::{Fingerprint, MoleculeTable, ReadRequest, read};
use crate::io::stage::schema::TABLES;
use crate::io::stage::{InputFingerprint, Manifest, MoleculeResults, OutlineBasis, StageReader, TileManifest};
use crate::numeric::draws::{Draws, Stream};
use crate::observe::Silent;
use crate::pipeline::manifest;
use crate::polygons;
use crate::spatial::tiling::{self, Tiling};

const RUN_ID: &str = "Rabc";
const MARGIN: f64 = 6.0;

/// Molecules of a small slide with their cells.
struct Slide {
    rows: Vec<Row>,
    n_cells: usize,
    tiling: Tiling,
    settings: RunSettings,
}

#[derive(Clone, Copy)]
struct Row {
    place: [f64; 3],
    gene: char,
    /// 0: noise.
    cell: u32,
    confidence: f32,
    trust: f32,
    cluster: usize,
    segment: Option<SegmentIdx>,
}

impl Slide {
    /// Forty cells of some 25 molecules each and ten apart, with noise between them; numbered from tile to tile.
    fn new() -> Self {
        let draws = Draws::new(3, Stream::Jitter);
        let mut rows = Vec::new();
        for id in 0..1200u64 {
            let u = |what: u64| draws.at(what).uniform(id);
            let cell = (u(0) * 48.0) as u32; // from 40 on: noise
            let around = |what: u64, center: f64| center + 5.0 * (u(what) - 0.5);
            let place = match cell {
                0..40 => [around(1, 5.0 + 10.0 * f64::from(cell % 8)), around(2, 5.0 + 10.0 * f64::from(cell / 8))],
                _ => [80.0 * u(1), 50.0 * u(2)],
            };
            rows.push(Row {
                place: [place[0], place[1], 9.0 * u(3)],
                gene: if u(4) < 0.5 { 'A' } else { 'B' },
                cell: if cell < 40 { cell + 1 } else { 0 },
                confidence: ((u(5) * 1e5).round() / 1e5) as f32,
                trust: u(6) as f32,
                cluster: (u(7) * 3.0) as usize,
                segment: None,
            });
        }
        let positions = positions_of(&rows);
        let tiling = tiling::plan(&positions.x, &positions.y, 450, MARGIN).unwrap();
        let common = ["min_molecules_per_cell=30", "scale=5", "max_z_slices=4"];
        let settings = requests::settings_of(&common);
        let mut slide = Self { rows, n_cells: 40, tiling, settings };
        slide.number_by_tile();
        slide.draw_segments();
        slide
    }

    fn number_by_tile(&mut self) {
        let tile_of = |cell: u32| {
            let own: Vec<&Row> = self.rows.iter().filter(|row| row.cell == cell).collect();
            let mean = |axis: usize| own.iter().map(|row| row.place[axis]).sum::<f64>() / own.len() as f64;
            self.tiling.tile_of(mean(0), mean(1))
        };
        let mut order: Vec<(usize, u32)> = (1..=self.n_cells as u32).map(|cell| (tile_of(cell), cell)).collect();
        order.sort_unstable();
        let new: Vec<u32> = (1..=self.n_cells as u32)
            .map(|cell| order.iter().position(|&(_, old)| old == cell).unwrap() as u32 + 1)
            .collect();
        self.rows.iter_mut().filter(|row| row.cell > 0).for_each(|row| row.cell = new[row.cell as usize - 1]);
    }

    /// The ids in core and margin of a tile.
    fn ids(&self, tile: usize) -> Vec<u32> {
        let reach = self.tiling.cores[tile].widened(self.tiling.margin);
        (0..self.rows.len() as u32)
            .filter(|&id| reach.contains(self.rows[id as usize].place[0], self.rows[id as usize].place[1]))
            .collect()
    }

    /// Every third molecule of a cell is in its segment, one in twelve in that of the next cell.
    fn draw_segments(&mut self) {
        for (id, row) in self.rows.iter_mut().enumerate() {
            let segment = match id % 12 {
                0 | 3 | 6 => row.cell,
                9 if row.cell > 0 => row.cell + 1,
                _ => 0,
            };
            row.segment = SegmentIdx::from_number(segment);
        }
    }

    /// Writes a stage of some molecules, whose cells are numbered anew, or of all.
    fn write(&self, dir: &Path, ids: &[u32], tile: Option<TileManifest>, kind: StageKind) -> Manifest {
        let mut cells: Vec<u32> = ids.iter().map(|&id| self.rows[id as usize].cell).filter(|&cell| cell > 0).collect();
        cells.sort_unstable();
        cells.dedup();
        let rows: Vec<Row> = ids.iter().map(|&id| self.rows[id as usize]).collect();
        let local = |row: &Row| cells.binary_search(&row.cell).ok().map(CellIdx::new);
        let results = MoleculeResults {
            confidence: Some(rows.iter().map(|row| row.confidence).collect()),
            cluster: Some(rows.iter().map(|row| ClusterIdx::new(row.cluster)).collect()),
            cell: Some(rows.iter().map(local).collect()),
            assignment_confidence: Some(rows.iter().map(|row| row.trust).collect()),
            prior_segment: Some(rows.iter().map(|row| row.segment).collect()),
            ..MoleculeResults::default()
        };
        let table = table_of(&rows, ids);
        let segmentation = Segmentation {
            n_cells: cells.len(),
            cell_of: results.cell.clone().unwrap(),
            assignment_confidence: results.assignment_confidence.clone(),
            lifespans: Some(cells.iter().map(|cell| cell * 3).collect()),
            started_from: None,
        };
        let members = CellMembers::group(&segmentation.cell_of, cells.len());
        let (positions, confidence) = (&table.molecules.positions, results.confidence.as_deref().unwrap());
        let mut stats = cells::cell_stats(positions, confidence, results.cluster.as_deref(), &segmentation, &members);
        let segment_of = results.prior_segment.as_deref().unwrap();
        stats.n_nuclei = Some(Nuclei::of(&segmentation.cell_of, cells.len(), segment_of).n_of_cell);
        stats.prior_segment = Some(cells.iter().map(|cell| (cell % 2 == 0).then(|| format!("s{cell}"))).collect());
        let counts = cells::count_genes(&table.molecules.genes, 2, &members);
        let mut writer = StageWriter::create(dir, kind).unwrap();
        writer.molecules(&table, &results).unwrap();
        writer.genes(&table.genes, &manifest::molecules_of_genes(&table)).unwrap();
        writer.cells(&CellNames::new(RUN_ID), &stats).unwrap();
        writer.counts(&table.genes, &counts).unwrap();
        if tile.is_none() {
            let flat = polygons::outline_cells(positions, &segmentation.cell_of, cells.len());
            let layers = polygons::layer_outlines(positions, &segmentation.cell_of, cells.len(), 4);
            writer.polygons(&flat, Some(&layers)).unwrap();
        }
        let mut manifest = manifest::begin(kind, &self.settings.program, &dump::values(&self.settings));
        manifest.inputs.push(InputFingerprint::new("molecules", Fingerprint { size: 1, hash: 2 }));
        manifest.run_id = Some(RUN_ID.to_owned());
        manifest.tile = tile;
        writer.finish(manifest).unwrap()
    }

    fn place(&self, tile: usize) -> TileManifest {
        let core = self.tiling.cores[tile];
        TileManifest {
            slide: "0123456789abcdef".to_owned(),
            index: tile as u32 + 1,
            n_tiles: self.tiling.n_tiles() as u32,
            core,
            margin: self.tiling.margin,
            n_core: self.rows.iter().filter(|row| core.contains(row.place[0], row.place[1])).count() as u64,
            n_slide: self.rows.len() as u64,
            expected_memory_mib: 20,
            run_id: RUN_ID.to_owned(),
            outlines: OutlineBasis::of(&positions_of(&self.rows), 4),
            texts: Default::default(),
        }
    }

    /// Writes all tiles; returns their folders.
    fn write_tiles(&self, folder: &Path) -> Vec<PathBuf> {
        let write = |tile: usize| {
            let dir = folder.join(format!("run_{tile}"));
            self.write(&dir, &self.ids(tile), Some(self.place(tile)), StageKind::Run);
            dir
        };
        (0..self.tiling.n_tiles()).map(write).collect()
    }
}

fn positions_of(rows: &[Row]) -> Positions {
    let axis = |axis: usize| rows.iter().map(|row| row.place[axis]).collect();
    Positions { x: axis(0), y: axis(1), z: Some(axis(2)) }
}

fn table_of(rows: &[Row], ids: &[u32]) -> MoleculeTable {
    let csv = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
    let mut text = "fov,x,y,z,gene,note\n".to_owned();
    for (id, Row { place: [x, y, z], gene, .. }) in ids.iter().zip(rows) {
        writeln!(text, "{},{x},{y},{z},{gene},n{id}", id % 7).unwrap();
    }
    std::fs::write(csv.path(), text).unwrap();
    let mut table = read(&ReadRequest { path: csv.path().to_owned(), ..ReadRequest::default() }).unwrap();
    table.molecules.ids = ids.to_vec();
    table
}

fn settings_of(tiles: &[PathBuf], stage: PathBuf) -> MergeSettings {
    let request = Request { tiles: tiles.to_vec(), stage: Some(stage), ..requests::request(&[]) };
    resolve_merge(&request, &|_| Some("2".to_owned())).unwrap()
}

fn merged(tiles: &[PathBuf], stage: PathBuf) -> anyhow::Result<StageReader> {
    let settings = settings_of(tiles, stage);
    merge(&settings, &Silent)?;
    Ok(StageReader::open(&settings.stage, &[StageKind::Merge])?)
}

fn error(tiles: &[PathBuf]) -> String {
    let stage = tempfile::tempdir().unwrap();
    let place = stage.path().join("merged");
    let error = format!("{:#}", merged(tiles, place.clone()).unwrap_err());
    assert!(!place.exists(), "something was written");
    error
}

#[test]
fn tiles_that_agree_give_the_tables_of_the_whole_slide_byte_by_byte() {
    let (slide, folder) = (Slide::new(), tempfile::tempdir().unwrap());
    assert!(slide.tiling.n_tiles() >= 4);
    let tiles = slide.write_tiles(folder.path());
    let all: Vec<u32> = (0..slide.rows.len() as u32).collect();
    let whole = slide.write(&folder.path().join("whole"), &all, None, StageKind::Run);
    let stage = merged(&tiles, folder.path().join("merged")).unwrap();
    for table in TABLES {
        assert_eq!(stage.manifest().table(table.name), whole.table(table.name), "{}", table.name);
    }
    let summary = &stage.manifest().summary;
    assert_eq!((summary["n_cells"].as_u64(), summary["n_molecules"].as_u64()), (Some(40), Some(1200)));
    let seams = &summary["seams"];
    let number = |name: &str| seams[name].as_u64().unwrap();
    assert!(number("n_molecules_in_overlaps") > 300 && number("n_cells_across_borders") > 3, "{seams}");
    let nothing = ["n_duplicates", "n_rescued", "n_emptied", "n_conflicting_molecules", "n_freed_molecules"];
    assert_eq!(nothing.map(number), [0; 5]);
    assert_eq!(stage.manifest().parameters, whole.parameters);
    assert_eq!((&stage.manifest().run_id, &stage.manifest().inputs), (&whole.run_id, &whole.inputs));
}

#[test]
fn the_order_of_tiles_changes_no_byte() {
    let (slide, folder) = (Slide::new(), tempfile::tempdir().unwrap());
    let mut tiles = slide.write_tiles(folder.path());
    let first = merged(&tiles, folder.path().join("merged")).unwrap();
    tiles.reverse();
    tiles.swap(0, 1);
    let second = merged(&tiles, folder.path().join("again")).unwrap();
    assert_eq!(first.manifest().fingerprint(), second.manifest().fingerprint());
}

#[test]
fn tiles_that_disagree_at_a_border_give_every_molecule_one_cell() {
    let (mut slide, folder) = (Slide::new(), tempfile::tempdir().unwrap());
    // To the second tile every fifth molecule is noise, and every seventh in the first of its cells.
    let tiles = slide.write_tiles(folder.path());
    let ids = slide.ids(1);
    let kept = slide.rows.clone();
    for &id in &ids {
        let row = &mut slide.rows[id as usize];
        row.cell = if id % 5 == 0 { 0 } else { row.cell };
        row.cell = if id % 7 == 0 { 16 } else { row.cell };
    }
    slide.write(&tiles[1], &ids, Some(slide.place(1)), StageKind::Run);
    slide.rows = kept;
    let stage = merged(&tiles, folder.path().join("merged")).unwrap();
    let (table, found) = stage.molecules().unwrap();
    let (names, stats) = stage.cells().unwrap();
    assert_eq!(table.molecules.ids, (0..1200).collect::<Vec<u32>>());
    // The table of cells is that of the table of molecules.
    let cell_of = found.cell.unwrap();
    let members = CellMembers::group(&cell_of, names.len());
    let segmentation = Segmentation {
        n_cells: names.len(),
        cell_of,
        assignment_confidence: found.assignment_confidence,
        lifespans: stats.lifespan.clone(),
        started_from: None,
    };
    let confidence = found.confidence.unwrap();
    let mut again =
        cells::cell_stats(&table.molecules.positions, &confidence, found.cluster.as_deref(), &segmentation, &members);
    let nuclei = Nuclei::of(&segmentation.cell_of, names.len(), &found.prior_segment.unwrap());
    again.n_nuclei = Some(nuclei.n_of_cell);
    again.prior_segment = stats.prior_segment.clone();
    assert_eq!(stats, again);
    let whole = &stage.manifest().summary["nuclei"]["n_nuclei_whole"];
    assert_eq!(whole.as_u64(), Some(nuclei.counts.n_whole));
    assert_eq!(stage.counts().unwrap(), cells::count_genes(&table.molecules.genes, 2, &members));
    assert_eq!(stage.polygons().unwrap().flat.len(), names.len());
    let seams = &stage.manifest().summary["seams"];
    assert!(seams["n_conflicting_molecules"].as_u64() > Some(0), "{seams}");
}

#[test]
fn tiles_without_cells_are_merged_like_others() {
    let (mut slide, folder) = (Slide::new(), tempfile::tempdir().unwrap());
    let tiles = slide.write_tiles(folder.path());
    slide.rows.iter_mut().for_each(|row| row.cell = 0);
    slide.write(&tiles[0], &slide.ids(0), Some(slide.place(0)), StageKind::Run);
    let stage = merged(&tiles, folder.path().join("merged")).unwrap();
    let (names, stats) = stage.cells().unwrap();
    // Fifteen cells were at home in the first tile; one of them is at a corner, and the two other tiles agree about it.
    assert_eq!((names.len(), stats.lifespan.map(|lifespans| lifespans.len())), (26, Some(26)));
    assert_eq!(stage.manifest().summary["seams"]["n_rescued"].as_u64(), Some(1));
    for (tile, dir) in tiles.iter().enumerate() {
        slide.write(dir, &slide.ids(tile), Some(slide.place(tile)), StageKind::Run);
    }
    let stage = merged(&tiles, folder.path().join("merged")).unwrap();
    assert_eq!((stage.cells().unwrap().0.len(), stage.counts().unwrap().n_cells()), (0, 0));
    assert!(stage.polygons().unwrap().flat.is_empty());
}

#[test]
fn without_boundaries_there_is_no_table_of_them() {
    let (slide, folder) = (Slide::new(), tempfile::tempdir().unwrap());
    let tiles = slide.write_tiles(folder.path());
    let settings = MergeSettings { has_polygons: false, ..settings_of(&tiles, folder.path().join("merged")) };
    merge(&settings, &Silent).unwrap();
    let stage = StageReader::open(&settings.stage, &[StageKind::Merge]).unwrap();
    assert!(stage.polygons().is_err());
}

#[test]
fn missing_double_and_foreign_tiles_are_refused_by_name() {
    let (slide, folder) = (Slide::new(), tempfile::tempdir().unwrap());
    let tiles = slide.write_tiles(folder.path());
    let n_tiles = tiles.len();
    assert!(error(&tiles[1..]).starts_with(&format!("tile 1 of {n_tiles} is missing. Run baysor run TILE")));
    let text = error(&[tiles[1].clone()]);
    assert!(text.starts_with("tiles 1, 3, 4") && text.contains("are missing"), "{text}");
    assert_eq!(error(&[]).split(';').next(), Some("there are no tiles to merge"));

    let twice = folder.path().join("twice");
    slide.write(&twice, &slide.ids(1), Some(slide.place(1)), StageKind::Run);
    let text = error(&[&tiles[..], std::slice::from_ref(&twice)].concat());
    assert!(
        text.starts_with("tile 2 is there twice") && text.contains("run_1 and") && text.contains("twice."),
        "{text}"
    );

    let with = |change: &dyn Fn(&mut TileManifest)| {
        let mut place = slide.place(1);
        change(&mut place);
        slide.write(&twice, &slide.ids(1), Some(place), StageKind::Run);
        let mut tiles = tiles.clone();
        tiles[1] = twice.clone();
        error(&tiles)
    };
    let text = with(&|place| place.slide = "0123456789abcdee".to_owned());
    assert!(text.contains("twice: is a tile of another split (id 0123456789abcdee)"), "{text}");
    let text = with(&|place| place.n_core -= 1);
    assert!(text.contains("molecules are in the core of the tile, but there should be"), "{text}");
    let text = with(&|place| place.core.x[0] += 1.0);
    assert!(text.contains("run the tile again"), "{text}");

    slide.write(&twice, &slide.ids(1), None, StageKind::Run);
    assert!(error(std::slice::from_ref(&twice)).contains("is the result of a whole slide, not of a tile"));
    std::fs::write(twice.join("manifest.json"), "{}").unwrap();
    assert!(error(&[twice]).contains("manifest"));
}

#[test]
fn tiles_that_were_run_with_other_settings_or_another_version_are_refused() {
    let (mut slide, folder) = (Slide::new(), tempfile::tempdir().unwrap());
    let tiles = slide.write_tiles(folder.path());
    let rewrite = |change: &dyn Fn(&mut Manifest)| {
        let manifest = tiles[2].join("manifest.json");
        let text = std::fs::read_to_string(&manifest).unwrap();
        let mut changed: Manifest = serde_json::from_str(&text).unwrap();
        change(&mut changed);
        std::fs::write(&manifest, changed.to_json()).unwrap();
        let error = error(&tiles);
        std::fs::write(&manifest, text).unwrap();
        error
    };
    let text = rewrite(&|manifest| manifest.seed = 77);
    assert!(text.contains("run_2: was run with seed = 77"), "{text}");
    let text = rewrite(&|manifest| manifest.program_version = "9.9.9".to_owned());
    assert!(text.contains("run_2: it was made by baysor 9.9.9"), "{text}");
    slide.settings = requests::settings_of(&["min_molecules_per_cell=31", "scale=5", "max_z_slices=4"]);
    slide.write(&tiles[2], &slide.ids(2), Some(slide.place(2)), StageKind::Run);
    let text = error(&tiles);
    assert!(text.contains("min_molecules_per_cell = 31") && text.contains("with 30"), "{text}");
}
