//! `baysor preview`: the page, its numbers, and data that tell little.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Folder, Tissue};

const TISSUE: &[u8] = include_bytes!("data/tissue.parquet");

/// Every table and key that configuration files of Baysor 0.7.1 have.
const CONFIG: &str = r#"
[data]
x = "x_location"
y = "y_location"
z = "z_location"
gene = "feature_name"
force_2d = false
min_molecules_per_gene = 2
exclude_genes = "BLANK_*,antisense_*"
min_molecules_per_cell = 8
min_molecules_per_segment = 0
confidence_nn_id = 0

[segmentation]
scale = -1.0
scale_std = "25%"
estimate_scale_from_centers = true
n_clusters = 4
prior_segmentation_confidence = 0.5
iters = 500
n_cells_init = 0
nuclei_genes = ""
cyto_genes = ""
unassigned_prior_label = "UNASSIGNED"

[plotting]
gene_composition_neigborhood = 0
min_pixels_per_cell = 10
max_plot_size = 3000
ncv_method = "ri"
"#;

/// What the text has after `before`, up to `end`.
fn between<'a>(text: &'a str, before: &str, end: &str) -> &'a str {
    let rest = text.split_once(before).unwrap_or_else(|| panic!("no {before}")).1;
    rest.split_once(end).unwrap_or_else(|| panic!("no {end}")).0
}

/// The charts of a page, read as programs for Baysor 0.7.1 do: what follows `//` is a comment to them, and single
/// quotes are double ones.
fn specs(page: &str) -> Vec<Value> {
    let mut specs = Vec::new();
    while let Some((_, rest)) = page.split_once(&format!("var spec{} = ", specs.len() + 1)) {
        let spec = rest.split_once(";\n").expect("an end").0;
        assert!(!spec.contains("//") && !spec.contains('\'') && !spec.contains('&'), "{spec}");
        specs.push(serde_json::from_str(spec).expect("JSON"));
    }
    specs
}

fn rows(spec: &Value) -> &Vec<Value> {
    spec["data"]["values"].as_array().expect("rows")
}

/// The first bytes of the picture after a heading.
fn picture_after(page: &str, id: &str) -> bool {
    let section = between(page, &format!("<h1 id=\"{id}\">"), "</section>");
    let after = section.split_once("</h1>").expect("a heading").1;
    // The signature of PNG in base64.
    after.trim_start().starts_with("<figure><img src=\"data:image/png;base64,iVBORw0KGgo")
}

#[test]
fn c3_nf_core_and_what_it_reads() {
    let folder = Folder::with("T.parquet", TISSUE);
    folder.write("xenium.toml", CONFIG);
    let outcome = folder.succeed("preview T.parquet --config xenium.toml --output ID_preview.html");
    assert!(!outcome.stderr.contains("No effect"), "{}", outcome.stderr);
    let mut names = folder.names();
    names.retain(|name| name.starts_with("ID_preview"));
    let files = [
        "ID_preview.html",
        "ID_preview.json",
        "ID_preview_confidence_mqc.png",
        "ID_preview_general_mqc.json",
        "ID_preview_molecules_mqc.json",
        "ID_preview_noise_mqc.json",
        "ID_preview_preview_log.log",
        "ID_preview_table_mqc.json",
        "ID_preview_transcripts_mqc.png",
    ];
    assert_eq!(names, files);
    let page = folder.text("ID_preview.html");
    for id in ["Transcript_Plots", "Noise_Level"] {
        assert!(picture_after(&page, id), "{id}");
    }
    assert!(page.contains("<h1 id=\"Gene_Structure\">"));
    let specs = specs(&page);
    assert!(specs.len() >= 3, "{}", specs.len());
    assert!(specs.iter().all(|spec| !rows(spec).is_empty()));
    for (spec, keys) in
        specs.iter().zip([&["distance", "Observed"][..], &["gene", "Real", "Noise"], &["gene", "x", "y"]])
    {
        assert!(keys.iter().all(|key| rows(spec)[0].get(key).is_some()), "{keys:?}: {}", rows(spec)[0]);
    }
    let numbers = folder.json("ID_preview.json");
    let line = numbers["noise"]["text"].as_str().expect("noise can be told");
    assert!(page.contains(&format!("<p>{line}</p>")), "{line}");
    let pattern = regex::Regex::new(r"^Minimal noise level=[0-9.]+%\. Expected noise level=[0-9.]+%\.$").unwrap();
    assert!(pattern.is_match(line), "{line}");
    assert!(!page.contains("<script src") && !page.contains("<link"), "nothing is fetched");
}

#[test]
fn numbers_are_those_of_the_table() {
    let tissue = Tissue::default();
    let folder = Folder::with("t.csv", tissue.csv_2d());
    folder.succeed("preview t.csv -m 8");
    let n = tissue.molecules().len() as u64;
    let numbers = folder.json("preview.json");
    assert_eq!((&numbers["format"], &numbers["format_version"]), (&"baysor-preview".into(), &1.into()));
    assert_eq!(numbers["molecules"]["n"], n);
    assert_eq!(numbers["molecules"]["n_dims"], 2);
    assert_eq!(numbers["z"]["kind"], "absent");
    assert_eq!(numbers["noise"]["nn_id"], 5);
    assert_eq!(numbers["noise"]["min_molecules_per_cell_origin"], "given");
    let genes = numbers["genes"]["table"].as_array().unwrap();
    let sum = |key: &str| genes.iter().map(|gene| gene[key].as_u64().unwrap()).sum::<u64>();
    assert_eq!(sum("molecules"), n);
    // The tissue has 8 % of background.
    let expected = numbers["noise"]["expected"].as_f64().unwrap();
    assert!((0.03..0.15).contains(&expected), "{expected}");
    let noise = 1.0 - sum("real") as f64 / n as f64;
    assert!((0.03..0.15).contains(&noise), "{noise}");
    let distances = &numbers["noise"]["distances"];
    let binned: u64 = distances["counts"].as_array().unwrap().iter().map(|count| count.as_u64().unwrap()).sum();
    assert!(binned <= n && binned as f64 >= 0.98 * n as f64);
    // 9 cells of 12 units on each side.
    let area = numbers["molecules"]["area"].as_f64().unwrap();
    assert!((0.5..1.3).contains(&(area / (9.0 * 12.0 * 9.0 * 12.0))), "{area}");
    let page = folder.text("preview.html");
    let shown: u64 = rows(&specs(&page)[1]).iter().map(|row| row["molecules"].as_u64().unwrap()).sum();
    assert_eq!(shown, n);
}

#[test]
fn multiqc_finds_its_files() {
    let folder = Folder::with("t.csv", Tissue::default().csv_2d());
    folder.succeed("preview t.csv -m 8 -o slide7/out/");
    let content = |what: &str| folder.json(&format!("slide7/out/preview_{what}_mqc.json"));
    for (what, plot) in
        [("general", "generalstats"), ("table", "table"), ("molecules", "bargraph"), ("noise", "linegraph")]
    {
        let content = content(what);
        assert_eq!(content["plot_type"], plot);
        assert!(content["id"].as_str().unwrap().starts_with("baysor_preview"));
        // The page has no name of its own, so the sample has that of the folder.
        assert!(content["data"]["slide7"].is_object() || content["data"]["slide7"].is_array(), "{content}");
    }
    let numbers = folder.json("slide7/out/preview.json");
    assert_eq!(content("general")["data"]["slide7"]["molecules"], numbers["molecules"]["n"]);
    let png = std::fs::read(folder.path("slide7/out/preview_transcripts_mqc.png")).unwrap();
    assert!(png.starts_with(b"\x89PNG"));
}

#[test]
fn the_suggested_command_runs() {
    let text = Tissue::default().table("my x,y,gene", |row, m| {
        // Every 40th molecule is a control.
        let gene = if row % 40 == 0 { format!("NegControlProbe_{:05}", row / 40 % 5) } else { m.gene.clone() };
        format!("{},{},{}", m.x, m.y, gene)
    });
    let folder = Folder::with("t 1.csv", text);
    let outcome = folder.baysor(&["preview", "t 1.csv", "-x", "my x", "--exclude-genes", "Gene19", "--min-qv=0"]);
    outcome.assert_success();
    let numbers = folder.json("preview.json");
    assert_eq!(numbers["suggestion"]["exclude_genes"], "Gene19,^NegControlProbe_");
    assert_eq!(numbers["controls"]["n_genes"], 5);
    let command = numbers["suggestion"]["command"].as_str().unwrap();
    let scale = numbers["suggestion"]["scale"].as_f64().expect("cells are seen");
    // The cells are normal with a deviation of 1.7.
    assert!((1.5..6.0).contains(&scale), "{scale}");
    let script = format!("set -e\n{} --config.segmentation.iters=5", command.replacen("baysor", folder.program(), 1));
    let outcome = folder.command("sh", &["-c", &script]);
    assert_eq!(outcome.code, Some(0), "{script}: {}", outcome.stderr);
    let table = folder.table("segmentation.csv");
    assert!(table.column("gene").iter().all(|gene| gene.starts_with("Gene") && *gene != "Gene19"));
}

#[test]
fn odd_gene_names_stay_what_they_are() {
    let names = ["</script><script>alert(1)</script>", "5'-\"nt\"", "α-β & <b>", "a,b//c/*d*/", "back\\slash", "日本"];
    let text = Tissue::default().table("x,y,gene", |_, m| {
        let at: usize = m.gene[4..].parse().unwrap();
        format!("{},{},\"{}\"", m.x, m.y, names[at % names.len()].replace('"', "\"\""))
    });
    let folder = Folder::with("t.csv", text);
    folder.succeed("preview t.csv -m 8");
    let page = folder.text("preview.html");
    assert!(!page.contains("alert(1)</script>") && !page.contains("<b>\"") && !page.contains("α-β & <b>"));
    let shown: Vec<String> =
        rows(&specs(&page)[1]).iter().map(|row| row["gene"].as_str().unwrap().to_owned()).collect();
    let numbers = folder.json("preview.json");
    for name in names {
        assert!(shown.iter().any(|shown| shown == name), "{name}");
        let table = numbers["genes"]["table"].as_array().unwrap();
        assert!(table.iter().any(|gene| gene["name"] == name), "{name}");
    }
}

#[test]
fn three_dimensions_are_described() {
    let folder = Folder::with("t.csv", Tissue::default().csv_3d());
    folder.succeed("preview t.csv -m 8");
    let numbers = folder.json("preview.json");
    assert_eq!((&numbers["molecules"]["n_dims"], &numbers["z"]["kind"]), (&3.into(), &"continuous".into()));
    assert!(numbers["z"]["thickness"].as_f64().unwrap() > 5.0);
    folder.succeed("preview t.csv -m 8 --force-2d -o flat.html");
    let numbers = folder.json("flat.json");
    assert_eq!((&numbers["molecules"]["n_dims"], &numbers["z"]["kind"]), (&2.into(), &"ignored".into()));
    assert!(numbers["suggestion"]["command"].as_str().unwrap().contains("--force-2d=true"));
}

#[test]
fn data_that_tell_little_give_a_page_that_says_so() {
    let table = |rows: &[(f64, f64, &str)]| {
        let line = |(x, y, gene): &(f64, f64, &str)| format!("{x},{y},{gene}\n");
        format!("x,y,gene\n{}", rows.iter().map(line).collect::<String>())
    };
    let grid: Vec<(f64, f64, &str)> = (0..400).map(|at| (f64::from(at % 20), f64::from(at / 20), "A")).collect();
    let line: Vec<(f64, f64, &str)> =
        (0..50).map(|at| (f64::from(at * at), 1.0, ["A", "B"][at as usize % 2])).collect();
    let cases = [
        ("one", table(&[(1.0, 2.0, "A")])),
        ("two", table(&[(1.0, 2.0, "A"), (3.0, 4.0, "B")])),
        ("few", table(&grid[..19])),
        ("place", table(&[(5.0, 5.0, "A"); 60])),
        ("grid", table(&grid)),
        ("line", table(&line)),
    ];
    for (name, text) in cases {
        let folder = Folder::with("t.csv", text);
        folder.succeed(&format!("preview t.csv -o {name}.html"));
        let page = folder.text(&format!("{name}.html"));
        let numbers = folder.json(&format!("{name}.json"));
        assert!(picture_after(&page, "Transcript_Plots") && picture_after(&page, "Noise_Level"), "{name}");
        assert!(numbers["suggestion"]["scale"].is_null(), "{name}");
        assert!(!numbers["suggestion"]["reasons"].as_array().unwrap().is_empty(), "{name}");
        assert!(page.contains("suggest neither a scale nor a minimum"), "{name}");
        let embedding = numbers["genes"]["embedding"].as_str().unwrap();
        assert!(embedding.contains("no embedding"), "{name}: {embedding}");
        assert!(!page.contains("NaN") || page.contains("isNaN"), "{name}");
        specs(&page);
    }
}

#[test]
fn without_molecules_there_is_an_error() {
    let folder = Folder::with("t.csv", "x,y,gene\n1,2,A\n");
    folder.baysor(&["preview", "t.csv", "--exclude-genes", "A"]).assert_failure(1, &["exclude_genes"]);
    folder.baysor(&["preview", "no.csv"]).assert_failure(1, &["no.csv"]);
    folder.baysor(&["preview", "t.csv", "-o", "x.json"]).assert_failure(2, &["--output", "x.json"]);
    folder.baysor(&["preview", "t.csv", "-o", "t.csv"]).assert_failure(2, &["overwritten"]);
    folder.baysor(&["preview", "t.csv", "--scale=3"]).assert_failure(2, &["--scale"]);
    folder.baysor(&["preview", "t.csv", "-g", "name"]).assert_failure(1, &["name", "gene"]);
    assert_eq!(folder.names().into_iter().filter(|name| name.ends_with(".html")).count(), 0);
}

#[test]
fn output_may_be_a_folder() {
    let folder = Folder::with("t.csv", Tissue { side: 4, ..Tissue::default() }.csv_2d());
    folder.succeed("preview t.csv -m 8 -o new/deep/");
    assert!(folder.names().contains(&"new/deep/preview.html".to_owned()), "{:?}", folder.names());
    assert!(folder.names().contains(&"new/deep/preview_preview_log.log".to_owned()), "{:?}", folder.names());
    std::fs::create_dir(folder.path("there")).unwrap();
    folder.succeed("preview t.csv -m 8 -o there");
    assert!(folder.names().contains(&"there/preview.html".to_owned()), "{:?}", folder.names());
}

#[test]
fn neither_threads_nor_the_name_of_the_output_change_the_report() {
    let tissue = Tissue { side: 16, per_cell: 30, ..Tissue::default() };
    let folder = Folder::with("t.csv", tissue.csv_3d());
    let files = |threads: usize| -> BTreeMap<String, Vec<u8>> {
        folder.succeed(&format!("preview t.csv -t {threads} --sample-name s -o out{threads}/preview.html"));
        let results = folder.results(&["t.csv"]).into_iter();
        let prefix = format!("out{threads}/");
        results.filter_map(|(name, bytes)| Some((name.strip_prefix(&prefix)?.to_owned(), bytes))).collect()
    };
    let one = files(1);
    assert!(one.len() >= 8, "{:?}", one.keys());
    for threads in [2, 8] {
        for (name, bytes) in files(threads) {
            assert!(one[&name] == bytes, "{name} differs with {threads} threads");
        }
    }
}

#[test]
fn a_stage_of_prior_can_be_looked_at() {
    let folder = Folder::with("t.csv", Tissue::default().csv_with_prior());
    folder.succeed("prior t.csv :cell_id -m 8 -o prior");
    folder.succeed("preview prior -o a/");
    folder.succeed("preview t.csv -m 8 -o b/");
    let [mut stage, mut table] = ["a/preview.json", "b/preview.json"].map(|name| folder.json(name));
    assert_eq!(stage["noise"]["min_molecules_per_cell"], 8);
    for numbers in [&mut stage, &mut table] {
        numbers["suggestion"]["command"].take();
    }
    assert_eq!(stage, table);
}
