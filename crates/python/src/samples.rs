//! Samples as Python gives them: a matrix or the arrays of a CSR matrix, with or without weights.

use std::ops::Range;

use ferrule_learn::kmeans::{CsrView, Float, Indptr, Samples};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use crate::buffers::{Extent, Input, Matrix};

/// The buffers of samples: a matrix, or (data, indices, indptr, columns) of CSR.
pub(crate) enum SampleBuffers<T: Element> {
    Dense(Matrix<T>),
    Csr { data: Input<T>, indices: Input<i32>, indptr: IndptrBuffer, cols: usize },
}

pub(crate) enum IndptrBuffer {
    I32(Input<i32>),
    I64(Input<i64>),
}

impl<T: Float + Element> SampleBuffers<T> {
    pub(crate) fn new(x: &Bound<'_, PyAny>) -> PyResult<Self> {
        let Ok(parts) = x.cast::<PyTuple>() else {
            return Matrix::new(x, "X").map(Self::Dense);
        };
        let (data, indices, indptr, cols): (Bound<'_, PyAny>, Bound<'_, _>, Bound<'_, _>, usize) =
            parts.extract()?;
        let indptr = match Input::new(&indptr, "indptr") {
            Ok(offsets) => IndptrBuffer::I32(offsets),
            Err(_) => IndptrBuffer::I64(Input::new(&indptr, "indptr")?),
        };
        let (data, indices) = (Input::new(&data, "data")?, Input::new(&indices, "indices")?);
        Ok(Self::Csr { data, indices, indptr, cols })
    }

    pub(crate) fn samples(&self) -> PyResult<Samples<'_, T>> {
        match self {
            Self::Dense(matrix) => matrix.view().map(Samples::Dense),
            Self::Csr { data, indices, indptr, cols } => {
                let indptr = match indptr {
                    IndptrBuffer::I32(offsets) => Indptr::I32(offsets.as_slice()),
                    IndptrBuffer::I64(offsets) => Indptr::I64(offsets.as_slice()),
                };
                CsrView::new(data.as_slice(), indices.as_slice(), indptr, *cols)
                    .map(Samples::Csr)
                    .ok_or_else(|| PyValueError::new_err("the arrays of X are no CSR matrix"))
            }
        }
    }

    /// The addresses that an output must not overlap.
    pub(crate) fn extents(&self) -> Vec<Range<usize>> {
        match self {
            Self::Dense(matrix) => vec![matrix.extent()],
            Self::Csr { data, indices, indptr, .. } => {
                let offsets = match indptr {
                    IndptrBuffer::I32(offsets) => offsets.extent(),
                    IndptrBuffer::I64(offsets) => offsets.extent(),
                };
                vec![data.extent(), indices.extent(), offsets]
            }
        }
    }
}

/// The buffers of samples and of a weight for each, where there are weights.
pub(crate) struct WeightedBuffers<T: Element> {
    x: SampleBuffers<T>,
    weights: Option<Input<T>>,
}

impl<T: Float + Element> WeightedBuffers<T> {
    pub(crate) fn new(x: &Bound<'_, PyAny>, weights: Option<&Bound<'_, PyAny>>) -> PyResult<Self> {
        let x = SampleBuffers::new(x)?;
        let weights = weights.map(|weights| Input::new(weights, "weights")).transpose()?;
        Ok(Self { x, weights })
    }

    pub(crate) fn samples_and_weights(&self) -> PyResult<(Samples<'_, T>, Option<&[T]>)> {
        Ok((self.x.samples()?, self.weights.as_ref().map(Input::as_slice)))
    }

    /// The addresses that an output must not overlap.
    pub(crate) fn extents(&self) -> Vec<Range<usize>> {
        let mut extents = self.x.extents();
        extents.extend(self.weights.as_ref().map(Input::extent));
        extents
    }
}

/// Whether the samples `x` are float32; else they must be float64.
pub(crate) fn is_f32(x: &Bound<'_, PyAny>) -> PyResult<bool> {
    match x.cast::<PyTuple>() {
        Ok(parts) => Ok(PyBuffer::<f32>::get(&parts.get_item(0)?).is_ok()),
        Err(_) => Ok(PyBuffer::<f32>::get(x).is_ok()),
    }
}
