use ferrule_base::DType;
use ferrule_tensor::array::{Array, Element};
use ferrule_tensor::ops::{descend, descends, matmul};

use crate::{floats, integers, numbers, output, shape};

/// The chain of fused multiply-adds over the inner dimension that each element is.
fn chain<T: Element>(
    a: &[T],
    b: &[T],
    [m, k, n]: [usize; 3],
    transposed: [bool; 2],
    multiply_add: impl Fn(T, T, T) -> T,
) -> Vec<T> {
    let a = |i: usize, l: usize| if transposed[0] { a[l * m + i] } else { a[i * k + l] };
    let b = |l: usize, j: usize| if transposed[1] { b[j * k + l] } else { b[l * n + j] };
    let element = |i, j| (0..k).fold(T::default(), |sum, l| multiply_add(a(i, l), b(l, j), sum));
    (0..m * n).map(|at| element(at / n, at % n)).collect()
}

fn dims(rows: usize, cols: usize, transposed: bool) -> [usize; 2] {
    if transposed { [cols, rows] } else { [rows, cols] }
}

fn check([m, k, n]: [usize; 3]) {
    for transposed in [[false, false], [true, false], [false, true], [true, true]] {
        let a = floats(&dims(m, k, transposed[0]), 1);
        let b = floats(&dims(k, n, transposed[1]), 2);
        let got: Vec<f32> = output(m * n, |out| {
            matmul(a.view(), transposed[0], b.view(), transposed[1], &shape(&[m, n]), out);
        });
        let expected = chain(a.as_slice(), b.as_slice(), [m, k, n], transposed, f32::mul_add);
        let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
        assert!(bits(&got) == bits(&expected), "{m} x {k} x {n}, transposed {transposed:?}");
    }
}

#[test]
fn each_element_is_one_chain_of_fused_multiply_adds_whatever_the_sizes() {
    for m in [1, 2, 3, 4, 5, 8, 9, 16, 17, 31] {
        for k in [1, 2, 7, 16, 33] {
            for n in [1, 2, 4, 8, 10, 16, 17, 33, 48, 65] {
                check([m, k, n]);
            }
        }
    }
}

#[test]
fn chains_go_on_from_block_to_block() {
    for size in [
        [70, 300, 50],
        [33, 513, 65],
        [530, 40, 70],
        [20, 30, 1100],
        [75, 120, 68],
        [75, 121, 68],
        [1, 784, 256],
        [3, 700, 500],
        [1100, 30, 3],
        [784, 32, 256],
        [150, 150, 150],
    ] {
        check(size);
    }
}

#[test]
fn doubles_are_chains_too() {
    for [m, k, n] in [[1, 300, 40], [5, 9, 17], [40, 270, 33], [17, 20, 1]] {
        for transposed in [[false, false], [true, false], [false, true]] {
            let factor = |dims: [usize; 2], seed| {
                let values = numbers(dims[0] * dims[1], seed);
                Array::from_slice(DType::Fp64, shape(&dims), &values)
            };
            let a = factor(dims(m, k, transposed[0]), 1);
            let b = factor(dims(k, n, transposed[1]), 2);
            let got: Vec<f64> = output(m * n, |out| {
                matmul(a.view(), transposed[0], b.view(), transposed[1], &shape(&[m, n]), out);
            });
            let expected = chain(a.as_slice(), b.as_slice(), [m, k, n], transposed, f64::mul_add);
            assert!(got == expected, "{m} x {k} x {n}, transposed {transposed:?}");
        }
    }
}

#[test]
fn a_product_that_is_subtracted_as_it_is_made_has_the_bits_of_one_operation_after_the_other() {
    let sizes = [
        [1, 1, 2],
        [2, 7, 33],
        [4, 1, 70],
        [5, 250, 3],
        [17, 1, 1],
        [33, 9, 1],
        [784, 1, 256],
        [784, 32, 256],
        [3, 256, 1100],
    ];
    for [m, k, n] in sizes {
        for transposed in [[false, false], [true, false], [false, true], [true, true]] {
            let a = floats(&dims(m, k, transposed[0]), 1);
            let b = floats(&dims(k, n, transposed[1]), 2);
            let (old, factor) = (floats(&[m, n], 3), floats(&[], 4));
            let old: &[f32] = old.as_slice();
            assert!(descends(a.shape(), transposed[0], b.shape()));
            let got: Vec<f32> = output(m * n, |out| {
                out.as_mut_slice::<f32>(m * n).copy_from_slice(old);
                descend([a.view(), b.view()], transposed, factor.view(), &shape(&[m, n]), out);
            });
            let product = chain(a.as_slice(), b.as_slice(), [m, k, n], transposed, f32::mul_add);
            let factor = factor.as_slice::<f32>()[0];
            let expected = old.iter().zip(&product).map(|(old, product)| old - factor * product);
            let bits = |values: &[f32]| values.iter().map(|x| x.to_bits()).collect::<Vec<_>>();
            let expected: Vec<f32> = expected.collect();
            assert!(bits(&got) == bits(&expected), "{m} x {k} x {n}, transposed {transposed:?}");
        }
    }
    for [k, transposed] in [[0, 0], [257, 0], [257, 1]] {
        let a = floats(&dims(2, k, transposed == 1), 1);
        assert!(!descends(a.shape(), transposed == 1, &shape(&[k, 3])));
    }
}

#[test]
fn integers_wrap_around() {
    let a = integers(&[2, 3], &[1, 2, 3, i32::MAX, 5, 6]);
    let b = integers(&[3, 2], &[7, 8, 9, 10, 11, 12]);
    let got: Vec<i32> =
        output(4, |out| matmul(a.view(), false, b.view(), false, &shape(&[2, 2]), out));
    let wrapped = |x: i64| x as i32;
    let max = i64::from(i32::MAX);
    assert_eq!(got, [58, 64, wrapped(max * 7 + 45 + 66), wrapped(max * 8 + 50 + 72)]);
    let transposed: Vec<i32> =
        output(9, |out| matmul(a.view(), true, b.view(), true, &shape(&[3, 3]), out));
    assert_eq!(transposed[4], 2 * 9 + 5 * 10);
}

/// Batches `[a, b]` broadcast to `outer`.
fn check_batch(a_outer: &[usize], b_outer: &[usize], outer: &[usize], [m, k, n]: [usize; 3]) {
    let a = floats(&[a_outer, &[m, k]].concat(), 3);
    let b = floats(&[b_outer, &[k, n]].concat(), 4);
    let out = [outer, &[m, n]].concat();
    let got: Vec<f32> = output(out.iter().product(), |to| {
        matmul(a.view(), false, b.view(), false, &shape(&out), to);
    });
    let matrix = |of: &[usize], index: &[usize]| {
        let own = &index[index.len() - of.len()..];
        let own: Vec<usize> = own.iter().zip(of).map(|(&i, &size)| i.min(size - 1)).collect();
        crate::flat(of, &own)
    };
    for (at, index) in crate::indices(outer).iter().enumerate() {
        let (a_at, b_at) = (matrix(a_outer, index) * m * k, matrix(b_outer, index) * k * n);
        let (a, b) = (&a.as_slice::<f32>()[a_at..], &b.as_slice::<f32>()[b_at..]);
        let expected = chain(a, b, [m, k, n], [false; 2], f32::mul_add);
        assert!(got[at * m * n..][..m * n] == expected, "{a_outer:?} {b_outer:?} at {index:?}");
    }
}

#[test]
fn axes_before_the_matrices_broadcast() {
    check_batch(&[4], &[4], &[4], [3, 5, 2]);
    check_batch(&[4], &[], &[4], [3, 5, 2]);
    check_batch(&[], &[4], &[4], [3, 5, 2]);
    check_batch(&[2, 1], &[3], &[2, 3], [5, 20, 17]);
    check_batch(&[1, 3], &[2, 1], &[2, 3], [70, 70, 70]);
    check_batch(&[2, 3], &[1, 1], &[2, 3], [4, 4, 4]);
}

#[test]
fn the_sum_of_nothing_is_zero_and_nothing_has_no_products() {
    let (a, b) = (floats(&[2, 0], 1), floats(&[0, 3], 2));
    let got: Vec<f32> =
        output(6, |out| matmul(a.view(), false, b.view(), false, &shape(&[2, 3]), out));
    assert_eq!(got, [0.0; 6]);
    let none = floats(&[0, 2, 5], 1);
    let b = floats(&[5, 3], 2);
    let got: Vec<f32> =
        output(0, |out| matmul(none.view(), false, b.view(), false, &shape(&[0, 2, 3]), out));
    assert!(got.is_empty());
}

#[test]
fn what_is_not_a_number_stays_in_its_row_and_column() {
    let mut a = floats(&[40, 30], 1);
    a.as_mut_slice::<f32>()[7 * 30 + 3] = f32::NAN;
    let b = floats(&[30, 50], 2);
    let got: Vec<f32> =
        output(2000, |out| matmul(a.view(), false, b.view(), false, &shape(&[40, 50]), out));
    assert!(got.iter().enumerate().all(|(at, x)| x.is_nan() == (at / 50 == 7)));
}
