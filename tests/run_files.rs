//! `baysor run` on a small tissue: every file of the bundle, its columns, and that the files agree with each other.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;

use support::{CellSets, Folder, Table, Tissue, polygon_cells, ring_of};

const COMMON: &str = "-m 8 -s 3 --iters 40";

const BUNDLE_2D: [&str; 6] = [
    "segmentation.csv",
    "segmentation_cell_stats.csv",
    "segmentation_counts.loom",
    "segmentation_log.log",
    "segmentation_params.dump.toml",
    "segmentation_polygons_2d.json",
];

/// Runs on a tissue in the file `t.csv`.
fn run(csv: &str, arguments: &str) -> Folder {
    let folder = Folder::with("t.csv", csv);
    folder.succeed(&format!("run t.csv {COMMON} {arguments}"));
    folder
}

fn bundle(extra: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = BUNDLE_2D.iter().chain(extra).map(|&name| name.to_owned()).collect();
    names.push("t.csv".to_owned());
    names.sort();
    names
}

#[test]
fn two_dimensional_data_give_six_files_that_agree() {
    let tissue = Tissue::default();
    let folder = run(&tissue.csv_2d(), "");
    assert_eq!(folder.names(), bundle(&[]));

    let molecules = folder.table("segmentation.csv");
    let expected = "x,y,gene,molecule_id,confidence,cluster,cell,assignment_confidence,is_noise,ncv_color";
    assert_eq!(molecules.names(), expected.split(',').collect::<Vec<_>>());
    let stats = folder.table("segmentation_cell_stats.csv");
    let expected = "cell,x,y,cluster,n_transcripts,density,elongation,area,avg_confidence,avg_assignment_confidence,\
                    max_cluster_frac,lifespan";
    assert_eq!(stats.names(), expected.split(',').collect::<Vec<_>>());

    let n_cells = CellSets::read(&folder, "segmentation").assert_equal();
    let planted = tissue.side * tissue.side;
    assert!(n_cells * 10 > planted * 8 && n_cells * 10 < planted * 15, "{n_cells} cells, {planted} planted");
    noise_is_an_empty_cell(&molecules);
    cells_have_the_molecules_they_say(&molecules, &stats);
    polygons_are_rings_around_molecules(&folder, &molecules);
}

#[test]
fn three_dimensional_data_have_layers_too() {
    let folder = run(&Tissue::default().csv_3d(), "");
    assert_eq!(folder.names(), bundle(&["segmentation_polygons_3d.json"]));
    let molecules = folder.table("segmentation.csv");
    assert_eq!(molecules.names()[..4], ["x", "y", "z", "gene"]);
    let stats = folder.table("segmentation_cell_stats.csv");
    assert_eq!(stats.names()[..5], ["cell", "x", "y", "z", "cluster"]);
    CellSets::read(&folder, "segmentation").assert_equal();
    noise_is_an_empty_cell(&molecules);
    cells_have_the_molecules_they_say(&molecules, &stats);

    let layers = folder.json("segmentation_polygons_3d.json");
    let layers = layers.as_array().expect("an array of layers");
    assert_eq!(layers.len(), 20, "continuous z has as many layers as --max-z-slices");
    let z = molecules.numbers("z");
    let (lowest, highest) = z.iter().fold((f64::MAX, f64::MIN), |(low, high), &z| (low.min(z), high.max(z)));
    let range = |at: usize| -> [f64; 2] { serde_json::from_value(layers[at]["z_range"].clone()).unwrap() };
    assert_eq!((range(0)[0], range(19)[1]), (lowest, highest));
    let cells = CellSets::read(&folder, "segmentation").molecules;
    for (at, layer) in layers.iter().enumerate() {
        assert!(at == 0 || range(at)[0] == range(at - 1)[1], "layers follow each other");
        let in_layer = |z: f64| range(at)[0] <= z && (z < range(at)[1] || at == 19 && z == highest);
        let of_layer: std::collections::BTreeSet<&str> =
            molecules.column("cell").into_iter().zip(&z).filter(|(_, z)| in_layer(**z)).map(|(cell, _)| cell).collect();
        let polygons = polygon_cells(layer);
        assert!(polygons.iter().all(|cell| of_layer.contains(&cell[..]) && cells.contains(cell)));
        assert_eq!(polygons.len(), of_layer.iter().filter(|cell| !cell.is_empty()).count());
        layer["features"].as_array().unwrap().iter().for_each(|feature| drop(ring_of(feature)));
    }
}

#[test]
fn layers_as_an_object_are_named_by_their_z() {
    let planes = Tissue::default()
        .table("x,y,z,gene", |row, m| format!("{},{},{},{}", m.x, m.y, 0.5 * (row % 3) as f64, m.gene));
    let folder = run(&planes, "--polygon-3d-layout object --polygon-format geometrycollection --n-clusters 1");
    let layers = folder.json("segmentation_polygons_3d.json");
    let names: Vec<&str> = layers.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(names, ["0.0", "0.5", "1.0"]);
    for name in names {
        let members: Vec<&String> = layers[name].as_object().unwrap().keys().collect();
        assert_eq!(members, ["geometries", "type"]);
    }
    assert!(!folder.table("segmentation.csv").names().contains(&"cluster"), "one cluster is none");
    assert!(!folder.table("segmentation_cell_stats.csv").names().contains(&"max_cluster_frac"));
}

#[test]
fn every_polygon_format_has_the_same_cells() {
    let csv = Tissue::default().csv_2d();
    let mut rings = Vec::new();
    for format in ["FeatureCollection", "GeometryCollection", "GEOMETRYCOLLECTIONLEGACY"] {
        let folder = run(&csv, &format!("--polygon-format {format} --count-matrix-format tsv"));
        CellSets::read(&folder, "segmentation").assert_equal();
        let collection = folder.json("segmentation_polygons_2d.json");
        let list = collection["features"].as_array().or(collection["geometries"].as_array()).unwrap();
        let legacy = format.ends_with("LEGACY");
        assert!(list.iter().all(|member| legacy == member["cell"].is_u64()));
        assert_eq!(collection.as_object().unwrap().len(), 2, "pandas.read_json wants two members only");
        rings.push(list.iter().map(ring_of).collect::<Vec<_>>());
    }
    assert!(rings.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn feature_collection_says_what_xenium_ranger_asks_for() {
    let folder = run(&Tissue { side: 4, ..Tissue::default() }.csv_2d(), "");
    let collection = folder.json("segmentation_polygons_2d.json");
    let features = collection["features"].as_array().unwrap();
    assert!(!features.is_empty());
    for feature in features {
        assert_eq!(feature["properties"]["cell_id"], feature["id"]);
        assert_eq!(feature["properties"]["objectType"], "cell");
    }
}

#[test]
fn counts_are_those_of_the_molecule_table() {
    let csv = Tissue::default().csv_2d();
    let folder = run(&csv, "--count-matrix-format TSV --polygon-format NONE");
    let expected: Vec<String> = bundle(&[])
        .into_iter()
        .filter(|name| !name.contains("polygons"))
        .map(|name| name.replace("counts.loom", "counts.tsv"))
        .collect();
    assert_eq!(folder.names(), expected);
    let molecules = folder.table("segmentation.csv");
    let mut wanted = BTreeMap::new();
    for (gene, cell) in molecules.column("gene").into_iter().zip(molecules.column("cell")) {
        *wanted.entry((gene, cell)).or_insert(0.0) += 1.0;
    }
    let counts = Table::parse(&folder.text("segmentation_counts.tsv"), '\t');
    let genes = counts.column("gene");
    assert!(genes.is_sorted());
    let cells = counts.names()[1..].to_vec();
    for cell in &cells {
        for (gene, n) in genes.iter().zip(counts.numbers(cell)) {
            assert_eq!(n, wanted.get(&(*gene, *cell)).copied().unwrap_or(0.0), "{gene} in {cell}");
        }
    }
    let loom = run(&csv, "");
    let file = hdf5_metno::File::open(loom.path("segmentation_counts.loom")).unwrap();
    let matrix: ndarray::Array2<i64> = file.dataset("matrix").unwrap().read_2d().unwrap();
    assert_eq!(matrix.dim(), (genes.len(), cells.len()));
    for (cell, column) in cells.iter().zip(matrix.columns()) {
        assert_eq!(counts.numbers(cell), column.iter().map(|&n| n as f64).collect::<Vec<_>>());
    }
    let ids: Vec<f64> = file.dataset("col_attrs/CellID").unwrap().read_1d().unwrap().to_vec();
    assert_eq!(ids, (1..=cells.len()).map(|id| id as f64).collect::<Vec<_>>());
    let stats = loom.table("segmentation_cell_stats.csv");
    for name in &stats.names()[1..] {
        let values: Vec<f64> = file.dataset(&format!("col_attrs/{name}")).unwrap().read_1d().unwrap().to_vec();
        let equal = values.iter().zip(stats.numbers(name)).all(|(a, b)| *a == b || a.is_nan() && b.is_nan());
        assert!(equal && values.len() == cells.len(), "{name}");
    }
}

#[test]
fn columns_of_the_user_come_back_as_they_were() {
    let first_id = 18_446_744_073_709_000_000_u64;
    let line = |row: usize, m: &support::Molecule| {
        let note = ["plain", "\"with, comma\"", "\"said \"\"so\"\"\"", ""][row % 4];
        let (id, gene, cell) = (first_id + row as u64, &m.gene, m.core());
        format!("{id},{cell},{note},{gene},{},{},{}.5,{}", m.y, m.x, row % 40, row.is_multiple_of(2))
    };
    let csv = Tissue::default().table("transcript_id,cell_id,note,feature_name,y_location,x_location,qv,flag", line);
    let folder = run(&csv, ":cell_id -x x_location -y y_location -g feature_name --min-qv 20");
    let molecules = folder.table("segmentation.csv");
    let expected = "transcript_id,cell_id,note,gene,y,x,qv,flag,molecule_id,prior_segmentation,confidence,cluster,cell,\
                    assignment_confidence,is_noise,ncv_color";
    assert_eq!(molecules.names(), expected.split(',').collect::<Vec<_>>());
    let input = Table::parse(&csv, ',');
    let kept: Vec<&Vec<String>> = input.rows.iter().filter(|row| row[6].parse::<f64>().unwrap() >= 20.0).collect();
    assert_eq!(molecules.rows.len(), kept.len());
    for (row, (got, wanted)) in molecules.rows.iter().zip(kept).enumerate() {
        for column in [0, 1, 2, 3, 6, 7] {
            assert_eq!(got[column], wanted[column], "{}", row + 1);
        }
        for column in [4, 5] {
            assert_eq!(got[column].parse::<f64>().unwrap(), wanted[column].parse::<f64>().unwrap());
        }
    }
    let ids: Vec<f64> = molecules.numbers("molecule_id");
    assert_eq!(ids, (1..=ids.len()).map(|id| id as f64).collect::<Vec<_>>());
    noise_is_an_empty_cell(&molecules);
    let of_prior = molecules.column("prior_segmentation").into_iter().zip(molecules.column("cell_id"));
    let mut numbers: BTreeMap<&str, &str> = BTreeMap::new();
    for (segment, label) in of_prior {
        if segment != "0" {
            assert_eq!(*numbers.entry(segment).or_insert(label), label, "one segment per label");
        }
        assert!(label != "0" || segment == "0");
    }
}

#[test]
fn a_prior_column_adds_a_column_and_gives_the_scale() {
    let folder = Folder::with("t.csv", Tissue::default().csv_with_prior());
    folder.succeed("run t.csv :cell_id -m 8 --iters 40 --prior-segmentation-confidence 0.9");
    assert!(folder.table("segmentation.csv").names().contains(&"prior_segmentation"));
    CellSets::read(&folder, "segmentation").assert_equal();
    let dump = folder.text("segmentation_params.dump.toml");
    let line = dump.lines().find(|line| line.starts_with("# resolved: scale = ")).expect("the scale that was used");
    let scale: f64 = line.split_whitespace().nth(4).unwrap().parse().unwrap();
    // Half the distance between the centres of neighbouring cells, which is 12 less some irregularity.
    assert!(scale > 4.5 && scale < 6.0 && line.contains("prior"), "{line}");
}

#[test]
fn output_is_a_prefix_a_folder_or_nothing() {
    let csv = Tissue { side: 4, ..Tissue::default() }.csv_2d();
    let folder = Folder::with("t.csv", csv);
    std::fs::create_dir(folder.path("there")).unwrap();
    let cases = [
        ("there", "there/segmentation.csv", "there/segmentation_counts.loom"),
        ("new/deep/", "new/deep/segmentation.csv", "new/deep/segmentation_cell_stats.csv"),
        ("a/ID_segmentation.csv", "a/ID_segmentation.csv", "a/ID_segmentation_polygons_2d.json"),
        ("b/run1", "b/run1_segmentation.csv", "b/run1_params.dump.toml"),
        ("c/run.v1", "c/run.v1", "c/run_log.log"),
    ];
    let before = folder.names().len();
    for (at, (output, table, other)) in cases.iter().enumerate() {
        folder.succeed(&format!("run t.csv {COMMON} -o {output}"));
        assert!(folder.path(table).is_file() && folder.path(other).is_file(), "{output}: {:?}", folder.names());
        assert_eq!(folder.names().len(), before + 6 * (at + 1), "{output}: {:?}", folder.names());
    }
}

#[test]
fn a_second_run_replaces_the_files_of_the_first() {
    let folder = Folder::with("t.csv", Tissue { side: 4, ..Tissue::default() }.csv_2d());
    folder.succeed(&format!("run t.csv {COMMON}"));
    let first = folder.results(&["t.csv"]);
    folder.succeed(&format!("run t.csv {COMMON}"));
    assert!(folder.results(&["t.csv"]) == first);
}

#[test]
fn the_parameter_dump_repeats_the_run() {
    let lines = [
        "-m 8 -s 3 --iters 40 --seed 5 --scale-std=40% --n-clusters 2 t.csv",
        "--iters 40 -m 8 --prior-segmentation-confidence 0.7 --min-molecules-per-gene 5 t.csv :cell_id",
    ];
    for line in lines {
        let folder = Folder::with("t.csv", Tissue::default().csv_with_prior());
        folder.succeed(&format!("run {line} -o first/"));
        folder.succeed("run t.csv -c first/segmentation_params.dump.toml -o again/");
        let names = [
            "segmentation.csv",
            "segmentation_cell_stats.csv",
            "segmentation_counts.loom",
            "segmentation_polygons_2d.json",
        ];
        for name in names {
            let [first, again] =
                ["first", "again"].map(|place| std::fs::read(folder.path(&format!("{place}/{name}"))).unwrap());
            assert!(first == again, "{line}: {name} differs");
        }
        let dump = folder.text("first/segmentation_params.dump.toml");
        assert!(dump.starts_with(&format!("# CLI params: `{line} -o first/`\n")), "{dump}");
    }
}

#[test]
fn the_log_tells_what_the_terminal_tells() {
    let folder = Folder::with("t.csv", Tissue { side: 4, ..Tissue::default() }.csv_2d());
    let outcome = folder.succeed(&format!("run t.csv {COMMON}"));
    let log = folder.text("segmentation_log.log");
    for text in ["Run Baysor v", "Loaded ", "Scale: 3.0", "Found ", "Saving results"] {
        assert!(log.contains(text) && outcome.stderr.contains(text), "{text}: {log}\n{}", outcome.stderr);
    }
    let quiet = folder.succeed(&format!("run t.csv {COMMON} --quiet --skip-ncv-color"));
    assert_eq!(quiet.stderr, "");
}

fn noise_is_an_empty_cell(molecules: &Table) {
    let noise = molecules.column("is_noise");
    for (cell, is_noise) in molecules.column("cell").into_iter().zip(&noise) {
        assert_eq!(*is_noise, if cell.is_empty() { "true" } else { "false" });
    }
    let n_noise = noise.iter().filter(|&&text| text == "true").count();
    assert!(n_noise > 0 && 2 * n_noise < noise.len(), "{n_noise} of {} molecules are noise", noise.len());
    for name in ["confidence", "assignment_confidence"] {
        assert!(molecules.numbers(name).iter().all(|value| (0.0..=1.0).contains(value)), "{name}");
        assert!(molecules.column(name).iter().all(|text| text.len() <= 7), "{name} has five decimals");
    }
}

fn cells_have_the_molecules_they_say(molecules: &Table, stats: &Table) {
    let [x, y] = ["x", "y"].map(|name| molecules.numbers(name));
    let mut sums: BTreeMap<&str, (f64, f64, f64)> = BTreeMap::new();
    for (row, cell) in molecules.column("cell").into_iter().enumerate().filter(|(_, cell)| !cell.is_empty()) {
        let sum = sums.entry(cell).or_default();
        *sum = (sum.0 + 1.0, sum.1 + x[row], sum.2 + y[row]);
    }
    let numbers = ["n_transcripts", "x", "y", "area", "density", "elongation"].map(|name| stats.numbers(name));
    for (row, cell) in stats.column("cell").into_iter().enumerate() {
        let (n, x, y) = sums[cell];
        assert_eq!(n, numbers[0][row], "{cell}");
        assert!((x / n - numbers[1][row]).abs() < 1e-6 && (y / n - numbers[2][row]).abs() < 1e-6, "{cell}");
        assert!(n < 3.0 || numbers[3][row] >= 0.0 && numbers[4][row] > 0.0 && numbers[5][row] >= 1.0, "{cell}");
    }
}

fn polygons_are_rings_around_molecules(folder: &Folder, molecules: &Table) {
    let collection = folder.json("segmentation_polygons_2d.json");
    let [x, y] = ["x", "y"].map(|name| molecules.numbers(name));
    let cells = molecules.column("cell");
    for feature in collection["features"].as_array().unwrap() {
        let id = feature["id"].as_str().unwrap();
        let members: Vec<usize> = (0..cells.len()).filter(|&row| cells[row] == id).collect();
        let ring = ring_of(feature);
        let near = |a: f64, b: f64| (a - b).abs() < 0.2;
        for [vx, vy] in ring {
            assert!(members.iter().any(|&row| near(x[row], vx) && near(y[row], vy)), "{id} has a vertex at {vx},{vy}");
        }
    }
}
