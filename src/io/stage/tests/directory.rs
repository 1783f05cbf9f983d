//! The directory: what may be replaced, what is left behind, and what is noticed.

use std::fs;

use super::*;

fn message(result: Result<StageReader, StageError>) -> String {
    result.unwrap_err().to_string()
}

#[test]
fn equal_stages_have_equal_bytes_but_for_the_timing() {
    let (one, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (first, second) = (write_all(one.path()), write_all(other.path()));
    assert_eq!(names_in(one.path()), names_in(other.path()));
    for name in names_in(one.path()) {
        assert_eq!(fs::read(one.path().join(&name)).unwrap(), fs::read(other.path().join(&name)).unwrap(), "{name}");
    }
    let later = Manifest { timing: Timing::default(), ..second.clone() };
    assert_eq!(first.fingerprint(), later.fingerprint());
    assert_ne!(first.fingerprint(), Manifest { seed: 2, ..second }.fingerprint());
}

#[test]
fn nothing_is_left_of_a_stage_that_was_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let stage = dir.path().join("stage");
    let mut writer = StageWriter::create(&stage, StageKind::Run).unwrap();
    writer.genes(&table(0).genes, &[1, 2, 3]).unwrap();
    assert_eq!(names_in(&stage).len(), 2);
    let text = message(open(&stage));
    assert!(text.contains("is not a finished stage") && text.contains("still running or was interrupted"), "{text}");
    drop(writer);
    assert!(!stage.exists());
}

#[test]
fn older_stage_is_kept_until_the_new_one_is_complete() {
    let dir = tempfile::tempdir().unwrap();
    let first = write_all(dir.path());
    fs::write(dir.path().join("notes.txt"), "the user's own").unwrap();
    for left in ["cells.arrow.77-0.tmp", "checkpoint.bin.77-12.tmp", "manifest.json.7-1.tmp"] {
        fs::write(dir.path().join(left), "left by a killed run").unwrap();
    }
    let mut writer = StageWriter::create(dir.path(), StageKind::Run).unwrap();
    writer.genes(&table(0).genes, &[3, 3, 3]).unwrap();
    assert_eq!(open(dir.path()).unwrap().manifest(), &first);
    drop(writer);
    assert_eq!(open(dir.path()).unwrap().genes().unwrap().1, [1, 2, 7]);

    let mut writer = StageWriter::create(dir.path(), StageKind::Run).unwrap();
    let table = table(2);
    writer.molecules(&table, &MoleculeResults::default()).unwrap();
    writer.genes(&table.genes, &[3, 3, 3]).unwrap();
    writer.cells(&CellNames::new("R"), &stats()).unwrap();
    writer.counts(&table.genes, &counts()).unwrap();
    writer.finish(Manifest::new(StageKind::Run, 1)).unwrap();
    let expected = ["cells.arrow", "counts.arrow", "genes.arrow", "manifest.json", "molecules.arrow", "notes.txt"];
    assert_eq!(names_in(dir.path()), expected);
    assert_eq!(open(dir.path()).unwrap().genes().unwrap().1, [3, 3, 3]);
}

#[test]
fn directories_of_others_are_refused_and_unfinished_stages_taken() {
    let dir = tempfile::tempdir().unwrap();
    let create = |name: &str, kind| StageWriter::create(&dir.path().join(name), kind);
    fs::write(dir.path().join("file"), "").unwrap();
    assert!(matches!(create("file", StageKind::Run), Err(StageError::NotADirectory { .. })));
    fs::create_dir(dir.path().join("photos")).unwrap();
    fs::write(dir.path().join("photos/cat.jpg"), "").unwrap();
    let error = create("photos", StageKind::Run).unwrap_err().to_string();
    assert!(error.contains("'cat.jpg'. Choose a new or an empty directory"), "{error}");
    fs::create_dir(dir.path().join("npm")).unwrap();
    fs::write(dir.path().join("npm/manifest.json"), "{\"name\": \"icons\"}").unwrap();
    assert!(matches!(create("npm", StageKind::Run), Err(StageError::NotAManifest { .. })));
    assert_eq!(names_in(&dir.path().join("npm")), ["manifest.json"]);
    write_all(&dir.path().join("run"));
    let error = create("run", StageKind::Prior).unwrap_err().to_string();
    assert!(error.contains("of the kind 'run', and 'prior' is to be written"), "{error}");
    fs::create_dir(dir.path().join("killed")).unwrap();
    for name in [UNFINISHED_FILE, "checkpoint.arrow", "genes.arrow"] {
        fs::write(dir.path().join("killed").join(name), "").unwrap();
    }
    drop(create("killed", StageKind::Run).unwrap());
    assert_eq!(names_in(&dir.path().join("killed")), [UNFINISHED_FILE, "checkpoint.arrow", "genes.arrow"]);
}

#[test]
fn path_of_the_manifest_opens_the_stage_and_other_kinds_are_refused() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    assert_eq!(open(&dir.path().join(MANIFEST_FILE)).unwrap().dir(), dir.path());
    let text = message(StageReader::open(dir.path(), &[StageKind::Prior, StageKind::Tile]));
    assert!(text.ends_with("is a stage of the kind 'run'; needed is 'prior' or 'tile'"), "{text}");
    assert!(matches!(open(&dir.path().join("nowhere")), Err(StageError::Missing { .. })));
    fs::remove_file(dir.path().join(MANIFEST_FILE)).unwrap();
    let text = message(open(dir.path()));
    assert!(text.contains("it has no manifest.json. Check the path"), "{text}");
}

#[test]
fn manifests_that_are_newer_cut_or_foreign_are_told_apart() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let path = dir.path().join(MANIFEST_FILE);
    let good = fs::read_to_string(&path).unwrap();
    let with = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        fs::write(&path, good.replacen(from, to, 1)).unwrap();
        message(open(dir.path()))
    };
    let text = with("\"format_version\": 3", "\"new_thing\": [], \"format_version\": 12");
    assert!(text.contains("has the format version 12") && text.contains("reads versions up to 3"), "{text}");
    assert!(with("baysor-stage", "web-app").contains("its format is not 'baysor-stage'"));
    assert!(with("\"format_version\": 3", "\"format_version\": -1").contains("format_version is missing"));
    assert!(with("\"seed\"", "\"sede\"").contains("unknown field `sede`"));
    assert!(with("\"file\": \"cells.arrow\"", "\"file\": \"../cells.arrow\"").contains("is not known"));
    assert!(with("\"n_rows\": 10", "\"n_rows\": -10").contains("the manifest is damaged"));
    for n in (0..good.len()).step_by(97) {
        fs::write(&path, good.get(..n).unwrap_or_default()).unwrap();
        assert!(matches!(open(dir.path()), Err(StageError::Manifest { .. })), "{n}");
    }
    // Another number of rows leaves the content of the file as it was.
    fs::write(&path, good.replacen("\"n_rows\": 10", "\"n_rows\": 11", 1)).unwrap();
    let error = message(open(dir.path()));
    assert!(error.contains("it has 10 rows, but the manifest says 11"), "{error}");
}

#[test]
fn every_changed_byte_of_a_manifest_is_noticed_and_older_ones_are_read() {
    let dir = tempfile::tempdir().unwrap();
    let written = write_all(dir.path());
    let path = dir.path().join(MANIFEST_FILE);
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut changed = good.clone();
        changed[at] ^= 2;
        fs::write(&path, changed).unwrap();
        let told = message(open(dir.path()));
        assert!(StageReader::peek(dir.path(), &StageKind::ALL).is_err(), "byte {at}: {told}");
    }
    let with = |format_version: u32| {
        let timing = Timing { xxh64: None, ..written.timing.clone() };
        let manifest = Manifest { format_version, timing, ..written.clone() };
        fs::write(&path, serde_json::to_string_pretty(&manifest).unwrap()).unwrap();
        open(dir.path())
    };
    assert_eq!(with(1).unwrap().manifest().tables, written.tables);
    assert!(message(with(FORMAT_VERSION)).contains("timing.xxh64, is missing"));
}

#[test]
fn tables_that_are_gone_cut_edited_or_of_another_run_are_named() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let path = dir.path().join("counts.arrow");
    let good = fs::read(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(message(open(dir.path())).contains("counts.arrow: the table is missing"));
    fs::write(&path, &good[..good.len() / 2]).unwrap();
    let text = message(open(dir.path()));
    assert!(text.contains(&format!("has {} bytes, but the manifest says {}", good.len() / 2, good.len())), "{text}");
    let mut edited = good.clone();
    edited[good.len() / 2] ^= 1;
    fs::write(&path, &edited).unwrap();
    let text = message(open(dir.path()));
    assert!(text.contains("edited or from another run. Copy the whole stage directory again"), "{text}");
    fs::write(&path, &good).unwrap();
    assert!(open(dir.path()).is_ok());
}

#[test]
fn every_changed_byte_of_a_table_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let path = dir.path().join("genes.arrow");
    let good = fs::read(&path).unwrap();
    for at in 0..good.len() {
        let mut bytes = good.clone();
        bytes[at] ^= 0x10;
        fs::write(&path, &bytes).unwrap();
        assert!(matches!(open(dir.path()), Err(StageError::TableChanged { .. })), "byte {at}");
    }
}

/// A file that is not what the program writes, under a manifest that vouches for it.
#[test]
fn tables_of_other_programs_are_errors_of_the_decoder() {
    let dir = tempfile::tempdir().unwrap();
    write_all(dir.path());
    let read = |name: &str, n_rows| {
        super::super::molecules_reader::read(&dir.path().join(name), n_rows, Fingerprint::default())
            .unwrap_err()
            .to_string()
    };
    let good = fs::read(dir.path().join("molecules.arrow")).unwrap();
    for n in (0..good.len()).step_by(61) {
        fs::write(dir.path().join("cut"), &good[..n]).unwrap();
        assert!(read("cut", 10).contains("cut: the table is damaged"), "{n} bytes");
    }
    assert!(read("genes.arrow", 3).contains("it has no column 'molecule_id'"));
    assert!(read("ncv.arrow", 3).contains("it has no column 'x'"));
    assert!(read("molecules.arrow", 9).contains("it has 10 rows, but the manifest says 9"));
    let cells = super::super::trace::read_trace(&dir.path().join("cells.arrow"), 2).unwrap_err().to_string();
    assert!(cells.contains("it has no column 'iteration'"), "{cells}");
}
