//! Precedence, derived defaults, and the error of every value that makes no sense.

use super::super::options::{OPTIONS, find_path};
use super::super::prior_settings::{PriorSource, XyAndZ};
use super::super::settings::{CompartmentGenes, ScaleSource, ScaleStd};
use super::super::values::from_text;
use super::*;

fn no_environment(_: &str) -> Option<String> {
    Some("2".to_owned())
}

/// Options given as `name=value`; `[name=value` puts one in the dotted layer.
pub(crate) fn request(given: &[&str]) -> Request {
    let mut request = Request { molecules: "molecules.csv".into(), ..Request::default() };
    for text in given {
        let dotted = text.starts_with('[');
        let (name, value) = text.trim_start_matches('[').split_once('=').unwrap();
        let def = OPTIONS.iter().find(|def| def.name == name).unwrap();
        let spelled = if dotted { format!("--config.{}", def.path()) } else { def.spelled() };
        let value = from_text(def, &spelled, value).unwrap();
        if dotted {
            request.dotted.push(Given { def, value, origin: Origin::Dotted(spelled) });
        } else {
            request.flags.push(Given { def, value, origin: Origin::Flag(spelled) });
        }
    }
    request
}

pub(crate) fn settings_of(given: &[&str]) -> RunSettings {
    resolve(&request(given), &no_environment).unwrap()
}

pub(crate) fn settings_with_prior(given: &[&str], prior: &str) -> RunSettings {
    resolve(&Request { prior: Some(prior.to_owned()), ..request(given) }, &no_environment).unwrap()
}

/// A run on a stage of the command `prior`.
pub(crate) fn with_stage(stage: PriorStage, request: Request) -> Result<RunSettings, ConfigError> {
    resolve(&Request { prior_stage: Some(stage), ..request }, &no_environment)
}

/// Loads a configuration text as a file, with nothing on the command line.
pub(crate) fn load(text: &str) -> RunSettings {
    with_file(text, request(&[])).unwrap()
}

fn with_file(text: &str, request: Request) -> Result<RunSettings, ConfigError> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("config.toml");
    std::fs::write(&path, text).unwrap();
    resolve(&Request { file: Some(path), ..request }, &no_environment)
}

fn error_of(given: &[&str]) -> String {
    resolve(&request(given), &no_environment).unwrap_err().to_string()
}

fn prior_error(given: &[&str], prior: &str) -> String {
    resolve(&Request { prior: Some(prior.to_owned()), ..request(given) }, &no_environment).unwrap_err().to_string()
}

const M: &str = "min_molecules_per_cell=30";
const SCALE: &str = "scale=10";

#[test]
fn every_name_asked_for_exists() {
    let source = concat!(
        include_str!("resolve.rs"),
        include_str!("bundle.rs"),
        include_str!("merged.rs"),
        include_str!("division.rs"),
        include_str!("prior.rs")
    );
    let names = regex::Regex::new(r#"(?:merged|self)\.(?:text|flag|int|size|float|list|get)\("([a-z_.]+)"\)"#).unwrap();
    let mut n = 0;
    for name in names.captures_iter(source) {
        assert!(find_path(&name[1]).is_some(), "{}", &name[1]);
        n += 1;
    }
    assert!(n > 25);
}

#[test]
fn derived_defaults_follow_the_minimum_per_cell() {
    let segment: Vec<usize> = [1, 3, 10, 14, 30, 50, 100].map(default_min_molecules_per_segment).into();
    assert_eq!(segment, [2, 2, 2, 4, 8, 12, 25]);
    let neighbour: Vec<usize> = [1, 3, 10, 14, 30, 50, 100].map(default_confidence_nn_id).into();
    assert_eq!(neighbour, [5, 5, 6, 8, 16, 26, 51]);
}

#[test]
fn flag_wins_over_dotted_over_file_over_default() {
    let file = "[data]\nmin_molecules_per_cell = 1\nmin_molecules_per_gene = 1\nx = 'a'\n[segmentation]\nscale = 1";
    let given = request(&["min_molecules_per_cell=3", "[min_molecules_per_cell=2", "[min_molecules_per_gene=2"]);
    let settings = with_file(file, given).unwrap();
    assert_eq!(settings.min_molecules_per_cell, 3);
    assert_eq!(settings.input.min_molecules_per_gene, 2);
    assert_eq!(settings.input.columns.x, "a");
    assert_eq!(settings.input.columns.y, "y");
    let twice = settings_of(&[SCALE, M, "[iters=5", "[iters=6"]);
    assert_eq!(twice.iters, 6);
}

#[test]
fn a_given_scale_has_a_spread() {
    let scale = |given: &[&str]| settings_of(given).scale;
    assert_eq!(scale(&[M, SCALE]), ScaleSource::Given { scale: 10.0, std: ScaleStd::Relative(0.25) });
    let absolute = ScaleSource::Given { scale: 10.0, std: ScaleStd::Absolute(0.2) };
    assert_eq!(scale(&[M, SCALE, "scale_std=0.2"]), absolute);
    let relative = ScaleSource::Given { scale: 10.0, std: ScaleStd::Relative(0.5) };
    assert_eq!(scale(&[M, SCALE, "scale_std= 50 % "]), relative);
}

#[test]
fn a_spread_that_is_asked_for_wins_over_the_estimate() {
    let from_prior = |std| ScaleSource::FromPrior { std };
    assert_eq!(settings_with_prior(&[M], ":cell").scale, from_prior(None));
    let wished = settings_with_prior(&[M, "scale_std=25%"], ":cell").scale;
    assert_eq!(wished, from_prior(Some(ScaleStd::Relative(0.25))));
    let prior = Request { prior: Some(":cell".to_owned()), ..request(&[M]) };
    let file = |text: &str| with_file(text, prior.clone()).unwrap().scale;
    assert_eq!(file("[segmentation]\nscale = -1.0\nscale_std = '25%'"), from_prior(None));
    assert_eq!(file("[segmentation]\nscale_std = 2"), from_prior(Some(ScaleStd::Absolute(2.0))));
}

#[test]
fn without_scale_there_must_be_a_prior_to_estimate_it() {
    assert!(error_of(&[M]).contains("neither a scale nor a prior segmentation is given; set --scale"));
    assert!(error_of(&[M, "scale=-1"]).starts_with("--scale is -1: without a prior"));
    let error = prior_error(&[M, "estimate_scale_from_centers=false"], ":cell");
    assert!(error.contains("estimate_scale_from_centers is false: then a scale is needed"), "{error}");
    assert!(error_of(&[SCALE]).contains("-m/--min-molecules-per-cell"));
    assert!(error_of(&[SCALE, "min_molecules_per_cell=0"]).contains("must be greater than 0"));
}

#[test]
fn values_out_of_range_are_errors_naming_option_value_and_range() {
    let cases = [
        (
            "prior_segmentation_confidence=1.5",
            "--prior-segmentation-confidence is 1.5: it must be a number from 0 to 1",
        ),
        ("prior_segmentation_confidence=NaN", "--prior-segmentation-confidence is NaN"),
        ("scale_std=0", "--scale-std is '0': it must be a positive number"),
        ("scale_std=-5%", "--scale-std is '-5%'"),
        ("scale_std=wide", "--scale-std is 'wide'"),
        ("iters=0", "--iters is 0: it must be at least 1"),
        ("n_clusters=256", "--n-clusters is 256: it must be at most 255"),
        ("n_clusters=-1", "--n-clusters is -1"),
        ("min_molecules_per_cell=-1", "--min-molecules-per-cell is -1: it must be at least 0"),
        ("scale=inf", "--scale is inf: it must be a finite number"),
        ("scale=NaN", "--scale is NaN"),
        ("n_cells_init=1", "--n-cells-init is 1: it must be at least 2"),
        ("polygon_format=GeoJson", "--polygon-format is 'GeoJson': it must be one of FeatureCollection"),
        ("count_matrix_format=h5", "--count-matrix-format is 'h5': it must be one of loom, tsv"),
        ("exclude_genes=Blank*,*Neg", "--exclude-genes is 'Blank*,*Neg': '*Neg' is not a regular expression"),
        ("x_min=nan", "--x-min is NaN"),
        ("max_z_slices=0", "--max-z-slices is 0"),
        ("tol=2", "--tol is 2"),
        ("threads=-2", "--threads is -2"),
        ("run_id=a-b", "--run-id is 'a-b'"),
        ("x=y", "data.x names the same column"),
        ("gene=", "--gene-column is '': a column name is needed"),
        ("cluster_method=leiden", "not part of this version"),
        ("ncv_method=x", "--config.plotting.ncv_method is 'x'"),
        ("path=mask.tif", "prior.path is 'mask.tif': no such file"),
    ];
    for (given, expected) in cases {
        let error = error_of(&[M, SCALE, given]);
        assert!(error.contains(expected), "{given}: {error}");
    }
    assert!(
        error_of(&[M, SCALE, "x_min=5", "x_max=3"]).contains("--x-min is 5: it must not exceed data.x_max, which is 3")
    );
    assert!(error_of(&[M, SCALE, "quiet=1", "verbose=1"]).contains("contradict"));
}

#[test]
fn an_error_in_a_file_names_key_and_file() {
    let error = with_file("[segmentation]\niters = 0", request(&[M, SCALE])).unwrap_err().to_string();
    assert!(error.starts_with("segmentation.iters in ") && error.contains("config.toml is 0"), "{error}");
}

#[test]
fn a_file_as_sopa_writes_it_is_accepted() {
    let file = "[data]\nx = 'x'\ny = 'y'\nz = 'z'\ngene = 'genes'\nforce_2d = true\nmin_molecules_per_cell = 10\n\
        min_molecules_per_gene = 0\nmin_molecules_per_segment = 3\nconfidence_nn_id = 6\nexclude_genes = ''\n\
        [segmentation]\nscale = 3\nscale_std = '25%'\nprior_segmentation_confidence = 1\n\
        estimate_scale_from_centers = false\nn_clusters = 4\niters = 500\nn_cells_init = 0\nnuclei_genes = ''\n\
        cyto_genes = ''\n";
    let settings = load(file);
    assert_eq!(settings.scale, ScaleSource::Given { scale: 3.0, std: ScaleStd::Relative(0.25) });
    assert_eq!(settings.prior_confidence, 1.0);
    assert_eq!(settings.input.min_molecules_per_gene, 0);
    assert_eq!((settings.prior.min_molecules_per_segment, settings.confidence_nn_id), (3, 6));
    assert!(settings.input.force_2d && settings.input.exclude_genes.is_empty());
    assert_eq!(settings.program.notes, []);
}

#[test]
fn absent_limits_are_none() {
    let settings = settings_of(&[M, SCALE]);
    assert_eq!((settings.input.crop, settings.input.min_qv, settings.n_cells_init), (Crop::default(), None, None));
    assert_eq!((settings.run_id, settings.program.threads, settings.program.seed), (None, 2, 1));
    let settings = settings_of(&[M, SCALE, "x_min=-5", "min_qv=20", "n_cells_init=9"]);
    assert_eq!(
        (settings.input.crop.x_min, settings.input.min_qv, settings.n_cells_init),
        (Some(-5.0), Some(20.0), Some(9))
    );
}

#[test]
fn the_prior_is_a_column_or_a_file_that_exists() {
    let column = |name: &str| Some(PriorSource::Column { name: name.to_owned() });
    assert_eq!(settings_with_prior(&[M], ":cell_id").prior.source, column("cell_id"));
    assert_eq!(settings_with_prior(&[M, SCALE], "").prior.source, None);
    assert_eq!(settings_of(&[M, "column_name=cell"]).prior.source, column("cell"));
    assert_eq!(settings_of(&[M, SCALE, "column_name=cell", "type=none"]).prior.source, None);
    assert_eq!(settings_with_prior(&[M, "type=image", "path=a.tif"], ":cell_id").prior.source, column("cell_id"));
    assert!(prior_error(&[M, SCALE], "cell_id").contains("no such file; for a column write :cell_id"));
    assert!(prior_error(&[M, SCALE], ":").contains("a column name must follow the colon"));
    let folder = tempfile::tempdir().unwrap();
    let mask = folder.path().join("mask.tif");
    std::fs::write(&mask, "").unwrap();
    let file = Some(PriorSource::File { path: mask.clone() });
    assert_eq!(settings_with_prior(&[M], &mask.display().to_string()).prior.source, file);
    let key = format!("path={}", mask.display());
    assert_eq!(settings_of(&[M, &key]).prior.source, file);
    assert_eq!(settings_of(&[M, &key, "type=image"]).prior.source, file);
    assert_eq!(settings_of(&[M, SCALE, &key, "type=none"]).prior.source, None);
    assert!(error_of(&[M, &key, "column_name=cell"]).contains("names a prior, too ('cell')"));
    assert!(error_of(&[M, "type=image"]).contains("no file is named; set prior.path"));
    let folder = folder.path().display().to_string();
    assert!(prior_error(&[M], &folder).contains("it is a folder"));
}

#[test]
fn pixels_have_sizes_and_a_corner() {
    let prior = |given: &str| settings_of(&[M, SCALE, given]).prior;
    let size = |xy, z| Some(XyAndZ { xy, z });
    assert_eq!(prior("pixel_size=0.2125").pixel_size, size([0.2125; 2], None));
    assert_eq!(prior("pixel_size=1, 2,3").pixel_size, size([1.0, 2.0], Some(3.0)));
    assert_eq!(prior("pixel_size=1,2").pixel_size, size([1.0, 2.0], None));
    assert_eq!(prior("origin=-0.5,0.5,2").origin, size([-0.5, 0.5], Some(2.0)));
    assert_eq!((prior("page=0").page, prior("page=3").page), (None, Some(2)));
    for (given, text) in [
        ("pixel_size=0", "sizes must be greater than 0"),
        ("pixel_size=3,2125,1,1", "one, two or three numbers"),
        ("pixel_size=0.2um", "numbers with commas between them"),
        ("origin=1", "two or three numbers"),
    ] {
        let error = error_of(&[M, SCALE, given]);
        assert!(error.contains(text), "{given}: {error}");
    }
}

#[test]
fn compartments_need_genes_of_both_kinds_or_nuclei_to_find_them() {
    let genes = |given: &[&str]| settings_with_prior(&[&[M], given].concat(), ":nucleus").compartment_genes;
    let list = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
    let given = CompartmentGenes::Given { nuclei: list(&["A", "B"]), cyto: list(&["C"]) };
    assert_eq!(genes(&["nuclei_genes=A,B", "cyto_genes=C"]), given);
    assert_eq!(genes(&["compartment_genes=auto"]), CompartmentGenes::Auto);
    assert_eq!(genes(&["nuclei_genes=A", "cyto_genes=C", "compartment_genes=none"]), CompartmentGenes::None);
    assert!(error_of(&[M, SCALE, "nuclei_genes=A"]).contains("give cyto_genes, too"));
    assert!(error_of(&[M, SCALE, "cyto_genes=A"]).contains("give nuclei_genes, too"));
    assert!(error_of(&[M, SCALE, "compartment_genes=auto"]).contains("a prior segmentation of nuclei is needed"));
    let warned = settings_of(&[M, SCALE, "nuclei_genes=A", "cyto_genes=C"]).program.notes;
    assert!(warned.iter().any(|note| matches!(note, Note::Warning(text) if text.contains("--n-clusters=1"))));
}

#[test]
fn keys_without_effect_give_one_warning() {
    let settings = settings_of(&[M, SCALE, "cluster_n_dims=10", "cluster_graph_k=3", "skip_ncv_color=true"]);
    let text = "No effect in this version: segmentation.cluster_graph_k, segmentation.cluster_n_dims";
    assert_eq!(settings.program.notes, [Note::Warning(text.to_owned())]);
}

#[test]
fn no_clustering_is_one_cluster() {
    assert_eq!(settings_of(&[M, SCALE, "cluster_method=NONE"]).n_clusters, 1);
    assert_eq!(settings_of(&[M, SCALE, "n_clusters=0"]).n_clusters, 0);
}
