//! CSV into columns: what is taken, and what is refused with its line.

use ferrule_format::csv::{CsvError, Head, Outcome};

/// All rows of all columns, as columns of as many rows as there are.
fn columns(text: &[u8]) -> Result<Vec<Vec<f64>>, CsvError> {
    let head = Head::new(text, b',')?;
    let rows = head.count_rows(text)? as usize;
    let wanted: Vec<usize> = (0..head.cells.len()).collect();
    let mut out = vec![0.0; rows * wanted.len()];
    let outcome = head.read(text, &wanted, 0, &mut out)?;
    assert_eq!(outcome, Outcome { rows, more: false });
    Ok(out.chunks(rows.max(1)).map(<[f64]>::to_vec).collect())
}

fn first_column(text: &str) -> Vec<f64> {
    columns(text.as_bytes()).expect("text of numbers").swap_remove(0)
}

fn refusal(text: &[u8]) -> CsvError {
    columns(text).expect_err("text that is no table of numbers")
}

#[test]
fn names_and_numbers_are_told_apart() {
    let head = Head::new(b"a,\"b \"\"c\"\"\"\n1,2\n", b',').expect("a head");
    assert_eq!((head.named, head.cells), (true, vec!["a".to_owned(), "b \"c\"".to_owned()]));
    let head = Head::new(b"1,2e3\n", b',').expect("a head");
    assert!(!head.named);
    assert_eq!(columns(b"1,2\n3,4\n"), Ok(vec![vec![1.0, 3.0], vec![2.0, 4.0]]));
    assert_eq!(columns(b"a,b\n1,2\n3,4\n"), Ok(vec![vec![1.0, 3.0], vec![2.0, 4.0]]));
}

#[test]
fn every_way_to_end_lines_is_taken() {
    for text in
        ["a\n1\n2\n", "a\r\n1\r\n2\r\n", "a\n1\n2", "a\r\n1\r\n2", "\n\na\n\n1\r\n\n2\n\n\r\n"]
    {
        assert_eq!(first_column(text), [1.0, 2.0], "{text:?}");
    }
    assert_eq!(first_column("\u{feff}a,b\n1,2\n"), [1.0]);
}

#[test]
fn numbers_are_read_as_the_standard_library_reads_them() {
    let texts = [
        "0",
        "-0.0",
        "1e308",
        "-1.7976931348623157e308",
        "5e-324",
        "2.2250738585072014e-308",
        ".5",
        "5.",
        "+1",
        "1E5",
        "0.1",
        "123456789012345678901234567890",
        "9007199254740993",
        "inf",
        "-inf",
        "0.30000000000000004",
        "1e400",
        "179769313486231580793728971405303415079934132710037826e255",
    ];
    for text in texts {
        let expected: f64 = text.parse().expect("a number");
        for form in [text.to_owned(), format!(" {text}\t"), format!("\"{text}\"")] {
            let got = first_column(&format!("a\n{form}\n"))[0];
            assert_eq!(got.to_bits(), expected.to_bits(), "{form}");
        }
    }
}

#[test]
fn missing_values_become_nan() {
    for text in ["", "nan", "NaN", "NA", "null", "\"\"", " ", "#N/A"] {
        let row = format!("a,b\n{text},1\n1,{text}\n");
        let got = columns(row.as_bytes()).expect("missing values");
        assert!(got[0][0].is_nan() && got[1][1].is_nan(), "{text:?}");
        assert_eq!((got[1][0], got[0][1]), (1.0, 1.0));
    }
}

#[test]
fn a_range_of_rows_and_columns_is_read_and_the_rest_may_be_text() {
    let text = b"a,b,c,d\n1,x,3,\"p,q\"\n5,y,7,\"r\"\n9,z,11,s\n";
    let head = Head::new(text, b',').expect("a head");
    let mut out = [0.0f32; 2];
    assert_eq!(head.read(text, &[2, 0], 1, &mut out), Ok(Outcome { rows: 1, more: true }));
    assert_eq!(out, [7.0, 5.0]);
    let mut out = [0.0; 8];
    assert_eq!(head.read(text, &[2, 0], 0, &mut out), Ok(Outcome { rows: 3, more: false }));
    assert_eq!(out, [3.0, 7.0, 11.0, 0.0, 1.0, 5.0, 9.0, 0.0]);
    assert_eq!(head.read::<f64>(text, &[], 0, &mut []), Ok(Outcome { rows: 0, more: true }));
    assert_eq!(head.read(text, &[0], 9, &mut [0.0]), Ok(Outcome { rows: 0, more: false }));
}

#[test]
fn many_rows_cross_the_blocks_of_the_reader() {
    let rows: Vec<String> = (0..37).map(|row| format!("{row},{}", row * row)).collect();
    let text = format!("a,b\n{}", rows.join("\n"));
    let got = columns(text.as_bytes()).expect("rows");
    assert_eq!(got[0], (0..37).map(f64::from).collect::<Vec<_>>());
    assert_eq!(got[1], (0..37).map(|row| f64::from(row * row)).collect::<Vec<_>>());
}

#[test]
fn a_row_of_another_length_is_named_by_its_line() {
    let (expected, line) = (2, 5);
    let ragged = |found| CsvError::Ragged { line, found, expected };
    assert_eq!(refusal(b"a,b\n\n1,2\n\n3\n"), ragged(1));
    assert_eq!(refusal(b"a,b\n\n1,2\n\n3,4,5,6\n"), ragged(4));
    assert_eq!(refusal(b"a,b\n\n1,2\n\n3,4,\n"), ragged(3));
}

#[test]
fn a_cell_that_is_no_number_is_named_by_line_and_column() {
    let wrong = |text: &str| match refusal(format!("a,b\n1,2\n3,{text}\n").as_bytes()) {
        CsvError::NotANumber { line: 3, column, text: shown } => {
            assert_eq!(column, "b");
            shown
        }
        other => panic!("{other}"),
    };
    for text in ["x", "1.5x", "1 2", "0x10", "1_000", "--1", "1e", "\0", "1\0", "\u{1b}[2J", "."] {
        assert_eq!(wrong(text), text);
    }
    assert!(!refusal(b"a\n\x1b[2J\n").to_string().contains('\u{1b}'));
    assert!(refusal(format!("a\n{}\n", "x".repeat(1 << 20)).as_bytes()).to_string().len() < 200);
}

#[test]
fn a_number_too_large_for_float32_is_named() {
    let text = b"a\n1\n1e39\n";
    let head = Head::new(text, b',').expect("a head");
    let error = head.read(text, &[0], 0, &mut [0.0f32; 2]).expect_err("an overflow");
    assert_eq!(error, CsvError::Overflow { line: 3, column: "a".to_owned(), value: 1e39 });
    assert_eq!(head.read(text, &[0], 0, &mut [0.0f64; 2]).map(|done| done.rows), Ok(2));
}

#[test]
fn hostile_text_is_refused_or_read_and_never_more() {
    assert_eq!(refusal(b""), CsvError::Empty);
    assert_eq!(refusal(b"\xef\xbb\xbf\r\n\n"), CsvError::Empty);
    assert_eq!(refusal(b"\"a"), CsvError::Unclosed { line: 1 });
    assert_eq!(refusal(b"a\n\""), CsvError::QuotedLineBreak { line: 2 });
    assert_eq!(refusal(b"a\n\"1\"2\"\n"), CsvError::QuotedLineBreak { line: 2 });
    assert_eq!(refusal(b"a\n\"1\" 2\n"), CsvError::Unclosed { line: 2 });
    assert_eq!(refusal(b"a,b\n1,\"x\ny\"\n"), CsvError::QuotedLineBreak { line: 2 });
    assert_eq!(refusal(b"\xff\xfe\n1\n"), CsvError::NotUtf8 { line: 1 });
    assert!(matches!(refusal(&b",".repeat(1 << 19)), CsvError::TooManyColumns { .. }));
    let wide =
        [b"x,".repeat(10_000), b"y\n".to_vec(), b"1,".repeat(10_000), b"2\n".to_vec()].concat();
    assert_eq!(columns(&wide).expect("10,001 columns").len(), 10_001);
    assert_eq!(columns(b",,\n,,\n").expect("only separators").len(), 3);
    let digits = format!("a\n{}\n", "9".repeat(1 << 20));
    assert_eq!(first_column(&digits), [f64::INFINITY]);
}
