//! Element-wise functions.

use ferrule_base::DType;
use ferrule_graph::Op;
use ferrule_tensor::ops::{Binary, Unary};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

use super::scalar::{of_int, operand};
use super::{Tensor, apply_one};

fn unary(slf: &Bound<'_, Tensor>, f: Unary) -> PyResult<Tensor> {
    apply_one(slf.py(), &Op::Unary { f }, &[slf])
}

/// `f` of a tensor and a tensor, a number or an array.
fn binary(slf: &Bound<'_, Tensor>, other: &Bound<'_, PyAny>, f: Binary) -> PyResult<Tensor> {
    let Some(other) = operand(other, slf.borrow().dtype())? else {
        let class = other.get_type();
        return Err(PyTypeError::new_err(format!("expected a tensor or a number, got {class}")));
    };
    apply_one(slf.py(), &Op::Binary { f }, &[slf, &other])
}

/// The element-wise functions of one tensor, each a method of its name.
macro_rules! functions {
    ($($name:ident: $f:ident = $doc:literal,)+) => {
        #[pymethods]
        impl Tensor {
            $(
                #[doc = $doc]
                fn $name(slf: &Bound<'_, Self>) -> PyResult<Self> {
                    unary(slf, Unary::$f)
                }
            )+
        }
    };
}

functions! {
    abs: Abs = "The absolute value of each element.",
    sign: Sign = "-1, 0 or 1, as each element is.",
    square: Square = "x * x.",
    reciprocal: Reciprocal = "1 / x.",
    exp: Exp = "e to the power of each element.",
    expm1: Expm1 = "exp(x) - 1, exact near 0.",
    log: Log = "The natural logarithm.",
    log1p: Log1p = "log(1 + x), exact near 0.",
    sqrt: Sqrt = "The square root.",
    rsqrt: Rsqrt = "1 / sqrt(x).",
    sin: Sin = "The sine.",
    cos: Cos = "The cosine.",
    tan: Tan = "The tangent.",
    asin: Asin = "The angle whose sine is x.",
    acos: Acos = "The angle whose cosine is x.",
    atan: Atan = "The angle whose tangent is x.",
    sinh: Sinh = "The hyperbolic sine.",
    cosh: Cosh = "The hyperbolic cosine.",
    tanh: Tanh = "The hyperbolic tangent.",
    sigmoid: Sigmoid = "1 / (1 + exp(-x)).",
    softplus: Softplus = "log(1 + exp(x)).",
    erf: Erf = "The error function.",
    erfc: Erfc = "1 - erf(x), exact where that is small.",
    floor: Floor = "The greatest whole number that is not greater.",
    ceil: Ceil = "The least whole number that is not less.",
    round: Round = "The nearest whole number; halves go to the even one.",
    isnan: IsNan = "Whether each element is NaN.",
    isinf: IsInf = "Whether each element is infinite.",
    isfinite: IsFinite = "Whether each element is neither NaN nor infinite.",
    logical_not: LogicalNot = "Whether each element is false.",
}

#[pymethods]
impl Tensor {
    /// The greater of each pair of elements.
    fn maximum(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary(slf, other, Binary::Maximum)
    }

    /// The lesser of each pair of elements.
    fn minimum(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary(slf, other, Binary::Minimum)
    }

    /// Each element to the power of the other.
    fn pow(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary(slf, other, Binary::Pow)
    }

    /// The angle of the point (other, self).
    fn atan2(slf: &Bound<'_, Self>, other: &Bound<'_, PyAny>) -> PyResult<Self> {
        binary(slf, other, Binary::Atan2)
    }

    /// max(0, x), whose gradient at 0 is 0.
    fn relu(slf: &Bound<'_, Self>) -> PyResult<Self> {
        let py = slf.py();
        let zero = Bound::new(py, Self::from_array(of_int(0, slf.borrow().dtype())))?;
        apply_one(py, &Op::Binary { f: Binary::Maximum }, &[&zero, slf])
    }

    /// Elements below `min` become it, those above `max` that.
    #[pyo3(signature = (min = None, max = None))]
    fn clamp<'py>(
        slf: &Bound<'py, Self>,
        min: Option<&Bound<'py, PyAny>>,
        max: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, Self>> {
        let mut made = slf.clone();
        for (bound, f) in [(min, Binary::Maximum), (max, Binary::Minimum)] {
            if let Some(bound) = bound {
                made = Bound::new(slf.py(), binary(&made, bound, f)?)?;
            }
        }
        Ok(made)
    }

    /// The same numbers in another dtype, such as "float32"; this tensor where it has that, or where
    /// "cpu" is asked for.
    fn to<'py>(slf: &Bound<'py, Self>, dtype: &Bound<'py, PyAny>) -> PyResult<Bound<'py, Self>> {
        match dtype.extract::<&str>() {
            Ok("cpu") => return Ok(slf.clone()),
            Ok(device) if device.starts_with("cuda") => {
                return Err(PyValueError::new_err("there is no device but the CPU"));
            }
            _ => {}
        }
        cast(slf, super::convert::dtype_of(dtype)?)
    }

    /// This tensor: there is no other device.
    fn cpu(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    /// As `to("float32")`.
    fn float<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        cast(slf, DType::Fp32)
    }

    /// As `to("float64")`.
    fn double<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        cast(slf, DType::Fp64)
    }

    /// As `to("int32")`.
    fn int<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        cast(slf, DType::Int32)
    }

    /// As `to("int64")`.
    fn long<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        cast(slf, DType::Int64)
    }

    /// As `to("bool")`.
    fn bool<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, Self>> {
        cast(slf, DType::Bool)
    }
}

fn cast<'py>(slf: &Bound<'py, Tensor>, to: DType) -> PyResult<Bound<'py, Tensor>> {
    if slf.borrow().dtype() == to {
        return Ok(slf.clone());
    }
    Bound::new(slf.py(), apply_one(slf.py(), &Op::Cast { to }, &[slf])?)
}
