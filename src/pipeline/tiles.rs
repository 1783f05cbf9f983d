//! Tiles on disk: what a tile settles for a run, and where those lie that are to be merged.

use std::path::{Path, PathBuf};

use anyhow::Context as _;

use super::manifest::value_of;
use super::{prior, split};
use crate::config::file::{Given, Origin};
use crate::config::options::{OPTIONS, OptionDef};
use crate::config::values::Value;
use crate::config::{PriorSource, PriorStage, TileStage, VERSION, tile};
use crate::io::stage::{Manifest, StageKind, StageReader};

/// What a stage settles for a run that reads it in place of a molecule table.
#[derive(Clone, Debug, PartialEq)]
pub enum Settled {
    /// It is one of the command `prior`.
    Prior(PriorStage),
    /// It is a tile.
    Tile(TileStage),
}

/// What a path settles for a run; `None` if it is no stage at all.
///
/// Reads the manifest only. Errors: those of a stage that is not finished, damaged, newer, or of another kind, and a tile
/// of another version of the program.
pub fn settled_by(path: &Path) -> anyhow::Result<Option<Settled>> {
    if !StageReader::is_meant(path) {
        refuse_all_tiles(path)?;
        return Ok(None);
    }
    let stage = StageReader::peek(path, &[StageKind::Prior, StageKind::Tile])?;
    let place = path.display().to_string();
    Ok(Some(match stage.manifest() {
        manifest if manifest.stage == StageKind::Tile => Settled::Tile(settled_tile(manifest, place)?),
        manifest => Settled::Prior(prior::stage::settled(manifest, place)),
    }))
}

/// Refuses a folder of tiles, which is easily taken for one of them.
fn refuse_all_tiles(path: &Path) -> anyhow::Result<()> {
    let place = path.display();
    anyhow::ensure!(
        !path.join(split::LIST).is_file(),
        "{place}: is a folder of tiles. Name one of them, and run them one by one: baysor run {} --stage RUNS/tile_0001",
        path.join("tile_0001").display()
    );
    Ok(())
}

/// What the tile with this manifest settles. `place` is its path, for messages.
fn settled_tile(manifest: &Manifest, place: String) -> anyhow::Result<TileStage> {
    let tile =
        manifest.tile.as_ref().with_context(|| format!("{place}: the manifest does not say which tile it is"))?;
    let program = &manifest.program_version;
    anyhow::ensure!(
        program == VERSION,
        "{place}: the tile was made by baysor {program}, and this is baysor {VERSION}, which may give other results. Use \
         baysor {program} for all tiles of the slide, or split the slide again with this one"
    );
    let held = |def: &'static OptionDef| {
        let value = value_of(manifest, def)
            .with_context(|| format!("{place}: the manifest has no {}; split the slide again", def.path()))?;
        Ok(Given { def, value, origin: Origin::Tile(place.clone()) })
    };
    let values: Vec<Given> =
        OPTIONS.iter().filter(|def| tile::is_inherited(def)).map(held).collect::<anyhow::Result<_>>()?;
    let column = values.iter().find_map(|given| match (given.def.name, &given.value) {
        ("column_name", Value::Text(name)) if !name.is_empty() => Some(name.clone()),
        _ => None,
    });
    let source = match (column, manifest.input("prior")) {
        (Some(name), _) => Some(PriorSource::Column { name }),
        (None, Some(_)) => Some(PriorSource::File { path: manifest.path_of("prior").unwrap_or_default().into() }),
        (None, None) => None,
    };
    let (run_id, is_colored) = (tile.run_id.clone(), tile.texts.is_colored);
    Ok(TileStage { place, values, source, run_id, is_colored })
}

/// The stages that paths mean: themselves, or, of a folder that is none, all stages in it, finished or not, sorted by
/// name.
///
/// Errors: a path that does not exist or is a file, a folder without stages, and a stage that is meant twice.
pub fn stages_in(paths: &[PathBuf]) -> anyhow::Result<Vec<PathBuf>> {
    let mut stages: Vec<PathBuf> = Vec::new();
    for path in paths {
        if StageReader::is_meant(path) {
            stages.push(path.clone());
            continue;
        }
        let place = path.display();
        let entries = std::fs::read_dir(path).with_context(|| {
            format!(
                "{place}: cannot be read. Name stages that baysor run TILE --stage has made, or the folder with them"
            )
        })?;
        let mut found = Vec::new();
        for entry in entries {
            let inner = entry.with_context(|| format!("{place}: cannot be read"))?.path();
            found.extend(Some(inner).filter(|inner| inner.is_dir() && StageReader::is_meant(inner)));
        }
        anyhow::ensure!(
            !found.is_empty(),
            "{place}: is no stage and holds none. Name stages that baysor run TILE --stage has made, or the folder with \
             them"
        );
        found.sort();
        stages.extend(found);
    }
    let mut places: Vec<(PathBuf, &PathBuf)> = Vec::new();
    for stage in &stages {
        let place = stage.canonicalize().unwrap_or_else(|_| stage.clone());
        if let Some((_, other)) = places.iter().find(|(known, _)| *known == place) {
            anyhow::bail!("{}: is given twice, also as '{}'; leave out one", stage.display(), other.display());
        }
        places.push((place, stage));
    }
    Ok(stages)
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::config::resolve::tests::request;
    use crate::config::resolve::{Request, resolve};
    use crate::config::run_id::result_relevant;
    use crate::config::{RunSettings, dump};
    use crate::graph::EdgeLengths;
    use crate::io::molecules::{Fingerprint, ReadRequest, read};
    use crate::io::stage::{InputFingerprint, MoleculeResults, OutlineBasis, SlideFit, StageWriter, TileManifest};
    use crate::pipeline::manifest;
    use crate::spatial::frame::Frame;
    use crate::spatial::tiling::Rect;

    fn resolved(request: Request) -> RunSettings {
        resolve(&request, &|_| Some("1".to_owned())).unwrap()
    }

    /// Writes a tile of two molecules, of a slide with these settings.
    pub(crate) fn write_tile(dir: &Path, settings: &RunSettings) -> Manifest {
        let csv = tempfile::NamedTempFile::with_suffix(".csv").unwrap();
        std::fs::write(csv.path(), "x,y,gene\n1,2,A\n2,3,A\n").unwrap();
        let table = read(&ReadRequest { path: csv.path().to_owned(), ..ReadRequest::default() }).unwrap();
        let mut writer = StageWriter::create(dir, StageKind::Tile).unwrap();
        writer.molecules(&table, &MoleculeResults::default()).unwrap();
        writer.genes(&table.genes, &manifest::molecules_of_genes(&table)).unwrap();
        let fit = SlideFit {
            frame: Frame { low: [0.0; 3], high: [1.0; 3] },
            edges: EdgeLengths { log_limit: None, full_weight: 1.0 },
            noise: None,
            scale: 10.0,
            scale_std: 2.5,
            scale_origin: "given".to_owned(),
            clustering: None,
            log_noise_density: Vec::new(),
            owners: None,
            markers: None,
            is_colored: settings.colors.is_some(),
            colors: None,
        };
        writer.slide_fit(&fit).unwrap();
        let mut manifest = manifest::begin(StageKind::Tile, &settings.program, &dump::values(settings));
        let content = Fingerprint { size: 1, hash: 2 };
        manifest.inputs.push(InputFingerprint::new("molecules", content));
        manifest.timing.paths.push("molecules.csv".to_owned());
        if let Some(PriorSource::File { path }) = &settings.prior.source {
            manifest.inputs.push(InputFingerprint::new("prior", content));
            manifest.timing.paths.push(path.display().to_string());
        }
        manifest.tile = Some(TileManifest {
            slide: "0123456789abcdef".to_owned(),
            index: 1,
            n_tiles: 1,
            core: Rect::PLANE,
            margin: 80.0,
            n_core: 0,
            n_slide: 0,
            expected_memory_mib: 20,
            run_id: "Rabc".to_owned(),
            outlines: OutlineBasis { spacing: 1.0, layers: None },
            texts: Default::default(),
        });
        writer.finish(manifest).unwrap()
    }

    #[test]
    fn a_run_on_a_tile_has_the_settings_of_the_split() {
        let cases: [(&[&str], Option<&str>); 4] = [
            (
                &["min_molecules_per_cell=30", "scale=6.5", "skip_ncv_color=true", "seed=7", "exclude_genes=a,b{2}"],
                None,
            ),
            (&["scale_std=25%", "x_max=100", "min_qv=20", "preset=merscope"], Some(":cell")),
            (&["min_molecules_per_cell=30", "pixel_size=0.2", "iters=3", "tile_margin=5"], Some("Cargo.toml")),
            (&["min_molecules_per_cell=3", "scale=0.1", "nuclei_genes=A", "cyto_genes=B", "n_clusters=1"], None),
        ];
        for (given, prior) in cases {
            let folder = tempfile::tempdir().unwrap();
            let settings = resolved(Request { prior: prior.map(str::to_owned), ..request(given) });
            write_tile(folder.path(), &settings);
            let Some(Settled::Tile(tile)) = settled_by(folder.path()).unwrap() else { panic!("no tile") };
            let on_tile = Request {
                molecules: folder.path().to_owned(),
                stage: Some("r".into()),
                tile: Some(tile),
                ..Request::default()
            };
            let again = resolved(on_tile);
            assert_eq!(result_relevant(&again), result_relevant(&settings));
            assert_eq!(
                (again.is_tile, again.input.is_stage, again.margin_scales),
                (true, true, settings.margin_scales)
            );
        }
    }

    #[test]
    fn a_tile_of_another_version_or_without_a_key_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let manifest = write_tile(folder.path(), &resolved(request(&["min_molecules_per_cell=30", "scale=6.5"])));
        let file = folder.path().join("manifest.json");
        let error = |manifest: &Manifest| {
            std::fs::write(&file, manifest.to_json()).unwrap();
            settled_by(folder.path()).unwrap_err().to_string()
        };
        let text = error(&Manifest { program_version: "1.2.9".to_owned(), ..manifest.clone() });
        assert!(text.contains("made by baysor 1.2.9") && text.contains("split the slide again"), "{text}");
        let mut less = manifest;
        less.parameters.remove("plotting");
        assert!(error(&less).contains("the manifest has no plotting."), "{}", error(&less));
    }

    #[test]
    fn a_folder_of_tiles_is_no_tile() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(settled_by(folder.path()).unwrap(), None);
        std::fs::write(folder.path().join(split::LIST), "{}").unwrap();
        let error = settled_by(folder.path()).unwrap_err().to_string();
        assert!(error.contains("is a folder of tiles") && error.contains("tile_0001 --stage"), "{error}");
    }

    #[test]
    fn stages_are_named_one_by_one_or_by_their_folder() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for name in ["runs/tile_0002", "runs/tile_0001", "runs/notes", "empty"] {
            std::fs::create_dir_all(at(name)).unwrap();
        }
        std::fs::write(at("runs/tile_0001/manifest.json"), "{}").unwrap();
        std::fs::write(at("runs/tile_0002/UNFINISHED"), "").unwrap();
        std::fs::write(at("runs/log.txt"), "").unwrap();
        let both = vec![at("runs/tile_0001"), at("runs/tile_0002")];
        assert_eq!(stages_in(&[at("runs")]).unwrap(), both);
        assert_eq!(
            stages_in(&[at("runs/tile_0002"), at("runs/tile_0001")]).unwrap(),
            [both[1].clone(), both[0].clone()]
        );
        let error = |paths: &[PathBuf]| stages_in(paths).unwrap_err().to_string();
        assert!(error(&[at("empty")]).contains("is no stage and holds none"));
        assert!(error(&[at("absent")]).contains("absent: cannot be read"));
        assert!(error(&[at("runs"), at("runs/tile_0001")]).contains("is given twice"));
    }
}
