use std::fs;
use std::path::Path;

use super::*;

fn places(reads: &[&Path], writes: &[&Path]) -> Places {
    let mut places = Places::default();
    reads.iter().for_each(|path| places.reads("the molecule table", path));
    writes.iter().for_each(|path| places.writes(OUTPUT, path));
    places
}

#[test]
fn an_output_is_no_input_whatever_its_name() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::write(at("t.csv"), "x").unwrap();
    fs::write(at("other.csv"), "x").unwrap();
    fs::hard_link(at("t.csv"), at("hard.csv")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(at("t.csv"), at("soft.csv")).unwrap();
    for name in [
        "t.csv",
        "./t.csv",
        "hard.csv",
        #[cfg(unix)]
        "soft.csv",
    ] {
        let error = places(&[&at("t.csv")], &[&at("new.csv"), &at(name)]).check().unwrap_err().to_string();
        assert!(error.contains("--output") && error.contains("is the molecule table and would be over"), "{error}");
    }
    places(&[&at("t.csv")], &[&at("new.csv"), &at("other.csv")]).check().unwrap();
}

#[test]
fn a_store_with_an_input_in_it_is_not_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let part = folder.path().join("s.zarr/points/part.0.parquet");
    fs::create_dir_all(part.parent().unwrap()).unwrap();
    fs::write(&part, "x").unwrap();
    assert!(places(&[&part], &[&folder.path().join("s.zarr")]).check().is_err());
    assert!(places(&[&part], &[&folder.path().join("other.zarr")]).check().is_ok());
    assert!(places(&[&part], &[]).is_read(&folder.path().join("s.zarr")));
}

#[test]
fn a_claim_keeps_others_out_and_leaves_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let mut places = places(&[], &[&at("s.csv")]);
    places.stems.push((at("s"), at("s.csv")));
    places.folders.push((STAGE, at("stage")));
    let claim = places.claim().unwrap();
    let error = places.claim().unwrap_err().to_string();
    assert!(error.contains("/s'") && error.contains("another baysor"), "{error}");
    drop(claim);
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn what_killed_programs_left_goes_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    let left = ["s.csv.99999-0.tmp", "s.loom.1-12.tmp"];
    let others = ["s.csv.x-0.tmp", "s.csv.99999-0", "t.csv.99999-0.tmp", "s.csv.tmp"];
    left.iter().chain(&others).for_each(|name| fs::write(at(name), "x").unwrap());
    fs::create_dir_all(at("s.zarr.7-0.tmp/points")).unwrap();
    fs::create_dir_all(at("s.zarr.7-1.tmp")).unwrap();
    fs::write(at("s.zarr.7-1.tmp/.zmetadata"), "{}").unwrap();
    let mut places = places(&[], &[&at("s.csv"), &at("s.loom"), &at("s.zarr")]);
    places.stems.push((at("s"), at("s.csv")));
    drop(places.claim().unwrap());
    let mut names: Vec<String> =
        fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    // A store that is complete and may be all there is of it stays, too.
    let mut expected: Vec<&str> = others.to_vec();
    expected.push("s.zarr.7-1.tmp");
    expected.sort_unstable();
    assert_eq!(names, expected);
}
