use super::*;
use polars::prelude::{NamedFrom, PlSmallStr};

fn segments(column: Series, label: &str) -> (Vec<u32>, Vec<String>) {
    segments_by(column, label, false)
}

/// The same for a label that the user named.
fn given(column: Series, label: &str) -> (Vec<u32>, Vec<String>) {
    segments_by(column, label, true)
}

fn segments_by(column: Series, label: &str, label_is_given: bool) -> (Vec<u32>, Vec<String>) {
    let mut notes = Vec::new();
    let name = "c".to_owned();
    let prior = PriorColumn { name, unassigned_label: label.into(), label_is_given, ..PriorColumn::default() };
    let columns = PriorSeries { labels: vec![&column], only: None, field: None };
    let segments = segments_of(&columns, &prior, [&[], &[]], &mut notes).unwrap();
    let numbers = segments.segment_of.iter().map(|segment| segment.map_or(0, SegmentIdx::number)).collect();
    let warnings = notes.into_iter().filter_map(|note| if let Note::Warning(text) = note { Some(text) } else { None });
    (numbers, warnings.collect())
}

fn text(values: &[Option<&str>]) -> Series {
    Series::new(PlSmallStr::from_static("c"), values)
}

fn numbers<T>(values: T) -> Series
where
    Series: NamedFrom<T, [i64]>,
{
    Series::new(PlSmallStr::from_static("c"), values)
}

#[test]
fn numbers_are_ordered_by_size_and_the_label_is_read_as_a_number() {
    for label in ["0", "0.0", " 0"] {
        let (of, warnings) = segments(numbers(vec![10i64, 9, 0, 10]), label);
        assert_eq!(of, [2, 1, 0, 2]);
        assert!(warnings.is_empty());
    }
    let floats =
        Series::new(PlSmallStr::from_static("c"), vec![Some(10.0), Some(9.5), Some(-0.0), Some(f64::NAN), None]);
    assert_eq!(segments(floats, "0").0, [2, 1, 0, 0, 0]);
}

#[test]
fn text_is_ordered_by_bytes_and_missing_is_unassigned() {
    let (of, warnings) = segments(text(&[Some("b"), Some("10"), Some("9"), None, Some(""), Some("none")]), "none");
    assert_eq!(of, [3, 1, 2, 0, 0, 0]);
    assert!(warnings.is_empty());
}

#[test]
fn xenium_label_is_known_even_if_the_option_is_forgotten() {
    let (of, warnings) = segments(text(&[Some("aaa-1"), Some("UNASSIGNED")]), "0");
    assert_eq!(of, [1, 0]);
    assert!(warnings[0].contains("--unassigned-prior-label=UNASSIGNED"), "{warnings:?}");
}

#[test]
fn words_for_nothing_and_negative_numbers_are_no_segments_unless_a_label_is_given() {
    let (of, warnings) = segments(text(&[Some("12"), Some("NA"), Some("None"), Some("NA"), Some("7")]), "0");
    assert_eq!(of, [1, 0, 0, 0, 2]);
    assert!(warnings[0].contains("'NA' (2 molecules), 'None' (1 molecules) mean 'in no segment'"), "{warnings:?}");
    let (of, warnings) = segments(numbers(vec![-1i64, 5, 0]), "0");
    assert_eq!(of, [0, 1, 0]);
    assert!(warnings[0].contains("--unassigned-prior-label=-1"), "{warnings:?}");
    assert_eq!(given(numbers(vec![-1i64, 5, 0]), "0").0, [1, 2, 0]);
    let (of, warnings) = segments(numbers(vec![-1i64, 5]), "-1");
    assert_eq!((of, warnings.len()), (vec![0, 1], 0));
}

#[test]
fn textual_label_that_was_given_matches_no_number() {
    let (of, warnings) = given(numbers(vec![0i64, 5]), "UNASSIGNED");
    assert_eq!(of, [1, 2]);
    assert!(warnings.iter().any(|warning| warning.contains("no value matches")));
    assert!(warnings.iter().any(|warning| warning.contains("most frequent value is '0'")), "{warnings:?}");
}

#[test]
fn labels_that_python_wrote_as_bytes_are_read_without_its_marks() {
    assert_eq!(segments(text(&[Some("b'aaaa-1'"), Some("b'UNASSIGNED'"), Some("b''")]), "UNASSIGNED").0, [1, 0, 0]);
}

#[test]
fn identifiers_of_64_bits_stay_apart() {
    let ids = vec![u64::MAX, u64::MAX - 1, 0, u64::MAX];
    let column = Series::new(PlSmallStr::from_static("c"), ids);
    assert_eq!(segments(column, "0").0, [2, 1, 0, 2]);
}

#[test]
fn minus_one_is_unassigned_in_first_generation_files() {
    let (of, warnings) = segments(numbers(vec![-1i64, 5, -1, 7]), "UNASSIGNED");
    assert_eq!((of, warnings.len()), (vec![0, 1, 0, 2], 0));
}

#[test]
fn two_columns_make_segments_of_their_combinations() {
    let (fov, cell) = (numbers(vec![2i64, 1, 2, 1, 0]), numbers(vec![1i64, 1, 1, 0, 3]));
    let prior = PriorColumn { name: "fov,cell".into(), unassigned_label: "0".into(), ..PriorColumn::default() };
    let columns = PriorSeries { labels: vec![&fov, &cell], only: None, field: None };
    let segments = segments_of(&columns, &prior, [&[], &[]], &mut Vec::new()).unwrap();
    let numbers: Vec<u32> = segments.segment_of.iter().map(|s| s.map_or(0, SegmentIdx::number)).collect();
    assert_eq!(numbers, [3, 2, 3, 0, 1], "the label 0 is that of the last column alone");
    assert_eq!(segments.labels, ["0_3", "1_1", "2_1"]);
    assert_eq!((segments.n_segments, segments.most_frequent.as_deref()), (3, Some("2_1")));
}

#[test]
fn segments_count_where_another_column_has_a_value() {
    let (cell, part) =
        (numbers(vec![4i64, 4, 5, 6]), text(&[Some("Nuclear"), None, Some("Membrane"), Some("Nuclear")]));
    let only = Some(OnlyWhere { column: "CellComp".into(), value: "Nuclear".into() });
    let columns = PriorSeries { labels: vec![&cell], only: Some(&part), field: None };
    let prior = PriorColumn { name: "cell".into(), unassigned_label: "0".into(), only, ..PriorColumn::default() };
    let segments = segments_of(&columns, &prior, [&[], &[]], &mut Vec::new()).unwrap();
    let numbers: Vec<u32> = segments.segment_of.iter().map(|s| s.map_or(0, SegmentIdx::number)).collect();
    assert_eq!((numbers, segments.labels), (vec![1, 0, 0, 2], vec!["4".to_owned(), "6".to_owned()]));
    let only = Some(OnlyWhere { column: "CellComp".into(), value: "nucleus".into() });
    let fault = segments_of(&columns, &PriorColumn { only, ..prior }, [&[], &[]], &mut Vec::new()).unwrap_err();
    assert!(matches!(&fault, SegmentsFault::NoneLeft(text) if text.contains("has 'Membrane', 'Nuclear'")), "{fault:?}");
}

#[test]
fn truth_values_and_numbers_are_compared_as_values() {
    let cell = numbers(vec![4i64, 4, 5, 6]);
    let of = |part: &Series, value: &str| {
        let columns = PriorSeries { labels: vec![&cell], only: Some(part), field: None };
        let only = Some(OnlyWhere { column: "part".into(), value: value.into() });
        let prior = PriorColumn { name: "c".into(), unassigned_label: "0".into(), only, ..PriorColumn::default() };
        let segments = segments_of(&columns, &prior, [&[], &[]], &mut Vec::new()).unwrap();
        segments.segment_of.iter().map(Option::is_some).collect::<Vec<_>>()
    };
    let expected = [true, false, true, false];
    let parts = [
        text(&[Some("True"), Some("False"), Some("True"), None]),
        text(&[Some("TRUE"), Some("FALSE"), Some("1.0"), Some("0")]),
        numbers(vec![1i64, 0, 1, 0]),
        Series::new(PlSmallStr::from_static("c"), vec![Some(true), Some(false), Some(true), None]),
        Series::new(PlSmallStr::from_static("c"), vec![1.0, 0.0, 1.0, 0.0]),
    ];
    for part in &parts {
        for value in ["1", "1.0", "True", "TRUE", "true"] {
            assert_eq!(of(part, value), expected, "{part:?} {value}");
        }
        assert_eq!(of(part, "false")[..3], [false, true, false]);
    }
}

#[test]
fn numbers_that_start_anew_in_each_field_of_view_are_completed_by_the_field() {
    let label = numbers(vec![1i64, 1, 1, 1, 1, 1, 2, 2, 2]);
    let of = |x: [f64; 9], fov: Vec<i64>| {
        let field = numbers(fov);
        let columns = PriorSeries { labels: vec![&label], only: None, field: Some((&field, "fov")) };
        let prior = PriorColumn { name: "cell_ID".into(), unassigned_label: "0".into(), ..PriorColumn::default() };
        let mut notes = Vec::new();
        let segments = segments_of(&columns, &prior, [&x, &[0.0; 9]], &mut notes).unwrap();
        let is_told = notes.iter().any(|note| matches!(note, Note::Warning(text) if text.contains(":fov,cell_ID")));
        (segments.n_segments, is_told)
    };
    let fields = vec![1i64, 1, 1, 2, 2, 2, 1, 1, 1];
    assert_eq!(of([0.0, 1.0, 2.0, 500.0, 501.0, 502.0, 5.0, 6.0, 7.0], fields.clone()), (3, true));
    // A cell across the border of two fields is one.
    assert_eq!(of([0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 10.0, 11.0, 12.0], fields), (2, false));
}
