//! Numbers beside tensors.

use ferrule_base::DType;
use ferrule_tensor::array::Array;
use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt};

use super::Tensor;
use super::convert::tensor_from;

/// `other` as an operand beside a tensor of `dtype`: a tensor as it is, a Python number in that dtype,
/// what NumPy makes an array of in its own; `None` for anything else.
pub(super) fn operand<'py>(
    other: &Bound<'py, PyAny>,
    dtype: DType,
) -> PyResult<Option<Bound<'py, Tensor>>> {
    if let Ok(tensor) = other.cast::<Tensor>() {
        return Ok(Some(tensor.clone()));
    }
    let py = other.py();
    if let Some(array) = number(other, dtype)? {
        return Bound::new(py, Tensor::from_array(array)).map(Some);
    }
    if other.hasattr("__array__")? {
        // A scalar of NumPy's is a number as Python's are.
        if other.is_instance(&py.import("numpy")?.getattr("generic")?)?
            && let Some(array) = number(&other.call_method0("item")?, dtype)?
        {
            return Bound::new(py, Tensor::from_array(array)).map(Some);
        }
        return Bound::new(py, tensor_from(py, other, None)?).map(Some);
    }
    Ok(None)
}

/// A Python number as a scalar of `dtype`.
pub(super) fn number(value: &Bound<'_, PyAny>, dtype: DType) -> PyResult<Option<Array>> {
    if value.is_instance_of::<PyBool>() {
        let truth = value.extract::<bool>()?;
        return Ok(Some(of_int(i64::from(truth), dtype)));
    }
    if value.is_instance_of::<PyFloat>() {
        return of_float(value.extract()?, dtype).map(Some);
    }
    if value.is_instance_of::<PyInt>() {
        let Ok(int) = value.extract::<i64>() else {
            return Err(PyOverflowError::new_err(format!("{value} does not fit into 64 bits")));
        };
        if !fits(int, dtype) {
            let message = format!("{int} does not fit into a tensor of {}", name(dtype));
            return Err(PyOverflowError::new_err(message));
        }
        return Ok(Some(of_int(int, dtype)));
    }
    Ok(None)
}

fn name(dtype: DType) -> &'static str {
    super::super::arrays::dtype_name(dtype)
}

fn fits(int: i64, dtype: DType) -> bool {
    match dtype {
        DType::Int32 => i32::try_from(int).is_ok(),
        DType::Uint8 => u8::try_from(int).is_ok(),
        DType::Bool => (0..2).contains(&int),
        _ => true,
    }
}

/// A whole number as a scalar of `dtype`.
pub(super) fn of_int(int: i64, dtype: DType) -> Array {
    match dtype {
        DType::Fp32 => Array::scalar(dtype, int as f32),
        DType::Fp64 => Array::scalar(dtype, int as f64),
        DType::Int32 => Array::scalar(dtype, int as i32),
        DType::Int64 => Array::scalar(dtype, int),
        _ => Array::scalar(dtype, int as u8),
    }
}

fn of_float(float: f64, dtype: DType) -> PyResult<Array> {
    match dtype {
        DType::Fp32 => Ok(Array::scalar(dtype, float as f32)),
        DType::Fp64 => Ok(Array::scalar(dtype, float)),
        _ => Err(PyTypeError::new_err(format!(
            "{float} beside a tensor of {0}: cast the tensor with .float(), or write a whole number",
            name(dtype)
        ))),
    }
}
