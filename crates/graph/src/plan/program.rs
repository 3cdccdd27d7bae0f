//! A graph made concrete: every shape known, every value computed once, no names and no control left.

use std::collections::HashMap;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Shape};
use ferrule_tensor::ops::{Binary, Unary};

use super::nested::Nested;
use crate::op::Op;

/// A value of a program, by its number.
pub(crate) type Id = u32;

/// An array that a run computes or is given.
#[derive(Clone, Debug)]
pub(crate) struct Datum {
    pub(crate) dtype: DType,
    pub(crate) shape: Shape,
    pub(crate) source: Source,
}

/// Where an array comes from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Known(Array),
    Feed(u32),
    /// A variable, as the run found it.
    Variable(u32),
    Output {
        instruction: u32,
    },
    /// The elements of another one in its own shape.
    Reshaped(Id),
}

/// What an instruction does.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Elementwise(Function),
    Kernel(Op),
    /// The nested plans of this number.
    Nested(u32),
}

/// An element-wise function.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Function {
    Unary(Unary),
    Binary(Binary),
    Select,
    Cast(DType),
    /// The input itself, repeated to the shape.
    Broadcast,
}

#[derive(Clone, Debug)]
pub(crate) struct Instruction {
    pub(crate) kind: Kind,
    pub(crate) inputs: Vec<Id>,
    pub(crate) outputs: Vec<Id>,
    /// The node that it comes from.
    pub(crate) node: u32,
}

#[derive(Debug, Default)]
pub(crate) struct Program {
    pub(crate) data: Vec<Datum>,
    /// Each after those that it needs.
    pub(crate) instructions: Vec<Instruction>,
    /// What the run gives back.
    pub(crate) fetches: Vec<Id>,
    /// What variables hold after the run.
    pub(crate) stores: Vec<(u32, Id)>,
    /// Branches and loops, each taken by the step that runs it.
    pub(crate) nested: Vec<Nested>,
    /// Instructions by what they compute, so that none is there twice.
    seen: HashMap<Key, Vec<Id>>,
}

#[derive(Debug, PartialEq, Eq, Hash)]
enum Key {
    Elementwise(Function, Vec<Id>, Shape),
    Kernel(String, Vec<Id>),
    Scalar(DType, Vec<u8>),
    Variable(u32),
    Reshaped(Id, Shape),
}

impl Program {
    pub(crate) fn datum(&self, id: Id) -> &Datum {
        &self.data[id as usize]
    }

    pub(crate) fn push(&mut self, dtype: DType, shape: Shape, source: Source) -> Id {
        self.data.push(Datum { dtype, shape, source });
        self.data.len() as Id - 1
    }

    fn once(&mut self, key: Key, dtype: DType, shape: Shape, source: Source) -> Id {
        if let Some(ids) = self.seen.get(&key) {
            return ids[0];
        }
        let id = self.push(dtype, shape, source);
        self.seen.insert(key, vec![id]);
        id
    }

    pub(crate) fn known(&mut self, array: Array) -> Id {
        let (dtype, shape) = (array.dtype(), *array.shape());
        if array.elements() == 1 && shape.is_empty() {
            let key = Key::Scalar(dtype, array.as_bytes().to_vec());
            return self.once(key, dtype, shape, Source::Known(array));
        }
        self.push(dtype, shape, Source::Known(array))
    }

    pub(crate) fn variable(&mut self, id: u32, dtype: DType, shape: Shape) -> Id {
        self.once(Key::Variable(id), dtype, shape, Source::Variable(id))
    }

    /// The elements of `id` in another shape.
    pub(crate) fn reshaped(&mut self, id: Id, shape: Shape) -> Id {
        let datum = self.datum(id).clone();
        if datum.shape == shape {
            return id;
        }
        match datum.source {
            Source::Known(array) => self.known(array.reshaped(shape)),
            Source::Reshaped(root) => self.reshaped(root, shape),
            _ => {
                let key = Key::Reshaped(id, shape);
                self.once(key, datum.dtype, shape, Source::Reshaped(id))
            }
        }
    }

    /// The array that holds the elements of `id`.
    pub(crate) fn root(&self, id: Id) -> Id {
        match self.datum(id).source {
            Source::Reshaped(of) => self.root(of),
            _ => id,
        }
    }

    pub(crate) fn known_array(&self, id: Id) -> Option<&Array> {
        match &self.datum(id).source {
            Source::Known(array) => Some(array),
            _ => None,
        }
    }

    /// The instruction that computes `id`.
    pub(crate) fn maker(&self, id: Id) -> Option<&Instruction> {
        match self.datum(id).source {
            Source::Output { instruction } => Some(&self.instructions[instruction as usize]),
            _ => None,
        }
    }

    pub(crate) fn elementwise(
        &mut self,
        function: Function,
        inputs: Vec<Id>,
        dtype: DType,
        shape: Shape,
        node: u32,
    ) -> Id {
        let key = Key::Elementwise(function, inputs.clone(), shape);
        if let Some(ids) = self.seen.get(&key) {
            return ids[0];
        }
        let made = self.instruction(Kind::Elementwise(function), inputs, &[(dtype, shape)], node);
        self.seen.insert(key, made.clone());
        made[0]
    }

    pub(crate) fn kernel(
        &mut self,
        op: Op,
        inputs: Vec<Id>,
        outputs: &[(DType, Shape)],
        node: u32,
    ) -> Vec<Id> {
        if matches!(op, Op::Random { .. }) {
            return self.instruction(Kind::Kernel(op), inputs, outputs, node);
        }
        let key = Key::Kernel(format!("{op:?}{outputs:?}"), inputs.clone());
        if let Some(ids) = self.seen.get(&key) {
            return ids.clone();
        }
        let made = self.instruction(Kind::Kernel(op), inputs, outputs, node);
        self.seen.insert(key, made.clone());
        made
    }

    /// Adds a branch or a loop.
    pub(crate) fn nest(
        &mut self,
        nested: Nested,
        inputs: Vec<Id>,
        outputs: &[(DType, Shape)],
        node: u32,
    ) -> Vec<Id> {
        self.nested.push(nested);
        let kind = Kind::Nested(self.nested.len() as u32 - 1);
        self.instruction(kind, inputs, outputs, node)
    }

    fn instruction(
        &mut self,
        kind: Kind,
        inputs: Vec<Id>,
        outputs: &[(DType, Shape)],
        node: u32,
    ) -> Vec<Id> {
        let instruction = self.instructions.len() as u32;
        let mut made = Vec::with_capacity(outputs.len());
        for &(dtype, shape) in outputs {
            made.push(self.push(dtype, shape, Source::Output { instruction }));
        }
        let outputs = made;
        self.instructions.push(Instruction { kind, inputs, outputs: outputs.clone(), node });
        outputs
    }

    /// Which instructions the results need.
    pub(crate) fn needed(&self) -> Vec<bool> {
        let mut needed = vec![false; self.instructions.len()];
        let results = self.fetches.iter().chain(self.stores.iter().map(|(_, id)| id));
        let mut open: Vec<Id> = results.copied().collect();
        while let Some(id) = open.pop() {
            if let Source::Output { instruction } = self.datum(self.root(id)).source
                && !std::mem::replace(&mut needed[instruction as usize], true)
            {
                open.extend(&self.instructions[instruction as usize].inputs);
            }
        }
        needed
    }
}
