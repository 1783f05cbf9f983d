//! Everything that Xenium Ranger requires of a pair and that the pair itself can tell.

use polars::prelude::DataType;
use rayon::prelude::*;

use super::{MIN_QV, Pair, RangerError, Requirement, TranscriptIds, carried};
use crate::data::{CellIdx, PolygonFormat};
use crate::polygons::{area, ring_fault};

/// Coordinates beyond are not on a Xenium slide, whose imageable area is 12 by 24 mm.
const MAX_MICRONS: f64 = 30_000.0;
/// Median radius of cells, in microns, outside of which coordinates have probably another unit.
const RADII: std::ops::RangeInclusive<f64> = 1.0..=20.0;

/// What is no reason to refuse a pair but worth knowing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Advice(pub String);

impl Pair<'_> {
    /// Checks all but the bundle. Returns the ids, and what the user should know.
    ///
    /// Errors: the first [`Requirement`] that is not met, in the order of the documentation.
    pub fn check(&self) -> Result<(TranscriptIds, Vec<Advice>), RangerError> {
        let ids = TranscriptIds::new(self.table)?;
        self.check_names()?;
        self.check_cells()?;
        self.check_rings()?;
        self.check_format()?;
        let mut advice = Vec::new();
        advice.extend(self.advise_on_units());
        advice.extend(self.advise_on_quality());
        Ok((ids, advice))
    }

    /// Text, dash, number; and no name that is read as a number.
    fn check_names(&self) -> Result<(), RangerError> {
        let prefix = self.names.prefix();
        let text = prefix.strip_suffix('-').unwrap_or_default();
        let starts_well = text.starts_with(|first: char| first.is_ascii_alphabetic());
        if starts_well && text.chars().all(|char| char.is_ascii_alphanumeric()) {
            return Ok(());
        }
        let remedy = "run with a --run-id of letters and digits";
        Err(RangerError::new(Requirement::CellNames, format!("cells are called '{prefix}1', …"), remedy))
    }

    /// The same cells in the table and among the boundaries, each with one boundary.
    fn check_cells(&self) -> Result<(), RangerError> {
        let in_table = self.cell.iter().flatten().map(|cell| cell.idx() + 1).max().unwrap_or(0);
        let in_polygons = self.outlines.iter().map(|outline| outline.cell.idx() + 1).max().unwrap_or(0);
        let n_cells = in_table.max(in_polygons);
        let mut has_molecules = vec![false; n_cells];
        self.cell.iter().flatten().for_each(|cell| has_molecules[cell.idx()] = true);
        let mut n_outlines = vec![0u32; n_cells];
        self.outlines.iter().for_each(|outline| n_outlines[outline.cell.idx()] += 1);
        if !has_molecules.contains(&true) {
            let remedy = "there is nothing to import; see why no cells were found (the scale, the minimum per cell)";
            return Err(RangerError::new(Requirement::SameCells, "the result has no cells", remedy));
        }
        let name = |cell: usize| self.names.name(CellIdx::new(cell));
        let remedy = "export from a complete stage; one without boundaries is fine, they are computed then";
        for cell in 0..n_cells {
            let seen = match (has_molecules[cell], n_outlines[cell]) {
                (true, 1) | (false, 0) => continue,
                (true, 0) => format!("cell {} has molecules and no boundary", name(cell)),
                (false, 1) => format!("cell {} has a boundary and no molecules", name(cell)),
                (_, n) => format!("cell {} has {n} boundaries", name(cell)),
            };
            return Err(RangerError::new(Requirement::SameCells, seen, remedy));
        }
        Ok(())
    }

    /// Closed, simple, finite, not degenerate.
    fn check_rings(&self) -> Result<(), RangerError> {
        let faults: Vec<_> = self.outlines.par_iter().filter_map(|o| Some((o.cell, ring_fault(&o.ring)?))).collect();
        let Some((cell, fault)) = faults.first() else { return Ok(()) };
        let seen = format!(
            "{} of {} boundaries, first that of {}: {fault}",
            faults.len(),
            self.outlines.len(),
            self.names.name(*cell)
        );
        Err(RangerError::new(Requirement::Polygons, seen, "please report this with the stage, it is a defect of ours"))
    }

    fn check_format(&self) -> Result<(), RangerError> {
        match self.polygon_format {
            PolygonFormat::GeometryCollectionLegacy | PolygonFormat::FeatureCollection => Ok(()),
            PolygonFormat::GeometryCollection => Err(RangerError::new(
                Requirement::PolygonFormat,
                "--polygon-format GeometryCollection names cells by text",
                "leave it out, or give GeometryCollectionLegacy (Ranger 1.7 to 4) or FeatureCollection (Ranger 4)",
            )),
        }
    }

    /// Coordinates that are hardly microns on a Xenium slide.
    fn advise_on_units(&self) -> Option<Advice> {
        let positions = &self.table.molecules.positions;
        let all = || positions.x.iter().chain(&positions.y).copied();
        let (least, greatest) = (all().fold(f64::INFINITY, f64::min), all().fold(f64::NEG_INFINITY, f64::max));
        let advice = |what: String| {
            Some(Advice(format!(
                "{what}. Xenium Ranger takes coordinates as microns in the frame of the bundle; check them with --xenium-bundle"
            )))
        };
        if least < 0.0 {
            return advice(format!("A coordinate is {least}, and those of a Xenium bundle begin at 0"));
        }
        if greatest > MAX_MICRONS {
            return advice(format!("A coordinate is {greatest}, and a Xenium slide ends before {MAX_MICRONS} microns"));
        }
        let mut radii: Vec<f64> =
            self.outlines.iter().map(|outline| (area(&outline.ring).abs() / std::f64::consts::PI).sqrt()).collect();
        radii.sort_unstable_by(f64::total_cmp);
        let median = *radii.get(radii.len() / 2)?;
        if RADII.contains(&median) {
            return None;
        }
        let [low, high] = [RADII.start(), RADII.end()];
        advice(format!("Half of the cells have a radius above {median:.3}, where {low} to {high} microns are usual"))
    }

    /// Transcripts that the matrix of the bundle does not count.
    fn advise_on_quality(&self) -> Option<Advice> {
        let series = carried(self.table, self.qv_column)?.cast(&DataType::Float64).ok()?;
        let low: Vec<bool> = series.f64().ok()?.iter().map(|qv| qv.is_some_and(|qv| qv < MIN_QV)).collect();
        let n_low = low.iter().filter(|&&is_low| is_low).count();
        if n_low == 0 {
            return None;
        }
        let n_cells = self.cell.iter().flatten().map(|cell| cell.idx() + 1).max().unwrap_or(0);
        let (mut has_good, mut has_any) = (vec![false; n_cells], vec![false; n_cells]);
        for (cell, is_low) in self.cell.iter().zip(&low) {
            if let Some(cell) = cell {
                has_any[cell.idx()] = true;
                has_good[cell.idx()] |= !is_low;
            }
        }
        let n_empty = has_any.iter().zip(&has_good).filter(|&(&any, &good)| any && !good).count();
        Some(Advice(format!(
            "{n_low} of {} molecules have qv below {MIN_QV}; Xenium Ranger does not count them, so its matrix will differ \
             from ours, and {n_empty} cells will have no counts. Run with --min-qv {MIN_QV} to avoid that",
            low.len()
        )))
    }
}
