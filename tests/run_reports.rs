//! `--plot`: all reports are there, the same whoever writes them, and a report that fails costs no result.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a test that cannot go on should end")]

mod support;

use std::collections::BTreeMap;

use serde_json::Value;
use support::{Folder, Tissue};

const OTHERS: [&str; 4] = ["diagnostics.html", "borders.html", "borders.png", "borders_mqc.png"];
const MULTIQC: [&str; 3] = ["numbers_mqc.json", "cells_mqc.json", "convergence_mqc.json"];

fn tissue() -> Tissue {
    Tissue { side: 6, ..Tissue::default() }
}

/// A folder with the tissue in two and three dimensions, each with a prior column.
fn folder() -> Folder {
    let folder = Folder::new();
    folder
        .write("t2.csv", tissue().table("x,y,gene,cell_id", |_, m| format!("{},{},{},{}", m.x, m.y, m.gene, m.core())));
    folder.write(
        "t3.csv",
        tissue().table("x,y,z,gene,cell_id", |_, m| format!("{},{},{},{},{}", m.x, m.y, m.z, m.gene, m.core())),
    );
    folder
}

/// Reports with this stem, by what follows it.
fn reports(folder: &Folder, stem: &str) -> BTreeMap<String, Vec<u8>> {
    let is_report = |name: &String| name.ends_with(".html") || name.ends_with("_mqc.json") || name.ends_with(".png");
    let names = folder.names().into_iter().filter(|name| name.starts_with(stem) && is_report(name));
    names.map(|name| (name[stem.len()..].to_owned(), std::fs::read(folder.path(&name)).unwrap())).collect()
}

/// The specifications of the charts of a page, in order.
fn charts(page: &str) -> Vec<Value> {
    let spec = |number: usize| {
        let text = page.split(&format!("var spec{number} = ")).nth(1)?;
        Some(serde_json::from_str(text.split(";\n").next()?).unwrap_or_else(|error| panic!("spec{number}: {error}")))
    };
    (1..).map_while(spec).collect()
}

/// Asserts that a page is whole, needs nothing from elsewhere, and that its charts have data; returns it.
fn sound_page(folder: &Folder, name: &str) -> String {
    let text = folder.text(name);
    assert!(text.starts_with("<!DOCTYPE html>") && text.ends_with("</html>\n"), "{name}");
    for foreign in ["src=\"http", "href=\"http", "<script src", "<link", "@import"] {
        assert!(!text.contains(foreign), "{name} has {foreign}");
    }
    for (at, chart) in charts(&text).iter().enumerate() {
        assert!(!chart["data"]["values"].as_array().unwrap().is_empty(), "{name}: chart {}", at + 1);
    }
    for id in ["Summary", "Scale", "Algorithm_convergence", "Molecule_confidence", "Cells", "Prior"] {
        assert!(text.contains(&format!("<h1 id=\"{id}\">")), "{name}: {id}");
    }
    text
}

fn assert_complete(folder: &Folder, stem: &str) {
    let have = reports(folder, stem);
    for name in OTHERS.iter().chain(&MULTIQC) {
        assert!(have.get(*name).is_some_and(|bytes| !bytes.is_empty()), "{stem}{name}: {:?}", have.keys());
    }
}

const C5: &str = "run T.csv :cell_id --scale=3 --prior-segmentation-confidence=0.2 --output=ID/segmentation.csv \
    --config=xenium.toml PLOT --polygon-format=GeometryCollectionLegacy --min-molecules-per-cell 8 --x-column x_location \
    --y-column y_location --z-column z_location --gene-column feature_name --config.segmentation.iters=30";

/// As Xenium's own table: names of columns, a column of cells with `UNASSIGNED`.
fn xenium_folder() -> Folder {
    let folder = Folder::with("xenium.toml", include_str!("../configs/xenium.toml"));
    let cell = |m: &support::Molecule| if m.core() > 0 { format!("cell{}", m.core()) } else { "UNASSIGNED".to_owned() };
    folder.write(
        "T.csv",
        tissue().table("x_location,y_location,z_location,feature_name,cell_id", |_, m| {
            format!("{},{},{},{},{}", m.x, m.y, m.z, m.gene, cell(m))
        }),
    );
    folder
}

#[test]
fn c5_leaves_the_files_of_the_bundle_and_all_reports() {
    let folder = xenium_folder();
    folder.succeed(&C5.replace("PLOT", "--plot"));
    for name in ["segmentation.csv", "segmentation_polygons_2d.json"] {
        assert!(folder.path("ID").join(name).is_file(), "{name}");
    }
    assert_complete(&folder, "ID/segmentation_");
    let page = sound_page(&folder, "ID/segmentation_diagnostics.html");
    assert!(charts(&page).len() >= 12, "{}", charts(&page).len());
    assert!(page.contains("segments kept") && page.contains("3D"));
}

#[test]
fn c5_without_a_wish_or_with_plot_false_writes_no_report() {
    for plot in ["", "--plot=false"] {
        let folder = xenium_folder();
        folder.succeed(&C5.replace("PLOT", plot));
        assert_eq!(reports(&folder, "ID/"), BTreeMap::new(), "{plot}");
    }
}

#[test]
fn c10_leaves_all_reports_under_its_prefix() {
    let folder = xenium_folder();
    folder.succeed(
        "run -x x_location -y y_location -z z_location -g feature_name -m 5 -p --prior-segmentation-confidence 0.5 -o OUT \
         T.csv :cell_id --unassigned-prior-label UNASSIGNED --iters 30",
    );
    assert!(folder.path("OUT_segmentation.csv").is_file());
    assert_complete(&folder, "OUT_");
    sound_page(&folder, "OUT_diagnostics.html");
}

#[test]
fn the_export_of_a_stage_writes_the_reports_of_the_run() {
    for (table, prior) in [("t2.csv", ":cell_id"), ("t3.csv", "")] {
        let folder = folder();
        let what = format!("{table} {prior} -m 8 -s 3 --iters 40");
        folder.succeed(&format!("run {what} -p -o one/ID.csv -t 1"));
        folder.succeed(&format!("run {what} --stage stage -t 2"));
        folder.succeed("export stage --plot -o staged/ID.csv -t 2");
        folder.succeed(&format!("run {what} -p --polygon-format none -o two/ID.csv -t 2"));
        let one = reports(&folder, "one/ID_");
        assert_complete(&folder, "one/ID_");
        for other in ["staged/ID_", "two/ID_"] {
            let other = reports(&folder, other);
            assert_eq!(one.keys().collect::<Vec<_>>(), other.keys().collect::<Vec<_>>());
            for (name, bytes) in &one {
                assert!(other[name] == *bytes, "{table}: {name} differs");
            }
        }
    }
}

#[test]
fn a_prior_in_steps_gives_the_same_reports() {
    let folder = folder();
    folder.succeed("run t2.csv :cell_id -m 8 --iters 30 -p -o one/ID.csv");
    folder.succeed("prior t2.csv :cell_id -m 8 -o prior");
    folder.succeed("run prior --iters 30 --stage stage");
    folder.succeed("export stage -p -o staged/ID.csv");
    let (one, staged) = (reports(&folder, "one/ID_"), reports(&folder, "staged/ID_"));
    assert!(!one.is_empty());
    for (name, bytes) in &one {
        assert!(staged[name] == *bytes, "{name} differs");
    }
}

#[test]
fn a_resumed_run_writes_the_reports_of_a_whole_one() {
    let folder = Folder::new();
    let tissue = Tissue { side: 12, per_cell: 40, ..Tissue::default() };
    folder.write("t.csv", tissue.csv_2d());
    let line = "run t.csv -m 10 -s 3 --iters 300 -t 2";
    folder.succeed(&format!("{line} -p -o whole/ID.csv"));
    let killed = format!("{line} -p --checkpoint-every 5 -o killed/ID.csv");
    let words: Vec<&str> = killed.split_whitespace().collect();
    folder.baysor_killed_at("Using the following", "killed/ID_log.log", &words);
    folder.succeed(&format!("{killed} --resume"));
    let (whole, resumed) = (reports(&folder, "whole/ID_"), reports(&folder, "killed/ID_"));
    assert!(!whole.is_empty());
    for (name, bytes) in &whole {
        assert!(resumed[name] == *bytes, "{name} differs");
    }
}

#[test]
fn a_report_that_cannot_be_written_is_named_and_everything_else_is_kept() {
    let folder = folder();
    std::fs::create_dir_all(folder.path("o/ID_diagnostics.html")).unwrap();
    let outcome = folder
        .baysor(&["run", "t2.csv", "-m", "8", "-s", "3", "--iters", "20", "-p", "-o", "o/ID.csv", "--stage", "s"]);
    outcome.assert_failure(1, &["o/ID_diagnostics.html could not be written", "All results are complete"]);
    outcome.assert_warning(&["The report o/ID_diagnostics.html could not be written"]);
    for name in ["o/ID.csv", "o/ID_cell_stats.csv", "o/ID_counts.loom", "o/ID_polygons_2d.json", "s/manifest.json"] {
        assert!(folder.path(name).is_file(), "{name}");
    }
    for name in MULTIQC {
        assert!(folder.path(&format!("o/ID_{name}")).is_file(), "{name}");
    }
    let leftovers: Vec<String> = folder.names().into_iter().filter(|name| name.ends_with(".tmp")).collect();
    assert_eq!(leftovers, [] as [String; 0]);
    folder.succeed("export s --plot -o again/ID.csv");
    assert_complete(&folder, "again/ID_");
}

#[test]
fn a_run_without_cells_has_a_page_that_says_so() {
    let folder = folder();
    folder.succeed("run t2.csv -m 8 -s 0.001 --scale-std 0.0001 --iters 20 -p -o o/");
    let n_cells = folder.text("o/segmentation_cell_stats.csv").lines().count() - 1;
    let page = sound_page(&folder, "o/segmentation_diagnostics.html");
    assert_eq!(n_cells == 0, page.contains("No cell was found"), "{n_cells} cells");
    let numbers = folder.json("o/segmentation_numbers_mqc.json");
    let sample = numbers["data"].as_object().unwrap().values().next().unwrap();
    assert_eq!(sample["cells"], n_cells);
}

#[test]
fn one_cell_and_odd_names_of_genes_make_a_sound_page() {
    let folder = Folder::new();
    let rows = (0..60).map(|at| {
        let (x, y) = (f64::from(at % 8) + 0.01 * f64::from(at), f64::from(at / 8) + 0.003 * f64::from(at * at % 17));
        let gene = ["\"</script><b>\"", "\"a\"\"b\"", "Äβ\u{2028}", "x'&y"][at as usize % 4];
        format!("{x},{y},{gene}\n")
    });
    folder.write("t.csv", format!("x,y,gene\n{}", rows.collect::<String>()));
    folder.succeed("run t.csv -m 10 -s 5 --iters 25 --n-clusters 1 -p -o o/");
    let page = sound_page(&folder, "o/segmentation_diagnostics.html");
    assert!(page.contains("Molecules were not clustered") && page.contains("There was no prior segmentation"));
    assert!(!page.contains("</script><b>"));
}

#[test]
fn a_stage_without_iterations_has_sentences_in_place_of_their_charts() {
    let folder = folder();
    folder.succeed("run t2.csv :cell_id -m 8 --iters 30 --n-clusters 3 --stage s");
    folder.succeed("export s -p -o whole/ID.csv");
    for (kind, reason) in [("run", "The iterations of the model were not kept"), ("merge", "every tile had its own")] {
        let mut manifest = folder.json("s/manifest.json");
        let tables = manifest["tables"].as_array().unwrap();
        let is_kept = |table: &&Value| table["name"] != "trace" && table["name"] != "clustering";
        let kept: Vec<Value> = tables.iter().filter(is_kept).cloned().collect();
        assert_eq!(kept.len() + if kind == "run" { 2 } else { 0 }, tables.len());
        manifest["tables"] = kept.into();
        manifest["stage"] = kind.into();
        folder.write("s/manifest.json", baysor::io::stage::seal(&manifest.to_string()));
        folder.succeed(&format!("export s -p -o {kind}/ID.csv"));
        let page = sound_page(&folder, &format!("{kind}/ID_diagnostics.html"));
        assert!(page.contains(reason) && page.contains("not recorded"), "{kind}");
        assert!(!page.contains("stopped early") && !page.contains("per iteration\""), "{kind}");
        let whole = folder.text("whole/ID_diagnostics.html");
        assert!(whole.contains("Components per iteration") && whole.contains("Molecule clustering per iteration"));
        // Everything else is there.
        assert_eq!(charts(&page).len() + 5, charts(&whole).len(), "{kind}");
        let (mut have, want) = (reports(&folder, &format!("{kind}/ID_")), reports(&folder, "whole/ID_"));
        assert!(!have.contains_key("convergence_mqc.json"));
        let numbers = folder.json(&format!("{kind}/ID_numbers_mqc.json"));
        assert!(numbers["data"]["ID"]["cells"].is_number());
        assert!(folder.json(&format!("{kind}/ID_cells_mqc.json"))["data"]["ID"].get("iterations").is_none());
        assert_eq!(folder.json("whole/ID_cells_mqc.json")["data"]["ID"]["iterations"], 30);
        for name in ["borders.png", "borders_mqc.png", "borders.html"] {
            assert!(have.remove(name).unwrap() == want[name], "{kind}: {name}");
        }
    }
}

#[test]
fn multiqc_finds_a_sample_with_numbers() {
    let folder = folder();
    folder.succeed("run t2.csv :cell_id -m 8 --iters 30 -p -o ID_segmentation.csv");
    let sections: Vec<Value> = MULTIQC.iter().map(|name| folder.json(&format!("ID_segmentation_{name}"))).collect();
    let kinds: Vec<&str> = sections.iter().map(|section| section["plot_type"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["generalstats", "table", "linegraph"]);
    for section in &sections {
        for key in ["id", "section_name", "description", "pconfig"] {
            assert!(!section[key].is_null(), "{key}");
        }
        assert_eq!(section["data"].as_object().unwrap().keys().collect::<Vec<_>>(), ["ID"]);
    }
    let cells = folder.text("ID_segmentation_cell_stats.csv").lines().count() - 1;
    assert_eq!(sections[0]["data"]["ID"]["cells"], cells);
    for (key, number) in sections[1]["data"]["ID"].as_object().unwrap() {
        assert!(number.is_number() && sections[1]["headers"][key].is_object(), "{key}");
    }
    let points = sections[2]["data"]["ID"].as_array().unwrap();
    assert_eq!((points.len(), &points[30][0], &points[30][1]), (31, &30.0.into(), &100.0.into()));
    let text = folder.text("ID_segmentation_numbers_mqc.json") + &folder.text("ID_segmentation_diagnostics.html");
    assert!(!text.contains("memory"), "times and memory are in manifests only");
}

/// Names of the samples in a file.
fn samples(folder: &Folder, name: &str) -> Vec<String> {
    folder.json(name)["data"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn two_samples_with_tables_of_one_name_were_one_in_multiqc() {
    let folder = Folder::new();
    for sample in ["A", "B"] {
        folder.write(&format!("{sample}/transcripts.csv"), tissue().csv_2d());
        folder.succeed(&format!("preview {sample}/transcripts.csv -m 8 -o {sample}/preview/"));
        folder.succeed(&format!("run {sample}/transcripts.csv -m 8 -s 3 --iters 25 -p -o {sample}/run/"));
        // What was looked at and what was found is one row.
        assert_eq!(samples(&folder, &format!("{sample}/preview/preview_general_mqc.json")), [sample]);
        assert_eq!(samples(&folder, &format!("{sample}/run/segmentation_numbers_mqc.json")), [sample]);
    }
}

#[test]
fn a_sample_has_the_name_that_it_is_given() {
    let folder = folder();
    let named = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().chain(["--sample-name", "Mouse 7, left"]).collect();
        folder.baysor(&words).assert_success();
    };
    named("preview t2.csv -m 8 -o A_preview.html");
    named("run t2.csv -m 8 -s 3 --iters 25 -p -o B.csv --stage s");
    named("export s -p -o C.csv");
    for file in ["A_preview_table_mqc.json", "B_numbers_mqc.json", "B_convergence_mqc.json", "C_cells_mqc.json"] {
        assert_eq!(samples(&folder, file), ["Mouse 7, left"], "{file}");
    }
    for name in ["", "a/b", "..", " a", "a\u{7}b"] {
        let line = ["run", "t2.csv", "-m", "8", "-s", "3", "--sample-name", name];
        folder.baysor(&line).assert_failure(2, &["--sample-name", "without slashes"]);
    }
}
