//! What happens to a file: bytes change, go, come and repeat; numbers and words of a text change.

use super::draws::Draws;
use super::text;

/// Longest file that is made.
pub const MAX_BYTES: usize = 1 << 20;
/// Numbers at which programs err.
const NUMBERS: [u64; 22] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0x8000,
    0xffff,
    0x0001_0000,
    0x00ff_ffff,
    0x7fff_fffe,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_fffe,
    0xffff_ffff,
    0x1_0000_0000,
    0x0fff_ffff_ffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    0xffff_ffff_ffff_ffff,
];
/// Real numbers at which programs err.
const REALS: [f64; 12] =
    [0.0, -0.0, -1.0, 0.5, 1e-320, 1e15, 1e19, 1e300, f64::MAX, f64::NAN, f64::INFINITY, f64::NEG_INFINITY];

/// Changes the content of a file. `others`: contents that pieces may come from.
pub fn change(bytes: &mut Vec<u8>, others: &[&[u8]], draws: &mut Draws) {
    let is_text = text::is_text(bytes);
    for _ in 0..draws.few() {
        if is_text && !draws.one_in(4) {
            text::change(bytes, others, draws);
        } else {
            change_bytes(bytes, others, draws);
        }
    }
    bytes.truncate(MAX_BYTES);
}

fn change_bytes(bytes: &mut Vec<u8>, others: &[&[u8]], draws: &mut Draws) {
    let at = place(bytes.len(), draws);
    match draws.below(14) {
        0 | 1 if !bytes.is_empty() => bytes[at] ^= 1 << draws.below(8),
        2 if !bytes.is_empty() => bytes[at] = draws.bits() as u8,
        3 if !bytes.is_empty() => {
            let step = 1 + draws.below(16) as u8;
            bytes[at] = if draws.one_in(2) { bytes[at].wrapping_add(step) } else { bytes[at].wrapping_sub(step) };
        }
        4 | 5 => {
            let width = *draws.pick(&[1, 2, 4, 8]);
            let number = *draws.pick(&NUMBERS);
            let (small, large) = (number.to_le_bytes(), number.to_be_bytes());
            let value = if draws.one_in(2) { &small[..width] } else { &large[8 - width..] };
            overwrite(bytes, at, value);
        }
        6 => {
            let number = *draws.pick(&REALS);
            match draws.below(3) {
                0 => overwrite(bytes, at, &(number as f32).to_le_bytes()),
                1 => overwrite(bytes, at, &number.to_le_bytes()),
                _ => overwrite(bytes, at, &number.to_be_bytes()),
            }
        }
        // A number of variable length, as Parquet has them in its headers.
        7 => {
            let n = draws.few().min(9);
            let mut value = vec![0xff; n];
            value.push(draws.bits() as u8 & 0x7f);
            overwrite(bytes, at, &value);
        }
        8 => {
            let n = length(bytes.len() - at.min(bytes.len()), draws);
            bytes.drain(at.min(bytes.len())..(at + n).min(bytes.len()));
        }
        9 => bytes.truncate(at),
        10 => {
            let new: Vec<u8> = (0..draws.few() * 3).map(|_| draws.bits() as u8).collect();
            bytes.splice(at..at, new);
        }
        11 => {
            let piece = piece(bytes, draws).to_vec();
            let n = if draws.one_in(10) { 1000 } else { draws.few() };
            let all = piece.repeat(n.min(1 + MAX_BYTES / piece.len().max(1)));
            bytes.splice(at..at, all);
        }
        12 => {
            let piece = piece(bytes, draws).to_vec();
            overwrite(bytes, at, &piece);
        }
        _ => {
            let other: &[u8] = if others.is_empty() { &[] } else { draws.pick::<&[u8]>(others) };
            let piece = piece(other, draws);
            if draws.one_in(2) {
                overwrite(bytes, at, piece);
            } else {
                bytes.splice(at..at, piece.iter().copied());
            }
        }
    }
}

/// A place in a file: headers stand at the beginning and footers at the end.
fn place(n: usize, draws: &mut Draws) -> usize {
    match draws.below(4) {
        0 => draws.below(n.min(256)),
        1 => n - draws.below(n.min(1024)) - usize::from(n > 0),
        _ => draws.below(n),
    }
}

fn length(most: usize, draws: &mut Draws) -> usize {
    if draws.one_in(4) { draws.below(most) } else { draws.below(most.min(32)) }
}

fn piece<'a>(bytes: &'a [u8], draws: &mut Draws) -> &'a [u8] {
    let at = draws.below(bytes.len());
    let n = 1 + length(bytes.len() - at, draws);
    &bytes[at..(at + n).min(bytes.len())]
}

fn overwrite(bytes: &mut [u8], at: usize, value: &[u8]) {
    for (to, from) in bytes.iter_mut().skip(at).zip(value) {
        *to = *from;
    }
}
