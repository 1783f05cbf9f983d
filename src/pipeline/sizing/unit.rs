//! Are coordinates microns or pixels? What the suggested radius of a cell says about it.

use super::words::number;
use crate::data::Positions;

/// Radii of most cells, in microns: lymphocytes to hepatocytes.
const RADII: [f64; 2] = [3.0, 15.0];
/// The typical one.
const TYPICAL_RADIUS: f64 = 6.0;
/// Sizes of camera pixels on the sample, in microns: strong objectives to weak ones.
const PIXELS: [f64; 2] = [0.05, 0.7];
/// From this share of whole numbers on, coordinates count as whole.
const WHOLE: f64 = 0.99;
/// Coordinates looked at.
const SAMPLED: usize = 10_000;

/// What the unit of the coordinates may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unit {
    /// Microns.
    Microns,
    /// Pixels of a camera, or of an image.
    Pixels,
    /// Nanometers.
    Nanometers,
    /// Millimeters.
    Millimeters,
    /// Several are possible.
    Unclear,
}

impl Unit {
    /// The plural, for sentences; `unclear` if several are possible.
    pub fn name(self) -> &'static str {
        match self {
            Self::Microns => "microns",
            Self::Pixels => "pixels",
            Self::Nanometers => "nanometers",
            Self::Millimeters => "millimeters",
            Self::Unclear => "unclear",
        }
    }
}

/// The likely unit of the coordinates, with what speaks for it.
#[derive(Clone, Debug, PartialEq)]
pub struct UnitCheck {
    /// The likely unit.
    pub unit: Unit,
    /// Microns per coordinate unit if cells have a usual size (radius 3 to 15 microns).
    pub microns_per_unit: [f64; 2],
    /// Whether x and y are whole numbers.
    pub is_whole: bool,
    /// The same in words.
    pub sentences: Vec<String>,
}

/// Guesses the unit from the radius of cells in input units, and from whether coordinates are whole.
///
/// It is a guess: it takes for granted that cells are of a usual size. `None` for a radius that is
/// no positive number.
pub fn check(radius: f64, positions: &Positions) -> Option<UnitCheck> {
    if !(radius > 0.0 && radius.is_finite()) {
        return None;
    }
    let is_whole = is_whole(positions);
    let microns_per_unit = RADII.map(|microns| microns / radius);
    let [low, high] = microns_per_unit;
    let holds = |size: f64| (low..=high).contains(&size);
    let may_be_pixels = low <= PIXELS[1] && high >= PIXELS[0];
    let unit = if holds(1.0) {
        // Large pixels and microns overlap: whole coordinates speak for pixels.
        if is_whole && may_be_pixels { Unit::Unclear } else { Unit::Microns }
    } else if may_be_pixels {
        Unit::Pixels
    } else if holds(0.001) {
        Unit::Nanometers
    } else if holds(1000.0) {
        Unit::Millimeters
    } else {
        Unit::Unclear
    };
    let sentences = sentences(unit, radius, microns_per_unit, is_whole);
    Some(UnitCheck { unit, microns_per_unit, is_whole, sentences })
}

fn sentences(unit: Unit, radius: f64, [low, high]: [f64; 2], is_whole: bool) -> Vec<String> {
    let premise = format!(
        "Cells are usually 3 to 15 microns in radius. A radius of {} units would make a unit {} to {} microns",
        number(radius),
        number(low),
        number(high)
    );
    let meaning = match unit {
        Unit::Microns => format!("{premise}: the coordinates look like microns."),
        Unit::Pixels => format!(
            "{premise}: the coordinates look like pixels, of about {} microns if a cell is {} microns in radius.",
            number(TYPICAL_RADIUS / radius),
            number(TYPICAL_RADIUS)
        ),
        Unit::Nanometers => format!("{premise}: the coordinates look like nanometers."),
        Unit::Millimeters => format!("{premise}: the coordinates look like millimeters."),
        Unit::Unclear if is_whole => format!("{premise}: microns or large pixels."),
        Unit::Unclear => {
            format!("{premise}, which is no usual unit. Are x and y the right columns, and is the radius right?")
        }
    };
    let whole = if is_whole { "All coordinates are whole numbers, as pixels are." } else { "" };
    let consequence = "Only the unit of --scale (and of images given as prior) must be that of x and y; the model does not care which.";
    [meaning, whole.to_owned(), consequence.to_owned()].into_iter().filter(|sentence| !sentence.is_empty()).collect()
}

/// Whether nearly all of a sample of the coordinates are whole.
fn is_whole(positions: &Positions) -> bool {
    let step = positions.len().div_ceil(SAMPLED).max(1);
    let values = || positions.x.iter().step_by(step).chain(positions.y.iter().step_by(step));
    let (n, n_whole) = (values().count(), values().filter(|value| value.fract() == 0.0).count());
    n > 0 && n_whole as f64 >= WHOLE * n as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(step: f64) -> Positions {
        Positions { x: (0..50).map(|i| f64::from(i) * step).collect(), y: vec![step; 50], z: None }
    }

    #[test]
    fn the_radius_of_a_cell_tells_the_unit() {
        let unit = |radius: f64| check(radius, &places(0.37)).map(|check| check.unit);
        assert_eq!(unit(6.5), Some(Unit::Microns));
        assert_eq!(unit(40.0), Some(Unit::Pixels));
        assert_eq!(unit(6500.0), Some(Unit::Nanometers));
        assert_eq!(unit(0.0065), Some(Unit::Millimeters));
        assert_eq!(unit(0.3), Some(Unit::Unclear));
        assert_eq!(unit(f64::NAN), None);
        assert_eq!(unit(0.0), None);
    }

    #[test]
    fn pixels_are_told_with_their_size() {
        let check = check(60.0, &places(1.0)).expect("a radius");
        assert!(check.is_whole);
        assert!(check.sentences[0].contains("about 0.1 microns"), "{:?}", check.sentences);
        assert_eq!(check.microns_per_unit, [0.05, 0.25]);
    }

    #[test]
    fn whole_coordinates_leave_microns_open() {
        assert_eq!(check(10.0, &places(1.0)).map(|check| check.unit), Some(Unit::Unclear));
        assert_eq!(check(10.0, &places(0.3)).map(|check| check.unit), Some(Unit::Microns));
    }
}
