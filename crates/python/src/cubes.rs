//! Cubes of a stack of frames: bytes in, bytes filled.

use ferrule_base::DType;
use ferrule_tensor::cubes::{Cubes, CubesError, Layout, Recipe, Rows, StackShape, xxh64};
use ferrule_tensor::{Isa, thread_count};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::buffers::{Extent, Input, Output};
use crate::control::compute;
use crate::errors::to_py;

/// A stream of cubes of one stack, which it keeps alive.
///
/// `stack` is the arena `[frame][column][row]` as bytes, `stack_shape` (frames, columns, rows), `rows` the
/// first row and the step, or nothing for random ones. Dtypes have NumPy's names.
#[pyclass(frozen, module = "ferrule._core")]
pub(crate) struct CubeMaker {
    stack: Input<u8>,
    cubes: Cubes,
}

#[pymethods]
impl CubeMaker {
    #[new]
    #[pyo3(signature = (
        stack, stack_shape, stack_dtype, *, shape, per_layer, rows, dtype, by_column, seed
    ))]
    #[allow(clippy::too_many_arguments, reason = "flat on purpose: Python names them")]
    fn new(
        py: Python<'_>,
        stack: &Bound<'_, PyAny>,
        stack_shape: (usize, usize, usize),
        stack_dtype: &str,
        shape: (usize, usize, usize),
        per_layer: bool,
        rows: Option<(usize, usize)>,
        dtype: &str,
        by_column: bool,
        seed: u64,
    ) -> PyResult<Self> {
        let (frames, columns, n_rows) = stack_shape;
        let recipe = Recipe {
            shape: shape.into(),
            per_layer,
            rows: rows.map_or(Rows::Random, |(start, step)| Rows::Every { start, step }),
            dtype: dtype_named(dtype)?,
            layout: if by_column { Layout::FrameColumnRow } else { Layout::FrameRowColumn },
            seed,
        };
        let dtype = dtype_named(stack_dtype)?;
        let cubes = Cubes::new(StackShape { frames, columns, rows: n_rows, dtype }, recipe)
            .map_err(|error| to_py(py, &error))?;
        Ok(Self { stack: Input::new(stack, "stack")?, cubes })
    }

    /// Fills `out`, bytes of whole cubes, with the cubes from `first` on; `n_threads` of 0 is all.
    fn fill(
        &self,
        py: Python<'_>,
        first: u64,
        out: &Bound<'_, PyAny>,
        n_threads: usize,
    ) -> PyResult<()> {
        let mut out = Output::<u8>::new(out, "out", &[self.stack.extent()])?;
        let (stack, out) = (self.stack.as_slice(), out.as_mut_slice());
        let n_threads = threads(n_threads);
        compute(
            py,
            |control, _| self.cubes.fill(stack, first, out, Isa::detect(), n_threads, control),
            |py, error: &CubesError| to_py(py, error),
        )
    }

    /// Makes `n` cubes from `first` on, and returns the sum modulo 2^64 of their layers' hashes:
    /// XXH64 with seed `cube * frames + frame`; `n_threads` of 0 is all.
    fn checksum(&self, py: Python<'_>, first: u64, n: usize, n_threads: usize) -> PyResult<u64> {
        let (stack, n_threads) = (self.stack.as_slice(), threads(n_threads));
        compute(
            py,
            |control, _| self.cubes.checksum(stack, first, n, Isa::detect(), n_threads, control),
            |py, error: &CubesError| to_py(py, error),
        )
    }

    /// Fills `columns` and `rows` with the indices of a cube's layers, one layer after the other.
    fn indices(
        &self,
        cube: u64,
        columns: &Bound<'_, PyAny>,
        rows: &Bound<'_, PyAny>,
    ) -> PyResult<()> {
        let mut columns = Output::<u32>::new(columns, "columns", &[])?;
        let mut rows = Output::<u32>::new(rows, "rows", &[])?;
        let (columns, rows) = (columns.as_mut_slice(), rows.as_mut_slice());
        if (columns.len(), rows.len()) != self.cubes.index_counts() {
            return Err(PyValueError::new_err("one index for each column and row of each layer"));
        }
        self.cubes.indices(cube, columns, rows);
        Ok(())
    }
}

/// The XXH64 hash of `data`.
#[pyfunction(name = "xxh64")]
pub(crate) fn hash(data: &Bound<'_, PyAny>, seed: u64) -> PyResult<u64> {
    Ok(xxh64(Input::<u8>::new(data, "data")?.as_slice(), seed))
}

fn threads(wanted: usize) -> usize {
    if wanted == 0 { thread_count() } else { wanted }
}

fn dtype_named(name: &str) -> PyResult<DType> {
    match name {
        "float16" => Ok(DType::Fp16),
        "float32" => Ok(DType::Fp32),
        "float64" => Ok(DType::Fp64),
        _ => Err(PyValueError::new_err(format!("unknown dtype {name:?}"))),
    }
}
