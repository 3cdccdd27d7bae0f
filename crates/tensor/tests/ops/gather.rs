use ferrule_base::DType;
use ferrule_tensor::array::Array;
use ferrule_tensor::ops::{OpError, gather, one_hot, range_fill, scatter_add, scatter_add_to};

use crate::{array, integers, output, shape};

fn places(dims: &[usize], values: &[i64]) -> Array {
    Array::from_slice(DType::Int64, shape(dims), values)
}

#[test]
fn elements_are_taken_and_added_at_their_places() {
    let x = integers(&[2, 3, 2], &[1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12]);
    let at = places(&[2, 2], &[2, 0, 2, 1]);
    let got: Vec<i32> = output(16, |out| gather(x.view(), at.view(), 1, out).unwrap());
    assert_eq!(got, [5, 6, 1, 2, 5, 6, 3, 4, 11, 12, 7, 8, 11, 12, 9, 10]);
    let at = integers(&[1], &[1]);
    let got: Vec<i32> = output(6, |out| gather(x.view(), at.view(), 0, out).unwrap());
    assert_eq!(got, [7, 8, 9, 10, 11, 12]);

    let g = array(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
    let at = places(&[3], &[1, 1, 3]);
    let sums: Vec<f32> = output(8, |out| {
        scatter_add(g.view(), at.view(), 0, &shape(&[4, 2]), out).unwrap();
        scatter_add_to(g.view(), at.view(), 0, &shape(&[4, 2]), out).unwrap();
    });
    assert_eq!(sums, [0.0, 0.0, 8.0, 12.0, 0.0, 0.0, 10.0, 12.0]);
    let g = array(&[2, 2], &[1.0, 2.0, 3.0, 4.0]);
    let at = integers(&[2], &[2, 2]);
    let sums: Vec<f32> =
        output(6, |out| scatter_add(g.view(), at.view(), 1, &shape(&[2, 3]), out).unwrap());
    assert_eq!(sums, [0.0, 0.0, 3.0, 0.0, 0.0, 7.0]);
}

#[test]
fn a_place_outside_the_axis_is_an_error() {
    let x = integers(&[3], &[1, 2, 3]);
    for (index, place) in [(3, 1), (-1, 1), (i64::MIN, 1), (i64::MAX, 1)] {
        let at = places(&[2], &[0, index]);
        let mut error = None;
        let _: Vec<i32> = output(2, |out| error = gather(x.view(), at.view(), 0, out).err());
        assert_eq!(error, Some(OpError::IndexOutOfRange { index, size: 3, place }));
        let g = integers(&[2], &[1, 1]);
        let _: Vec<i32> = output(3, |out| {
            error = scatter_add(g.view(), at.view(), 0, &shape(&[3]), out).err();
        });
        assert_eq!(error, Some(OpError::IndexOutOfRange { index, size: 3, place }));
    }
    let none = places(&[0], &[]);
    let _: Vec<i32> = output(0, |out| gather(x.view(), none.view(), 0, out).unwrap());
}

#[test]
fn one_hot_rows_have_one_or_nothing() {
    let at = integers(&[4], &[1, -1, 3, 0]);
    let got: Vec<f32> = output(12, |out| one_hot(at.view(), 3, DType::Fp32, out));
    assert_eq!(got, [0.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0]);
}

#[test]
fn ranges_start_and_step() {
    let scalar = |x| Array::scalar::<i64>(DType::Int64, x);
    let got: Vec<i64> = output(4, |out| range_fill(scalar(5).view(), scalar(-2).view(), 4, out));
    assert_eq!(got, [5, 3, 1, -1]);
    let scalar = |x| Array::scalar::<f32>(DType::Fp32, x);
    let got: Vec<f32> =
        output(3, |out| range_fill(scalar(0.5).view(), scalar(0.25).view(), 3, out));
    assert_eq!(got, [0.5, 0.75, 1.0]);
}
