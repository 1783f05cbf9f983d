//! Command lines in circulation give the right settings.

use std::path::{Path, PathBuf};

use super::*;
use crate::config::{CompartmentGenes, CountFormat, PriorSource, ScaleSource, ScaleStd};
use crate::data::PolygonFormat;

fn no_environment(_: &str) -> Option<String> {
    Some("1".to_owned())
}

/// Parses a line; words are separated by blanks.
fn line(text: &str) -> anyhow::Result<RunSettings> {
    let arguments: Vec<OsString> = text.split_whitespace().map(OsString::from).collect();
    parse(&arguments, &no_environment)
}

fn settings(text: &str) -> RunSettings {
    line(text).unwrap_or_else(|error| panic!("{text}: {error:#}"))
}

fn error(text: &str) -> String {
    format!("{:#}", line(text).unwrap_err())
}

fn config(folder: &Path, text: &str) -> PathBuf {
    let path = folder.join("config.toml");
    std::fs::write(&path, text).unwrap();
    path
}

const XENIUM: &str = "[data]\nx = \"x_location\"\ny = \"y_location\"\nz = \"z_location\"\ngene = \"feature_name\"\n\
    min_molecules_per_gene = 10\nexclude_genes = \"NegControl*,BLANK_*,antisense_*\"\nmin_molecules_per_cell = 50\n\
    [segmentation]\nunassigned_prior_label = \"UNASSIGNED\"\nprior_segmentation_confidence = 0.5\n\
    [plotting]\nmin_pixels_per_cell = 10\n";

fn cell_id() -> Option<PriorSource> {
    Some(PriorSource::Column { name: "cell_id".to_owned() })
}

fn given(scale: f64) -> ScaleSource {
    ScaleSource::Given { scale, std: ScaleStd::Relative(0.25) }
}

#[test]
fn c1_nf_core_run_with_prior_scale_and_config() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), XENIUM);
    let s = settings(&format!(
        "T.parquet :cell_id --scale=30 --prior-segmentation-confidence=0.7 --output ID_segmentation.csv \
         --config={} --polygon-format=GeometryCollectionLegacy",
        config.display()
    ));
    assert_eq!((s.prior.source.clone(), s.scale, s.prior_confidence), (cell_id(), given(30.0), 0.7));
    assert_eq!(s.outputs.molecules, Path::new("ID_segmentation.csv"));
    assert_eq!(s.outputs.polygons_2d, Path::new("ID_segmentation_polygons_2d.json"));
    assert_eq!(s.polygon_format, Some(PolygonFormat::GeometryCollectionLegacy));
    assert_eq!((s.min_molecules_per_cell, s.input.min_molecules_per_gene), (50, 10));
    assert_eq!(s.input.exclude_genes, ["NegControl*", "BLANK_*", "antisense_*"]);
    assert_eq!((s.input.columns.x.as_str(), s.prior.unassigned_label.as_str()), ("x_location", "UNASSIGNED"));
}

#[test]
fn c2_nf_core_run_without_prior_and_config() {
    let s = settings("T.parquet --output ID_segmentation.csv --polygon-format=FeatureCollection -m 20 -s 5");
    assert_eq!((s.prior.source.clone(), s.scale, s.min_molecules_per_cell), (None, given(5.0), 20));
    assert_eq!(s.polygon_format, Some(PolygonFormat::FeatureCollection));
    assert_eq!(s.input.molecules, Path::new("T.parquet"));
}

#[test]
fn c5_spatialaxe_run() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), XENIUM);
    let rest = "--min-molecules-per-cell 30 --x-column x_location --y-column y_location --z-column z_location \
                --gene-column feature_name";
    let text = |plot: &str| {
        format!(
            "T.csv :cell_id --scale=30 --prior-segmentation-confidence=0.2 --output=ID/segmentation.csv --config={} \
             {plot} --polygon-format=GeometryCollectionLegacy {rest}",
            config.display()
        )
    };
    let s = settings(&text(""));
    assert_eq!((s.min_molecules_per_cell, s.prior_confidence, s.scale), (30, 0.2, given(30.0)));
    assert_eq!(s.outputs.polygons_2d, Path::new("ID/segmentation_polygons_2d.json"));
    let plotted = settings(&text("--plot"));
    assert_eq!((plotted.plot, plotted.outputs), (true, s.outputs.clone()));
    assert_eq!(settings(&text("--plot=false")), RunSettings { program: settings(&text("--plot=false")).program, ..s });
}

#[test]
fn c6_sopa_run_with_and_without_prior() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(
        folder.path(),
        "[data]\nmin_molecules_per_cell = 10\nforce_2d = true\nmin_molecules_per_gene = 0\n\
         [segmentation]\nscale = 3\nscale_std = \"25%\"\nprior_segmentation_confidence = 1\nn_cells_init = 0\n",
    );
    let text = format!("--polygon-format GeometryCollection -c {} transcripts.csv", config.display());
    let s = settings(&format!("{text} :sopa_prior"));
    assert_eq!(s.prior.source, Some(PriorSource::Column { name: "sopa_prior".to_owned() }));
    assert_eq!((s.scale, s.polygon_format), (given(3.0), Some(PolygonFormat::GeometryCollection)));
    assert_eq!(s.outputs.counts, Path::new("segmentation_counts.loom"));
    assert_eq!(settings(&text).prior.source, None);
}

#[test]
fn c7_sopa_run_as_for_versions_before_0_7() {
    let s = settings("--save-polygons GeoJSON --no-ncv-estimation -m 10 -s 3 transcripts.csv");
    assert_eq!((s.polygon_format, s.colors.is_none()), (Some(PolygonFormat::GeometryCollection), true));
    assert_eq!(s.program.notes.iter().filter(|note| matches!(note, Note::Warning(_))).count(), 2);
    let s = settings("--save-polygons GeoJSON --polygon-format none -m 10 -s 3 transcripts.csv");
    assert_eq!(s.polygon_format, None);
    assert!(error("--save-polygons SVG -m 10 -s 3 t.csv").contains("use --polygon-format"));
}

#[test]
fn c9_snakemake_run_with_a_negative_scale_in_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "[data]\nmin_molecules_per_cell = 10\n[segmentation]\nscale = -1.0\n");
    let s = settings(&format!("-c {} TRANSCRIPTS.parquet :cell_id", config.display()));
    assert_eq!((s.prior.source, s.scale), (cell_id(), ScaleSource::FromPrior { std: None }));
    assert_eq!(s.outputs.polygons_3d, Path::new("segmentation_polygons_3d.json"));
}

#[test]
fn c10_xenium_tutorial() {
    let text = "-x x_location -y y_location -z z_location -g feature_name -m 5 \
                --prior-segmentation-confidence 0.5 -o OUT T.csv :cell_id";
    let s = settings(text);
    assert_eq!((s.input.columns.z.as_str(), s.input.columns.gene.as_str()), ("z_location", "feature_name"));
    assert_eq!((s.prior.source, s.prior.min_molecules_per_segment, s.confidence_nn_id), (cell_id(), 1, 5));
    assert_eq!(s.outputs.molecules, Path::new("OUT_segmentation.csv"));
    assert!(!s.plot && settings(&format!("-p {text}")).plot);
    let text = "T.csv -m 5 -s 3 -p --stage S";
    let warns = |note: &Note| matches!(note, Note::Warning(text) if text.contains("baysor export --plot"));
    assert!(settings(text).program.notes.iter().any(warns));
    assert!(!settings(&format!("{text} -o X.csv")).program.notes.iter().any(warns));
}

#[test]
fn c11_published_scripts() {
    let s = settings(
        "t.csv -m 30 -s 10 --count-matrix-format tsv --scale-std 0.2 --n-clusters=1 \
         --config.segmentation.unassigned_prior_label UNASSIGNED --config.data.exclude-genes=Blank*",
    );
    assert_eq!((s.count_format, s.n_clusters), (CountFormat::Tsv, 1));
    assert_eq!(s.scale, ScaleSource::Given { scale: 10.0, std: ScaleStd::Absolute(0.2) });
    assert_eq!((s.prior.unassigned_label.as_str(), s.input.exclude_genes), ("UNASSIGNED", vec!["Blank*".to_owned()]));
    let s =
        settings("-m 30 --scale-std=50% -s 10 t.csv --config.data.confidence_nn_id=9 --config.data.exclude_genes a,b");
    assert_eq!(s.scale, ScaleSource::Given { scale: 10.0, std: ScaleStd::Relative(0.5) });
    assert_eq!((s.confidence_nn_id, s.input.exclude_genes.len()), (9, 2));
}

#[test]
fn compartments_of_the_user_documentation_are_understood() {
    let s = settings(
        "-m 30 --n-clusters=1 -s 30 --scale-std=50% --config.segmentation.nuclei-genes=Neat1 \
         --config.segmentation.cyto-genes=Apob,Net1 ./molecules.csv",
    );
    let (nuclei, cyto) = (vec!["Neat1".to_owned()], vec!["Apob".to_owned(), "Net1".to_owned()]);
    assert_eq!(s.compartment_genes, CompartmentGenes::Given { nuclei, cyto });
}

#[test]
fn options_stand_anywhere_and_the_last_of_a_repeated_one_counts() {
    let s = settings("-m5 t.csv -s=7 :cell --seed 3 --iters 10 --iters=20 --force-2d --quiet=false -t 2");
    assert_eq!((s.min_molecules_per_cell, s.scale, s.program.seed, s.iters), (5, given(7.0), 3, 20));
    assert!(s.input.force_2d && s.prior.source.is_some() && s.program.threads == 2);
    let s = settings("--m=5 --s 7 --min_molecules_per_gene 2 -- t.csv");
    assert_eq!((s.min_molecules_per_cell, s.input.min_molecules_per_gene), (5, 2));
}

#[test]
fn precedence_does_not_depend_on_the_order() {
    let folder = tempfile::tempdir().unwrap();
    let config = config(folder.path(), "[data]\nmin_molecules_per_cell = 1\n[segmentation]\nscale = 1\niters = 1");
    let file = config.display();
    let dotted = "--config.segmentation.iters=2 --config.data.min_molecules_per_cell=2";
    for text in [format!("t.csv -m 3 {dotted} -c {file}"), format!("-c {file} {dotted} t.csv -m 3")] {
        let s = settings(&text);
        assert_eq!((s.min_molecules_per_cell, s.iters, s.scale), (3, 2, given(1.0)));
    }
    let s = settings(&format!("t.csv -c /no/such/file -c {file}"));
    assert!(
        s.program.notes.iter().any(|note| matches!(note, Note::Warning(text) if text.contains("only the last counts")))
    );
}

#[test]
fn misuse_is_explained() {
    assert!(error("t.csv -m 5 -s 3 --scael 4").contains("--scale"), "{}", error("t.csv -m 5 -s 3 --scael 4"));
    assert!(error("-m 5 -s 3").contains("MOLECULES"));
    assert!(error("-m 5 -s 3 :cell").contains("the molecule table comes first"));
    assert!(error("t.csv :a b -m 5 -s 3").contains("unexpected argument 'b'"));
    assert!(error("t.csv cell -m 5 -s 3").contains("write :cell"));
    assert!(error("t.csv -m five -s 3").contains("--min-molecules-per-cell: a whole number expected"));
    assert!(error("t.csv -m -1 -s 3").contains("--min-molecules-per-cell is -1"));
    assert!(error("t.csv -m 5 -s 3 -c /no/such.toml").contains("/no/such.toml"));
}

#[test]
fn a_tile_brings_its_settings_and_needs_a_stage() {
    let folder = tempfile::tempdir().unwrap();
    let tile = folder.path().join("tile_0001");
    let settings_of_split = settings("m.csv -m 30 -s 6.5 --seed 7 -x x_um");
    crate::pipeline::tiles::tests::write_tile(&tile, &settings_of_split);
    let tile = tile.display();
    let s = settings(&format!("{tile} --stage r -t 3 -m 30"));
    assert_eq!((s.is_tile, s.scale, s.program.seed, s.input.columns.x.as_str()), (true, given(6.5), 7, "x_um"));
    assert_eq!((s.program.threads, s.stage.as_deref(), s.writes_bundle), (3, Some(Path::new("r")), false));
    assert_eq!(s.outputs.checkpoint, Path::new("r/checkpoint.bin"));
    assert!(error(&format!("{tile}")).contains("give --stage DIR"));
    assert!(error(&format!("{tile} -s 7 --stage r")).contains("--scale is 7, but the stage"));
    assert!(error(&format!("{tile} --stage r -o x.csv")).contains("--output: "));
    assert!(error(&format!("{tile} --stage r --max-molecules-per-tile 5")).contains("--max-molecules-per-tile is 5"));
    // Other commands do not take tiles.
    let arguments = [OsString::from(tile.to_string()), "-m".into(), "3".into()];
    let error = format!("{:#}", crate::cli::segfree::run(&arguments).unwrap_err());
    assert!(error.contains("is a stage of the kind 'tile'; needed is 'prior'"), "{error}");
}
