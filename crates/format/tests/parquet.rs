//! Parquet by pyarrow, read whole, in part, and damaged.

use std::sync::Arc;

use ferrule_format::parquet::{Kind, Metadata, ParquetError, Scratch};

/// 12 rows in groups of 7, Snappy and dictionaries: a is 1, -, 3, 1 and so on, b is 1, 2, -, 4.
const DICTIONARY: &[u8] = include_bytes!("parquet/dictionary.parquet");
/// The same without compression and dictionaries, in pages of the second version.
const PLAIN: &[u8] = include_bytes!("parquet/plain_v2.parquet");
/// a is 1.5, 2.5, 3.5 and f is 1, 2, 3 in float32, their bytes in streams.
const SPLIT: &[u8] = include_bytes!("parquet/split.parquet");

fn read(file: &[u8], column: usize, first: u64, count: usize) -> Result<Vec<f64>, ParquetError> {
    let metadata = Metadata::new(file)?;
    let mut out = vec![0.0; count];
    metadata.rows(file, first, count)?.read(column, &mut out, &mut Scratch::default())?;
    Ok(out)
}

/// Missing values as -1, to be compared.
fn shown(values: Vec<f64>) -> Vec<f64> {
    values.into_iter().map(|value| if value.is_nan() { -1.0 } else { value }).collect()
}

#[test]
fn metadata_says_what_there_is() {
    let metadata = Metadata::new(SPLIT).expect("a file of pyarrow's");
    let columns: Vec<_> =
        metadata.columns.iter().map(|column| (column.name.as_str(), column.kind)).collect();
    assert_eq!(columns, [("a", Some(Kind::F64)), ("f", Some(Kind::F32))]);
    assert_eq!((metadata.rows, metadata.columns[0].optional), (3, true));
}

#[test]
fn every_range_of_rows_is_part_of_all_rows() {
    for file in [DICTIONARY, PLAIN] {
        let all = [[1.0, -1.0, 3.0, 1.0].repeat(3), [1.0, 2.0, -1.0, 4.0].repeat(3)];
        for (column, expected) in all.iter().enumerate() {
            for first in 0..12 {
                for count in 1..=12 - first {
                    let got = read(file, column, first as u64, count).map(shown);
                    assert_eq!(got.as_deref(), Ok(&expected[first..first + count]));
                }
            }
        }
    }
    assert_eq!(read(SPLIT, 0, 0, 3), Ok(vec![1.5, 2.5, 3.5]));
    assert_eq!(read(SPLIT, 1, 1, 2), Ok(vec![2.0, 3.0]));
}

#[test]
fn a_model_changes_nothing_but_the_cost() {
    for model in [DICTIONARY, PLAIN, SPLIT] {
        let known = Metadata::new(model).expect("a file of pyarrow's");
        for file in [DICTIONARY, PLAIN, SPLIT] {
            assert_eq!(known.of_another(model, file), Metadata::new(file));
        }
        let own = known.of_another(model, model).expect("the model");
        assert!(Arc::ptr_eq(&own.columns, &known.columns));
        // A model that was cut short meanwhile is none.
        assert_eq!(known.of_another(&model[..9], model), Metadata::new(model));
    }
}

#[test]
fn rows_past_the_end_and_other_columns_are_refused() {
    assert!(matches!(read(DICTIONARY, 0, 5, 8), Err(ParquetError::InColumn { .. })));
    assert!(matches!(read(DICTIONARY, 0, u64::MAX, 1), Err(ParquetError::InColumn { .. })));
    assert!(matches!(read(DICTIONARY, 2, 0, 1), Err(ParquetError::Damaged { .. })));
}

#[test]
fn a_cut_file_is_refused_wherever_it_is_cut() {
    for file in [DICTIONARY, PLAIN, SPLIT] {
        for length in 0..file.len() {
            let error = Metadata::new(&file[..length]).expect_err("a cut file");
            assert!(matches!(error, ParquetError::Truncated { .. } | ParquetError::Damaged { .. }));
        }
    }
}

#[test]
fn any_changed_bit_gives_values_or_an_error() {
    for file in [DICTIONARY, PLAIN, SPLIT] {
        for bit in 0..8 * file.len() {
            let mut changed = file.to_vec();
            changed[bit / 8] ^= 1 << (bit % 8);
            for column in 0..2 {
                let _ = read(&changed, column, 1, 2);
            }
        }
    }
}
