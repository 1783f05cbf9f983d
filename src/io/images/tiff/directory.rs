//! The directories of a TIFF: which tags a page has, and their values.

use std::fs::File;
use std::io::{BufReader, Read, Seek, SeekFrom};
use std::path::Path;

use crate::io::images::error::ImageFault;
use crate::io::images::samples::ByteOrder;

/// Numbers of the tags that are read.
pub(super) mod tags {
    pub const SUBFILE_TYPE: u16 = 254;
    pub const WIDTH: u16 = 256;
    pub const HEIGHT: u16 = 257;
    pub const BITS_PER_SAMPLE: u16 = 258;
    pub const COMPRESSION: u16 = 259;
    pub const PHOTOMETRIC: u16 = 262;
    pub const FILL_ORDER: u16 = 266;
    pub const DESCRIPTION: u16 = 270;
    pub const STRIP_OFFSETS: u16 = 273;
    pub const SAMPLES_PER_PIXEL: u16 = 277;
    pub const ROWS_PER_STRIP: u16 = 278;
    pub const STRIP_BYTES: u16 = 279;
    pub const X_RESOLUTION: u16 = 282;
    pub const Y_RESOLUTION: u16 = 283;
    pub const RESOLUTION_UNIT: u16 = 296;
    pub const PREDICTOR: u16 = 317;
    pub const TILE_WIDTH: u16 = 322;
    pub const TILE_HEIGHT: u16 = 323;
    pub const TILE_OFFSETS: u16 = 324;
    pub const TILE_BYTES: u16 = 325;
    pub const SAMPLE_FORMAT: u16 = 339;
    pub const JPEG_TABLES: u16 = 347;
}

/// Most tags that a directory can have.
const MAX_TAGS: u64 = 1 << 16;
/// Longest text and longest table of a JPEG that is read, in bytes.
const MAX_TEXT: u64 = 1 << 28;

/// A TIFF file, opened.
#[derive(Debug)]
pub(super) struct Source {
    pub reader: BufReader<File>,
    /// Length of the file in bytes.
    pub length: u64,
    pub order: ByteOrder,
    /// Whether offsets have eight bytes.
    big: bool,
    /// Where the first directory is.
    first: u64,
}

/// One page's tags.
#[derive(Clone, Debug)]
pub(super) struct Directory {
    entries: Vec<Entry>,
    /// Where the next directory is; 0 for none.
    next: u64,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    tag: u16,
    kind: u16,
    count: u64,
    /// The value, when it fits, else where it is.
    value: [u8; 8],
}

impl Entry {
    /// Bytes per number; 0 for an unknown kind.
    fn number_bytes(&self) -> u64 {
        match self.kind {
            1 | 2 | 6 | 7 => 1,
            3 | 8 => 2,
            4 | 9 | 11 | 13 => 4,
            5 | 10 | 12 | 16 | 17 | 18 => 8,
            _ => 0,
        }
    }
}

impl Source {
    /// Opens a file and reads the header.
    pub(super) fn open(path: &Path) -> Result<Self, ImageFault> {
        let file = File::open(path)?;
        let length = file.metadata()?.len();
        let mut reader = BufReader::with_capacity(1 << 16, file);
        let mut start = [0; 8];
        reader.read_exact(&mut start)?;
        let order = if start[0] == b'M' { ByteOrder::Big } else { ByteOrder::Little };
        let big = order.u16([start[2], start[3]]) == 43;
        let first = if big {
            let mut offset = [0; 8];
            reader.read_exact(&mut offset)?;
            order.u64(offset)
        } else {
            u64::from(order.u32([start[4], start[5], start[6], start[7]]))
        };
        Ok(Self { reader, length, order, big, first })
    }

    /// Fills `bytes` from a place in the file.
    pub(super) fn read_at(&mut self, offset: u64, bytes: &mut [u8]) -> Result<(), ImageFault> {
        self.check_range(offset, bytes.len() as u64)?;
        self.reader.seek(SeekFrom::Start(offset))?;
        Ok(self.reader.read_exact(bytes)?)
    }

    /// Checks that the file has these bytes.
    pub(super) fn check_range(&self, offset: u64, n_bytes: u64) -> Result<(), ImageFault> {
        match offset.checked_add(n_bytes) {
            Some(end) if end <= self.length => Ok(()),
            _ => Err(ImageFault::Damaged(format!(
                "it ends at byte {}, but {n_bytes} bytes are to be at byte {offset}",
                self.length
            ))),
        }
    }

    /// All directories of the main chain, in order, with where they are.
    ///
    /// A chain that comes back to itself ends there.
    pub(super) fn for_each_directory(
        &mut self,
        mut take: impl FnMut(&mut Self, u64, &Directory) -> Result<(), ImageFault>,
    ) -> Result<(), ImageFault> {
        let mut seen = std::collections::BTreeSet::new();
        let mut offset = self.first;
        while offset != 0 && seen.insert(offset) {
            let directory = self.directory(offset)?;
            take(self, offset, &directory)?;
            offset = directory.next;
        }
        Ok(())
    }

    /// Reads the directory at an offset.
    pub(super) fn directory(&mut self, offset: u64) -> Result<Directory, ImageFault> {
        let (count_bytes, entry_bytes, word) = if self.big { (8, 20, 8) } else { (2, 12, 4) };
        let mut count = [0; 8];
        self.read_at(offset, &mut count[..count_bytes])?;
        let n_entries = if self.big { self.order.u64(count) } else { u64::from(self.order.u16([count[0], count[1]])) };
        if n_entries > MAX_TAGS {
            return Err(ImageFault::Damaged(format!("a directory claims to have {n_entries} tags")));
        }
        let mut bytes = vec![0; n_entries as usize * entry_bytes + word];
        self.read_at(offset + count_bytes as u64, &mut bytes)?;
        let (table, next) = bytes.split_at(n_entries as usize * entry_bytes);
        let entries = table.chunks_exact(entry_bytes).map(|entry| {
            let mut value = [0; 8];
            value[..word].copy_from_slice(&entry[entry_bytes - word..]);
            Entry {
                tag: self.order.u16([entry[0], entry[1]]),
                kind: self.order.u16([entry[2], entry[3]]),
                count: self.offset(&entry[4..4 + word]),
                value,
            }
        });
        Ok(Directory { entries: entries.collect(), next: self.offset(next) })
    }

    /// A number of four or eight bytes.
    fn offset(&self, bytes: &[u8]) -> u64 {
        match *bytes {
            [a, b, c, d] => u64::from(self.order.u32([a, b, c, d])),
            [a, b, c, d, e, f, g, h] => self.order.u64([a, b, c, d, e, f, g, h]),
            _ => 0,
        }
    }

    /// The bytes of a tag's value.
    fn value_bytes(&mut self, entry: &Entry) -> Result<Vec<u8>, ImageFault> {
        let damaged = || ImageFault::Damaged(format!("tag {} has {} values", entry.tag, entry.count));
        let n_bytes = entry.count.checked_mul(entry.number_bytes()).ok_or_else(damaged)?;
        let word = if self.big { 8 } else { 4 };
        if n_bytes <= word {
            return Ok(entry.value[..n_bytes as usize].to_vec());
        }
        let offset = self.offset(&entry.value[..word as usize]);
        self.check_range(offset, n_bytes)?;
        let mut bytes = vec![0; n_bytes as usize];
        self.read_at(offset, &mut bytes)?;
        Ok(bytes)
    }

    /// The first number of a tag, if the directory has it.
    pub(super) fn number(&mut self, directory: &Directory, tag: u16) -> Result<Option<u64>, ImageFault> {
        let Some(&entry) = directory.entry(tag) else { return Ok(None) };
        if entry.count == 0 {
            return Ok(None);
        }
        // Of a list that is elsewhere, the first number is enough.
        let word = if self.big { 8 } else { 4 };
        let inline = entry.count.saturating_mul(entry.number_bytes()) <= word;
        let bytes = if inline {
            self.value_bytes(&Entry { count: 1, ..entry })?
        } else {
            let mut bytes = vec![0; entry.number_bytes() as usize];
            let offset = self.offset(&entry.value[..word as usize]);
            self.read_at(offset, &mut bytes)?;
            bytes
        };
        Ok(self.whole_numbers(&entry, &bytes)?.first().copied())
    }

    /// The numbers of a tag, which must be `n` or more; those beyond are left out.
    pub(super) fn numbers(&mut self, directory: &Directory, tag: u16, n: u64) -> Result<Vec<u64>, ImageFault> {
        let damaged = |found: u64| ImageFault::Damaged(format!("tag {tag} has {found} values where {n} are needed"));
        let entry = *directory.entry(tag).ok_or_else(|| damaged(0))?;
        if entry.count < n {
            return Err(damaged(entry.count));
        }
        let bytes = self.value_bytes(&entry)?;
        let mut numbers = self.whole_numbers(&entry, &bytes)?;
        numbers.truncate(n as usize);
        Ok(numbers)
    }

    fn whole_numbers(&self, entry: &Entry, bytes: &[u8]) -> Result<Vec<u64>, ImageFault> {
        let order = self.order;
        Ok(match entry.kind {
            1 => bytes.iter().map(|&byte| u64::from(byte)).collect(),
            3 => bytes.as_chunks().0.iter().map(|&number| u64::from(order.u16(number))).collect(),
            4 | 13 => bytes.as_chunks().0.iter().map(|&number| u64::from(order.u32(number))).collect(),
            16 | 18 => bytes.as_chunks().0.iter().map(|&number| order.u64(number)).collect(),
            kind => return Err(ImageFault::Damaged(format!("tag {} has values of kind {kind}", entry.tag))),
        })
    }

    /// A tag's ratio of two numbers, when it is one and positive.
    pub(super) fn ratio(&mut self, directory: &Directory, tag: u16) -> Option<f64> {
        let entry = *directory.entry(tag).filter(|entry| entry.kind == 5 && entry.count == 1)?;
        let bytes = self.value_bytes(&entry).ok()?;
        let (numbers, _) = bytes.as_chunks::<4>();
        let [above, below] = numbers else { return None };
        let ratio = f64::from(self.order.u32(*above)) / f64::from(self.order.u32(*below));
        (ratio.is_finite() && ratio > 0.0).then_some(ratio)
    }

    /// A tag's bytes, up to the limit on texts.
    pub(super) fn bytes(&mut self, directory: &Directory, tag: u16) -> Result<Option<Vec<u8>>, ImageFault> {
        let entry = directory.entry(tag).filter(|entry| entry.number_bytes() == 1 && entry.count <= MAX_TEXT);
        entry.copied().map(|entry| self.value_bytes(&entry)).transpose()
    }

    /// A tag's text, up to its first zero; empty when there is none.
    pub(super) fn text(&mut self, directory: &Directory, tag: u16) -> String {
        let bytes = self.bytes(directory, tag).ok().flatten().unwrap_or_default();
        let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
        String::from_utf8_lossy(&bytes[..end]).into_owned()
    }
}

impl Directory {
    fn entry(&self, tag: u16) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.tag == tag)
    }

    /// Whether the directory has a tag.
    pub(super) fn has(&self, tag: u16) -> bool {
        self.entry(tag).is_some()
    }
}
