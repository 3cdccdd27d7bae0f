use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer};
use ferrule_tensor::ops::{Csr, OpError, cholesky, csr_matmul, solve, triangular_solve};

use crate::{array, integers, numbers, output, shape};

fn doubles(dims: &[usize], values: &[f64]) -> Array {
    Array::from_slice(DType::Fp64, shape(dims), values)
}

/// `a b`, or `aᵀ b`, of row-major matrices.
fn product(a: &[f64], transposed: bool, b: &[f64], n: usize) -> Vec<f64> {
    let width = b.len() / n.max(1);
    let a = |i: usize, k: usize| if transposed { a[k * n + i] } else { a[i * n + k] };
    let element = |i, j| (0..n).map(|k| a(i, k) * b[k * width + j]).sum();
    (0..n * width).map(|at| element(at / width, at % width)).collect()
}

fn assert_near(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    for (got, expected) in got.iter().zip(expected) {
        assert!((got - expected).abs() < 1e-9, "{got} is not {expected}");
    }
}

/// The triangle of a matrix with a large diagonal.
fn triangle(n: usize, lower: bool) -> Vec<f64> {
    let mut values = numbers(n * n, 5);
    for (at, x) in values.iter_mut().enumerate() {
        let (i, j) = (at / n, at % n);
        *x = if i == j { 3.0 + *x } else { *x / n as f64 };
        if i != j && (i > j) != lower {
            *x = 0.0;
        }
    }
    values
}

#[test]
fn triangles_are_those_whose_square_is_the_matrix() {
    for n in [0, 1, 5, 48, 49, 150] {
        let l = triangle(n, true);
        let mut upper = vec![0.0; n * n];
        (0..n * n).for_each(|at| upper[at] = l[at % n * n + at / n]);
        let mut x = product(&l, false, &upper, n);
        // What is above the diagonal is not read.
        (0..n * n).filter(|at| at % n > at / n).for_each(|at| x[at] = f64::NAN);
        let x = doubles(&[n, n], &x);
        assert_near(&output(n * n, |out| cholesky(x.view(), out).unwrap()), &l);
    }
    let x = doubles(&[2, 2], &[1.0, 2.0, 2.0, 1.0]);
    let mut out = Buffer::zeroed(32);
    assert_eq!(cholesky(x.view(), &mut out), Err(OpError::NotPositiveDefinite { row: 1 }));
    let x = doubles(&[1, 1], &[f64::NAN]);
    assert_eq!(cholesky(x.view(), &mut out), Err(OpError::NotPositiveDefinite { row: 0 }));
}

#[test]
fn triangular_equations_are_solved() {
    for n in [1, 7, 48, 100, 145] {
        for (lower, transpose) in [(true, false), (true, true), (false, false), (false, true)] {
            let mut a = triangle(n, lower);
            let x = numbers(n * 3, 9);
            let b = doubles(&[n, 3], &product(&a, transpose, &x, n));
            let other = |at: &usize| at / n != at % n && (at / n > at % n) != lower;
            (0..n * n).filter(other).for_each(|at| a[at] = f64::NAN);
            let a = doubles(&[n, n], &a);
            let got = output(n * 3, |out| {
                triangular_solve(a.view(), lower, transpose, b.view(), out).unwrap();
            });
            assert_near(&got, &x);
        }
    }
    let a = doubles(&[2, 2], &[1.0, 0.0, 5.0, 0.0]);
    let b = doubles(&[2, 1], &[1.0, 1.0]);
    let error = triangular_solve(a.view(), true, false, b.view(), &mut Buffer::zeroed(16));
    assert_eq!(error, Err(OpError::Singular { column: 1 }));
}

#[test]
fn equations_are_solved_whose_pivots_must_be_sought() {
    for n in [1, 2, 30, 48, 97, 320] {
        for transpose in [false, true] {
            let mut values = numbers(n * n, 6);
            (0..n).for_each(|i| values[i * n + (i + 1) % n] += 4.0);
            let x = numbers(n * 2, 7);
            let b = doubles(&[n, 2], &product(&values, transpose, &x, n));
            let a = doubles(&[n, n], &values);
            let got = output(n * 2, |out| solve(a.view(), transpose, b.view(), out).unwrap());
            assert_near(&got, &x);
        }
    }
    let a = doubles(&[2, 2], &[1.0, 2.0, 2.0, 4.0]);
    let b = doubles(&[2], &[1.0, 1.0]);
    let error = solve(a.view(), false, b.view(), &mut Buffer::zeroed(16));
    assert_eq!(error, Err(OpError::Singular { column: 1 }));
    let narrow = array(&[2, 2], &[0.0, 2.0, 4.0, 0.0]);
    let got: Vec<f32> = output(2, |out| {
        solve(narrow.view(), false, array(&[2], &[2.0, 8.0]).view(), out).unwrap();
    });
    assert_eq!(got, [2.0, 1.0]);
}

#[test]
fn sparse_rows_are_multiplied_either_way() {
    // 1 0 2
    // 0 0 0
    // 0 3 4
    let (data, columns) = (array(&[4], &[1.0, 2.0, 3.0, 4.0]), integers(&[4], &[0, 2, 1, 2]));
    let starts = Array::from_slice::<i64>(DType::Int64, shape(&[4]), &[0, 2, 2, 4]);
    let b = array(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let multiply = |columns: &Array, starts: &Array, transpose, out: &mut Buffer| {
        let (data, columns, starts) = (data.view(), columns.view(), starts.view());
        csr_matmul(Csr { data, columns, starts, size: [3, 3] }, transpose, b.view(), out)
    };
    let got: Vec<f32> = output(6, |out| multiply(&columns, &starts, false, out).unwrap());
    assert_eq!(got, [11.0, 14.0, 0.0, 0.0, 29.0, 36.0]);
    let got: Vec<f32> = output(6, |out| multiply(&columns, &starts, true, out).unwrap());
    assert_eq!(got, [1.0, 2.0, 15.0, 18.0, 22.0, 28.0]);
    let mut out = Buffer::zeroed(24);
    let outside = integers(&[4], &[0, 3, 1, 2]);
    let error = OpError::IndexOutOfRange { index: 3, size: 3, place: 1 };
    assert_eq!(multiply(&outside, &starts, false, &mut out), Err(error));
    let backwards = Array::from_slice::<i64>(DType::Int64, shape(&[4]), &[0, 3, 2, 4]);
    let error = OpError::IndexOutOfRange { index: 2, size: 5, place: 2 };
    assert_eq!(multiply(&columns, &backwards, false, &mut out), Err(error));
}
