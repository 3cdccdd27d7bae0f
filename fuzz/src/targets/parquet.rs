//! The reader of Parquet files of numbers, whatever is in them.

use ferrule_format::parquet::{Metadata, ParquetError, Scratch};

use super::{Answer, Target};

pub(super) const TARGET: Target =
    Target { name: "parquet", seeds, words: WORDS, repair: Some(fix_footer), run };

const WORDS: &[&[u8]] = &[
    b"PAR1",
    b"\x15\x00",
    b"\x15\x02",
    b"\x15\x04",
    b"\x15\x10",
    b"\x16\x02",
    b"\x19\x1c",
    b"\x19\xfc",
    b"\xff\xff\xff\xff\x0f",
    b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01",
    b"\x1c",
    b"\x18\x01a",
    b"\x00",
];

/// Files by pyarrow: a dictionary in Snappy with missing values, plain pages of the second version.
fn seeds() -> Vec<Vec<u8>> {
    vec![
        include_bytes!("../../../crates/format/tests/parquet/dictionary.parquet").to_vec(),
        include_bytes!("../../../crates/format/tests/parquet/plain_v2.parquet").to_vec(),
        include_bytes!("../../../crates/format/tests/parquet/split.parquet").to_vec(),
    ]
}

/// Makes the length in front of the last magic number that of the footer in the seeds, which begins
/// with the version of the format as its first field.
fn fix_footer(mut input: Vec<u8>) -> Vec<u8> {
    let end = input.len().saturating_sub(8);
    let start = input[..end].windows(4).rposition(|bytes| bytes == b"\x15\x04\x19\x3c");
    if let Some(start) = start {
        let length = ((end - start) as u32).to_le_bytes();
        input.splice(end.., [&length[..], b"PAR1"].concat());
        input.splice(..input.len().min(4), *b"PAR1");
    }
    input
}

fn run(input: &[u8]) -> Answer {
    let result = Metadata::new(input).and_then(|metadata| read(&metadata, input));
    Answer::new(result, |(columns, missing)| {
        let letter = char::from(b'a' + columns.min(20) as u8);
        format!("{letter}{missing}")
    })
}

/// Reads at most 1000 rows of each column, and rows from the middle on.
fn read(metadata: &Metadata, input: &[u8]) -> Result<(usize, bool), ParquetError> {
    let count = metadata.rows.min(1000) as usize;
    let (mut out, mut scratch) = (vec![0.0f64; count], Scratch::default());
    let (all, rest) = (metadata.rows(input, 0, count)?, metadata.rows(input, count as u64 / 2, 1)?);
    let mut missing = false;
    for column in 0..metadata.columns.len() {
        all.read(column, &mut out, &mut scratch)?;
        missing |= out.iter().any(|value| value.is_nan());
        let middle = out.get(count / 2).copied().map(f64::to_bits);
        if let Some(slot) = out.get_mut(..1) {
            rest.read(column, slot, &mut scratch)?;
            assert_eq!(slot.first().copied().map(f64::to_bits), middle, "a range is part of all");
        }
    }
    Ok((metadata.columns.len(), missing))
}
