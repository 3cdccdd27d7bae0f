//! The reader of CSV of numbers, whatever is in it.

use ferrule_format::csv::Head;

use super::{Answer, Target};

pub(super) const TARGET: Target = Target { name: "csv", seeds, words: WORDS, repair: None, run };

const WORDS: &[&[u8]] = &[
    b",",
    b"\n",
    b"\r\n",
    b"\r",
    b"\"",
    b"\"\"",
    b"\xef\xbb\xbf",
    b"nan",
    b"NA",
    b"inf",
    b"-",
    b"+",
    b".",
    b"e",
    b"1e400",
    b"1e-400",
    b"0x1",
    b"1_0",
    b" ",
    b"\t",
    b"\0",
    b";",
    b"\xff",
    b"5e-324",
    b"0.1234567890123456789",
];

fn seeds() -> Vec<Vec<u8>> {
    ["a,b\n1,2\n3,4\n", "1,2\r\n3,\r\n", "\u{feff}\"a\",b,c\n\"1\",x,-3e5\n\n,y,nan", "a\n\n1\n"]
        .map(|text| text.as_bytes().to_vec())
        .to_vec()
}

/// Reads all rows of the first, the last and every third column; counting and reading must agree.
fn run(input: &[u8]) -> Answer {
    let result = Head::new(input, b',').and_then(|head| {
        let rows = head.count_rows(input)? as usize;
        let wanted: Vec<usize> = (0..head.cells.len()).rev().step_by(3).collect();
        let mut out = vec![0.0f32; wanted.len() * rows.min(1000)];
        let outcome = head.read(input, &wanted, 0, &mut out)?;
        assert_eq!(outcome.rows, rows.min(1000), "all rows that were counted are read");
        assert_eq!(outcome.more, rows > 1000, "no rows but those are there");
        Ok((head, rows, out))
    });
    Answer::new(result, |(head, rows, out)| {
        let missing = out.iter().any(|value| value.is_nan());
        let large = out.iter().any(|value| value.is_infinite());
        let shape = (head.cells.len().min(9), rows.min(9), head.named, missing, large);
        let letter = |number: usize| char::from(b'a' + number as u8);
        format!("{}{}{:?}", letter(shape.0), letter(shape.1), (shape.2, shape.3, shape.4))
    })
}
