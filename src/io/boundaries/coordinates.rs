//! The `coordinates` of GeoJSON geometries, read without a tree of values.

use std::fmt;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, Error, SeqAccess, Visitor};

/// Nested arrays of numbers, flattened: positions, in rings, in polygons.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Coordinates {
    /// The first two numbers of every innermost array.
    pub vertices: Vec<[f64; 2]>,
    /// Where the vertices of each array of positions end.
    pub ring_ends: Vec<usize>,
    /// Where the rings of each array of arrays of positions end.
    pub part_ends: Vec<usize>,
}

impl<'de> Deserialize<'de> for Coordinates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut coordinates = Self::default();
        Level(&mut coordinates).deserialize(deserializer)?;
        Ok(coordinates)
    }
}

/// What stands in an array.
enum Element {
    Number(f64),
    /// An array that is nested so deep: 1 for a position.
    Nested(u8),
    /// An array without anything in it.
    Nothing,
}

/// Reads a number or an array, and all that is in it.
struct Level<'a>(&'a mut Coordinates);

impl<'de> DeserializeSeed<'de> for Level<'_> {
    type Value = Element;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Element, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Level<'_> {
    type Value = Element;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers in nested arrays as coordinates")
    }

    fn visit_f64<E>(self, value: f64) -> Result<Element, E> {
        Ok(Element::Number(value))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Element, E> {
        Ok(Element::Number(value as f64))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Element, E> {
        Ok(Element::Number(value as f64))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut array: A) -> Result<Element, A::Error> {
        let mut position = [0.0; 2];
        let mut n_numbers = 0;
        let mut depth: Option<u8> = None;
        while let Some(element) = array.next_element_seed(Level(&mut *self.0))? {
            let of_element = match element {
                Element::Number(value) => {
                    if let Some(place) = position.get_mut(n_numbers) {
                        *place = value;
                    }
                    n_numbers += 1;
                    1
                }
                Element::Nested(depth) => depth.saturating_add(1),
                Element::Nothing => continue,
            };
            if depth.replace(of_element).is_some_and(|before| before != of_element) {
                return Err(A::Error::custom("coordinates are nested unevenly"));
            }
        }
        match depth {
            None => return Ok(Element::Nothing),
            Some(1) if n_numbers < 2 => return Err(A::Error::custom("a position has one number only")),
            Some(1) => self.0.vertices.push(position),
            Some(2) => self.0.ring_ends.push(self.0.vertices.len()),
            Some(3) => self.0.part_ends.push(self.0.ring_ends.len()),
            Some(_) => {}
        }
        Ok(depth.map_or(Element::Nothing, Element::Nested))
    }
}
