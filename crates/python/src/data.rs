//! What `ferrule.data` reads by the core: headers of files that it maps.

use std::collections::BTreeMap;

use ferrule_base::Limits;
use ferrule_format::safetensors::{self, TensorInfo};
use pyo3::prelude::*;

use crate::buffers::Input;
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
