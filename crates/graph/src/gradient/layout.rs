//! Gradients of operations that move elements.

use ferrule_tensor::ops::PadMode;

use crate::error::{Fault, GraphError};
use crate::gradient::{Call, Gradients, Scope};
use crate::graph::Value;
use crate::op::Op;

pub(super) fn gradient(scope: &mut Scope, call: &Call) -> Gradients {
    let g = call.grad();
    let x = call.inputs[0];
    let by_first = match call.op {
        Op::Reshape { .. } | Op::ExpandDims { .. } | Op::Squeeze { .. } => {
            scope.reshape_like(g, x)?
        }
        Op::ReshapeTo | Op::ReshapeLike => scope.reshape_like(g, x)?,
        Op::Transpose { perm } => {
            let back = perm.as_ref().map(|perm| inverse(perm));
            scope.emit(Op::Transpose { perm: back }, &[g])?
        }
        Op::Concat { axis } => return concat(scope, call, *axis),
        Op::Part { axis, part: index } => return part(scope, call, *axis, *index),
        Op::Slice { starts, stops, strides } => {
            let (starts, stops, strides) = (starts.clone(), stops.clone(), strides.clone());
            scope.emit(Op::SliceGrad { starts, stops, strides }, &[g, x])?
        }
        Op::SliceGrad { starts, stops, strides } => {
            let (starts, stops, strides) = (starts.clone(), stops.clone(), strides.clone());
            scope.emit(Op::Slice { starts, stops, strides }, &[g])?
        }
        Op::Pad { before, after, mode: PadMode::Constant(_) } => {
            let end = |&after: &usize| (after > 0).then(|| -(after as i64));
            let starts = before.iter().map(|&before| Some(before as i64)).collect();
            let stops = after.iter().map(end).collect();
            scope.emit(Op::Slice { starts, stops, strides: vec![1; before.len()] }, &[g])?
        }
        Op::Pad { before, after, mode } => {
            mirrored(scope, g, before, after, *mode == PadMode::Symmetric)?
        }
        Op::Tile { multiples } => tile(scope, g, x, multiples)?,
        Op::Gather { axis } => {
            let op = Op::ScatterLike { axis: *axis };
            scope.emit(op, &[g, call.inputs[1], x])?
        }
        Op::ScatterLike { axis } => scope.emit(Op::Gather { axis: *axis }, &[g, call.inputs[1]])?,
        Op::Reverse { axes } => scope.emit(Op::Reverse { axes: axes.clone() }, &[g])?,
        Op::Fill => return Ok(vec![None, Some(scope.sum_like(g, call.inputs[1])?)]),
        op => return Err(Fault::NoGradient { op: op.name() }.into()),
    };
    let others = call.inputs.len() - 1;
    Ok(std::iter::once(Some(by_first)).chain(std::iter::repeat_n(None, others)).collect())
}

/// What was mirrored at the ends of each axis is added to where it came from.
fn mirrored(
    scope: &mut Scope,
    g: Value,
    before: &[usize],
    after: &[usize],
    with_edge: bool,
) -> Result<Value, GraphError> {
    let edge = i64::from(!with_edge);
    let mut whole = g;
    for (axis, (&before, &after)) in before.iter().zip(after).enumerate() {
        let (before, after) = (before as i64, after as i64);
        let end = (after > 0).then_some(-after);
        let mut sum = scope.emit(slice(cut(axis, Some(before), end, 1)), &[whole])?;
        // Where each mirrored piece is, and where in the array its elements came from.
        let first =
            (cut(axis, None, Some(before), 1), before - 1 + edge, (!with_edge).then_some(0));
        let last = (cut(axis, end, None, 1), -1 - edge, Some(-1 - edge - after));
        for ((piece, start, stop), size) in [first, last].into_iter().zip([before, after]) {
            if size > 0 {
                let piece = scope.emit(slice(piece), &[whole])?;
                let (starts, stops, strides) = cut(axis, Some(start), stop, -1);
                let back = scope.emit(Op::SliceGrad { starts, stops, strides }, &[piece, sum])?;
                sum = scope.add(sum, back)?;
            }
        }
        whole = sum;
    }
    Ok(whole)
}

type Cut = (Vec<Option<i64>>, Vec<Option<i64>>, Vec<i64>);

/// The starts, stops and strides of a slice of one axis.
fn cut(axis: usize, start: Option<i64>, stop: Option<i64>, stride: i64) -> Cut {
    let with = |value| std::iter::repeat_n(None, axis).chain([value]).collect();
    (with(start), with(stop), std::iter::repeat_n(1, axis).chain([stride]).collect())
}

fn slice((starts, stops, strides): Cut) -> Op {
    Op::Slice { starts, stops, strides }
}

fn inverse(perm: &[usize]) -> Vec<usize> {
    let mut inverse = vec![0; perm.len()];
    for (to, &from) in perm.iter().enumerate() {
        inverse[from] = to;
    }
    inverse
}

/// Each input gets its part of the gradient.
fn concat(scope: &mut Scope, call: &Call, axis: i64) -> Gradients {
    let mut given = vec![call.grad()];
    given.extend(call.inputs);
    let of = |part| scope.emit(Op::Part { axis, part }, &given).map(Some);
    (0..call.inputs.len()).map(of).collect()
}

/// A piece goes back among zeros in place of the others.
fn part(scope: &mut Scope, call: &Call, axis: i64, part: usize) -> Gradients {
    let mut pieces = Vec::with_capacity(call.inputs.len() - 1);
    for (place, &input) in call.inputs[1..].iter().enumerate() {
        pieces.push(if place == part { call.grad() } else { scope.zeros_like(input)? });
    }
    let whole = scope.emit(Op::Concat { axis }, &pieces)?;
    let mut back = vec![None; call.inputs.len()];
    back[0] = Some(whole);
    Ok(back)
}

/// Sums over the copies: `[m, s]` in place of each size s that was repeated m times, over each m.
fn tile(scope: &mut Scope, g: Value, x: Value, multiples: &[usize]) -> Result<Value, GraphError> {
    let missing = || GraphError::from(Fault::NoGradient { op: "tile" });
    let dims = scope.type_of(x)?.dims.0.ok_or_else(missing)?;
    let (mut shape, mut axes) = (Vec::new(), Vec::new());
    for (&times, &size) in multiples.iter().zip(&dims) {
        if times != 1 {
            axes.push(shape.len() as i64);
            shape.push(times as i64);
        }
        shape.push(size.map_or(-1, |size| size as i64));
    }
    let unknown = shape.iter().filter(|&&size| size == -1).count();
    if unknown > 1 || shape.len() > ferrule_tensor::array::RANK_MAX {
        return Err(missing());
    }
    if multiples.contains(&0) {
        return scope.zeros_like(x);
    }
    if axes.is_empty() {
        return Ok(g);
    }
    let copies = scope.emit(Op::Reshape { shape }, &[g])?;
    scope.reduce(ferrule_tensor::ops::Reduction::Sum, copies, Some(axes), false)
}
