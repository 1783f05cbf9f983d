//! The prior segmentation: from a column or a file to one segment per molecule.

mod image;
mod placement;
pub mod stage;

use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::Context as _;

use super::model::pick;
use crate::bmm::{self, Segments};
use crate::config::{PriorSettings, PriorSource, SegmentMeaning};
use crate::data::{LabelImage, Positions, SegmentIdx, count_molecules};
use crate::io::molecules::{self, Fingerprint, MoleculeTable};
use crate::io::{boundaries, images};
use crate::observe::Observer;
use crate::prior::{
    self, NumberedSegments, Overlap, Overview, Placement, Polygons, PriorError, PriorExtent, PriorKind, ScaleEstimate,
    SegmentLabels, SegmentOutline, SegmentTable,
};
use crate::stain::StainSegmentation;

/// Share of the molecules in segments from which on these are taken for cells, not nuclei.
const SHARE_OF_CELLS: f64 = 0.6;

/// A prior segmentation without its small segments, in the order of the molecule table.
#[derive(Clone, Debug)]
pub struct Prior {
    /// Segment of every molecule. `[n_molecules]`
    pub segment_of: Vec<Option<SegmentIdx>>,
    /// Molecules per segment, 0 for one that was dropped. `[n_segments]`
    pub sizes: Vec<u32>,
}

impl Prior {
    /// Counts the segments.
    pub fn new(segment_of: Vec<Option<SegmentIdx>>) -> Self {
        Self { sizes: count_molecules(&segment_of), segment_of }
    }

    /// The prior of the molecules in another order.
    pub fn permuted(&self, order: &[u32]) -> Self {
        Self { segment_of: pick(&self.segment_of, order), sizes: self.sizes.clone() }
    }

    /// Whether the segments are nuclei (true) or cells (false), if they own cells at all; fewer than three do not.
    ///
    /// METHOD: where nobody says it, a name does, or the share of the molecules that lie in segments: nuclei hold 10 to
    /// 50 % of them, whole cells more.
    pub fn are_nuclei(&self, settings: &PriorSettings) -> Option<bool> {
        let segments = self.segments();
        if segments.n_with_molecules() < bmm::params::MIN_SEGMENTS {
            return None;
        }
        match settings.meaning {
            SegmentMeaning::Regions => None,
            SegmentMeaning::Nuclei => Some(true),
            SegmentMeaning::Cells => Some(false),
            SegmentMeaning::Auto => Some(match settings.named_meaning() {
                Some(meaning) => meaning == SegmentMeaning::Nuclei,
                None => {
                    let n_inside = self.segment_of.iter().flatten().count();
                    (n_inside as f64) < SHARE_OF_CELLS * self.segment_of.len() as f64
                }
            }),
        }
    }

    /// What the model sees.
    pub fn segments(&self) -> Segments<'_> {
        Segments { segment_of: &self.segment_of, n_segments: self.sizes.len(), sizes: &self.sizes }
    }
}

/// A prior segmentation, and everything that was learned while reading it.
pub struct FoundPrior {
    /// Segments of the molecules.
    pub prior: Prior,
    /// All segments, small ones too.
    pub table: SegmentTable,
    /// What it is, for messages: `column 'cell_id'`, `label image`, …
    pub kind: String,
    /// Where it is drawn.
    pub picture: Picture,
    /// Outlines of its segments; unknown for columns, which have molecules only.
    pub outlines: Option<Vec<SegmentOutline>>,
    /// Molecules and segments against each other; unknown for columns.
    pub overlap: Option<Overlap>,
    /// Pixels among the molecules, for images.
    pub placement: Option<Placement>,
    /// How the placement was found.
    pub placement_origin: String,
    /// The label image made from a stain, if it was asked for.
    pub labels: Option<LabelImage>,
    /// What the segmentation of a stain tells.
    pub stain: Option<StainNumbers>,
    /// Content of the file.
    pub fingerprint: Option<Fingerprint>,
}

/// Numbers of a segmented stain; lengths in pixels.
#[derive(Clone, Copy, Debug)]
pub struct StainNumbers {
    /// Nuclei found.
    pub n_nuclei: usize,
    /// Intensity that nuclei exceed.
    pub threshold: f64,
    /// Radius of a typical nucleus.
    pub radius: f64,
    /// Standard deviation of the blur.
    pub sigma: f64,
    /// Smallest area of a nucleus.
    pub min_area: f64,
}

impl StainNumbers {
    fn of(found: &StainSegmentation) -> Self {
        Self {
            n_nuclei: found.n_nuclei,
            threshold: found.threshold,
            radius: found.radius,
            sigma: found.sigma,
            min_area: found.min_area,
        }
    }
}

/// What an overview picture shows of a prior.
pub enum Picture {
    /// Nothing but the molecules.
    Molecules,
    /// Nothing, though the areas of the segments are known.
    Areas,
    /// A small label image.
    Labels(Overview),
    /// Boundaries.
    Boundaries(Polygons),
}

impl FoundPrior {
    /// The scale that the prior suggests: that of cells, also where its segments are nuclei.
    pub fn scale(
        &self,
        positions: &Positions,
        min_molecules_per_cell: usize,
        settings: &PriorSettings,
    ) -> Result<ScaleEstimate, PriorError> {
        if self.prior.are_nuclei(settings) == Some(true) {
            return prior::scale_around_nuclei(positions, &self.prior.segment_of);
        }
        match self.picture {
            Picture::Molecules => prior::estimate_scale(positions, &self.prior.segment_of, min_molecules_per_cell),
            Picture::Areas | Picture::Labels(_) | Picture::Boundaries(_) => prior::scale_of_segments(&self.table),
        }
    }

    /// Molecules in segments that are kept.
    pub fn n_inside(&self) -> usize {
        self.prior.segment_of.iter().flatten().count()
    }
}

/// Takes the prior segmentation that the settings name. `keep_labels` keeps the label image of a segmented stain.
pub fn take(
    table: &mut MoleculeTable,
    settings: &PriorSettings,
    keep_labels: bool,
    observer: &dyn Observer,
) -> anyhow::Result<Option<FoundPrior>> {
    let found = match &settings.source {
        None => return Ok(None),
        Some(PriorSource::Column { name }) => from_column(table, name, settings),
        Some(PriorSource::File { path }) => {
            observer.stage("Reading the prior segmentation");
            let found = from_file(path, &table.molecules.positions, settings, keep_labels, observer)?;
            tell_overlap(path, &found, observer)?;
            found
        }
    };
    if let (Some(PriorSource::File { path }), 0) = (&settings.source, found.table.n_kept()) {
        anyhow::bail!(
            "{}: none of its {} segments holds at least {} molecules. Are the coordinates of the molecules and the prior \
             in the same units, with the same origin (--prior-pixel-size, --prior-origin)? Otherwise lower \
             --min-molecules-per-segment",
            path.display(),
            found.table.rows.len(),
            settings.min_molecules_per_segment
        );
    }
    for doubt in prior::doubts(&table.molecules.positions, &found.prior.segment_of, &found.table) {
        observer.warning(&doubt.to_string());
    }
    let (n_kept, n_all, least) = (found.table.n_kept(), found.table.rows.len(), settings.min_molecules_per_segment);
    let n_empty = found.table.n_without_molecules();
    observer.info(&format!(
        "Prior segmentation ({}): {n_kept} segments hold {} of {} molecules; {} segments with fewer than {least} \
         molecules are ignored{}",
        found.kind,
        found.n_inside(),
        found.prior.segment_of.len(),
        n_all - n_kept - n_empty,
        if n_empty > 0 { format!(", and {n_empty} without any") } else { String::new() },
    ));
    Ok(Some(found))
}

fn from_column(table: &mut MoleculeTable, name: &str, settings: &PriorSettings) -> FoundPrior {
    let column = table.prior_segments.take().unwrap_or_default();
    let labels = SegmentLabels::Texts(column.labels);
    let least = settings.min_molecules_per_segment;
    let rows = SegmentTable::of_molecules(labels, &table.molecules.positions, &column.segment_of, least);
    found(column.segment_of, rows, format!("column '{name}'"), Picture::Molecules)
}

/// Leaves out small segments.
fn found(segment_of: Vec<Option<SegmentIdx>>, table: SegmentTable, kind: String, picture: Picture) -> FoundPrior {
    let mut segment_of = segment_of;
    prior::drop_small_segments(&mut segment_of, table.min_molecules_per_segment);
    FoundPrior {
        prior: Prior::new(segment_of),
        table,
        kind,
        picture,
        outlines: None,
        overlap: None,
        placement: None,
        placement_origin: String::new(),
        labels: None,
        stain: None,
        fingerprint: None,
    }
}

fn from_file(
    path: &Path,
    positions: &Positions,
    settings: &PriorSettings,
    keep_labels: bool,
    observer: &dyn Observer,
) -> anyhow::Result<FoundPrior> {
    let is_file = std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file());
    anyhow::ensure!(
        is_file || !path.exists(),
        "{}: is no file but a pipe, device or folder, and a prior segmentation is read more than once. Write it to a file \
         first and name that",
        path.display()
    );
    let fingerprint = fingerprint(path)?;
    let mut found = if images::is_image(&first_bytes(path)?) {
        image::read(path, positions, settings, keep_labels, observer)?
    } else {
        from_boundaries(path, positions, settings, observer)?
    };
    found.fingerprint = Some(fingerprint);
    Ok(found)
}

fn from_boundaries(
    path: &Path,
    positions: &Positions,
    settings: &PriorSettings,
    observer: &dyn Observer,
) -> anyhow::Result<FoundPrior> {
    let boundaries::Boundaries { mut polygons, n_short_rings, n_ignored, n_unnamed, repeated } =
        boundaries::read(path)?;
    for (n, what) in [
        (n_short_rings, "rings with fewer than three different vertices are ignored"),
        (n_ignored, "rows without a name, or geometries that are no polygons, are ignored"),
        (n_unnamed, "polygons have no name; they are numbered in their order"),
    ] {
        if n > 0 {
            observer.warning(&format!("{}: {n} {what}", path.display()));
        }
    }
    for boundaries::RepeatedName { key, value, n_polygons, instead } in repeated {
        observer.warning(&format!(
            "{}: {n_polygons} polygons in different places have the same {key} ('{value}'), which is no name of a cell \
             then. {}",
            path.display(),
            match instead {
                Some(other) => format!("Their names are taken from {other}"),
                None => "The polygons are numbered, and each is a segment".to_owned(),
            }
        ));
    }
    if settings.pixel_size.is_some() || settings.origin.is_some() || settings.coordinate_scale != 1.0 {
        let [x, y] = settings.pixel_size.map_or([settings.coordinate_scale; 2], |size| size.xy);
        let [left, top] = settings.origin.map_or([0.0; 2], |origin| origin.xy);
        polygons.transform([x, y], [left, top]);
        observer.info(&format!("Vertices of boundaries are multiplied by {x}, {y} and moved by {left}, {top}"));
    }
    let assigned = prior::assign_polygons(&polygons, positions);
    if assigned.n_in_several > 0 {
        observer.warning(&format!(
            "{} molecules lie in several boundaries; each goes to the one with the nearest center",
            assigned.n_in_several
        ));
    }
    let table = SegmentTable::of_polygons(&polygons, &assigned, settings.min_molecules_per_segment);
    let NumberedSegments { segment_of, .. } = prior::number_labels(&assigned.label_of);
    let rectangle = polygons.rectangle().context("boundaries without a vertex")?;
    let extent = PriorExtent { kind: PriorKind::Boundaries, rectangle, pixel_size: 1.0, thickness: 1.0 };
    let overlap = prior::check_overlap(positions, extent, Some(&table));
    let outlines = prior::outlines_of_polygons(&polygons);
    let mut found = found(segment_of, table, "boundaries".to_owned(), Picture::Boundaries(polygons));
    found.outlines = Some(outlines);
    found.overlap = Some(overlap);
    Ok(found)
}

/// Warns of what does not fit, and fails if nothing does.
fn tell_overlap(path: &Path, found: &FoundPrior, observer: &dyn Observer) -> anyhow::Result<()> {
    for finding in found.overlap.iter().flat_map(|overlap| &overlap.findings) {
        let text = format!("{}: {finding}", path.display());
        anyhow::ensure!(!finding.is_error(), text);
        observer.warning(&text);
    }
    Ok(())
}

fn first_bytes(path: &Path) -> anyhow::Result<Vec<u8>> {
    let unreadable = || format!("{}: the prior segmentation cannot be read", path.display());
    let mut bytes = Vec::with_capacity(images::MAGIC_LENGTH);
    let file = File::open(path).with_context(unreadable)?;
    file.take(images::MAGIC_LENGTH as u64).read_to_end(&mut bytes).with_context(unreadable)?;
    anyhow::ensure!(
        !bytes.is_empty(),
        "{}: the file is empty; a prior segmentation is an image, a matrix or a table of boundaries",
        path.display()
    );
    Ok(bytes)
}

fn fingerprint(path: &Path) -> anyhow::Result<Fingerprint> {
    let unreadable = || format!("{}: the prior segmentation cannot be read", path.display());
    molecules::fingerprint(File::open(path).with_context(unreadable)?).with_context(unreadable)
}
