//! Opening a stage directory: everything is checked before anything is used.

use std::fs::{self, File};
use std::io;
use std::ops::Range;
use std::path::{Path, PathBuf};

use polars_arrow::datatypes::ArrowSchemaRef;
use rayon::prelude::*;

use super::manifest::{MANIFEST_FILE, Manifest, TableEntry, hash_text};
use super::schema::{self, Table};
use super::writer::UNFINISHED_FILE;
use super::{
    ClusteringTable, MoleculeBatch, MoleculeCursor, MoleculeResults, NcvTable, SlideFit, StageError, StageKind,
    StagePolygons, TraceTable,
};
use super::{
    batches, cells, clustering, compartment_genes, ipc, molecules_reader, ncv, polygons, prior_outlines, segments,
    slide_fit, trace,
};
use crate::cells::{CellCounts, CellStats};
use crate::compartments::genes::GeneRank;
use crate::data::{GeneTable, LayerOutlines};
use crate::io::molecules::{Carried, Fingerprint, MoleculeTable, fingerprint};
use crate::prior::{SegmentOutline, SegmentTable};

/// A finished stage whose tables are those of its manifest.
#[derive(Clone, Debug)]
pub struct StageReader {
    dir: PathBuf,
    manifest: Manifest,
}

impl StageReader {
    /// Opens the stage in `dir`, which may also be the path of its manifest, if it is of one of the kinds `expected`.
    ///
    /// All tables are read once to compare their sizes, rows and content with the manifest, so a stage that was cut, edited or
    /// mixed with another is an error here and never a result. Errors name the directory or the table, and what to do.
    pub fn open(dir: &Path, expected: &[StageKind]) -> Result<Self, StageError> {
        let (Self { dir, manifest }, seal) = Self::look(dir, expected)?;
        let checks: Vec<Result<(), StageError>> =
            manifest.tables.par_iter().map(|entry| check_table(&dir, entry)).collect();
        checks.into_iter().collect::<Result<(), _>>()?;
        seal.map(|()| Self { dir, manifest })
    }

    /// Opens a stage as [`open`](Self::open) does, without a look at its tables: for those who need the manifest only.
    pub fn peek(dir: &Path, expected: &[StageKind]) -> Result<Self, StageError> {
        let (stage, seal) = Self::look(dir, expected)?;
        // Where the manifest was changed, a look at the tables may tell what is wrong.
        if seal.is_err() { Self::open(dir, expected) } else { Ok(stage) }
    }

    /// Reads and checks the manifest. Whether its hash fits is the second value.
    fn look(dir: &Path, expected: &[StageKind]) -> Result<(Self, Result<(), StageError>), StageError> {
        let dir = directory_of(dir);
        check_finished(&dir)?;
        let (manifest, seal) = Manifest::read(&dir)?;
        if !expected.contains(&manifest.stage) {
            let names: Vec<String> = expected.iter().map(|kind| format!("'{kind}'")).collect();
            return Err(StageError::WrongKind { dir, found: manifest.stage, expected: names.join(" or ") });
        }
        check_entries(&dir, &manifest)?;
        Ok((Self { dir, manifest }, seal))
    }

    /// Whether a path is meant as a stage: a directory with a manifest or the mark of an unfinished one, or a manifest.
    pub fn is_meant(path: &Path) -> bool {
        let dir = directory_of(path);
        dir.join(MANIFEST_FILE).is_file() || dir.join(UNFINISHED_FILE).is_file()
    }

    /// The directory that a path means, which may be that of the manifest.
    pub fn directory(path: &Path) -> PathBuf {
        directory_of(path)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The manifest.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether the stage has a table.
    pub fn has(&self, table: &Table) -> bool {
        self.manifest.table(table.name).is_some()
    }

    /// Reads molecules and what is known of them.
    ///
    /// The fingerprint of the table is that of the input which the stage was made from. Numbers of cells and segments
    /// are within the tables of cells and segments, if the stage has those.
    pub fn molecules(&self) -> Result<(MoleculeTable, MoleculeResults), StageError> {
        self.read_molecules(molecules_reader::read)
    }

    /// Reads molecules as [`molecules`](Self::molecules) does, but of the carried columns names and types only: the
    /// first of two passes, as [`scan`](crate::io::molecules::scan) is over other tables.
    pub fn molecules_without_carried(&self) -> Result<(MoleculeTable, MoleculeResults), StageError> {
        self.read_molecules(molecules_reader::read_without_carried)
    }

    /// The second pass: hands over the carried columns of all molecules in order, some rows at a time, as
    /// [`CarriedPlan::blocks`](crate::io::molecules::CarriedPlan::blocks) does.
    pub fn carried_blocks<E: From<StageError>>(
        &self,
        take: impl FnMut(Range<usize>, Carried) -> Result<(), E>,
    ) -> Result<(), E> {
        let (path, n_rows) = self.find(&schema::MOLECULES)?;
        molecules_reader::read_carried(&path, n_rows, take)
    }

    /// A place in the molecule table, from which some of its columns are read batch by batch. `columns`: names as in
    /// [`schema::MOLECULES`]; `molecule_id` is always among them, carried columns never.
    pub fn molecule_cursor(&self, columns: &[&str]) -> Result<MoleculeCursor, StageError> {
        let (path, n_rows) = self.find(&schema::MOLECULES)?;
        MoleculeCursor::open(&path, n_rows, columns)
    }

    /// Hands over some columns of the molecule table, batch by batch in order; `columns` as in
    /// [`molecule_cursor`](Self::molecule_cursor).
    pub fn molecule_batches(
        &self,
        columns: &[&str],
        take: impl FnMut(MoleculeBatch) -> Result<(), StageError>,
    ) -> Result<(), StageError> {
        let (path, n_rows) = self.find(&schema::MOLECULES)?;
        batches::read_batches(&path, n_rows, columns, take)
    }

    fn read_molecules(
        &self,
        read: impl FnOnce(&Path, u64, Fingerprint) -> Result<molecules_reader::Content, StageError>,
    ) -> Result<molecules_reader::Content, StageError> {
        let (path, n_rows) = self.find(&schema::MOLECULES)?;
        let (table, results) = read(&path, n_rows, self.manifest.input("molecules").unwrap_or_default())?;
        let last = |largest: Option<usize>| largest.map_or(0, |largest| largest as u64 + 1);
        let cells = last(results.cell.iter().flatten().flatten().map(|cell| cell.idx()).max());
        let of_prior = last(results.prior_segment.iter().flatten().flatten().map(|segment| segment.idx()).max());
        let known_cells = self.manifest.table(schema::CELLS.name).map_or(u64::MAX, |entry| entry.n_rows);
        let known_segments = match self.find(&schema::SEGMENTS) {
            Ok((path, n_rows)) => segments::largest_segment(&path, n_rows)?,
            Err(_) => u64::MAX,
        };
        for (largest, known, what) in [(cells, known_cells, "cell"), (of_prior, known_segments, "segment")] {
            if largest > known {
                return Err(ipc::damaged(&path, format!("a molecule is in the {what} {largest} of {known}")));
            }
        }
        Ok((table, results))
    }

    /// Reads the gene table and the molecules of every gene.
    pub fn genes(&self) -> Result<(GeneTable, Vec<u32>), StageError> {
        let (path, n_rows) = self.find(&schema::GENES)?;
        cells::read_genes(&path, n_rows)
    }

    /// Reads the segments of the prior segmentation.
    pub fn segments(&self) -> Result<SegmentTable, StageError> {
        let (path, n_rows) = self.find(&schema::SEGMENTS)?;
        segments::read_segments(&path, n_rows, self.manifest.min_molecules_per_segment())
    }

    /// Reads outlines of the segments, if the stage has any.
    pub fn prior_outlines(&self) -> Result<Option<Vec<SegmentOutline>>, StageError> {
        if !self.has(&schema::PRIOR_OUTLINES) {
            return Ok(None);
        }
        let (path, n_rows) = self.find(&schema::PRIOR_OUTLINES)?;
        let (_, n_segments) = self.find(&schema::SEGMENTS)?;
        prior_outlines::read_prior_outlines(&path, n_rows, n_segments).map(Some)
    }

    /// Reads the names of cells and their statistics.
    pub fn cells(&self) -> Result<(Vec<String>, CellStats), StageError> {
        let (path, n_rows) = self.find(&schema::CELLS)?;
        cells::read_cells(&path, n_rows)
    }

    /// Reads the counts of genes in cells.
    pub fn counts(&self) -> Result<CellCounts, StageError> {
        let (path, n_rows) = self.find(&schema::COUNTS)?;
        let (_, n_cells) = self.find(&schema::CELLS)?;
        let (_, n_genes) = self.find(&schema::GENES)?;
        cells::read_counts(&path, n_rows, n_cells as usize, n_genes as usize)
    }

    /// Reads the boundaries of cells.
    pub fn polygons(&self) -> Result<StagePolygons, StageError> {
        let layers = self.has(&schema::LAYERS).then(|| self.layers()).transpose()?;
        let (path, n_rows) = self.find(&schema::POLYGONS)?;
        polygons::read_polygons(&path, n_rows, layers)
    }

    fn layers(&self) -> Result<Vec<LayerOutlines>, StageError> {
        let (path, n_rows) = self.find(&schema::LAYERS)?;
        polygons::read_layers(&path, n_rows)
    }

    /// Reads the numbers of every iteration.
    pub fn trace(&self) -> Result<TraceTable, StageError> {
        let (path, n_rows) = self.find(&schema::TRACE)?;
        trace::read_trace(&path, n_rows)
    }

    /// Reads the iterations of the molecule clustering and the compartments.
    pub fn clustering(&self) -> Result<ClusteringTable, StageError> {
        let (path, n_rows) = self.find(&schema::CLUSTERING)?;
        clustering::read_clustering(&path, n_rows)
    }

    /// Reads genes ranked by their preference for a compartment.
    pub fn compartment_genes(&self) -> Result<Vec<GeneRank>, StageError> {
        let (path, n_rows) = self.find(&schema::COMPARTMENT_GENES)?;
        compartment_genes::read_ranking(&path, n_rows)
    }

    /// Reads colors and confidences of molecules.
    pub fn ncv(&self) -> Result<NcvTable, StageError> {
        let (path, n_rows) = self.find(&schema::NCV)?;
        ncv::read_ncv(&path, n_rows)
    }

    /// Reads what was fitted to the slide that a tile is a part of.
    pub fn slide_fit(&self) -> Result<SlideFit, StageError> {
        let (path, n_rows) = self.find(&schema::SLIDE_FIT)?;
        let texts = self.manifest.tile.as_ref().map(|tile| tile.texts.clone()).unwrap_or_default();
        slide_fit::read_slide_fit(&path, n_rows, &texts)
    }

    /// The Arrow schema of a table's file, with all metadata.
    pub(super) fn schema(&self, entry: &TableEntry) -> Result<ArrowSchemaRef, StageError> {
        ipc::read_schema(&self.dir.join(&entry.file))
    }

    /// Whether a table is there and has a column.
    pub fn has_column(&self, table: &Table, name: &str) -> Result<bool, StageError> {
        match self.manifest.table(table.name) {
            Some(entry) => Ok(self.schema(entry)?.contains(name)),
            None => Ok(false),
        }
    }

    /// Path and number of rows of a table.
    pub(super) fn find(&self, table: &Table) -> Result<(PathBuf, u64), StageError> {
        match self.manifest.table(table.name) {
            Some(entry) => Ok((self.dir.join(&entry.file), entry.n_rows)),
            None => Err(StageError::NoTable { dir: self.dir.clone(), table: table.name }),
        }
    }
}

/// The directory of a stage, which may be named by its manifest.
fn directory_of(path: &Path) -> PathBuf {
    match path.file_name() {
        Some(name) if name == MANIFEST_FILE && path.is_file() => match path.parent() {
            Some(parent) if parent.as_os_str().is_empty() => PathBuf::from("."),
            Some(parent) => parent.to_path_buf(),
            None => path.to_path_buf(),
        },
        _ => path.to_path_buf(),
    }
}

fn check_finished(dir: &Path) -> Result<(), StageError> {
    match fs::metadata(dir) {
        Ok(found) if !found.is_dir() => return Err(StageError::NotADirectory { path: dir.to_path_buf() }),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Err(StageError::Missing { dir: dir.to_path_buf() });
        }
        Err(source) => return Err(StageError::Unreadable { path: dir.to_path_buf(), source }),
        Ok(_) => {}
    }
    if !dir.join(MANIFEST_FILE).exists() {
        let hint = if dir.join(UNFINISHED_FILE).exists() {
            "The command that writes it is still running or was interrupted: wait for it, or run it again"
        } else {
            "Check the path, or make the stage first"
        };
        return Err(StageError::NotFinished { dir: dir.to_path_buf(), hint });
    }
    Ok(())
}

/// The manifest names known tables by their own files, each once, and all that its kind needs.
fn check_entries(dir: &Path, manifest: &Manifest) -> Result<(), StageError> {
    let damaged = |detail: String| Err(StageError::Manifest { path: dir.join(MANIFEST_FILE), detail });
    for (at, entry) in manifest.tables.iter().enumerate() {
        // A file name is never taken from the manifest unseen: it could lead out of the directory.
        if schema::find(&entry.name).is_none_or(|table| table.name != entry.name || table.file != entry.file) {
            return damaged(format!("the table '{}' in '{}' is not known", entry.name, entry.file));
        }
        if manifest.tables[..at].iter().any(|other| other.name == entry.name) {
            return damaged(format!("the table '{}' is listed twice", entry.name));
        }
    }
    match manifest.stage.required_tables().iter().find(|table| manifest.table(table.name).is_none()) {
        Some(table) => damaged(format!("the table '{}' is not listed", table.name)),
        None => Ok(()),
    }
}

fn check_table(dir: &Path, entry: &TableEntry) -> Result<(), StageError> {
    let path = dir.join(&entry.file);
    let unreadable = |path: &Path, source: io::Error| match source.kind() {
        io::ErrorKind::NotFound => StageError::TableMissing { path: path.to_path_buf() },
        _ => StageError::Unreadable { path: path.to_path_buf(), source },
    };
    let file = File::open(&path).map_err(|source| unreadable(&path, source))?;
    let size = file.metadata().map_err(|source| unreadable(&path, source))?.len();
    if size != entry.bytes {
        return Err(StageError::TableSize { path, expected: entry.bytes, found: size });
    }
    let found = fingerprint(file).map_err(|source| unreadable(&path, source))?;
    if hash_text(found.hash) != entry.xxh64 || found.size != entry.bytes {
        return Err(StageError::TableChanged { path });
    }
    ipc::check_rows(&path, entry.n_rows)
}
