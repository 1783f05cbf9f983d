//! MATLAB files of version 7.3, read in a process of their own.
//!
//! METHOD: the HDF5 library trusts what a file says of itself. A damaged file makes it read outside of its memory, or
//! reserve all there is, and either ends the process. So the program starts itself once more, with limits of memory and
//! time, and gets the matrix through a pipe. What ends that process is an error here.
//!
//! The child writes one line of JSON, the [`Answer`], and for pixels the values of all columns, one column after another,
//! as 64-bit numbers in the order of the machine.

use std::ffi::OsStr;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::OnceLock;

use serde::{Deserialize, Serialize};

use super::error::ImageFault;
use super::mat_hdf5::MatHdf5;
use super::samples::{ByteOrder, Pixels, SampleType};
use super::{ALWAYS_FINE, BAND_BYTES, DEFLATE_EXPANSION, ImageInfo, TakePixels, check_sides};

/// The first argument of a child, which no user writes.
pub const HELPER: &str = "__matrix";
/// Memory that a child may have, besides four times the length of the file.
const MEMORY: u64 = 1 << 30;
/// Seconds that a child may compute, and one more for so many bytes of the file and its pixels. A good file of some
/// kilobytes needs a hundredth.
const SECONDS: u64 = 1;
const BYTES_PER_SECOND: u64 = 20 << 20;
/// Longest answer, in bytes.
const MAX_ANSWER: u64 = 1 << 20;

static PROGRAM: OnceLock<PathBuf> = OnceLock::new();

/// Tells which program understands [`HELPER`]. Without it such files are read in this process.
pub fn read_apart(program: PathBuf) {
    drop(PROGRAM.set(program));
}

/// A MATLAB 7.3 file with one matrix, in another process.
#[derive(Debug)]
pub(super) struct MatApart {
    program: &'static Path,
    width: usize,
    height: usize,
}

/// What a child says before the pixels.
#[derive(Debug, Serialize, Deserialize)]
enum Answer {
    Matrix { width: usize, height: usize, samples: (char, u8), notes: Vec<String> },
    NoMatrix(String),
    SeveralMatrices(String),
    Unsupported(String, String),
    Damaged(String),
}

/// What is wanted of a child.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Wanted {
    Header,
    Pixels,
}

impl MatApart {
    /// Opens a file and finds the matrix; `None` if no program is known that would do it.
    pub(super) fn open(path: &Path) -> Option<Result<(Self, ImageInfo), ImageFault>> {
        let program = PROGRAM.get()?;
        Some(Self::open_with(program, path))
    }

    fn open_with(program: &'static Path, path: &Path) -> Result<(Self, ImageInfo), ImageFault> {
        let length = std::fs::metadata(path)?.len();
        let mut helper = Helper::start(program, path, Wanted::Header)?;
        let answer = helper.answer();
        helper.finish()?;
        let (width, height, samples, notes) = matrix(answer?)?;
        let (width, height) = check_sides(width as u64, height as u64)?;
        // What is not stored is 0, so that a matrix may be larger than its file, but not without measure.
        if width as u64 * height as u64 > (ALWAYS_FINE << 6) + length.saturating_mul(DEFLATE_EXPANSION) {
            return Err(ImageFault::Damaged(format!("{width} x {height} pixels cannot be in {length} bytes")));
        }
        let info = ImageInfo { format: "MATLAB 7.3", width, height, n_pages: 1, samples, pixel_size: None, notes };
        Ok((Self { program, width, height }, info))
    }

    /// Reads the matrix, some columns at a time.
    pub(super) fn read(&self, path: &Path, take: &mut TakePixels<'_>) -> Result<(), ImageFault> {
        let mut helper = Helper::start(self.program, path, Wanted::Pixels)?;
        let (width, height, ..) = matrix(helper.answer()?)?;
        if (width, height) != (self.width, self.height) {
            return Err(ImageFault::Damaged("it has changed since it was opened".to_owned()));
        }
        let n_at_once = (BAND_BYTES / (8 * height)).clamp(1, width);
        let (mut columns, mut rows) = (Vec::new(), Vec::new());
        for column in (0..width).step_by(n_at_once) {
            let n = n_at_once.min(width - column);
            columns.resize(8 * height * n, 0);
            if let Err(error) = helper.output.read_exact(&mut columns) {
                helper.finish()?;
                return Err(error.into());
            }
            super::mat::transpose(&columns, height, 8, &mut rows);
            let (samples, order) = (SampleType::Float(64), ByteOrder::NATIVE);
            let pixels = Pixels { row: 0, column, width: n, samples, order, black: None, bytes: &rows };
            if take(pixels)?.is_break() {
                return Ok(());
            }
        }
        helper.finish()
    }
}

fn matrix(answer: Answer) -> Result<(usize, usize, SampleType, Vec<String>), ImageFault> {
    match answer {
        Answer::Matrix { width, height, samples: (kind, bits), notes } => {
            let samples = match kind {
                'b' => SampleType::Bit,
                'u' => SampleType::UInt(bits),
                'i' => SampleType::Int(bits),
                _ => SampleType::Float(bits),
            };
            Ok((width, height, samples, notes))
        }
        Answer::NoMatrix(found) => Err(ImageFault::NoMatrix { found }),
        Answer::SeveralMatrices(found) => Err(ImageFault::SeveralMatrices { found }),
        Answer::Unsupported(what, remedy) => Err(ImageFault::Unsupported { what, remedy }),
        Answer::Damaged(what) => Err(ImageFault::Damaged(what)),
    }
}

/// A child at work. It is ended when this is dropped.
struct Helper {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Helper {
    fn start(program: &Path, path: &Path, wanted: Wanted) -> Result<Self, ImageFault> {
        let wanted = if wanted == Wanted::Header { "header" } else { "pixels" };
        let mut command = Command::new(program);
        command.args([OsStr::new(HELPER), OsStr::new(wanted), path.as_os_str()]);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().map_err(|error| ImageFault::Unsupported {
            what: format!("is MATLAB 7.3, which is read in a process of its own, and that cannot be started ({error})"),
            remedy: "save it with '-v7'".to_owned(),
        })?;
        let output = child.stdout.take().ok_or_else(|| io::Error::other("no pipe"))?;
        Ok(Self { child, output: BufReader::with_capacity(1 << 20, output) })
    }

    fn answer(&mut self) -> Result<Answer, ImageFault> {
        let mut line = String::new();
        self.output.by_ref().take(MAX_ANSWER).read_line(&mut line)?;
        match serde_json::from_str(&line) {
            Ok(answer) => Ok(answer),
            Err(_) => {
                self.finish()?;
                Err(ImageFault::Damaged("the HDF5 library cannot read it".to_owned()))
            }
        }
    }

    /// Waits for the end. Errors: the child was ended, or failed.
    fn finish(&mut self) -> Result<(), ImageFault> {
        let status = self.child.wait()?;
        if status.success() {
            return Ok(());
        }
        // A child that failed by itself has said why in its answer.
        let how = status.code().map_or_else(|| format!("was ended by the system ({status})"), |_| "failed".to_owned());
        Err(ImageFault::Damaged(format!("the process that reads it {how}, as it does on files that make no sense")))
    }
}

impl Drop for Helper {
    fn drop(&mut self) {
        // It may have ended before, or be blocked by a full pipe.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What a child does: its arguments are those after [`HELPER`]. Errors: the output cannot be written, or the matrix not
/// be read to its end.
pub fn serve(arguments: &[impl AsRef<OsStr>], out: &mut dyn Write) -> io::Result<()> {
    let [wanted, path] = arguments else { return Err(io::ErrorKind::InvalidInput.into()) };
    let path = Path::new(path.as_ref());
    limit(path, 0);
    let opened = MatHdf5::open(path);
    let answer = match &opened {
        Ok((_, info)) => Answer::Matrix {
            width: info.width,
            height: info.height,
            samples: match info.samples {
                SampleType::Bit => ('b', 1),
                SampleType::UInt(bits) => ('u', bits),
                SampleType::Int(bits) => ('i', bits),
                SampleType::Float(bits) => ('f', bits),
            },
            notes: info.notes.clone(),
        },
        Err(ImageFault::NoMatrix { found }) => Answer::NoMatrix(found.clone()),
        Err(ImageFault::SeveralMatrices { found }) => Answer::SeveralMatrices(found.clone()),
        Err(ImageFault::Unsupported { what, remedy }) => Answer::Unsupported(what.clone(), remedy.clone()),
        Err(ImageFault::Damaged(what)) => Answer::Damaged(what.clone()),
        Err(other) => Answer::Damaged(other.to_string()),
    };
    writeln!(out, "{}", serde_json::to_string(&answer)?)?;
    if let (Ok((file, info)), true) = (&opened, wanted.as_ref() == "pixels") {
        limit(path, 8 * info.width as u64 * info.height as u64);
        file.write_columns(path, out).map_err(|fault| io::Error::other(fault.to_string()))?;
    }
    out.flush()
}

/// Limits memory and time of this process, where the system can. `n_bytes`: pixels to come.
fn limit(path: &Path, n_bytes: u64) {
    #[cfg(unix)]
    {
        use rustix::process::{Resource, Rlimit, setrlimit};
        let length = std::fs::metadata(path).map_or(0, |metadata| metadata.len());
        let memory = MEMORY.saturating_add(length.saturating_mul(4));
        let seconds = SECONDS + n_bytes.saturating_add(length) / BYTES_PER_SECOND;
        for (resource, most) in [(Resource::As, memory), (Resource::Cpu, seconds), (Resource::Core, 0)] {
            // A limit that the system does not know is none.
            let _ = setrlimit(resource, Rlimit { current: Some(most), maximum: None });
        }
    }
    #[cfg(not(unix))]
    let _ = (path, n_bytes, MEMORY, SECONDS, BYTES_PER_SECOND);
}
