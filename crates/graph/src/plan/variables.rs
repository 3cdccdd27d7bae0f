//! The values of variables.

use std::sync::{Arc, OnceLock};

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape};

use super::registers::Scalar;
use crate::error::{Fault, GraphError};
use crate::types::Dims;

/// The values of a session's variables, by their numbers.
#[derive(Clone, Debug, Default)]
pub struct Variables {
    values: Vec<Held>,
}

/// A variable's value. Scalars that steps write are kept as such: to write into an array that others
/// may share takes atomic operations, which cost as much as a few steps' arithmetic.
#[derive(Clone, Debug, Default)]
pub enum Held {
    /// There is none yet.
    #[default]
    Nothing,
    /// An array.
    Array(Array),
    /// A scalar.
    Single(Number<f32>),
    /// A scalar.
    Double(Number<f64>),
}

/// A scalar, and the same as an array once that was asked for.
#[derive(Clone, Debug)]
pub struct Number<T> {
    pub(super) value: T,
    array: OnceLock<Array>,
}

impl<T: Scalar> Number<T> {
    pub(super) fn new(value: T) -> Self {
        Self { value, array: OnceLock::new() }
    }

    fn set(&mut self, value: T) {
        self.value = value;
        if self.array.get().is_some() {
            self.array = OnceLock::new();
        }
    }

    fn array(&self) -> &Array {
        self.array.get_or_init(|| Array::scalar(T::DTYPE, self.value))
    }
}

impl Held {
    fn array(&self) -> Option<&Array> {
        match self {
            Self::Nothing => None,
            Self::Array(array) => Some(array),
            Self::Single(number) => Some(number.array()),
            Self::Double(number) => Some(number.array()),
        }
    }
}

impl Variables {
    /// The value of variable `id`.
    pub fn get(&self, id: u32) -> Option<&Array> {
        self.values.get(id as usize)?.array()
    }

    /// Takes the value of variable `id` away.
    pub fn take(&mut self, id: u32) -> Option<Array> {
        match std::mem::take(self.values.get_mut(id as usize)?) {
            Held::Array(array) => Some(array),
            held => held.array().cloned(),
        }
    }

    /// Gives variable `id` a value.
    pub fn set(&mut self, id: u32, value: Array) {
        self.hold(id, Held::Array(value));
    }

    fn hold(&mut self, id: u32, value: Held) {
        let place = id as usize;
        if place >= self.values.len() {
            self.values.resize(place + 1, Held::Nothing);
        }
        self.values[place] = value;
    }

    fn found(&self, id: u32) -> Result<&Array, GraphError> {
        Ok(self.get(id).ok_or(Fault::Uninitialized { id })?)
    }

    /// The value of a variable that is a scalar of type `T`.
    #[inline]
    pub(super) fn scalar<T: Scalar>(&mut self, id: u32) -> Result<T, GraphError> {
        if let Some(number) = self.values.get_mut(id as usize).and_then(T::held) {
            return Ok(number.value);
        }
        let array = self.found(id)?;
        if array.dtype() != T::DTYPE || !array.shape().is_empty() {
            return Err(wrong_type(id, T::DTYPE, &Shape::SCALAR, array));
        }
        Ok(array.as_slice::<T>()[0])
    }

    #[inline]
    pub(super) fn set_scalar<T: Scalar>(&mut self, id: u32, value: T) {
        match self.values.get_mut(id as usize).and_then(T::held) {
            Some(number) => number.set(value),
            None => self.hold(id, T::hold(Number::new(value))),
        }
    }

    /// Checks that the variables that a plan reads are what the graph says.
    pub(super) fn check(&self, wanted: &[(u32, DType, Shape)]) -> Result<(), GraphError> {
        for (id, dtype, shape) in wanted {
            let found = self.found(*id)?;
            if found.dtype() != *dtype || found.shape() != shape {
                return Err(wrong_type(*id, *dtype, shape, found));
            }
        }
        Ok(())
    }

    /// The memory of an array that nobody else has, to be given back by [`restore`](Self::restore).
    pub(super) fn lend(&mut self, id: u32) -> Option<Buffer> {
        match self.values.get_mut(id as usize)? {
            Held::Array(array) => array.buffer_mut().map(std::mem::take),
            _ => None,
        }
    }

    /// Gives the memory that was lent back.
    pub(super) fn restore(&mut self, id: u32, buffer: Buffer) {
        if let Some(Held::Array(array)) = self.values.get_mut(id as usize)
            && let Some(own) = array.buffer_mut()
        {
            *own = buffer;
        }
    }

    /// The contents of `buffer` become the value; the buffer gets the memory of the old one, where
    /// nobody else has it.
    pub(super) fn swap(&mut self, id: u32, (dtype, shape): (DType, Shape), buffer: &mut Buffer) {
        if let Some(Held::Array(array)) = self.values.get_mut(id as usize)
            && array.dtype() == dtype
            && *array.shape() == shape
            && let Some(own) = array.buffer_mut()
        {
            std::mem::swap(own, buffer);
            return;
        }
        let data = Arc::new(std::mem::take(buffer));
        self.set(id, Array::from_buffer(dtype, shape, data));
    }
}

fn wrong_type(id: u32, dtype: DType, shape: &Shape, found: &Array) -> GraphError {
    let describe =
        |dtype: DType, shape: &Shape| format!("{dtype} {}", Dims::from(shape).describe());
    Fault::VariableType {
        id,
        expected: describe(dtype, shape),
        found: describe(found.dtype(), found.shape()),
    }
    .into()
}
