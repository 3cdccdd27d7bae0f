use ferrule_base::DType;
use ferrule_tensor::array::{Array, Element};
use ferrule_tensor::ops::{Reduction, arg_extreme, cum_sum, reduce, top_k};

use crate::{array, flat, floats, indices, integers, numbers, output, shape};

/// Each result's elements, in order.
fn groups<T: Element>(x: &Array, axes: &[bool]) -> Vec<Vec<T>> {
    let kept: Vec<usize> =
        x.shape().iter().zip(axes).filter(|&(_, &folded)| !folded).map(|(&size, _)| size).collect();
    let mut groups = vec![vec![]; kept.iter().product()];
    for (index, &value) in indices(x.shape()).iter().zip(x.as_slice::<T>()) {
        let own: Vec<usize> =
            index.iter().zip(axes).filter(|&(_, &folded)| !folded).map(|(&i, _)| i).collect();
        groups[flat(&kept, &own)].push(value);
    }
    groups
}

fn all_marks(rank: usize) -> impl Iterator<Item = Vec<bool>> {
    (0..1 << rank).map(move |bits| (0..rank).map(|axis| bits >> axis & 1 == 1).collect())
}

#[test]
fn sums_and_means_of_floats_are_rounded_once_along_any_axes() {
    for dims in [
        vec![],
        vec![1],
        vec![100],
        vec![3, 70],
        vec![70, 3],
        vec![5, 1, 40],
        vec![3, 4, 5, 6],
        vec![2, 300, 2],
        vec![7, 40, 33],
        vec![600, 7],
        vec![4, 0, 3],
        vec![0, 5],
    ] {
        let x = floats(&dims, 5);
        for axes in all_marks(dims.len()) {
            let groups = groups::<f32>(&x, &axes);
            for (f, mean) in [(Reduction::Sum, false), (Reduction::Mean, true)] {
                let got: Vec<f32> = output(groups.len(), |out| reduce(f, x.view(), &axes, out));
                for (got, group) in got.iter().zip(&groups) {
                    let sum: f64 = group.iter().map(|&x| f64::from(x)).sum();
                    let count = group.len() as f64;
                    let (exact, size) = if mean { (sum / count, 1.0) } else { (sum, count) };
                    let near = (f64::from(*got) - exact).abs() <= 6e-8 * exact.abs() + 1e-15 * size;
                    assert!(near || exact.is_nan() && got.is_nan(), "{f:?} {dims:?} {axes:?}");
                }
            }
        }
    }
}

#[test]
fn few_long_groups_are_divided_without_a_difference() {
    for (dims, axes) in [
        (vec![400_001], vec![true]),
        (vec![3, 200_003], vec![false, true]),
        (vec![70_001, 5], vec![true, false]),
        (vec![2, 3001, 130], vec![false, true, false]),
        (vec![2, 50_000, 3], vec![true, true, true]),
    ] {
        let count: usize = dims.iter().product();
        let values: Vec<i64> = (0..count as i64).map(|i| i * i % 1009).collect();
        let x = Array::from_slice(DType::Int64, shape(&dims), &values);
        let groups = groups::<i64>(&x, &axes);
        let expected: Vec<i64> = groups.iter().map(|group| group.iter().sum()).collect();
        let got: Vec<i64> =
            output(groups.len(), |out| reduce(Reduction::Sum, x.view(), &axes, out));
        assert_eq!(got, expected, "{dims:?}");
        let most: Vec<i64> =
            output(groups.len(), |out| reduce(Reduction::Max, x.view(), &axes, out));
        assert!(most.iter().all(|&x| x == 1008 || groups[0].len() < 2000), "{dims:?}");
    }
}

#[test]
fn sums_of_many_doubles_and_floats_are_accurate() {
    let values = vec![0.1; 1_000_000];
    let x = Array::from_slice(DType::Fp64, shape(&[1_000_000]), &values);
    let sum: Vec<f64> = output(1, |out| reduce(Reduction::Sum, x.view(), &[true], out));
    assert!((sum[0] - 100_000.0).abs() < 1e-9, "{}", sum[0]);
    let x = array(&[1_000_000], &vec![0.1; 1_000_000]);
    let sum: Vec<f32> = output(1, |out| reduce(Reduction::Sum, x.view(), &[true], out));
    assert_eq!(f64::from(sum[0]), f64::from((f64::from(0.1f32) * 1e6) as f32));
}

#[test]
fn a_nan_is_the_greatest_and_the_least() {
    for len in [1, 2, 31, 32, 33, 100, 70_000] {
        for at in [0, len / 2, len - 1] {
            let mut x = floats(&[len], 3);
            let greatest = |x: &Array, f| {
                let got: Vec<f32> = output(1, |out| reduce(f, x.view(), &[true], out));
                got[0]
            };
            let max = x.as_slice::<f32>().iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let min = x.as_slice::<f32>().iter().copied().fold(f32::INFINITY, f32::min);
            assert_eq!(greatest(&x, Reduction::Max), max);
            assert_eq!(greatest(&x, Reduction::Min), min);
            x.as_mut_slice::<f32>()[at] = f32::NAN;
            assert!(greatest(&x, Reduction::Max).is_nan());
            assert!(greatest(&x, Reduction::Min).is_nan());
        }
    }
    let mut x = floats(&[9, 40], 3);
    x.as_mut_slice::<f32>()[4 * 40 + 7] = f32::NAN;
    let got: Vec<f32> = output(40, |out| reduce(Reduction::Max, x.view(), &[true, false], out));
    assert!(got.iter().enumerate().all(|(column, x)| x.is_nan() == (column == 7)));
}

#[test]
fn other_reductions_and_those_of_nothing() {
    let x = integers(&[2, 3], &[1, 2, 3, 4, -5, 6]);
    let of =
        |f, axes: &[bool], len| -> Vec<i32> { output(len, |out| reduce(f, x.view(), axes, out)) };
    assert_eq!(of(Reduction::Prod, &[true, false], 3), [4, -10, 18]);
    assert_eq!(of(Reduction::Min, &[false, true], 2), [1, -5]);
    let wraps = integers(&[2], &[i32::MAX, 1]);
    let sum: Vec<i32> = output(1, |out| reduce(Reduction::Sum, wraps.view(), &[true], out));
    assert_eq!(sum, [i32::MIN]);

    let none = array(&[0, 2], &[]);
    let of_none = |f| -> Vec<f32> { output(2, |out| reduce(f, none.view(), &[true, false], out)) };
    assert_eq!(of_none(Reduction::Sum), [0.0; 2]);
    assert_eq!(of_none(Reduction::Prod), [1.0; 2]);
    assert_eq!(of_none(Reduction::Max), [f32::NEG_INFINITY; 2]);
    assert_eq!(of_none(Reduction::Min), [f32::INFINITY; 2]);
    assert!(of_none(Reduction::Mean).iter().all(|x| x.is_nan()));

    let truth = Array::from_slice::<u8>(DType::Bool, shape(&[3, 2]), &[0, 1, 0, 1, 0, 0]);
    let of = |f, axes: &[bool], len| -> Vec<u8> {
        output(len, |out| reduce(f, truth.view(), axes, out))
    };
    assert_eq!(of(Reduction::Any, &[true, false], 2), [0, 1]);
    assert_eq!(of(Reduction::All, &[true, false], 2), [0, 0]);
    assert_eq!(of(Reduction::Any, &[false, true], 3), [1, 1, 0]);
    let none = Array::from_slice::<u8>(DType::Bool, shape(&[0]), &[]);
    let all: Vec<u8> = output(1, |out| reduce(Reduction::All, none.view(), &[true], out));
    assert_eq!(all, [1]);
}

/// NumPy's rule: the first NaN, else the first of the greatest.
fn arg_max(values: &[f32]) -> i64 {
    let nan = values.iter().position(|x| x.is_nan());
    let greater = |best: usize, i: usize| if values[i] > values[best] { i } else { best };
    nan.unwrap_or_else(|| (1..values.len()).fold(0, greater)) as i64
}

#[test]
fn the_first_extreme_is_found_along_any_axis() {
    for dims in [vec![1], vec![9000], vec![5, 33], vec![33, 5], vec![3, 4, 200], vec![2, 0]] {
        for nans in [0, 3] {
            let mut x = floats(&dims, 8);
            for value in x.as_mut_slice::<f32>() {
                // Few different values make ties.
                *value = (*value * 6.0).round();
            }
            for (i, value) in x.as_mut_slice::<f32>().iter_mut().enumerate() {
                if nans > 0 && i % 13 == nans {
                    *value = f32::NAN;
                }
            }
            for axis in 0..dims.len() {
                let marks: Vec<bool> = (0..dims.len()).map(|a| a == axis).collect();
                if dims[axis] == 0 {
                    continue;
                }
                let groups = groups::<f32>(&x, &marks);
                let got: Vec<i64> =
                    output(groups.len(), |out| arg_extreme(true, x.view(), axis, out));
                let expected: Vec<i64> = groups.iter().map(|group| arg_max(group)).collect();
                assert_eq!(got, expected, "{dims:?} axis {axis}");
                let got: Vec<i64> =
                    output(groups.len(), |out| arg_extreme(false, x.view(), axis, out));
                let least = |group: &Vec<f32>| {
                    let negated: Vec<f32> = group.iter().map(|x| -x).collect();
                    arg_max(&negated)
                };
                assert_eq!(got, groups.iter().map(least).collect::<Vec<_>>());
            }
        }
    }
    let least = array(&[2, 2], &[f32::NEG_INFINITY; 4]);
    let got: Vec<i64> = output(2, |out| arg_extreme(true, least.view(), 1, out));
    assert_eq!(got, [0, 0]);
}

#[test]
fn running_sums_go_either_way_with_and_without_the_element() {
    let x = integers(&[2, 3, 2], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let sums = |axis, exclusive, reverse| -> Vec<i32> {
        output(12, |out| cum_sum(x.view(), axis, exclusive, reverse, out))
    };
    assert_eq!(sums(1, false, false), [1, 2, 4, 6, 9, 12, 7, 8, 16, 18, 27, 30]);
    assert_eq!(sums(1, true, false), [0, 0, 1, 2, 4, 6, 0, 0, 7, 8, 16, 18]);
    assert_eq!(sums(1, false, true), [9, 12, 8, 10, 5, 6, 27, 30, 20, 22, 11, 12]);
    assert_eq!(sums(2, true, true), [2, 0, 4, 0, 6, 0, 8, 0, 10, 0, 12, 0]);
    let x = array(&[300_000], &vec![0.1; 300_000]);
    let sums: Vec<f32> = output(300_000, |out| cum_sum(x.view(), 0, false, false, out));
    assert_eq!(sums[299_999], (f64::from(0.1f32) * 3e5) as f32);
}

#[test]
fn the_greatest_elements_come_in_order_the_first_of_equals_first() {
    let x = array(&[2, 5], &[1.0, 3.0, 3.0, -1.0, 2.0, f32::NAN, 0.0, f32::INFINITY, 0.0, -0.0]);
    for k in [0, 1, 3, 5] {
        let mut places: Vec<i32> = vec![];
        let values: Vec<f32> = output(2 * k, |values| {
            places = output(2 * k, |places| top_k(x.view(), k, values, places));
        });
        let expected = [[1, 2, 4, 0, 3], [0, 2, 1, 3, 4]];
        for row in 0..2 {
            assert_eq!(places[row * k..][..k], expected[row][..k]);
            for i in 0..k {
                let value = x.as_slice::<f32>()[row * 5 + places[row * k + i] as usize];
                assert_eq!(values[row * k + i].to_bits(), value.to_bits());
            }
        }
    }
    let x = floats(&[1000], 3);
    let mut sorted: Vec<f32> = x.as_slice().to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let values: Vec<f32> = output(10, |values| {
        let _: Vec<i32> = output(10, |places| top_k(x.view(), 10, values, places));
    });
    assert_eq!(values, sorted[..10]);
    assert!(numbers(3, 1) != numbers(3, 2));
}
