use ferrule_base::DType;
use ferrule_tensor::array::Array;
use ferrule_tensor::ops::softmax;

use crate::{array, floats, numbers, output, shape};

#[test]
fn rows_sum_to_one_and_logarithms_are_theirs() {
    for dims in [vec![1], vec![7], vec![3, 10], vec![2, 3, 100], vec![4, 1], vec![0, 3], vec![3, 0]]
    {
        let mut x = floats(&dims, 4);
        x.as_mut_slice::<f32>().iter_mut().for_each(|x| *x *= 20.0);
        let len = x.elements();
        let got: Vec<f32> = output(len, |out| softmax(x.view(), false, out));
        let logs: Vec<f32> = output(len, |out| softmax(x.view(), true, out));
        let row = dims[dims.len() - 1].max(1);
        for (start, x) in x.as_slice::<f32>().chunks(row).enumerate() {
            let most = x.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let exps: Vec<f64> = x.iter().map(|&x| f64::from(x - most).exp()).collect();
            let sum: f64 = exps.iter().sum();
            for (i, exp) in exps.iter().enumerate() {
                let (p, log) = (f64::from(got[start * row + i]), f64::from(logs[start * row + i]));
                assert!((p - exp / sum).abs() <= 5e-7 * (exp / sum) + 1e-37, "{dims:?}");
                let expected = f64::from(x[i] - most) - sum.ln();
                assert!((log - expected).abs() <= 2e-7 * (1.0 + expected.abs()), "{dims:?}");
            }
        }
    }
}

#[test]
fn doubles_keep_their_digits() {
    let values = numbers(50, 2);
    let x = Array::from_slice(DType::Fp64, shape(&[50]), &values);
    let got: Vec<f64> = output(50, |out| softmax(x.view(), false, out));
    let sum: f64 = values.iter().map(|x| x.exp()).sum();
    for (got, x) in got.iter().zip(&values) {
        assert!((got / (x.exp() / sum) - 1.0).abs() < 1e-14);
    }
}

#[test]
fn large_numbers_do_not_overflow_and_nan_fills_its_row() {
    let x = array(&[3, 3], &[1e30, 1e30, -1e30, f32::NAN, 1.0, 2.0, f32::NEG_INFINITY, 0.0, 0.0]);
    let got: Vec<f32> = output(9, |out| softmax(x.view(), false, out));
    assert_eq!(got[..3], [0.5, 0.5, 0.0]);
    assert!(got[3..6].iter().all(|x| x.is_nan()));
    assert_eq!(got[6..], [0.0, 0.5, 0.5]);
}

#[test]
fn a_row_is_the_same_alone_and_among_others() {
    for row in [1, 2, 10, 16, 17, 40] {
        let x = floats(&[37, row], 6);
        for log in [false, true] {
            let all: Vec<f32> = output(37 * row, |out| softmax(x.view(), log, out));
            for (values, among) in x.as_slice::<f32>().chunks(row).zip(all.chunks(row)) {
                let one = array(&[1, row], values);
                let alone: Vec<f32> = output(row, |out| softmax(one.view(), log, out));
                assert!(alone.iter().zip(among).all(|(a, b)| a.to_bits() == b.to_bits()), "{row}");
            }
        }
    }
}
