//! One operation on arrays whose shapes were checked: which kernel it is.

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape, View};
use ferrule_tensor::ops::{self, tape};
use smallvec::SmallVec;

use crate::error::{Fault, GraphError};
use crate::infer::layout::slice_of;
use crate::infer::whole_numbers;
use crate::op::{Op, Padding, Pool, Window};
use crate::plan::{Bias, Finished, copied, reduced_axes, reduces_nothing};
use crate::types::absolute;

/// The outputs of `op`, whose dtypes and shapes are `outputs`. `draw` numbers the draws of random
/// operations.
///
/// # Errors
/// [`GraphError`] for elements that the operation refuses, such as a place outside of an axis.
pub fn evaluate(
    op: &Op,
    inputs: &[Array],
    outputs: &[(DType, Shape)],
    draw: u64,
) -> Result<Vec<Array>, GraphError> {
    if matches!(op, Op::Identity | Op::StopGradient) {
        return Ok(vec![inputs[0].owned()]);
    }
    if is_reshape(op) {
        return Ok(vec![inputs[0].reshaped(outputs[0].1)]);
    }
    let arrays: Vec<&Array> = inputs.iter().collect();
    let views: Vec<View> = read_inputs(op, &arrays).into_iter().map(Array::view).collect();
    let bytes =
        |&(dtype, shape): &(DType, Shape)| Buffer::uncleared(dtype.size() * shape.elements());
    let mut buffers: Vec<Buffer> = outputs.iter().map(bytes).collect();
    run(op, &views, outputs, &mut buffers, draw)?;
    let made = buffers.into_iter().zip(outputs);
    Ok(made
        .map(|(buffer, &(dtype, shape))| Array::from_buffer(dtype, shape, Arc::new(buffer)))
        .collect())
}

/// Whether the elements stay as they are.
pub(crate) fn is_reshape(op: &Op) -> bool {
    matches!(
        op,
        Op::Reshape { .. }
            | Op::ReshapeTo
            | Op::ReshapeLike
            | Op::ExpandDims { .. }
            | Op::Squeeze { .. }
            | Op::Identity
            | Op::StopGradient
    )
}

/// The inputs whose elements are read; the others are there for their shape.
pub(crate) fn read_inputs<T: Copy>(op: &Op, inputs: &[T]) -> Vec<T> {
    let read = inputs.iter().enumerate().filter(|(index, _)| reads(op, *index));
    read.map(|(_, &input)| input).collect()
}

/// Whether `op` reads the elements of its input at `index`, and not only its shape.
pub(crate) fn reads(op: &Op, index: usize) -> bool {
    let unread: &[usize] = match op {
        Op::Random { .. } | Op::StatelessRandom { .. } | Op::Conv2dInputGrad(_) | Op::Fill => &[0],
        Op::Conv2dFilterGrad(_) | Op::SliceGrad { .. } | Op::SumLike => &[1],
        Op::BroadcastLike | Op::BroadcastTo => &[1],
        Op::ScatterLike { .. } => &[2],
        _ => &[],
    };
    !unread.contains(&index)
}

/// Runs the kernel of `op` on the inputs that it reads.
pub(crate) fn run(
    op: &Op,
    inputs: &[View],
    outputs: &[(DType, Shape)],
    out: &mut [Buffer],
    draw: u64,
) -> Result<(), GraphError> {
    let shape = &outputs.first().ok_or(Fault::NoSuchValue { node: 0, output: 0 })?.1;
    match op {
        Op::Unary { f } => tape::unary(*f, inputs[0], &mut out[0]),
        Op::Binary { f } => tape::binary(*f, inputs[0], inputs[1], shape, &mut out[0])?,
        Op::Select => tape::select(inputs[0], inputs[1], inputs[2], shape, &mut out[0]),
        Op::Cast { to } => tape::cast(inputs[0], *to, &mut out[0]),
        Op::BroadcastLike | Op::BroadcastTo | Op::Fill => {
            ops::broadcast(inputs[0], shape, &mut out[0]);
        }
        Op::MatMul { transpose_a, transpose_b } => {
            ops::matmul(inputs[0], *transpose_a, inputs[1], *transpose_b, shape, &mut out[0]);
        }
        Op::Random { kind, dtype, seed } => {
            ops::fill(*kind, *seed, draw, *dtype, shape.elements(), &mut out[0]);
        }
        Op::StatelessRandom { kind, dtype, seed } => {
            let draw = inputs[0].as_slice::<i64>()[0] as u64;
            ops::fill(*kind, *seed, draw, *dtype, shape.elements(), &mut out[0]);
        }
        Op::Range => ops::range_fill(inputs[0], inputs[2], shape.elements(), &mut out[0]),
        _ if matches!(op, Op::Conv2d(_) | Op::Conv2dInputGrad(_) | Op::Conv2dFilterGrad(_)) => {
            convolution(op, inputs, shape, &mut out[0]);
        }
        Op::Pool { f, size, window } => {
            let pad = padding(*window, inputs[0].shape, size);
            ops::pool(*f == Pool::Max, inputs[0], *size, window.strides, pad, shape, &mut out[0]);
        }
        Op::PoolGrad { f, size, window } => {
            let pad = padding(*window, inputs[0].shape, size);
            let [x, y, g] = [inputs[0], inputs[1], inputs[2]];
            let (max, strides) = (*f == Pool::Max, window.strides);
            // Plans give the 0 of a rectifier before the pool as well.
            let rectifies = inputs.len() > 3;
            ops::pool_grad(max, x, y, g, rectifies, *size, strides, pad, &mut out[0]);
        }
        Op::PoolPick { size, window } => {
            let pad = padding(*window, inputs[0].shape, size);
            let [x, y, u] = [inputs[0], inputs[1], inputs[2]];
            ops::pool_pick(x, y, u, *size, window.strides, pad, &mut out[0]);
        }
        Op::Cholesky
        | Op::Solve { .. }
        | Op::TriangularSolve { .. }
        | Op::CsrMatMul { .. }
        | Op::CsrSample => matrices(op, inputs, &mut out[0])?,
        Op::Gather { axis } => {
            ops::gather(inputs[0], inputs[1], place(*axis, inputs[0].shape), &mut out[0])?;
        }
        Op::ScatterLike { axis } => {
            ops::scatter_add(inputs[0], inputs[1], place(*axis, shape), shape, &mut out[0])?;
        }
        Op::ScatterAdd { .. } => {
            ops::broadcast(inputs[0], shape, &mut out[0]);
            ops::scatter_add_to(inputs[2], inputs[1], 0, shape, &mut out[0])?;
        }
        Op::Registered { name, version, attributes } => {
            crate::registry::compute((name, *version, attributes), inputs, outputs, out)?;
        }
        Op::OneHot { depth, dtype } => ops::one_hot(inputs[0], *depth, *dtype, &mut out[0]),
        _ => return reductions_and_layouts(op, inputs, shape, out),
    }
    Ok(())
}

/// Triangles, equations and sparse matrices.
fn matrices(op: &Op, inputs: &[View], out: &mut Buffer) -> Result<(), GraphError> {
    match op {
        Op::Cholesky => ops::cholesky(inputs[0], out)?,
        Op::Solve { transpose } => ops::solve(inputs[0], *transpose, inputs[1], out)?,
        Op::TriangularSolve { lower, transpose } => {
            ops::triangular_solve(inputs[0], *lower, *transpose, inputs[1], out)?;
        }
        Op::CsrMatMul { transpose } => {
            let [data, columns, starts] = [inputs[0], inputs[1], inputs[2]];
            let matrix = ops::Csr { data, columns, starts, size: matrix_size(&inputs[3]) };
            ops::csr_matmul(matrix, *transpose, inputs[4], out)?;
        }
        Op::CsrSample => {
            let [columns, starts, left, right] = [0, 1, 3, 4].map(|input| inputs[input]);
            let size = matrix_size(&inputs[2]);
            ops::csr_sample(columns, starts, size, left, right, out)?;
        }
        _ => return Err(missing(op)),
    }
    Ok(())
}

fn reductions_and_layouts(
    op: &Op,
    inputs: &[View],
    shape: &Shape,
    out: &mut [Buffer],
) -> Result<(), GraphError> {
    let x = inputs[0];
    match op {
        Op::Reduce { f, axes, .. } => {
            let gone = reduced_axes(axes.as_deref(), x.shape.len());
            if reduces_nothing(x.shape, &gone) {
                // One element is its own sum: 0 + -0 would not be.
                ops::broadcast(View { shape, ..x }, shape, &mut out[0]);
            } else {
                ops::reduce(*f, x, &gone, &mut out[0]);
            }
        }
        Op::SumLike => ops::reduce(
            ops::Reduction::Sum,
            x,
            &crate::plan::repeated_axes(x.shape, shape),
            &mut out[0],
        ),
        Op::ArgMax { axis } => ops::arg_extreme(true, x, place(*axis, x.shape), &mut out[0]),
        Op::ArgMin { axis } => ops::arg_extreme(false, x, place(*axis, x.shape), &mut out[0]),
        Op::CumSum { axis, exclusive, reverse } => {
            ops::cum_sum(x, place(*axis, x.shape), *exclusive, *reverse, &mut out[0]);
        }
        Op::TopK { k } => {
            let [values, places] = out else { return Err(missing(op)) };
            ops::top_k(x, *k, values, places);
        }
        Op::Softmax => ops::softmax(x, false, &mut out[0]),
        Op::LogSoftmax => ops::softmax(x, true, &mut out[0]),
        Op::Transpose { perm } => {
            let reversed: Vec<usize> = (0..x.shape.len()).rev().collect();
            ops::transpose(x, perm.as_ref().unwrap_or(&reversed), &mut out[0]);
        }
        Op::Concat { axis } => ops::concat(inputs, place(*axis, x.shape), &mut out[0]),
        Op::Slice { starts, stops, strides } => {
            let (starts, strides) = cut(x.shape, starts, stops, strides);
            ops::slice(x, &starts, &strides, shape, &mut out[0]);
        }
        Op::SliceGrad { starts, stops, strides } => {
            let (starts, strides) = cut(shape, starts, stops, strides);
            ops::slice_grad(x, &starts, &strides, shape, &mut out[0]);
        }
        Op::Pad { before, mode, .. } => {
            ops::pad(x, before, *mode, shape, &mut out[0]);
        }
        Op::Tile { multiples } => ops::tile(x, multiples, &mut out[0]),
        Op::Reverse { axes } => {
            let turned = reduced_axes(Some(axes), x.shape.len());
            ops::reverse(x, &turned, &mut out[0]);
        }
        _ => return Err(missing(op)),
    }
    Ok(())
}

/// Rows and columns, from an array that has them.
fn matrix_size(shape: &View) -> [usize; 2] {
    let size = whole_numbers(&copied(shape));
    [size[0] as usize, size[1] as usize]
}

fn missing(op: &Op) -> GraphError {
    Fault::Attribute { op: op.name(), detail: "it has no kernel yet".into() }.into()
}

fn place(axis: i64, shape: &Shape) -> usize {
    absolute(axis, shape.len()).expect("the axis was checked when the node was made")
}

/// Where a slice starts along each axis, and its steps.
fn cut(
    shape: &Shape,
    starts: &[Option<i64>],
    stops: &[Option<i64>],
    strides: &[i64],
) -> (Vec<usize>, Vec<i64>) {
    let start = |axis: usize| match starts.get(axis) {
        Some(&start) => slice_of(shape[axis], start, stops[axis], strides[axis]).0,
        None => 0,
    };
    let stride = |axis: usize| strides.get(axis).copied().unwrap_or(1);
    ((0..shape.len()).map(start).collect(), (0..shape.len()).map(stride).collect())
}

/// Rows above and columns left of an image, by TensorFlow's rule.
fn padding(window: Window, image: &Shape, size: &[usize]) -> [usize; 2] {
    let around = |axis: usize| {
        let (image, size, stride) = (image[axis + 1], size[axis], window.strides[axis]);
        let steps = image.div_ceil(stride).max(1);
        ((steps - 1) * stride + size).saturating_sub(image) / 2
    };
    match window.padding {
        Padding::Valid => [0, 0],
        Padding::Same => [around(0), around(1)],
    }
}

/// Runs a convolution and what comes after it.
///
/// # Errors
/// [`GraphError`] where that refuses an element.
pub(crate) fn run_finished(
    finished: &Finished,
    inputs: &[View],
    outputs: &mut [Buffer],
) -> Result<(), GraphError> {
    let Finished { op, n_inputs, group, into, bias } = finished;
    let Op::Conv2d(window) = op else { unreachable!("convolutions are finished") };
    let (x, filter, shape) = (inputs[0], inputs[1], &group.shape);
    let (strides, pad) = (window.strides, padding(*window, x.shape, filter.shape));
    if let Some(Bias { input, rectifies }) = *bias {
        let out = &mut outputs[0];
        ops::conv2d_biased(x, filter, inputs[input], rectifies, strides, pad, shape, out);
        return Ok(());
    }
    let others = inputs[*n_inputs..].iter().map(|&view| tape::Operand::View(view));
    let operands: SmallVec<[tape::Operand; 8]> =
        std::iter::once(tape::Operand::Output(*into)).chain(others).collect();
    let program = &group.compiled;
    let then = ops::Then { program, operands: &operands, outputs, into: *into };
    Ok(ops::conv2d_then(x, filter, strides, pad, shape, then)?)
}

fn convolution(op: &Op, inputs: &[View], shape: &Shape, out: &mut Buffer) {
    let (a, b) = (inputs[0], inputs[1]);
    match op {
        Op::Conv2d(window) => {
            ops::conv2d(a, b, window.strides, padding(*window, a.shape, b.shape), shape, out);
        }
        Op::Conv2dInputGrad(window) => {
            let pad = padding(*window, shape, a.shape);
            ops::conv2d_input_grad(a, b, window.strides, pad, shape, out);
        }
        Op::Conv2dFilterGrad(window) => {
            let pad = padding(*window, a.shape, shape);
            ops::conv2d_filter_grad(a, b, window.strides, pad, shape, out);
        }
        _ => {}
    }
}
