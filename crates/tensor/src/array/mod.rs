//! Dense arrays of the engine's element types, row-major, shared until they are written.

mod buffer;
mod element;
mod recycled;
mod shape;

pub use buffer::{Buffer, Lender};
pub use element::Element;
pub use shape::{RANK_MAX, Shape};

use std::sync::Arc;

use ferrule_base::DType;

/// A dense row-major array; clones share its elements.
#[derive(Clone, Debug)]
pub struct Array {
    dtype: DType,
    shape: Shape,
    data: Arc<Buffer>,
}

impl Array {
    /// An array of zeros.
    pub fn zeros(dtype: DType, shape: Shape) -> Self {
        Self { dtype, shape, data: Arc::new(Buffer::zeroed(shape.elements() * dtype.size())) }
    }

    /// An array of `values`, as many as `shape` has elements.
    ///
    /// # Panics
    /// Where `values` has another length, or `dtype` is not of type `T`.
    pub fn from_slice<T: Element>(dtype: DType, shape: Shape, values: &[T]) -> Self {
        assert_eq!(values.len(), shape.elements(), "as many values as the shape has elements");
        let mut array = Self::zeros(dtype, shape);
        array.as_mut_slice::<T>().copy_from_slice(values);
        array
    }

    /// An array of one element and no dimension.
    pub fn scalar<T: Element>(dtype: DType, value: T) -> Self {
        Self::from_slice(dtype, Shape::SCALAR, &[value])
    }

    /// The array of `shape` whose elements lie in `data`.
    ///
    /// # Panics
    /// Where `data` is too small.
    pub fn from_buffer(dtype: DType, shape: Shape, data: Arc<Buffer>) -> Self {
        assert!(data.len() >= shape.elements() * dtype.size(), "the buffer holds the array");
        Self { dtype, shape, data }
    }

    /// The element type.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The dimensions.
    pub fn shape(&self) -> &Shape {
        &self.shape
    }

    /// The number of elements.
    pub fn elements(&self) -> usize {
        self.shape.elements()
    }

    /// Bytes of all elements.
    pub fn byte_len(&self) -> usize {
        self.elements() * self.dtype.size()
    }

    /// The same elements in another shape.
    ///
    /// # Panics
    /// Where `shape` has another number of elements.
    pub fn reshaped(&self, shape: Shape) -> Self {
        assert_eq!(shape.elements(), self.elements(), "a reshape keeps the number of elements");
        Self { shape, ..self.clone() }
    }

    /// The memory of the elements.
    pub fn buffer(&self) -> &Arc<Buffer> {
        &self.data
    }

    /// The array, with memory of its own where it lies in somebody else's, who may change it.
    pub fn owned(&self) -> Self {
        if !self.data.is_lent() {
            return self.clone();
        }
        Self { data: Arc::new(Buffer::clone(&self.data)), ..*self }
    }

    /// The memory of the elements, copied where other arrays share it.
    pub fn into_buffer(self) -> Buffer {
        Arc::unwrap_or_clone(self.data)
    }

    /// The memory of the elements, to be written, where nobody else has it.
    pub fn buffer_mut(&mut self) -> Option<&mut Buffer> {
        Arc::get_mut(&mut self.data).filter(|buffer| !buffer.is_lent())
    }

    /// The elements.
    ///
    /// # Panics
    /// Where `dtype` is not of type `T`.
    pub fn as_slice<T: Element>(&self) -> &[T] {
        assert!(T::holds(self.dtype), "elements of {} asked for as another type", self.dtype);
        self.data.as_slice(self.elements())
    }

    /// The elements, to be written; copied first where they are shared.
    ///
    /// # Panics
    /// Where `dtype` is not of type `T`.
    pub fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
        assert!(T::holds(self.dtype), "elements of {} asked for as another type", self.dtype);
        let len = self.elements();
        Arc::make_mut(&mut self.data).as_mut_slice(len)
    }

    /// The bytes of the elements.
    pub fn as_bytes(&self) -> &[u8] {
        self.data.as_slice(self.byte_len())
    }

    /// The array as an operand of a kernel.
    pub fn view(&self) -> View<'_> {
        View { dtype: self.dtype, shape: &self.shape, data: &self.data }
    }
}

/// An array that a kernel reads.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// The element type.
    pub dtype: DType,
    /// The dimensions.
    pub shape: &'a Shape,
    /// Where the elements are, from the start on.
    pub data: &'a Buffer,
}

impl<'a> View<'a> {
    /// The elements.
    ///
    /// # Panics
    /// Where `dtype` is not of type `T`.
    pub fn as_slice<T: Element>(&self) -> &'a [T] {
        assert!(T::holds(self.dtype), "elements of {} asked for as another type", self.dtype);
        self.data.as_slice(self.shape.elements())
    }
}
