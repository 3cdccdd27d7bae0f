//! Gradients that are left as the matrix products that they are.
//!
//! The gradient by a layer's weights is a product of two small matrices. An optimizer's step that has
//! the factors takes it from the weights tile by tile, so that it never is in memory.

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::descends;

use crate::error::{Fault, GraphError};
use crate::evaluate::evaluate;
use crate::graph::{Graph, Value};
use crate::op::Op;

/// A product of two matrices, each transposed where said, that is not computed. Nobody writes to the
/// memory of the factors.
#[derive(Clone, Debug)]
pub struct Product {
    pub(super) factors: [Array; 2],
    pub(super) transposed: [bool; 2],
}

impl Product {
    /// What is multiplied.
    pub fn factors(&self) -> &[Array; 2] {
        &self.factors
    }

    /// Whether each factor is transposed.
    pub fn transposed(&self) -> [bool; 2] {
        self.transposed
    }

    /// The product, with the bits that any plan gives it.
    ///
    /// # Errors
    /// As any operation.
    pub fn multiply(&self) -> Result<Array, GraphError> {
        let [transpose_a, transpose_b] = self.transposed;
        let [a, b] = &self.factors;
        let (rows, columns) =
            (a.shape()[usize::from(transpose_a)], b.shape()[usize::from(!transpose_b)]);
        let shape = Shape::new(&[rows, columns]).expect("a matrix has two dimensions");
        let op = Op::MatMul { transpose_a, transpose_b };
        let made = evaluate(&op, &self.factors, &[(a.dtype(), shape)], 0)?;
        Ok(made.into_iter().next().ok_or(Fault::NoSuchValue { node: 0, output: 0 })?)
    }
}

/// The factors of `value`, where it is a product that is left as such: of less memory than itself, and of
/// factors that a step can take from the weights in one go.
pub(super) fn factors(graph: &Graph, value: Value) -> Option<([Value; 2], [bool; 2])> {
    let node = &graph.nodes()[value.node as usize];
    let Op::MatMul { transpose_a, transpose_b } = node.op else { return None };
    let [a, b] = node.inputs[..] else { return None };
    let known = |value: Value| {
        let known = graph.type_of(value).ok()?;
        (known.dtype == DType::Fp32 || known.dtype == DType::Fp64).then(|| known.dims.shape())?
    };
    let (left, right, made) = (known(a)?, known(b)?, known(value)?);
    let is_smaller = left.elements() + right.elements() <= made.elements();
    (descends(&left, transpose_a, &right) && is_smaller)
        .then_some(([a, b], [transpose_a, transpose_b]))
}
