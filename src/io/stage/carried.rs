//! The user's own columns of the molecule table in and out of Arrow, with every value, type and name.

use polars::prelude::{
    Categories, CompatLevel, DataType, FrozenCategories, IdxCa, IntoSeries, NewChunkedArray, PlSmallStr, PolarsResult,
    Series, StringChunked,
};
use polars_arrow::array::{
    Array, BinaryArray, BooleanArray, DictionaryArray, NullArray, PrimitiveArray, Utf8Array, new_empty_array,
};
use polars_arrow::datatypes::{ArrowDataType, Field, IntegerType, Metadata};

use super::StageError;
use super::ipc::{SourceColumn, Texts, Values};
use super::schema::{self, MOLECULES};

/// What [`schema::ROLE`] says of carried columns.
pub(super) const CARRIED: &str = "carried";

/// Names of carried columns in the stage: their own, changed where a column of the stage has it already.
pub(super) fn stage_names<'a>(names: impl Iterator<Item = &'a str>) -> Vec<String> {
    let names: Vec<&str> = names.collect();
    let mut given: Vec<String> = Vec::with_capacity(names.len());
    for &name in &names {
        let mut stage_name = name.to_owned();
        // A changed name must be free among all columns, also those that follow.
        while MOLECULES.column(&stage_name).is_some()
            || given.contains(&stage_name)
            || (stage_name != name && names.contains(&stage_name.as_str()))
        {
            stage_name.push_str("_input");
        }
        given.push(stage_name);
    }
    given
}

/// A carried column on its way into the file.
///
/// `position`: its place in the table of the user, if it has one.
pub(super) fn source<'a>(
    series: &'a Series,
    stage_name: &str,
    position: Option<usize>,
) -> Result<SourceColumn<'a>, StageError> {
    let unsupported =
        || StageError::ColumnType { column: series.name().to_string(), dtype: series.dtype().to_string() };
    let mut metadata = Metadata::new();
    metadata.insert(schema::DESCRIPTION.into(), "column of the input".into());
    metadata.insert(schema::ROLE.into(), CARRIED.into());
    metadata.insert(schema::OUTPUT_NAME.into(), series.name().clone());
    if let Some(position) = position {
        metadata.insert(schema::POSITION.into(), position.to_string().into());
    }
    let field = |dtype: ArrowDataType| Field::new(stage_name.into(), dtype, true).with_metadata(metadata.clone());
    let dtype = series.dtype();
    Ok(match dtype {
        DataType::Categorical(..) | DataType::Enum(..) => {
            let dictionary = Dictionary::of(series).map_err(|_| unsupported())?;
            let is_enum = matches!(dtype, DataType::Enum(..));
            let arrow = ArrowDataType::Dictionary(
                IntegerType::Int32,
                Box::new(ArrowDataType::Utf8),
                /* ordered */ is_enum,
            );
            SourceColumn::new(field(arrow.clone()), move |rows| {
                let keys = dictionary.keys(&series.slice(rows.start as i64, rows.len()))?;
                Ok(DictionaryArray::try_new(arrow.clone(), keys, dictionary.values.clone().boxed())?.boxed())
            })
        }
        _ => {
            let arrow = arrow_type(dtype).ok_or_else(unsupported)?;
            SourceColumn::new(field(arrow.clone()), move |rows| {
                plain_values(&series.slice(rows.start as i64, rows.len()), &arrow)
            })
        }
    })
}

/// The Arrow type of a column without dictionary; `None` for nested and unknown ones.
fn arrow_type(dtype: &DataType) -> Option<ArrowDataType> {
    match dtype {
        DataType::String => Some(ArrowDataType::LargeUtf8),
        DataType::Binary => Some(ArrowDataType::LargeBinary),
        DataType::Null | DataType::Boolean | DataType::Date | DataType::Datetime(..) | DataType::Duration(_) => {
            Some(dtype.to_arrow(CompatLevel::oldest()))
        }
        DataType::Float32 | DataType::Float64 => Some(dtype.to_arrow(CompatLevel::oldest())),
        dtype if dtype.is_integer() && !matches!(dtype, DataType::Int128 | DataType::UInt128) => {
            Some(dtype.to_arrow(CompatLevel::oldest()))
        }
        _ => None,
    }
}

/// Values of a column, copied one by one: what a column holds in place of missing values, which may be anything, does
/// not reach the file.
fn plain_values(rows: &Series, arrow: &ArrowDataType) -> PolarsResult<Values> {
    macro_rules! numbers {
        ($values:expr, $type:ty) => {
            PrimitiveArray::<$type>::from_iter($values.iter()).to(arrow.clone()).boxed()
        };
    }
    let physical = rows.to_physical_repr();
    Ok(match physical.dtype() {
        DataType::Boolean => BooleanArray::from_iter(physical.bool()?.iter()).boxed(),
        DataType::Int8 => numbers!(physical.i8()?, i8),
        DataType::Int16 => numbers!(physical.i16()?, i16),
        DataType::Int32 => numbers!(physical.i32()?, i32),
        DataType::Int64 => numbers!(physical.i64()?, i64),
        DataType::UInt8 => numbers!(physical.u8()?, u8),
        DataType::UInt16 => numbers!(physical.u16()?, u16),
        DataType::UInt32 => numbers!(physical.u32()?, u32),
        DataType::UInt64 => numbers!(physical.u64()?, u64),
        DataType::Float32 => numbers!(physical.f32()?, f32),
        DataType::Float64 => numbers!(physical.f64()?, f64),
        DataType::String => Utf8Array::<i64>::from_iter(physical.str()?.iter()).boxed(),
        DataType::Binary => BinaryArray::<i64>::from_iter(physical.binary()?.iter()).boxed(),
        _ => NullArray::try_new(ArrowDataType::Null, rows.len())?.boxed(),
    })
}

/// The categories of a column, and where its codes stand among them.
struct Dictionary {
    values: Texts,
    /// Position of every code of the column; −1 for codes that it does not use.
    key_of: Vec<i32>,
}

/// Rows that are looked at together.
const BLOCK: usize = 1 << 17;

impl Dictionary {
    /// Categories in order of first appearance, because their codes are counted through the whole process. Those of an
    /// enumeration are all kept in their own order.
    fn of(series: &Series) -> PolarsResult<Self> {
        let mapping = series.dtype().cat_mapping()?.clone();
        let name_of = |code: u32| mapping.cat_to_str(code).unwrap_or_default();
        if let DataType::Enum(categories, _) = series.dtype() {
            let values = Texts::from_iter_values(categories.categories().values_iter());
            let key_of = (0..values.len() as i32).collect();
            return Ok(Self { values, key_of });
        }
        let (mut key_of, mut names) = (Vec::new(), Vec::new());
        for begin in (0..series.len()).step_by(BLOCK) {
            for code in codes(&series.slice(begin as i64, BLOCK))?.u32()?.iter().flatten() {
                if key_of.len() <= code as usize {
                    key_of.resize(code as usize + 1, -1);
                }
                let key = &mut key_of[code as usize];
                if *key < 0 {
                    *key = names.len() as i32;
                    names.push(name_of(code));
                }
            }
        }
        Ok(Self { values: Texts::from_iter_values(names.into_iter()), key_of })
    }

    fn keys(&self, rows: &Series) -> PolarsResult<PrimitiveArray<i32>> {
        Ok(codes(rows)?.u32()?.iter().map(|code| code.map(|code| self.key_of[code as usize])).collect())
    }
}

fn codes(rows: &Series) -> PolarsResult<Series> {
    rows.to_physical_repr().cast(&DataType::UInt32)
}

/// A carried column while it is read.
pub(super) struct Target {
    /// Its place in the table of the user, if it has one.
    pub position: Option<usize>,
    name: PlSmallStr,
    column: Option<Series>,
    /// The categories, once the first batch has told them.
    categories: Option<Series>,
}

/// Whether a field is that of a carried column.
pub(super) fn is_carried(field: &Field) -> bool {
    let role = field.metadata.as_ref().and_then(|metadata| metadata.get(schema::ROLE));
    role.is_some_and(|role| role == CARRIED)
}

impl Target {
    /// The carried column of a field; `None` for other fields.
    pub fn of(field: &Field) -> Option<Self> {
        let metadata = field.metadata.as_ref().filter(|_| is_carried(field))?;
        let name = metadata.get(schema::OUTPUT_NAME).unwrap_or(&field.name).clone();
        Some(Self { position: position(field), name, column: None, categories: None })
    }

    /// Adds the rows that follow.
    pub fn push(&mut self, values: &dyn Array) -> PolarsResult<()> {
        let rows = match values.as_any().downcast_ref::<DictionaryArray<i32>>() {
            Some(dictionary) => self.category_rows(dictionary)?,
            None => Series::try_from((self.name.clone(), values.to_boxed()))?,
        };
        match &mut self.column {
            Some(column) => column.append(&rows).map(drop),
            None => {
                self.column = Some(rows);
                Ok(())
            }
        }
    }

    fn category_rows(&mut self, dictionary: &DictionaryArray<i32>) -> PolarsResult<Series> {
        let categories = match &self.categories {
            Some(known) => known,
            None => self.categories.insert(categories(&self.name, dictionary)?),
        };
        let keys = dictionary.keys().iter().map(|key| key.map(|&key| key as polars::prelude::IdxSize));
        categories.take(&IdxCa::from_iter_options(PlSmallStr::EMPTY, keys))
    }

    /// The column as far as it has come, in one piece; rows that follow begin another.
    pub fn take(&mut self) -> Option<Series> {
        self.column.take().map(|column| column.rechunk())
    }
}

/// No rows of the column of a field. `entries`: those of its dictionary.
pub(super) fn no_rows(field: &Field, entries: Option<&Texts>) -> PolarsResult<Values> {
    Ok(match (field.dtype(), entries) {
        (ArrowDataType::Dictionary(..), Some(entries)) => {
            let keys = PrimitiveArray::<i32>::from_vec(Vec::new());
            DictionaryArray::try_new(field.dtype().clone(), keys, entries.clone().boxed())?.boxed()
        }
        (dtype, _) => new_empty_array(dtype.clone()),
    })
}

/// One row per category, of the type of the column.
fn categories(name: &PlSmallStr, dictionary: &DictionaryArray<i32>) -> PolarsResult<Series> {
    let texts: Vec<&str> = match dictionary.values().as_any().downcast_ref::<Texts>() {
        Some(values) => values.values_iter().collect(),
        None => polars::prelude::polars_bail!(ComputeError: "the categories of '{}' are not texts", name),
    };
    let is_enum = matches!(dictionary.dtype(), ArrowDataType::Dictionary(_, _, true));
    let dtype = if is_enum {
        DataType::from_frozen_categories(FrozenCategories::new(texts.iter().copied())?)
    } else {
        DataType::from_categories(Categories::global())
    };
    StringChunked::from_slice(name.clone(), &texts).into_series().strict_cast(&dtype)
}

/// The place of a column in the table of the user.
pub(super) fn position(field: &Field) -> Option<usize> {
    field.metadata.as_ref()?.get(schema::POSITION)?.parse().ok()
}
