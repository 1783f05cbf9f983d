//! Static pictures of a result: molecules under the boundaries of cells.

use super::results::RunResult;
use crate::data::{CellOutline, ClusterIdx};
use crate::report::picture::{Colors, MoleculePicture, Picture, PlotSize};

/// What colors the molecules.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// Neighborhoods; without their colors clusters; without any, nothing.
    Best,
    /// Their neighborhoods: similar expression, similar color.
    Neighborhoods,
    /// Their clusters.
    Clusters,
}

/// What decides how large a picture is, and what stands at its axes.
#[derive(Clone, Copy, Debug)]
pub struct PlotSettings<'a> {
    /// Smallest number of molecules of a cell.
    pub min_molecules_per_cell: usize,
    /// Pixels for the side of a cell of that number.
    pub min_pixels_per_cell: usize,
    /// Longest side of a picture in pixels.
    pub max_plot_size: usize,
    /// Unit of the coordinates; empty if it is not known.
    pub unit: &'a str,
}

/// The picture beside the map of cells: molecules, boundaries of cells in black, those of prior segments in orange.
///
/// `outlines` are the flat boundaries of the cells, also for 3D data; `prior_outlines` may be empty. `None` without
/// molecules, or without what is to be shown: colors of neighborhoods, or at least two clusters. The same result gives
/// the same bytes.
pub fn borders_picture(
    result: &RunResult,
    outlines: &[CellOutline],
    prior_outlines: &[&[[f64; 2]]],
    shown: Shown,
    settings: PlotSettings<'_>,
) -> Option<Picture> {
    let positions = &result.table.molecules.positions;
    let colors = result.found.ncv_color.as_deref();
    let clusters = result.found.cluster.as_deref();
    let n_clusters = clusters.unwrap_or_default().iter().map(|cluster| cluster.number()).max().unwrap_or(0) as usize;
    let names: Vec<String> = (1..=n_clusters).map(|number| number.to_string()).collect();
    let color_of = |molecule: usize| colors.map_or([0; 3], |colors| colors[molecule]);
    let cluster_of = |molecule: usize| clusters.map(|clusters: &[ClusterIdx]| clusters[molecule].idx());
    let by_neighborhood = colors.map(|_| (Colors::Own(&color_of), "Local expression similarity"));
    let by_cluster = (n_clusters > 1)
        .then_some((Colors::Categories { of: &cluster_of, names: &names, title: "Cluster" }, "Molecule clustering"));
    let (colors, title) = match shown {
        Shown::Neighborhoods => by_neighborhood,
        Shown::Clusters => by_cluster,
        Shown::Best => by_neighborhood.or(by_cluster).or(Some((Colors::Plain, "Molecules and cells"))),
    }
    .filter(|_| !positions.is_empty())?;
    let rings: Vec<&[[f64; 2]]> = outlines.iter().map(|outline| outline.ring.as_slice()).collect();
    let size = PlotSize {
        n_molecules: positions.len(),
        min_molecules_per_cell: settings.min_molecules_per_cell,
        min_pixels_per_cell: settings.min_pixels_per_cell,
        max_plot_size: settings.max_plot_size,
    };
    let picture = MoleculePicture {
        x: &positions.x,
        y: &positions.y,
        colors,
        outlines: &rings,
        prior_outlines,
        title,
        unit: settings.unit,
        size,
    };
    Some(picture.draw())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cells::{CellCounts, CellStats};
    use crate::data::{CellIdx, GeneIdx, GeneTable, Molecules, Positions};
    use crate::io::molecules::{Carried, Fingerprint, MoleculeTable};
    use crate::io::stage::{ClusteringTable, MoleculeResults, TraceTable};

    const SETTINGS: PlotSettings<'_> =
        PlotSettings { min_molecules_per_cell: 3, min_pixels_per_cell: 15, max_plot_size: 500, unit: "" };

    /// Molecules on a grid of 10 columns, by number and their clusters, and a cell around some.
    fn result(n: usize, n_clusters: usize, colors: Option<[u8; 3]>) -> (RunResult, Vec<CellOutline>) {
        let genes = GeneTable::new(vec!["Sst".to_owned()]);
        let place = |row: usize| (row % 10) as f64;
        let molecules = Molecules {
            ids: (0..n as u32).collect(),
            positions: Positions {
                x: (0..n).map(place).collect(),
                y: (0..n).map(|row| (row / 10) as f64).collect(),
                z: None,
            },
            genes: vec![GeneIdx::new(0); n],
            n_genes: 1,
        };
        let table = MoleculeTable {
            molecules,
            genes,
            prior_segments: None,
            carried: Carried::default(),
            notes: Vec::new(),
            seen: crate::io::molecules::ReadFacts::default(),
            path: "molecules.csv".into(),
            fingerprint: Fingerprint::default(),
        };
        let found = MoleculeResults {
            cluster: Some((0..n).map(|row| ClusterIdx::new(row % n_clusters)).collect()),
            ncv_color: colors.map(|color| vec![color; n]),
            ..MoleculeResults::default()
        };
        let result = RunResult {
            table,
            found,
            segments: None,
            ranking: None,
            run_id: "R".to_owned(),
            names: crate::data::CellNames::new("R"),
            stats: CellStats::default(),
            counts: CellCounts::default(),
            prior_outlines: None,
            trace: TraceTable::default(),
            clustering: ClusteringTable::default(),
        };
        let ring = vec![[0.5, 0.5], [4.5, 0.5], [4.5, 4.5], [0.5, 4.5], [0.5, 0.5]];
        (result, vec![CellOutline { cell: CellIdx::new(0), ring }])
    }

    #[test]
    fn the_best_picture_there_is_is_drawn() {
        let (colored, outlines) = result(100, 3, Some([9, 150, 30]));
        let draw = |result: &RunResult, outlines: &[CellOutline], shown| {
            borders_picture(result, outlines, &[], shown, SETTINGS).map(|picture| picture.png)
        };
        let neighborhoods = draw(&colored, &outlines, Shown::Neighborhoods);
        assert!(neighborhoods.is_some() && draw(&colored, &outlines, Shown::Best) == neighborhoods);
        assert_ne!(draw(&colored, &[], Shown::Best), neighborhoods);
        let (clustered, _) = result(100, 3, None);
        assert_eq!(draw(&clustered, &outlines, Shown::Neighborhoods), None);
        let clusters = draw(&clustered, &outlines, Shown::Clusters);
        assert!(clusters.is_some() && clusters == draw(&clustered, &outlines, Shown::Best));
        assert_eq!(clusters, draw(&colored, &outlines, Shown::Clusters));
        let (plain, _) = result(100, 1, None);
        assert_eq!(draw(&plain, &outlines, Shown::Clusters), None);
        assert!(draw(&plain, &outlines, Shown::Best).is_some());
        assert_eq!(draw(&result(0, 1, None).0, &[], Shown::Best), None);
    }
}
