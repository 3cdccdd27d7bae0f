//! What rules are written in: values, and the operations on them.

use ferrule_base::DType;
use ferrule_tensor::array::Array;
use ferrule_tensor::ops::{Binary, Reduction, Unary};

use crate::error::GraphError;
use crate::graph::{Graph, Value};
use crate::op::Op;
use crate::types::Type;

/// Where the operations of a rule go: to a graph, or to be computed at once.
pub trait Builder {
    /// The first output of `op` on `inputs`.
    ///
    /// # Errors
    /// [`GraphError`] where they do not fit.
    fn emit(&mut self, op: Op, inputs: &[Value]) -> Result<Value, GraphError>;

    /// What is known of a value.
    ///
    /// # Errors
    /// [`GraphError`] where there is no such value.
    fn type_of(&self, value: Value) -> Result<Type, GraphError>;

    /// A value that is always `array`.
    ///
    /// # Errors
    /// [`GraphError`] where its dtype is not one of the engine's.
    fn constant(&mut self, array: Array) -> Result<Value, GraphError>;
}

impl Builder for Graph {
    fn emit(&mut self, op: Op, inputs: &[Value]) -> Result<Value, GraphError> {
        self.add(op, inputs, &[]).map(Value::of)
    }

    fn type_of(&self, value: Value) -> Result<Type, GraphError> {
        Graph::type_of(self, value).cloned()
    }

    fn constant(&mut self, array: Array) -> Result<Value, GraphError> {
        Graph::constant(self, array).map(Value::of)
    }
}

/// A node that is differentiated, with the gradients of its outputs.
pub(crate) struct Call<'a> {
    pub(crate) op: &'a Op,
    pub(crate) inputs: &'a [Value],
    pub(crate) outputs: &'a [Value],
    pub(crate) grads: &'a [Option<Value>],
}

impl Call<'_> {
    /// The gradient of the first output.
    ///
    /// # Panics
    /// Where it has none: rules of operations with one output are only asked where it has.
    pub(crate) fn grad(&self) -> Value {
        self.grads[0].expect("a node with one output is walked where a gradient reached it")
    }
}

/// Operations on values.
pub(crate) struct Scope<'b> {
    builder: &'b mut dyn Builder,
}

type Made = Result<Value, GraphError>;

impl<'b> Scope<'b> {
    pub(crate) fn new(builder: &'b mut dyn Builder) -> Self {
        Self { builder }
    }

    pub(crate) fn emit(&mut self, op: Op, inputs: &[Value]) -> Made {
        self.builder.emit(op, inputs)
    }

    pub(crate) fn type_of(&self, value: Value) -> Result<Type, GraphError> {
        self.builder.type_of(value)
    }

    pub(crate) fn unary(&mut self, f: Unary, x: Value) -> Made {
        self.emit(Op::Unary { f }, &[x])
    }

    pub(crate) fn binary(&mut self, f: Binary, x: Value, y: Value) -> Made {
        self.emit(Op::Binary { f }, &[x, y])
    }

    pub(crate) fn add(&mut self, x: Value, y: Value) -> Made {
        self.binary(Binary::Add, x, y)
    }

    pub(crate) fn sub(&mut self, x: Value, y: Value) -> Made {
        self.binary(Binary::Sub, x, y)
    }

    pub(crate) fn mul(&mut self, x: Value, y: Value) -> Made {
        self.binary(Binary::Mul, x, y)
    }

    pub(crate) fn div(&mut self, x: Value, y: Value) -> Made {
        self.binary(Binary::Div, x, y)
    }

    pub(crate) fn select(&mut self, cond: Value, yes: Value, no: Value) -> Made {
        self.emit(Op::Select, &[cond, yes, no])
    }

    pub(crate) fn cast(&mut self, x: Value, to: DType) -> Made {
        self.emit(Op::Cast { to }, &[x])
    }

    pub(crate) fn exp(&mut self, x: Value) -> Made {
        self.unary(Unary::Exp, x)
    }

    /// A scalar of the dtype of `like`.
    pub(crate) fn number(&mut self, number: f64, like: Value) -> Made {
        let array = match self.type_of(like)?.dtype {
            DType::Fp32 => Array::scalar(DType::Fp32, number as f32),
            DType::Int32 => Array::scalar(DType::Int32, number as i32),
            DType::Int64 => Array::scalar(DType::Int64, number as i64),
            _ => Array::scalar(DType::Fp64, number),
        };
        self.builder.constant(array)
    }

    pub(crate) fn ones_like(&mut self, x: Value) -> Made {
        let one = self.number(1.0, x)?;
        self.broadcast_like(one, x)
    }

    pub(crate) fn zeros_like(&mut self, x: Value) -> Made {
        let zero = self.number(0.0, x)?;
        self.broadcast_like(zero, x)
    }

    /// Whether both are known to have one shape.
    fn alike(&self, x: Value, y: Value) -> Result<bool, GraphError> {
        let (x, y) = (self.type_of(x)?.dims.shape(), self.type_of(y)?.dims.shape());
        Ok(x.is_some() && x == y)
    }

    pub(crate) fn broadcast_like(&mut self, x: Value, like: Value) -> Made {
        if self.alike(x, like)? { Ok(x) } else { self.emit(Op::BroadcastLike, &[x, like]) }
    }

    pub(crate) fn reshape_like(&mut self, x: Value, like: Value) -> Made {
        if self.alike(x, like)? { Ok(x) } else { self.emit(Op::ReshapeLike, &[x, like]) }
    }

    /// Sums over what was repeated when `like` was broadcast to the shape of `x`.
    pub(crate) fn sum_like(&mut self, x: Value, like: Value) -> Made {
        if self.alike(x, like)? { Ok(x) } else { self.emit(Op::SumLike, &[x, like]) }
    }

    pub(crate) fn reduce(
        &mut self,
        f: Reduction,
        x: Value,
        axes: Option<Vec<i64>>,
        keepdims: bool,
    ) -> Made {
        self.emit(Op::Reduce { f, axes, keepdims }, &[x])
    }

    pub(crate) fn mat_mul(&mut self, a: (Value, bool), b: (Value, bool)) -> Made {
        self.emit(Op::MatMul { transpose_a: a.1, transpose_b: b.1 }, &[a.0, b.0])
    }
}
