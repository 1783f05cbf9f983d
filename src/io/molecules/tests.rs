//! Whole files through [`read`]: formats, filters, and everything that can be wrong with a table.

use std::io::Write;
use std::path::PathBuf;

use flate2::Compression;
use flate2::write::GzEncoder;
use polars::prelude::DataType;

use super::*;
use crate::data::SegmentIdx;

struct Dir(tempfile::TempDir);

impl Dir {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn file(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.0.path().join(name);
        std::fs::write(&path, content).unwrap();
        path
    }
}

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/molecules").join(name)
}

fn request(path: PathBuf) -> ReadRequest {
    ReadRequest { path, ..ReadRequest::default() }
}

fn xenium(path: PathBuf) -> ReadRequest {
    let columns = ColumnNames {
        x: "x_location".into(),
        y: "y_location".into(),
        z: "z_location".into(),
        gene: "feature_name".into(),
        qv: "qv".into(),
    };
    ReadRequest { columns, ..request(path) }
}

fn read_text(text: impl AsRef<[u8]>) -> Result<MoleculeTable, ReadError> {
    let dir = Dir::new();
    read(&request(dir.file("table.csv", text)))
}

fn failure(text: impl AsRef<[u8]>) -> String {
    read_text(text).unwrap_err().to_string()
}

fn gzipped(text: &str) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn gene_names(table: &MoleculeTable) -> Vec<&str> {
    table.molecules.genes.iter().map(|&gene| table.genes.name(gene)).collect()
}

fn output_names(table: &MoleculeTable) -> Vec<&str> {
    table.carried.layout.iter().map(|&column| table.carried.name(column)).collect()
}

fn has_note(table: &MoleculeTable, part: &str) -> bool {
    table.notes.iter().any(|note| match note {
        Note::Info(text) | Note::Warning(text) => text.contains(part),
    })
}

fn warnings(table: &MoleculeTable) -> Vec<&String> {
    table.notes.iter().filter_map(|note| if let Note::Warning(text) = note { Some(text) } else { None }).collect()
}

fn segment_numbers(table: &MoleculeTable) -> Vec<u32> {
    let segments = table.prior_segments.as_ref().unwrap();
    segments.segment_of.iter().map(|segment| segment.map_or(0, SegmentIdx::number)).collect()
}

#[test]
fn plain_table_is_read_in_order() {
    let table = read_text("gene,x,extra,y\nb,1,u,2\na,3.5,v,-4e1\nb,0,w,0\n").unwrap();
    assert_eq!(table.molecules.ids, [0, 1, 2]);
    assert_eq!(table.molecules.positions.x, [1.0, 3.5, 0.0]);
    assert_eq!(table.molecules.positions.y, [2.0, -40.0, 0.0]);
    assert_eq!(table.molecules.positions.z, None);
    assert_eq!(gene_names(&table), ["b", "a", "b"]);
    assert_eq!(table.genes.names(), ["a", "b"]);
    assert_eq!(output_names(&table), ["gene", "x", "extra", "y"]);
    assert!(has_note(&table, "Loaded 3 transcripts, 2 genes"));
    assert!(warnings(&table).is_empty());
}

#[test]
fn dialects_give_the_same_table() {
    let plain = read_text("x,y,gene\n1,2,a\n3,4,b\n").unwrap();
    for text in [
        "\u{feff}x,y,gene\r\n1,2,a\r\n3,4,b\r\n",
        "x\ty\tgene\n1\t2\ta\n3\t4\tb",
        "x;y;gene\n1;2;a\n3;4;b\n",
        "x|y|gene\n1|2|a\n3|4|b\n",
        "x y gene\n1 2 a\n3 4 b\n\n",
        "\"x\",\"y\",\"gene\"\n\"1\",\"2\",\"a\"\n3, 4 ,\"b\"\n",
    ] {
        let table = read_text(text).unwrap();
        assert_eq!((&table.molecules, &table.genes), (&plain.molecules, &plain.genes), "{text}");
    }
}

#[test]
fn gzip_is_told_by_content_and_may_have_several_members() {
    let dir = Dir::new();
    let mut bytes = gzipped("x,y,gene\n1,2,a\n3,");
    bytes.extend(gzipped("4,b\n"));
    let table = read(&request(dir.file("table.csv", &bytes))).unwrap();
    assert_eq!(table.molecules.positions.y, [2.0, 4.0]);
    assert_eq!(table.fingerprint, fingerprint(&bytes[..]).unwrap());
    let error = read(&request(dir.file("cut.csv.gz", &bytes[..bytes.len() - 12]))).unwrap_err().to_string();
    assert!(error.contains("cut.csv.gz") && error.contains("truncated"), "{error}");
    let error = read(&request(dir.file("short.csv.gz", &bytes[..12]))).unwrap_err().to_string();
    assert!(error.contains("truncated"), "{error}");
}

#[test]
fn xenium_table_with_dictionary_genes() {
    let table = read(&xenium(fixture("xenium_dictionary_zstd.parquet"))).unwrap();
    assert_eq!(gene_names(&table), ["Actb", "Gad1", "Actb", "Gad1", "Sst", "Actb"]);
    assert_eq!(table.molecules.positions.x[4], 5.1);
    assert_eq!(table.molecules.positions.z.as_ref().unwrap()[0], 10.5);
    assert_eq!(table.carried.f32_axes, [true; 3]);
    assert_eq!(output_names(&table), ["transcript_id", "cell_id", "overlaps_nucleus", "gene", "x", "y", "z", "qv"]);
    assert_eq!(table.carried.series(0).u64().unwrap().get(1), Some(u64::MAX));
}

#[test]
fn xenium_table_with_binary_genes_in_two_row_groups() {
    let first = read(&xenium(fixture("xenium_dictionary_zstd.parquet"))).unwrap();
    let second = read(&xenium(fixture("xenium_binary_snappy.parquet"))).unwrap();
    assert_eq!((&first.molecules, &first.genes), (&second.molecules, &second.genes));
    assert_eq!(second.carried.frame.height(), 6);
}

#[test]
fn xenium_prior_column_is_known() {
    let prior = |label: &str| {
        Some(PriorColumn { name: "cell_id".into(), unassigned_label: label.into(), ..PriorColumn::default() })
    };
    let request = xenium(fixture("xenium_binary_snappy.parquet"));
    let table = read(&ReadRequest { prior: prior("UNASSIGNED"), ..request.clone() }).unwrap();
    assert_eq!(segment_numbers(&table), [1, 0, 2, 1, 0, 3]);
    assert!(warnings(&table).is_empty());
    let forgotten = read(&ReadRequest { prior: prior("0"), ..request.clone() }).unwrap();
    assert_eq!(segment_numbers(&forgotten), [1, 0, 2, 1, 0, 3]);
    assert_eq!(warnings(&forgotten).len(), 1);
    let name = Some(PriorColumn { name: "cell".into(), unassigned_label: "0".into(), ..PriorColumn::default() });
    let error = read(&ReadRequest { prior: name, ..request }).unwrap_err().to_string();
    assert!(error.contains("no prior column 'cell'") && error.contains("(maybe ':cell_id')"), "{error}");
}

#[test]
fn experiment_file_leads_to_the_table_beside_it() {
    let dir = Dir::new();
    let table = std::fs::read(fixture("xenium_binary_snappy.parquet")).unwrap();
    let experiment = dir.file("experiment.xenium", "{\"major_version\": 4}");
    let error = read(&xenium(experiment.clone())).unwrap_err().to_string();
    assert!(error.contains("transcripts.parquet"), "{error}");
    let beside = dir.file("transcripts.parquet", table);
    assert_eq!(read(&xenium(experiment)).unwrap().path, beside);
    assert_eq!(read(&xenium(dir.0.path().into())).unwrap().path, beside);
    let error = read(&xenium(Dir::new().0.path().into())).unwrap_err().to_string();
    assert!(error.contains("is a directory") && error.contains("Looked for transcripts.parquet"), "{error}");
}

#[test]
fn unusual_column_types_are_carried_or_left_out_with_a_warning() {
    let prior = Some(PriorColumn { name: "cell".into(), unassigned_label: "-1".into(), ..PriorColumn::default() });
    let table = read(&ReadRequest { prior, ..request(fixture("large_string_gzip.parquet")) }).unwrap();
    assert_eq!(gene_names(&table), ["a", "missing", "b", "missing"]);
    assert_eq!(table.molecules.positions.x, [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(table.molecules.positions.z, None);
    assert_eq!(output_names(&table), ["x", "y", "gene", "cell", "when", "day", "kind", "real"]);
    assert_eq!(segment_numbers(&table), [0, 1, 0, 2]);
    for part in ["2 molecules have no gene", "z coordinate is dropped", "'tags'", "names of results: 'cell'"] {
        assert!(has_note(&table, part), "{part}: {:?}", table.notes);
    }
    let lz4 = read(&request(fixture("lz4.parquet"))).unwrap();
    assert_eq!(gene_names(&lz4), gene_names(&table));
}

#[test]
fn damaged_parquet_is_an_error() {
    let dir = Dir::new();
    let whole = std::fs::read(fixture("xenium_binary_snappy.parquet")).unwrap();
    let error = read(&xenium(dir.file("cut.parquet", &whole[..whole.len() - 20]))).unwrap_err().to_string();
    assert!(error.contains("cut.parquet") && error.contains("truncated"), "{error}");
    let mut broken = whole.clone();
    broken[100..400].fill(0xa5);
    let error = read(&xenium(dir.file("broken.parquet", &broken))).unwrap_err().to_string();
    assert!(error.contains("broken.parquet") && error.contains("cannot be decoded"), "{error}");
    let mut footer = whole.clone();
    let end = footer.len();
    footer[end - 300..end - 8].fill(0xff);
    let error = read(&xenium(dir.file("footer.parquet", &footer))).unwrap_err().to_string();
    assert!(error.contains("cannot be decoded"), "{error}");
    assert!(matches!(read(&request(fixture("no_rows.parquet"))), Err(ReadError::NoRows { .. })));
}

#[test]
fn unknown_parquet_codec_is_an_error() {
    let brotli = read(&request(fixture("brotli.parquet"))).unwrap();
    assert_eq!(brotli.molecules.len(), 1);
    let mut bytes = std::fs::read(fixture("brotli.parquet")).unwrap();
    let footer = bytes.len() - 8 - u32::from_le_bytes(bytes[bytes.len() - 8..][..4].try_into().unwrap()) as usize;
    // The codec in the metadata of each column: brotli (4) becomes LZO (3), both doubled as thrift writes them.
    let codecs: Vec<usize> = (footer..bytes.len() - 8).filter(|&at| bytes[at..].starts_with(&[0x15, 8])).collect();
    assert_eq!(codecs.len(), 3);
    codecs.into_iter().for_each(|at| bytes[at + 1] = 6);
    let dir = Dir::new();
    let error = read(&request(dir.file("lzo.parquet", bytes))).unwrap_err().to_string();
    assert!(error.contains("lzo.parquet: cannot be decoded: column 'x'"), "{error}");
}

#[test]
fn parquet_values_that_are_no_numbers_name_their_row() {
    let error = read(&request(fixture("nan_integer_genes.parquet"))).unwrap_err().to_string();
    assert!(error.contains("row 2, column 'y': NaN"), "{error}");
    let error = read(&request(fixture("text_numbers.parquet"))).unwrap_err().to_string();
    assert!(error.contains("row 3, column 'x': 'oops'"), "{error}");
    let mut swapped = request(fixture("text_numbers.parquet"));
    swapped.columns.x = "y".into();
    swapped.columns.y = "x".into();
    let error = read(&swapped).unwrap_err().to_string();
    assert!(error.contains("row 2, column 'y': a missing value"), "{error}");
    swapped.columns.x = "when".into();
    let error = read(&swapped).unwrap_err().to_string();
    assert!(error.contains("column 'when' has the type date"), "{error}");
}

#[test]
fn bad_files_are_named_for_what_they_are() {
    assert!(failure("").contains("the file is empty"));
    assert!(failure("\n\n").contains("the file is empty"));
    assert!(failure("x,y,gene\n").contains("a header but no molecules"));
    assert!(failure("x,y,gene").contains("a header but no molecules"));
    assert!(failure(b"PK\x03\x04....").contains("zip"));
    assert!(failure(b"\x28\xb5\x2f\xfd....").contains("zstd"));
    assert!(failure(b"\xff\xfex\0,\0").contains("UTF-16"));
    assert!(failure(b"MZ\0\0\x01\x02").contains("binary data"));
    assert!(failure(b"x,y,gene\n1,2,\xb5m\n").contains("not UTF-8"));
    assert!(failure("x,y,x,gene\n1,2,3,a\n").contains("'x' 2 times"));
    assert!(failure(b"\x01\x02\xff,y,gene\n").contains("binary data"));
    assert!(failure("# a\nx,y,gene\n1,2,a\n").contains("remove the lines before the header"));
    assert!(failure("#FileFormat=GEMv0.1\n#Stereo=1\nx\ty\tgene\n1\t2\ta\n").contains("as in GEM files"));
    assert!(failure("x#y#gene\n1#2#a\n").contains("read as one column"));
    assert!(failure("\"x,y,gene\n1,2,a\n").contains("the header: a quoted field is not closed"));
    let device = read(&request("/dev/null".into())).unwrap_err().to_string();
    assert!(device.contains("a pipe or a device"), "{device}");
    let missing = read(&request("/nonexistent/table.csv".into())).unwrap_err().to_string();
    assert!(missing.contains("/nonexistent/table.csv: cannot be read"), "{missing}");
}

#[test]
fn bad_values_name_row_and_column() {
    let cases = [
        ("x,y,gene\n1,2,a\n1,abc,a\n", "row 2, column 'y': 'abc' is not a number"),
        ("x;y;gene\n1;2,5;a\n", "row 1, column 'y': '2,5' is not a number. Decimal commas"),
        ("x,y,gene\n1,2,a\n,2,a\n", "row 2, column 'x': a missing value is not a number"),
        ("x,y,gene\nNaN,2,a\n", "row 1, column 'x': 'NaN' is not a number"),
        ("x,y,gene\n1,inf,a\n", "row 1, column 'y': 'inf' is not a number"),
        ("x,y,z,gene\n1,2,?,a\n", "row 1, column 'z': '?' is not a number"),
        ("x,y,gene\n1,2,a\n1,2\n", "row 2 has 2 fields, but the header has 3. The file may be truncated"),
        ("x,y,gene\n1,2,a,b,c\n", "row 1 has 5 fields, but the header has 3"),
        ("x,y,gene\nr1,1,2,a\n", "If the first column holds row names"),
        ("x;y;gene\n1,5;2,5;a\n", "'1,5' is not a number. Decimal commas"),
        ("x,y,gene\n1,2,\"a\n", "row 1: a quoted field is not closed"),
    ];
    for (text, expected) in cases {
        let message = failure(text);
        assert!(message.contains(expected) && message.contains("table.csv"), "{message}");
    }
}

#[test]
fn column_that_turns_to_text_late_keeps_its_digits() {
    // Several blocks: floats first, text in the last row.
    let n = 400_000;
    let mut text = String::from("x,y,gene,version,id\n");
    for row in 0..n {
        text.push_str(&format!("{row},1,a,1.10,{}\n", row + 1));
    }
    text.push_str("0,1,a,none,9007199254740993\n");
    let table = read_text(&text).unwrap();
    let version = table.carried.series(0).str().unwrap();
    assert_eq!((version.get(0), version.get(n)), (Some("1.10"), Some("none")));
    assert_eq!(table.carried.series(1).dtype(), &DataType::Int64);
    let late = text.replace("0,1,a,none", "oops,1,a,none");
    assert!(failure(late).contains(&format!("row {}, column 'x': 'oops'", n + 1)));
}

#[test]
fn filters_run_in_order_and_say_what_they_removed() {
    let text =
        "x,y,gene,qv\n0,0,a,40\n1,0,a,10\n2,0,b,40\n3,0,b,\n4,0,Blank-1,40\n5,0,Blank-2,40\n9,0,a,40\n6,0,a,40\n";
    let dir = Dir::new();
    let request = ReadRequest {
        min_qv: Some(20.0),
        crop: Crop { x_max: Some(6.0), ..Crop::default() },
        min_molecules_per_gene: 1,
        exclude_genes: vec!["Blank*".into(), " Neg ".into(), String::new()],
        ..request(dir.file("table.csv", text))
    };
    let table = read(&request).unwrap();
    assert_eq!(table.molecules.positions.x, [0.0, 2.0, 6.0]);
    assert_eq!(table.molecules.ids, [0, 1, 2]);
    for part in [
        "Removed 1 of 8 molecules outside the crop",
        "Removed 2 of 8 molecules of low quality",
        "Excluded 2 genes: Blank-1, Blank-2",
        "No gene matches Neg of exclude_genes",
    ] {
        assert!(has_note(&table, part), "{part}: {:?}", table.notes);
    }
    assert_eq!(table.carried.frame.height(), 3);
    let rare = read(&ReadRequest { min_molecules_per_gene: 2, ..request.clone() }).unwrap();
    assert_eq!(gene_names(&rare), ["a", "a"]);
    // Rare genes are gone before the patterns are matched.
    assert!(has_note(&rare, "No gene matches Blank*, Neg of exclude_genes"));
    let error = read(&ReadRequest { min_molecules_per_gene: 3, ..request.clone() }).unwrap_err().to_string();
    assert!(error.contains("of 8: the crop removed 1, min_qv removed 2, min_molecules_per_gene removed 5"), "{error}");
    let error = read(&ReadRequest { exclude_genes: vec!["a(".into()], ..request }).unwrap_err().to_string();
    assert!(error.contains("'a('") && error.contains("regular expression"), "{error}");
}

#[test]
fn quality_column_must_exist_if_it_is_asked_for() {
    let dir = Dir::new();
    let path = dir.file("table.csv", "x,y,gene,quality_score\n1,2,a,30\n");
    let error = read(&ReadRequest { min_qv: Some(20.0), ..request(path) }).unwrap_err().to_string();
    assert!(error.contains("--qv-column") && error.contains("quality_score"), "{error}");
}

#[test]
fn depth_is_dropped_when_flat_or_unwanted() {
    let dir = Dir::new();
    let flat = dir.file("flat.csv", "x,y,z,gene\n1,2,3,a\n2,2,3,a\n");
    let deep = dir.file("deep.csv", "x,y,z,gene\n1,2,3,a\n2,2,4,a\n");
    assert_eq!(read(&request(flat)).unwrap().molecules.positions.n_dims(), 2);
    assert_eq!(read(&request(deep.clone())).unwrap().molecules.positions.n_dims(), 3);
    let forced = read(&ReadRequest { force_2d: true, ..request(deep.clone()) }).unwrap();
    assert_eq!(forced.molecules.positions.n_dims(), 2);
    assert_eq!(output_names(&forced), ["x", "y", "gene"]);
    assert!(has_note(&forced, "z coordinate is dropped, as asked for"));
    let crop = Crop { z_min: Some(3.5), ..Crop::default() };
    let cropped = read(&ReadRequest { force_2d: true, crop, ..request(deep) }).unwrap();
    assert_eq!(cropped.molecules.positions.x, [2.0]);
    assert_eq!(cropped.molecules.positions.n_dims(), 2);
}

#[test]
fn repeated_molecules_are_counted_and_kept() {
    let table = read_text("x,y,gene\n1,2,a\n1,2,b\n1,2,a\n1,2,a\n").unwrap();
    assert_eq!(table.molecules.len(), 4);
    assert!(warnings(&table)[0].starts_with("2 molecules repeat another one"));
}

#[test]
fn unnamed_index_column_travels_along() {
    let table = read_text(",x,y,gene\n0,1,2,a\n").unwrap();
    assert_eq!(output_names(&table), ["", "x", "y", "gene"]);
}

#[test]
fn table_does_not_depend_on_threads() {
    let mut text = String::from("x,y,gene,cell\n");
    for row in 0..500_000 {
        text.push_str(&format!("{},{row},g{},{}\n", row as f64 / 3.0, (row * 7919) % 101, row % 1000));
    }
    let dir = Dir::new();
    let prior = Some(PriorColumn { name: "cell".into(), unassigned_label: "0".into(), ..PriorColumn::default() });
    let request = ReadRequest { prior, ..request(dir.file("table.csv", text)) };
    let with = |threads| {
        let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().unwrap();
        pool.install(|| read(&request).unwrap())
    };
    let (one, three) = (with(1), with(3));
    assert!(one.molecules == three.molecules && one.genes == three.genes);
    assert!(one.prior_segments == three.prior_segments && one.notes == three.notes);
    assert!(one.carried.series(0).equals_missing(three.carried.series(0)));
}

#[test]
fn coordinates_are_multiplied_before_the_crop() {
    let dir = Dir::new();
    let path = dir.file("table.csv", "x,y,z,gene\n10,20,1,a\n40,20,2,b\n80,20,3,b\n");
    let crop = Crop { x_max: Some(4.0), ..Crop::default() };
    let request = ReadRequest { coordinate_scale: Some(0.1), z_scale: Some(2.0), crop, ..request(path) };
    let positions = read(&request).unwrap().molecules.positions;
    assert_eq!((positions.x, positions.y, positions.z), (vec![1.0, 4.0], vec![2.0; 2], Some(vec![2.0, 4.0])));
    let scaled = ReadRequest { coordinate_scale: Some(2.0), ..xenium(fixture("xenium_dictionary_zstd.parquet")) };
    let table = read(&scaled).unwrap();
    assert_eq!((table.molecules.positions.x[0], table.carried.f32_axes), (3.0, [false, false, true]));
}

#[test]
fn copies_are_removed_and_the_first_of_them_stays() {
    let dir = Dir::new();
    let rows = "x,y,z,gene,row\n1,2,0,a,0\n1,2,1,a,1\n1,2,0,a,2\n1,2,0,b,3\n5,2,0,b,4\n1,2,0,a,5\n";
    let path = dir.file("table.csv", rows);
    let wanted = ReadRequest { drop_duplicates: true, min_molecules_per_gene: 2, ..request(path) };
    let table = read(&wanted).unwrap();
    assert_eq!(table.carried.series(0).cast(&DataType::Int64).unwrap().i64().unwrap().to_vec(), [0, 1, 3, 4].map(Some));
    assert_eq!(gene_names(&table), ["a", "a", "b", "b"]);
    assert!(has_note(&table, "Removed 2 of 6 molecules that repeat another one"), "{:?}", table.notes);
    // In two dimensions, too, z tells copies from others.
    let flat = read(&ReadRequest { force_2d: true, ..wanted.clone() }).unwrap();
    assert_eq!((flat.molecules.len(), flat.molecules.positions.z.is_none()), (4, true));
    let all = read(&ReadRequest { drop_duplicates: false, ..wanted }).unwrap();
    assert_eq!(all.molecules.len(), 6);
}

#[test]
fn a_table_in_parts_is_one_table() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/spatial_data/points/transcripts");
    let columns = ColumnNames { gene: "feature_name".into(), ..ColumnNames::default() };
    let parts = read(&ReadRequest { columns: columns.clone(), ..request(folder.clone()) }).unwrap();
    let tissue = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/tissue.parquet");
    let whole = read(&xenium(tissue)).unwrap();
    assert_eq!((&parts.molecules, &parts.genes), (&whole.molecules, &whole.genes));
    let ids = |table: &MoleculeTable| table.carried.frame.column("transcript_id").unwrap().u64().unwrap().to_vec();
    assert_eq!(ids(&parts), ids(&whole));
    let mut files: Vec<u8> = Vec::new();
    for part in 0..3 {
        files.extend(std::fs::read(folder.join(format!("points.parquet/part.{part}.parquet"))).unwrap());
    }
    assert_eq!(parts.fingerprint, fingerprint(&files[..]).unwrap());
    let dir = Dir::new();
    dir.file("part.0.parquet", std::fs::read(folder.join("points.parquet/part.0.parquet")).unwrap());
    dir.file("part.1.parquet", std::fs::read(fixture("xenium_dictionary_zstd.parquet")).unwrap());
    let error = read(&ReadRequest { columns, ..request(dir.0.path().into()) }).unwrap_err().to_string();
    assert!(error.contains("part.1.parquet: its columns are not those of"), "{error}");
}

/// Instruments write (0, 0) for molecules that they could not place.
#[test]
fn many_molecules_at_one_point_are_told_with_the_place() {
    let placed: String = (0..300).map(|row| format!("{row},{},g{}\n", row % 7, row % 3)).collect();
    let unplaced: String = (0..150).map(|row| format!("0,-1,g{}\n", row % 3)).collect();
    let notes = |text: String| {
        let dir = Dir::new();
        format!("{:?}", read(&request(dir.file("t.csv", text))).unwrap().notes)
    };
    let told = notes(format!("x,y,gene\n{placed}{unplaced}"));
    assert!(told.contains("150 molecules lie at the same point (0, -1)"), "{told}");
    // Bins of a few places with many molecules each are no crowd.
    let bins: String = (0..900).map(|row| format!("{},{},g{}\n", row % 3, row % 2, row % 5)).collect();
    assert!(!notes(format!("x,y,gene\n{bins}")).contains("the same point"));
}
