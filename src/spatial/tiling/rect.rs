//! Rectangles.

/// A rectangle along the axes. Its lower ends belong to it, its upper ones do not; ends may be infinite.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rect {
    /// From where to where along x.
    pub x: [f64; 2],
    /// From where to where along y.
    pub y: [f64; 2],
}

impl Rect {
    /// The whole plane.
    pub const PLANE: Self = Self { x: [f64::NEG_INFINITY, f64::INFINITY], y: [f64::NEG_INFINITY, f64::INFINITY] };

    /// Whether a point is in it.
    pub fn contains(&self, x: f64, y: f64) -> bool {
        self.x[0] <= x && x < self.x[1] && self.y[0] <= y && y < self.y[1]
    }

    /// The rectangle with a margin on all sides. A negative margin makes it smaller.
    pub fn widened(&self, margin: f64) -> Self {
        let wider = |[low, high]: [f64; 2]| [low - margin, high + margin];
        Self { x: wider(self.x), y: wider(self.y) }
    }

    /// Whether the rectangles have points in common.
    pub fn meets(&self, other: &Self) -> bool {
        let meet = |a: [f64; 2], b: [f64; 2]| a[0] < b[1] && b[0] < a[1];
        meet(self.x, other.x) && meet(self.y, other.y)
    }

    /// What is below a border along an axis (0 for x), and the rest.
    pub fn cut(&self, axis: usize, border: f64) -> [Self; 2] {
        let (mut below, mut above) = (*self, *self);
        if axis == 0 {
            (below.x[1], above.x[0]) = (border, border);
        } else {
            (below.y[1], above.y[0]) = (border, border);
        }
        [below, above]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_of_a_rectangle_share_no_point() {
        let rect = Rect { x: [0.0, 4.0], y: [0.0, 2.0] };
        let [below, above] = rect.cut(0, 1.0);
        assert!(!below.contains(1.0, 0.5) && above.contains(1.0, 0.5));
        assert!(rect.contains(0.0, 0.0) && !rect.contains(4.0, 0.0) && !rect.contains(0.0, 2.0));
        assert_eq!(rect.widened(1.0), Rect { x: [-1.0, 5.0], y: [-1.0, 3.0] });
        assert!(!below.meets(&above) && below.widened(0.1).meets(&above) && rect.meets(&rect));
        assert!(Rect::PLANE.widened(3.0).contains(1e300, -1e300));
    }
}
