//! The pair of files that Xenium Ranger imports a segmentation from: a table of transcripts and the boundaries of
//! cells.
//!
//! Ranger takes minutes to hours until it refuses a pair, and its messages name neither file nor row. So everything
//! that it requires is checked before a file is written, see [`Pair::check`].

mod bundle;
mod check;
mod ids;

use std::fmt;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

pub use bundle::check_bundle;
pub use check::Advice;
pub use ids::TranscriptIds;

use crate::data::{CellIdx, CellNames, CellOutline, PolygonFormat};
use crate::io::export::geojson;
use crate::io::export::molecules::values::{Values, push_bool, push_f32, push_f64, push_text, push_unsigned};
use crate::io::molecules::{MoleculeTable, OutputColumn};

/// Column with the number of a transcript in the bundle.
pub const ID_COLUMN: &str = "transcript_id";
/// Quality below which a bundle does not count a transcript.
pub const MIN_QV: f64 = 20.0;
/// Rows that are formatted at a time.
const ROWS: usize = 1 << 16;

/// What Xenium Ranger requires of a pair, in the words of the documentation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// Transcripts have the numbers of the bundle.
    TranscriptIds,
    /// Every number stands for one transcript.
    UniqueIds,
    /// Cells are called text, dash, whole number.
    CellNames,
    /// Table and boundaries have the same cells.
    SameCells,
    /// A boundary is one closed ring that is not degenerate.
    Polygons,
    /// How boundaries say whose they are.
    PolygonFormat,
    /// Coordinates are those of the bundle, in microns.
    Coordinates,
    /// The bundle is one.
    Bundle,
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TranscriptIds => "transcript ids of the bundle",
            Self::UniqueIds => "unique transcript ids",
            Self::CellNames => "names of cells",
            Self::SameCells => "same cells in both files",
            Self::Polygons => "closed simple polygons",
            Self::PolygonFormat => "polygon format",
            Self::Coordinates => "microns in the frame of the bundle",
            Self::Bundle => "a Xenium bundle",
        })
    }
}

/// A pair that Xenium Ranger would refuse.
#[derive(Debug, thiserror::Error)]
#[error("Xenium Ranger would refuse this ({requirement}): {seen}; {remedy}")]
pub struct RangerError {
    /// What is not met.
    pub requirement: Requirement,
    /// The value that was seen, and where.
    pub seen: String,
    /// What to do.
    pub remedy: String,
}

impl RangerError {
    fn new(requirement: Requirement, seen: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { requirement, seen: seen.into(), remedy: remedy.into() }
    }
}

/// What a pair is made of.
#[derive(Clone, Copy, Debug)]
pub struct Pair<'a> {
    /// The molecules, with the column [`ID_COLUMN`].
    pub table: &'a MoleculeTable,
    /// Cell of every molecule, `None` for noise. `[n_molecules]`
    pub cell: &'a [Option<CellIdx>],
    /// The boundaries of cells; for 3D data those of all layers joined.
    pub outlines: &'a [CellOutline],
    /// Names of the cells.
    pub names: &'a CellNames,
    /// The column with the quality, if the molecules have it.
    pub qv_column: &'a str,
    /// How boundaries say whose they are: `GeometryCollectionLegacy` (a number), which Ranger 1.7 to 4 reads, or
    /// `FeatureCollection` (the name), which only Ranger 4 reads.
    pub polygon_format: PolygonFormat,
}

impl Pair<'_> {
    /// Writes the table of transcripts: `transcript_id`, `x`, `y`, maybe `z`, `gene`, maybe `qv`, `cell`, `is_noise`.
    ///
    /// `ids`: those that [`check`](Self::check) has found good. Errors: those of `out`.
    pub fn write_transcripts(&self, ids: &TranscriptIds, out: &mut impl Write) -> io::Result<()> {
        let positions = &self.table.molecules.positions;
        let axes = [Some(&positions.x), Some(&positions.y), positions.z.as_ref()];
        let qv = match carried(self.table, self.qv_column) {
            Some(series) if series.dtype().is_primitive_numeric() => {
                Some(Values::new(series).map_err(io::Error::other)?)
            }
            _ => None,
        };
        let mut text = format!("{ID_COLUMN},x,y").into_bytes();
        text.extend_from_slice(if positions.z.is_some() { b",z,gene" } else { b",gene" });
        text.extend_from_slice(if qv.is_some() { b",qv,cell,is_noise\n" } else { b",cell,is_noise\n" });
        for row in 0..self.table.molecules.len() {
            push_unsigned(&mut text, ids.of(row));
            for (values, is_short) in axes.iter().zip(self.table.carried.f32_axes) {
                let Some(values) = values else { continue };
                text.push(b',');
                if is_short { push_f32(&mut text, values[row] as f32) } else { push_f64(&mut text, values[row]) }
            }
            text.push(b',');
            push_text(&mut text, self.table.genes.name(self.table.molecules.genes[row]));
            if let Some(values) = &qv {
                text.push(b',');
                values.push(&mut text, row);
            }
            text.push(b',');
            if let Some(cell) = self.cell[row] {
                text.extend_from_slice(self.names.prefix().as_bytes());
                push_unsigned(&mut text, self.names.number(cell).into());
            }
            text.push(b',');
            push_bool(&mut text, self.cell[row].is_none());
            text.push(b'\n');
            if row % ROWS == ROWS - 1 {
                out.write_all(&text)?;
                text.clear();
            }
        }
        out.write_all(&text)
    }

    /// Writes the boundaries. Errors: those of `out`.
    pub fn write_polygons(&self, out: &mut impl Write) -> io::Result<()> {
        geojson::write_2d(out, self.outlines, self.names, self.polygon_format)
    }
}

/// A column that the input had besides those that the model sees.
fn carried<'a>(table: &'a MoleculeTable, name: &str) -> Option<&'a polars::prelude::Series> {
    table.carried.layout.iter().find_map(|&column| match column {
        OutputColumn::Carried(at) if table.carried.name(column) == name => Some(table.carried.series(at)),
        _ => None,
    })
}

/// The command that imports a pair.
pub fn command(run_id: &str, bundle: Option<&Path>, transcripts: &Path, polygons: &Path) -> String {
    let bundle = bundle.map_or_else(|| PathBuf::from("BUNDLE"), Path::to_path_buf);
    format!(
        "xeniumranger import-segmentation --id=baysor_{run_id} --xenium-bundle={} --units=microns \
         --transcript-assignment={} --viz-polygons={}",
        shell_word(&bundle),
        shell_word(transcripts),
        shell_word(polygons)
    )
}

/// A path as a shell takes it for one word.
fn shell_word(path: &Path) -> String {
    let text = path.to_string_lossy();
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-+,:@%".contains(&byte);
    if !text.is_empty() && text.bytes().all(is_plain) {
        return text.into_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests;
