use std::fs;
use std::io::{self, Write as _};
use std::path::Path;

use super::*;

fn names_in(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).expect("a folder");
    let mut names: Vec<_> =
        entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[test]
fn final_name_appears_at_the_commit_only() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cells.csv");
    let mut file = NewFile::create(&path).expect("a file");
    file.write_all(b"cell\n").expect("written");
    assert!(!path.exists());
    file.commit().expect("renamed");
    assert_eq!(fs::read(&path).expect("a file"), b"cell\n");
    assert_eq!(names_in(folder.path()), ["cells.csv"]);
}

#[test]
fn abandoned_file_leaves_the_old_one_and_no_rubbish() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("cells.csv");
    fs::write(&path, "old").expect("written");
    let failed = write_file(&path, |file| {
        file.write_all(b"new")?;
        Err(io::Error::other("no more"))
    });
    let message = failed.expect_err("the failure").to_string();
    assert!(message.contains("/cells.csv'"), "{message}");
    assert_eq!(fs::read_to_string(&path).expect("a file"), "old");
    assert_eq!(names_in(folder.path()), ["cells.csv"]);
    write_file(&path, |file| file.write_all(b"new")).expect("written");
    assert_eq!(fs::read_to_string(&path).expect("a file"), "new");
}

#[test]
fn two_writers_of_one_file_do_not_meet() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("a");
    let (first, second) = (NewPath::reserve(&path).expect("a place"), NewPath::reserve(&path).expect("a place"));
    assert_ne!(first.temporary(), second.temporary());
    fs::write(first.temporary(), "first").expect("written");
    first.commit().expect("renamed");
    drop(second);
    assert_eq!(fs::read_to_string(&path).expect("a file"), "first");
    assert_eq!(names_in(folder.path()), ["a"]);
}

#[test]
fn folder_and_missing_folder_are_named_in_the_error() {
    let folder = tempfile::tempdir().expect("a folder");
    assert!(matches!(NewFile::create(folder.path()), Err(WriteError::NotAFile { found: "a folder", .. })));
    let deep = folder.path().join("not/yet/there.csv");
    assert!(matches!(NewFile::create(&deep), Err(WriteError::System { .. })));
    create_parent(&deep).expect("folders");
    write_file(&deep, |_| Ok(())).expect("written");
    create_parent(Path::new("plain.csv")).expect("nothing to do");
    let below_a_file = deep.join("sub/x.csv");
    let message = create_parent(&below_a_file).expect_err("a file in the way").to_string();
    assert!(message.contains("/there.csv' is not a folder"), "{message}");
}

#[test]
fn a_name_that_cannot_become_a_file_is_found_beforehand() {
    let folder = tempfile::tempdir().expect("a folder");
    let taken = folder.path().join("new/taken");
    prepare(&taken).expect("a new folder");
    assert_eq!(names_in(folder.path()), ["new"]);
    fs::create_dir(&taken).expect("a folder");
    assert!(matches!(prepare(&taken), Err(WriteError::NotAFile { found: "a folder", .. })));
}

#[test]
fn a_folder_appears_at_the_commit_and_replaces_the_old_one() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("store");
    for content in ["first", "second"] {
        let new = NewFolder::create(&path).expect("a folder");
        fs::write(new.temporary().join(content), content).expect("written");
        assert!(!path.join(content).exists());
        new.commit().expect("renamed");
        assert_eq!(names_in(&path), [content]);
        assert_eq!(names_in(folder.path()), ["store"]);
    }
    let abandoned = NewFolder::create(&path).expect("a folder");
    fs::write(abandoned.temporary().join("third"), "third").expect("written");
    drop(abandoned);
    assert_eq!((names_in(&path), names_in(folder.path())), (vec!["second".to_owned()], vec!["store".to_owned()]));
}

#[cfg(unix)]
#[test]
fn symbolic_link_stays_and_devices_are_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let (file, link) = (folder.path().join("file"), folder.path().join("link"));
    fs::write(&file, "old").expect("written");
    std::os::unix::fs::symlink(&file, &link).expect("a link");
    write_file(&link, |writer| writer.write_all(b"new")).expect("written");
    assert_eq!(fs::read_to_string(&file).expect("a file"), "new");
    assert!(fs::symlink_metadata(&link).expect("a link").is_symlink());
    assert!(NewFile::create(Path::new("/dev/null")).is_err());
}

#[test]
fn files_that_are_held_get_their_names_together_or_not_at_all() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name);
    fs::write(at("a"), "old").expect("written");
    let both = || -> Result<(), WriteError> {
        write_file(&at("a"), |file| file.write_all(b"new"))?;
        write_file(&at("b"), |file| file.write_all(b"new"))
    };
    let (_, batch) = hold(both).expect("complete");
    assert_eq!(fs::read_to_string(at("a")).expect("a file"), "old");
    assert_eq!(batch.paths().collect::<Vec<_>>(), [at("a"), at("b")]);
    drop(batch);
    assert_eq!(names_in(folder.path()), ["a"]);
    let failed = hold(|| both().and(Err::<(), _>(WriteError::NoName { path: at("c") })));
    assert!(failed.is_err());
    assert_eq!(
        (names_in(folder.path()), fs::read_to_string(at("a")).expect("a file")),
        (vec!["a".to_owned()], "old".to_owned())
    );
    hold(both).expect("complete").1.commit().expect("renamed");
    assert_eq!(
        (names_in(folder.path()), fs::read_to_string(at("a")).expect("a file")),
        (vec!["a".to_owned(), "b".to_owned()], "new".to_owned())
    );
    // Nothing is held any more.
    write_file(&at("c"), |file| file.write_all(b"new")).expect("written");
    assert!(at("c").exists());
}

#[test]
fn content_that_a_format_cannot_hold_was_no_space_left() {
    let folder = tempfile::tempdir().unwrap();
    let fail = |kind: io::ErrorKind| {
        let written = write_file(&folder.path().join("a.json"), |_| Err(io::Error::new(kind, "a boundary at -inf")));
        anyhow::Error::from(written.unwrap_err())
    };
    let told = format!("{:#}", fail(io::ErrorKind::InvalidData));
    assert!(told.contains("a.json': a boundary at -inf") && !told.contains("space left"), "{told}");
    assert!(format!("{:#}", fail(io::ErrorKind::StorageFull)).contains("space left"));
}
