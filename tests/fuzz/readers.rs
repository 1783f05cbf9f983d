//! What reads a case: one function for each kind of input. Each reads `input` in the current folder, by one of several
//! ways, and says whether it was taken for good. Errors are fine; panics, aborts and endless work are not.

use std::ffi::OsString;
use std::path::Path;
use std::sync::OnceLock;

use baysor::cli::request;
use baysor::config::options::Command;
use baysor::config::resolve::{resolve, resolve_prior, resolve_segfree};
use baysor::config::{ImageKind, PriorSettings, PriorSource, SegmentMeaning, StainSettings, XyAndZ, resolve_preview};
use baysor::data::Positions;
use baysor::io::checkpoint::Stored;
use baysor::io::molecules::{self, ColumnNames, Crop, MoleculeTable, OnlyWhere, PriorColumn, ReadError, ReadRequest};
use baysor::io::stage::{StageError, StageKind, StageReader, describe};
use baysor::observe::Silent;
use baysor::pipeline::prior;

use super::draws::Draws;
use super::{command, corpus};

/// A kind of input.
#[derive(Clone, Copy, Debug)]
pub struct Reader {
    /// Its name on the command line.
    pub name: &'static str,
    /// Reads a case, and says whether it was taken for good. The number selects one of several ways.
    pub read: fn(u64) -> bool,
    /// Cases of a test.
    pub n_cases: u64,
    /// Seconds that a case may take.
    pub max_seconds: u64,
}

const fn reader(name: &'static str, read: fn(u64) -> bool, n_cases: u64) -> Reader {
    Reader { name, read, n_cases, max_seconds: 2 }
}

/// All kinds of input.
pub const READERS: [Reader; 15] = [
    reader("csv", molecule_table, 3000),
    reader("parquet", molecule_table, 3000),
    reader("folder", molecule_table, 1000),
    reader("vertices", prior_file, 2000),
    reader("geojson", prior_file, 2000),
    reader("geoparquet", prior_file, 2000),
    reader("tiff", prior_file, 3000),
    reader("png", prior_file, 2000),
    reader("mat5", prior_file, 2000),
    reader("mat73", prior_file, 60),
    reader("stage", stage, 3000),
    reader("checkpoint", checkpoint, 1000),
    reader("config", configuration, 1000),
    reader("options", options, 1000),
    // Whole commands compute, and some cases have thousands of molecules.
    Reader { max_seconds: 10, ..reader("command", command::run, 400) },
];

/// The molecules that priors are laid under.
const MOLECULES: &str = "molecules.csv";

fn molecule_table(variant: u64) -> bool {
    let mut draws = Draws::of_case(variant, "molecules", 0);
    let path = Path::new("input");
    let header = molecules::look(path).map(|look| look.header).unwrap_or_default();
    let _ = molecules::size_of_table(path);
    let mut column = |names: &[&str]| {
        let found = header.iter().find(|name| names.contains(&name.as_str()));
        let any = if header.is_empty() { "x".to_owned() } else { draws.pick(&header).clone() };
        if draws.one_in(40) { any } else { found.cloned().unwrap_or_else(|| names[0].to_owned()) }
    };
    let columns = ColumnNames {
        x: column(&["x", "x_location", "global_x", "x_global_px"]),
        y: column(&["y", "y_location", "global_y", "y_global_px"]),
        z: column(&["z", "z_location", "global_z"]),
        gene: column(&["gene", "feature_name", "target"]),
        qv: column(&["qv"]),
    };
    let prior = PriorColumn {
        name: column(&["cell_id", "cell", "cell_ID", "EntityID"]),
        unassigned_label: draws.pick(&["0", "UNASSIGNED", "-1", "c_*_0", "*"]).to_string(),
        label_is_given: draws.one_in(2),
        only: draws.one_in(8).then(|| OnlyWhere { column: column_of(&header), value: "1".to_owned() }),
    };
    let request = ReadRequest {
        path: path.into(),
        columns,
        force_2d: draws.one_in(4),
        coordinate_scale: draws.one_in(4).then_some(0.12),
        z_scale: draws.one_in(4).then_some(1e300),
        min_molecules_per_gene: *draws.pick(&[0, 0, 1, 3]),
        exclude_genes: if draws.one_in(4) { vec!["Neg*".into(), "^a".into()] } else { Vec::new() },
        min_qv: draws.one_in(4).then_some(20.0),
        crop: if draws.one_in(4) {
            Crop { x_min: Some(-1.0), z_max: Some(10.0), ..Crop::default() }
        } else {
            Crop::default()
        },
        drop_duplicates: draws.one_in(4),
        prior: draws.one_in(2).then_some(prior),
    };
    let whole = molecules::read(&request);
    if draws.one_in(2) {
        let scan = molecules::scan(&request);
        let is_good = scan.is_ok_and(|scan| scan.plan.blocks(|_, _| Ok::<(), ReadError>(())).is_ok());
        // Not the other way round: two passes do not decode carried columns of a row group of which filters leave no
        // row, so that damage there passes unseen, and nothing of it is in the result.
        assert!(is_good || whole.is_err(), "what one pass reads, two must read as well");
    }
    let Ok(table) = whole else { return false };
    let is_wanted: Vec<bool> = (0..table.genes.len()).map(|_| draws.one_in(2)).collect();
    let _ = table.of_genes(&is_wanted);
    true
}

fn column_of(header: &[String]) -> String {
    header.last().cloned().unwrap_or_default()
}

/// Lays a prior in a file under molecules.
fn prior_file(variant: u64) -> bool {
    let mut draws = Draws::of_case(variant, "prior", 0);
    let mut table = molecules_under_prior();
    let size = |xy: f64, z: f64| Some(XyAndZ { xy: [xy, xy], z: Some(z) });
    let settings = PriorSettings {
        source: Some(PriorSource::File { path: "input".into() }),
        only: None,
        coordinate_scale: *draws.pick(&[1.0, 1.0, 0.5]),
        unassigned_label: "0".to_owned(),
        label_is_given: false,
        min_molecules_per_segment: 1 + draws.below(3),
        meaning: *draws.pick(&[SegmentMeaning::Auto, SegmentMeaning::Cells, SegmentMeaning::Nuclei]),
        image_kind: *draws.pick(&[
            ImageKind::Auto,
            ImageKind::Auto,
            ImageKind::Labels,
            ImageKind::Mask,
            ImageKind::Stain,
        ]),
        pixel_size: if draws.one_in(8) { *draws.pick(&[size(1e-300, 1e300), size(0.5, 2.0)]) } else { size(1.0, 1.0) },
        origin: if draws.one_in(8) { *draws.pick(&[size(-0.5, 0.0), size(1e300, -1e300)]) } else { None },
        page: if draws.one_in(8) { *draws.pick(&[Some(0), Some(1), Some(usize::MAX)]) } else { None },
        stain: StainSettings { sigma: None, threshold: None, min_area: None, split: draws.one_in(2) },
    };
    let Ok(Some(found)) = prior::take(&mut table, &settings, draws.one_in(2), &Silent) else { return false };
    let positions: &Positions = &table.molecules.positions;
    let _ = found.scale(positions, 2, &settings);
    true
}

fn molecules_under_prior() -> MoleculeTable {
    static TABLE: OnceLock<MoleculeTable> = OnceLock::new();
    let read = || {
        std::fs::write(MOLECULES, corpus::molecules_in_3d()).expect("a folder to write to");
        let request = ReadRequest { path: MOLECULES.into(), ..ReadRequest::default() };
        molecules::read(&request).expect("a good table")
    };
    TABLE.get_or_init(read).clone()
}

/// Reads every table of a stage.
fn stage(_: u64) -> bool {
    let Ok(stage) = StageReader::open(Path::new("input"), &StageKind::ALL) else { return false };
    let all = [
        describe(&stage).is_ok(),
        stage.molecules().is_ok(),
        stage.molecules_without_carried().is_ok(),
        stage.carried_blocks(|_, _| Ok::<(), StageError>(())).is_ok(),
        stage.molecule_batches(&["x", "y", "gene"], |_| Ok(())).is_ok(),
    ];
    let _ = (stage.genes(), stage.segments(), stage.prior_outlines(), stage.cells(), stage.counts());
    let _ = (stage.polygons(), stage.trace(), stage.clustering(), stage.compartment_genes(), stage.ncv());
    let _ = (stage.slide_fit(), stage.manifest().fingerprint(), stage.manifest().to_json());
    all.iter().all(|&is_good| is_good)
}

fn checkpoint(_: u64) -> bool {
    let Ok(Some(stored)) = Stored::open(Path::new("input")) else { return false };
    let _ = stored.check(&[("seed".to_owned(), "1".to_owned())]);
    match stored.prepared() {
        Ok((_, Some(begun))) => begun.read().is_ok(),
        other => other.is_ok(),
    }
}

/// Reads a configuration for every command that has one.
fn configuration(variant: u64) -> bool {
    let commands = Command::COMPUTING;
    let command = commands[(variant % commands.len() as u64) as usize];
    settings(command, &["nowhere.csv", ":cell", "-c", "input"].map(OsString::from))
}

/// Reads a command line.
fn options(_: u64) -> bool {
    let line = std::fs::read("input").unwrap_or_default();
    let line = String::from_utf8_lossy(&line);
    let mut words = line.split_whitespace();
    let Some(command) = words.next().and_then(|name| Command::ALL.into_iter().find(|one| one.name() == name)) else {
        return false;
    };
    settings(command, &words.map(OsString::from).collect::<Vec<_>>())
}

/// Whether arguments after a command are understood.
fn settings(command: Command, arguments: &[OsString]) -> bool {
    let Ok((request, _)) = request::parse(command, arguments) else { return false };
    let environment = |_: &str| None;
    match command {
        Command::Run | Command::Estimate => resolve(&request, &environment).is_ok(),
        Command::Preview => resolve_preview(&request, &environment).is_ok(),
        Command::Prior => resolve_prior(&request, &environment).is_ok(),
        Command::Segfree => resolve_segfree(&request, &environment).is_ok(),
        Command::Split => baysor::config::division::resolve_split(&request, &environment).is_ok(),
        Command::Merge => baysor::config::division::resolve_merge(&request, &environment).is_ok(),
        Command::Export => baysor::config::bundle::resolve_export(&request, &environment).is_ok(),
        Command::Inspect | Command::Config => true,
    }
}
