//! The place that a slide takes up: what coordinates are measured against.

use crate::data::Positions;

/// Lowest and highest coordinates of a slide, z included; 0 for z in 2D.
///
/// METHOD: normalized coordinates and the Hilbert curve depend on the extent of everything. A part of a slide that
/// takes the frame of the whole has the graph and the order that it has in the whole.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Frame {
    /// Lowest x, y, z.
    pub low: [f64; 3],
    /// Highest x, y, z.
    pub high: [f64; 3],
}

impl Frame {
    /// The frame of points. Without points low is infinite and high is minus infinity.
    pub fn of(positions: &Positions) -> Self {
        let range = |axis: &[f64]| {
            axis.iter()
                .fold((f64::INFINITY, f64::NEG_INFINITY), |(low, high), &value| (low.min(value), high.max(value)))
        };
        let [x, y, z] = [range(&positions.x), range(&positions.y), positions.z.as_deref().map_or((0.0, 0.0), range)];
        Self { low: [x.0, y.0, z.0], high: [x.1, y.1, z.1] }
    }

    /// The longest side, of all axes; 0 without points.
    pub fn longest_side(&self) -> f64 {
        (0..3).map(|axis| self.high[axis] - self.low[axis]).fold(0.0, f64::max)
    }

    /// The longer side in the plane; 0 without points.
    pub fn longest_side_in_plane(&self) -> f64 {
        (0..2).map(|axis| self.high[axis] - self.low[axis]).fold(0.0, f64::max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_holds_all_points() {
        let positions = Positions { x: vec![2.0, -1.0], y: vec![5.0, 5.5], z: Some(vec![9.0, 1.0]) };
        let frame = Frame::of(&positions);
        assert_eq!(frame, Frame { low: [-1.0, 5.0, 1.0], high: [2.0, 5.5, 9.0] });
        assert_eq!((frame.longest_side(), frame.longest_side_in_plane()), (8.0, 3.0));
        assert_eq!(Frame::of(&Positions::default()).longest_side(), 0.0);
    }
}
