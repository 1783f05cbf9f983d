//! Well-known binary for polygons of one ring.

use crate::data::Ring;

const LITTLE_ENDIAN: u8 = 1;
const POLYGON: u32 = 3;
const MULTI_POLYGON: u32 = 6;
const HEADER: usize = 1 + 4 + 4 + 4;

/// A polygon of one ring: byte order, type 3, one ring, number of vertices, then x and y of each.
pub(super) fn encode(ring: &Ring, bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.reserve(HEADER + 16 * ring.len());
    bytes.push(LITTLE_ENDIAN);
    for number in [POLYGON, 1, ring.len() as u32] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for coordinate in ring.iter().flatten() {
        bytes.extend_from_slice(&coordinate.to_le_bytes());
    }
}

/// A multi-polygon of one polygon of one ring.
pub(super) fn encode_multi(ring: &Ring, bytes: &mut Vec<u8>) {
    encode(ring, bytes);
    let mut outer = [LITTLE_ENDIAN, 0, 0, 0, 0, 0, 0, 0, 0];
    outer[1..5].copy_from_slice(&MULTI_POLYGON.to_le_bytes());
    outer[5..9].copy_from_slice(&1u32.to_le_bytes());
    bytes.splice(..0, outer);
}

/// The ring of a polygon; `None` if the bytes are anything else.
pub(super) fn decode(bytes: &[u8]) -> Option<Ring> {
    let number = |at: usize| Some(u32::from_le_bytes(bytes.get(at..at + 4)?.try_into().ok()?));
    if *bytes.first()? != LITTLE_ENDIAN || number(1)? != POLYGON || number(5)? != 1 {
        return None;
    }
    let n_vertices = number(9)? as usize;
    let vertices = &bytes[HEADER..];
    if vertices.len() != n_vertices.checked_mul(16)? {
        return None;
    }
    let coordinate = |bytes: &[u8]| bytes.try_into().map(f64::from_le_bytes).unwrap_or(f64::NAN);
    Some(vertices.chunks_exact(16).map(|pair| [coordinate(&pair[..8]), coordinate(&pair[8..])]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ring_survives_and_cut_bytes_are_refused() {
        let ring = vec![[0.1, -1e300], [5e-324, 2.0], [3.0, 4.0], [0.1, -1e300]];
        let mut bytes = Vec::new();
        encode(&ring, &mut bytes);
        assert_eq!(bytes[..13], [1, 3, 0, 0, 0, 1, 0, 0, 0, 4, 0, 0, 0]);
        assert_eq!(decode(&bytes), Some(ring));
        assert!((0..bytes.len()).all(|n| decode(&bytes[..n]).is_none()));
        bytes[1] = 6;
        assert_eq!(decode(&bytes), None);
        let ring = vec![[0.0; 2]; 4];
        encode_multi(&ring, &mut bytes);
        assert_eq!(bytes[..14], [1, 6, 0, 0, 0, 1, 0, 0, 0, 1, 3, 0, 0, 0]);
        assert_eq!(decode(&bytes[9..]), Some(ring));
    }
}
