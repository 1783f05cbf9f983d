use super::*;
use crate::io::molecules::{ColumnNames, ReadRequest, read};

const TABLE: &str = "transcript_id,x,y,gene,qv\n\
    18446744073709551615,1,2,\"a,b\",30\n7,5,2,b,19.5\n8,3,6,b,40\n9,40,40,a,40\n";

fn table(text: &str) -> MoleculeTable {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("molecules");
    std::fs::write(&path, text).unwrap();
    read(&ReadRequest { path, columns: ColumnNames::default(), ..ReadRequest::default() }).unwrap()
}

fn triangle() -> CellOutline {
    CellOutline { cell: CellIdx::new(0), ring: vec![[1.0, 2.0], [5.0, 2.0], [3.0, 6.0], [1.0, 2.0]] }
}

/// Checks a pair of four molecules, the first three in a cell, and `change`d.
fn outcome(text: &str, change: impl Fn(&mut Pair<'_>)) -> Result<(TranscriptIds, Vec<Advice>), RangerError> {
    let table = table(text);
    let cell = [1, 1, 1, 0].map(CellIdx::from_number);
    let outlines = [triangle()];
    let names = CellNames::new("R1");
    let polygon_format = PolygonFormat::GeometryCollectionLegacy;
    let mut pair =
        Pair { table: &table, cell: &cell, outlines: &outlines, names: &names, qv_column: "qv", polygon_format };
    change(&mut pair);
    pair.check()
}

fn fault(text: &str, change: impl Fn(&mut Pair<'_>)) -> String {
    let error = outcome(text, change).unwrap_err();
    assert!(error.to_string().contains(&error.requirement.to_string()));
    error.to_string()
}

#[test]
fn a_good_pair_is_written_with_every_digit_and_empty_noise() {
    let table = table(TABLE);
    let cell = [1, 1, 1, 0].map(CellIdx::from_number);
    let (outlines, names) = ([triangle()], CellNames::new("R1"));
    let polygon_format = PolygonFormat::GeometryCollectionLegacy;
    let pair = Pair { table: &table, cell: &cell, outlines: &outlines, names: &names, qv_column: "qv", polygon_format };
    let (ids, advice) = pair.check().unwrap();
    let mut text = Vec::new();
    pair.write_transcripts(&ids, &mut text).unwrap();
    assert_eq!(
        String::from_utf8(text).unwrap(),
        "transcript_id,x,y,gene,qv,cell,is_noise\n18446744073709551615,1.0,2.0,\"a,b\",30.0,CR1-1,false\n\
         7,5.0,2.0,b,19.5,CR1-1,false\n8,3.0,6.0,b,40.0,CR1-1,false\n9,40.0,40.0,a,40.0,,true\n"
    );
    let mut json = Vec::new();
    pair.write_polygons(&mut json).unwrap();
    assert!(String::from_utf8(json).unwrap().ends_with(r#","cell":1}]}"#));
    assert_eq!(advice.len(), 1);
    assert!(advice[0].0.starts_with("1 of 4 molecules have qv below 20"), "{}", advice[0].0);
    assert!(advice[0].0.contains("0 cells will have no counts"));
}

#[test]
fn ids_must_be_there_whole_and_unique() {
    let same = |_: &mut Pair<'_>| ();
    let without = "x,y,gene\n1,2,a\n5,2,b\n3,6,b\n40,40,a\n";
    assert!(fault(without, same).contains("no column 'transcript_id'"));
    let with = |ids: [&str; 4]| {
        format!("transcript_id,x,y,gene\n{},1,2,a\n{},5,2,b\n{},3,6,b\n{},9,9,a\n", ids[0], ids[1], ids[2], ids[3])
    };
    let twice = fault(&with(["4", "5", "6", "5"]), same);
    assert!(twice.contains("5 stands in rows 2 and 4"), "{twice}");
    assert!(fault(&with(["4.5", "5", "6", "7"]), same).contains("with a point"));
    assert!(fault(&with(["-4", "5", "6", "7"]), same).contains("-4 in row 1"));
    assert!(fault(&with(["4", "a", "6", "7"]), same).contains("'a' in row 2"));
    assert!(fault(&with(["x", "007", "6", "7"]), same).contains("'x' in row 1"));
    assert!(fault(&with(["4", "", "6", "7"]), same).contains("missing in row 2"));
}

#[test]
fn both_files_must_have_the_same_cells() {
    assert!(fault(TABLE, |pair| pair.outlines = &[]).contains("cell CR1-1 has molecules and no boundary"));
    assert!(fault(TABLE, |pair| pair.cell = &[None; 4]).contains("no cells"));
    let two = [triangle(), CellOutline { cell: CellIdx::new(1), ..triangle() }];
    let table = table(TABLE);
    let names = CellNames::new("R1");
    let cell = [1, 1, 1, 0].map(CellIdx::from_number);
    let polygon_format = PolygonFormat::FeatureCollection;
    let pair = Pair { table: &table, cell: &cell, outlines: &two, names: &names, qv_column: "qv", polygon_format };
    assert!(pair.check().unwrap_err().to_string().contains("cell CR1-2 has a boundary and no molecules"));
    let twice = [triangle(), triangle()];
    let pair = Pair { outlines: &twice, ..pair };
    assert!(pair.check().unwrap_err().to_string().contains("cell CR1-1 has 2 boundaries"));
}

#[test]
fn names_formats_and_rings_are_checked() {
    let format = fault(TABLE, |pair| pair.polygon_format = PolygonFormat::GeometryCollection);
    assert!(format.contains("GeometryCollectionLegacy"), "{format}");
    let rings: [(&[[f64; 2]], &str); 5] = [
        (&[[0.0, 0.0], [1.0, 1.0], [0.0, 0.0]], "3 positions"),
        (&[[0.0, 0.0], [1.0, 0.0], [1.0, 1.0], [0.0, 1.0]], "not closed"),
        (&[[0.0, 0.0], [1.0, f64::NAN], [1.0, 1.0], [0.0, 0.0]], "not finite"),
        (&[[0.0, 0.0], [1.0, 1.0], [2.0, 2.0], [0.0, 0.0]], "spike"),
        (&[[0.0, 0.0], [1.0, 1.0], [1.0, 0.0], [0.0, 1.0], [0.0, 0.0]], "meet"),
    ];
    let table = table(TABLE);
    let cell = [1, 1, 1, 0].map(CellIdx::from_number);
    let polygon_format = PolygonFormat::FeatureCollection;
    for (ring, fault) in rings {
        let outlines = [CellOutline { cell: CellIdx::new(0), ring: ring.to_vec() }];
        let names = CellNames::new("R1");
        let pair =
            Pair { table: &table, cell: &cell, outlines: &outlines, names: &names, qv_column: "qv", polygon_format };
        let error = pair.check().unwrap_err().to_string();
        assert!(error.contains(fault) && error.contains("CR1-1"), "{error}");
    }
    for id in ["a-b", "ü", "R2"] {
        let (outlines, names) = ([triangle()], CellNames::new(id));
        let pair =
            Pair { table: &table, cell: &cell, outlines: &outlines, names: &names, qv_column: "qv", polygon_format };
        assert_eq!(pair.check().is_ok(), id == "R2", "'{id}'");
    }
}

#[test]
fn coordinates_that_are_hardly_microns_are_told() {
    let advice = |text: &str, ring: &[[f64; 2]]| {
        let table = table(text);
        let cell = [1, 1, 1, 0].map(CellIdx::from_number);
        let outlines = [CellOutline { cell: CellIdx::new(0), ring: ring.to_vec() }];
        let names = CellNames::new("R1");
        let polygon_format = PolygonFormat::FeatureCollection;
        let pair =
            Pair { table: &table, cell: &cell, outlines: &outlines, names: &names, qv_column: "qv", polygon_format };
        pair.check().unwrap().1.into_iter().map(|advice| advice.0).collect::<Vec<_>>().join("|")
    };
    let plain = "transcript_id,x,y,gene\n1,1,2,a\n2,5,2,b\n3,3,6,b\n4,40,40,a\n";
    let large = [[0.0, 0.0], [90.0, 0.0], [0.0, 90.0], [0.0, 0.0]];
    assert_eq!(advice(plain, &triangle().ring), "");
    assert!(advice(plain, &large).contains("radius above 35.905"), "{}", advice(plain, &large));
    assert!(advice(&plain.replace("4,40", "4,-40"), &triangle().ring).contains("A coordinate is -40"));
    assert!(advice(&plain.replace("4,40", "4,40000"), &triangle().ring).contains("A coordinate is 40000"));
}

#[test]
fn a_bundle_must_have_the_ids_at_their_places() {
    use polars::prelude::{DataFrame, IntoColumn, NamedFrom, ParquetWriter, Series};
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path();
    let write = |ids: &[u64], x: &[f32]| {
        let columns = vec![
            Series::new("transcript_id".into(), ids).into_column(),
            Series::new("x_location".into(), x).into_column(),
            Series::new("y_location".into(), vec![2.0_f32; ids.len()]).into_column(),
        ];
        let file = std::fs::File::create(bundle.join("transcripts.parquet")).unwrap();
        ParquetWriter::new(file).finish(&mut DataFrame::new(ids.len(), columns).unwrap()).unwrap();
    };
    let table = table("transcript_id,x,y,gene\n7,5.1,2,a\n18446744073709551615,1,2,b\n8,3,2,a\n");
    let cell = [1, 1, 1].map(CellIdx::from_number);
    let (outlines, names) = ([triangle()], CellNames::new("R1"));
    let polygon_format = PolygonFormat::FeatureCollection;
    let pair = Pair { table: &table, cell: &cell, outlines: &outlines, names: &names, qv_column: "qv", polygon_format };
    let (ids, _) = pair.check().unwrap();
    let compared = || check_bundle(&pair, &ids, bundle).map_err(|error| error.to_string());
    assert!(compared().unwrap_err().contains("no file experiment.xenium"));
    std::fs::write(bundle.join("experiment.xenium"), "{}").unwrap();
    assert!(compared().unwrap_err().contains("no file transcripts.parquet"));
    write(&[1, 8, u64::MAX, 7], &[0.0, 3.0, 1.0, 5.1]);
    assert_eq!(compared().unwrap(), "All 3 transcripts are in the bundle at the same places; it has 4");
    write(&[1, 8, 7], &[0.0, 3.0, 5.1]);
    assert!(compared().unwrap_err().contains("1 of 3 ids are not in"), "{compared:?}", compared = compared());
    write(&[1, 8, u64::MAX, 7], &[0.0, 3.0, 1.0, 24.0]);
    assert!(compared().unwrap_err().contains("transcript 7 is at (5.1, 2), and in"));
    std::fs::write(bundle.join("transcripts.parquet"), "PAR1 rubbish").unwrap();
    assert!(compared().unwrap_err().contains("cannot be read"));
}

#[test]
fn command_quotes_paths_for_the_shell() {
    let line = command("R1", Some(Path::new("/data/my bundle")), Path::new("a.csv"), Path::new("it's.json"));
    assert_eq!(
        line,
        "xeniumranger import-segmentation --id=baysor_R1 --xenium-bundle='/data/my bundle' --units=microns \
         --transcript-assignment=a.csv --viz-polygons='it'\\''s.json'"
    );
}
