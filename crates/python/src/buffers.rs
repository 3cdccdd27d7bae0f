//! Python buffers as borrowed slices and matrices: checked, never copied.
//!
//! A buffer keeps its memory alive and in place while we hold it. As with every library that
//! computes without the GIL, a thread that writes to an array during a call on it may change the
//! call's result.

use std::ops::Range;

use ferrule_tensor::MatrixView;
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// A two-dimensional buffer of any strides that are not negative.
pub(crate) struct Matrix<T: Element>(PyBuffer<T>);

/// A C-contiguous buffer of any number of dimensions, for reading.
pub(crate) struct Input<T: Element>(PyBuffer<T>);

/// A C-contiguous buffer of any number of dimensions, for writing.
pub(crate) struct Output<T: Element>(PyBuffer<T>);

impl<T: Element> Matrix<T> {
    /// The buffer of `object`, called `name` in errors.
    pub(crate) fn new(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        let buffer = typed::<T>(object, name)?;
        if buffer.dimensions() != 2 {
            let got = buffer.dimensions();
            return Err(PyValueError::new_err(format!("{name} has {got} dimensions; expected 2")));
        }
        let itemsize = size_of::<T>() as isize;
        if buffer.strides().iter().any(|&stride| stride < 0 || stride % itemsize != 0) {
            return Err(PyValueError::new_err(format!(
                "{name} has the strides {:?}; expected multiples of {itemsize} that are not \
                 negative",
                buffer.strides()
            )));
        }
        Ok(Self(buffer))
    }

    /// The whole matrix.
    pub(crate) fn view(&self) -> PyResult<MatrixView<'_, T>> {
        let (rows, cols) = (self.0.shape()[0], self.0.shape()[1]);
        let [row_stride, col_stride] =
            [0, 1].map(|axis| self.0.strides()[axis].unsigned_abs() / size_of::<T>());
        let span = match (rows, cols) {
            (0, _) | (_, 0) => 0,
            _ => (rows - 1) * row_stride + (cols - 1) * col_stride + 1,
        };
        // SAFETY: the exporter vouches for every element from the first to the last, which lie
        // `span` apart as no stride is negative; pyo3 checked the alignment and the element type.
        let data = unsafe { slice(&self.0, span) };
        MatrixView::new(data, rows, cols, row_stride, col_stride)
            .ok_or_else(|| PyValueError::new_err("the buffer's strides pass its end"))
    }
}

impl<T: Element> Input<T> {
    /// The buffer of `object`, called `name` in errors.
    pub(crate) fn new(object: &Bound<'_, PyAny>, name: &str) -> PyResult<Self> {
        contiguous(object, name).map(Self)
    }

    /// Every element, the last index running fastest.
    pub(crate) fn as_slice(&self) -> &[T] {
        // SAFETY: the buffer is C-contiguous, so its elements lie side by side.
        unsafe { slice(&self.0, self.0.item_count()) }
    }
}

impl<T: Element> Output<T> {
    /// The buffer of `object`, called `name` in errors, which overlaps none of `inputs`.
    pub(crate) fn new(
        object: &Bound<'_, PyAny>,
        name: &str,
        inputs: &[Range<usize>],
    ) -> PyResult<Self> {
        let buffer = contiguous::<T>(object, name)?;
        if buffer.readonly() {
            return Err(PyValueError::new_err(format!(
                "{name} is read-only; expected a writable array"
            )));
        }
        let own = addresses(&buffer);
        if inputs.iter().any(|input| input.start < own.end && own.start < input.end) {
            return Err(PyValueError::new_err(format!("{name} overlaps an input")));
        }
        Ok(Self(buffer))
    }

    /// Every element, the last index running fastest.
    pub(crate) fn as_mut_slice(&mut self) -> &mut [T] {
        let len = self.0.item_count();
        if len == 0 {
            return &mut [];
        }
        // SAFETY: the buffer is C-contiguous, writable, aligned, and disjoint from the call's
        // inputs; `&mut self` makes this the only slice of it.
        unsafe { std::slice::from_raw_parts_mut(self.0.buf_ptr().cast(), len) }
    }
}

/// Addresses that a buffer's elements lie in.
pub(crate) trait Extent {
    /// From the first byte to past the last.
    fn extent(&self) -> Range<usize>;
}

impl<T: Element> Extent for Matrix<T> {
    fn extent(&self) -> Range<usize> {
        addresses(&self.0)
    }
}

impl<T: Element> Extent for Input<T> {
    fn extent(&self) -> Range<usize> {
        addresses(&self.0)
    }
}

fn addresses<T: Element>(buffer: &PyBuffer<T>) -> Range<usize> {
    let start = buffer.buf_ptr() as usize;
    let dimensions = buffer.shape().iter().zip(buffer.strides());
    let last: usize =
        dimensions.map(|(&len, &stride)| len.saturating_sub(1) * stride.unsigned_abs()).sum();
    let empty = buffer.item_count() == 0;
    start..if empty { start } else { start + last + size_of::<T>() }
}

/// # Safety
/// `len` elements of `buffer`, from its first on, are readable.
unsafe fn slice<T: Element>(buffer: &PyBuffer<T>, len: usize) -> &[T] {
    if len == 0 {
        return &[];
    }
    // SAFETY: as the caller promises; the buffer is held as long as the borrow.
    unsafe { std::slice::from_raw_parts(buffer.buf_ptr().cast(), len) }
}

fn contiguous<T: Element>(object: &Bound<'_, PyAny>, name: &str) -> PyResult<PyBuffer<T>> {
    let buffer = typed::<T>(object, name)?;
    if buffer.is_c_contiguous() {
        Ok(buffer)
    } else {
        Err(PyValueError::new_err(format!("{name} is not C-contiguous")))
    }
}

/// The buffer of `object`, if its elements are `T` in native byte order.
fn typed<T: Element>(object: &Bound<'_, PyAny>, name: &str) -> PyResult<PyBuffer<T>> {
    let buffer = PyBuffer::<T>::get(object).map_err(|_| wrong_type::<T>(object, name))?;
    match buffer.format().to_bytes() {
        [b'>' | b'!', ..] if cfg!(target_endian = "little") => Err(wrong_type::<T>(object, name)),
        _ => Ok(buffer),
    }
}

fn wrong_type<T>(object: &Bound<'_, PyAny>, name: &str) -> PyErr {
    let got = object.getattr("dtype").unwrap_or_else(|_| object.get_type().into_any());
    let expected = std::any::type_name::<T>();
    PyTypeError::new_err(format!("{name} is {got}; expected an aligned array of {expected}"))
}
