//! Gradients of triangles of matrices and of equations, in TensorFlow's formulas.

use ferrule_base::DType;
use ferrule_tensor::ops::Binary;

use crate::error::{Fault, GraphError};
use crate::gradient::{Call, Gradients, Scope};
use crate::graph::Value;
use crate::op::Op;

type Made = Result<Value, GraphError>;

pub(super) fn gradient(scope: &mut Scope, call: &Call) -> Gradients {
    match *call.op {
        Op::Cholesky => Ok(vec![Some(cholesky(scope, call.outputs[0], call.grad())?)]),
        Op::Solve { transpose } => {
            solve(scope, call, Op::Solve { transpose: !transpose }, transpose)
        }
        Op::TriangularSolve { lower, transpose } => {
            let turned = Op::TriangularSolve { lower, transpose: !transpose };
            let mut grads = solve(scope, call, turned, transpose)?;
            // What is above or below the triangle is not read.
            let mask = Mask::new(scope, call.inputs[0])?;
            let (row, column) = (mask.row, mask.column);
            let (low, high) = if lower { (column, row) } else { (row, column) };
            let kept = mask.where_(scope, Binary::LessEqual, low, high)?;
            grads[0] = grads[0].map(|by_a| scope.binary(Binary::Mul, by_a, kept)).transpose()?;
            Ok(grads)
        }
        _ => Err(Fault::NoGradient { op: call.op.name() }.into()),
    }
}

/// Of A x = b: by b it is A⁻ᵀ g, which `turned` solves for, by A it is minus that times xᵀ.
fn solve(scope: &mut Scope, call: &Call, turned: Op, transpose: bool) -> Gradients {
    let (a, x) = (call.inputs[0], call.outputs[0]);
    let by_b = scope.emit(turned, &[a, call.grad()])?;
    let (left, right) = if transpose { (x, by_b) } else { (by_b, x) };
    let by_a = scope.mat_mul((left, false), (right, true))?;
    let zero = scope.number(0.0, a)?;
    Ok(vec![Some(scope.binary(Binary::Sub, zero, by_a)?), Some(by_b)])
}

/// Of A = L Lᵀ: with Φ the lower triangle of Lᵀ g whose diagonal is halved, L⁻ᵀ Φ L⁻¹, made symmetric.
fn cholesky(scope: &mut Scope, l: Value, g: Value) -> Made {
    let mask = Mask::new(scope, l)?;
    let diagonal = mask.where_(scope, Binary::Equal, mask.row, mask.column)?;
    let below = mask.where_(scope, Binary::Less, mask.column, mask.row)?;
    let half = scope.number(0.5, l)?;
    let halved = scope.binary(Binary::Mul, half, diagonal)?;
    let weights = scope.binary(Binary::Add, below, halved)?;
    let middle = scope.mat_mul((l, true), (g, false))?;
    let middle = scope.binary(Binary::Mul, middle, weights)?;
    let solve = Op::TriangularSolve { lower: true, transpose: false };
    let inverse = scope.emit(solve, &[l, diagonal])?;
    let product = scope.mat_mul((inverse, true), (middle, false))?;
    let product = scope.mat_mul((product, false), (inverse, false))?;
    let turned = scope.emit(Op::Transpose { perm: None }, &[product])?;
    let sum = scope.binary(Binary::Add, product, turned)?;
    scope.binary(Binary::Mul, half, sum)
}

/// The places of the elements of a square matrix.
struct Mask {
    /// As a column.
    row: Value,
    column: Value,
    dtype: DType,
}

impl Mask {
    fn new(scope: &mut Scope, matrix: Value) -> Result<Self, GraphError> {
        let dtype = scope.type_of(matrix)?.dtype;
        let shape = scope.emit(Op::ShapeOf { dtype: DType::Int64 }, &[matrix])?;
        let first = Op::Slice { starts: vec![Some(0)], stops: vec![Some(1)], strides: vec![1] };
        let size = scope.emit(first, &[shape])?;
        let size = scope.emit(Op::Reshape { shape: Vec::new() }, &[size])?;
        let (zero, one) = (scope.number(0.0, size)?, scope.number(1.0, size)?);
        let column = scope.emit(Op::Range, &[zero, size, one])?;
        let row = scope.emit(Op::ExpandDims { axis: 1 }, &[column])?;
        Ok(Self { row, column, dtype })
    }

    /// 1 where a comparison of places is true, else 0.
    fn where_(&self, scope: &mut Scope, f: Binary, left: Value, right: Value) -> Made {
        let truths = scope.binary(f, left, right)?;
        scope.cast(truths, self.dtype)
    }
}
