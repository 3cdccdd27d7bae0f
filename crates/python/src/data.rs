//! What `ferrule.data` reads by the core: headers of files, and numbers straight into its arrays.

use std::collections::BTreeMap;
use std::sync::Arc;

use ferrule_base::Limits;
use ferrule_format::Real;
use ferrule_format::csv::{Head, Outcome};
use ferrule_format::parquet::{Column, Kind, Metadata, ParquetError, Scratch};
use ferrule_format::safetensors::{self, TensorInfo};
use pyo3::buffer::{Element, PyBuffer};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::buffers::{Extent, Input, Output};
use crate::errors::to_py;

/// (name, safetensors dtype, shape, first byte, byte after the last), in the data section
type TensorOut = (String, &'static str, Vec<usize>, u64, u64);

/// What the header of `file`, the bytes of a whole safetensors file, says.
///
/// Returns (metadata, tensors, where in the file the data section begins).
#[pyfunction]
#[pyo3(signature = (file))]
pub(crate) fn safetensors_header(
    py: Python<'_>,
    file: &Bound<'_, PyAny>,
) -> PyResult<(BTreeMap<String, String>, Vec<TensorOut>, u64)> {
    let input = Input::<u8>::new(file, "file")?;
    let bytes = input.as_slice();
    let reader = safetensors::read(bytes, &Limits::default()).map_err(|error| to_py(py, &error))?;
    let data_bytes = reader.tensors().last().map_or(0, |tensor| tensor.end);
    let tensors = reader.tensors().iter().map(described).collect();
    Ok((reader.metadata().clone(), tensors, bytes.len() as u64 - data_bytes))
}

fn described(tensor: &TensorInfo) -> TensorOut {
    let dtype = tensor.dtype.safetensors_name().unwrap_or_default();
    (tensor.name.clone(), dtype, tensor.shape.clone(), tensor.start, tensor.end)
}

/// A Parquet file in memory. What is not read here raises `UnimplementedError`.
#[pyclass(frozen, module = "ferrule._core")]
pub(crate) struct ParquetFile {
    file: Input<u8>,
    metadata: Metadata,
}

#[pymethods]
impl ParquetFile {
    /// Reads the footer of `file`, the bytes of a whole file, at less cost where its columns are those
    /// of `model`.
    #[new]
    #[pyo3(signature = (file, model=None))]
    fn new(
        py: Python<'_>,
        file: &Bound<'_, PyAny>,
        model: Option<&Bound<'_, Self>>,
    ) -> PyResult<Self> {
        let file = Input::<u8>::new(file, "file")?;
        let bytes = file.as_slice();
        let model = model.map(Bound::get);
        let metadata = py.detach(|| match model {
            Some(model) => model.metadata.of_another(model.file.as_slice(), bytes),
            None => Metadata::new(bytes),
        });
        Ok(Self { metadata: metadata.map_err(|error| to_py(py, &error))?, file })
    }

    /// Names of its columns.
    #[getter]
    fn columns(&self) -> Vec<&str> {
        self.metadata.columns.iter().map(|column| column.name.as_str()).collect()
    }

    /// NumPy's name of the type of each column; None for those that are not read here.
    #[getter]
    fn dtypes(&self) -> Vec<Option<&'static str>> {
        self.metadata.columns.iter().map(dtype_name).collect()
    }

    /// Its rows.
    #[getter]
    fn n_rows(&self) -> u64 {
        self.metadata.rows
    }

    /// Whether `other` has as many columns, of the same names and types.
    fn has_columns_of(&self, other: &Self) -> bool {
        let (own, others) = (&self.metadata.columns, &other.metadata.columns);
        Arc::ptr_eq(own, others) || own == others
    }

    /// Fills `out`, float32 or float64 of shape (columns, rows), with rows from `first_row` on of the columns
    /// whose numbers are given.
    #[pyo3(signature = (columns, first_row, out))]
    fn read(
        &self,
        py: Python<'_>,
        columns: Vec<usize>,
        first_row: u64,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        if PyBuffer::<f32>::get(out).is_ok() {
            self.read_as::<f32>(py, &columns, first_row, out)
        } else {
            self.read_as::<f64>(py, &columns, first_row, out)
        }
    }
}

impl ParquetFile {
    fn read_as<T: Real + Element + Send>(
        &self,
        py: Python<'_>,
        columns: &[usize],
        first_row: u64,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let mut out = Output::<T>::new(out, "out", &[self.file.extent()])?;
        let values = out.as_mut_slice();
        let n_rows = rows_in(values.len(), columns.len())?;
        let slots = values.chunks_exact_mut(n_rows);
        let file = self.file.as_slice();
        py.detach(|| {
            let mut scratch = Scratch::default();
            let rows = self.metadata.rows(file, first_row, n_rows)?;
            columns
                .iter()
                .zip(slots)
                .try_for_each(|(&column, slot)| rows.read(column, slot, &mut scratch))
        })
        .map_err(|error: ParquetError| to_py(py, &error))
    }
}

/// A CSV file of numbers in memory.
#[pyclass(frozen, module = "ferrule._core")]
pub(crate) struct CsvFile {
    file: Input<u8>,
    head: Head,
}

#[pymethods]
impl CsvFile {
    /// Looks at the first row of `file`, the bytes of a whole file.
    #[new]
    #[pyo3(signature = (file, delimiter))]
    fn new(py: Python<'_>, file: &Bound<'_, PyAny>, delimiter: char) -> PyResult<Self> {
        let file = Input::<u8>::new(file, "file")?;
        let delimiter = u8::try_from(delimiter)
            .map_err(|_| PyValueError::new_err("the delimiter must be one byte"))?;
        let head = Head::new(file.as_slice(), delimiter).map_err(|error| to_py(py, &error))?;
        Ok(Self { file, head })
    }

    /// Names of its columns; None where the first row is all numbers, and data.
    #[getter]
    fn columns(&self) -> Option<Vec<String>> {
        self.head.named.then(|| self.head.cells.clone())
    }

    /// How many columns it has.
    #[getter]
    fn n_columns(&self) -> usize {
        self.head.cells.len()
    }

    /// Counts its rows.
    fn count_rows(&self, py: Python<'_>) -> PyResult<u64> {
        let file = self.file.as_slice();
        py.detach(|| self.head.count_rows(file)).map_err(|error| to_py(py, &error))
    }

    /// Fills `out`, float32 or float64 of shape (columns, rows), with rows from `first_row` on of the columns
    /// whose numbers are given. Returns (rows that there were, whether more follow).
    #[pyo3(signature = (columns, first_row, out))]
    fn read(
        &self,
        py: Python<'_>,
        columns: Vec<usize>,
        first_row: usize,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<(usize, bool)> {
        if PyBuffer::<f32>::get(out).is_ok() {
            self.read_as::<f32>(py, &columns, first_row, out)
        } else {
            self.read_as::<f64>(py, &columns, first_row, out)
        }
    }
}

impl CsvFile {
    fn read_as<T: Real + Element + Send>(
        &self,
        py: Python<'_>,
        columns: &[usize],
        first_row: usize,
        out: &Bound<'_, PyAny>,
    ) -> PyResult<(usize, bool)> {
        let mut out = Output::<T>::new(out, "out", &[self.file.extent()])?;
        let values = out.as_mut_slice();
        rows_in(values.len(), columns.len())?;
        let file = self.file.as_slice();
        let done = py.detach(|| self.head.read(file, columns, first_row, values));
        let Outcome { rows, more } = done.map_err(|error| to_py(py, &error))?;
        Ok((rows, more))
    }
}

fn dtype_name(column: &Column) -> Option<&'static str> {
    column.kind.map(|kind| match kind {
        Kind::I32 => "int32",
        Kind::I64 => "int64",
        Kind::F32 => "float32",
        Kind::F64 => "float64",
    })
}

/// How many rows an array of `elements` for `columns` columns has.
fn rows_in(elements: usize, columns: usize) -> PyResult<usize> {
    match elements.checked_div(columns) {
        Some(rows) if rows > 0 && rows * columns == elements => Ok(rows),
        _ => Err(PyValueError::new_err(format!(
            "out has {elements} elements; expected some for each of {columns} columns"
        ))),
    }
}
