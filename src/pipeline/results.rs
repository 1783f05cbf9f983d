//! The result of a run, and its two forms: the final files, and a stage that they can be made from at any time.

use anyhow::Context as _;
use serde_json::{Value, json};

use super::manifest::molecules_of_genes;
use super::model::Found;
use super::prior::FoundPrior;
use crate::cells::{self, CellCounts, CellFilter, CellStats};
use crate::compartments::Compartment;
use crate::compartments::genes::{GeneRank, Ranking};
use crate::config::{BundleSettings, CountFormat};
use crate::data::{CellIdx, CellMembers, CellNames, CellOutline};
use crate::io::atomic;
use crate::io::export::{cell_stats, compartment_genes, geojson, loom, molecules, tsv};
use crate::io::molecules::MoleculeTable;
use crate::io::stage::schema::{CLUSTERING, COMPARTMENT_GENES, TRACE};
use crate::io::stage::{
    ClusteringTable, Compartments, MoleculeResults, StageError, StagePolygons, StageReader, StageWriter, TraceTable,
};
use crate::polygons;
use crate::prior::{SegmentOutline, SegmentTable};

/// What the filters of cells did.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Filtered {
    /// The filters, with the number of cells beyond the limits of each.
    pub filters: Vec<(CellFilter, usize)>,
    /// Number of cells before.
    pub n_cells: usize,
    /// Molecules that were in a cell and are noise now.
    pub n_freed: usize,
}

impl Filtered {
    /// The filters with their limits and numbers.
    pub fn filters_json(&self) -> Value {
        let entry = |(filter, n_beyond): &(CellFilter, usize)| {
            json!({
                "statistic": filter.statistic.name(), "min": filter.min, "max": filter.max, "n_cells_beyond": n_beyond,
            })
        };
        self.filters.iter().map(entry).collect()
    }
}

/// Everything that the final files and the reports say, except for boundaries.
pub struct RunResult {
    /// The molecules with the other columns of the user.
    pub table: MoleculeTable,
    /// What was found about each: confidences as they are written, cells and so on.
    pub found: MoleculeResults,
    /// The segments of the prior segmentation, if there is one.
    pub segments: Option<SegmentTable>,
    /// Outlines of these segments, if the prior has any: a column has none.
    pub prior_outlines: Option<Vec<SegmentOutline>>,
    /// Genes ranked by their preference for a compartment, if they were looked for.
    pub ranking: Option<Vec<GeneRank>>,
    /// What stands in the names of cells.
    pub run_id: String,
    /// Names of the cells.
    pub names: CellNames,
    /// Numbers of each cell.
    pub stats: CellStats,
    /// Genes of each cell.
    pub counts: CellCounts,
    /// Numbers of every iteration of the model; a stage of other programs may lack them.
    pub trace: TraceTable,
    /// Iterations of the molecule clustering and of the compartments.
    pub clustering: ClusteringTable,
}

impl RunResult {
    /// Counts and measures the cells that the model found; [`nuclei_of_cells`](super::nuclei_of_cells) adds what the prior
    /// adds the columns about segments.
    pub fn new(
        table: MoleculeTable,
        prior: Option<FoundPrior>,
        ranking: Option<Ranking>,
        found: Found,
        run_id: String,
    ) -> Self {
        let Found { segmentation, confidence, clusters, colors, compartments, clustering, trace, .. } = found;
        let trace = TraceTable::from(&trace);
        let confidence: Vec<f32> = confidence.into_iter().map(to_five_decimals).collect();
        let members = CellMembers::group(&segmentation.cell_of, segmentation.n_cells);
        let positions = &table.molecules.positions;
        let stats = cells::cell_stats(positions, &confidence, clusters.as_deref(), &segmentation, &members);
        let counts = cells::count_genes(&table.molecules.genes, table.molecules.n_genes, &members);
        let (prior_segment, prior) = prior.map(|found| (found.prior.segment_of, (found.table, found.outlines))).unzip();
        let (segments, prior_outlines) = prior.unzip();
        let found = MoleculeResults {
            prior_segment,
            confidence: Some(confidence),
            is_center: None,
            nuclei_probs: compartments.as_ref().map(|found| found.nuclei_probs()),
            compartment: compartments.map(|found| Compartments {
                names: COMPARTMENTS.map(|part| part.label().to_owned()).into(),
                of: found.compartment_of.iter().map(|&part| part as u8).collect(),
            }),
            cluster: clusters,
            cell: Some(segmentation.cell_of),
            assignment_confidence: segmentation.assignment_confidence,
            ncv_color: colors.map(|colors| colors.into_iter().map(|color| color.0).collect()),
        };
        let ranking = ranking.map(|ranking| ranking.genes);
        let names = CellNames::new(&run_id);
        Self {
            table,
            found,
            segments,
            prior_outlines: prior_outlines.flatten(),
            ranking,
            run_id,
            names,
            stats,
            counts,
            trace,
            clustering,
        }
    }

    /// Reads the result from its stage, without computing anything.
    pub fn read(stage: &StageReader) -> anyhow::Result<Self> {
        let lacks = |what: &str| format!("{}: the stage has no {what}; make it again", stage.dir().display());
        let run_id = stage.manifest().run_id.clone().with_context(|| lacks("run_id"))?;
        let (table, found) = stage.molecules()?;
        found.confidence.as_ref().with_context(|| lacks("confidence of molecules"))?;
        found.cell.as_ref().with_context(|| lacks("cell of molecules"))?;
        let segments = match found.prior_segment {
            Some(_) => Some(stage.segments()?),
            None => None,
        };
        let (_, stats) = stage.cells()?;
        let counts = stage.counts()?;
        let ranking = stage.has(&COMPARTMENT_GENES).then(|| stage.compartment_genes()).transpose()?;
        let prior_outlines = stage.prior_outlines()?;
        let trace = if stage.has(&TRACE) { stage.trace()? } else { TraceTable::default() };
        let clustering = if stage.has(&CLUSTERING) { stage.clustering()? } else { ClusteringTable::default() };
        let names = CellNames::new(&run_id);
        Ok(Self { table, found, segments, prior_outlines, ranking, run_id, names, stats, counts, trace, clustering })
    }

    /// Writes everything but boundaries into a stage.
    pub fn write_stage(&self, stage: &mut StageWriter) -> Result<(), StageError> {
        stage.molecules(&self.table, &self.found)?;
        stage.genes(&self.table.genes, &molecules_of_genes(&self.table))?;
        if let Some(segments) = &self.segments {
            stage.segments(segments)?;
        }
        if let Some(outlines) = &self.prior_outlines {
            stage.prior_outlines(outlines)?;
        }
        if let Some(ranking) = &self.ranking {
            stage.compartment_genes(ranking, &self.table.genes)?;
        }
        stage.cells(&self.names, &self.stats)?;
        stage.counts(&self.table.genes, &self.counts)?;
        if !self.clustering.is_empty() {
            stage.clustering(&self.clustering)?;
        }
        stage.trace(&self.trace)
    }

    /// Writes the final files without boundaries. Errors name the file.
    pub fn write_tables(&self, bundle: &BundleSettings) -> anyhow::Result<()> {
        let (outputs, names) = (&bundle.outputs, &self.names);
        let segment_numbers = self.segment_numbers();
        let columns = self.columns(segment_numbers.as_deref(), names);
        atomic::write_file(&outputs.molecules, |file| molecules::write(file, &self.table, &columns))?;
        cell_stats::write_cell_stats(&outputs.cell_stats, names, &self.stats)?;
        match bundle.count_format {
            CountFormat::Loom => {
                loom::write_loom(&outputs.counts, &self.table.genes, names, &self.counts, &self.stats)?;
            }
            CountFormat::Tsv => tsv::write_tsv(&outputs.counts, &self.table.genes, names, &self.counts)?,
        }
        if let Some(ranking) = &self.ranking {
            compartment_genes::write_ranking(&outputs.compartment_genes, ranking, &self.table.genes)?;
        }
        Ok(())
    }

    /// Computes the boundaries of cells, for 3D data also those of at most `max_z_slices` layers.
    pub fn outline(&self, max_z_slices: usize) -> StagePolygons {
        let (positions, cell_of, n_cells) = (&self.table.molecules.positions, self.cell_of(), self.stats.n_cells());
        let flat = polygons::outline_cells(positions, cell_of, n_cells);
        let has_layers = positions.z.is_some();
        let layers = has_layers.then(|| polygons::layer_outlines(positions, cell_of, n_cells, max_z_slices));
        StagePolygons { flat, layers }
    }

    /// Writes the final files with boundaries. Errors name the file.
    pub fn write_polygons(&self, polygons: &StagePolygons, bundle: &BundleSettings) -> anyhow::Result<()> {
        let (outputs, names) = (&bundle.outputs, &self.names);
        let Some(format) = bundle.polygon_format else { return Ok(()) };
        atomic::write_file(&outputs.polygons_2d, |file| geojson::write_2d(file, &polygons.flat, names, format))?;
        if let Some(layers) = &polygons.layers {
            atomic::write_file(&outputs.polygons_3d, |file| {
                geojson::write_3d(file, layers, names, format, bundle.layout_3d)
            })?;
        }
        Ok(())
    }

    /// Molecules that are in no cell.
    pub fn n_noise(&self) -> usize {
        self.cell_of().iter().filter(|cell| cell.is_none()).count()
    }

    /// What is written for each segment of the prior segmentation, if that is not its number.
    pub fn segment_numbers(&self) -> Option<Vec<u32>> {
        self.segments.as_ref().and_then(SegmentTable::numbers)
    }

    /// The columns of the molecule table that were found.
    pub fn columns<'a>(
        &'a self,
        segment_numbers: Option<&'a [u32]>,
        names: &'a CellNames,
    ) -> molecules::MoleculeResults<'a> {
        molecules::MoleculeResults {
            prior_segment: self.found.prior_segment.as_deref(),
            segment_numbers,
            confidence: self.found.confidence.as_deref().unwrap_or_default(),
            compartment: self.found.compartment.as_ref(),
            nuclei_probs: self.found.nuclei_probs.as_deref(),
            cluster: self.found.cluster.as_deref(),
            cell: self.cell_of(),
            assignment_confidence: self.found.assignment_confidence.as_deref(),
            ncv_color: self.found.ncv_color.as_deref(),
            names,
        }
    }

    /// Leaves out the cells that do not keep all limits, and frees their molecules. The others keep their names.
    ///
    /// `polygons`: the boundaries of all cells, of which those that stay are left.
    /// Errors: a limit of a statistic that was not computed.
    pub fn filter(&mut self, filters: &[CellFilter], polygons: &mut StagePolygons) -> anyhow::Result<Filtered> {
        if let Some(filter) = filters.iter().find(|filter| !filter.statistic.is_in(&self.stats)) {
            let name = filter.statistic.name();
            anyhow::bail!(
                "the cells have no {name}, so they cannot be filtered by it: max_cluster_frac needs clusters of molecules, \
                 avg_assignment_confidence and lifespan more iterations, n_nuclei a prior segmentation with a \
                 --prior-segmentation-confidence above 0 and a run by this version. Leave out this limit"
            );
        }
        let cells::FilteredCells { kept, n_beyond } = cells::filter_cells(&self.stats, filters);
        let n_in_cells = self.table.molecules.len() - self.n_noise();
        let mut filtered = Filtered {
            filters: filters.iter().copied().zip(n_beyond).collect(),
            n_cells: self.stats.n_cells(),
            n_freed: 0,
        };
        if kept.iter().all(|&kept| kept) {
            return Ok(filtered);
        }
        let stay: Vec<CellIdx> = (0..kept.len()).filter(|&cell| kept[cell]).map(CellIdx::new).collect();
        let mut next = 0;
        let new_of: Vec<Option<CellIdx>> = kept
            .iter()
            .map(|&kept| {
                next += usize::from(kept);
                kept.then(|| CellIdx::new(next - 1))
            })
            .collect();
        for cell in self.found.cell.iter_mut().flatten() {
            *cell = cell.and_then(|cell| new_of[cell.idx()]);
        }
        self.stats = self.stats.select(&stay);
        self.counts = self.counts.select(&stay);
        self.names = self.names.of_kept(&stay);
        let retain = |outlines: &mut Vec<CellOutline>| {
            outlines.retain_mut(|outline| match new_of[outline.cell.idx()] {
                Some(cell) => {
                    outline.cell = cell;
                    true
                }
                None => false,
            });
        };
        retain(&mut polygons.flat);
        polygons.layers.iter_mut().flatten().for_each(|layer| retain(&mut layer.outlines));
        filtered.n_freed = n_in_cells - (self.table.molecules.len() - self.n_noise());
        Ok(filtered)
    }

    /// Cell of every molecule. `[n_molecules]`
    pub fn cell_of(&self) -> &[Option<CellIdx>] {
        self.found.cell.as_deref().unwrap_or_default()
    }
}

/// The compartments in the order of their codes.
const COMPARTMENTS: [Compartment; 3] = [Compartment::Nuclei, Compartment::Cyto, Compartment::Unknown];

/// Confidences as they are written.
fn to_five_decimals(value: f32) -> f32 {
    ((f64::from(value) * 1e5).round() / 1e5) as f32
}
