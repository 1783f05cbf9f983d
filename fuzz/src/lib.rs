//! Hands bytes of libFuzzer to the readers of the test `fuzz`.

#[path = "../../tests/fuzz/case.rs"]
pub mod case;
#[path = "../../tests/fuzz/command.rs"]
pub mod command;
#[path = "../../tests/fuzz/corpus.rs"]
pub mod corpus;
#[path = "../../tests/fuzz/draws.rs"]
pub mod draws;
#[path = "../../tests/fuzz/mutate.rs"]
pub mod mutate;
#[path = "../../tests/fuzz/readers.rs"]
pub mod readers;
#[path = "../../tests/fuzz/seal.rs"]
pub mod seal;
#[path = "../../tests/fuzz/text.rs"]
pub mod text;
#[path = "../../tests/support/tissue.rs"]
pub mod tissue;

use std::fs;
use std::path::Path;
use std::sync::OnceLock;

use case::{Seed, write_files};

/// The folder to work in, and the seeds of readers of several files.
static STAGES: OnceLock<(tempfile::TempDir, Vec<Seed>)> = OnceLock::new();

/// Reads a file; of a stage a table, which the first two bytes name. The last byte selects the way.
pub fn read(name: &str, data: &[u8]) {
    let (_, stages) = STAGES.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a folder");
        std::env::set_current_dir(folder.path()).expect("a folder");
        let seeds = if name == "stage" { corpus::seeds("stage").expect("seeds") } else { Vec::new() };
        (folder, seeds)
    });
    let reader = readers::READERS.iter().find(|reader| reader.name == name).expect("a reader");
    if name == "stage" {
        let [seed, file, table @ ..] = data else { return };
        let mut files = stages[usize::from(*seed) % stages.len()].files.clone();
        let Some(changed) = files.keys().nth(usize::from(*file) % files.len()).cloned() else { return };
        files.insert(changed.clone(), table.to_vec());
        seal::repair_manifests(&mut files, &changed);
        let _ = fs::remove_dir_all("input");
        write_files(Path::new("."), &files).expect("a folder to write to");
    } else {
        fs::write("input", data).expect("a folder to write to");
    }
    (reader.read)(data.last().copied().unwrap_or_default().into());
}
