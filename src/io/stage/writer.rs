//! Writing a stage directory: complete or not at all.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::appender::{TableAppender, WrittenTable};
use super::ipc::Hashing;
use super::manifest::{FORMAT_VERSION, MANIFEST_FILE, Manifest, TableEntry, hash_text};
use super::schema::{self, TABLES, Table};
use super::slide_fit;
use super::{
    CellsAppender, ClusteringTable, CountsAppender, MoleculeAppender, MoleculeResults, NcvTable, PolygonsAppender,
    SlideFit, StageError, StageKind, TraceTable,
};
use super::{cells, clustering, compartment_genes, molecules, ncv, polygons, prior_outlines, segments, trace};
use crate::cells::{CellCounts, CellStats};
use crate::compartments::genes::GeneRank;
use crate::data::{CellNames, CellOutline, GeneTable, LayerOutlines};
use crate::io::atomic::{self, Batch, NewFile, NewPath, WriteError, disk};
use crate::io::lock;
use crate::io::molecules::{Fingerprint, MoleculeTable};
use crate::prior::{SegmentOutline, SegmentTable};

/// Marks a directory in which a stage is being written.
pub const UNFINISHED_FILE: &str = "UNFINISHED";
const UNFINISHED_TEXT: &str = "A stage is being written here. Without manifest.json it is not a result.\n";
/// How names of checkpoints begin; they may lie in an unfinished stage.
const CHECKPOINT_PREFIX: &str = "checkpoint";

/// A stage directory while it is written.
///
/// Tables are written under temporary names. [`finish`](Self::finish) brings them and the manifest to the disk, then
/// removes the manifest of an older stage, and gives the tables their names and the manifest its own last. Whoever is
/// interrupted before leaves an older stage as it was; whoever is interrupted amid it leaves a directory without a
/// manifest, which is not a result, and which the next stage may take.
/// Dropping the writer removes what it has written and has no name yet.
#[derive(Debug)]
pub struct StageWriter {
    dir: PathBuf,
    kind: StageKind,
    /// Whether the directory was made here.
    is_new: bool,
    /// Tables that are complete but for their names.
    files: Vec<NewPath>,
    entries: Vec<TableEntry>,
    /// The texts of the slide's fit, for the manifest.
    fit_texts: Option<slide_fit::FitTexts>,
    /// Whether an older stage is gone, while the new one is not there yet.
    is_replacing: bool,
    finished: bool,
}

impl StageWriter {
    /// Makes the directory `dir`, or takes one that is empty or holds a stage of the same kind, finished or not.
    ///
    /// Errors: a file, a directory with other content, a stage of another kind or of a newer format, or a place where
    /// nothing can be written. Nothing is changed then.
    pub fn create(dir: &Path, kind: StageKind) -> Result<Self, StageError> {
        let is_new = !dir.exists();
        if !is_new {
            check_replaceable(dir, kind)?;
        }
        let system = |source| WriteError::System { path: dir.to_path_buf(), source };
        fs::create_dir_all(dir).map_err(system)?;
        let (files, entries) = (Vec::new(), Vec::new());
        let dir_path = dir.to_path_buf();
        // Somebody was interrupted amid replacing a stage.
        let is_replacing = !is_new && dir.join(UNFINISHED_FILE).exists() && !dir.join(MANIFEST_FILE).exists();
        let finished = false;
        let writer = Self { dir: dir_path, kind, is_new, files, entries, fit_texts: None, is_replacing, finished };
        disk::write(&dir.join(UNFINISHED_FILE), UNFINISHED_TEXT.as_bytes()).map_err(system)?;
        for name in names_in(dir)?.iter().filter(|name| is_temporary(name)) {
            // What a killed run has left; it is in nobody's way if it stays.
            let _ = fs::remove_file(dir.join(name));
        }
        Ok(writer)
    }

    /// Whether a stage can hold the columns of a table: to be asked before hours of work.
    pub fn check(table: &MoleculeTable) -> Result<(), StageError> {
        molecules::columns(table, &MoleculeResults::default()).map(drop)
    }

    /// The directory.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Writes molecules with what is known of them.
    pub fn molecules(&mut self, table: &MoleculeTable, results: &MoleculeResults) -> Result<(), StageError> {
        let columns = molecules::columns(table, results)?;
        let n_rows = table.molecules.len();
        self.table(&schema::MOLECULES, |out| molecules::write(out, &columns, n_rows).map(|n| (n, n_rows)))
    }

    /// Begins the table of molecules, whose rows will be added in parts. `table` and `results` tell what there is of
    /// them: genes, dimensions, which results, names and types of the carried columns; their rows do not matter.
    pub fn molecules_appending(
        &self,
        table: &MoleculeTable,
        results: &MoleculeResults,
    ) -> Result<MoleculeAppender, StageError> {
        MoleculeAppender::begin(&self.dir, table, results)
    }

    /// Completes a table of molecules that was begun with [`molecules_appending`](Self::molecules_appending) of this
    /// writer. Returns the number of rows.
    pub fn finish_molecules(&mut self, appender: MoleculeAppender) -> Result<u64, StageError> {
        self.finish_table(&schema::MOLECULES, appender.into_table())
    }

    /// Completes a table that was written in parts. Returns the number of rows.
    pub(super) fn finish_table(&mut self, table: &Table, parts: TableAppender) -> Result<u64, StageError> {
        let WrittenTable { file, n_rows, n_columns, content } = parts.finish()?;
        self.enter(table, file, [n_rows, n_columns], content);
        Ok(n_rows)
    }

    /// Writes the gene table. `n_molecules`: molecules of every gene. `[n_genes]`
    pub fn genes(&mut self, genes: &GeneTable, n_molecules: &[u32]) -> Result<(), StageError> {
        self.table(&schema::GENES, |out| cells::write_genes(out, genes, n_molecules).map(|n| (n, genes.len())))
    }

    /// Writes the segments of the prior segmentation, small ones and those without molecules too. How many molecules
    /// make a segment is no part of the table; [`MIN_MOLECULES_PER_SEGMENT`](super::MIN_MOLECULES_PER_SEGMENT) belongs
    /// into the summary of the manifest.
    pub fn segments(&mut self, segments: &SegmentTable) -> Result<(), StageError> {
        let n_rows = segments.rows.len();
        self.table(&schema::SEGMENTS, |out| segments::write_segments(out, segments).map(|n| (n, n_rows)))
    }

    /// Writes outlines of the segments of the prior segmentation.
    pub fn prior_outlines(&mut self, outlines: &[SegmentOutline]) -> Result<(), StageError> {
        let write = |out: &mut Hashing<NewFile>| prior_outlines::write_prior_outlines(out, outlines);
        self.table(&schema::PRIOR_OUTLINES, |out| write(out).map(|n| (n, outlines.len())))
    }

    /// Writes cells with their statistics.
    pub fn cells(&mut self, names: &CellNames, stats: &CellStats) -> Result<(), StageError> {
        self.table(&schema::CELLS, |out| cells::write_cells(out, names, stats).map(|n| (n, stats.n_cells())))
    }

    /// Writes the counts of genes in cells.
    pub fn counts(&mut self, genes: &GeneTable, counts: &CellCounts) -> Result<(), StageError> {
        self.table(&schema::COUNTS, |out| cells::write_counts(out, genes, counts).map(|n| (n, counts.n.len())))
    }

    /// Writes the boundaries of cells over all z and, for 3D data, by layer.
    pub fn polygons(&mut self, flat: &[CellOutline], layers: Option<&[LayerOutlines]>) -> Result<(), StageError> {
        if let Some(layers) = layers {
            self.layers(layers, &layers.iter().map(|layer| layer.outlines.len() as u32).collect::<Vec<_>>())?;
        }
        self.table(&schema::POLYGONS, |out| polygons::write_polygons(out, flat, layers.unwrap_or_default()))
    }

    fn layers(&mut self, layers: &[LayerOutlines], n_cells: &[u32]) -> Result<(), StageError> {
        self.table(&schema::LAYERS, |out| polygons::write_layers(out, layers, n_cells).map(|n| (n, layers.len())))
    }

    /// Begins the table of cells, which will be added in parts. Of `stats` only matters which statistics there are.
    pub fn cells_appending(&self, names: &CellNames, stats: &CellStats) -> Result<CellsAppender, StageError> {
        CellsAppender::begin(&self.dir, names, stats)
    }

    /// Completes a table of cells. Returns the number of rows.
    pub fn finish_cells(&mut self, appender: CellsAppender) -> Result<u64, StageError> {
        self.finish_table(&schema::CELLS, appender.0.table)
    }

    /// Begins the table of counts, to which cells will be added in parts.
    pub fn counts_appending(&self, genes: &GeneTable) -> Result<CountsAppender, StageError> {
        CountsAppender::begin(&self.dir, genes)
    }

    /// Completes a table of counts. Returns the number of rows.
    pub fn finish_counts(&mut self, appender: CountsAppender) -> Result<u64, StageError> {
        self.finish_table(&schema::COUNTS, appender.rows.table)
    }

    /// Begins the table of boundaries, to which those of cells will be added in parts; for 3D data with the layers,
    /// whose outlines do not matter.
    pub fn polygons_appending(&self, layers: Option<Vec<LayerOutlines>>) -> Result<PolygonsAppender, StageError> {
        PolygonsAppender::begin(&self.dir, layers)
    }

    /// Completes the tables of boundaries and layers. Returns the number of boundaries.
    pub fn finish_polygons(&mut self, appender: PolygonsAppender) -> Result<u64, StageError> {
        let (table, layers) = appender.into_table()?;
        if let Some((layers, n_cells)) = layers {
            self.layers(&layers, &n_cells)?;
        }
        self.finish_table(&schema::POLYGONS, table)
    }

    /// Writes the numbers of every iteration.
    pub fn trace(&mut self, trace: &TraceTable) -> Result<(), StageError> {
        self.table(&schema::TRACE, |out| trace::write_trace(out, trace).map(|n| (n, trace.entries.len())))
    }

    /// Writes the iterations of the molecule clustering and the compartments.
    pub fn clustering(&mut self, table: &ClusteringTable) -> Result<(), StageError> {
        self.table(&schema::CLUSTERING, |out| clustering::write_clustering(out, table).map(|n| (n, table.len())))
    }

    /// Writes genes ranked by their preference for a compartment.
    pub fn compartment_genes(&mut self, ranking: &[GeneRank], genes: &GeneTable) -> Result<(), StageError> {
        let write = |out: &mut Hashing<NewFile>| compartment_genes::write_ranking(out, ranking, genes);
        self.table(&schema::COMPARTMENT_GENES, |out| write(out).map(|n| (n, ranking.len())))
    }

    /// Writes colors and confidences of molecules.
    pub fn ncv(&mut self, table: &NcvTable) -> Result<(), StageError> {
        self.table(&schema::NCV, |out| ncv::write_ncv(out, table).map(|n| (n, table.ids.len())))
    }

    /// Writes what was fitted to the slide that a tile is a part of. [`finish`](Self::finish) enters its texts into the
    /// object `tile` of the manifest, which must be there.
    pub fn slide_fit(&mut self, fit: &SlideFit) -> Result<(), StageError> {
        self.table(&schema::SLIDE_FIT, |out| slide_fit::write_slide_fit(out, fit))?;
        self.fit_texts = Some(fit.texts());
        Ok(())
    }

    /// Writes one table; `fill` returns the numbers of columns and rows.
    fn table(
        &mut self,
        table: &Table,
        fill: impl FnOnce(&mut Hashing<NewFile>) -> io::Result<(u32, usize)>,
    ) -> Result<(), StageError> {
        let mut file = Hashing::new(NewFile::create(&self.dir.join(table.file))?);
        let (n_columns, n_rows) = match fill(&mut file) {
            Ok(numbers) => numbers,
            Err(source) => return Err(file.into_inner().error(source).into()),
        };
        let content = file.fingerprint();
        self.enter(table, file.into_inner().close()?, [n_rows as u64, n_columns.into()], content);
        Ok(())
    }

    /// Notes a table that is complete. `shape`: numbers of rows and columns.
    fn enter(&mut self, table: &Table, file: NewPath, shape: [u64; 2], content: Fingerprint) {
        self.entries.push(TableEntry {
            name: table.name.to_owned(),
            file: table.file.to_owned(),
            n_rows: shape[0],
            n_columns: shape[1] as u32,
            bytes: content.size,
            xxh64: hash_text(content.hash),
        });
        self.files.push(file);
    }

    /// Gives all tables their names and writes the manifest. Returns it with the tables entered.
    ///
    /// Tables of an older stage that this one does not have are removed. The fields of `manifest` that say what the
    /// stage holds are overwritten.
    pub fn finish(mut self, manifest: Manifest) -> Result<Manifest, StageError> {
        let order = |entry: &TableEntry| TABLES.iter().position(|table| table.name == entry.name);
        self.entries.sort_by_key(order);
        let tables = std::mem::take(&mut self.entries);
        let mut manifest = Manifest { stage: self.kind, tables, ..manifest };
        if let (Some(tile), Some(texts)) = (&mut manifest.tile, self.fit_texts.take()) {
            tile.texts = texts;
        }
        manifest.check(&self.dir)?;
        manifest.format_version = FORMAT_VERSION;
        // What a full disk refuses comes first: until it is done, an older stage is as it was.
        for file in &mut self.files {
            file.sync()?;
        }
        let ((), written) = atomic::hold(|| manifest.write(&self.dir))?;
        remove(&self.dir.join(MANIFEST_FILE))?;
        self.is_replacing = true;
        self.files.drain(..).collect::<Batch>().commit()?;
        for table in TABLES.iter().filter(|table| manifest.table(table.name).is_none()) {
            remove(&self.dir.join(table.file))?;
        }
        written.commit()?;
        self.finished = true;
        remove(&self.dir.join(UNFINISHED_FILE))?;
        Ok(manifest)
    }
}

impl Drop for StageWriter {
    fn drop(&mut self) {
        if self.finished {
            return;
        }
        // Nothing can be done, and nobody told, if cleaning fails.
        self.files.clear();
        let names = names_in(&self.dir).unwrap_or_default();
        // The mark tells the next one that what lies here is not of a user.
        if !self.is_replacing && !names.iter().any(|name| name.starts_with(CHECKPOINT_PREFIX)) {
            let _ = fs::remove_file(self.dir.join(UNFINISHED_FILE));
            if self.is_new {
                let _ = fs::remove_dir(&self.dir);
            }
        }
    }
}

/// Whether a file of this name in a stage directory is one that the program makes there, finished or not.
pub fn is_file_of_stage(name: &str) -> bool {
    let is_checkpoint = name == "checkpoint.bin";
    let is_mark = name == MANIFEST_FILE || name == UNFINISHED_FILE;
    is_checkpoint || is_mark || is_temporary(name) || TABLES.iter().any(|table| table.file == name)
}

/// All files that a stage in this directory may have, whatever its kind.
pub fn files_of_stage(dir: &Path) -> Vec<PathBuf> {
    let marks = [MANIFEST_FILE, UNFINISHED_FILE, "checkpoint.bin"];
    TABLES.iter().map(|table| table.file).chain(marks).map(|name| dir.join(name)).collect()
}

/// Removes a stage: the files that the program made, and the directory if nothing is left in it.
///
/// The manifest goes first, so that nobody takes what an interruption leaves for a result. Returns whether the directory
/// is gone. Errors: a file that cannot be removed.
pub fn remove_stage(dir: &Path) -> Result<bool, StageError> {
    remove(&dir.join(MANIFEST_FILE))?;
    let names = names_in(dir)?;
    for name in names.iter().filter(|name| is_file_of_stage(name)) {
        remove(&dir.join(name))?;
    }
    let is_empty = names_in(dir)?.is_empty();
    if is_empty {
        fs::remove_dir(dir).map_err(|source| WriteError::System { path: dir.to_path_buf(), source })?;
    }
    Ok(is_empty)
}

/// Removes a file, if there is one.
fn remove(path: &Path) -> Result<(), StageError> {
    match fs::remove_file(path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(WriteError::System { path: path.to_path_buf(), source }.into())
        }
        _ => Ok(()),
    }
}

/// Names of all that is in a directory but for its lock, sorted.
fn names_in(dir: &Path) -> Result<Vec<String>, StageError> {
    let unreadable = |source| StageError::Unreadable { path: dir.to_path_buf(), source };
    let mut names = Vec::new();
    for entry in fs::read_dir(dir).map_err(unreadable)? {
        names.push(entry.map_err(unreadable)?.file_name().to_string_lossy().into_owned());
    }
    names.retain(|name| name != lock::IN_FOLDER);
    names.sort_unstable();
    Ok(names)
}

/// Whether a stage of this kind may go where something is.
fn check_replaceable(dir: &Path, kind: StageKind) -> Result<(), StageError> {
    if !dir.is_dir() {
        return Err(StageError::NotADirectory { path: dir.to_path_buf() });
    }
    let names = names_in(dir)?;
    let has = |name: &str| names.iter().any(|have| have == name);
    if has(MANIFEST_FILE) {
        let (Manifest { stage: found, .. }, _) = Manifest::read(dir)?;
        return if found == kind {
            Ok(())
        } else {
            Err(StageError::OtherKind { dir: dir.to_path_buf(), found, wanted: kind })
        };
    }
    // Foreign files may lie beside a finished stage, but a directory that was never a stage is not made one.
    match names.into_iter().next() {
        Some(found) if !dir.join(UNFINISHED_FILE).is_file() => {
            Err(StageError::Occupied { dir: dir.to_path_buf(), found })
        }
        _ => Ok(()),
    }
}

/// Whether a file is a table, a manifest or a checkpoint that nobody has finished: `<name>.<process>-<n>.tmp`.
fn is_temporary(name: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let Some((name, number)) = name.strip_suffix(".tmp").and_then(|name| name.rsplit_once('.')) else { return false };
    let is_known = name == MANIFEST_FILE || name.starts_with(CHECKPOINT_PREFIX);
    let is_numbered = number.split_once('-').is_some_and(|(process, n)| digits(process) && digits(n));
    is_numbered && (is_known || TABLES.iter().any(|table| table.file == name))
}
