//! Tables other than that of molecules.

use super::*;

/// Statistics of one cell, without those that may be missing.
fn one_cell() -> CellStats {
    CellStats {
        x: vec![1.0],
        y: vec![2.0],
        n_transcripts: vec![2],
        density: vec![3.0],
        elongation: vec![4.0],
        area: vec![5.0],
        avg_confidence: vec![0.5],
        ..CellStats::default()
    }
}

#[test]
fn every_table_comes_back() {
    let dir = tempfile::tempdir().unwrap();
    let stage = dir.path().join("not/yet/there");
    let written = write_all(&stage);
    let reader = open(&stage).unwrap();
    assert_eq!(reader.manifest(), &written);
    assert_eq!(written.tables.len(), schema::TABLES.len());
    assert_eq!(reader.genes().unwrap(), (table(0).genes, vec![1, 2, 7]));
    assert_eq!(reader.segments().unwrap(), segments());
    assert_eq!(reader.prior_outlines().unwrap(), Some(prior_outlines()));
    let (names, stats_again) = reader.cells().unwrap();
    assert_eq!(names, ["CR0123456789-1", "CR0123456789-2"]);
    assert_eq!(stats_again, stats());
    assert_eq!(reader.counts().unwrap(), counts());
    assert_eq!(reader.polygons().unwrap(), polygons());
    assert_eq!(reader.trace().unwrap(), trace());
    assert_eq!(reader.clustering().unwrap(), clustering());
    assert_eq!(reader.compartment_genes().unwrap(), ranking());
    assert_eq!(reader.ncv().unwrap(), ncv());
    assert_eq!(reader.slide_fit().unwrap(), tile::numbers());
    assert_eq!(reader.molecules().unwrap().1, all_results());
}

#[test]
fn segments_without_areas_have_names_and_numbers_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let mut column = segments();
    column.labels = SegmentLabels::Texts(["b", "", "a,\"c\""].map(str::to_owned).to_vec());
    column.has_z = true;
    column.min_molecules_per_segment = 0;
    for row in &mut column.rows {
        (row.n_pixels, row.area, row.radius) = (None, None, None);
    }
    let mut writer = StageWriter::create(dir.path(), StageKind::Prior).unwrap();
    writer.molecules(&table(1), &MoleculeResults::default()).unwrap();
    writer.genes(&table(1).genes, &[1, 0, 0]).unwrap();
    writer.segments(&column).unwrap();
    let manifest = writer.finish(Manifest::new(StageKind::Prior, 1)).unwrap();
    assert_eq!(manifest.table("segments").unwrap().n_columns, 8);
    let reader = StageReader::open(dir.path(), &[StageKind::Prior]).unwrap();
    assert_eq!(reader.segments().unwrap(), column);
    assert_eq!(reader.prior_outlines().unwrap(), None);
}

#[test]
fn outlines_of_segments_that_do_not_exist_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    let mut writer = StageWriter::create(dir.path(), StageKind::Prior).unwrap();
    writer.molecules(&table(1), &MoleculeResults::default()).unwrap();
    writer.genes(&table(1).genes, &[1, 0, 0]).unwrap();
    writer.segments(&segments()).unwrap();
    let mut outlines = prior_outlines();
    outlines[1].row = segments().rows.len() as u32;
    writer.prior_outlines(&outlines).unwrap();
    writer.finish(Manifest::new(StageKind::Prior, 1)).unwrap();
    let error = StageReader::open(dir.path(), &[StageKind::Prior]).unwrap().prior_outlines().unwrap_err().to_string();
    assert!(error.contains("of the segment in row 4 of 3"), "{error}");
}

#[test]
fn molecules_of_cells_and_segments_that_do_not_exist_are_damage() {
    let dir = tempfile::tempdir().unwrap();
    let genes = table(0).genes;
    for (cell, segment, expected) in [(2, 1, "the cell 2 of 1"), (1, 4, "the segment 4 of 2")] {
        let mut writer = StageWriter::create(dir.path(), StageKind::Run).unwrap();
        let results = MoleculeResults {
            cell: Some(cells(&[cell])),
            prior_segment: Some(vec![SegmentIdx::from_number(segment)]),
            ..MoleculeResults::default()
        };
        writer.molecules(&table(1), &results).unwrap();
        writer.genes(&genes, &[1, 0, 0]).unwrap();
        writer.segments(&segments()).unwrap();
        writer.cells(&CellNames::new("R1"), &one_cell()).unwrap();
        writer.counts(&genes, &CellCounts { n_genes: 3, offsets: vec![0, 0], ..CellCounts::default() }).unwrap();
        writer.finish(Manifest::new(StageKind::Run, 1)).unwrap();
        let error = open(dir.path()).unwrap().molecules().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}

#[test]
fn cells_without_optional_numbers_and_boundaries_in_the_plane_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let plain = one_cell();
    let mut writer = StageWriter::create(dir.path(), StageKind::Run).unwrap();
    let genes = table(0).genes;
    writer.molecules(&table(3), &MoleculeResults::default()).unwrap();
    writer.genes(&genes, &[1, 1, 1]).unwrap();
    writer.cells(&CellNames::new("R1"), &plain).unwrap();
    writer.counts(&genes, &CellCounts { n_genes: 3, offsets: vec![0, 0], ..CellCounts::default() }).unwrap();
    writer.polygons(&[outline(0, 1.0)], None).unwrap();
    writer.finish(Manifest::new(StageKind::Run, 1)).unwrap();
    let reader = open(dir.path()).unwrap();
    assert_eq!(reader.cells().unwrap().1, plain);
    assert_eq!(reader.polygons().unwrap(), StagePolygons { flat: vec![outline(0, 1.0)], layers: None });
    let error = reader.trace().unwrap_err().to_string();
    assert!(error.ends_with("the stage has no table 'trace'"), "{error}");
    assert_eq!(reader.counts().unwrap().offsets, [0, 0]);
}

#[test]
fn counts_keep_cells_without_molecules_of_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let genes = table(0).genes;
    let counts = CellCounts {
        n_genes: 3,
        offsets: vec![0, 0, 2, 2, 3, 3],
        genes: [0, 1, 0].map(GeneIdx::new).to_vec(),
        n: vec![1, 2, 3],
    };
    let mut file = Vec::new();
    super::super::cells::write_counts(&mut file, &genes, &counts).unwrap();
    let path = dir.path().join("counts.arrow");
    std::fs::write(&path, file).unwrap();
    assert_eq!(super::super::cells::read_counts(&path, 3, 5, 3).unwrap(), counts);
    for (n_cells, n_genes, n_rows) in [(3, 3, 3), (5, 1, 3), (5, 3, 4)] {
        let error = super::super::cells::read_counts(&path, n_rows, n_cells, n_genes).unwrap_err();
        assert!(matches!(error, StageError::TableDamaged { .. }), "{error}");
    }
}
