//! Numbers of transcripts as the bundle has them.

use polars::prelude::{DataType, PolarsError, Series};

use super::{ID_COLUMN, RangerError, Requirement, carried};
use crate::io::molecules::MoleculeTable;

/// The number of every transcript of a table, each once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TranscriptIds {
    ids: Vec<u64>,
    /// Rows in order of their numbers.
    sorted: Vec<u32>,
}

impl TranscriptIds {
    /// Takes the numbers from the table. They are whole, below 2^64, and were read without loss.
    ///
    /// Errors name the row (from 1, among the molecules of the result) and the value.
    pub fn new(table: &MoleculeTable) -> Result<Self, RangerError> {
        let Some(series) = carried(table, ID_COLUMN) else {
            return Err(RangerError::new(
                Requirement::TranscriptIds,
                format!("the molecules have no column '{ID_COLUMN}'"),
                "segment a table that has it, such as transcripts.parquet of the bundle; numbers cannot be made up",
            ));
        };
        let ids = Self::unique(whole_numbers(series)?)?;
        if ids.ids.len() == table.molecules.len() {
            return Ok(ids);
        }
        let seen = format!("{} ids for {} molecules", ids.ids.len(), table.molecules.len());
        Err(RangerError::new(Requirement::TranscriptIds, seen, "make the stage again"))
    }

    pub(super) fn unique(ids: Vec<u64>) -> Result<Self, RangerError> {
        let mut sorted: Vec<u32> = (0..ids.len() as u32).collect();
        sorted.sort_unstable_by_key(|&row| (ids[row as usize], row));
        let of = |at: usize| ids[sorted[at] as usize];
        let repeated = |at: &usize| of(*at) == of(at - 1);
        if let Some(at) = (1..sorted.len()).find(repeated) {
            let n = (1..sorted.len()).filter(repeated).count();
            let (first, second) = (sorted[at - 1] + 1, sorted[at] + 1);
            return Err(RangerError::new(
                Requirement::UniqueIds,
                format!("{n} molecules repeat an id; {} stands in rows {first} and {second}", of(at)),
                "remove repeated rows from the input; ids of several bundles cannot be mixed",
            ));
        }
        Ok(Self { ids, sorted })
    }

    /// The number of a molecule.
    pub fn of(&self, row: usize) -> u64 {
        self.ids[row]
    }

    /// Number of molecules.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// True without molecules.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The molecule with this number.
    pub fn find(&self, id: u64) -> Option<usize> {
        let at = self.sorted.binary_search_by_key(&id, |&row| self.ids[row as usize]).ok()?;
        Some(self.sorted[at] as usize)
    }
}

/// A column of whole numbers or their digits. Rows are counted from 1 in errors.
pub(super) fn whole_numbers(series: &Series) -> Result<Vec<u64>, RangerError> {
    let bad = |row: usize, seen: String| {
        RangerError::new(
            Requirement::TranscriptIds,
            format!("'{ID_COLUMN}' is {seen} in row {}", row + 1),
            "it must be the whole number that the bundle has, digit for digit",
        )
    };
    let unreadable =
        |error: PolarsError| RangerError::new(Requirement::TranscriptIds, error.to_string(), "make the stage again");
    let of_text = |(row, text): (usize, Option<&str>)| {
        let text = text.ok_or_else(|| bad(row, "missing".to_owned()))?;
        // What is written is the number, so only its usual form comes out as it came in.
        let number = text.parse::<u64>().ok().filter(|number| number.to_string() == text);
        number.ok_or_else(|| bad(row, format!("'{text}'")))
    };
    match series.dtype() {
        DataType::Float32 | DataType::Float64 => Err(RangerError::new(
            Requirement::TranscriptIds,
            format!("'{ID_COLUMN}' has numbers with a point in the input, which lose digits of large ids"),
            "write the input with whole numbers",
        )),
        dtype if dtype.is_integer() => {
            // Unsigned 64-bit numbers would not fit in signed ones.
            if dtype == &DataType::UInt64 {
                let numbers = series.u64().map_err(unreadable)?;
                let of = |(row, id): (usize, Option<u64>)| id.ok_or_else(|| bad(row, "missing".to_owned()));
                return numbers.iter().enumerate().map(of).collect();
            }
            let numbers = series.cast(&DataType::Int64).map_err(unreadable)?;
            let of = |(row, id): (usize, Option<i64>)| {
                let id = id.ok_or_else(|| bad(row, "missing".to_owned()))?;
                u64::try_from(id).map_err(|_| bad(row, id.to_string()))
            };
            numbers.i64().map_err(unreadable)?.iter().enumerate().map(of).collect()
        }
        DataType::Binary => {
            let texts = series.binary().map_err(unreadable)?;
            let text = |bytes| std::str::from_utf8(bytes).unwrap_or("not text");
            texts.iter().enumerate().map(|(row, bytes)| of_text((row, bytes.map(text)))).collect()
        }
        _ => {
            let texts = series.cast(&DataType::String).map_err(unreadable)?;
            texts.str().map_err(unreadable)?.iter().enumerate().map(of_text).collect()
        }
    }
}
