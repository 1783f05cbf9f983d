//! What can be wrong with a molecule table.

use std::path::PathBuf;

/// Why a molecule table cannot be used. Rows are counted from 1, without the header.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The operating system does not give us the file.
    #[error("{}: cannot be read: {reason}. Check the path and its permissions", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        reason: std::io::Error,
    },
    /// A pipe or device: the table is read more than once.
    #[error(
        "{}: is a pipe or a device, but the table is read more than once. Write it to a file first and name that",
        path.display()
    )]
    NotAFile {
        /// The pipe or device.
        path: PathBuf,
    },
    /// A directory instead of a file.
    #[error("{}: is a directory, not a molecule table. {hint}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Which file to name instead.
        hint: String,
    },
    /// No bytes, or no header.
    #[error("{}: the file is empty; expected a table with columns for x, y and gene", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A table without columns.
    #[error("{}: the table has no columns; expected some for x, y and gene", path.display())]
    NoColumns {
        /// The file.
        path: PathBuf,
    },
    /// A header without rows.
    #[error("{}: the table has a header but no molecules", path.display())]
    NoRows {
        /// The file.
        path: PathBuf,
    },
    /// Some other format.
    #[error("{}: not a molecule table: {reason}", path.display())]
    WrongFormat {
        /// The file.
        path: PathBuf,
        /// What it looks like, and what to do.
        reason: String,
    },
    /// The file ends too early.
    #[error("{}: the file is truncated ({detail}). Copy or download it again", path.display())]
    Truncated {
        /// The file.
        path: PathBuf,
        /// How it shows.
        detail: String,
    },
    /// The file cannot be decoded.
    #[error("{}: cannot be decoded: {detail}. The file is damaged or uses a feature that is not supported", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What the decoder said.
        detail: String,
    },
    /// A file that was written to while it was read.
    #[error("{}: the table has changed since it was first read. Let whatever writes it finish, and start again", path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// A part of a table that does not fit the others.
    #[error(
        "{}: its columns are not those of {}, the first part of the table. Remove what does not belong, or name one file",
        path.display(),
        first.display()
    )]
    OtherColumns {
        /// The part.
        path: PathBuf,
        /// The first part.
        first: PathBuf,
    },
    /// Two columns of one name.
    #[error("{}: the header has the column '{column}' {times} times. Rename or remove all but one", path.display())]
    DuplicatedColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
        /// How often it occurs.
        times: usize,
    },
    /// A column that was asked for does not exist.
    #[error(
        "{}: no {role} column '{column}'; the table has {found}. Name yours with {option}{hint}",
        path.display()
    )]
    MissingColumn {
        /// The file.
        path: PathBuf,
        /// What the column is for.
        role: &'static str,
        /// The name looked for.
        column: String,
        /// The columns present.
        found: String,
        /// The option that sets the name.
        option: &'static str,
        /// A guess, or what may be wrong with the header.
        hint: String,
    },
    /// One column was given for two purposes.
    #[error("{}: the column '{column}' is used both as {first} and as {second}", path.display())]
    SameColumn {
        /// The file.
        path: PathBuf,
        /// The name.
        column: String,
        /// One use.
        first: &'static str,
        /// The other.
        second: &'static str,
    },
    /// A value that is not what the column needs.
    #[error("{}: row {row}, column '{column}': {value} is not a number. {remedy}", path.display())]
    BadValue {
        /// The file.
        path: PathBuf,
        /// The column, as the file calls it.
        column: String,
        /// Row, counted from 1 without the header.
        row: u64,
        /// The value, quoted, or `a missing value`.
        value: String,
        /// What to do.
        remedy: &'static str,
    },
    /// A column of a type that cannot be what it is used for.
    #[error(
        "{}: column '{column}' has the type {dtype}, but {needed} are needed. Name another column, or convert this one",
        path.display()
    )]
    ColumnType {
        /// The file.
        path: PathBuf,
        /// The column, as the file calls it.
        column: String,
        /// Its type.
        dtype: String,
        /// What must be in it.
        needed: &'static str,
    },
    /// A row of another length than the header.
    #[error("{}: row {row} has {fields} fields, but the header has {expected}. {hint}", path.display())]
    RowLength {
        /// The file.
        path: PathBuf,
        /// Row, counted from 1 without the header.
        row: u64,
        /// Fields in the row.
        fields: usize,
        /// Names in the header.
        expected: usize,
        /// What may be the matter.
        hint: &'static str,
    },
    /// Quotation marks that do not match.
    #[error(
        "{}: {}: a quoted field is not closed, or text follows its closing quotation mark. Remove or double the \
         quotation mark",
        path.display(),
        if *row == 0 { "the header".to_owned() } else { format!("row {row}") }
    )]
    Quotes {
        /// The file.
        path: PathBuf,
        /// Row, counted from 1 without the header; 0 for the header.
        row: u64,
    },
    /// Bytes that are not UTF-8.
    #[error("{}: the text near row {row} is not UTF-8. Convert the file, for example with iconv", path.display())]
    NotUtf8 {
        /// The file.
        path: PathBuf,
        /// A row before the place, counted from 1 without the header.
        row: u64,
    },
    /// A gene pattern that is no regular expression.
    #[error("exclude_genes: '{pattern}' is not a regular expression: {detail}")]
    BadPattern {
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        detail: String,
    },
    /// No molecule is left in a segment of the prior.
    #[error(
        "{}: --prior-where {column}={value} leaves no segment: {seen}. Name the value that molecules of nuclei or cells \
         have, or leave the option out",
        path.display()
    )]
    NoneWhere {
        /// The file.
        path: PathBuf,
        /// The column.
        column: String,
        /// The value asked for.
        value: String,
        /// What the column has instead.
        seen: String,
    },
    /// Filters left nothing.
    #[error("{}: no molecules are left of {n_read}: {removed}. Relax these filters", path.display())]
    NothingLeft {
        /// The file.
        path: PathBuf,
        /// Molecules in the file.
        n_read: u64,
        /// Which filter removed how many.
        removed: String,
    },
    /// More molecules than 32-bit indices can count.
    #[error("{}: {n_rows} molecules are more than one run can take (4 billion). Crop or split the table", path.display())]
    TooManyRows {
        /// The file.
        path: PathBuf,
        /// Molecules in the file.
        n_rows: u64,
    },
}
