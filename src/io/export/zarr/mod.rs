//! Zarr stores, version 2: a folder of groups and chunked arrays, each described by a JSON document beside it.
//!
//! METHOD: our own writer. What we need of the format is one page: two documents, numbers in C order, texts with their
//! lengths, zlib. A crate for all of zarr brings some 150 packages. Version 2 and not 3, because every release of
//! zarr-python, anndata and spatialdata reads it. Chunks are zlib, which has no time in its header: equal values are
//! equal bytes.

mod elements;

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rayon::prelude::*;
use serde_json::{Map, Value, json};

use crate::io::atomic::disk;

pub use elements::Number;

/// Elements of a chunk, at most. A constant, so that bytes do not depend on memory or threads.
const CHUNK: usize = 1 << 18;
/// Level of zlib: beyond it counts become hardly smaller, and writing slower.
const LEVEL: u32 = 3;
/// Name of the document with all documents of the store.
const CONSOLIDATED: &str = ".zmetadata";

/// The attributes of a group or an array, as a JSON object.
pub type Attributes = Map<String, Value>;

/// Attributes from a `json!({…})`; none, if it is not an object.
pub fn attributes(object: Value) -> Attributes {
    match object {
        Value::Object(entries) => entries,
        _ => Attributes::new(),
    }
}

/// A store that is being written into a folder.
///
/// Errors are those of the system. An unfinished store is a folder without [`finish`](Self::finish)'s document: write
/// into a temporary folder. The same bytes for any number of threads.
#[derive(Debug)]
pub struct Store {
    root: PathBuf,
    /// The documents by their paths in the store.
    documents: BTreeMap<String, Value>,
}

impl Store {
    /// Begins a store in a folder that exists. The root group has these attributes.
    pub fn create(root: &Path, attributes: Attributes) -> io::Result<Self> {
        let mut store = Self { root: root.to_path_buf(), documents: BTreeMap::new() };
        store.group("", attributes)?;
        Ok(store)
    }

    /// Adds a group; its parents must be there. `path`: names joined by `/`.
    pub fn group(&mut self, path: &str, attributes: Attributes) -> io::Result<()> {
        fs::create_dir_all(self.root.join(path))?;
        self.document(path, ".zgroup", json!({"zarr_format": 2}))?;
        self.document(path, ".zattrs", Value::Object(attributes))
    }

    /// The folder of a group, for files that are not zarr.
    pub fn folder(&self, path: &str) -> PathBuf {
        self.root.join(path)
    }

    /// Adds an array of numbers, of `width` columns if it has two dimensions; `of` gives the elements in C order.
    pub fn numbers<T: Number>(
        &mut self,
        path: &str,
        [n_rows, width]: [usize; 2],
        attributes: Attributes,
        of: impl Fn(usize) -> T + Sync,
    ) -> io::Result<()> {
        let rows_per_chunk = (CHUNK / width.max(1)).clamp(1, n_rows.max(1));
        let shape = [(n_rows, rows_per_chunk), (width, width.max(1))];
        let array = Array { shape: &shape, dtype: T::DTYPE, fill: T::default().fill(), filters: Value::Null };
        self.array(path, &array, attributes, |chunk| {
            // A chunk at the end is as long as the others; what is beyond the array stays zero.
            let mut bytes = Vec::with_capacity(rows_per_chunk * width * size_of::<T>());
            let begin = chunk * rows_per_chunk * width;
            for element in begin..begin + rows_per_chunk * width {
                let value = if element < n_rows * width { of(element) } else { T::default() };
                value.push(&mut bytes);
            }
            bytes
        })
    }

    /// Adds an array of numbers of one dimension.
    pub fn vector<T: Number>(
        &mut self,
        path: &str,
        n: usize,
        attributes: Attributes,
        of: impl Fn(usize) -> T + Sync,
    ) -> io::Result<()> {
        let length = n.clamp(1, CHUNK);
        let array = Array { shape: &[(n, length)], dtype: T::DTYPE, fill: T::default().fill(), filters: Value::Null };
        self.array(path, &array, attributes, |chunk| {
            let mut bytes = Vec::with_capacity(length * size_of::<T>());
            for element in chunk * length..(chunk + 1) * length {
                let value = if element < n { of(element) } else { T::default() };
                value.push(&mut bytes);
            }
            bytes
        })
    }

    /// Adds an array of texts of one dimension.
    pub fn texts<S: AsRef<str>>(
        &mut self,
        path: &str,
        n: usize,
        attributes: Attributes,
        of: impl Fn(usize) -> S + Sync,
    ) -> io::Result<()> {
        let length = n.clamp(1, CHUNK);
        self.array(path, &Array::texts(&[(n, length)]), attributes, |chunk| {
            elements::encode_texts((chunk * length..(chunk + 1) * length).map(|text| (text < n).then(|| of(text))))
        })
    }

    /// Adds one text, an array without dimensions.
    pub fn text(&mut self, path: &str, attributes: Attributes, text: &str) -> io::Result<()> {
        self.array(path, &Array::texts(&[]), attributes, |_| elements::encode_texts([Some(text)].into_iter()))
    }

    /// Adds an array whose chunks lie one behind the other along the first dimension; `chunk` gives their bytes.
    fn array(
        &mut self,
        path: &str,
        array: &Array<'_>,
        attributes: Attributes,
        chunk: impl Fn(usize) -> Vec<u8> + Sync,
    ) -> io::Result<()> {
        let folder = self.root.join(path);
        fs::create_dir_all(&folder)?;
        self.document(path, ".zarray", array.document())?;
        self.document(path, ".zattrs", Value::Object(attributes))?;
        let written: Vec<io::Result<()>> = (0..array.n_chunks())
            .into_par_iter()
            .map(|at| disk::write(&folder.join(array.chunk_name(at)), &deflated(&chunk(at))?))
            .collect();
        written.into_iter().collect()
    }

    fn document(&mut self, path: &str, name: &str, content: Value) -> io::Result<()> {
        let place = if path.is_empty() { name.to_owned() } else { format!("{path}/{name}") };
        disk::write(&self.root.join(&place), &serde_json::to_vec_pretty(&content)?)?;
        self.documents.insert(place, content);
        Ok(())
    }

    /// Writes the document that holds all others, so that readers need to open one.
    pub fn finish(self) -> io::Result<()> {
        let all = json!({"zarr_consolidated_format": 1, "metadata": self.documents});
        disk::write(&self.root.join(CONSOLIDATED), &serde_json::to_vec_pretty(&all)?)
    }
}

fn deflated(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = ZlibEncoder::new(Vec::with_capacity(bytes.len() / 4 + 64), Compression::new(LEVEL));
    encoder.write_all(bytes)?;
    encoder.finish()
}

/// What the document of an array says.
struct Array<'a> {
    /// Length, and length of a chunk, of every dimension. Only the first has several chunks.
    shape: &'a [(usize, usize)],
    dtype: &'static str,
    fill: Value,
    filters: Value,
}

impl<'a> Array<'a> {
    fn texts(shape: &'a [(usize, usize)]) -> Self {
        Self { shape, dtype: "|O", fill: json!(""), filters: json!([{"id": "vlen-utf8"}]) }
    }

    fn n_chunks(&self) -> usize {
        match self.shape {
            [] => 1,
            shape if shape.iter().any(|&(length, _)| length == 0) => 0,
            [(length, of_chunk), ..] => length.div_ceil(*of_chunk),
        }
    }

    fn chunk_name(&self, at: usize) -> String {
        let mut name = at.to_string();
        (1..self.shape.len()).for_each(|_| name.push_str(".0"));
        name
    }

    fn document(&self) -> Value {
        let lengths = |pick: fn(&(usize, usize)) -> usize| self.shape.iter().map(pick).collect::<Vec<usize>>();
        json!({
            "zarr_format": 2,
            "shape": lengths(|dimension| dimension.0),
            "chunks": lengths(|dimension| dimension.1),
            "dtype": self.dtype,
            "fill_value": self.fill,
            "order": "C",
            "filters": self.filters,
            "dimension_separator": ".",
            "compressor": {"id": "zlib", "level": LEVEL},
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn inflated(path: &Path) -> Vec<u8> {
        let mut bytes = Vec::new();
        flate2::read::ZlibDecoder::new(fs::File::open(path).unwrap()).read_to_end(&mut bytes).unwrap();
        bytes
    }

    fn json_of(path: &Path) -> Value {
        serde_json::from_slice(&fs::read(path).unwrap()).unwrap()
    }

    #[test]
    fn last_chunk_is_filled_up_and_all_are_described() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::create(folder.path(), attributes(json!({"a": 1}))).unwrap();
        store.group("t", Attributes::new()).unwrap();
        let n = CHUNK + 3;
        store.vector("t/v", n, Attributes::new(), |at| at as u32).unwrap();
        store.finish().unwrap();
        let at = |name: &str| folder.path().join("t/v").join(name);
        let array = json_of(&at(".zarray"));
        assert_eq!((&array["shape"], &array["chunks"], &array["dtype"]), (&json!([n]), &json!([CHUNK]), &json!("<u4")));
        assert_eq!(inflated(&at("0"))[4..8], 1_u32.to_le_bytes());
        let last = inflated(&at("1"));
        assert_eq!(last.len(), 4 * CHUNK);
        assert_eq!(last[..4], (CHUNK as u32).to_le_bytes());
        assert!(last[12..].iter().all(|&byte| byte == 0));
        let all = json_of(&folder.path().join(".zmetadata"));
        assert_eq!(all["metadata"]["t/v/.zarray"], array);
        assert_eq!(all["metadata"][".zattrs"], json!({"a": 1}));
        assert_eq!(all["metadata"]["t/.zgroup"], json!({"zarr_format": 2}));
    }

    #[test]
    fn rows_of_two_dimensions_stay_together() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::create(folder.path(), Attributes::new()).unwrap();
        store.numbers("m", [2, 3], Attributes::new(), |at| at as f64).unwrap();
        let array = json_of(&folder.path().join("m/.zarray"));
        assert_eq!((&array["shape"], &array["chunks"]), (&json!([2, 3]), &json!([2, 3])));
        let bytes = inflated(&folder.path().join("m/0.0"));
        assert_eq!(bytes[8 * 4..8 * 5], 4.0_f64.to_le_bytes());
    }

    #[test]
    fn texts_have_lengths_and_none_have_no_chunk() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::create(folder.path(), Attributes::new()).unwrap();
        let names = ["µm", "", "a\"b"];
        store.texts("names", 3, Attributes::new(), |at| names[at]).unwrap();
        store.texts("none", 0, Attributes::new(), |_| "").unwrap();
        store.text("one", Attributes::new(), "é").unwrap();
        let bytes = inflated(&folder.path().join("names/0"));
        assert_eq!(bytes, b"\x03\0\0\0\x03\0\0\0\xc2\xb5m\0\0\0\0\x03\0\0\0a\"b");
        assert!(!folder.path().join("none/0").exists());
        assert_eq!(json_of(&folder.path().join("none/.zarray"))["chunks"], json!([1]));
        assert_eq!(inflated(&folder.path().join("one/0")), b"\x01\0\0\0\x02\0\0\0\xc3\xa9");
        assert_eq!(json_of(&folder.path().join("one/.zarray"))["shape"], json!([]));
    }
}
