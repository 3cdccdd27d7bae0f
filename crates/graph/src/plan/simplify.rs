//! Element-wise operations that need not be done: the result has the same bits without them.

use ferrule_base::DType;
use ferrule_tensor::array::Shape;
use ferrule_tensor::ops::{Binary, Unary};

use super::program::{Datum, Function, Id, Instruction, Kind, Program};
use crate::infer::layout::number;
use crate::op::{Op, Pool};
use crate::types::is_float;

/// The gradient of a pool: how it is made, and of what; with a zero of its dtype.
struct PoolGrad {
    op: Op,
    zero: Id,
    x: Id,
    y: Id,
    g: Id,
}

impl Program {
    /// Adds an element-wise operation, or finds the value that it would give.
    ///
    /// What is repeated is computed once and repeated after.
    pub(crate) fn simplified(
        &mut self,
        function: Function,
        mut inputs: Vec<Id>,
        dtype: DType,
        shape: Shape,
        node: u32,
    ) -> Id {
        let mut own = Shape::SCALAR;
        for input in &mut inputs {
            *input = self.broadcast_of(*input).unwrap_or(*input);
            own = own.broadcast(&self.datum(*input).shape).unwrap_or(shape);
        }
        let made = match self.same_as(function, &inputs, dtype) {
            Some(same) if self.datum(same).shape == own => same,
            _ if function == Function::Broadcast => inputs[0],
            _ if own.is_empty() && self.negated_factor(function, &inputs, dtype).is_some() => {
                self.negated_product(inputs, dtype, node)
            }
            _ => match self.rectified_pool_grad(function, &inputs) {
                Some(pool) => self.gradient_of_rectified_pool(pool, node),
                None => {
                    let (function, inputs) = self.cheaper(function, inputs);
                    self.elementwise(function, inputs, dtype, own, node)
                }
            },
        };
        if own == shape {
            return made;
        }
        self.elementwise(Function::Broadcast, vec![made], dtype, shape, node)
    }

    /// Which factor of a product of floats is negated, of what.
    fn negated_factor(
        &self,
        function: Function,
        factors: &[Id],
        dtype: DType,
    ) -> Option<(usize, Id)> {
        let is_product = function == Function::Binary(Binary::Mul) && is_float(dtype);
        let of = |(at, &id): (usize, &Id)| Some((at, self.operand_of(id, Unary::Neg)?));
        factors.iter().enumerate().find_map(of).filter(|_| is_product)
    }

    /// The sign of a negated factor taken out of a product of scalars, so that a sum of it can take it
    /// in: one step less in a chain of which each waits for the one before.
    fn negated_product(&mut self, mut factors: Vec<Id>, dtype: DType, node: u32) -> Id {
        let multiply = Function::Binary(Binary::Mul);
        if let Some((at, factor)) = self.negated_factor(multiply, &factors, dtype) {
            factors[at] = factor;
        }
        let product = self.simplified(multiply, factors, dtype, Shape::SCALAR, node);
        self.simplified(Function::Unary(Unary::Neg), vec![product], dtype, Shape::SCALAR, node)
    }

    /// A selection that stops the gradient of a pool of greatest elements where the pool's input, which is
    /// the greater of 0 and something, is 0.
    ///
    /// A pool's gradient goes to elements that are equal to the pool's output, so that it can be stopped
    /// there as well, where there are fewer elements.
    fn rectified_pool_grad(&self, function: Function, inputs: &[Id]) -> Option<PoolGrad> {
        let [stops, zero, grad] = *inputs else { return None };
        let grad = self.maker(grad).filter(|_| function == Function::Select && self.is(zero, 0.0));
        let Instruction { kind: Kind::Kernel(op), inputs, .. } = grad? else { return None };
        let (Op::PoolGrad { f: Pool::Max, .. }, [x, y, g]) = (op, &inputs[..]) else { return None };
        let is_zero = |id: Id| self.is(self.broadcast_of(id).unwrap_or(id), 0.0);
        let of_binary = |id: Id, wanted: Binary| {
            let maker = self.maker(id)?;
            let is = matches!(maker.kind, Kind::Elementwise(Function::Binary(f)) if f == wanted);
            (is && is_zero(maker.inputs[0])).then(|| maker.inputs[1])
        };
        let of = of_binary(stops, Binary::GreaterEqual)?;
        let found = PoolGrad { op: op.clone(), zero, x: *x, y: *y, g: *g };
        (of_binary(*x, Binary::Maximum)? == of).then_some(found)
    }

    /// The gradient of the pool, of what is left of what comes back.
    fn gradient_of_rectified_pool(&mut self, pool: PoolGrad, node: u32) -> Id {
        let PoolGrad { op, zero, x, y, g } = pool;
        let Datum { dtype, shape, .. } = *self.datum(x);
        self.kernel(op, vec![x, y, g, zero], &[(dtype, shape)], node)[0]
    }

    /// What `id` repeats, where it does no more.
    fn broadcast_of(&self, id: Id) -> Option<Id> {
        let maker = self.maker(id)?;
        matches!(maker.kind, Kind::Elementwise(Function::Broadcast)).then(|| maker.inputs[0])
    }

    /// Whether all elements of `id` are known to be `wanted`.
    fn is(&self, id: Id, wanted: f64) -> bool {
        let id = self.broadcast_of(id).unwrap_or(id);
        self.known_array(id).is_some_and(|array| {
            array.elements() == 1
                && array.dtype() != DType::Bool
                && number(array).to_bits() == wanted.to_bits()
        })
    }

    /// An input that is the result already.
    fn same_as(&self, function: Function, inputs: &[Id], dtype: DType) -> Option<Id> {
        let first = inputs[0];
        match function {
            Function::Broadcast => Some(first),
            Function::Cast(to) if self.datum(first).dtype == to => Some(first),
            Function::Unary(Unary::Neg) => self.operand_of(first, Unary::Neg),
            Function::Binary(Binary::Mul) if self.is(inputs[1], 1.0) => Some(first),
            Function::Binary(Binary::Mul) if self.is(first, 1.0) => Some(inputs[1]),
            Function::Binary(Binary::Div) if self.is(inputs[1], 1.0) => Some(first),
            Function::Binary(Binary::Sub) if self.is(inputs[1], 0.0) => Some(first),
            Function::Binary(Binary::Pow) if self.is(inputs[1], 1.0) => Some(first),
            Function::Select if inputs[1] == inputs[2] => Some(inputs[1]),
            Function::Select => {
                let cond = self.known_array(inputs[0]).filter(|array| array.elements() == 1)?;
                Some(inputs[if cond.as_slice::<u8>()[0] != 0 { 1 } else { 2 }])
            }
            _ => None,
        }
        .filter(|&same| self.datum(same).dtype == dtype)
    }

    /// The input of `id`, where that is `f` of something.
    fn operand_of(&self, id: Id, f: Unary) -> Option<Id> {
        let maker = self.maker(id)?;
        matches!(maker.kind, Kind::Elementwise(Function::Unary(made)) if made == f)
            .then(|| maker.inputs[0])
    }

    /// The same bits for less.
    fn cheaper(&self, function: Function, inputs: Vec<Id>) -> (Function, Vec<Id>) {
        let negated = |at: usize| self.operand_of(inputs[at], Unary::Neg);
        let sum = |f: Binary, left: Id, right: Id| (Function::Binary(f), vec![left, right]);
        match function {
            Function::Binary(Binary::Pow) if self.is(inputs[1], 2.0) => {
                (Function::Unary(Unary::Square), vec![inputs[0]])
            }
            Function::Binary(Binary::Mul) if self.is(inputs[1], -1.0) => {
                (Function::Unary(Unary::Neg), vec![inputs[0]])
            }
            Function::Binary(Binary::Mul) if self.is(inputs[0], -1.0) => {
                (Function::Unary(Unary::Neg), vec![inputs[1]])
            }
            // A sum takes no longer than a product, and less on some machines.
            Function::Binary(Binary::Mul) if self.is(inputs[1], 2.0) => {
                sum(Binary::Add, inputs[0], inputs[0])
            }
            Function::Binary(Binary::Mul) if self.is(inputs[0], 2.0) => {
                sum(Binary::Add, inputs[1], inputs[1])
            }
            Function::Binary(Binary::Sub | Binary::Add) => {
                let is_sum = function == Function::Binary(Binary::Add);
                match (negated(0).filter(|_| is_sum), negated(1)) {
                    (_, Some(right)) if is_sum => sum(Binary::Sub, inputs[0], right),
                    (_, Some(right)) => sum(Binary::Add, inputs[0], right),
                    (Some(left), None) => sum(Binary::Sub, inputs[1], left),
                    (None, None) => (function, inputs),
                }
            }
            _ => (function, inputs),
        }
    }
}
