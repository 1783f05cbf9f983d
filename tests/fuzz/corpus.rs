//! Good inputs, from which cases are made: those that tests carry, and some that the program makes itself.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};

use baysor::io::stage::Timing;
use baysor::observe::{Observer, Progress};
use flate2::Compression;
use flate2::write::GzEncoder;
use polars::prelude::{DataFrame, ParquetCompression, ParquetReader, ParquetWriter, SerReader};
use serde_json::Value;

use super::case::{ARGUMENTS, Files, Seed, read_files};
use super::command::command;
use super::seal;
use super::tissue::Tissue;

/// A small slide: nine cells.
const TISSUE: Tissue = Tissue { side: 3, per_cell: 10, background: 0.1, seed: 3 };
/// How slides here are segmented.
const MODEL: &str = "-m 3 -s 3 --iters 4 -t 1 --skip-ncv-color";
/// Largest file that is taken from the tests.
const MAX_BYTES: u64 = 50_000;

/// Molecules that priors are laid under.
pub fn molecules_in_3d() -> String {
    TISSUE.csv_3d()
}

/// The seeds of a reader, sorted by name. Works in the current folder, where it leaves what it makes.
pub fn seeds(reader: &str) -> anyhow::Result<Vec<Seed>> {
    let mut seeds = match reader {
        "csv" => tables()?,
        "parquet" => parquet_tables()?,
        "folder" => folders()?,
        "vertices" => vertices()?,
        "geojson" => geojson()?,
        "geoparquet" => geoparquet()?,
        "tiff" => files_of("images", &[".tif"])?,
        "png" => files_of("images", &[".png"])?,
        "mat5" => files_of("images", &[".mat"])?.into_iter().filter(|seed| !is_hdf5(seed)).collect(),
        "mat73" => {
            files_of("images", &[".mat"])?.into_iter().chain(files_of("hostile", &[".mat"])?).filter(is_hdf5).collect()
        }
        "stage" => stages()?.into_iter().map(|(name, files)| Seed { files: below("input", &files), name }).collect(),
        "checkpoint" => vec![one("checkpoint", checkpoint()?)],
        "config" => configurations()?,
        "options" => options(),
        _ => commands()?,
    };
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(seeds)
}

/// A path in the repository, of which the package that is built is the root or a folder.
fn root(below: &str) -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = package.ancestors().find(|folder| folder.join("tests/data").is_dir());
    root.unwrap_or(package).join(below)
}

fn one(name: &str, bytes: impl Into<Vec<u8>>) -> Seed {
    Seed { name: name.to_owned(), files: Files::from([("input".to_owned(), bytes.into())]) }
}

fn below(folder: &str, files: &Files) -> Files {
    files.iter().map(|(name, bytes)| (format!("{folder}/{name}"), bytes.clone())).collect()
}

fn gzipped(bytes: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut packer = GzEncoder::new(Vec::new(), Compression::fast());
    packer.write_all(bytes)?;
    Ok(packer.finish()?)
}

/// The files of a folder of test data whose names end in one of several ways.
fn files_of(folder: &str, ends: &[&str]) -> anyhow::Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    for entry in fs::read_dir(root("tests/data").join(folder))? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if ends.iter().any(|end| name.ends_with(end)) && entry.metadata()?.len() <= MAX_BYTES {
            seeds.push(one(&name, fs::read(entry.path())?));
        }
    }
    Ok(seeds)
}

fn is_hdf5(seed: &Seed) -> bool {
    let bytes = &seed.files["input"];
    bytes.starts_with(b"\x89HDF") || bytes.get(512..516).is_some_and(|later| later == b"\x89HDF")
}

fn tables() -> anyhow::Result<Vec<Seed>> {
    let plain = TISSUE.csv_with_prior();
    let quoted = TISSUE.table("\"x\";\"y\";\"z\";\"gene\";\"qv\";\"cell_id\";\"date\"", |row, m| {
        format!(
            "{};{};{};\"{}\";{row};c_1_{}_{};2026-01-01T00:00:0{}Z",
            m.x,
            m.y,
            m.z,
            m.gene,
            row % 3,
            m.cell,
            row % 9
        )
    });
    let python = TISSUE.table("x\ty\tgene\tcell\tflag", |row, m| {
        format!("{}\t{:e}\tb'{}'\t{}\t{}", m.x, m.y, m.gene, if m.in_core { "a" } else { "NA" }, row % 2 == 0)
    });
    let mut seeds = vec![
        one("quoted", quoted),
        one("python", python.replace('\n', "\r\n")),
        one("gzip", gzipped(plain.as_bytes())?),
        one("plain", plain),
        one("comments", "#Selection name\n#More\nx,y,gene\n1,2,A\n"),
    ];
    seeds.extend(files_of("accidents", &["cosmx_two_fields.csv.gz", "truth_values.csv.gz"])?);
    Ok(seeds)
}

/// The same table without compression, so that changes reach its values, in row groups of so many rows.
fn unpacked(bytes: &[u8], rows: usize) -> anyhow::Result<Vec<u8>> {
    let mut frame: DataFrame = ParquetReader::new(std::io::Cursor::new(bytes)).finish()?;
    let mut frame = if frame.height() > 200 { frame.head(Some(200)) } else { std::mem::take(&mut frame) };
    let mut out = Vec::new();
    let writer = ParquetWriter::new(&mut out).with_compression(ParquetCompression::Uncompressed);
    writer.with_row_group_size(Some(rows)).finish(&mut frame)?;
    Ok(out)
}

/// Adds unpacked copies of Parquet files that polars can read.
fn with_unpacked(seeds: Vec<Seed>) -> Vec<Seed> {
    let copies: Vec<Seed> = seeds
        .iter()
        .filter_map(|seed| Some(one(&format!("{} unpacked", seed.name), unpacked(&seed.files["input"], 60).ok()?)))
        .collect();
    [seeds, copies].concat()
}

fn parquet_tables() -> anyhow::Result<Vec<Seed>> {
    let mut seeds = files_of("molecules", &[".parquet"])?;
    seeds.extend(files_of("", &["tissue.parquet"])?);
    seeds = with_unpacked(seeds);
    // Types that polars does not read.
    seeds.extend(files_of("column_types", &[".parquet"])?);
    seeds.extend(files_of("accidents", &["unusual_types.parquet"])?);
    Ok(seeds)
}

fn folders() -> anyhow::Result<Vec<Seed>> {
    let table = TISSUE.csv_with_prior();
    let boundaries = &vertices()?[0].files["input"];
    let experiment = r#"{"region_name": "r", "analysis_sw_version": "x-1", "pixel_size": 0.2125}"#;
    let small = &files_of("molecules", &["xenium_binary_snappy.parquet"])?[0].files["input"];
    let folder = |name: &str, files: &[(&str, &[u8])]| Seed {
        name: name.to_owned(),
        files: files.iter().map(|(name, bytes)| (format!("input/{name}"), bytes.to_vec())).collect(),
    };
    let points = |part: &str| format!("points/transcripts/points.parquet/{part}");
    let (first, second) = (points("part.0.parquet"), points("part.1.parquet"));
    let attributes = fs::read(root("tests/data/spatial_data/points/transcripts/zarr.json"))?;
    Ok(vec![
        folder(
            "xenium",
            &[
                ("experiment.xenium", experiment.as_bytes()),
                ("transcripts.parquet", small),
                ("nucleus_boundaries.csv.gz", &gzipped(boundaries)?),
            ],
        ),
        folder("merscope", &[("detected_transcripts.csv", table.as_bytes()), ("cell_boundaries.parquet", small)]),
        folder("cosmx", &[("S_tx_file.csv.gz", &gzipped(table.as_bytes())?), ("S-polygons.csv", boundaries)]),
        folder("seqfish", &[("e_TranscriptList_1.csv", table.as_bytes())]),
        folder(
            "spatialdata",
            &[
                (&first, small),
                (&second, small),
                ("points/transcripts/zarr.json", &attributes),
                ("points/transcripts/.zattrs", br#"{"spatialdata_attrs": {"feature_key": "feature_name"}}"#),
            ],
        ),
        folder("parts", &[("part-0.parquet", small), ("part-1.parquet", small)]),
    ])
}

/// Squares around the cells of the tissue.
fn squares() -> impl Iterator<Item = (usize, [[f64; 2]; 4])> {
    (0..9).map(|cell| {
        let [x, y] = [cell % 3, cell / 3].map(|at| (at as f64 + 0.5) * 12.0);
        (cell + 1, [[x - 3.0, y - 3.0], [x + 3.0, y - 3.0], [x + 3.0, y + 3.0], [x - 3.0, y + 3.0]])
    })
}

fn vertices() -> anyhow::Result<Vec<Seed>> {
    let text = |header: &str, row: &dyn Fn(usize, [f64; 2]) -> String| {
        let rows = squares().flat_map(|(cell, ring)| ring.map(|vertex| row(cell, vertex)));
        std::iter::once(header.to_owned()).chain(rows).collect::<Vec<_>>().join("\n") + "\n"
    };
    let xenium = text("cell_id,vertex_x,vertex_y", &|cell, [x, y]| format!("c{cell},{x},{y}"));
    let labels = text("cell_id,vertex_x,vertex_y,label_id", &|cell, [x, y]| format!("c{cell},{x},{y},{cell}"));
    let cosmx = text("fov,cellID,cell,x_local_px,y_local_px,x_global_px,y_global_px", &|cell, [x, y]| {
        format!("1,{cell},c_1_{cell},{x},{y},{x},{y}")
    });
    let packed = gzipped(xenium.as_bytes())?;
    Ok(vec![one("xenium", xenium), one("labels", labels), one("cosmx", cosmx), one("gzip", packed)])
}

fn geojson() -> anyhow::Result<Vec<Seed>> {
    let ring = |ring: [[f64; 2]; 4]| serde_json::json!([[ring[0], ring[1], ring[2], ring[3], ring[0]]]);
    let features: Vec<Value> = squares()
        .map(|(cell, square)| {
            serde_json::json!({"type": "Feature", "id": cell, "properties": {"cell_id": format!("c{cell}")},
                               "geometry": {"type": "Polygon", "coordinates": ring(square)}})
        })
        .collect();
    let geometries: Vec<Value> = squares()
        .map(|(cell, square)| {
            serde_json::json!({"type": "MultiPolygon", "cell": cell, "coordinates": [ring(square), ring(square)]})
        })
        .collect();
    let collection = serde_json::json!({"type": "GeometryCollection", "geometries": geometries});
    let mut seeds = vec![
        one("features", serde_json::json!({"type": "FeatureCollection", "features": features}).to_string()),
        one("list", serde_json::json!(features).to_string()),
        one("layers", serde_json::json!([collection, collection]).to_string()),
        one("named layers", serde_json::json!({"0": collection, "1": collection}).to_string()),
        one("geometries", collection.to_string()),
    ];
    seeds.extend(files_of("accidents", &["equal_ids.geojson.gz", "planes.geojson.gz"])?);
    Ok(seeds)
}

fn geoparquet() -> anyhow::Result<Vec<Seed>> {
    let mut seeds = files_of("accidents/region_0", &[".parquet"])?;
    fs::write("m.csv", TISSUE.csv_with_prior())?;
    command(&format!("run m.csv :cell_id {MODEL} --format parquet,vpt,spatialdata -o made/"), &Stop::never())?;
    for (name, bytes) in read_files(Path::new("made"))? {
        if name.ends_with(".parquet")
            && (name.contains("bounda") || name.contains("polygons") || name.contains("shapes"))
        {
            seeds.push(one(&name, bytes));
        }
    }
    fs::remove_dir_all("made")?;
    Ok(with_unpacked(seeds))
}

fn configurations() -> anyhow::Result<Vec<Seed>> {
    let mut seeds = vec![one("example", fs::read(root("example_config.toml"))?)];
    for folder in ["presets", "configs"] {
        for (name, bytes) in read_files(&root(folder))? {
            if name.ends_with(".toml") {
                seeds.push(one(&format!("{folder} {name}"), bytes));
            }
        }
    }
    Ok(seeds)
}

fn options() -> Vec<Seed> {
    let lines = [
        "run m.csv :cell_id -m 3 -s 3 --scale-std 25% --iters 4 -t 1 --n-clusters=2 -o out/ -p --seed 7",
        "run m.csv prior.tif --prior-pixel-size 0.2,0.4,1.5 --prior-origin=-0.5,-0.5 --prior-page 2 --prior-where a=1",
        "run m.csv --config.data.exclude-genes=Neg*,^a --config.segmentation.iters=10 -c c.toml --x-min -1e3 --z-max 4",
        "run m.csv --nuclei-genes=A,B --cyto-genes C --compartment-genes auto --polygon-format GeometryCollection",
        "run m.csv -m 2 -s 1 --max-memory 1.5GB --max-molecules-per-tile 1000 --margin 4 --format all,h5ad --resume",
        "prior m.csv @nuclei --preset xenium --unassigned-prior-label c_*_0 -m 10 -o prior",
        "preview m.csv -m 10 --min-qv 20 -x a -y b -z c -g d -o preview.html",
        "segfree m.csv -m 8 -o ncvs.loom --stage s",
        "estimate m.csv -m 8 -s 3 --json t.json",
        "export s --format baysor,h5ad,10x-h5 --min-molecules 5 --min-confidence 0.7 --max-elongation 3 -o out/ --ncv n",
        "split m.csv -m 3 -s 3 --max-memory auto -o tiles",
        "merge tiles --stage s -t 2",
        "inspect s --json",
        "config --preset merscope --list",
    ];
    lines.iter().enumerate().map(|(at, line)| one(&format!("line {at:02}"), *line)).collect()
}

/// Stages of all kinds.
fn stages() -> anyhow::Result<Vec<(String, Files)>> {
    fs::write("m.csv", TISSUE.csv_with_prior())?;
    fs::write("m3.csv", TISSUE.csv_3d())?;
    fs::write("p.csv", &vertices()?[0].files["input"])?;
    let lines = [
        format!("run m.csv :cell_id {MODEL} --stage run"),
        format!("run m3.csv p.csv {MODEL} --n-clusters 2 --stage run_3d"),
        "prior m.csv p.csv -m 3 -t 1 -o prior".to_owned(),
        "prior m.csv :cell_id -m 3 -t 1 -o prior_column".to_owned(),
        "segfree m.csv -m 3 -t 1 --stage segfree".to_owned(),
        format!("split m.csv :cell_id {MODEL} --max-molecules-per-tile 60 --margin 2 -o tiles"),
        "run tiles/tile_0001 -t 1 --stage runs/tile_0001".to_owned(),
        "run tiles/tile_0002 -t 1 --stage runs/tile_0002".to_owned(),
    ];
    let mut names = vec![
        "run",
        "run_3d",
        "prior",
        "prior_column",
        "segfree",
        "tiles/tile_0001",
        "runs/tile_0001",
        "runs/tile_0002",
    ];
    for line in &lines {
        command(line, &Stop::never())?;
    }
    let more: Vec<PathBuf> = fs::read_dir("tiles")?.filter_map(|entry| entry.ok().map(|entry| entry.path())).collect();
    for tile in more.iter().filter_map(|path| path.file_name()?.to_str()).filter(|name| name.starts_with("tile_")) {
        if !["tile_0001", "tile_0002"].contains(&tile) {
            command(&format!("run tiles/{tile} -t 1 --stage runs/{tile}"), &Stop::never())?;
        }
    }
    command("merge runs --stage merged -t 1", &Stop::never())?;
    names.push("merged");
    let mut stages = Vec::new();
    for name in names {
        let mut files = read_files(Path::new(name))?;
        files.retain(|name, _| name == "manifest.json" || name.ends_with(".arrow"));
        fix_times(&mut files)?;
        stages.push((name.to_owned(), files));
    }
    Ok(stages)
}

/// Takes times, which differ from run to run, out of a manifest.
fn fix_times(files: &mut Files) -> anyhow::Result<()> {
    if let Some(text) = files.get_mut("manifest.json") {
        let mut manifest: Value = serde_json::from_slice(text)?;
        if let Some(timing) = manifest.get_mut("timing").and_then(Value::as_object_mut) {
            let paths = timing.get("paths").cloned();
            *timing = serde_json::from_value(serde_json::to_value(Timing::default())?)?;
            timing.extend(paths.map(|paths| ("paths".to_owned(), paths)));
        }
        *text = seal::sealed(&manifest);
    }
    Ok(())
}

fn checkpoint() -> anyhow::Result<Vec<u8>> {
    fs::write("m.csv", TISSUE.csv_with_prior())?;
    let line = format!("run m.csv :cell_id {MODEL} --checkpoint-every 2 -o made/");
    let _ = command(&line, &Stop::after(3));
    let bytes = fs::read("made/segmentation_checkpoint.bin")?;
    fs::remove_dir_all("made")?;
    Ok(bytes)
}

/// Inputs with a command that reads them. What is not called `input` or `out` changes, too.
fn commands() -> anyhow::Result<Vec<Seed>> {
    let stages = stages()?;
    let checkpoint = checkpoint()?;
    let stage =
        |name: &str| stages.iter().find(|(have, _)| have == name).map(|(_, files)| files.clone()).unwrap_or_default();
    let table = Files::from([("input".to_owned(), TISSUE.csv_with_prior().into_bytes())]);
    let mut flat = Files::from([("input".to_owned(), TISSUE.csv_3d().into_bytes())]);
    flat.insert("p.csv".to_owned(), vertices()?[0].files["input"].clone());
    let mut resumed = Files::from([("m.csv".to_owned(), TISSUE.csv_with_prior().into_bytes())]);
    resumed.insert("made/segmentation_checkpoint.bin".to_owned(), checkpoint);
    let runs: Files = stages
        .iter()
        .filter_map(|(name, files)| Some(below(&format!("input/{}", name.strip_prefix("runs/")?), files)))
        .flatten()
        .collect();
    let mut joined = below("input", &stage("run"));
    joined.extend(below("ncv", &stage("segfree")));
    let list = [
        ("run table", &table, format!("run input :cell_id {MODEL} -o out/ -p")),
        (
            "run table with colors",
            &table,
            "run input -m 3 -s 3 --iters 2 -t 1 --count-matrix-format tsv -o out/".to_owned(),
        ),
        ("run table with boundaries", &flat, format!("run input p.csv {MODEL} --compartment-genes auto -o out/")),
        (
            "run table in tiles",
            &table,
            format!("run input :cell_id {MODEL} --max-molecules-per-tile 60 --margin 2 -o out/"),
        ),
        ("preview table", &table, "preview input -m 3 -t 1 -o out/p.html".to_owned()),
        ("prior table", &flat, "prior input p.csv -m 3 -t 1 -o out".to_owned()),
        ("segfree table", &table, "segfree input -m 3 -t 1 -o out/n.loom".to_owned()),
        ("split table", &table, format!("split input :cell_id {MODEL} --max-molecules-per-tile 60 --margin 2 -o out")),
        ("run prior", &below("input", &stage("prior")), format!("run input {MODEL} -o out/")),
        ("run prior of column", &below("input", &stage("prior_column")), format!("run input {MODEL} -o out/")),
        ("segfree prior", &below("input", &stage("prior")), "segfree input -m 3 -t 1 -o out/n.loom".to_owned()),
        ("run tile", &below("input", &stage("tiles/tile_0001")), "run input -t 1 --stage out".to_owned()),
        ("merge", &runs, "merge input --stage out -t 1".to_owned()),
        (
            "export",
            &below("input", &stage("run")),
            "export input -o out/ --format baysor,parquet,h5ad -p -t 1".to_owned(),
        ),
        (
            "export 3d",
            &below("input", &stage("run_3d")),
            "export input -o out/ --format baysor,spatialdata,vpt --min-molecules 2 -t 1".to_owned(),
        ),
        (
            "export merged",
            &below("input", &stage("merged")),
            "export input -o out/ --format 10x-h5,10x-mtx,baysor -t 1".to_owned(),
        ),
        ("export with colors", &joined, "export input --ncv ncv -o out/ -p -t 1".to_owned()),
        ("resume", &resumed, format!("run m.csv :cell_id {MODEL} --checkpoint-every 2 --resume -o made/")),
    ];
    let with_line = |(name, files, line): &(&str, &Files, String)| {
        let mut files = (*files).clone();
        files.insert(ARGUMENTS.to_owned(), line.clone().into_bytes());
        Seed { name: (*name).to_owned(), files }
    };
    Ok(list.iter().map(with_line).collect())
}

/// Asks for a stop after some iterations.
struct Stop {
    after: usize,
    seen: AtomicUsize,
}

impl Stop {
    fn never() -> Self {
        Self::after(usize::MAX)
    }

    fn after(n: usize) -> Self {
        Self { after: n, seen: AtomicUsize::new(0) }
    }
}

impl Observer for Stop {
    fn iteration(&self, progress: &Progress) {
        if progress.what == "segmentation" {
            self.seen.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn stop_requested(&self) -> bool {
        self.seen.load(Ordering::Relaxed) >= self.after
    }
}
