//! Text in pictures: one typeface, any size, across or upwards.

use std::sync::LazyLock;

use ab_glyph::{Font, FontRef, Glyph, PxScale, ScaleFont, point};

/// DejaVu Sans, reduced to Latin, Greek and some signs; see `assets/font/README.md`.
static FONT: LazyLock<Option<FontRef<'static>>> =
    LazyLock::new(|| FontRef::try_from_slice(include_bytes!("../assets/font/DejaVuSans-subset.ttf")).ok());

/// A line of text as coverage of pixels.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ink {
    /// Pixels per row.
    pub width: usize,
    /// Rows.
    pub height: usize,
    /// Share of every pixel that is covered, 0 to 1, row by row.
    pub coverage: Vec<f32>,
}

impl Ink {
    /// A line of text; `size` is the distance from the top of the highest letters to the bottom of the lowest, in
    /// pixels. Signs that the typeface lacks are boxes.
    pub fn of(text: &str, size: f32) -> Self {
        let Some(font) = FONT.as_ref() else { return Self::default() };
        let scaled = font.as_scaled(PxScale::from(size));
        let (glyphs, width) = set(text, size);
        let mut ink =
            Self { width: width.ceil() as usize + 1, height: scaled.height().ceil() as usize + 1, ..Self::default() };
        ink.coverage = vec![0.0; ink.width * ink.height];
        for outlined in glyphs.into_iter().filter_map(|glyph| font.outline_glyph(glyph)) {
            let corner = outlined.px_bounds().min;
            outlined.draw(|across, down, share| {
                let (column, row) = (corner.x as i64 + i64::from(across), corner.y as i64 + i64::from(down));
                if (0..ink.width as i64).contains(&column) && (0..ink.height as i64).contains(&row) {
                    let pixel = &mut ink.coverage[row as usize * ink.width + column as usize];
                    *pixel = (*pixel + share).min(1.0);
                }
            });
        }
        ink
    }

    /// The same, to be read from bottom to top.
    pub fn upwards(&self) -> Self {
        let at = |pixel: usize| {
            let (column, row) = (pixel % self.height, pixel / self.height);
            self.coverage[column * self.width + self.width - 1 - row]
        };
        Self { width: self.height, height: self.width, coverage: (0..self.coverage.len()).map(at).collect() }
    }
}

/// Width of a line of text in pixels.
pub(super) fn width(text: &str, size: f32) -> usize {
    set(text, size).1.ceil() as usize
}

/// The text itself, or its beginning and an ellipsis if it is wider than `limit` pixels.
pub(super) fn shortened(text: &str, size: f32, limit: usize) -> String {
    if width(text, size) <= limit {
        return text.to_owned();
    }
    let mut letters: Vec<char> = text.chars().collect();
    while !letters.is_empty() {
        letters.pop();
        let short = letters.iter().collect::<String>() + "…";
        if width(&short, size) <= limit {
            return short;
        }
    }
    "…".to_owned()
}

/// Letters at their places on a line whose top is at 0, and its width.
fn set(text: &str, size: f32) -> (Vec<Glyph>, f32) {
    let Some(font) = FONT.as_ref() else { return (Vec::new(), 0.0) };
    let scaled = font.as_scaled(PxScale::from(size));
    let mut glyphs = Vec::new();
    let mut x = 0.0;
    for letter in text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }) {
        let glyph = scaled.glyph_id(letter);
        glyphs.push(glyph.with_scale_and_position(PxScale::from(size), point(x, scaled.ascent())));
        x += scaled.h_advance(glyph);
    }
    (glyphs, x)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_of_units_and_genes_have_ink_of_their_own() {
        let ink = |letter: char| Ink::of(&letter.to_string(), 20.0).coverage;
        let missing = ink('\u{4e00}');
        assert!(missing.iter().sum::<f32>() > 5.0);
        for letter in "Aµβé²→×−…Ω≥".chars() {
            let found = ink(letter);
            assert!(found.iter().sum::<f32>() > 2.0 && found != missing, "{letter}");
        }
    }

    #[test]
    fn text_turned_upwards_begins_at_the_bottom() {
        let ink = Ink { width: 3, height: 2, coverage: vec![1.0, 0.5, 0.0, 0.25, 0.0, 0.75] };
        let up = ink.upwards();
        assert_eq!((up.width, up.height), (2, 3));
        assert_eq!(up.coverage, [0.0, 0.75, 0.5, 0.0, 1.0, 0.25]);
    }

    #[test]
    fn long_names_are_shortened_to_the_limit() {
        let name = "a very long name of a cluster of cells";
        let short = shortened(name, 16.0, 120);
        assert!(short.ends_with('…') && width(&short, 16.0) <= 120 && width(&short, 16.0) > 90);
        assert_eq!(shortened("short", 16.0, 120), "short");
    }
}
