//! What a doubt about segments says.

use std::fmt;

/// What is odd about segments.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Oddity {
    /// One segment with much more than others, all over the area.
    Giant,
    /// Molecules in several places that are far apart.
    FarApart,
    /// Segments that lie on top of each other.
    OnTop,
    /// Segments that are much larger than others.
    Large,
    /// A few segments, each of which is everywhere.
    Classes,
    /// Segments that are larger than a cell of the scale that is given.
    BeyondScale,
    /// Segments that are smaller than a nucleus of such a cell.
    BelowScale,
}

/// Segments that do not look like cells or nuclei. Its text says what was found and what to do.
#[derive(Clone, Debug, PartialEq)]
pub struct Doubt {
    /// What is odd.
    pub oddity: Oddity,
    /// How many segments it concerns.
    pub n_odd: usize,
    /// Of how many.
    pub n_segments: usize,
    /// Share of the molecules in segments that they hold.
    pub share: f64,
    /// How odd they are: the largest ratio.
    pub ratio: f64,
    /// Names of some, those with the most molecules first.
    pub names: Vec<String>,
}

impl fmt::Display for Doubt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { n_odd, n_segments, ratio, .. } = self;
        let more = if self.names.len() < *n_odd { ", …" } else { "" };
        let names = format!("'{}'{more}", self.names.join("', '"));
        let percent = 100.0 * self.share;
        match self.oddity {
            Oddity::Giant => write!(
                f,
                "A segment of the prior holds {percent:.0} % of the molecules in segments, and is no cell: {names}. If it \
                 means 'no cell', name it with --unassigned-prior-label; otherwise check what names the segments"
            ),
            Oddity::FarApart => write!(
                f,
                "{n_odd} of {n_segments} segments of the prior have molecules in places far apart ({percent:.0} % of the \
                 molecules in segments): {names}. Are the labels unique in a field of view or section only? Then name \
                 both columns, as in :fov,cell_ID; if they mean 'no cell', use --unassigned-prior-label"
            ),
            Oddity::OnTop => write!(
                f,
                "The {n_segments} segments of the prior lie on top of each other: together they spread over {ratio:.0} \
                 times the area of the molecules. The widest are {names}. Labels that are unique in a field of view only, \
                 classes of cells and labels of other rows look like this"
            ),
            Oddity::Large => write!(
                f,
                "{n_odd} of {n_segments} segments of the prior are much larger than the others, up to {ratio:.0} times as \
                 wide, and hold {percent:.0} % of the molecules in segments: {names}. Labels that mean 'no cell' \
                 (--unassigned-prior-label), outlines of regions and merged nuclei look like this"
            ),
            Oddity::Classes => write!(
                f,
                "All that the prior has for segments is {n_segments} that spread over the whole slide: {names}. A class of \
                 molecules or cells, such as a compartment or a cell type, looks like this, but names no single cells. \
                 Give the column with the numbers of cells or nuclei"
            ),
            Oddity::BeyondScale => write!(
                f,
                "{n_odd} of {n_segments} segments of the prior are much larger than cells of the --scale that is given, up \
                 to {ratio:.0} times as wide, and hold {percent:.0} % of the molecules in segments: {names}. Is the scale \
                 the radius of a cell in the units of x and y? Otherwise classes, regions and labels that mean 'no cell' \
                 (--unassigned-prior-label) look like this"
            ),
            Oddity::BelowScale => write!(
                f,
                "A typical segment of the prior is {ratio:.0} times smaller than a cell of the --scale that is given, so \
                 it is no cell and no nucleus of one: {names}. Is the scale the radius of a cell in the units of x and y? \
                 Otherwise fragments, and boundaries in other units than the molecules, look like this"
            ),
        }
    }
}
