//! Numbers and texts as little-endian bytes, hashed on the way out and counted on the way in.

use std::io::{self, Read, Write};

use crate::io::molecules::{Hasher, fingerprint};

/// Writes bytes and hashes them.
pub(super) struct Sink<'a, W> {
    file: &'a mut W,
    hasher: Hasher,
}

impl<'a, W: Write> Sink<'a, W> {
    pub fn new(file: &'a mut W) -> Self {
        Self { file, hasher: Hasher::default() }
    }

    pub fn bytes(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.hasher.update(bytes);
        self.file.write_all(bytes)
    }

    pub fn length(&mut self, length: usize) -> io::Result<()> {
        self.bytes(&(length as u64).to_le_bytes())
    }

    pub fn flag(&mut self, flag: bool) -> io::Result<()> {
        self.bytes(&[u8::from(flag)])
    }

    /// Ends the file with the hash of all bytes before it.
    pub fn finish(self) -> io::Result<()> {
        self.file.write_all(&self.hasher.finish().hash.to_le_bytes())
    }
}

/// Reads bytes and knows how many are left.
#[derive(Debug)]
pub(super) struct Source<R> {
    pub reader: R,
    pub left: u64,
}

impl<R: Read> Source<R> {
    pub fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        self.left = self.left.checked_sub(N as u64).ok_or_else(malformed)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    pub fn number(&mut self) -> io::Result<usize> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| malformed())
    }

    /// The number of items to follow, of at least `size` bytes each: never more than can be there.
    pub fn length(&mut self, size: u64) -> io::Result<usize> {
        let length = self.number()?;
        if length as u64 > self.left / size { Err(malformed()) } else { Ok(length) }
    }

    pub fn float(&mut self) -> io::Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    pub fn small_float(&mut self) -> io::Result<f32> {
        self.array().map(f32::from_le_bytes)
    }

    pub fn flag(&mut self) -> io::Result<bool> {
        self.array().map(|[byte]| byte != 0)
    }

    pub fn text(&mut self) -> io::Result<String> {
        let n = self.length(1)?;
        let bytes = (0..n).map(|_| self.array().map(|[byte]| byte)).collect::<io::Result<Vec<u8>>>()?;
        String::from_utf8(bytes).map_err(|_| malformed())
    }
}

/// Whether the hash at the end of a file of `size` bytes is that of the bytes before it.
pub(super) fn is_whole(mut reader: impl Read, size: u64) -> io::Result<bool> {
    let hashed = fingerprint((&mut reader).take(size - 8))?;
    let mut written = [0; 8];
    reader.read_exact(&mut written)?;
    Ok(u64::from_le_bytes(written) == hashed.hash)
}

/// The error of bytes that cannot be what was written.
pub(super) fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}
