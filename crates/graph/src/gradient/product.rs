//! Gradients of products.

use ferrule_tensor::ops::Binary;

use crate::error::{Fault, GraphError};
use crate::gradient::{Call, Gradients, Scope};
use crate::graph::Value;
use crate::op::Op;

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
        Op::Solve { transpose } => {
            let op = Op::Solve { transpose: !transpose };
            solve(scope, call, &op, transpose)
        }
        Op::CsrMatMul { transpose } => {
            let [data, indices, indptr, shape, _] = *call.inputs else {
                return Err(Fault::NoGradient { op: call.op.name() }.into());
            };
            let inputs = [data, indices, indptr, shape, g];
            let dense = scope.emit(Op::CsrMatMul { transpose: !transpose }, &inputs)?;
            Ok(vec![None, None, None, None, Some(dense)])
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

/// Of A x = b: by b it is A⁻ᵀ g, by A it is minus that times xᵀ.
fn solve(scope: &mut Scope, call: &Call, turned: &Op, transpose: bool) -> Gradients {
    let (a, x) = (call.inputs[0], call.outputs[0]);
    let by_b = scope.emit(turned.clone(), &[a, call.grad()])?;
    let by_a = if transpose { outer(scope, x, by_b)? } else { outer(scope, by_b, x)? };
    let zero = scope.number(0.0, a)?;
    Ok(vec![Some(scope.binary(Binary::Sub, zero, by_a)?), Some(by_b)])
}

fn outer(scope: &mut Scope, left: Value, right: Value) -> Result<Value, GraphError> {
    scope.mat_mul((left, false), (right, true))
}
