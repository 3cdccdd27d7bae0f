//! Column statistics, held to the textbook's two passes.

mod common;

use common::{Csr, dense, uniform};
use ferrule_learn::LearnError;
use ferrule_learn::kmeans::{Finite, Samples, column_stats};
use ferrule_tensor::{Control, MatrixView};

/// Mean and variance in two passes.
fn two_passes(data: &[f64], d: usize, col: usize) -> (f64, f64) {
    let values = || data.iter().skip(col).step_by(d);
    let count = values().count() as f64;
    let mean = values().sum::<f64>() / count;
    (mean, values().map(|x| (x - mean).powi(2)).sum::<f64>() / count)
}

fn transposed(data: &[f64], d: usize) -> Vec<f64> {
    (0..data.len()).map(|i| data[i % (data.len() / d) * d + i / (data.len() / d)]).collect()
}

#[test]
fn mean_and_variance_are_right_and_the_same_bits_for_any_layout_and_number_of_threads() {
    for (n, d) in [(1, 1), (40_000, 2), (1000, 17), (333, 40), (70, 5)] {
        let mut data = uniform::<f64>(n, d, 5);
        data.iter_mut().for_each(|x| *x += 1e6);
        let columns = transposed(&data, d);
        let padded: Vec<f64> =
            data.chunks(d).flat_map(|row| row.iter().copied().chain([f64::NAN])).collect();
        let row_major = dense(&data, d);
        let got = column_stats(row_major, 1, &Control::new()).unwrap();
        for (other, n_threads) in [
            (row_major, 3),
            (Samples::Dense(MatrixView::new(&columns, n, d, 1, n).unwrap()), 2),
            (Samples::Dense(MatrixView::new(&padded, n, d, d + 1, 1).unwrap()), 2),
        ] {
            assert_eq!(column_stats(other, n_threads, &Control::new()).unwrap(), got, "{n} {d}");
        }
        for col in 0..d {
            let (mean, variance) = two_passes(&data, d, col);
            assert!((got.mean[col] - mean).abs() < 1e-8, "{n} {d} {col}");
            assert!((got.variance[col] - variance).abs() < 1e-9, "{n} {d} {col}");
        }
    }
}

#[test]
fn the_first_value_that_is_not_finite_is_named() {
    let mut data = uniform::<f32>(5000, 7, 6);
    data[4321 * 7 + 3] = f32::INFINITY;
    let found = column_stats(dense(&data, 7), 2, &Control::new()).unwrap().finite;
    assert_eq!(found, Finite::Inf { row: 4321, col: 3 });
    data[4321 * 7 + 1] = f32::NAN;
    let found = column_stats(dense(&data, 7), 2, &Control::new()).unwrap().finite;
    assert_eq!(found, Finite::Nan { row: 4321, col: 1 });
    let expected = LearnError::NonFinite { value: "NaN", row: 4321, col: 1 };
    assert_eq!(found.check(), Err(expected));
}

#[test]
fn values_whose_squares_overflow_are_finite() {
    let data = [1e300, -1e300, 0.0];
    let stats = column_stats(dense(&data, 1), 1, &Control::new()).unwrap();
    assert_eq!(stats.finite, Finite::AllFinite);
}

#[test]
fn sparse_statistics_are_the_dense_ones() {
    let mut data = uniform::<f64>(200, 6, 7);
    data.iter_mut().for_each(|x| *x = (*x - 0.7).max(0.0));
    let (got, expected) = (Csr::of(&data, 6), dense(&data, 6));
    let got = column_stats(got.view(), 1, &Control::new()).unwrap();
    let expected = column_stats(expected, 1, &Control::new()).unwrap();
    for col in 0..6 {
        assert!((got.mean[col] - expected.mean[col]).abs() < 1e-14);
        assert!((got.variance[col] - expected.variance[col]).abs() < 1e-14);
    }
}
