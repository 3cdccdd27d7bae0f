//! The kernels of the numerical engine against plain loops.

mod conv;
mod gather;
mod layout;
mod linalg;
mod matmul;
mod random;
mod reduce;
mod softmax;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Element, Shape};

fn shape(dims: &[usize]) -> Shape {
    Shape::new(dims).unwrap()
}

/// Numbers between -1 and 1 that look random.
fn numbers(count: usize, seed: u64) -> Vec<f64> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 11) as f64 / (1u64 << 52) as f64 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

fn floats(dims: &[usize], seed: u64) -> Array {
    let values: Vec<f32> =
        numbers(dims.iter().product(), seed).into_iter().map(|x| x as f32).collect();
    array(dims, &values)
}

fn array(dims: &[usize], values: &[f32]) -> Array {
    Array::from_slice(DType::Fp32, shape(dims), values)
}

fn integers(dims: &[usize], values: &[i32]) -> Array {
    Array::from_slice(DType::Int32, shape(dims), values)
}

/// What a kernel writes to an output of `len` elements, which holds something else before.
fn output<T: Element>(len: usize, kernel: impl FnOnce(&mut Buffer)) -> Vec<T> {
    let mut out = Buffer::zeroed(len * size_of::<T>());
    out.as_mut_slice::<u8>(len * size_of::<T>()).fill(0xAB);
    kernel(&mut out);
    out.as_slice(len).to_vec()
}

/// All indices of a shape, row-major.
fn indices(dims: &[usize]) -> Vec<Vec<usize>> {
    dims.iter().fold(vec![vec![]], |all, &size| {
        let extend = |index: &Vec<usize>| {
            let index = index.clone();
            (0..size).map(move |i| [index.as_slice(), &[i]].concat()).collect::<Vec<_>>()
        };
        all.iter().flat_map(extend).collect()
    })
}

fn flat(dims: &[usize], index: &[usize]) -> usize {
    dims.iter().zip(index).fold(0, |flat, (&size, &i)| flat * size + i)
}
