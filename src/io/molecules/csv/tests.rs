use super::*;

fn rows(text: &str, delimiter: u8, n_columns: usize) -> Result<Vec<Vec<String>>, RowFault> {
    let fields = Fields::split(text.as_bytes().to_vec(), delimiter, n_columns)?;
    assert!(fields.is_utf8());
    let row = |row| (0..n_columns).map(|column| fields.text(column, row).to_string()).collect();
    Ok((0..fields.n_rows()).map(row).collect())
}

#[test]
fn quotes_line_ends_and_blank_lines() {
    let text = "a,\"b,\"\"c\"\"\nd\",e\r\n\r\n\n,,\n\"\",\"µ\",x";
    let expected = [["a", "b,\"c\"\nd", "e"], ["", "", ""], ["", "µ", "x"]];
    assert_eq!(rows(text, b',', 3).unwrap(), expected);
}

#[test]
fn delimiter_at_the_end_of_the_file_opens_an_empty_field() {
    assert_eq!(rows("a,b,", b',', 3).unwrap(), [["a", "b", ""]]);
    assert_eq!(rows("a,b,\n", b',', 3).unwrap(), [["a", "b", ""]]);
}

#[test]
fn faults_name_their_row() {
    assert_eq!(rows("a,b\nc\n", b',', 2), Err(RowFault::Length { row: 1, fields: 1 }));
    assert_eq!(rows("a,b\nc,d,e\n", b',', 2), Err(RowFault::Length { row: 1, fields: 3 }));
    assert_eq!(rows("a,b\n\"c,d\n", b',', 2), Err(RowFault::Quotes { row: 1 }));
    assert_eq!(rows("\"a\"b,c\n", b',', 2), Err(RowFault::Quotes { row: 0 }));
}

#[test]
fn quotation_mark_inside_a_field_is_a_character() {
    assert_eq!(rows("5\",b\nc,d\n", b',', 2).unwrap(), [["5\"", "b"], ["c", "d"]]);
    assert_eq!(last_row_end(b"5\",b\nc,\"d\n\n\"\ne", b','), Some(13));
}

#[test]
fn delimiter_is_the_one_that_fits_the_rows() {
    let delimiter = |text: &str| detect(text.as_bytes()).unwrap().delimiter;
    assert_eq!(delimiter("x,y,gene name\n1,2,a b\n"), b',');
    assert_eq!(delimiter("x\ty\tgene\n1\t2\ta,b\n"), b'\t');
    assert_eq!(delimiter("x;y;gene\n1,5;2,5;a\n"), b';');
    assert_eq!(delimiter("x|y|gene\n1|2|a\n"), b'|');
    assert_eq!(delimiter("x y gene\n1 2 a\n"), b' ');
    assert_eq!(delimiter("\"x,a\"\t\"y\"\t\"gene\"\n1\t2\ta\n"), b'\t');
}

#[test]
fn header_is_unquoted_and_measured() {
    let dialect = detect(b"\n\"x\",\"y\ny\",gene\r\n1,2,a\n").unwrap();
    assert_eq!(dialect.header, ["x", "y\ny", "gene"]);
    assert_eq!(dialect.header_len, 17);
    assert_eq!(detect(b""), None);
    assert_eq!(detect(b"x,y,gene").unwrap().header_len, 8);
}

#[test]
fn blocks_end_with_a_row_wherever_the_buffer_ends() {
    let row = "12345,\"a\nb\",some text to make the row longer\n";
    let text = row.repeat((BLOCK * 2 + 1000) / row.len());
    let mut blocks = Blocks::new(text.as_bytes()).unwrap();
    let mut whole = Vec::new();
    while let Some(block) = blocks.next_block().unwrap() {
        assert!(block.ends_with(b"longer\n"));
        whole.extend(block);
    }
    assert_eq!(whole, text.as_bytes());
}

/// The end of the row was looked for from its start with every line: minutes for 64 KB of short lines.
#[test]
fn a_quotation_mark_without_its_pair_is_found_without_going_over_the_lines_again_and_again() {
    let text = format!("x,y,gene\n1,2,\"a\n{}", "1\n".repeat(2_000_000));
    let dialect = detect(text.as_bytes()).unwrap();
    assert_eq!((dialect.delimiter, dialect.header_len), (b',', 9));
    let rows = Fields::split(text.as_bytes()[9..].to_vec(), b',', 3);
    assert_eq!(rows.unwrap_err(), RowFault::Quotes { row: 0 });
    let text = format!("\"x,y,gene\n{}", "1,2,a\n".repeat(500_000));
    assert!(detect(text.as_bytes()).is_none());
}
