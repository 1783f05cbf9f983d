//! A case: the files of a seed, one or two of which have changed.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::Path;

use super::draws::Draws;
use super::seal;

/// Files by their paths.
pub type Files = BTreeMap<String, Vec<u8>>;
/// The file of a seed with a command line; it does not change.
pub const ARGUMENTS: &str = "arguments";

/// A good input, which cases are made from.
#[derive(Clone, Debug)]
pub struct Seed {
    /// Its name.
    pub name: String,
    /// Its files. What is to be read is called `input`.
    pub files: Files,
}

/// A changed input.
#[derive(Clone, Debug)]
pub struct Case {
    /// The seed, by its place.
    pub seed: usize,
    /// All files.
    pub files: Files,
    /// Draws of its own, for the way in which it is read.
    pub variant: u64,
}

impl Case {
    /// Makes a case of one of the seeds, of which there is one at least. The first cases are the seeds as they are.
    pub fn make(seeds: &[Seed], seed: u64, reader: &str, number: u64) -> Self {
        let draws = &mut Draws::of_case(seed, reader, number);
        let variant = draws.bits();
        if let Some(seed) = usize::try_from(number).ok().filter(|&number| number < seeds.len()) {
            return Self { seed, files: seeds[seed].files.clone(), variant };
        }
        let seed = draws.below(seeds.len());
        let mut files = seeds[seed].files.clone();
        let names: Vec<String> = files.keys().filter(|name| *name != ARGUMENTS).cloned().collect();
        let other = &seeds[draws.below(seeds.len())];
        let others: Vec<&[u8]> = other.files.values().map(Vec::as_slice).collect();
        for _ in 0..draws.few().min(3) {
            let name = draws.pick(&names);
            if names.len() > 1 && draws.one_in(100) {
                files.remove(name);
            } else if let Some(bytes) = files.get_mut(name) {
                seal::change(bytes, &others, draws);
                if !draws.one_in(16) {
                    seal::repair_manifests(&mut files, name);
                }
            }
        }
        Self { seed, files, variant }
    }
}

/// Reads all files of a folder.
pub fn read_files(folder: &Path) -> io::Result<Files> {
    let mut files = Files::new();
    collect(folder, "", &mut files)?;
    Ok(files)
}

fn collect(folder: &Path, before: &str, files: &mut Files) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = format!("{before}{}", entry.file_name().to_string_lossy());
        if entry.file_type()?.is_dir() {
            collect(&entry.path(), &format!("{name}/"), files)?;
        } else {
            files.insert(name, fs::read(entry.path())?);
        }
    }
    Ok(())
}

/// Writes files into a folder.
pub fn write_files(folder: &Path, files: &Files) -> io::Result<()> {
    for (name, bytes) in files {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, bytes)?;
    }
    Ok(())
}

/// Writes seeds into a folder, a folder each.
pub fn write_seeds(folder: &Path, seeds: &[Seed]) -> io::Result<()> {
    seeds.iter().try_for_each(|seed| write_files(&folder.join(&seed.name), &seed.files))
}

/// Reads seeds from a folder, sorted by name.
pub fn read_seeds(folder: &Path) -> io::Result<Vec<Seed>> {
    let mut seeds = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        seeds.push(Seed { files: read_files(&entry.path())?, name });
    }
    seeds.sort_by(|a, b| a.name.cmp(&b.name));
    Ok(seeds)
}
