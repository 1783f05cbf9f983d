//! Well-known binary: polygons of one ring out and in, polygons of others in.

use crate::data::Ring;

const LITTLE_ENDIAN: u8 = 1;
const POLYGON: u32 = 3;
const MULTI_POLYGON: u32 = 6;
const COLLECTION: u32 = 7;
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

/// The ring of a polygon, with finite coordinates; `None` if the bytes are anything else.
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
    let ring: Ring = vertices.chunks_exact(16).map(|pair| [coordinate(&pair[..8]), coordinate(&pair[8..])]).collect();
    ring.iter().flatten().all(|coordinate| coordinate.is_finite()).then_some(ring)
}

/// The polygons of a geometry that others wrote: rings in polygons, the outer ring first, x and y only. No polygons for
/// points and lines.
///
/// Polygons, multi-polygons and collections of both are read, in either order of bytes, with or without z, m and a
/// reference system (the ISO and the PostGIS way). `None` if the bytes are anything else, or cut short.
pub(super) fn polygons(bytes: &[u8]) -> Option<Vec<Vec<Ring>>> {
    let mut reader = Reader { bytes, is_little: true };
    let mut polygons = Vec::new();
    reader.geometry(0, &mut polygons)?;
    Some(polygons)
}

/// Deepest nesting of collections.
const MAX_DEPTH: usize = 8;

struct Reader<'a> {
    bytes: &'a [u8],
    is_little: bool,
}

impl Reader<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (first, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        let mut bytes = *first;
        if !self.is_little {
            bytes.reverse();
        }
        Some(bytes)
    }

    /// A number of things that take `size` bytes each at least, which must still be there.
    fn number(&mut self, size: usize) -> Option<usize> {
        let n = u32::from_le_bytes(self.take()?) as usize;
        (n.checked_mul(size)? <= self.bytes.len()).then_some(n)
    }

    fn geometry(&mut self, depth: usize, polygons: &mut Vec<Vec<Ring>>) -> Option<()> {
        let [order] = self.take::<1>()?;
        self.is_little = order == LITTLE_ENDIAN;
        let word = u32::from_le_bytes(self.take()?);
        let (flags, kind) = (word >> 28, word & 0x0fff_ffff);
        if flags & 2 != 0 {
            self.take::<4>()?;
        }
        let of_iso = match kind / 1000 {
            0 => 0,
            1 | 2 => 1,
            3 => 2,
            _ => return None,
        };
        let of_flags = (flags >> 3 & 1) + (flags >> 2 & 1);
        let n_axes = 2 + of_iso.max(of_flags as usize);
        match kind % 1000 {
            POLYGON => {
                let n_rings = self.number(4)?;
                let rings: Option<Vec<Ring>> = (0..n_rings).map(|_| self.ring(n_axes)).collect();
                polygons.push(rings?);
                Some(())
            }
            MULTI_POLYGON | COLLECTION if depth < MAX_DEPTH => {
                let n_members = self.number(5)?;
                (0..n_members).try_for_each(|_| self.geometry(depth + 1, polygons))
            }
            // Points and lines have no inside, and in a collection nothing tells where they end.
            1 | 2 | 4 | 5 if depth == 0 => Some(()),
            _ => None,
        }
    }

    fn ring(&mut self, n_axes: usize) -> Option<Ring> {
        let n_vertices = self.number(8 * n_axes)?;
        let mut ring = Ring::with_capacity(n_vertices);
        for _ in 0..n_vertices {
            let vertex = [f64::from_le_bytes(self.take()?), f64::from_le_bytes(self.take()?)];
            for _ in 2..n_axes {
                self.take::<8>()?;
            }
            ring.push(vertex);
        }
        Some(ring)
    }
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
        encode(&vec![[0.0, 1.0], [f64::NEG_INFINITY, 1.0]], &mut bytes);
        assert_eq!(decode(&bytes), None);
    }

    #[test]
    fn polygons_of_others_are_read_in_all_their_forms() {
        let (outer, inner) = (vec![[0.0, 0.0], [4.0, 0.0], [4.0, 4.0]], vec![[1.0, 1.0], [2.0, 1.0], [2.0, 2.0]]);
        let number = |n: u32, is_little: bool| if is_little { n.to_le_bytes() } else { n.to_be_bytes() };
        let polygon = |kind: u32, is_little: bool, more: &[f64]| {
            let mut bytes = vec![u8::from(is_little)];
            bytes.extend(number(kind, is_little));
            if kind & 0x2000_0000 != 0 {
                bytes.extend(number(4326, is_little));
            }
            bytes.extend(number(2, is_little));
            for ring in [&outer, &inner] {
                bytes.extend(number(3, is_little));
                for value in ring.iter().flat_map(|vertex| vertex.iter().chain(more)) {
                    bytes.extend(if is_little { value.to_le_bytes() } else { value.to_be_bytes() });
                }
            }
            bytes
        };
        let expected = vec![vec![outer.clone(), inner.clone()]];
        for (kind, more) in [
            (3, &[][..]),
            (1003, &[7.0]),
            (2003, &[7.0]),
            (3003, &[7.0, 8.0]),
            (0x8000_0003, &[7.0]),
            (0x2000_0003, &[]),
        ] {
            for is_little in [true, false] {
                let bytes = polygon(kind, is_little, more);
                assert_eq!(polygons(&bytes), Some(expected.clone()), "{kind:x}");
                assert!((0..bytes.len()).all(|n| polygons(&bytes[..n]).is_none()), "{kind:x}");
            }
        }
        let multi = [&[1, 7, 0, 0, 0, 2, 0, 0, 0][..], &polygon(3, false, &[]), &polygon(3, true, &[])].concat();
        assert_eq!(polygons(&multi), Some([expected.clone(), expected].concat()));
        assert_eq!(polygons(&[1, 1, 0, 0, 0]), Some(vec![]));
        assert_eq!(polygons(&[1, 3, 0, 0, 0, 255, 255, 255, 255]), None);
        let deep = [1, 7, 0, 0, 0, 1, 0, 0, 0].repeat(100_000);
        assert_eq!(polygons(&deep), None);
    }
}
