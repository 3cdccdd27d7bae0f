//! Tensors that get other elements.

use ferrule_base::DType;
use ferrule_graph::Op;
use ferrule_tensor::ops::Binary;
use pyo3::exceptions::{PyRuntimeError, PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::scalar::operand;
use super::{Content, Tensor, apply_one, gradients, trace};

/// `slf` becomes `made`, which has its dtype and shape.
pub(super) fn replace(slf: &Bound<'_, Tensor>, made: Tensor) -> PyResult<()> {
    let py = slf.py();
    let own = (slf.borrow().dtype(), slf.borrow().shape());
    if (made.dtype(), made.shape()) != own {
        let (found, own) = (made.shape(), own.1);
        let message =
            format!("a tensor of shape {own} cannot become one of shape {found} in place");
        return Err(PyValueError::new_err(message));
    }
    let is_leaf = slf.borrow().leaf.is_some();
    if is_leaf && gradients::is_enabled() {
        return Err(PyRuntimeError::new_err(
            "a leaf that requires_grad is changed in place: do it inside of `with flow.no_grad():`",
        ));
    }
    if trace::is_active() {
        let made = Bound::new(py, made)?;
        if trace::assign(slf, &made)? {
            return Ok(());
        }
        let content = made.borrow().content.clone();
        slf.borrow_mut().content = content;
        return Ok(());
    }
    slf.borrow_mut().content = match made.content {
        Content::Array(tensor) if is_leaf => {
            Content::Array(ferrule_graph::eager::Tensor::new(tensor.array().clone()))
        }
        content => content,
    };
    Ok(())
}

fn update(slf: &Bound<'_, Tensor>, other: &Bound<'_, PyAny>, f: Binary) -> PyResult<()> {
    if f == Binary::Div && !matches!(slf.borrow().dtype(), DType::Fp32 | DType::Fp64) {
        return Err(PyTypeError::new_err("whole numbers are not divided in place: use `//`"));
    }
    let Some(other) = operand(other, slf.borrow().dtype())? else {
        let class = other.get_type();
        return Err(PyTypeError::new_err(format!("expected a tensor or a number, got {class}")));
    };
    replace(slf, apply_one(slf.py(), &Op::Binary { f }, &[slf, &other])?)
}

#[pymethods]
impl Tensor {
    fn __iadd__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        update(slf, other, Binary::Add)
    }

    fn __isub__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        update(slf, other, Binary::Sub)
    }

    fn __imul__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        update(slf, other, Binary::Mul)
    }

    fn __itruediv__(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<()> {
        update(slf, other, Binary::Div)
    }

    /// Adds `other` to this tensor; returns it.
    fn add_<'py>(slf: Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        update(&slf, other, Binary::Add)?;
        Ok(slf)
    }

    /// Subtracts `other` from this tensor; returns it.
    fn sub_<'py>(slf: Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        update(&slf, other, Binary::Sub)?;
        Ok(slf)
    }

    /// Multiplies this tensor by `other`; returns it.
    fn mul_<'py>(slf: Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        update(&slf, other, Binary::Mul)?;
        Ok(slf)
    }

    /// Divides this tensor by `other`; returns it.
    fn div_<'py>(slf: Bound<'py, Self>, other: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        update(&slf, other, Binary::Div)?;
        Ok(slf)
    }

    /// Gives this tensor the elements of `other`, repeated to its shape; returns it.
    pub(super) fn copy_<'py>(
        slf: Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, Self>> {
        let (py, dtype) = (slf.py(), slf.borrow().dtype());
        let Some(mut other) = operand(other, dtype)? else {
            let class = other.get_type();
            return Err(PyTypeError::new_err(format!(
                "expected a tensor or a number, got {class}"
            )));
        };
        if other.borrow().dtype() != dtype {
            other = Bound::new(py, apply_one(py, &Op::Cast { to: dtype }, &[&other])?)?;
        }
        let same = other.borrow().shape() == slf.borrow().shape();
        let op = if same { Op::Identity } else { Op::BroadcastLike };
        let inputs: &[&Bound<'_, Self>] = if same { &[&other] } else { &[&other, &slf] };
        replace(&slf, apply_one(py, &op, inputs)?)?;
        Ok(slf)
    }

    /// Gives every element the value of a number; returns the tensor.
    fn fill_<'py>(slf: Bound<'py, Self>, value: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        Self::copy_(slf, value)
    }

    /// Gives every element the value 0; returns the tensor.
    fn zero_(slf: Bound<'_, Self>) -> PyResult<Bound<'_, Self>> {
        let zero = 0i32.into_pyobject(slf.py())?.into_any();
        Self::copy_(slf, &zero)
    }
}
