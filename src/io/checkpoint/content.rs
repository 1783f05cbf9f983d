//! The content of a checkpoint: every part written beside the way it is read.

use std::borrow::Cow;
use std::io::{self, Read, Write};

use super::bytes::{Sink, Source, malformed};
use crate::bmm::Checkpoint;
use crate::bmm::convergence::Convergence;
use crate::bmm::history::{History, Tally};
use crate::bmm::shape::Shape;
use crate::bmm::trace::TraceEntry;
use crate::data::{ComponentIdx, SegmentIdx};

/// Writes all parts.
pub(super) fn write_checkpoint(sink: &mut Sink<impl Write>, checkpoint: &Checkpoint<'_>) -> io::Result<()> {
    sink.length(checkpoint.iteration)?;
    sink.length(checkpoint.last)?;
    sink.length(checkpoint.n_components)?;
    write_components(sink, &checkpoint.assignment)?;
    sink.length(checkpoint.shapes.len())?;
    for (component, shape) in &checkpoint.shapes {
        sink.bytes(&component.number().to_le_bytes())?;
        for number in shape.precision.iter().chain([&shape.log_peak]) {
            sink.bytes(&number.to_le_bytes())?;
        }
    }
    sink.length(checkpoint.owners.len())?;
    for (owner, cell_type) in &checkpoint.owners {
        sink.bytes(&owner.map_or(0, SegmentIdx::number).to_le_bytes())?;
        sink.bytes(&cell_type.to_le_bytes())?;
    }
    sink.length(checkpoint.trace.len())?;
    for entry in checkpoint.trace.iter() {
        sink.length(entry.n_components.len())?;
        for count in &entry.n_components {
            sink.bytes(&count.to_le_bytes())?;
        }
        sink.bytes(&entry.noise_share.to_le_bytes())?;
        sink.length(entry.n_changed)?;
        sink.bytes(&entry.share_that_left.unwrap_or(-1.0).to_le_bytes())?;
    }
    write_history(sink, &checkpoint.history)?;
    sink.bytes(&[u8::from(checkpoint.convergence.is_some())])?;
    if let Some(convergence) = &checkpoint.convergence {
        sink.length(convergence.n_quiet())?;
        sink.bytes(&[u8::from(convergence.majority().is_some())])?;
        if let Some(majority) = convergence.majority() {
            write_components(sink, majority)?;
        }
        write_history(sink, convergence.window())?;
    }
    Ok(())
}

/// Reads what [`write_checkpoint`] wrote.
pub(super) fn read_checkpoint(source: &mut Source<impl Read>) -> io::Result<Checkpoint<'static>> {
    let (iteration, last, n_components) = (source.number()?, source.number()?, source.number()?);
    let assignment = read_components(source)?;
    let n_shapes = source.length(60)?;
    let shapes = (0..n_shapes).map(|_| read_shape(source)).collect::<io::Result<_>>()?;
    let n_owners = source.length(6)?;
    let owners = (0..n_owners).map(|_| read_owner(source)).collect::<io::Result<_>>()?;
    let n_entries = source.length(32)?;
    let trace = (0..n_entries).map(|_| read_entry(source)).collect::<io::Result<Vec<_>>>()?;
    let history = read_history(source, assignment.len())?;
    let convergence = if source.flag()? {
        let n_quiet = source.number()?;
        let majority = if source.flag()? { Some(read_components(source)?) } else { None };
        let window = read_history(source, assignment.len())?;
        Some(Cow::Owned(Convergence::from_parts(window, majority, n_quiet)))
    } else {
        None
    };
    Ok(Checkpoint {
        iteration,
        last,
        n_components,
        assignment: Cow::Owned(assignment),
        shapes,
        owners,
        history: Cow::Owned(history),
        trace: Cow::Owned(trace),
        convergence,
    })
}

fn write_components(sink: &mut Sink<impl Write>, components: &[Option<ComponentIdx>]) -> io::Result<()> {
    sink.length(components.len())?;
    components.iter().try_for_each(|&component| sink.bytes(&number_of(component).to_le_bytes()))
}

fn read_components(source: &mut Source<impl Read>) -> io::Result<Vec<Option<ComponentIdx>>> {
    let n = source.length(4)?;
    (0..n).map(|_| source.array().map(|bytes| ComponentIdx::from_number(u32::from_le_bytes(bytes)))).collect()
}

fn number_of(component: Option<ComponentIdx>) -> u32 {
    component.map_or(0, ComponentIdx::number)
}

fn read_shape(source: &mut Source<impl Read>) -> io::Result<(ComponentIdx, Shape)> {
    let component = ComponentIdx::from_number(u32::from_le_bytes(source.array()?)).ok_or_else(malformed)?;
    let mut precision = [0.0; 6];
    for entry in &mut precision {
        *entry = source.float()?;
    }
    Ok((component, Shape { precision, log_peak: source.float()? }))
}

/// The segment that a component owns, and its type.
fn read_owner(source: &mut Source<impl Read>) -> io::Result<(Option<SegmentIdx>, u16)> {
    let owner = SegmentIdx::from_number(u32::from_le_bytes(source.array()?));
    Ok((owner, u16::from_le_bytes(source.array()?)))
}

fn read_entry(source: &mut Source<impl Read>) -> io::Result<TraceEntry> {
    let n_thresholds = source.length(4)?;
    let n_components =
        (0..n_thresholds).map(|_| source.array().map(u32::from_le_bytes)).collect::<io::Result<Vec<_>>>()?;
    let (noise_share, n_changed) = (source.float()?, source.number()?);
    let share_that_left = Some(source.float()?).filter(|&change| change >= 0.0);
    Ok(TraceEntry { n_components, noise_share, n_changed, share_that_left })
}

/// The tallies of a history; nothing but a zero if nothing is recorded.
fn write_history(sink: &mut Sink<impl Write>, history: &History) -> io::Result<()> {
    sink.bytes(&(history.n_recorded() as u16).to_le_bytes())?;
    if history.n_recorded() == 0 {
        return Ok(());
    }
    history.first().iter().flatten().try_for_each(|tally| write_tally(sink, tally))?;
    for block in history.more() {
        sink.length(block.len())?;
        for (molecule, tally) in block {
            sink.bytes(&molecule.to_le_bytes())?;
            write_tally(sink, tally)?;
        }
    }
    Ok(())
}

fn read_history(source: &mut Source<impl Read>, n_molecules: usize) -> io::Result<History> {
    let n_recorded = u16::from_le_bytes(source.array()?);
    let mut history = History::new(n_molecules);
    if n_recorded == 0 {
        return Ok(history);
    }
    let n_blocks = history.more().len();
    let first =
        (0..n_molecules).map(|_| Ok([read_tally(source)?, read_tally(source)?])).collect::<io::Result<Vec<_>>>()?;
    let mut more = Vec::with_capacity(n_blocks);
    for _ in 0..n_blocks {
        let n = source.length(10)?;
        let entry = |_| Ok((u16::from_le_bytes(source.array()?), read_tally(source)?));
        more.push((0..n).map(entry).collect::<io::Result<Vec<_>>>()?);
    }
    history = History::from_parts(n_recorded, first, more).ok_or_else(malformed)?;
    Ok(history)
}

fn write_tally(sink: &mut Sink<impl Write>, tally: &Tally) -> io::Result<()> {
    sink.bytes(&number_of(tally.component).to_le_bytes())?;
    sink.bytes(&tally.count.to_le_bytes())?;
    sink.bytes(&tally.last.to_le_bytes())
}

fn read_tally(source: &mut Source<impl Read>) -> io::Result<Tally> {
    let component = ComponentIdx::from_number(u32::from_le_bytes(source.array()?));
    Ok(Tally { component, count: u16::from_le_bytes(source.array()?), last: u16::from_le_bytes(source.array()?) })
}
