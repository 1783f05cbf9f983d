//! Comparing a pair with the bundle that it will be imported into.

use std::path::{Path, PathBuf};

use polars::prelude::{DataType, PolarsError, Series};

use super::ids::whole_numbers;
use super::{ID_COLUMN, Pair, RangerError, Requirement, TranscriptIds};
use crate::io::parquet::{ParquetFault, ParquetFile};

/// Largest distance along an axis between the coordinates of a transcript here and in the bundle, in microns. Both
/// are rounded, to single precision or to some decimals.
const MAX_SHIFT: f64 = 0.01;
/// The columns that are compared.
const COLUMNS: [&str; 3] = [ID_COLUMN, "x_location", "y_location"];

/// Compares ids and coordinates with `transcripts.parquet` of a bundle. Returns what the user should know.
///
/// Reads three columns, at most 2^20 rows at a time. Errors: it is no bundle, an id is not in it, or a transcript
/// is elsewhere in it.
pub fn check_bundle(pair: &Pair<'_>, ids: &TranscriptIds, bundle: &Path) -> Result<String, RangerError> {
    let path = transcripts(bundle)?;
    let mut found = vec![false; ids.len()];
    let mut n_transcripts = 0u64;
    for_each_block(&path, |block| {
        let [in_bundle, x, y] = block;
        let in_bundle = whole_numbers(in_bundle).map_err(|error| RangerError {
            requirement: Requirement::Bundle,
            seen: format!("{}: {}", path.display(), error.seen),
            ..error
        })?;
        let (x, y) = (coordinates(x, &path)?, coordinates(y, &path)?);
        n_transcripts += in_bundle.len() as u64;
        for (at, &id) in in_bundle.iter().enumerate() {
            let Some(row) = ids.find(id) else { continue };
            found[row] = true;
            let here = pair.table.molecules.positions.at(row);
            let shift = (here[0] - x[at]).abs().max((here[1] - y[at]).abs());
            // What is not a number is not near.
            if !matches!(shift.partial_cmp(&MAX_SHIFT), Some(std::cmp::Ordering::Less | std::cmp::Ordering::Equal)) {
                return Err(RangerError::new(
                    Requirement::Coordinates,
                    format!(
                        "transcript {id} is at ({}, {}), and in {} at ({}, {})",
                        here[0],
                        here[1],
                        path.display(),
                        x[at],
                        y[at]
                    ),
                    "segment in the coordinates of the bundle, in microns, and give its own folder as --xenium-bundle",
                ));
            }
        }
        Ok(())
    })?;
    let n_missing = found.iter().filter(|found| !**found).count();
    if let Some(row) = found.iter().position(|found| !found) {
        return Err(RangerError::new(
            Requirement::TranscriptIds,
            format!("{n_missing} of {} ids are not in {}, first {}", ids.len(), path.display(), ids.of(row)),
            "give the bundle that the molecules come from as --xenium-bundle; do not renumber transcripts",
        ));
    }
    Ok(format!("All {} transcripts are in the bundle at the same places; it has {n_transcripts}", ids.len()))
}

/// The table of transcripts of a bundle.
fn transcripts(bundle: &Path) -> Result<PathBuf, RangerError> {
    let lacks = |what: &str, remedy: &str| {
        RangerError::new(Requirement::Bundle, format!("'{}' has no {what}", bundle.display()), remedy)
    };
    if !bundle.join("experiment.xenium").is_file() {
        return Err(lacks("file experiment.xenium", "give the output folder of the instrument as --xenium-bundle"));
    }
    let path = bundle.join("transcripts.parquet");
    if path.is_file() {
        return Ok(path);
    }
    Err(lacks(
        "file transcripts.parquet, so that ids cannot be compared",
        "leave out --xenium-bundle to export without it",
    ))
}

/// Hands on the columns of a table, block by block.
fn for_each_block(
    path: &Path,
    mut take: impl FnMut([&Series; 3]) -> Result<(), RangerError>,
) -> Result<(), RangerError> {
    let broken = |detail: String| unreadable(path, detail);
    let fault = |fault| match fault {
        ParquetFault::Unreadable(error) => broken(error.to_string()),
        ParquetFault::Damaged(detail) => broken(detail),
    };
    let file = ParquetFile::open(path).map_err(fault)?;
    let names = &file.header;
    let place = |wanted: &str| {
        let at = names.iter().position(|name| name == wanted);
        at.ok_or_else(|| broken(format!("it has no column '{wanted}', but {}", names.join(", "))))
    };
    let places = [place(COLUMNS[0])?, place(COLUMNS[1])?, place(COLUMNS[2])?];
    let mut begin = 0;
    for n_rows in file.pieces() {
        let column = |at: usize| file.column(places[at], begin, n_rows).map_err(fault);
        take([&column(0)?, &column(1)?, &column(2)?])?;
        begin += n_rows;
    }
    Ok(())
}

fn coordinates(series: &Series, path: &Path) -> Result<Vec<f64>, RangerError> {
    let broken = |error: PolarsError| unreadable(path, error.to_string());
    let values = series.cast(&DataType::Float64).map_err(broken)?;
    Ok(values.f64().map_err(broken)?.iter().map(|value| value.unwrap_or(f64::NAN)).collect())
}

fn unreadable(path: &Path, detail: String) -> RangerError {
    RangerError::new(
        Requirement::Bundle,
        format!("{} cannot be read: {detail}", path.display()),
        "check the bundle, or leave out --xenium-bundle to export without it",
    )
}
