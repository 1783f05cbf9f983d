//! Content hash of input files: XXH64, which `xxhsum -H64` and many libraries compute as well.

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;

const P1: u64 = 0x9E37_79B1_85EB_CA87;
const P2: u64 = 0xC2B2_AE3D_27D4_EB4F;
const P3: u64 = 0x1656_67B1_9E37_79F9;
const P4: u64 = 0x85EB_CA77_C2B2_AE63;
const P5: u64 = 0x27D4_EB2F_1656_67C5;

/// Identifies the content of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Fingerprint {
    /// Size in bytes.
    pub size: u64,
    /// XXH64 of the bytes, seed 0.
    pub hash: u64,
}

/// Reads `source` to its end and returns size and hash. Keeps one buffer of 1 MiB.
pub fn fingerprint(source: impl Read) -> io::Result<Fingerprint> {
    let mut hasher = Hasher::default();
    hasher.read(source)?;
    Ok(hasher.finish())
}

/// Size and hash of files one after the other, as if they were one.
pub fn fingerprint_of_files(files: &[PathBuf]) -> io::Result<Fingerprint> {
    let mut hasher = Hasher::default();
    for file in files {
        hasher.read(File::open(file)?)?;
    }
    Ok(hasher.finish())
}

/// Takes content piece by piece; how it is cut into pieces does not matter.
#[derive(Clone, Debug)]
pub struct Hasher {
    lanes: [u64; 4],
    size: u64,
    /// Bytes that do not fill a stripe yet; the first `size % 32` count.
    tail: [u8; 32],
}

impl Default for Hasher {
    fn default() -> Self {
        Self { lanes: [P1.wrapping_add(P2), P2, 0, 0u64.wrapping_sub(P1)], size: 0, tail: [0; 32] }
    }
}

impl Hasher {
    /// Adds all that is left of a stream.
    fn read(&mut self, mut source: impl Read) -> io::Result<()> {
        let mut buffer = vec![0u8; 1 << 20];
        loop {
            match source.read(&mut buffer) {
                Ok(0) => return Ok(()),
                Ok(n) => self.update(&buffer[..n]),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Adds the bytes that follow.
    pub fn update(&mut self, mut bytes: &[u8]) {
        let held = (self.size % 32) as usize;
        self.size += bytes.len() as u64;
        if held > 0 {
            let n = bytes.len().min(32 - held);
            self.tail[held..held + n].copy_from_slice(&bytes[..n]);
            bytes = &bytes[n..];
            if held + n < 32 {
                return;
            }
            add_stripe(&mut self.lanes, &self.tail);
        }
        let mut stripes = bytes.chunks_exact(32);
        // A copy, which the compiler keeps in registers.
        let mut lanes = self.lanes;
        for stripe in &mut stripes {
            add_stripe(&mut lanes, stripe);
        }
        self.lanes = lanes;
        let rest = stripes.remainder();
        self.tail[..rest.len()].copy_from_slice(rest);
    }

    /// Size and hash of all that was added.
    pub fn finish(&self) -> Fingerprint {
        let hash = if self.size >= 32 { merge(self.lanes) } else { P5 };
        let tail = &self.tail[..(self.size % 32) as usize];
        Fingerprint { size: self.size, hash: finish(hash.wrapping_add(self.size), tail) }
    }
}

fn add_stripe(lanes: &mut [u64; 4], stripe: &[u8]) {
    for (lane, word) in lanes.iter_mut().zip(stripe.chunks_exact(8)) {
        *lane = round(*lane, word64(word));
    }
}

fn word64(bytes: &[u8]) -> u64 {
    bytes.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte))
}

fn round(lane: u64, word: u64) -> u64 {
    lane.wrapping_add(word.wrapping_mul(P2)).rotate_left(31).wrapping_mul(P1)
}

fn merge(lanes: [u64; 4]) -> u64 {
    let turns = [1, 7, 12, 18];
    let sum = lanes.iter().zip(turns).fold(0u64, |sum, (lane, turn)| sum.wrapping_add(lane.rotate_left(turn)));
    lanes.iter().fold(sum, |hash, &lane| (hash ^ round(0, lane)).wrapping_mul(P1).wrapping_add(P4))
}

fn finish(mut hash: u64, tail: &[u8]) -> u64 {
    let mut words = tail.chunks_exact(8);
    for word in &mut words {
        hash = (hash ^ round(0, word64(word))).rotate_left(27).wrapping_mul(P1).wrapping_add(P4);
    }
    let mut rest = words.remainder();
    if rest.len() >= 4 {
        hash = (hash ^ word64(&rest[..4]).wrapping_mul(P1)).rotate_left(23).wrapping_mul(P2).wrapping_add(P3);
        rest = &rest[4..];
    }
    for &byte in rest {
        hash = (hash ^ u64::from(byte).wrapping_mul(P5)).rotate_left(11).wrapping_mul(P1);
    }
    hash = (hash ^ (hash >> 33)).wrapping_mul(P2);
    hash = (hash ^ (hash >> 29)).wrapping_mul(P3);
    hash ^ (hash >> 32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash(bytes: &[u8]) -> u64 {
        fingerprint(bytes).unwrap().hash
    }

    #[test]
    fn hash_is_the_published_xxh64() {
        assert_eq!(hash(b""), 0xef46_db37_51d8_e999);
        assert_eq!(hash(b"a"), 0xd24e_c4f1_a98c_6e5b);
        assert_eq!(hash(b"abc"), 0x44bc_2cf5_ad77_0999);
        // 43 bytes: one full stripe and a tail.
        assert_eq!(hash(b"The quick brown fox jumps over the lazy dog"), 0x0b24_2d36_1fda_71bc);
    }

    #[test]
    fn buffer_border_does_not_matter() {
        let bytes: Vec<u8> = (0..(3 << 20) + 77).map(|i: usize| (i * 31 % 251) as u8).collect();
        struct Trickle<'a>(&'a [u8]);
        impl Read for Trickle<'_> {
            fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
                let n = into.len().min(self.0.len()).min(1013);
                into[..n].copy_from_slice(&self.0[..n]);
                self.0 = &self.0[n..];
                Ok(n)
            }
        }
        assert_eq!(fingerprint(Trickle(&bytes)).unwrap(), fingerprint(&bytes[..]).unwrap());
        assert_eq!(fingerprint(&bytes[..]).unwrap().size, bytes.len() as u64);
    }
}
