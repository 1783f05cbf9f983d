//! Comparing a pair with the bundle that it will be imported into.

use std::fs::File;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};

use polars::prelude::{DataType, ParallelStrategy, ParquetReader, PolarsError, PolarsResult, SerReader, Series};

use super::ids::whole_numbers;
use super::{ID_COLUMN, Pair, RangerError, Requirement, TranscriptIds};

/// Largest distance along an axis between the coordinates of a transcript here and in the bundle, in microns. Both
/// are rounded, to single precision or to some decimals.
const MAX_SHIFT: f64 = 0.01;
/// Rows of a row group that are compared at a time, at most.
const ROWS: usize = 1 << 20;
/// The columns that are compared.
const COLUMNS: [&str; 3] = [ID_COLUMN, "x_location", "y_location"];

/// Compares ids and coordinates with `transcripts.parquet` of a bundle. Returns what the user should know.
///
/// Reads three columns, at most [`ROWS`] rows at a time. Errors: it is no bundle, an id is not in it, or a transcript
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
    let open = || File::open(path).map_err(|error| broken(error.to_string()));
    let mut reader = ParquetReader::new(open()?);
    let (names, n_rows) = guarded(|| {
        let names: Vec<String> = reader.schema()?.iter_names().map(|name| name.to_string()).collect();
        Ok((names, reader.get_metadata()?.num_rows))
    })
    .map_err(|error| broken(error.to_string()))?;
    let place = |wanted: &str| {
        let at = names.iter().position(|name| name == wanted);
        at.ok_or_else(|| broken(format!("it has no column '{wanted}', but {}", names.join(", "))))
    };
    let places = [place(COLUMNS[0])?, place(COLUMNS[1])?, place(COLUMNS[2])?];
    for begin in (0..n_rows).step_by(ROWS) {
        let n = ROWS.min(n_rows - begin);
        let column = |at: usize| {
            let file = open()?;
            let decoded = guarded(|| {
                ParquetReader::new(file)
                    .read_parallel(ParallelStrategy::None)
                    .with_projection(Some(vec![places[at]]))
                    .with_slice(Some((begin, n)))
                    .finish()
            });
            let column = decoded.map_err(|error| broken(error.to_string()))?.into_columns().pop();
            let column = column.filter(|column| column.len() == n);
            column.map(|column| column.take_materialized_series()).ok_or_else(|| broken("rows are missing".to_owned()))
        };
        take([&column(0)?, &column(1)?, &column(2)?])?;
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

/// Runs a decoder, which may panic on damaged files.
fn guarded<T>(decode: impl FnOnce() -> PolarsResult<T>) -> PolarsResult<T> {
    catch_unwind(AssertUnwindSafe(decode))
        .unwrap_or_else(|_| Err(PolarsError::ComputeError("the Parquet decoder failed".into())))
}
