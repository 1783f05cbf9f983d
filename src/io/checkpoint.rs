//! The state of the model in a file, to go on from after an interruption.
//!
//! A format of our own, little-endian throughout:
//!
//! | bytes | content |
//! |---|---|
//! | 8 | `BAYSORCK` |
//! | 4 | version of the format |
//! | … | identity: a count, then names and values of everything that may change a result |
//! | … | the [`Checkpoint`]: iteration, assignment, shapes, trace, history, convergence |
//! | 8 | checksum of all bytes before it |
//!
//! Lengths are 64-bit numbers before the items; texts are UTF-8; an absent component is 0.
//! The file appears when it is complete, and is checked from end to end before anything in it is
//! believed.

use std::borrow::Cow;
use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};

use super::atomic::{self, WriteError};
use crate::bmm::Checkpoint;
use crate::bmm::convergence::Convergence;
use crate::bmm::history::{History, Tally};
use crate::bmm::shape::Shape;
use crate::bmm::trace::TraceEntry;
use crate::data::ComponentIdx;

const MAGIC: [u8; 8] = *b"BAYSORCK";
const VERSION: u32 = 1;
/// Magic, version, number of identity entries, checksum.
const SHORTEST: u64 = 8 + 4 + 8 + 8;
const BUFFER: usize = 1 << 16;

/// What a run is, as names and values; only a run with the same may go on from its checkpoint.
pub type Identity = Vec<(String, String)>;

/// Why a checkpoint cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CheckpointError {
    /// The system refused to read it.
    #[error(
        "cannot read the checkpoint '{path}'; make it readable, or run without --resume to start from the beginning"
    )]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It begins otherwise.
    #[error(
        "'{path}' is not a checkpoint of baysor; move it away, or run without --resume to start from the beginning"
    )]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// A later version of the program wrote it.
    #[error(
        "the checkpoint '{path}' has the format {seen}, and this program knows formats up to {VERSION}; go on with \
         the program that wrote it, or run without --resume to start from the beginning"
    )]
    Newer {
        /// The file.
        path: PathBuf,
        /// The version of its format.
        seen: u32,
    },
    /// It is cut off, or a byte is not as it was written.
    #[error(
        "the checkpoint '{path}' is truncated or damaged; delete it, or run without --resume to start from the beginning"
    )]
    Damaged {
        /// The file.
        path: PathBuf,
    },
    /// It belongs to a run with other data or parameters.
    #[error(
        "the checkpoint '{path}' belongs to another run: {difference}. Repeat that run exactly, or run without \
         --resume to start from the beginning"
    )]
    OtherRun {
        /// The file.
        path: PathBuf,
        /// What was otherwise.
        difference: String,
    },
}

/// Writes a checkpoint of the run `identity`; the file of an earlier one is replaced when this one is complete.
pub fn write(path: &Path, identity: &Identity, checkpoint: &Checkpoint<'_>) -> Result<(), WriteError> {
    atomic::write_file(path, |file| {
        let mut sink = Sink { file, checksum: Checksum::default(), buffer: Vec::with_capacity(BUFFER) };
        sink.bytes(&MAGIC)?;
        sink.bytes(&VERSION.to_le_bytes())?;
        sink.length(identity.len())?;
        for text in identity.iter().flat_map(|(name, value)| [name, value]) {
            sink.length(text.len())?;
            sink.bytes(text.as_bytes())?;
        }
        write_checkpoint(&mut sink, checkpoint)?;
        sink.finish()
    })
}

/// Whether there is a checkpoint at `path`, whatever its state: a file that begins as one.
pub fn is_checkpoint(path: &Path) -> bool {
    let mut magic = [0; 8];
    File::open(path).and_then(|mut file| file.read_exact(&mut magic)).is_ok() && magic == MAGIC
}

/// A checkpoint file that was found whole; its identity is read, its content not yet.
#[derive(Debug)]
pub struct Stored {
    path: PathBuf,
    identity: Identity,
    source: Source<BufReader<File>>,
}

impl Stored {
    /// Opens and checks the file from end to end; `None` if there is none.
    ///
    /// Errors: every [`CheckpointError`] but `OtherRun`.
    pub fn open(path: &Path) -> Result<Option<Self>, CheckpointError> {
        let unreadable = |source| CheckpointError::Unreadable { path: path.to_owned(), source };
        let damaged = || CheckpointError::Damaged { path: path.to_owned() };
        let open = || File::open(path).map(|file| BufReader::with_capacity(1 << 20, file));
        let mut reader = match open() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            file => file.map_err(unreadable)?,
        };
        let size = reader.get_ref().metadata().map_err(unreadable)?.len();
        let mut start = Vec::new();
        (&mut reader).take(12).read_to_end(&mut start).map_err(unreadable)?;
        if !start.starts_with(&MAGIC) {
            return Err(CheckpointError::Foreign { path: path.to_owned() });
        }
        let version = start[8..].try_into().map(u32::from_le_bytes).map_err(|_| damaged())?;
        if version > VERSION {
            return Err(CheckpointError::Newer { path: path.to_owned(), seen: version });
        }
        if size < SHORTEST || !is_whole(open().map_err(unreadable)?, size).map_err(unreadable)? {
            return Err(damaged());
        }
        let mut source = Source { reader, left: size - 12 - 8 };
        let identity = read_identity(&mut source).map_err(|_| damaged())?;
        Ok(Some(Self { path: path.to_owned(), identity, source }))
    }

    /// Sees to it that the entries of `identity` are those of the run that wrote the file; others do not matter.
    ///
    /// Errors: [`CheckpointError::OtherRun`] names the first that is not.
    pub fn check(&self, identity: &[(String, String)]) -> Result<(), CheckpointError> {
        let in_file = |name: &str| self.identity.iter().find(|entry| entry.0 == name).map(|entry| entry.1.as_str());
        let other = identity.iter().find(|(name, value)| in_file(name) != Some(value));
        let Some((name, value)) = other else { return Ok(()) };
        let difference = match in_file(name) {
            Some(before) => format!("{name} was {} and is {} now", show(before), show(value)),
            None => format!("it says nothing of {name}"),
        };
        Err(CheckpointError::OtherRun { path: self.path.clone(), difference })
    }

    /// Reads the content.
    pub fn read(mut self) -> Result<Checkpoint<'static>, CheckpointError> {
        let checkpoint = read_checkpoint(&mut self.source);
        let whole = checkpoint.ok().filter(|_| self.source.left == 0);
        whole.ok_or(CheckpointError::Damaged { path: self.path })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

/// A value in a message.
fn show(value: &str) -> String {
    const LONGEST: usize = 60;
    let line: String = value.chars().map(|c| if c.is_control() { ',' } else { c }).take(LONGEST).collect();
    match line.len() {
        0 => "not given".to_owned(),
        _ if line.len() < value.len() => format!("'{line}…'"),
        _ => format!("'{line}'"),
    }
}

fn write_checkpoint(sink: &mut Sink<impl Write>, checkpoint: &Checkpoint<'_>) -> io::Result<()> {
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

fn read_checkpoint(source: &mut Source<impl Read>) -> io::Result<Checkpoint<'static>> {
    let (iteration, last, n_components) = (source.number()?, source.number()?, source.number()?);
    let assignment = read_components(source)?;
    let n_shapes = source.length(60)?;
    let shapes = (0..n_shapes).map(|_| read_shape(source)).collect::<io::Result<_>>()?;
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

fn read_identity(source: &mut Source<impl Read>) -> io::Result<Identity> {
    let n = source.length(16)?;
    (0..n).map(|_| Ok((source.text()?, source.text()?))).collect()
}

fn malformed() -> io::Error {
    io::ErrorKind::InvalidData.into()
}

/// Whether the checksum at the end of a file of `size` bytes is that of the bytes before it.
fn is_whole(mut reader: impl Read, size: u64) -> io::Result<bool> {
    let mut checksum = Checksum::default();
    let mut buffer = vec![0; BUFFER];
    let mut left = size - 8;
    while left > 0 {
        let part = &mut buffer[..left.min(BUFFER as u64) as usize];
        reader.read_exact(part)?;
        checksum.add(part);
        left -= part.len() as u64;
    }
    let mut written = [0; 8];
    reader.read_exact(&mut written)?;
    Ok(u64::from_le_bytes(written) == checksum.finish())
}

/// A 64-bit checksum. Bytes are added in parts of a multiple of eight, but for the last part.
///
/// Every step is reversible, so no single damaged word goes unnoticed.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checksum {
    state: u64,
    n_bytes: u64,
}

impl Checksum {
    /// Adds a number.
    pub fn add_word(&mut self, word: u64) {
        self.n_bytes += 8;
        self.mix(word);
    }

    fn add(&mut self, part: &[u8]) {
        self.n_bytes += part.len() as u64;
        let mut words = part.chunks_exact(8);
        for word in &mut words {
            self.mix(word.iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte)));
        }
        if !words.remainder().is_empty() {
            self.mix(words.remainder().iter().rev().fold(0, |word, &byte| (word << 8) | u64::from(byte)));
        }
    }

    fn mix(&mut self, word: u64) {
        self.state = (self.state ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(29);
    }

    /// The sum of everything added.
    pub fn finish(self) -> u64 {
        let mut state = self.state ^ self.n_bytes;
        for multiplier in [0xbf58_476d_1ce4_e5b9, 0x94d0_49bb_1331_11eb] {
            state = (state ^ (state >> 31)).wrapping_mul(multiplier);
        }
        state ^ (state >> 29)
    }
}

/// Writes bytes and sums them up.
struct Sink<'a, W> {
    file: &'a mut W,
    checksum: Checksum,
    buffer: Vec<u8>,
}

impl<W: Write> Sink<'_, W> {
    fn bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while self.buffer.len() + bytes.len() >= BUFFER {
            let (now, later) = bytes.split_at(BUFFER - self.buffer.len());
            self.buffer.extend_from_slice(now);
            self.pass_on()?;
            bytes = later;
        }
        self.buffer.extend_from_slice(bytes);
        Ok(())
    }

    fn length(&mut self, length: usize) -> io::Result<()> {
        self.bytes(&(length as u64).to_le_bytes())
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.checksum.add(&self.buffer);
        self.file.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    fn finish(mut self) -> io::Result<()> {
        self.pass_on()?;
        self.file.write_all(&self.checksum.finish().to_le_bytes())
    }
}

/// Reads bytes and knows how many are left.
#[derive(Debug)]
struct Source<R> {
    reader: R,
    left: u64,
}

impl<R: Read> Source<R> {
    fn array<const N: usize>(&mut self) -> io::Result<[u8; N]> {
        self.left = self.left.checked_sub(N as u64).ok_or_else(malformed)?;
        let mut bytes = [0; N];
        self.reader.read_exact(&mut bytes)?;
        Ok(bytes)
    }

    fn number(&mut self) -> io::Result<usize> {
        usize::try_from(u64::from_le_bytes(self.array()?)).map_err(|_| malformed())
    }

    /// The number of items to follow, of at least `size` bytes each: never more than can be there.
    fn length(&mut self, size: u64) -> io::Result<usize> {
        let length = self.number()?;
        if length as u64 > self.left / size { Err(malformed()) } else { Ok(length) }
    }

    fn float(&mut self) -> io::Result<f64> {
        self.array().map(f64::from_le_bytes)
    }

    fn flag(&mut self) -> io::Result<bool> {
        self.array().map(|[byte]| byte != 0)
    }

    fn text(&mut self) -> io::Result<String> {
        let n = self.length(1)?;
        let bytes = (0..n).map(|_| self.array().map(|[byte]| byte)).collect::<io::Result<Vec<u8>>>()?;
        String::from_utf8(bytes).map_err(|_| malformed())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn to(component: usize) -> Option<ComponentIdx> {
        Some(ComponentIdx::new(component))
    }

    fn identity() -> Identity {
        vec![("seed".to_owned(), "1".to_owned()), ("exclude_genes".to_owned(), String::new())]
    }

    fn example() -> Checkpoint<'static> {
        let mut history = History::new(4);
        for first in [to(0), to(1), to(2), None, to(2), to(3)] {
            history.record(&[first, to(4), None, to(0)]);
        }
        let entry = TraceEntry { n_components: vec![5, 3], noise_share: 0.25, n_changed: 2, share_that_left: None };
        let second = TraceEntry { share_that_left: Some(0.0), ..entry.clone() };
        let window = History::new(4);
        Checkpoint {
            iteration: 1,
            last: 10,
            n_components: 5,
            assignment: Cow::Owned(vec![to(3), to(4), None, to(0)]),
            shapes: vec![(ComponentIdx::new(4), Shape { precision: [1.0, 0.5, 2.0, 0.0, 0.0, 0.0], log_peak: -0.75 })],
            history: Cow::Owned(history),
            trace: Cow::Owned(vec![entry, second]),
            convergence: Some(Cow::Owned(Convergence::from_parts(window, Some(vec![None, to(1), None, to(0)]), 1))),
        }
    }

    fn opened(path: &Path) -> Stored {
        Stored::open(path).unwrap().unwrap()
    }

    #[test]
    fn what_is_written_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x_checkpoint.bin");
        assert!(Stored::open(&path).unwrap().is_none() && !is_checkpoint(&path));
        write(&path, &identity(), &example()).unwrap();
        assert!(is_checkpoint(&path));
        assert_eq!(opened(&path).read().unwrap(), example());
        let plain = Checkpoint { convergence: None, history: Cow::Owned(History::new(4)), ..example() };
        write(&path, &identity(), &plain).unwrap();
        assert_eq!(opened(&path).read().unwrap(), plain);
    }

    #[test]
    fn a_large_checkpoint_is_read_again() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x_checkpoint.bin");
        let n = 50_000;
        let assignment: Vec<_> = (0..n).map(|i| (i % 3 > 0).then(|| ComponentIdx::new(i % 977))).collect();
        let mut history = History::new(n);
        (0..4).for_each(|shift| {
            let moved: Vec<_> = (0..n).map(|i| to((i * (shift + 1)) % 977)).collect();
            history.record(&moved);
        });
        let large = Checkpoint {
            n_components: 977,
            assignment: Cow::Owned(assignment),
            history: Cow::Owned(history),
            convergence: None,
            ..example()
        };
        write(&path, &identity(), &large).unwrap();
        assert_eq!(opened(&path).read().unwrap(), large);
    }

    #[test]
    fn every_cut_and_every_changed_byte_is_noticed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x_checkpoint.bin");
        write(&path, &identity(), &example()).unwrap();
        let whole = std::fs::read(&path).unwrap();
        for n in 0..whole.len() {
            std::fs::write(&path, &whole[..n]).unwrap();
            assert!(Stored::open(&path).is_err(), "cut to {n} bytes");
            let mut changed = whole.clone();
            changed[n] ^= 0x10;
            std::fs::write(&path, changed).unwrap();
            assert!(Stored::open(&path).is_err(), "byte {n} changed");
        }
        let mut longer = whole;
        longer.push(0);
        std::fs::write(&path, longer).unwrap();
        assert!(matches!(Stored::open(&path), Err(CheckpointError::Damaged { .. })));
    }

    #[test]
    fn foreign_newer_and_other_checkpoints_are_told_apart() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x_checkpoint.bin");
        std::fs::write(&path, "x,y,gene\n").unwrap();
        assert!(matches!(Stored::open(&path), Err(CheckpointError::Foreign { .. })));
        write(&path, &identity(), &example()).unwrap();
        let stored = opened(&path);
        stored.check(&identity()).unwrap();
        let other = stored.check(&[("seed".to_owned(), "2".to_owned())]).unwrap_err().to_string();
        assert!(other.contains("another run: seed was '1' and is '2' now"), "{other}");
        let mut newer = std::fs::read(&path).unwrap();
        newer[8] = 9;
        std::fs::write(&path, newer).unwrap();
        let newer = Stored::open(&path).unwrap_err().to_string();
        assert!(newer.contains("has the format 9") && newer.contains("up to 1"), "{newer}");
    }
}
