//! The tiles that are merged: opened, checked against one another, in their order on the slide.

use std::path::PathBuf;

use anyhow::Context as _;

use super::super::manifest::value_of;
use crate::config::options::OPTIONS;
use crate::config::{VERSION, tile};
use crate::io::stage::schema::{CELLS, MOLECULES};
use crate::io::stage::{Manifest, StageKind, StageReader, TileManifest};
use crate::spatial::tiling::Rect;

/// Numbers that a message names at most.
const MAX_NAMED: usize = 10;

/// All tiles of a slide, by their numbers.
pub struct Tiles(Vec<Tile>);

/// A finished tile.
pub struct Tile {
    /// Its result.
    pub stage: StageReader,
    /// Where it is.
    pub place: TileManifest,
}

impl Tile {
    /// Core and margin.
    pub fn reach(&self) -> Rect {
        self.place.core.widened(self.place.margin)
    }

    /// Number of rows of the table of cells.
    pub fn n_cells(&self) -> usize {
        self.stage.manifest().table(CELLS.name).map_or(0, |entry| entry.n_rows as usize)
    }

    /// Number of its molecules, margin included.
    pub fn n_molecules(&self) -> usize {
        self.stage.manifest().table(MOLECULES.name).map_or(0, |entry| entry.n_rows as usize)
    }

    fn dir(&self) -> std::path::Display<'_> {
        self.stage.dir().display()
    }
}

impl Tiles {
    /// Opens the results of tiles, in any order.
    ///
    /// Manifests are compared before tables are read to check their content. Errors name the folder or the number of the
    /// tile, and what to do.
    pub fn open(folders: &[PathBuf]) -> anyhow::Result<Self> {
        let peek = |folder: &PathBuf| {
            let stage = StageReader::peek(folder, &StageKind::ALL)?;
            let place = place_of(stage.manifest(), &folder.display().to_string())?;
            Ok(Tile { stage, place })
        };
        let mut tiles = folders.iter().map(peek).collect::<anyhow::Result<Vec<Tile>>>()?;
        // By folder, so that messages do not depend on the order of the arguments.
        tiles.sort_by(|a, b| (a.place.index, a.stage.dir()).cmp(&(b.place.index, b.stage.dir())));
        let first = tiles.first().context("there are no tiles to merge; name the stages that baysor run TILE made")?;
        tiles[1..].iter().try_for_each(|tile| check_same(first, tile))?;
        check_numbers(&tiles)?;
        for tile in &mut tiles {
            tile.stage = StageReader::open(tile.stage.dir(), &[StageKind::Run])?;
        }
        Ok(Self(tiles))
    }

    /// The first tile; there is one.
    pub fn first(&self) -> &Tile {
        &self.0[0]
    }

    /// Number of tiles, at least 1.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Molecules of the slide.
    pub fn n_molecules(&self) -> u64 {
        self.first().place.n_slide
    }

    /// The tiles by their numbers.
    pub fn iter(&self) -> std::slice::Iter<'_, Tile> {
        self.0.iter()
    }

    /// Their results.
    pub fn stages(&self) -> Vec<&StageReader> {
        self.0.iter().map(|tile| &tile.stage).collect()
    }
}

/// Which tile the stage with this manifest is the result of.
fn place_of(manifest: &Manifest, dir: &str) -> anyhow::Result<TileManifest> {
    match (manifest.stage, &manifest.tile) {
        (StageKind::Run, Some(tile)) => {
            anyhow::ensure!(
                manifest.program_version == VERSION,
                "{dir}: it was made by baysor {}, and this is baysor {VERSION}; merge with the version that made the tiles",
                manifest.program_version
            );
            anyhow::ensure!(manifest.table(MOLECULES.name).is_some(), "{dir}: it has no molecules");
            Ok(tile.clone())
        }
        (StageKind::Run, None) => anyhow::bail!(
            "{dir}: is the result of a whole slide, not of a tile. Only what baysor run TILE --stage has made can be merged"
        ),
        (StageKind::Tile, _) => anyhow::bail!(
            "{dir}: is a tile that was not run yet. First baysor run {dir} --stage RUN for every tile, then merge the RUNs"
        ),
        (kind, _) => anyhow::bail!(
            "{dir}: is a stage of the kind '{kind}'. Only what baysor run TILE --stage has made can be merged"
        ),
    }
}

/// Sees to it that two tiles are of the same slide and were run alike.
fn check_same(first: &Tile, tile: &Tile) -> anyhow::Result<()> {
    anyhow::ensure!(
        (&tile.place.slide, tile.place.n_tiles) == (&first.place.slide, first.place.n_tiles),
        "{}: is a tile of another split (id {}) than {} (id {}): other input, settings or borders. Merge the tiles of one \
         split at a time",
        tile.dir(),
        tile.place.slide,
        first.dir(),
        first.place.slide
    );
    let (manifest, other) = (tile.stage.manifest(), first.stage.manifest());
    for def in OPTIONS.iter().filter(|def| tile::is_fixed(def)) {
        let (here, there) = (value_of(manifest, def), value_of(other, def));
        if here != there {
            let show = |value: Option<crate::config::values::Value>| value.map_or("nothing".to_owned(), |v| v.show());
            anyhow::bail!(
                "{}: was run with {} = {}, and {} with {}. Run all tiles with the same settings",
                tile.dir(),
                def.path(),
                show(here),
                first.dir(),
                show(there)
            );
        }
    }
    anyhow::ensure!(
        tile.place.margin == first.place.margin && tile.place.n_slide == first.place.n_slide,
        "{}: its manifest contradicts that of {}; split the slide again",
        tile.dir(),
        first.dir()
    );
    Ok(())
}

/// Sees to it that every number is there once. `tiles` are sorted by number, and not none.
fn check_numbers(tiles: &[Tile]) -> anyhow::Result<()> {
    if let Some(twice) = tiles.windows(2).find(|pair| pair[0].place.index == pair[1].place.index) {
        anyhow::bail!(
            "tile {} is there twice: {} and {}. Leave out one",
            twice[0].place.index,
            twice[0].dir(),
            twice[1].dir()
        );
    }
    let n_tiles = tiles[0].place.n_tiles;
    let is_there = |number: &u32| tiles.binary_search_by_key(number, |tile| tile.place.index).is_ok();
    let missing: Vec<u32> = (1..=n_tiles).filter(|number| !is_there(number)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut named: Vec<String> = missing.iter().take(MAX_NAMED).map(u32::to_string).collect();
    named.extend((missing.len() > MAX_NAMED).then(|| format!("{} more", missing.len() - MAX_NAMED)));
    let (word, verb) = if missing.len() == 1 { ("tile", "is") } else { ("tiles", "are") };
    anyhow::bail!(
        "{word} {} of {n_tiles} {verb} missing. Run baysor run TILE --stage DIR for what is missing, and merge all of them",
        named.join(", ")
    )
}
