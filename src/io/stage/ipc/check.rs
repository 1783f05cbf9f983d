//! What an Arrow file says of its schema and buffers, compared with its length.
//!
//! METHOD: the decoder reserves memory for as many bytes as a buffer is said to unpack to, and goes as deep as a type is
//! said to be nested: the process would be ended, which nothing can catch. So the descriptions are read once before.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};

use polars_arrow_format::ipc::planus::ReadAsRoot;
use polars_arrow_format::ipc::{Block, FieldRef, FooterRef, MessageHeaderRef, MessageRef, RecordBatchRef};

/// Types within one another, and fields in all, at most.
const MAX_DEPTH: usize = 16;
const MAX_FIELDS: usize = 1 << 20;
/// Bytes that a batch may unpack to in any case, and for each of its packed bytes.
const ALWAYS_FINE: u64 = 1 << 28;
const EXPANSION: u64 = 1100;
/// The length of the footer, and the letters that end a file.
const END: u64 = 10;

/// Why a file cannot be what was written.
pub(super) type Fault = String;

fn fault(error: impl std::fmt::Display) -> Fault {
    error.to_string()
}

/// Reads the footer of a file of `n_bytes` bytes, and checks how its schema is nested.
pub(super) fn footer(file: &mut File, n_bytes: u64) -> Result<Vec<u8>, Fault> {
    let end = n_bytes.checked_sub(END).ok_or("it is too short")?;
    file.seek(SeekFrom::Start(end)).map_err(fault)?;
    let mut last = [0; END as usize];
    file.read_exact(&mut last).map_err(fault)?;
    let [a, b, c, d, rest @ ..] = last;
    if rest != *b"ARROW1" {
        return Err("it does not end as an Arrow file".to_owned());
    }
    let length = u64::from(u32::from_le_bytes([a, b, c, d]));
    let begin = end.checked_sub(length).ok_or("its footer is longer than the file")?;
    let bytes = read(file, begin, length)?;
    let footer = FooterRef::read_as_root(&bytes).map_err(fault)?;
    let mut n_left = MAX_FIELDS;
    if let Some(fields) = footer.schema().map_err(fault)?.map(|schema| schema.fields()) {
        for field in fields.map_err(fault)?.into_iter().flatten() {
            check_field(field.map_err(fault)?, 0, &mut n_left)?;
        }
    }
    Ok(bytes)
}

fn check_field(field: FieldRef<'_>, depth: usize, n_left: &mut usize) -> Result<(), Fault> {
    *n_left = n_left.saturating_sub(1);
    if depth > MAX_DEPTH || *n_left == 0 {
        return Err("its columns are nested too deep".to_owned());
    }
    for child in field.children().map_err(fault)?.into_iter().flatten() {
        check_field(child.map_err(fault)?, depth + 1, n_left)?;
    }
    Ok(())
}

/// Checks the buffers of a block of a file of `n_bytes` bytes, which is a batch of rows or of a dictionary. Returns the
/// number of its rows or entries.
pub(super) fn block(file: &mut File, block: &Block, n_bytes: u64) -> Result<u64, Fault> {
    let [begin, head, body] = [block.offset, block.meta_data_length.into(), block.body_length].map(u64::try_from);
    let (Ok(begin), Ok(head), Ok(body)) = (begin, head, body) else { return Err(outside(block)) };
    let end = begin.checked_add(head).and_then(|end| end.checked_add(body));
    if end.is_none_or(|end| end > n_bytes) || head < 8 {
        return Err(outside(block));
    }
    let bytes = read(file, begin, head)?;
    // Old files have no mark before the length of the description.
    let (mark, after) = bytes.split_at(4);
    let skipped = if mark == [0xff; 4] { &after[4..] } else { after };
    let message = MessageRef::read_as_root(skipped).map_err(fault)?;
    match message.header().map_err(fault)? {
        Some(MessageHeaderRef::RecordBatch(batch)) => check_batch(file, batch, begin + head, body),
        Some(MessageHeaderRef::DictionaryBatch(dictionary)) => match dictionary.data().map_err(fault)? {
            Some(batch) => check_batch(file, batch, begin + head, body),
            None => Err("a dictionary has no entries".to_owned()),
        },
        _ => Err("a block is no batch".to_owned()),
    }
}

fn outside(block: &Block) -> Fault {
    format!("a batch is said to lie at byte {}, outside of the file", block.offset)
}

/// Checks the buffers of a batch, which lie in the `body` bytes from `begin` on.
fn check_batch(file: &mut File, batch: RecordBatchRef<'_>, begin: u64, body: u64) -> Result<u64, Fault> {
    let n_rows = u64::try_from(batch.length().map_err(fault)?).map_err(|_| "a batch has less than no rows")?;
    let is_packed = batch.compression().map_err(fault)?.is_some();
    let mut n_unpacked = 0u64;
    for buffer in batch.buffers().map_err(fault)?.into_iter().flatten() {
        let place = u64::try_from(buffer.offset()).ok().zip(u64::try_from(buffer.length()).ok());
        let Some((offset, length)) = place.filter(|(offset, length)| offset.saturating_add(*length) <= body) else {
            return Err(format!("a buffer is said to have {} bytes, more than its batch", buffer.length()));
        };
        n_unpacked = n_unpacked.saturating_add(length);
        if is_packed && length >= 8 {
            let number: [u8; 8] = read(file, begin + offset, 8)?.try_into().map_err(|_| "a buffer is cut off")?;
            // −1 means that a buffer is not packed.
            n_unpacked = n_unpacked.saturating_add(u64::try_from(i64::from_le_bytes(number)).unwrap_or(0));
        }
    }
    if n_unpacked > ALWAYS_FINE.saturating_add(body.saturating_mul(EXPANSION)) {
        return Err(format!("a batch of {body} bytes is said to unpack to {n_unpacked}"));
    }
    Ok(n_rows)
}

fn read(file: &mut File, begin: u64, n: u64) -> Result<Vec<u8>, Fault> {
    file.seek(SeekFrom::Start(begin)).map_err(fault)?;
    let mut bytes = Vec::new();
    file.take(n).read_to_end(&mut bytes).map_err(fault)?;
    if bytes.len() as u64 == n { Ok(bytes) } else { Err("it is cut off".to_owned()) }
}
