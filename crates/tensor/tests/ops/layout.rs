use ferrule_base::DType;
use ferrule_tensor::array::Array;
use ferrule_tensor::ops::{
    PadMode, broadcast, concat, pad, reverse, slice, slice_grad, tile, transpose,
};

use crate::{flat, indices, integers, output, shape};

fn counted(dims: &[usize]) -> Array {
    let values: Vec<i32> = (1..=dims.iter().product::<usize>() as i32).collect();
    integers(dims, &values)
}

/// The elements of `x` at the index that `from` gives for each index of `dims`; 0 for none.
fn picked(x: &Array, dims: &[usize], from: impl Fn(&[usize]) -> Option<Vec<usize>>) -> Vec<i32> {
    let element = |index: &Vec<usize>| {
        from(index).map_or(0, |own| x.as_slice::<i32>()[flat(x.shape(), &own)])
    };
    indices(dims).iter().map(element).collect()
}

#[test]
fn axes_are_put_in_any_order() {
    let cases: [(&[usize], &[usize]); 12] = [
        (&[], &[]),
        (&[5], &[0]),
        (&[3, 4], &[1, 0]),
        (&[50, 70], &[1, 0]),
        (&[2, 3, 4], &[2, 0, 1]),
        (&[2, 3, 4], &[0, 2, 1]),
        (&[2, 3, 4], &[1, 0, 2]),
        (&[2, 3, 4, 5], &[3, 1, 0, 2]),
        (&[3, 33, 1, 17], &[0, 3, 2, 1]),
        (&[17, 3, 40], &[2, 1, 0]),
        (&[2, 0, 3], &[1, 2, 0]),
        (&[2, 3, 2, 3, 2], &[4, 3, 2, 1, 0]),
    ];
    for (dims, perm) in cases {
        let x = counted(dims);
        let out: Vec<usize> = perm.iter().map(|&axis| dims[axis]).collect();
        let got: Vec<i32> = output(x.elements(), |to| transpose(x.view(), perm, to));
        let expected = picked(&x, &out, |index| {
            let mut own = vec![0; index.len()];
            perm.iter().zip(index).for_each(|(&axis, &i)| own[axis] = i);
            Some(own)
        });
        assert_eq!(got, expected, "{dims:?} {perm:?}");
    }
}

#[test]
fn elements_of_one_and_of_eight_bytes_are_moved_too() {
    let bytes: Vec<u8> = (0..=255).cycle().take(40 * 70).collect();
    let x = Array::from_slice(DType::Uint8, shape(&[40, 70]), &bytes);
    let got: Vec<u8> = output(2800, |out| transpose(x.view(), &[1, 0], out));
    assert!((0..2800).all(|at| got[at] == bytes[at % 40 * 70 + at / 40]));
    let wide: Vec<f64> = bytes.iter().map(|&x| f64::from(x)).collect();
    let x = Array::from_slice(DType::Fp64, shape(&[40, 70]), &wide);
    let got: Vec<f64> = output(2800, |out| transpose(x.view(), &[1, 0], out));
    assert!((0..2800).all(|at| got[at] == wide[at % 40 * 70 + at / 40]));
}

#[test]
fn arrays_are_joined_along_an_axis() {
    let (a, b, none) = (counted(&[2, 3, 2]), counted(&[2, 1, 2]), counted(&[2, 0, 2]));
    let got: Vec<i32> = output(16, |out| concat(&[a.view(), none.view(), b.view()], 1, out));
    assert_eq!(got, [1, 2, 3, 4, 5, 6, 1, 2, 7, 8, 9, 10, 11, 12, 3, 4]);
    let got: Vec<i32> = output(24, |out| concat(&[a.view(), a.view()], 0, out));
    assert_eq!(got[12..], *a.as_slice::<i32>());
    let got: Vec<i32> = output(24, |out| concat(&[a.view(), a.view()], 2, out));
    assert_eq!(got[..8], [1, 2, 1, 2, 3, 4, 3, 4]);
}

#[test]
fn slices_step_either_way_and_their_gradients_go_back() {
    let x = counted(&[6, 5, 3]);
    let cases: [(&[usize], &[i64], &[usize]); 6] = [
        (&[1, 2, 0], &[1, 1, 1], &[3, 2, 3]),
        (&[5, 4, 2], &[-1, -2, -1], &[6, 3, 3]),
        (&[1], &[2], &[3, 5, 3]),
        (&[0, 1, 2], &[5, 3, 1], &[2, 2, 1]),
        (&[3, 0, 0], &[1, 1, 1], &[0, 5, 3]),
        (&[], &[], &[6, 5, 3]),
    ];
    for (starts, strides, dims) in cases {
        let count = dims.iter().product();
        let got: Vec<i32> =
            output(count, |out| slice(x.view(), starts, strides, &shape(dims), out));
        let own = |index: &[usize]| -> Vec<usize> {
            let place = |(axis, &i): (usize, &usize)| match starts.get(axis) {
                Some(&start) => (start as i64 + i as i64 * strides[axis]) as usize,
                None => i,
            };
            index.iter().enumerate().map(place).collect()
        };
        assert_eq!(got, picked(&x, dims, |index| Some(own(index))), "{starts:?} {strides:?}");

        let g = counted(dims);
        let back: Vec<i32> =
            output(90, |out| slice_grad(g.view(), starts, strides, x.shape(), out));
        let mut expected = vec![0; 90];
        for (index, &g) in indices(dims).iter().zip(g.as_slice::<i32>()) {
            expected[flat(x.shape(), &own(index))] = g;
        }
        assert_eq!(back, expected, "{starts:?} {strides:?}");
    }
}

#[test]
fn arrays_are_padded_with_a_value_or_themselves() {
    let x = counted(&[2, 3]);
    let padded =
        |mode| -> Vec<i32> { output(24, |out| pad(x.view(), &[1, 2], mode, &shape(&[4, 6]), out)) };
    let constant = padded(PadMode::Constant(-7.0));
    assert_eq!(constant[6..18], [-7, -7, 1, 2, 3, -7, -7, -7, 4, 5, 6, -7]);
    assert!(constant[..6].iter().chain(&constant[18..]).all(|&x| x == -7));
    let reflected = padded(PadMode::Reflect);
    assert_eq!(reflected[..6], [6, 5, 4, 5, 6, 5]);
    assert_eq!(reflected[6..12], [3, 2, 1, 2, 3, 2]);
    assert_eq!(reflected[18..], [3, 2, 1, 2, 3, 2]);
    let symmetric = padded(PadMode::Symmetric);
    assert_eq!(symmetric[..6], [2, 1, 1, 2, 3, 3]);
    assert_eq!(symmetric[18..], [5, 4, 4, 5, 6, 6]);
    let none = counted(&[0, 2]);
    let got: Vec<i32> = output(6, |out| {
        pad(none.view(), &[1, 1], PadMode::Constant(1.0), &shape(&[2, 3]), out);
    });
    assert_eq!(got, [1; 6]);
}

#[test]
fn arrays_are_repeated_reversed_and_broadcast() {
    let x = counted(&[2, 3]);
    let got: Vec<i32> = output(36, |out| tile(x.view(), &[2, 3], out));
    let expected = picked(&x, &[4, 9], |index| Some(vec![index[0] % 2, index[1] % 3]));
    assert_eq!(got, expected);
    for axes in [[false, false], [true, false], [false, true], [true, true]] {
        let got: Vec<i32> = output(6, |out| reverse(x.view(), &axes, out));
        let expected = picked(&x, &[2, 3], |index| {
            let flip = |axis: usize, size: usize| {
                if axes[axis] { size - 1 - index[axis] } else { index[axis] }
            };
            Some(vec![flip(0, 2), flip(1, 3)])
        });
        assert_eq!(got, expected, "{axes:?}");
    }
    let x = counted(&[3, 1]);
    let got: Vec<i32> = output(24, |out| broadcast(x.view(), &shape(&[2, 3, 4]), out));
    assert_eq!(got, picked(&x, &[2, 3, 4], |index| Some(vec![index[1], 0])));
    let one = counted(&[]);
    let got: Vec<i32> = output(6, |out| broadcast(one.view(), &shape(&[2, 3]), out));
    assert_eq!(got, [1; 6]);
    let got: Vec<i32> = output(0, |out| tile(x.view(), &[0, 2], out));
    assert!(got.is_empty());
}
