//! Many elements become one.

use ferrule_base::DType;
use ferrule_graph::Op;
use ferrule_tensor::ops::Reduction;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::{Tensor, apply_one, then};

/// One dimension or several.
#[derive(FromPyObject)]
pub(super) enum Axes {
    One(i64),
    Several(Vec<i64>),
}

impl Axes {
    fn list(self) -> Vec<i64> {
        match self {
            Self::One(axis) => vec![axis],
            Self::Several(axes) => axes,
        }
    }
}

fn reduce(
    slf: &Bound<'_, Tensor>,
    f: Reduction,
    dim: Option<Axes>,
    axis: Option<Axes>,
    keepdim: bool,
) -> PyResult<Tensor> {
    if dim.is_some() && axis.is_some() {
        return Err(PyTypeError::new_err(
            "`dim` and `axis` are one and the same: give one of them",
        ));
    }
    let op = Op::Reduce { f, axes: dim.or(axis).map(Axes::list), keepdims: keepdim };
    let counts = matches!(f, Reduction::Sum | Reduction::Prod);
    if counts && slf.borrow().dtype() == DType::Bool {
        let numbers = apply_one(slf.py(), &Op::Cast { to: DType::Int64 }, &[slf])?;
        return then(slf.py(), numbers, &op);
    }
    apply_one(slf.py(), &op, &[slf])
}

/// The reductions, each a method of its name.
macro_rules! reductions {
    ($($name:ident: $f:ident = $doc:literal,)+) => {
        #[pymethods]
        impl Tensor {
            $(
                #[doc = $doc]
                #[pyo3(signature = (dim = None, keepdim = false, *, axis = None))]
                fn $name(
                    slf: &Bound<'_, Self>,
                    dim: Option<Axes>,
                    keepdim: bool,
                    axis: Option<Axes>,
                ) -> PyResult<Self> {
                    reduce(slf, Reduction::$f, dim, axis, keepdim)
                }
            )+
        }
    };
}

reductions! {
    sum: Sum = "The sum along `dim`; of all elements where that is None.",
    mean: Mean = "The mean along `dim`; of all elements where that is None.",
    prod: Prod = "The product along `dim`; of all elements where that is None.",
    amax: Max = "The greatest element along `dim`; NaN where any is.",
    amin: Min = "The least element along `dim`; NaN where any is.",
    any: Any = "Whether any element along `dim` is true.",
    all: All = "Whether all elements along `dim` are true.",
}

/// The axis to reduce; a tensor without one is flattened first.
fn along<'py>(slf: &Bound<'py, Tensor>, dim: Option<i64>) -> PyResult<(Bound<'py, Tensor>, i64)> {
    match dim {
        Some(dim) => Ok((slf.clone(), dim)),
        None => {
            let flat = apply_one(slf.py(), &Op::Reshape { shape: vec![-1] }, &[slf])?;
            Ok((Bound::new(slf.py(), flat)?, 0))
        }
    }
}

/// Puts an axis of 1 back where one was reduced.
fn kept(py: Python<'_>, made: Tensor, dim: Option<i64>, keepdim: bool) -> PyResult<Tensor> {
    match dim {
        Some(axis) if keepdim => then(py, made, &Op::ExpandDims { axis }),
        _ => Ok(made),
    }
}

#[pymethods]
impl Tensor {
    /// The place of the first greatest element along `dim`; among all, flattened, where that is None.
    #[pyo3(signature = (dim = None, keepdim = false))]
    fn argmax(slf: &Bound<'_, Self>, dim: Option<i64>, keepdim: bool) -> PyResult<Self> {
        let (x, axis) = along(slf, dim)?;
        let made = apply_one(slf.py(), &Op::ArgMax { axis }, &[&x])?;
        kept(slf.py(), made, dim, keepdim)
    }

    /// The place of the first least element along `dim`; among all, flattened, where that is None.
    #[pyo3(signature = (dim = None, keepdim = false))]
    fn argmin(slf: &Bound<'_, Self>, dim: Option<i64>, keepdim: bool) -> PyResult<Self> {
        let (x, axis) = along(slf, dim)?;
        let made = apply_one(slf.py(), &Op::ArgMin { axis }, &[&x])?;
        kept(slf.py(), made, dim, keepdim)
    }

    /// The greatest of all elements; with `dim` the greatest along it, and their places.
    #[pyo3(signature = (dim = None, keepdim = false))]
    fn max(slf: &Bound<'_, Self>, dim: Option<i64>, keepdim: bool) -> PyResult<Py<PyAny>> {
        let greatest = reduce(slf, Reduction::Max, dim.map(Axes::One), None, keepdim)?;
        with_places(slf, greatest, dim, || Self::argmax(slf, dim, keepdim))
    }

    /// The least of all elements; with `dim` the least along it, and their places.
    #[pyo3(signature = (dim = None, keepdim = false))]
    fn min(slf: &Bound<'_, Self>, dim: Option<i64>, keepdim: bool) -> PyResult<Py<PyAny>> {
        let least = reduce(slf, Reduction::Min, dim.map(Axes::One), None, keepdim)?;
        with_places(slf, least, dim, || Self::argmin(slf, dim, keepdim))
    }

    /// Running sums along `dim`.
    fn cumsum(slf: &Bound<'_, Self>, dim: i64) -> PyResult<Self> {
        let op = Op::CumSum { axis: dim, exclusive: false, reverse: false };
        apply_one(slf.py(), &op, &[slf])
    }

    /// exp(x) / sum(exp(x)) along `dim`.
    #[pyo3(signature = (dim = -1))]
    fn softmax(slf: &Bound<'_, Self>, dim: i64) -> PyResult<Self> {
        along_last(slf, dim, &Op::Softmax)
    }

    /// log(softmax(x)) along `dim`, without overflow.
    #[pyo3(signature = (dim = -1))]
    fn log_softmax(slf: &Bound<'_, Self>, dim: i64) -> PyResult<Self> {
        along_last(slf, dim, &Op::LogSoftmax)
    }
}

/// Extremes, and where there is a dimension their places.
fn with_places(
    slf: &Bound<'_, Tensor>,
    extremes: Tensor,
    dim: Option<i64>,
    places: impl FnOnce() -> PyResult<Tensor>,
) -> PyResult<Py<PyAny>> {
    let py = slf.py();
    match dim {
        None => Ok(Bound::new(py, extremes)?.into_any().unbind()),
        Some(_) => Ok((extremes, places()?).into_pyobject(py)?.into_any().unbind()),
    }
}

/// `op`, which works along the last axis, along `dim`.
fn along_last(slf: &Bound<'_, Tensor>, dim: i64, op: &Op) -> PyResult<Tensor> {
    let (py, rank) = (slf.py(), slf.borrow().shape().len());
    let axis = super::layout::absolute(dim, rank)?;
    if axis + 1 == rank {
        return apply_one(py, op, &[slf]);
    }
    let mut order: Vec<usize> = (0..rank).collect();
    order.swap(axis, rank - 1);
    let swap = Op::Transpose { perm: Some(order) };
    let made = then(py, apply_one(py, &swap, &[slf])?, op)?;
    then(py, made, &swap)
}
