//! NumPy's arrays and scalars to and from ours.

use std::ffi::c_void;
use std::ptr::{NonNull, null_mut};
use std::sync::Arc;

use ferrule_base::DType;
use ferrule_tensor::array::{Array, Buffer, Shape};
use numpy::npyffi::{
    NPY_ARRAY_ALIGNED, NPY_ARRAY_C_CONTIGUOUS, NPY_TYPES, NpyTypes, PY_ARRAY_API, get_type_object,
    npy_intp,
};
use numpy::{PyArrayDescrMethods, PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;

/// (dtype, NumPy's name, NumPy's number)
const DTYPES: [(DType, &str, NPY_TYPES); 6] = [
    (DType::Fp32, "float32", NPY_TYPES::NPY_FLOAT),
    (DType::Fp64, "float64", NPY_TYPES::NPY_DOUBLE),
    (DType::Int32, "int32", NPY_TYPES::NPY_INT),
    (DType::Int64, "int64", NPY_TYPES::NPY_LONG),
    (DType::Uint8, "uint8", NPY_TYPES::NPY_UBYTE),
    (DType::Bool, "bool", NPY_TYPES::NPY_BOOL),
];

/// NumPy's name of a dtype.
pub(super) fn dtype_name(dtype: DType) -> &'static str {
    DTYPES.iter().find(|row| row.0 == dtype).map_or("object", |row| row.1)
}

/// The dtype that NumPy calls `name`.
pub(super) fn dtype_named(name: &str) -> PyResult<DType> {
    let found = DTYPES.iter().find(|row| row.1 == name).map(|row| row.0);
    found.ok_or_else(|| PyTypeError::new_err(format!("{name} is not a dtype of the engine's")))
}

fn type_number(dtype: DType) -> NPY_TYPES {
    DTYPES.iter().find(|row| row.0 == dtype).map_or(NPY_TYPES::NPY_OBJECT, |row| row.2)
}

/// NumPy's object for a dtype.
pub(super) fn numpy_dtype(py: Python<'_>, dtype: DType) -> PyResult<Bound<'_, PyAny>> {
    // SAFETY: NumPy has a description for the number of each of its types, and hands out a reference.
    unsafe {
        let description = PY_ARRAY_API.PyArray_DescrFromType(py, type_number(dtype) as i32);
        Bound::from_owned_ptr_or_err(py, description.cast())
    }
}

/// Whether the bytes of an array's elements are in the machine's order.
fn is_native(array: &Bound<'_, PyUntypedArray>) -> bool {
    array.dtype().is_native_byteorder() != Some(false)
}

/// Whether an array is of one of the engine's dtypes, by the number that NumPy usually has for it.
pub(super) fn is_supported(array: &Bound<'_, PyUntypedArray>) -> bool {
    let number = array.dtype().num();
    is_native(array) && DTYPES.iter().any(|row| row.2 as i32 == number)
}

/// The dtype of a NumPy array.
fn dtype_of(array: &Bound<'_, PyUntypedArray>) -> PyResult<DType> {
    let number = array.dtype().num();
    match DTYPES.iter().find(|row| row.2 as i32 == number) {
        Some(row) => Ok(row.0),
        // Several of NumPy's numbers have one name, such as those of `long` and `long long`.
        None => dtype_named(&array.dtype().getattr("name")?.extract::<String>()?),
    }
}

fn shape_of(array: &Bound<'_, PyUntypedArray>) -> PyResult<Shape> {
    Shape::new(array.shape()).ok_or_else(|| {
        let rank = array.shape().len();
        PyValueError::new_err(format!("an array has {rank} dimensions; at most 8 are allowed"))
    })
}

/// Keeps a NumPy array.
struct Lending {
    _array: Py<PyUntypedArray>,
}

/// The array in the memory of a NumPy array, which is kept; `None` where its elements are no numbers of
/// the engine's, side by side and aligned. Truth values are not: bytes may be anything.
pub(super) fn shared_numpy(array: &Bound<'_, PyUntypedArray>) -> PyResult<Option<Array>> {
    let dtype = dtype_of(array)?;
    let shape = shape_of(array)?;
    let bytes = shape.elements() * dtype.size();
    if dtype == DType::Bool || bytes == 0 || !is_native(array) || !array.is_c_contiguous() {
        return Ok(None);
    }
    let lender = Box::new(Lending { _array: array.clone().unbind() });
    // SAFETY: NumPy vouches for the elements of a C-contiguous array side by side from `data` on, for as
    // long as the array is there. That nothing writes to them meanwhile is what is said of such tensors.
    let buffer = unsafe {
        let data = (*array.as_array_ptr()).fields.data.cast::<u8>();
        NonNull::new(data).and_then(|start| Buffer::lent(start, bytes, lender))
    };
    Ok(buffer.map(|buffer| Array::from_buffer(dtype, shape, Arc::new(buffer))))
}

/// Arrays of fewer bytes are copied faster than their memory is shared.
const SHARED_BYTES_MIN: usize = 1 << 12;

/// The array of a C-contiguous NumPy array that is there for one call: in its memory where that pays.
pub(super) fn fed_numpy(array: &Bound<'_, PyUntypedArray>) -> PyResult<Array> {
    if array.shape().iter().product::<usize>() * array.dtype().itemsize() >= SHARED_BYTES_MIN
        && let Some(shared) = shared_numpy(array)?
    {
        return Ok(shared);
    }
    from_numpy(array)
}

/// The array of a C-contiguous NumPy array, copied.
pub(super) fn from_numpy(array: &Bound<'_, PyUntypedArray>) -> PyResult<Array> {
    let dtype = dtype_of(array)?;
    if !is_native(array) {
        let order = array.dtype().call_method1("newbyteorder", ("=",))?;
        let native = array.call_method1("astype", (order,))?;
        return from_numpy(native.cast::<PyUntypedArray>()?);
    }
    if !array.is_c_contiguous() {
        return Err(PyValueError::new_err("a C-contiguous array is expected"));
    }
    let shape = shape_of(array)?;
    let bytes = shape.elements() * dtype.size();
    let mut buffer = Buffer::zeroed(bytes);
    if bytes > 0 {
        // SAFETY: NumPy vouches for the elements of a C-contiguous array side by side from `data` on,
        // and the GIL keeps the array alive while they are copied.
        let from = unsafe {
            let data = (*array.as_array_ptr()).fields.data.cast::<u8>().cast_const();
            std::slice::from_raw_parts(data, bytes)
        };
        let to = buffer.as_mut_slice::<u8>(bytes);
        to.copy_from_slice(from);
        if dtype == DType::Bool {
            // A view of other bytes may hold any.
            to.iter_mut().for_each(|byte| *byte = u8::from(*byte != 0));
        }
    }
    Ok(Array::from_buffer(dtype, shape, Arc::new(buffer)))
}

/// The array of anything that NumPy makes one of `dtype` of.
pub(super) fn from_any(value: &Bound<'_, PyAny>, dtype: DType) -> PyResult<Array> {
    from_numpy(&as_numpy(value, dtype)?)
}

/// As [`from_any`], for one call: see [`fed_numpy`].
pub(super) fn fed_any(value: &Bound<'_, PyAny>, dtype: DType) -> PyResult<Array> {
    fed_numpy(&as_numpy(value, dtype)?)
}

/// The C-contiguous NumPy array of `dtype` that NumPy makes of anything.
fn as_numpy<'py>(value: &Bound<'py, PyAny>, dtype: DType) -> PyResult<Bound<'py, PyUntypedArray>> {
    if let Ok(array) = value.cast::<PyUntypedArray>()
        && array.is_c_contiguous()
        && is_native(array)
        && array.dtype().num() == type_number(dtype) as i32
    {
        return Ok(array.clone());
    }
    let numpy = value.py().import("numpy")?;
    let array = numpy.call_method1("asarray", (value, dtype_name(dtype), "C"))?;
    Ok(array.cast_into::<PyUntypedArray>()?)
}

/// Whether `value` is NumPy's `float32` scalar.
pub(super) fn is_float32(value: &Bound<'_, PyAny>) -> bool {
    // SAFETY: NumPy's type object lives as long as NumPy, which is never unloaded.
    let class = unsafe { get_type_object(value.py(), NpyTypes::PyFloatArrType_Type) };
    value.get_type_ptr() == class
}

/// A NumPy array of the same elements, or a NumPy scalar where there are no dimensions.
pub(super) fn to_numpy(py: Python<'_>, array: &Array) -> PyResult<Py<PyAny>> {
    if array.shape().is_empty() {
        return scalar(py, array.dtype(), array.as_bytes());
    }
    let mut dims: Vec<npy_intp> = array.shape().iter().map(|&size| size as npy_intp).collect();
    // SAFETY: NumPy allocates an array of these dimensions and of this type, which it has.
    let made = unsafe {
        let class = get_type_object(py, NpyTypes::PyArray_Type);
        let number = type_number(array.dtype()) as i32;
        let (dims, rank) = (dims.as_mut_ptr(), dims.len() as i32);
        let made = PY_ARRAY_API.PyArray_New(
            py,
            class,
            rank,
            dims,
            number,
            null_mut(),
            null_mut(),
            0,
            0,
            null_mut(),
        );
        Bound::from_owned_ptr_or_err(py, made)?
    };
    let made = made.cast_into::<PyUntypedArray>()?;
    let bytes = array.as_bytes();
    if !bytes.is_empty() {
        // SAFETY: the new array has as many bytes, side by side, and nobody else has seen it.
        unsafe {
            let data = (*made.as_array_ptr()).fields.data.cast::<u8>();
            data.copy_from_nonoverlapping(bytes.as_ptr(), bytes.len());
        }
    }
    Ok(made.into_any().unbind())
}

/// What keeps the memory of an array that NumPy sees.
#[pyclass(frozen)]
struct Held {
    _data: Arc<Buffer>,
}

/// A NumPy array that shares the elements, which cannot be written through it.
pub(super) fn to_numpy_shared<'py>(py: Python<'py>, array: &Array) -> PyResult<Bound<'py, PyAny>> {
    let mut dims: Vec<npy_intp> = array.shape().iter().map(|&size| size as npy_intp).collect();
    let data = array.as_bytes().as_ptr().cast_mut().cast::<c_void>();
    let held = Py::new(py, Held { _data: array.buffer().clone() })?;
    // SAFETY: the memory is of this type and these dimensions, is not written while anybody shares it,
    // and lives as long as `held`, whose reference NumPy takes over with `PyArray_SetBaseObject`.
    unsafe {
        let class = get_type_object(py, NpyTypes::PyArray_Type);
        let number = type_number(array.dtype()) as i32;
        let (dims, rank) = (dims.as_mut_ptr(), dims.len() as i32);
        let flags = NPY_ARRAY_C_CONTIGUOUS | NPY_ARRAY_ALIGNED;
        let made = PY_ARRAY_API.PyArray_New(
            py,
            class,
            rank,
            dims,
            number,
            null_mut(),
            data,
            0,
            flags,
            null_mut(),
        );
        let made = Bound::from_owned_ptr_or_err(py, made)?;
        let set = PY_ARRAY_API.PyArray_SetBaseObject(py, made.as_ptr().cast(), held.into_ptr());
        if set < 0 { Err(PyErr::fetch(py)) } else { Ok(made) }
    }
}

/// The NumPy scalar of a dtype whose bytes these are.
pub(super) fn scalar(py: Python<'_>, dtype: DType, bytes: &[u8]) -> PyResult<Py<PyAny>> {
    assert!(bytes.len() >= dtype.size(), "a scalar has the bytes of one element");
    // SAFETY: `PyFloatScalarObject` and its kin, part of NumPy's ABI, are an object's head and the
    // value; of any other type NumPy itself copies the element, whose description is ours to release.
    unsafe {
        let class = match dtype {
            DType::Fp32 => get_type_object(py, NpyTypes::PyFloatArrType_Type),
            DType::Fp64 => get_type_object(py, NpyTypes::PyDoubleArrType_Type),
            _ => {
                let description = PY_ARRAY_API.PyArray_DescrFromType(py, type_number(dtype) as i32);
                let data = bytes.as_ptr().cast_mut().cast::<c_void>();
                let made = PY_ARRAY_API.PyArray_Scalar(py, data, description, null_mut());
                pyo3::ffi::Py_DECREF(description.cast());
                return Bound::from_owned_ptr_or_err(py, made).map(Bound::unbind);
            }
        };
        let made = Bound::from_owned_ptr_or_err(py, pyo3::ffi::PyType_GenericAlloc(class, 0))?;
        let value = made.as_ptr().add(1).cast::<u8>();
        value.copy_from_nonoverlapping(bytes.as_ptr(), dtype.size());
        Ok(made.unbind())
    }
}
