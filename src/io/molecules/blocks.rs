//! The second pass over a molecule table: carried columns, some rows at a time.
//!
//! ```text
//! let Scan { table, plan } = molecules::scan(&request)?;          positions, genes, prior segments; all filters
//! plan.blocks(|rows, carried| { … Ok(()) })?;                     rows a..b of `table`, in order
//! ```
//!
//! Types and values are those that [`read`](super::read) would give. At any time one row group of a Parquet file is
//! held, or some blocks of a text file.

use std::ops::Range;

use polars::prelude::{Column, DataFrame, DataType, Series};

use super::columns::Uses;
use super::selection::Selection;
use super::source::{Format, Source};
use super::{Carried, Fingerprint, ReadError, ReadRequest, parquet, text};

/// Rows that are handed over together if there is nothing to be read.
const EMPTY_BLOCK: usize = 1 << 17;

/// What the first pass found out and the second needs.
#[derive(Clone, Debug)]
pub struct CarriedPlan {
    pub(super) source: Source,
    pub(super) fingerprint: Fingerprint,
    pub(super) request: ReadRequest,
    pub(super) uses: Uses,
    /// `[n_carried]`
    pub(super) types: Vec<DataType>,
    /// Rows of the file that are left after all filters.
    pub(super) selection: Selection,
    /// Layout, names and types.
    pub(super) shape: Carried,
}

impl CarriedPlan {
    /// Molecules that are left after the filters.
    pub fn n_molecules(&self) -> usize {
        self.selection.n_kept()
    }

    /// Hands over the carried columns of all molecules in order: rows `range` of the table, with as many rows in the
    /// frame of [`Carried`]. A table that has no carried columns is handed over all the same.
    ///
    /// Errors: [`ReadError::Changed`] if the files have another content than in the first pass; errors of reading; and
    /// those of `take`, after which nothing more is read.
    pub fn blocks<E: From<ReadError>>(
        &self,
        mut take: impl FnMut(Range<usize>, Carried) -> Result<(), E>,
    ) -> Result<(), E> {
        let n_molecules = self.n_molecules();
        if self.types.is_empty() {
            for begin in (0..n_molecules).step_by(EMPTY_BLOCK) {
                let rows = begin..n_molecules.min(begin + EMPTY_BLOCK);
                let carried = self.carried(rows.len(), Vec::new())?;
                take(rows, carried)?;
            }
            return Ok(());
        }
        if self.source.fingerprint()? != self.fingerprint {
            return Err(self.source.changed().into());
        }
        let mut begin = 0;
        let hand_over = |columns: Vec<Series>| {
            let n_rows = columns.first().map_or(0, |column| column.len());
            let rows = begin..begin + n_rows;
            begin = rows.end;
            if rows.is_empty() { Ok(()) } else { take(rows, self.carried(n_rows, columns)?) }
        };
        let Self { source, request, uses, types, selection, .. } = self;
        match source.format {
            Format::Parquet => parquet::read_carried(source, request, uses, types, selection, hand_over),
            Format::Csv | Format::GzipCsv => text::read_carried(source, request, uses, types, selection, hand_over),
        }
    }

    fn carried(&self, n_rows: usize, columns: Vec<Series>) -> Result<Carried, ReadError> {
        let frame = DataFrame::new(n_rows, columns.into_iter().map(Column::from).collect());
        let broken = |error: polars::prelude::PolarsError| ReadError::Damaged {
            path: self.source.path.clone(),
            detail: error.to_string(),
        };
        Ok(Carried { frame: frame.map_err(broken)?, ..self.shape.clone() })
    }
}

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};

    use super::*;
    use crate::io::molecules::{ColumnNames, Crop, MoleculeTable, PriorColumn, Scan, read, scan};

    fn fixture(name: &str) -> PathBuf {
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
    }

    fn request(path: &Path) -> ReadRequest {
        ReadRequest { path: path.into(), ..ReadRequest::default() }
    }

    fn xenium(name: &str) -> ReadRequest {
        let columns = ColumnNames {
            x: "x_location".into(),
            y: "y_location".into(),
            z: "z_location".into(),
            gene: "feature_name".into(),
            qv: "qv".into(),
        };
        ReadRequest { columns, ..request(&fixture(name)) }
    }

    /// Both passes give what one gives; returns the table and the numbers of rows that were handed over.
    fn check(request: &ReadRequest) -> (MoleculeTable, Vec<usize>) {
        let whole = read(request).unwrap();
        let Scan { table, plan } = scan(request).unwrap();
        assert_eq!((&table.molecules, &table.genes), (&whole.molecules, &whole.genes));
        assert_eq!(table.prior_segments, whole.prior_segments);
        assert_eq!((&table.notes, &table.seen), (&whole.notes, &whole.seen));
        assert_eq!((&table.path, table.fingerprint), (&whole.path, whole.fingerprint));
        assert_eq!((&table.carried.layout, table.carried.f32_axes), (&whole.carried.layout, whole.carried.f32_axes));
        assert_eq!(table.carried.frame.height(), 0);
        assert_eq!(table.carried.frame.schema(), whole.carried.frame.schema());
        assert_eq!(plan.n_molecules(), whole.molecules.len());
        let (mut frame, mut sizes) = (table.carried.frame.clone(), Vec::new());
        let mut end = 0;
        plan.blocks(|rows, carried| {
            assert_eq!((rows.start, rows.len()), (end, carried.frame.height()));
            assert_eq!(carried.layout, whole.carried.layout);
            end = rows.end;
            sizes.push(rows.len());
            if carried.frame.width() > 0 {
                frame.vstack_mut(&carried.frame).unwrap();
            }
            Ok::<(), ReadError>(())
        })
        .unwrap();
        assert_eq!(end, whole.molecules.len());
        assert!(
            frame.width() == 0 || frame.equals_missing(&whole.carried.frame),
            "{frame:?} {:?}",
            whole.carried.frame
        );
        (whole, sizes)
    }

    /// A table of several blocks whose columns change their types in the last row.
    fn long_table(dir: &Path) -> PathBuf {
        let mut text = String::from("x,y,z,gene,qv,float_then_text,int_then_float,narrow,wide,flags,empty,cell\n");
        for row in 0..200_000u32 {
            let (x, gene) = (row % 500, if row % 1000 == 7 { 5 } else { row % 4 });
            let cell = if row % 3 == 0 { "UNASSIGNED".into() } else { format!("c{}", row % 90) };
            let flag = ["true", "false", ""][row as usize % 3];
            text.push_str(&format!(
                "{x},{},{},g{gene},{},1.10,{row},-3,{row},{flag},,{cell}\n",
                row / 7,
                row % 3,
                row % 50
            ));
        }
        text.push_str("0,1,2,g1,40,none,0.5,200,9223372036854775807,true,,c1\n");
        let path = dir.join("table.csv");
        std::fs::write(&path, text).unwrap();
        path
    }

    #[test]
    fn two_passes_over_text_give_what_one_gives() {
        let dir = tempfile::tempdir().unwrap();
        let plain = request(&long_table(dir.path()));
        let (table, sizes) = check(&plain);
        assert!(sizes.len() > 1, "{sizes:?}");
        let types: Vec<String> = table.carried.frame.dtypes().iter().map(|dtype| dtype.to_string()).collect();
        assert_eq!(types, ["u8", "str", "f64", "i16", "i64", "bool", "str", "str"]);
        let filtered = ReadRequest {
            drop_duplicates: true,
            min_qv: Some(10.0),
            min_molecules_per_gene: 1000,
            exclude_genes: vec!["g2".into()],
            crop: Crop { x_min: Some(20.0), y_max: Some(20_000.0), ..Crop::default() },
            prior: Some(PriorColumn {
                name: "cell".into(),
                unassigned_label: "UNASSIGNED".into(),
                ..PriorColumn::default()
            }),
            ..plain.clone()
        };
        let (table, _) = check(&filtered);
        assert!(table.molecules.len() < 100_000 && table.prior_segments.unwrap().n_segments > 10);
        // The column of the prior proves to be text late.
        let late = Some(PriorColumn {
            name: "float_then_text".into(),
            unassigned_label: "none".into(),
            ..PriorColumn::default()
        });
        let (table, _) = check(&ReadRequest { prior: late, ..plain });
        assert_eq!(table.prior_segments.unwrap().labels, ["1.10"]);
    }

    #[test]
    fn two_passes_over_parquet_give_what_one_gives() {
        check(&xenium("molecules/xenium_dictionary_zstd.parquet"));
        let filtered = ReadRequest {
            exclude_genes: vec!["Sst".into()],
            prior: Some(PriorColumn {
                name: "cell_id".into(),
                unassigned_label: "UNASSIGNED".into(),
                ..PriorColumn::default()
            }),
            ..xenium("molecules/xenium_binary_snappy.parquet")
        };
        let (table, sizes) = check(&filtered);
        assert_eq!((table.molecules.len(), sizes.len()), (5, 2));
        check(&request(&fixture("molecules/large_string_gzip.parquet")));
        check(&request(&fixture("molecules/lz4.parquet")));
        let columns = ColumnNames { gene: "feature_name".into(), ..ColumnNames::default() };
        let parts = request(&fixture("spatial_data/points/transcripts"));
        assert!(check(&ReadRequest { columns, ..parts }).1.len() >= 3);
    }

    #[test]
    fn table_without_other_columns_is_handed_over_too() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.csv");
        std::fs::write(&path, "x,y,gene\n1,2,a\n2,2,b\n").unwrap();
        assert_eq!(check(&request(&path)).1, [2]);
    }

    #[test]
    fn changed_file_is_an_error() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("table.csv");
        std::fs::write(&path, "x,y,gene,row\n1,2,a,1\n2,2,b,2\n").unwrap();
        let plan = scan(&request(&path)).unwrap().plan;
        let pass = || plan.blocks(|_, _| Ok::<(), ReadError>(()));
        pass().unwrap();
        for other in ["x,y,gene,row\n1,2,a,1\n2,2,b,3\n", "x,y,gene,row\n1,2,a,1\n"] {
            std::fs::write(&path, other).unwrap();
            let error = pass().unwrap_err().to_string();
            assert!(error.contains("table.csv: the table has changed since it was first read"), "{error}");
        }
    }
}
