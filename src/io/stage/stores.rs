//! Rows of a table on their way into a record batch, picked one by one from Arrow arrays.

use std::collections::HashMap;

use polars::prelude::{PolarsResult, polars_bail};
use polars_arrow::array::{Array, BinaryArray, BooleanArray, DictionaryArray, NullArray, PrimitiveArray, Utf8Array};
use polars_arrow::bitmap::{Bitmap, MutableBitmap};
use polars_arrow::datatypes::{ArrowDataType, PhysicalType};
use polars_arrow::offset::{Offset, OffsetsBuffer};
use polars_arrow::types::{NativeType, PrimitiveType};

use super::ipc::{Texts, Values};

/// A row of one of several arrays: which array, and which row of it.
pub(super) type Pick = [u32; 2];

/// Values of a column that wait for their batch.
///
/// What stands in place of missing values is zero or empty, whatever it was in the arrays, and a column without missing
/// values has no bitmap: a batch has the same bytes however its rows came together.
pub(super) trait Store: Send + Sync {
    /// Adds `picks` of `sources`. Errors: arrays of another type.
    fn gather(&mut self, sources: &[&dyn Array], picks: &[Pick]) -> PolarsResult<()>;

    /// The values so far as an array; the next batch is empty.
    fn take(&mut self) -> PolarsResult<Values>;

    /// Whether entries of the dictionary may still come.
    fn is_growing(&self) -> bool {
        false
    }

    /// No rows, with all entries of the dictionary.
    fn empty(&self) -> PolarsResult<Option<Values>> {
        Ok(None)
    }
}

/// A store for values of a type. `dictionary`: its entries, if they are settled; otherwise they are those that occur, in
/// order of first appearance.
pub(super) fn store_of(dtype: &ArrowDataType, dictionary: Option<Texts>) -> PolarsResult<Box<dyn Store>> {
    macro_rules! numbers {
        ($type:ty) => {
            Box::new(Numbers::<$type> { dtype: dtype.clone(), values: Vec::new(), gaps: Gaps::default() })
        };
    }
    Ok(match dtype.to_physical_type() {
        PhysicalType::Null => Box::new(Nothing(0)),
        PhysicalType::Boolean => Box::new(Flags::default()),
        PhysicalType::Primitive(PrimitiveType::Int8) => numbers!(i8),
        PhysicalType::Primitive(PrimitiveType::Int16) => numbers!(i16),
        PhysicalType::Primitive(PrimitiveType::Int32) => numbers!(i32),
        PhysicalType::Primitive(PrimitiveType::Int64) => numbers!(i64),
        PhysicalType::Primitive(PrimitiveType::UInt8) => numbers!(u8),
        PhysicalType::Primitive(PrimitiveType::UInt16) => numbers!(u16),
        PhysicalType::Primitive(PrimitiveType::UInt32) => numbers!(u32),
        PhysicalType::Primitive(PrimitiveType::UInt64) => numbers!(u64),
        PhysicalType::Primitive(PrimitiveType::Float32) => numbers!(f32),
        PhysicalType::Primitive(PrimitiveType::Float64) => numbers!(f64),
        PhysicalType::Utf8 => Box::new(Strings::<i32>::new(dtype)),
        PhysicalType::LargeUtf8 | PhysicalType::LargeBinary => Box::new(Strings::<i64>::new(dtype)),
        PhysicalType::Dictionary(_) => {
            let entries = dictionary.map_or_else(|| Entries::Growing(HashMap::new(), Vec::new()), Entries::Settled);
            Box::new(Keys { dtype: dtype.clone(), keys: Vec::new(), gaps: Gaps::default(), entries })
        }
        other => polars_bail!(ComputeError: "values of the type {other:?} have no place in a stage"),
    })
}

/// Which values are missing.
#[derive(Default)]
struct Gaps(MutableBitmap);

impl Gaps {
    fn take(&mut self) -> Option<Bitmap> {
        let is_there = std::mem::take(&mut self.0);
        (is_there.unset_bits() > 0).then(|| is_there.freeze())
    }
}

/// The arrays as what they are.
fn downcast<'a, A: 'static>(sources: &[&'a dyn Array]) -> PolarsResult<Vec<&'a A>> {
    let as_one = |source: &&'a dyn Array| match source.as_any().downcast_ref() {
        Some(array) => Ok(array),
        None => polars_bail!(ComputeError: "a column has values of the type {:?}", source.dtype()),
    };
    sources.iter().map(as_one).collect()
}

struct Numbers<T> {
    dtype: ArrowDataType,
    values: Vec<T>,
    gaps: Gaps,
}

impl<T: NativeType> Store for Numbers<T> {
    fn gather(&mut self, sources: &[&dyn Array], picks: &[Pick]) -> PolarsResult<()> {
        let arrays = downcast::<PrimitiveArray<T>>(sources)?;
        for &[array, row] in picks {
            let (array, row) = (arrays[array as usize], row as usize);
            let is_there = array.is_valid(row);
            self.gaps.0.push(is_there);
            self.values.push(if is_there { array.value(row) } else { T::default() });
        }
        Ok(())
    }

    fn take(&mut self) -> PolarsResult<Values> {
        let values = std::mem::take(&mut self.values);
        Ok(PrimitiveArray::try_new(self.dtype.clone(), values.into(), self.gaps.take())?.boxed())
    }
}

#[derive(Default)]
struct Flags {
    values: MutableBitmap,
    gaps: Gaps,
}

impl Store for Flags {
    fn gather(&mut self, sources: &[&dyn Array], picks: &[Pick]) -> PolarsResult<()> {
        let arrays = downcast::<BooleanArray>(sources)?;
        for &[array, row] in picks {
            let (array, row) = (arrays[array as usize], row as usize);
            let is_there = array.is_valid(row);
            self.gaps.0.push(is_there);
            self.values.push(is_there && array.value(row));
        }
        Ok(())
    }

    fn take(&mut self) -> PolarsResult<Values> {
        let values = std::mem::take(&mut self.values).freeze();
        Ok(BooleanArray::try_new(ArrowDataType::Boolean, values, self.gaps.take())?.boxed())
    }
}

/// Texts and bytes.
struct Strings<O: Offset> {
    dtype: ArrowDataType,
    /// Where each value ends.
    ends: Vec<O>,
    bytes: Vec<u8>,
    gaps: Gaps,
}

impl<O: Offset> Strings<O> {
    fn new(dtype: &ArrowDataType) -> Self {
        Self { dtype: dtype.clone(), ends: Vec::new(), bytes: Vec::new(), gaps: Gaps::default() }
    }

    fn is_text(&self) -> bool {
        matches!(self.dtype.to_physical_type(), PhysicalType::Utf8 | PhysicalType::LargeUtf8)
    }
}

impl<O: Offset> Store for Strings<O> {
    fn gather(&mut self, sources: &[&dyn Array], picks: &[Pick]) -> PolarsResult<()> {
        let as_bytes = |texts: &Utf8Array<O>| texts.to_binary();
        let arrays: Vec<BinaryArray<O>> = match self.is_text() {
            true => downcast::<Utf8Array<O>>(sources)?.into_iter().map(as_bytes).collect(),
            false => downcast::<BinaryArray<O>>(sources)?.into_iter().cloned().collect(),
        };
        for &[array, row] in picks {
            let (array, row) = (&arrays[array as usize], row as usize);
            let is_there = array.is_valid(row);
            self.gaps.0.push(is_there);
            if is_there {
                self.bytes.extend_from_slice(array.value(row));
            }
            match O::from_usize(self.bytes.len()) {
                Some(end) => self.ends.push(end),
                None => polars_bail!(ComputeError: "the texts of a batch are too long"),
            }
        }
        Ok(())
    }

    fn take(&mut self) -> PolarsResult<Values> {
        let offsets = std::iter::once(O::zero()).chain(std::mem::take(&mut self.ends)).collect::<Vec<O>>();
        let offsets = OffsetsBuffer::try_from(offsets)?;
        let bytes = std::mem::take(&mut self.bytes).into();
        let (dtype, gaps) = (self.dtype.clone(), self.gaps.take());
        Ok(match self.is_text() {
            true => Utf8Array::try_new(dtype, offsets, bytes, gaps)?.boxed(),
            false => BinaryArray::try_new(dtype, offsets, bytes, gaps)?.boxed(),
        })
    }
}

/// As many missing values.
struct Nothing(usize);

impl Store for Nothing {
    fn gather(&mut self, _: &[&dyn Array], picks: &[Pick]) -> PolarsResult<()> {
        self.0 += picks.len();
        Ok(())
    }

    fn take(&mut self) -> PolarsResult<Values> {
        Ok(NullArray::try_new(ArrowDataType::Null, std::mem::take(&mut self.0))?.boxed())
    }
}

/// The entries of a dictionary.
enum Entries {
    /// All, from the start; sources have the same, or positions in it.
    Settled(Texts),
    /// Those that have occurred, with their positions.
    Growing(HashMap<Box<str>, i32>, Vec<Box<str>>),
}

struct Keys {
    dtype: ArrowDataType,
    keys: Vec<i32>,
    gaps: Gaps,
    entries: Entries,
}

impl Keys {
    fn dictionary(&self) -> Texts {
        match &self.entries {
            Entries::Settled(texts) => texts.clone(),
            Entries::Growing(_, names) => Texts::from_iter_values(names.iter()),
        }
    }

    fn array(&self, keys: Vec<i32>, gaps: Option<Bitmap>) -> PolarsResult<Values> {
        let keys = PrimitiveArray::try_new(ArrowDataType::Int32, keys.into(), gaps)?;
        Ok(DictionaryArray::try_new(self.dtype.clone(), keys, self.dictionary().boxed())?.boxed())
    }
}

/// Positions in a dictionary, and the dictionary; positions alone are those in a settled one.
fn keys_of(source: &dyn Array) -> PolarsResult<(&PrimitiveArray<i32>, Option<&Texts>)> {
    if let Some(array) = source.as_any().downcast_ref::<DictionaryArray<i32>>() {
        return Ok((array.keys(), array.values().as_any().downcast_ref()));
    }
    match source.as_any().downcast_ref() {
        Some(keys) => Ok((keys, None)),
        None => polars_bail!(ComputeError: "a column of categories has values of the type {:?}", source.dtype()),
    }
}

impl Store for Keys {
    fn gather(&mut self, sources: &[&dyn Array], picks: &[Pick]) -> PolarsResult<()> {
        let sources = sources.iter().map(|source| keys_of(*source)).collect::<PolarsResult<Vec<_>>>()?;
        // What the last key became: neighbors are often alike.
        let mut last: Option<([u32; 2], i32)> = None;
        for &[array, row] in picks {
            let (keys, values) = sources[array as usize];
            let key = keys.is_valid(row as usize).then(|| keys.value(row as usize));
            self.gaps.0.push(key.is_some());
            self.keys.push(match (key, &mut self.entries) {
                (None, _) => 0,
                (Some(key), Entries::Settled(_)) => key,
                (Some(key), Entries::Growing(position_of, names)) => {
                    let Some(values) = values else { polars_bail!(ComputeError: "categories without a dictionary") };
                    let this = [array, key as u32];
                    match last {
                        Some((same, position)) if same == this => position,
                        _ => {
                            let name = values.value(key as usize);
                            let position = match position_of.get(name) {
                                Some(&position) => position,
                                None => {
                                    let position = names.len() as i32;
                                    names.push(name.into());
                                    position_of.insert(name.into(), position);
                                    position
                                }
                            };
                            last = Some((this, position));
                            position
                        }
                    }
                }
            });
        }
        Ok(())
    }

    fn take(&mut self) -> PolarsResult<Values> {
        let keys = std::mem::take(&mut self.keys);
        let gaps = self.gaps.take();
        self.array(keys, gaps)
    }

    fn is_growing(&self) -> bool {
        matches!(self.entries, Entries::Growing(..))
    }

    fn empty(&self) -> PolarsResult<Option<Values>> {
        self.array(Vec::new(), None).map(Some)
    }
}
