//! Methods and properties that users of PyTorch look for, which Python computes, or says what to use in
//! their place.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};

use super::{Tensor, gradients};

/// What the function of this name in a module of `ferrule.flow` gives for this tensor first.
fn call<'py>(
    slf: &Bound<'py, Tensor>,
    (module, name): (&str, &str),
    args: &Bound<'py, PyTuple>,
    options: Option<&Bound<'py, PyDict>>,
) -> PyResult<Bound<'py, PyAny>> {
    let function = slf.py().import(module)?.getattr(name)?;
    let first = PyTuple::new(slf.py(), [slf])?;
    function.call(first.as_sequence().concat(args.as_sequence())?.to_tuple()?, options)
}

/// Methods that are functions of `ferrule.flow` too.
macro_rules! methods {
    ($($name:ident: $module:literal = $doc:literal,)+) => {
        #[pymethods]
        impl Tensor {
            $(
                #[doc = $doc]
                #[pyo3(signature = (*args, **options))]
                fn $name<'py>(
                    slf: &Bound<'py, Self>,
                    args: &Bound<'py, PyTuple>,
                    options: Option<&Bound<'py, PyDict>>,
                ) -> PyResult<Bound<'py, PyAny>> {
                    call(slf, ($module, stringify!($name)), args, options)
                }
            )+
        }
    };
}

methods! {
    var: "ferrule.flow._spread" = "The variance along a dimension; see `flow.var`.",
    std: "ferrule.flow._spread" = "The square root of the variance; see `flow.std`.",
    norm: "ferrule.flow._spread" = "The p-norm along a dimension; see `flow.norm`.",
    topk: "ferrule.flow._ordering" = "The greatest elements and their places; see `flow.topk`.",
    sort: "ferrule.flow._ordering" = "The elements in order and their places; see `flow.sort`.",
    argsort: "ferrule.flow._ordering" = "The places of the elements in order; see `flow.argsort`.",
    gather: "ferrule.flow._ordering" = "The elements at places along a dimension; see `flow.gather`.",
}

#[pymethods]
impl Tensor {
    /// The same elements without history; assigning to it changes the tensor in place, which is not
    /// remembered for gradients.
    #[getter(data)]
    fn get_data(slf: &Bound<'_, Self>) -> PyResult<Self> {
        Self::detach(slf)
    }

    #[setter(data)]
    fn set_data(slf: &Bound<'_, Self>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let before = gradients::set_grad_enabled(false);
        let done = Self::copy_(slf.clone(), value);
        gradients::set_grad_enabled(before);
        done.map(drop)
    }

    /// Where it is: "cpu".
    #[getter]
    fn device(&self) -> &'static str {
        "cpu"
    }
}

/// Names of PyTorch's that are not there: asked for, they say what to use instead. A `__getattr__` would
/// make every method dearer.
macro_rules! missing {
    ($($name:ident)+) => {
        #[pymethods]
        impl Tensor {
            $(
                #[doc = "Not there: says what to use instead."]
                #[getter]
                fn $name(slf: &Bound<'_, Self>) -> PyResult<Py<PyAny>> {
                    let missing = slf.py().import("ferrule.flow._missing")?;
                    missing.call_method1("of_tensor", (stringify!($name),)).map(Bound::unbind)
                }
            )+
        }
    };
}

missing! {
    cuda half scatter_ scatter_add_ index_add_ masked_fill masked_fill_ masked_select index_select
    grad_fn register_hook retain_grad detach_ add sub mul div matmul mm bmm dot t clip eq ne lt
    le gt ge chunk split unbind logsumexp nonzero astype copy
}
