//! Gradients of reductions and of what repeats.

use ferrule_base::DType;
use ferrule_tensor::ops::{Binary, Reduction};

use crate::error::{Fault, GraphError};
use crate::gradient::{Call, Gradients, Scope};
use crate::graph::Value;
use crate::op::Op;

pub(super) fn gradient(scope: &mut Scope, call: &Call) -> Gradients {
    let x = call.inputs[0];
    match call.op {
        Op::Reduce { f, axes, keepdims } => {
            let back = Reduced { call, axes: axes.as_deref(), keepdims: *keepdims };
            Ok(vec![back.gradient(scope, *f)?])
        }
        Op::SumLike => Ok(vec![Some(scope.broadcast_like(call.grad(), x)?), None]),
        Op::BroadcastLike | Op::BroadcastTo => {
            Ok(vec![Some(scope.sum_like(call.grad(), x)?), None])
        }
        Op::CumSum { axis, exclusive, reverse } => {
            let op = Op::CumSum { axis: *axis, exclusive: *exclusive, reverse: !reverse };
            Ok(vec![Some(scope.emit(op, &[call.grad()])?)])
        }
        Op::TopK { .. } => top_k(scope, call),
        Op::Softmax => {
            let (g, y) = (call.grad(), call.outputs[0]);
            let weighted = scope.mul(g, y)?;
            let sum = scope.reduce(Reduction::Sum, weighted, Some(vec![-1]), true)?;
            let rest = scope.sub(g, sum)?;
            Ok(vec![Some(scope.mul(rest, y)?)])
        }
        _ => {
            let (g, y) = (call.grad(), call.outputs[0]);
            let sum = scope.reduce(Reduction::Sum, g, Some(vec![-1]), true)?;
            let softmax = scope.exp(y)?;
            let share = scope.mul(sum, softmax)?;
            Ok(vec![Some(scope.sub(g, share)?)])
        }
    }
}

struct Reduced<'a> {
    call: &'a Call<'a>,
    axes: Option<&'a [i64]>,
    keepdims: bool,
}

impl Reduced<'_> {
    fn gradient(&self, scope: &mut Scope, f: Reduction) -> Result<Option<Value>, GraphError> {
        let (x, y) = (self.call.inputs[0], self.call.outputs[0]);
        let g = self.spread(scope, self.call.grad())?;
        Ok(Some(match f {
            Reduction::Sum => scope.broadcast_like(g, x)?,
            Reduction::Mean => {
                let whole = scope.emit(Op::SizeOf { dtype: DType::Int64 }, &[x])?;
                let left = scope.emit(Op::SizeOf { dtype: DType::Int64 }, &[y])?;
                let one = scope.number(1.0, left)?;
                let left = scope.binary(Binary::Maximum, left, one)?;
                let count = scope.binary(Binary::FloorDiv, whole, left)?;
                let dtype = scope.type_of(x)?.dtype;
                let count = scope.cast(count, dtype)?;
                let all = scope.broadcast_like(g, x)?;
                scope.div(all, count)?
            }
            Reduction::Max | Reduction::Min => {
                let extreme = self.spread(scope, y)?;
                let is = scope.binary(Binary::Equal, x, extreme)?;
                let dtype = scope.type_of(x)?.dtype;
                let is = scope.cast(is, dtype)?;
                let ties = self.sum(scope, is)?;
                let share = scope.div(is, ties)?;
                scope.mul(share, g)?
            }
            Reduction::Prod => self.product(scope, g)?,
            Reduction::Any | Reduction::All => return Ok(None),
        }))
    }

    /// The product of all other elements times `g`: an element's own where exactly it is 0.
    fn product(&self, scope: &mut Scope, g: Value) -> Result<Value, GraphError> {
        let x = self.call.inputs[0];
        let (zero, one) = (scope.number(0.0, x)?, scope.number(1.0, x)?);
        let is_zero = scope.binary(Binary::Equal, x, zero)?;
        let without = scope.select(is_zero, one, x)?;
        let rest = scope.reduce(Reduction::Prod, without, self.axes.map(<[i64]>::to_vec), true)?;
        let dtype = scope.type_of(x)?.dtype;
        let zeros = scope.cast(is_zero, dtype)?;
        let zeros = self.sum(scope, zeros)?;
        let others = scope.sub(zeros, one)?;
        let own = scope.select(is_zero, others, zeros)?;
        let counts = scope.binary(Binary::Equal, own, zero)?;
        let quotient = scope.div(rest, without)?;
        let others = scope.select(counts, quotient, zero)?;
        scope.mul(others, g)
    }

    fn sum(&self, scope: &mut Scope, x: Value) -> Result<Value, GraphError> {
        scope.reduce(Reduction::Sum, x, self.axes.map(<[i64]>::to_vec), true)
    }

    /// A reduced value with the reduced axes put back, of size 1.
    fn spread(&self, scope: &mut Scope, y: Value) -> Result<Value, GraphError> {
        let Some(axes) = self.axes.filter(|_| !self.keepdims) else { return Ok(y) };
        let Some(rank) = scope.type_of(self.call.inputs[0])?.dims.rank() else {
            // The axes cannot be ordered yet; a reduction that keeps them shows the shape.
            let op = Op::Reduce { f: Reduction::Max, axes: Some(axes.to_vec()), keepdims: true };
            let like = scope.emit(op, &[self.call.inputs[0]])?;
            return scope.reshape_like(y, like);
        };
        let mut places: Vec<usize> = Vec::new();
        places.extend(axes.iter().filter_map(|&axis| crate::types::absolute(axis, rank)));
        places.sort_unstable();
        places.dedup();
        let mut spread = y;
        for place in places {
            spread = scope.emit(Op::ExpandDims { axis: place as i64 }, &[spread])?;
        }
        Ok(spread)
    }
}

/// Each of the k gradients goes back to the place that its element came from.
fn top_k(scope: &mut Scope, call: &Call) -> Gradients {
    let Some(g) = call.grads[0] else { return Ok(vec![None]) };
    let x = call.inputs[0];
    let dims = scope.type_of(x)?.dims;
    let depth = dims.rank().and_then(|rank| dims.size(rank.checked_sub(1)?));
    let depth = depth.ok_or(Fault::NoGradient { op: "top_k" })?;
    let dtype = scope.type_of(x)?.dtype;
    let places = scope.emit(Op::OneHot { depth, dtype }, &[call.outputs[1]])?;
    let g = scope.emit(Op::ExpandDims { axis: -1 }, &[g])?;
    let spread = scope.mul(places, g)?;
    Ok(vec![Some(scope.reduce(Reduction::Sum, spread, Some(vec![-2]), false)?)])
}
