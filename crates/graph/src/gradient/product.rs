//! Gradients of products.

use crate::error::Fault;
use crate::gradient::{Call, Gradients, Scope};
use crate::op::{Op, Pool};

pub(super) fn gradient(scope: &mut Scope, call: &Call) -> Gradients {
    let g = call.grad();
    match *call.op {
        Op::MatMul { transpose_a, transpose_b } => mat_mul(scope, call, transpose_a, transpose_b),
        Op::Conv2d(window) => {
            let (x, filter) = (call.inputs[0], call.inputs[1]);
            Ok(vec![
                Some(scope.emit(Op::Conv2dInputGrad(window), &[x, filter, g])?),
                Some(scope.emit(Op::Conv2dFilterGrad(window), &[x, filter, g])?),
            ])
        }
        Op::Conv2dInputGrad(window) => {
            let filter = call.inputs[1];
            Ok(vec![
                None,
                Some(scope.emit(Op::Conv2dFilterGrad(window), &[g, filter, call.inputs[2]])?),
                Some(scope.emit(Op::Conv2d(window), &[g, filter])?),
            ])
        }
        Op::Conv2dFilterGrad(window) => {
            let x = call.inputs[0];
            Ok(vec![
                Some(scope.emit(Op::Conv2dInputGrad(window), &[x, g, call.inputs[2]])?),
                None,
                Some(scope.emit(Op::Conv2d(window), &[x, g])?),
            ])
        }
        Op::Pool { f, size, window } => {
            let inputs = [call.inputs[0], call.outputs[0], g];
            Ok(vec![Some(scope.emit(Op::PoolGrad { f, size, window }, &inputs)?)])
        }
        Op::PoolGrad { f: Pool::Max, size, window } => {
            let (x, y) = (call.inputs[0], call.inputs[1]);
            Ok(vec![None, None, Some(scope.emit(Op::PoolPick { size, window }, &[x, y, g])?)])
        }
        Op::PoolGrad { f: Pool::Mean, size, window } => {
            let mean = Op::Pool { f: Pool::Mean, size, window };
            Ok(vec![None, None, Some(scope.emit(mean, &[g])?)])
        }
        Op::PoolPick { size, window } => {
            let inputs = [call.inputs[0], call.inputs[1], g];
            let op = Op::PoolGrad { f: Pool::Max, size, window };
            Ok(vec![None, None, Some(scope.emit(op, &inputs)?)])
        }
        Op::CsrMatMul { transpose } => csr_mat_mul(scope, call, transpose),
        Op::CsrSample => {
            let [indices, indptr, shape, left, right] = *call.inputs else {
                return Err(Fault::NoGradient { op: call.op.name() }.into());
            };
            let mut by = |transpose, other| {
                let inputs = [g, indices, indptr, shape, other];
                scope.emit(Op::CsrMatMul { transpose }, &inputs)
            };
            Ok(vec![None, None, None, Some(by(false, right)?), Some(by(true, left)?)])
        }
        _ => Err(Fault::NoGradient { op: call.op.name() }.into()),
    }
}

fn mat_mul(scope: &mut Scope, call: &Call, turned_a: bool, turned_b: bool) -> Gradients {
    let (a, b, g) = (call.inputs[0], call.inputs[1], call.grad());
    let by_a = match (turned_a, turned_b) {
        (false, _) => scope.mat_mul((g, false), (b, !turned_b))?,
        (true, _) => scope.mat_mul((b, turned_b), (g, true))?,
    };
    let by_b = match (turned_a, turned_b) {
        (_, false) => scope.mat_mul((a, !turned_a), (g, false))?,
        (_, true) => scope.mat_mul((g, true), (a, turned_a))?,
    };
    Ok(vec![Some(scope.sum_like(by_a, a)?), Some(scope.sum_like(by_b, b)?)])
}

/// The dense matrix gets the transposed matrix times the gradient; each element of the sparse one, the
/// product of the rows that it joins.
fn csr_mat_mul(scope: &mut Scope, call: &Call, transpose: bool) -> Gradients {
    let [data, indices, indptr, shape, dense] = *call.inputs else {
        return Err(Fault::NoGradient { op: call.op.name() }.into());
    };
    let g = call.grad();
    let (left, right) = if transpose { (dense, g) } else { (g, dense) };
    let by_data = scope.emit(Op::CsrSample, &[indices, indptr, shape, left, right])?;
    let inputs = [data, indices, indptr, shape, g];
    let by_dense = scope.emit(Op::CsrMatMul { transpose: !transpose }, &inputs)?;
    Ok(vec![Some(by_data), None, None, None, Some(by_dense)])
}
