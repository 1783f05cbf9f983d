//! Pieces of a table and how they are put together.

use std::collections::HashMap;

use polars::prelude::{BooleanChunked, NewChunkedArray, PlSmallStr, Series};

use super::Crop;
use super::selection::Selection;
use super::values::{Seen, Values};

/// The gene of molecules that have none in the table.
///
/// KEEPS: 0.7.1 makes an ordinary gene of the missing ones.
pub(super) const MISSING_GENE: &str = "missing";

/// Genes as numbers, in order of first appearance.
#[derive(Debug, Default)]
pub(super) struct Genes {
    pub names: Vec<String>,
    pub codes: Vec<u32>,
    pub n_missing: u64,
    code_of: HashMap<String, u32>,
}

impl Genes {
    /// Adds the gene of the next molecule; an empty text is a missing gene.
    pub fn push(&mut self, name: Option<&str>) {
        let name = name.filter(|name| !name.is_empty());
        self.n_missing += u64::from(name.is_none());
        let code = self.code(name.unwrap_or(MISSING_GENE));
        self.codes.push(code);
    }

    fn code(&mut self, name: &str) -> u32 {
        if let Some(&code) = self.code_of.get(name) {
            return code;
        }
        let code = self.names.len() as u32;
        self.names.push(name.to_string());
        self.code_of.insert(name.to_string(), code);
        code
    }

    /// Gives the genes other names; those of one name are one gene then.
    pub fn rename(&mut self, name_of: impl Fn(&str) -> &str) {
        let old = std::mem::take(self);
        let code_of: Vec<u32> = old.names.iter().map(|name| self.code(name_of(name))).collect();
        self.codes = old.codes;
        self.codes.iter_mut().for_each(|code| *code = code_of[*code as usize]);
        self.n_missing = old.n_missing;
    }

    /// Removes molecules; names that no molecule has any more stay.
    pub fn retain(&mut self, keep: &[bool]) {
        retain_rows(&mut self.codes, keep);
    }

    fn extend(&mut self, other: Self) {
        let codes: Vec<u32> = other.names.iter().map(|name| self.code(name)).collect();
        self.codes.extend(other.codes.iter().map(|&code| codes[code as usize]));
        self.n_missing += other.n_missing;
    }
}

/// Some rows of the table, after the filters that look at one row only.
#[derive(Debug)]
pub(super) struct Chunk {
    /// Which rows of the file they are.
    pub kept: Kept,
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub z: Option<Vec<f64>>,
    pub genes: Genes,
    /// One entry per carried column.
    pub carried: Vec<Part>,
}

/// A carried column in a chunk.
#[derive(Debug)]
pub(super) struct Part {
    /// Its values, if they are held.
    pub values: Option<Values>,
    /// What they are.
    pub seen: Seen,
}

/// Which rows the crop and the quality filter keep, with their counts.
#[derive(Debug)]
pub(super) struct Kept {
    /// `[n_rows]`
    pub rows: Vec<bool>,
    pub n_cropped: u64,
    pub n_low_qv: u64,
}

impl Kept {
    /// Crop first, quality second. A missing quality fails the filter.
    pub fn new(crop: &Crop, axes: [Option<&[f64]>; 3], qv: Option<(&[f64], f64)>, n_rows: usize) -> Self {
        let mut kept = Self { rows: vec![true; n_rows], n_cropped: 0, n_low_qv: 0 };
        let ranges = [(crop.x_min, crop.x_max), (crop.y_min, crop.y_max), (crop.z_min, crop.z_max)];
        for (axis, (low, high)) in axes.into_iter().zip(ranges) {
            let Some(axis) = axis.filter(|_| low.is_some() || high.is_some()) else { continue };
            for (keep, value) in kept.rows.iter_mut().zip(axis) {
                let inside = low.is_none_or(|low| *value >= low) && high.is_none_or(|high| *value <= high);
                kept.n_cropped += u64::from(*keep && !inside);
                *keep &= inside;
            }
        }
        if let Some((qv, min_qv)) = qv {
            for (keep, value) in kept.rows.iter_mut().zip(qv) {
                let good = *value >= min_qv;
                kept.n_low_qv += u64::from(*keep && !good);
                *keep &= good;
            }
        }
        kept
    }

    /// True when nothing was removed.
    pub fn all(&self) -> bool {
        self.n_cropped + self.n_low_qv == 0
    }

    /// Removes what is not kept.
    pub fn apply<T: Copy>(&self, values: &mut Vec<T>) {
        if !self.all() {
            retain_rows(values, &self.rows);
        }
    }

    /// The kept rows of a column.
    pub fn of_series(&self, series: &Series) -> polars::prelude::PolarsResult<Series> {
        if self.all() { Ok(series.clone()) } else { series.filter(&mask(&self.rows)) }
    }
}

/// Keeps `values[row]` where `keep[row]`, in order.
pub(super) fn retain_rows<T: Copy>(values: &mut Vec<T>, keep: &[bool]) {
    let mut row = 0;
    values.retain(|_| {
        row += 1;
        keep[row - 1]
    });
}

/// A row mask as polars wants it.
pub(super) fn mask(keep: &[bool]) -> BooleanChunked {
    BooleanChunked::from_slice(PlSmallStr::EMPTY, keep)
}

/// All chunks of a table, in order of the rows.
#[derive(Debug, Default)]
pub(super) struct Collected {
    /// The rows of the file that are left so far.
    pub selection: Selection,
    pub n_cropped: u64,
    pub n_low_qv: u64,
    pub x: Vec<f64>,
    pub y: Vec<f64>,
    pub z: Option<Vec<f64>>,
    pub genes: Genes,
    /// Blocks of every carried column that is held. `[n_carried][n_chunks]`
    pub carried: Vec<Option<Vec<Values>>>,
    /// What the carried columns hold. `[n_carried]`
    pub seen: Vec<Seen>,
}

impl Collected {
    /// An empty table. `held`: which carried columns are held. `[n_carried]`
    pub fn new(held: &[bool], has_z: bool) -> Self {
        Self {
            z: has_z.then(Vec::new),
            carried: held.iter().map(|held| held.then(Vec::new)).collect(),
            seen: vec![Seen::default(); held.len()],
            ..Self::default()
        }
    }

    /// Rows of the file, removed ones too.
    pub fn n_rows(&self) -> u64 {
        self.selection.n_rows() as u64
    }

    /// Appends the rows that follow.
    pub fn push(&mut self, chunk: Chunk) {
        self.selection.push(&chunk.kept.rows);
        self.n_cropped += chunk.kept.n_cropped;
        self.n_low_qv += chunk.kept.n_low_qv;
        self.x.extend(chunk.x);
        self.y.extend(chunk.y);
        if let (Some(all), Some(z)) = (&mut self.z, chunk.z) {
            all.extend(z);
        }
        self.genes.extend(chunk.genes);
        for (column, Part { values, seen }) in chunk.carried.into_iter().enumerate() {
            if let (Some(blocks), Some(values)) = (&mut self.carried[column], values) {
                blocks.push(values);
            }
            self.seen[column] = self.seen[column].joined(seen);
        }
    }
}
