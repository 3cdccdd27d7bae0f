//! Element-wise operations that need not be done: the result has the same bits without them.

use ferrule_base::DType;
use ferrule_tensor::array::Shape;
use ferrule_tensor::ops::{Binary, Unary};

use super::program::{Function, Id, Kind, Program};
use crate::infer::layout::number;

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
            _ => {
                let (function, inputs) = self.cheaper(function, inputs);
                self.elementwise(function, inputs, dtype, own, node)
            }
        };
        if own == shape {
            return made;
        }
        self.elementwise(Function::Broadcast, vec![made], dtype, shape, node)
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
            _ => (function, inputs),
        }
    }
}
