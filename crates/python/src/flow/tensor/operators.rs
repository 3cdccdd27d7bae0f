//! Python's operators.

use ferrule_base::DType;
use ferrule_graph::Op;
use ferrule_tensor::ops::{Binary, Unary};
use pyo3::basic::CompareOp;
use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;

use super::scalar::operand;
use super::{Tensor, apply_one};

/// `f` of two operands, in Python's order; `NotImplemented` where `other` is nothing for a tensor.
fn binary<'py>(
    slf: &Bound<'py, Tensor>,
    other: &Bound<'py, PyAny>,
    f: Binary,
    is_reflected: bool,
) -> PyResult<Bound<'py, PyAny>> {
    let py = slf.py();
    let Some(other) = operand(other, slf.borrow().dtype())? else {
        return Ok(py.NotImplemented().into_bound(py));
    };
    let pair = if is_reflected { [&other, slf] } else { [slf, &other] };
    Ok(Bound::new(py, apply_one(py, &Op::Binary { f }, &pair)?)?.into_any())
}

/// As [`binary`], of floats.
fn divide<'py>(
    slf: &Bound<'py, Tensor>,
    other: &Bound<'py, PyAny>,
    is_reflected: bool,
) -> PyResult<Bound<'py, PyAny>> {
    if !matches!(slf.borrow().dtype(), DType::Fp32 | DType::Fp64) {
        return Err(PyTypeError::new_err(
            "`/` divides floats: cast with .float(), or use `//` for whole numbers",
        ));
    }
    binary(slf, other, Binary::Div, is_reflected)
}

/// Both operands of `@`, and the axes of 1 that vectors get for the time of the product.
fn product<'py>(a: &Bound<'py, Tensor>, b: &Bound<'py, Tensor>) -> PyResult<Tensor> {
    let py = a.py();
    let (left, right) = (a.borrow().shape().len(), b.borrow().shape().len());
    if left == 0 || right == 0 {
        return Err(PyTypeError::new_err("`@` takes vectors and matrices; `*` takes scalars"));
    }
    let op = Op::MatMul { transpose_a: false, transpose_b: false };
    if left > 1 && right > 1 {
        return apply_one(py, &op, &[a, b]);
    }
    let (row, column) = (Op::ExpandDims { axis: 0 }, Op::ExpandDims { axis: -1 });
    let a = if left == 1 { Bound::new(py, apply_one(py, &row, &[a])?)? } else { a.clone() };
    let b = if right == 1 { Bound::new(py, apply_one(py, &column, &[b])?)? } else { b.clone() };
    let made = apply_one(py, &op, &[&a, &b])?;
    let axes = [(left == 1).then_some(-2), (right == 1).then_some(-1)];
    let axes = Some(axes.into_iter().flatten().collect());
    super::then(py, made, &Op::Squeeze { axes })
}

#[pymethods]
impl Tensor {
    fn __add__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::Add, false)
    }

    fn __radd__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::Add, true)
    }

    fn __sub__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::Sub, false)
    }

    fn __rsub__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::Sub, true)
    }

    fn __mul__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::Mul, false)
    }

    fn __rmul__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::Mul, true)
    }

    fn __truediv__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        divide(slf, other, false)
    }

    fn __rtruediv__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        divide(slf, other, true)
    }

    fn __floordiv__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::FloorDiv, false)
    }

    fn __rfloordiv__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::FloorDiv, true)
    }

    fn __mod__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::FloorMod, false)
    }

    fn __rmod__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::FloorMod, true)
    }

    fn __pow__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        modulo: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if modulo.is_some() {
            return Err(PyTypeError::new_err("pow() of tensors takes two arguments"));
        }
        binary(slf, other, Binary::Pow, false)
    }

    fn __rpow__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        _modulo: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::Pow, true)
    }

    fn __matmul__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match operand(other, slf.borrow().dtype())? {
            Some(other) => Ok(Bound::new(py, product(slf, &other)?)?.into_any()),
            None => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    fn __rmatmul__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        match operand(other, slf.borrow().dtype())? {
            Some(other) => Ok(Bound::new(py, product(&other, slf)?)?.into_any()),
            None => Ok(py.NotImplemented().into_bound(py)),
        }
    }

    fn __and__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::LogicalAnd, false)
    }

    fn __or__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::LogicalOr, false)
    }

    fn __xor__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        binary(slf, other, Binary::LogicalXor, false)
    }

    fn __neg__(slf: &Bound<'_, Self>) -> PyResult<Self> {
        apply_one(slf.py(), &Op::Unary { f: Unary::Neg }, &[slf])
    }

    fn __pos__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __abs__(slf: &Bound<'_, Self>) -> PyResult<Self> {
        apply_one(slf.py(), &Op::Unary { f: Unary::Abs }, &[slf])
    }

    fn __invert__(slf: &Bound<'_, Self>) -> PyResult<Self> {
        apply_one(slf.py(), &Op::Unary { f: Unary::LogicalNot }, &[slf])
    }

    fn __richcmp__<'py>(
        slf: &Bound<'py, Self>,
        other: &Bound<'py, PyAny>,
        comparison: CompareOp,
    ) -> PyResult<Bound<'py, PyAny>> {
        let f = match comparison {
            CompareOp::Lt => Binary::Less,
            CompareOp::Le => Binary::LessEqual,
            CompareOp::Eq => Binary::Equal,
            CompareOp::Ne => Binary::NotEqual,
            CompareOp::Gt => Binary::Greater,
            CompareOp::Ge => Binary::GreaterEqual,
        };
        binary(slf, other, f, false)
    }

    /// By identity, since `==` is element-wise.
    fn __hash__(slf: &Bound<'_, Self>) -> isize {
        (slf.as_ptr() as isize) >> 4
    }
}
