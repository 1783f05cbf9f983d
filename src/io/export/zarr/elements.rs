//! Elements of arrays as bytes.

use serde_json::{Value, json};

/// A number in an array, little-endian.
pub trait Number: Copy + Default + Send {
    /// The type as the array's document says it.
    const DTYPE: &'static str;

    /// Adds the bytes of the number.
    fn push(self, bytes: &mut Vec<u8>);

    /// The number in JSON.
    fn fill(self) -> Value;
}

macro_rules! number {
    ($($type:ty => $dtype:literal)*) => { $(
        impl Number for $type {
            const DTYPE: &'static str = $dtype;

            fn push(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }

            fn fill(self) -> Value {
                json!(self)
            }
        }
    )* };
}

number! { i8 => "|i1" i32 => "<i4" i64 => "<i8" u32 => "<u4" f32 => "<f4" f64 => "<f8" }

/// Texts in the form `vlen-utf8`: their number, then each after its length in bytes; all lengths are 32-bit. Missing
/// ones are empty.
pub(super) fn encode_texts<S: AsRef<str>>(texts: impl ExactSizeIterator<Item = Option<S>>) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(16 * texts.len());
    (texts.len() as u32).push(&mut bytes);
    for text in texts {
        let text = text.as_ref().map_or("", |text| text.as_ref());
        (text.len() as u32).push(&mut bytes);
        bytes.extend_from_slice(text.as_bytes());
    }
    bytes
}
