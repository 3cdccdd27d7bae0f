//! Tensors from and to what others have: numbers, NumPy's arrays, DLPack.

use ferrule_base::DType;
use numpy::{PyUntypedArray, PyUntypedArrayMethods};
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyDict, PyFloat, PyString, PyTuple};

use super::{Content, Tensor};
use crate::flow::arrays::{
    dtype_name, dtype_named, fed_numpy, from_numpy, is_supported, numpy_dtype, shared_numpy,
    to_numpy_shared,
};

/// The tensor of a number, a nest of numbers, or anything that NumPy makes an array of. Python's floats
/// become float32 where no dtype is named, its integers int64.
#[pyfunction]
#[pyo3(signature = (data, dtype = None))]
pub(crate) fn tensor_from(
    py: Python<'_>,
    data: &Bound<'_, PyAny>,
    dtype: Option<&Bound<'_, PyAny>>,
) -> PyResult<Tensor> {
    if let Ok(tensor) = data.cast::<Tensor>() {
        return from_tensor(tensor, dtype);
    }
    if let (None, Ok(array)) = (dtype, data.cast::<PyUntypedArray>())
        && array.is_c_contiguous()
        && is_supported(array)
    {
        return from_numpy(array).map(Tensor::from_array);
    }
    let numpy = py.import("numpy")?;
    let has_dtype = data.hasattr("dtype")?;
    let wanted = dtype.map(|dtype| dtype_of(dtype)).transpose()?;
    let array = match wanted {
        Some(wanted) => numpy.call_method1("asarray", (data, dtype_name(wanted), "C"))?,
        None => {
            let array = numpy.call_method1("asarray", (data, py.None(), "C"))?;
            let name: String = array.getattr("dtype")?.getattr("name")?.extract()?;
            // Python's numbers have no width of their own.
            if name == "float64" && !has_dtype {
                numpy.call_method1("asarray", (array, "float32", "C"))?
            } else {
                array
            }
        }
    };
    let array = array.cast_into::<PyUntypedArray>()?;
    from_numpy(&array).map(Tensor::from_array).map_err(|error| unsupported(py, error, &array))
}

/// The tensor in the memory of a NumPy array, or of a copy where that cannot be shared.
#[pyfunction]
pub(crate) fn tensor_shared(py: Python<'_>, array: &Bound<'_, PyUntypedArray>) -> PyResult<Tensor> {
    let shared = shared_numpy(array).map_err(|error| unsupported(py, error, array))?;
    match shared {
        Some(shared) => Ok(Tensor::from_array(shared)),
        None => tensor_from(py, array.as_any(), None),
    }
}

/// The tensor of a NumPy array for one call of a function, in the array's memory where that pays.
#[pyfunction]
pub(crate) fn tensor_fed(py: Python<'_>, array: &Bound<'_, PyUntypedArray>) -> PyResult<Tensor> {
    if array.is_c_contiguous() && is_supported(array) {
        let tensor = Tensor::from_array(fed_numpy(array)?);
        return Ok(Tensor { is_fed: true, ..tensor });
    }
    tensor_from(py, array.as_any(), None)
}

fn from_tensor(tensor: &Bound<'_, Tensor>, dtype: Option<&Bound<'_, PyAny>>) -> PyResult<Tensor> {
    let op = match dtype {
        Some(dtype) => ferrule_graph::Op::Cast { to: dtype_of(dtype)? },
        None => ferrule_graph::Op::StopGradient,
    };
    super::apply_one(tensor.py(), &op, &[tensor])
}

fn unsupported(py: Python<'_>, error: PyErr, array: &Bound<'_, PyUntypedArray>) -> PyErr {
    let dtype = array.dtype();
    if !error.is_instance_of::<PyTypeError>(py) {
        return error;
    }
    PyTypeError::new_err(format!(
        "a tensor holds float32, float64, int32, int64, uint8 or bool, not {dtype}: convert it first, \
         or name the dtype"
    ))
}

/// The dtype that a name, a NumPy dtype or type, or Python's `float`, `int` or `bool` means.
pub(super) fn dtype_of(value: &Bound<'_, PyAny>) -> PyResult<DType> {
    if let Ok(name) = value.cast::<PyString>() {
        return dtype_named(name.to_str()?);
    }
    let py = value.py();
    if value.is(py.get_type::<PyFloat>()) {
        return Ok(DType::Fp32);
    }
    if value.is(py.get_type::<PyBool>()) {
        return Ok(DType::Bool);
    }
    let dtype = py.import("numpy")?.call_method1("dtype", (value,))?;
    dtype_named(&dtype.getattr("name")?.extract::<String>()?)
}

#[pymethods]
impl Tensor {
    /// The sizes of the dimensions.
    #[getter(shape)]
    fn get_shape<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        PyTuple::new(py, self.shape().iter())
    }

    /// The NumPy dtype of the elements.
    #[getter(dtype)]
    fn get_dtype<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        numpy_dtype(py, self.dtype())
    }

    /// The number of dimensions.
    #[getter]
    fn ndim(&self) -> usize {
        self.shape().len()
    }

    /// The number of dimensions.
    fn dim(&self) -> usize {
        self.shape().len()
    }

    /// The number of elements.
    fn numel(&self) -> usize {
        self.shape().elements()
    }

    /// The sizes of the dimensions, or of one of them.
    #[pyo3(signature = (dim = None))]
    fn size<'py>(&self, py: Python<'py>, dim: Option<i64>) -> PyResult<Bound<'py, PyAny>> {
        let shape = self.shape();
        match dim {
            None => Ok(PyTuple::new(py, shape.iter())?.into_any()),
            Some(dim) => {
                let size = shape[super::layout::absolute(dim, shape.len())?];
                Ok(size.into_pyobject(py)?.into_any())
            }
        }
    }

    /// The elements as a NumPy array, which shares their memory and cannot be written.
    fn numpy<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        to_numpy_shared(slf.py(), &Self::array(slf)?)
    }

    #[pyo3(signature = (dtype = None, copy = None))]
    fn __array__<'py>(
        slf: &Bound<'py, Self>,
        dtype: Option<&Bound<'py, PyAny>>,
        copy: Option<bool>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let array = Self::numpy(slf)?;
        if dtype.is_none() && copy != Some(true) {
            return Ok(array);
        }
        let options = PyDict::new(py);
        options.set_item("dtype", dtype)?;
        options.set_item("copy", copy)?;
        py.import("numpy")?.call_method("array", (array,), Some(&options))
    }

    /// NumPy's functions of this tensor and others.
    #[pyo3(signature = (ufunc, method, *inputs, **options))]
    fn __array_ufunc__<'py>(
        &self,
        ufunc: &Bound<'py, PyAny>,
        method: &Bound<'py, PyAny>,
        inputs: &Bound<'py, PyTuple>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let module = ufunc.py().import("ferrule.flow._numpy")?;
        module.call_method1("array_ufunc", (ufunc, method, inputs, options))
    }

    /// NumPy's functions of this tensor and others, but for element-wise ones.
    fn __array_function__<'py>(
        &self,
        function: &Bound<'py, PyAny>,
        _types: &Bound<'py, PyAny>,
        args: &Bound<'py, PyAny>,
        options: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let module = function.py().import("ferrule.flow._numpy")?;
        module.call_method1("array_function", (function, args, options))
    }

    #[pyo3(signature = (**options))]
    fn __dlpack__<'py>(
        slf: &Bound<'py, Self>,
        options: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let array = Self::numpy(slf)?;
        // A peer that knows nothing of read-only memory gets a copy, since it may write.
        let knows = match options {
            Some(options) => options.get_item("max_version")?.is_some_and(|one| !one.is_none()),
            None => false,
        };
        let array = if knows { array } else { array.call_method0("copy")? };
        array.call_method("__dlpack__", (), options)
    }

    fn __dlpack_device__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        PyTuple::new(py, [1, 0]).map(Bound::into_any)
    }

    /// The one element as a Python number.
    fn item<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let shape = slf.borrow().shape();
        if shape.elements() != 1 {
            let message =
                format!("only a tensor of one element is a number; this has shape {shape}");
            return Err(PyValueError::new_err(message));
        }
        Self::numpy(slf)?.call_method0("item")
    }

    /// The elements as nested lists of Python numbers.
    fn tolist<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        Self::numpy(slf)?.call_method0("tolist")
    }

    fn __float__(slf: &Bound<'_, Self>) -> PyResult<f64> {
        Self::item(slf)?.extract()
    }

    fn __int__(slf: &Bound<'_, Self>) -> PyResult<i64> {
        Self::item(slf)?.call_method0("__int__")?.extract()
    }

    fn __index__(slf: &Bound<'_, Self>) -> PyResult<i64> {
        if matches!(slf.borrow().dtype(), DType::Fp32 | DType::Fp64 | DType::Bool) {
            return Err(PyTypeError::new_err("only a tensor of a whole number is an index"));
        }
        Self::item(slf)?.extract()
    }

    fn __bool__(slf: &Bound<'_, Self>) -> PyResult<bool> {
        if slf.borrow().shape().elements() != 1 {
            return Err(PyValueError::new_err(
                "a tensor of several elements is neither true nor false: use any() or all()",
            ));
        }
        Self::item(slf)?.is_truthy()
    }

    fn __len__(&self) -> PyResult<usize> {
        let size = self.shape().first().copied();
        size.ok_or_else(|| PyTypeError::new_err("a tensor without dimensions has no length"))
    }

    fn __iter__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let rows = (0..slf.len()?).map(|index| slf.get_item(index));
        let rows = rows.collect::<PyResult<Vec<_>>>()?;
        Ok(PyTuple::new(py, rows)?.try_iter()?.into_any())
    }

    fn __repr__(slf: &Bound<'_, Self>) -> PyResult<String> {
        let (dtype, shape) = (slf.borrow().dtype(), slf.borrow().shape());
        if let Content::Symbol(_) = slf.borrow().content {
            return Ok(format!("<tensor of {} {shape}, traced>", dtype_name(dtype)));
        }
        let options = PyDict::new(slf.py());
        options.set_item("separator", ", ")?;
        options.set_item("prefix", "tensor(")?;
        let numpy = slf.py().import("numpy")?;
        let text = numpy.call_method("array2string", (Self::numpy(slf)?,), Some(&options))?;
        let mut text = format!("tensor({text}");
        if !matches!(dtype, DType::Fp32 | DType::Int64 | DType::Bool) {
            text = format!("{text}, dtype={}", dtype_name(dtype));
        }
        if slf.borrow().requires_grad() {
            text.push_str(", requires_grad=True");
        }
        Ok(text + ")")
    }

    fn __format__(slf: &Bound<'_, Self>, form: &str) -> PyResult<String> {
        if form.is_empty() || slf.borrow().shape().elements() != 1 {
            return Self::__repr__(slf);
        }
        Self::item(slf)?.call_method1("__format__", (form,))?.extract()
    }

    /// The element type and elements, for pickle and copy.
    fn __reduce__<'py>(slf: &Bound<'py, Self>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let requires_grad = slf.borrow().requires_grad();
        if requires_grad && !slf.borrow().is_plain_leaf() {
            return Err(PyValueError::new_err(
                "a tensor with history cannot be copied or pickled: detach() it first",
            ));
        }
        let module = py.import("ferrule.flow")?;
        let rebuild = module.getattr("_tensors")?.getattr("rebuild")?;
        let args = (Self::numpy(slf)?, requires_grad);
        (rebuild, args).into_pyobject(py).map(Bound::into_any)
    }
}

impl Tensor {
    fn is_plain_leaf(&self) -> bool {
        self.leaf.is_some() && matches!(self.content, Content::Array(_))
    }
}
