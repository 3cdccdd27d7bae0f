//! Matrix products.
//!
//! Each element is one chain of multiply-adds over the inner dimension in order, fused for floats: its
//! bits depend neither on the other rows and columns, nor on threads or the instruction set.

mod few;
mod gemm;
mod pack;
mod tile;

use ferrule_base::DType;

pub(super) use gemm::{multiply, transposed};
pub(super) use pack::pack;

use super::blocks::Parts;
use crate::array::{Buffer, Element, RANK_MAX, Shape, View};
use crate::pool::for_each_block;
use crate::view::{Float, MatrixView};

/// Products of a batch that one thread does in a go.
const BATCH_WORK: usize = 1 << 18;

/// The matrix products of the last two axes of `a` and `b`, each transposed where asked; the axes
/// before broadcast. Of nothing, the sum is 0; integers wrap around.
///
/// # Panics
/// Where the dtype is neither a float nor `INT32` or `INT64`, or shapes do not fit `shape`, the output's.
pub fn matmul(
    a: View,
    transpose_a: bool,
    b: View,
    transpose_b: bool,
    shape: &Shape,
    out: &mut Buffer,
) {
    let batch = Batch::new([a.shape, b.shape], [transpose_a, transpose_b], shape);
    let len = shape.elements();
    match a.dtype {
        DType::Fp32 => multiply_floats::<f32>(&batch, a, b, out.as_mut_slice(len)),
        DType::Fp64 => multiply_floats::<f64>(&batch, a, b, out.as_mut_slice(len)),
        DType::Int32 => {
            multiply_integers(&batch, a, b, out.as_mut_slice(len), |x: i32, y, sum: i32| {
                sum.wrapping_add(x.wrapping_mul(y))
            });
        }
        DType::Int64 => {
            multiply_integers(&batch, a, b, out.as_mut_slice(len), |x: i64, y, sum: i64| {
                sum.wrapping_add(x.wrapping_mul(y))
            });
        }
        other => panic!("matrix products of {other} are not defined"),
    }
}

/// Whether [`descend`] makes a product of factors of these shapes: two matrices of some elements, and
/// not so deep that their sums are made in several goes.
pub fn descends(a: &Shape, transpose_a: bool, b: &Shape) -> bool {
    let depth = |a: &Shape| a[usize::from(!transpose_a)];
    a.len() == 2 && b.len() == 2 && (1..=gemm::DESCENT_DEPTH_MAX).contains(&depth(a))
}

/// A step down a gradient, `out -= factor (a b)`, each factor transposed where asked: the product is
/// taken away as it is made, and never written. The bits are those of [`matmul`], then of a product
/// with the scalar `factor`, then of a difference.
///
/// # Panics
/// Where the dtype is no float or not everyone's, shapes do not fit `shape`, the output's, or
/// [`descends`] says no.
pub fn descend(
    [a, b]: [View; 2],
    transposed: [bool; 2],
    factor: View,
    shape: &Shape,
    out: &mut Buffer,
) {
    let batch = Batch::new([a.shape, b.shape], transposed, shape);
    match a.dtype {
        DType::Fp32 => descend_floats::<f32>(&batch, [a, b, factor], shape, out),
        DType::Fp64 => descend_floats::<f64>(&batch, [a, b, factor], shape, out),
        other => panic!("steps down gradients of {other} are not defined"),
    }
}

fn descend_floats<T: Float + Element>(
    batch: &Batch,
    [a, b, factor]: [View; 3],
    shape: &Shape,
    out: &mut Buffer,
) {
    let (a, b) = (batch.view(0, 0, a.as_slice::<T>()), batch.view(1, 0, b.as_slice::<T>()));
    gemm::descend(a, b, factor.as_slice::<T>()[0], out.as_mut_slice(shape.elements()));
}

/// The matrices that are multiplied.
struct Batch {
    /// Dimensions before the last two.
    dims: Shape,
    /// Matrices between neighbours along each of them, in each factor.
    steps: [[usize; RANK_MAX]; 2],
    /// Whether each factor lies transposed.
    transposed: [bool; 2],
    /// Rows, inner dimension, columns.
    size: [usize; 3],
    count: usize,
}

impl Batch {
    fn new(factors: [&Shape; 2], transposed: [bool; 2], shape: &Shape) -> Self {
        let (outer, [rows, columns]) = shape.split_last_chunk().expect("matrices have two axes");
        let dims = Shape::new(outer).expect("fewer axes than the output");
        let last = |of: usize| {
            let (_, &[x, y]) = factors[of].split_last_chunk().expect("matrices have two axes");
            if transposed[of] { [y, x] } else { [x, y] }
        };
        let ([m, k], [k_too, n]) = (last(0), last(1));
        assert!(m == *rows && n == *columns && k == k_too, "sizes of the factors fit");
        let steps = factors.map(|factor| batch_steps(&factor[..factor.len() - 2], &dims));
        Self { dims, steps, transposed, size: [m, k, n], count: dims.elements() }
    }

    /// Which matrix of a factor is the `index`th.
    fn matrix(&self, of: usize, mut index: usize) -> usize {
        let mut matrix = 0;
        for (axis, &size) in self.dims.iter().enumerate().rev() {
            matrix += index % size * self.steps[of][axis];
            index /= size;
        }
        matrix
    }

    /// The `index`th matrix of a factor, as it is multiplied.
    fn view<'a, T: Copy>(&self, of: usize, index: usize, data: &'a [T]) -> MatrixView<'a, T> {
        let [m, k, n] = self.size;
        let (rows, cols) = if of == 0 { (m, k) } else { (k, n) };
        let data = &data[self.matrix(of, index) * rows * cols..];
        let (row, col) = if self.transposed[of] { (1, rows) } else { (cols, 1) };
        MatrixView::new(data, rows, cols, row, col).expect("the factor has the matrix")
    }

    /// Whether all products are one of more rows: each has its own left factor, all the same right one.
    fn is_one(&self) -> bool {
        let each = |steps: &[usize; RANK_MAX]| {
            let mut step = 1;
            self.dims.iter().enumerate().rev().all(|(axis, &size)| {
                let follows = size == 1 || steps[axis] == step;
                step *= size;
                follows
            })
        };
        !self.transposed[0] && self.steps[1].iter().all(|&step| step == 0) && each(&self.steps[0])
    }
}

/// Matrices between neighbours along each of the axes `dims`, 0 along those that are repeated.
fn batch_steps(outer: &[usize], dims: &Shape) -> [usize; RANK_MAX] {
    let mut steps = [0; RANK_MAX];
    let lead = dims.len() - outer.len();
    let mut step = 1;
    for (axis, &size) in outer.iter().enumerate().rev() {
        assert!(size == 1 || size == dims[lead + axis], "axes before the matrices broadcast");
        steps[lead + axis] = if size == 1 { 0 } else { step };
        step *= size;
    }
    steps
}

fn multiply_floats<T: Float + Element>(batch: &Batch, a: View, b: View, out: &mut [T]) {
    let (a, b) = (a.as_slice::<T>(), b.as_slice::<T>());
    if out.is_empty() {
        return;
    }
    let [m, k, n] = batch.size;
    if batch.is_one() {
        let a = MatrixView::contiguous(a, batch.count * m, k).expect("the left factors");
        return multiply(a, batch.view(1, 0, b), out, false);
    }
    let group = (BATCH_WORK / (m * k * n).max(1)).max(1);
    let matrices = Parts::new(out);
    let multiply_group = |first: usize| {
        for index in first..(first + group).min(batch.count) {
            // SAFETY: each matrix of the output is written once.
            let out = unsafe { matrices.part(index * m * n, m * n) };
            multiply(batch.view(0, index, a), batch.view(1, index, b), out, false);
        }
    };
    if group == 1 && batch.count < 4 {
        // Few and large: the threads share each.
        (0..batch.count).for_each(multiply_group);
    } else {
        for_each_block(batch.count.div_ceil(group), |block| multiply_group(block * group));
    }
}

fn multiply_integers<T: Element>(
    batch: &Batch,
    a: View,
    b: View,
    out: &mut [T],
    multiply_add: impl Fn(T, T, T) -> T,
) {
    let (a, b) = (a.as_slice::<T>(), b.as_slice::<T>());
    let [m, _, n] = batch.size;
    if out.is_empty() {
        return;
    }
    out.fill(T::default());
    for (index, out) in out.chunks_exact_mut(m * n).enumerate() {
        let (a, b) = (batch.view(0, index, a), batch.view(1, index, b));
        for (i, row) in out.chunks_exact_mut(n).enumerate() {
            for k in 0..a.cols() {
                let x = a.get(i, k);
                for (j, sum) in row.iter_mut().enumerate() {
                    *sum = multiply_add(x, b.get(k, j), *sum);
                }
            }
        }
    }
}
