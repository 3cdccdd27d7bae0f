//! One operation on arrays, now.

use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape};
use ferrule_tensor::ops::{Binary, Unary, tape};
use smallvec::{SmallVec, smallvec};

use super::{Outputs, Record, Tensor, Work};
use crate::error::{Fault, GraphError};
use crate::evaluate::evaluate;
use crate::gradient::is_differentiable;
use crate::graph::Custom;
use crate::infer::infer;
use crate::op::Op;
use crate::types::{Dims, Type, is_float};

/// The outputs of `op` on `inputs`; remembered for gradients where `recording` and an input depends
/// on a leaf.
///
/// # Errors
/// [`GraphError`] where the inputs are not what `op` takes, or a kernel refuses an element.
pub fn apply(op: &Op, inputs: &[&Tensor], recording: bool) -> Result<Outputs, GraphError> {
    let outputs = match (op, inputs) {
        (Op::Unary { f }, [x]) if is_float(x.array.dtype()) && *f != Unary::LogicalNot => {
            smallvec![unary(*f, &x.array)]
        }
        (Op::Binary { f }, [x, y]) if is_plain(*f, &x.array, &y.array) => {
            smallvec![binary(*f, &x.array, &y.array)?]
        }
        _ => general(op, inputs)?,
    };
    if recording && depends(inputs) && is_differentiable(op) {
        return Ok(Record::remember(Work::Op(op.clone()), inputs, outputs));
    }
    Ok(outputs.into_iter().map(Tensor::new).collect())
}

/// As [`apply`], of an operation of the user's.
///
/// # Errors
/// [`Fault::Custom`] with what it says.
pub fn apply_custom(
    custom: &Arc<dyn Custom>,
    inputs: &[&Tensor],
    recording: bool,
) -> Result<Outputs, GraphError> {
    let arrays: Vec<Array> = inputs.iter().map(|input| input.array.clone()).collect();
    let outputs = custom.run(&arrays).map_err(|message| Fault::Custom { message })?;
    if recording && depends(inputs) {
        return Ok(Record::remember(Work::Custom(Arc::clone(custom)), inputs, outputs.into()));
    }
    Ok(outputs.into_iter().map(Tensor::new).collect())
}

pub(super) fn depends(inputs: &[&Tensor]) -> bool {
    inputs.iter().any(|input| input.origin.is_some())
}

fn unary(f: Unary, x: &Array) -> Array {
    let dtype = if f.is_predicate() { DType::Bool } else { x.dtype() };
    let mut out = Buffer::uncleared(x.elements() * dtype.size());
    tape::unary(f, x.view(), &mut out);
    Array::from_buffer(dtype, *x.shape(), Arc::new(out))
}

/// Whether `f` of two arrays needs no more rules than NumPy's broadcasting.
fn is_plain(f: Binary, x: &Array, y: &Array) -> bool {
    let of_truths = matches!(f, Binary::LogicalAnd | Binary::LogicalOr | Binary::LogicalXor);
    x.dtype() == y.dtype() && is_float(x.dtype()) && !of_truths
}

fn binary(f: Binary, x: &Array, y: &Array) -> Result<Array, GraphError> {
    let shape = x.shape().broadcast(y.shape()).ok_or_else(|| Fault::Broadcast {
        op: f.name(),
        left: x.shape().to_string(),
        right: y.shape().to_string(),
    })?;
    let dtype = if f.is_predicate() { DType::Bool } else { x.dtype() };
    let mut out = Buffer::uncleared(shape.elements() * dtype.size());
    tape::binary(f, x.view(), y.view(), &shape, &mut out)?;
    Ok(Array::from_buffer(dtype, shape, Arc::new(out)))
}

fn general(op: &Op, inputs: &[&Tensor]) -> Result<SmallVec<[Array; 1]>, GraphError> {
    let types: SmallVec<[Type; 3]> = inputs.iter().map(|input| type_of(&input.array)).collect();
    let value_of = |index: usize| Some(inputs.get(index)?.array.clone());
    let outputs = infer(op, &types, &value_of, &[])?;
    let known = |one: Type| {
        let shape = one.dims.shape().ok_or(Fault::NotKnown { op: op.name(), input: 0 })?;
        Ok((one.dtype, shape))
    };
    let outputs: Vec<(DType, Shape)> =
        outputs.into_iter().map(known).collect::<Result<_, GraphError>>()?;
    let arrays: SmallVec<[Array; 3]> = inputs.iter().map(|input| input.array.clone()).collect();
    Ok(evaluate(op, &arrays, &outputs, 0)?.into())
}

fn type_of(array: &Array) -> Type {
    Type::new(array.dtype(), Dims::from(array.shape()))
}
