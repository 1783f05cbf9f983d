//! Pixels, and how coordinates become pixels.

/// Red, green and blue.
pub(super) type Rgb = [u8; 3];

/// Longest side of a picture, axes included.
const LONGEST: f64 = 1200.0;
/// Room for the axes: left, above, right, below.
const MARGINS: [i64; 4] = [68, 12, 12, 28];
const BACKGROUND: Rgb = [255, 255, 255];
const AXIS: Rgb = [90, 90, 90];
/// Pixels per dot of a digit.
const DOT: i64 = 2;
/// Dots of digits from top to bottom, the leftmost as the highest of three bits; then the minus and the point.
const DIGITS: [[u8; 5]; 12] = [
    [7, 5, 5, 5, 7],
    [2, 6, 2, 2, 7],
    [7, 1, 7, 4, 7],
    [7, 1, 7, 1, 7],
    [5, 5, 7, 1, 1],
    [7, 4, 7, 1, 7],
    [7, 4, 7, 5, 7],
    [7, 1, 1, 2, 2],
    [7, 5, 7, 5, 7],
    [7, 5, 7, 1, 7],
    [0, 0, 7, 0, 0],
    [0, 0, 0, 0, 2],
];

/// The part of the plane that a picture shows.
#[derive(Clone, Copy, Debug)]
pub(super) struct View {
    low: [f64; 2],
    pixels_per_unit: f64,
    pub width: i64,
    pub height: i64,
}

impl View {
    /// All of the given rectangles, or the unit square.
    pub fn of(rectangles: impl Iterator<Item = [[f64; 2]; 2]>) -> Self {
        let (mut low, mut high) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
        for [from, to] in rectangles {
            for axis in 0..2 {
                low[axis] = low[axis].min(from[axis]);
                high[axis] = high[axis].max(to[axis]);
            }
        }
        if !low.iter().chain(&high).all(|value| value.is_finite()) {
            (low, high) = ([0.0; 2], [1.0; 2]);
        }
        let largest = (high[0] - low[0]).max(high[1] - low[1]);
        // A little more, so that frames are not on the border; and something for a single point.
        let margin = if largest > 0.0 { 0.01 * largest } else { 0.5 };
        let size = [0, 1].map(|axis| high[axis] - low[axis] + 2.0 * margin);
        let [left, above, right, below] = MARGINS;
        let room = [LONGEST - (left + right) as f64, LONGEST - (above + below) as f64];
        let pixels_per_unit = (room[0] / size[0]).min(room[1] / size[1]);
        let extent = |axis: usize| ((size[axis] * pixels_per_unit) as i64).clamp(1, room[axis] as i64);
        Self {
            low: [low[0] - margin, low[1] - margin],
            pixels_per_unit,
            width: extent(0) + left + right,
            height: extent(1) + above + below,
        }
    }

    /// First pixel of the plot within the axes, and the one behind the last, as column and row.
    pub fn plot(&self) -> [[i64; 2]; 2] {
        let [left, above, right, below] = MARGINS;
        [[left, above], [self.width - right, self.height - below]]
    }

    /// Column and row of the pixel at a point, maybe outside of the picture.
    pub fn pixel(&self, point: [f64; 2]) -> [i64; 2] {
        let at = |axis: usize| {
            // Far enough outside, and near enough for sums of whole numbers.
            let offset = ((point[axis] - self.low[axis]) * self.pixels_per_unit).clamp(-1e6, 1e6);
            offset.floor() as i64 + MARGINS[axis]
        };
        [at(0), at(1)]
    }

    /// Coordinates of the middle of a pixel.
    pub fn coordinates(&self, [column, row]: [i64; 2]) -> [f64; 2] {
        let at =
            |axis: usize, index: i64| self.low[axis] + ((index - MARGINS[axis]) as f64 + 0.5) / self.pixels_per_unit;
        [at(0, column), at(1, row)]
    }

    /// Where a pixel of the plot is in the array.
    pub fn place(&self, at: [i64; 2]) -> Option<usize> {
        let [first, end] = self.plot();
        let is_in = (0..2).all(|axis| at[axis] >= first[axis] && at[axis] < end[axis]);
        is_in.then(|| (at[1] * self.width + at[0]) as usize)
    }
}

/// A picture in the making.
#[derive(Debug)]
pub(super) struct Canvas {
    pub view: View,
    /// Row by row. `[height * width]`
    pub pixels: Vec<Rgb>,
}

impl Canvas {
    /// An empty picture.
    pub fn new(view: View) -> Self {
        Self { view, pixels: vec![BACKGROUND; (view.width * view.height) as usize] }
    }

    /// Colors a pixel of the plot; those outside of it do not exist.
    pub fn set(&mut self, at: [i64; 2], color: Rgb) {
        if let Some(place) = self.view.place(at) {
            self.pixels[place] = color;
        }
    }

    /// The outline of a rectangle.
    pub fn frame(&mut self, [low, high]: [[f64; 2]; 2], color: Rgb) {
        let ([left, top], [right, bottom]) = (self.view.pixel(low), self.view.pixel(high));
        let [first, end] = self.view.plot();
        for column in left.max(first[0])..=right.min(end[0]) {
            self.set([column, top], color);
            self.set([column, bottom], color);
        }
        for row in top.max(first[1])..=bottom.min(end[1]) {
            self.set([left, row], color);
            self.set([right, row], color);
        }
    }

    /// A straight line, a pixel wide.
    pub fn line(&mut self, from: [f64; 2], to: [f64; 2], color: Rgb) {
        let (from, to) = (self.view.pixel(from), self.view.pixel(to));
        let n_steps = (to[0] - from[0]).abs().max((to[1] - from[1]).abs()).max(1);
        for step in 0..=n_steps {
            let at = |axis: usize| {
                let moved = (to[axis] - from[axis]) * step * 2 + n_steps;
                from[axis] + moved.div_euclid(2 * n_steps)
            };
            self.set([at(0), at(1)], color);
        }
    }

    /// The inside of a ring, by the even-odd rule.
    pub fn fill(&mut self, ring: &[[f64; 2]], color: Rgb) {
        let [first, end] = self.view.plot();
        let rows = ring.iter().map(|&vertex| self.view.pixel(vertex)[1]);
        let (Some(top), Some(bottom)) = (rows.clone().min(), rows.max()) else { return };
        let mut crossings: Vec<f64> = Vec::new();
        for row in top.max(first[1])..=bottom.min(end[1]) {
            let y = self.view.coordinates([0, row])[1];
            crossings.clear();
            for (at, &to) in ring.iter().enumerate() {
                let from = ring[(at + ring.len() - 1) % ring.len()];
                if (from[1] > y) != (to[1] > y) {
                    crossings.push(from[0] + (y - from[1]) / (to[1] - from[1]) * (to[0] - from[0]));
                }
            }
            crossings.sort_unstable_by(f64::total_cmp);
            for span in crossings.chunks_exact(2) {
                let [left, right] = [0, 1].map(|side| self.view.pixel([span[side], y])[0]);
                for column in left.max(first[0])..right.min(end[0]) {
                    self.set([column, row], color);
                }
            }
        }
    }

    /// Draws the border of the plot with ticks and their coordinates.
    pub fn axes(&mut self) {
        let [first, end] = self.view.plot();
        for column in first[0] - 1..=end[0] {
            self.put([column, first[1] - 1], AXIS);
            self.put([column, end[1]], AXIS);
        }
        for row in first[1] - 1..=end[1] {
            self.put([first[0] - 1, row], AXIS);
            self.put([end[0], row], AXIS);
        }
        for axis in 0..2 {
            let length = (end[axis] - first[axis]) as f64 / self.view.pixels_per_unit;
            let (low, step, n_decimals) = ticks(self.view.low[axis], length, if axis == 0 { 7.0 } else { 9.0 });
            for number in 0..100 {
                let value = low + step * f64::from(number);
                let at = self.view.pixel([value; 2])[axis];
                if at >= end[axis] {
                    break;
                }
                let text = format!("{value:.n_decimals$}");
                // No minus before a zero.
                let text = if text.bytes().any(|byte| (b'1'..=b'9').contains(&byte)) { &text } else { "0" };
                let width = 4 * DOT * text.len() as i64;
                if axis == 0 {
                    (1..=5).for_each(|offset| self.put([at, end[1] + offset], AXIS));
                    self.write([at - width / 2, end[1] + 9], text);
                } else {
                    (1..=5).for_each(|offset| self.put([first[0] - 1 - offset, at], AXIS));
                    self.write([first[0] - 9 - width, at - 5], text);
                }
            }
        }
    }

    /// Writes a number; `at` is its upper left corner.
    fn write(&mut self, at: [i64; 2], text: &str) {
        for (place, byte) in text.bytes().enumerate() {
            let dots = match byte {
                b'0'..=b'9' => DIGITS[usize::from(byte - b'0')],
                b'-' => DIGITS[10],
                b'.' => DIGITS[11],
                _ => continue,
            };
            for (down, bits) in dots.iter().enumerate() {
                for across in 0..3i64 {
                    if bits >> (2 - across) & 1 == 1 {
                        let corner = [at[0] + (4 * place as i64 + across) * DOT, at[1] + down as i64 * DOT];
                        for offset in 0..DOT * DOT {
                            self.put([corner[0] + offset % DOT, corner[1] + offset / DOT], AXIS);
                        }
                    }
                }
            }
        }
    }

    /// Colors any pixel of the picture.
    fn put(&mut self, [column, row]: [i64; 2], color: Rgb) {
        if (0..self.view.width).contains(&column) && (0..self.view.height).contains(&row) {
            self.pixels[(row * self.view.width + column) as usize] = color;
        }
    }
}

/// The first tick at or above `low`, the step between ticks (1, 2 or 5 times a power of ten, about `n` of them on the
/// length), and the decimals that the step needs.
fn ticks(low: f64, length: f64, n: f64) -> (f64, f64, usize) {
    let wanted = length / n;
    let mut power = 1.0;
    let mut n_decimals = 0;
    while power * 10.0 <= wanted && power < 1e300 {
        power *= 10.0;
    }
    while power > wanted && n_decimals < 9 {
        power /= 10.0;
        n_decimals += 1;
    }
    let step = [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|&step| step >= wanted);
    let step = step.unwrap_or(10.0 * power);
    ((low / step).ceil() * step, step, n_decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_numbers() {
        assert_eq!(ticks(-3.0, 70.0, 7.0), (0.0, 10.0, 0));
        assert_eq!(ticks(101.0, 2900.0, 7.0), (500.0, 500.0, 0));
        let (low, step, n_decimals) = ticks(0.05, 1.0, 7.0);
        assert_eq!((format!("{low:.n_decimals$}"), format!("{step:.n_decimals$}")), ("0.2".into(), "0.2".into()));
    }

    #[test]
    fn points_and_pixels_correspond() {
        let view = View::of([[[10.0, -5.0], [30.0, 5.0]]].into_iter());
        assert!(view.width == 1200 && view.height < 700, "{view:?}");
        for at in [[100, 40], [900, 300]] {
            assert_eq!(view.pixel(view.coordinates(at)), at);
        }
        assert_eq!(view.place([0, 0]), None);
    }
}
