//! `merge`: the finished tiles of a slide put together into one stage.
//!
//! ```text
//! tiles::open          which tiles there are; all of one slide, each once
//! scan                 first pass: id, place and cell of molecules -> what tiles have in common, sums over the slide
//! cells::seams         which cells there are, and whose the molecules in overlaps are
//! measure              second pass, tile by tile: statistics, counts and boundaries of its cells
//! join                 third pass, all tiles side by side: the table of molecules in the order of their ids
//! ```
//!
//! Memory: one tile without its carried columns, 16 bytes per molecule and tile in overlaps, 40 bytes per cell.

mod join;
mod measure;
mod scan;
mod summary;
#[cfg(test)]
mod tests;
mod tiles;

use super::recorder::Recorder;
use super::{input, nuclei_of_cells};
use crate::cells::seams::{self, SeamCounts};
use crate::config::MergeSettings;
use crate::io::stage::schema::{COMPARTMENT_GENES, SEGMENTS};
use crate::io::stage::{StageKind, StageWriter};
use crate::observe::Observer;
use crate::prior::SegmentOutline;

use scan::Scan;
use tiles::Tiles;

/// Puts the tiles of a slide together and writes the stage of the whole slide.
///
/// The same bytes whatever the order of the tiles and for any number of threads. Errors: a stage that is no run of a
/// tile, tiles of different slides, settings or versions, one that is there twice or missing, damaged tables. Nothing is
/// written then.
pub fn merge(settings: &MergeSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    input::with_threads(settings.program.threads, || merge_in_pool(settings, observer))
}

/// [`merge`] on the threads of the caller.
pub fn merge_in_pool(settings: &MergeSettings, observer: &dyn Observer) -> anyhow::Result<()> {
    let recorder = Recorder::new(observer);
    let mut writer = StageWriter::create(&settings.stage, StageKind::Merge)?;
    recorder.stage("Checking tiles");
    let tiles = Tiles::open(&settings.tiles)?;
    recorder.info(&format!("Tiles: {}, of {} molecules", tiles.len(), tiles.n_molecules()));
    recorder.stage("Comparing tiles");
    let Scan { cells, totals } = scan::scan(&tiles)?;
    let found = seams::reconcile(cells);
    tell(&found.counts, &recorder);

    recorder.stage(if settings.has_polygons { "Measuring and outlining cells" } else { "Measuring cells" });
    let first = tiles.first();
    let (genes, _) = first.stage.genes()?;
    let nuclei = measure::write(&tiles, &found, &genes, &totals, settings.has_polygons, &mut writer)?;
    recorder.stage("Joining the molecules of all tiles");
    let joined = join::write(&tiles, &found, &mut writer)?;
    writer.genes(&genes, &totals.n_of_gene)?;
    if first.stage.has(&SEGMENTS) {
        let mut segments = first.stage.segments()?;
        totals.count_segments(&mut segments);
        writer.segments(&segments)?;
    }
    if let Some(outlines) = prior_outlines(&tiles)? {
        writer.prior_outlines(&outlines)?;
    }
    if first.stage.has(&COMPARTMENT_GENES) {
        writer.compartment_genes(&first.stage.compartment_genes()?, &genes)?;
    }
    if let Some(nuclei) = &nuclei {
        let confidence = nuclei_of_cells::confidence_of(first.stage.manifest());
        nuclei_of_cells::warning(nuclei, confidence).iter().for_each(|text| recorder.warning(text));
    }
    let found = summary::Merged { seams: &found, joined: &joined, nuclei };
    let manifest = summary::manifest(&tiles, &found, &genes, settings, &recorder)?;
    writer.finish(manifest)?;
    Ok(())
}

/// The outlines of the prior's segments, of which every tile has some, by segment.
fn prior_outlines(tiles: &Tiles) -> anyhow::Result<Option<Vec<SegmentOutline>>> {
    let mut all: Option<Vec<SegmentOutline>> = None;
    for tile in tiles.iter() {
        if let Some(outlines) = tile.stage.prior_outlines()? {
            all.get_or_insert_with(Vec::new).extend(outlines);
        }
    }
    if let Some(all) = &mut all {
        all.sort_by_key(|outline| outline.row);
    }
    Ok(all)
}

/// Says what happened at the borders of tiles.
fn tell(counts: &SeamCounts, observer: &dyn Observer) {
    observer.info(&format!(
        "Cells with molecules in several tiles: {}; found at home in two tiles and counted once: {}; in none and counted \
         all the same: {}",
        counts.n_cells_in_overlaps, counts.n_duplicates, counts.n_rescued
    ));
    observer.info(&format!(
        "Molecules in several tiles: {}; claimed by cells of several tiles: {}; taken over with their cell: {}; freed: {}",
        counts.n_shared_molecules, counts.n_conflicts, counts.n_followers, counts.n_freed
    ));
    if counts.n_at_rim > 0 {
        observer.warning(&format!(
            "{} cells reach the outer part of the margin of their tile, beyond which they may be cut. Split the slide with \
             a wider --margin if they are real",
            counts.n_at_rim
        ));
    }
}
