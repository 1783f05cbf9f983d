//! What a tile settles, what is refused, and that settings come back from it.

use super::super::dump;
use super::super::options::find_path;
use super::super::resolve::resolve;
use super::super::resolve::tests::{request, settings_of, settings_with_prior};
use super::super::run_id::result_relevant;
use super::super::settings::RunSettings;
use super::*;

fn alone(_: &str) -> Option<String> {
    Some("1".to_owned())
}

/// The tile that a slide with these settings has.
fn tile_of(settings: &RunSettings) -> TileStage {
    let values = dump::values(settings).into_iter().filter(|(def, _)| is_inherited(def));
    let origin = || Origin::Tile("t/tile_0001".to_owned());
    let seed = find_path("seed").unwrap();
    let seed = Given { def: seed, value: Value::Int(settings.program.seed as i64), origin: origin() };
    TileStage {
        place: "t/tile_0001".to_owned(),
        values: values
            .map(|(def, value)| Given { def, value, origin: origin() })
            .filter(|given| given.def.name != "seed")
            .chain([seed])
            .collect(),
        source: settings.prior.source.clone(),
        run_id: "Rabc".to_owned(),
        is_colored: settings.colors.is_some(),
    }
}

fn run_on(tile: TileStage, given: &[&str]) -> Result<RunSettings, ConfigError> {
    let request = request(given);
    resolve(&Request { molecules: "t/tile_0001".into(), stage: Some("r".into()), tile: Some(tile), ..request }, &alone)
}

const M: &str = "min_molecules_per_cell=30";
const SCALE: &str = "scale=10";

#[test]
fn settings_come_back_from_a_tile() {
    let many = [
        M,
        "scale=6.5",
        "scale_std=50%",
        "x=x_location",
        "min_molecules_per_gene=3",
        "exclude_genes=Blank*,a{1}",
        "seed=7",
        "min_qv=20",
        "x_max=1e3",
        "coordinate_scale=0.12028",
        "z_scale=0.8",
        "drop_duplicates=true",
        "iters=77",
        "tol=0.1",
        "converged=0.02",
        "n_cells_init=900",
        "n_clusters=7",
        "confidence_nn_id=9",
        "gene_composition_neigborhood=33",
        "ncv_method=dense",
        "max_z_slices=5",
        "nuclei_genes=A,B",
        "cyto_genes=C",
        "cluster_method=mrf",
        "tile_margin=6",
        "max_molecules_per_tile=50000",
        "skip_ncv_color=true",
        "run_id=Mouse7",
    ];
    let cases = [
        settings_of(&[M, SCALE]),
        settings_of(&many),
        settings_of(&[M, SCALE, "cluster_method=none"]),
        settings_with_prior(&[M], ":cell"),
        settings_with_prior(&[M, "scale_std=25%", "min_molecules_per_segment=5"], ":cell"),
        settings_with_prior(&[M, "scale_std=3", "prior_segmentation_confidence=0.9"], ":fov,cell"),
        settings_with_prior(&[M, SCALE, "where=a=b", "unassigned_prior_label=no"], ":cell"),
        settings_with_prior(&[M, "pixel_size=0.2,0.3", "origin=1,2", "page=3", "stain_sigma=2"], "Cargo.toml"),
        settings_with_prior(&[M, "compartment_genes=auto", "stain_threshold=li"], "Cargo.toml"),
    ];
    for settings in cases {
        let again = run_on(tile_of(&settings), &[]).unwrap();
        assert_eq!(result_relevant(&again), result_relevant(&settings));
        assert_eq!(again.colors, settings.colors);
        assert_eq!((again.max_z_slices, again.run_id.as_deref()), (settings.max_z_slices, Some("Rabc")));
        assert_eq!((again.input.is_stage, again.is_tile, again.writes_bundle), (true, true, false));
        assert_eq!((again.plot, again.polygon_format, again.max_molecules_per_tile), (false, None, None));
    }
}

#[test]
fn the_command_line_of_split_may_be_repeated() {
    let given = [
        M,
        "scale=6.5",
        "scale_std=25%",
        "seed=7",
        "min_molecules_per_segment=0",
        "[confidence_nn_id=0",
        "iters=9",
        "[estimate_scale_from_centers=true",
        "exclude_genes=a,b",
        "skip_ncv_color=true",
        "threads=3",
        "tile_margin=6",
    ];
    let settings = settings_of(&given);
    let again = run_on(tile_of(&settings), &given).unwrap();
    assert_eq!(result_relevant(&again), result_relevant(&settings));
    assert_eq!(again.program.threads, 3);
}

#[test]
fn what_contradicts_the_tile_is_named_with_both_values_and_the_remedy() {
    let tile = || tile_of(&settings_of(&[M, SCALE, "seed=7", "min_qv=20"]));
    let error = |given: &[&str]| run_on(tile(), given).unwrap_err().to_string();
    let text = error(&["scale=11"]);
    let expected = "--scale is 11, but the stage 't/tile_0001' was made with segmentation.scale = 10; what changes";
    assert!(text.starts_with(expected) && text.contains("split the slide again"), "{text}");
    for (given, held) in [
        ("seed=8", "seed = 7"),
        ("[min_qv=0", "data.min_qv = 20"),
        ("iters=501", "segmentation.iters = 500"),
        ("n_clusters=3", "segmentation.n_clusters = 4"),
        ("prior_segmentation_confidence=0.5", "segmentation.prior_segmentation_confidence = 0.2"),
        ("min_molecules_per_cell=31", "data.min_molecules_per_cell = 30"),
        ("gene_composition_neigborhood=9", "plotting.gene_composition_neigborhood = 0"),
        ("tile_margin=3", "segmentation.tile_margin = 8"),
        ("preset=iss", "the preset iss"),
        ("run_id=Mouse", "run_id = 'Rabc'"),
        ("skip_ncv_color=true", "skip_ncv_color = false"),
    ] {
        assert!(error(&[given]).contains(held), "{given}: {}", error(&[given]));
    }
}

#[test]
fn a_file_with_every_default_is_no_contradiction() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("all.toml");
    std::fs::write(&path, super::super::example::text()).unwrap();
    let settings = settings_with_prior(&[M, "iters=77", "seed=7", "x=x_um"], ":cell");
    let with_file = |text: &str| {
        std::fs::write(&path, text).unwrap();
        let tile = Some(tile_of(&settings));
        let (file, stage) = (Some(path.clone()), Some("r".into()));
        resolve(&Request { molecules: "t/tile_0001".into(), file, stage, tile, ..request(&[]) }, &alone)
    };
    let again = with_file(&super::super::example::text()).unwrap();
    assert_eq!(result_relevant(&again), result_relevant(&settings));
    assert!(with_file("[prior]\npath = 'nuclei.tif'\ntype = 'image'").is_ok());
    let error = with_file("[segmentation]\niters = 78").unwrap_err().to_string();
    assert!(error.contains("segmentation.iters in") && error.contains("iters = 77"), "{error}");
}

#[test]
fn a_tile_makes_a_stage_and_nothing_else() {
    let tile = || Some(tile_of(&settings_of(&[M, SCALE])));
    let error = |change: Request| resolve(&change, &alone).unwrap_err().to_string();
    let plain = |given: &[&str]| Request { tile: tile(), stage: Some("r".into()), ..request(given) };
    let text = error(Request { stage: None, ..plain(&[]) });
    assert!(text.contains("is a tile") && text.contains("--stage DIR") && text.contains("baysor merge"), "{text}");
    for request in [
        Request { output: Some("x.csv".into()), ..plain(&[]) },
        plain(&["format=h5ad"]),
        plain(&["polygon_format=none"]),
        plain(&["plot=true"]),
    ] {
        let text = error(request);
        assert!(text.contains("tiles have no final files") && text.contains("baysor export"), "{text}");
    }
    let text = error(Request { prior: Some(":cell".to_owned()), ..plain(&[]) });
    assert!(text.contains("PRIOR is ':cell'") && text.contains("baysor split"), "{text}");
    assert!(error(Request { save_prior: Some("p".into()), ..plain(&[]) }).contains("--save-prior"));
    assert!(error(plain(&["max_memory=8GB"])).contains("is a tile already"));
    assert!(resolve(&plain(&["checkpoint_every=5", "resume=true", "quiet=true", "plot=false"]), &alone).is_ok());
}
