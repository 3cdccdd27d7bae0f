//! Artifacts to and from disk; `ferrule.artifact` gives them their Python shape.

use std::path::PathBuf;

use ferrule_artifact::{Artifact, Manifest, Tensor};
use ferrule_base::{DType, Limits};
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use pyo3::types::PyByteArray;

use crate::errors::to_py;

/// (name, safetensors dtype, shape, little-endian bytes); those that go out are the caller's to change
type TensorIn = (String, String, Vec<usize>, PyBackedBytes);
type TensorOut<'py> = (String, &'static str, Vec<usize>, Bound<'py, PyByteArray>);
/// (manifest JSON, creation time, digest, tensors)
type ArtifactOut<'py> = (String, String, String, Vec<TensorOut<'py>>);

/// Saves a model durably at `path` and returns its digest.
#[pyfunction]
#[pyo3(signature = (path, manifest, tensors))]
pub(crate) fn artifact_save(
    py: Python<'_>,
    path: PathBuf,
    manifest: &str,
    tensors: Vec<TensorIn>,
) -> PyResult<String> {
    let manifest = Manifest::from_json(manifest).map_err(|fault| to_py(py, &fault))?;
    let tensors = tensors.into_iter().map(tensor_in).collect::<PyResult<Vec<_>>>()?;
    py.detach(|| ferrule_artifact::save(&path, manifest, tensors))
        .map_err(|error| to_py(py, &error))
}

/// Loads and verifies the artifact at `path`.
#[pyfunction]
#[pyo3(signature = (path))]
pub(crate) fn artifact_load(py: Python<'_>, path: PathBuf) -> PyResult<ArtifactOut<'_>> {
    let loaded = py.detach(|| ferrule_artifact::load(&path, &Limits::default()));
    let Artifact { manifest, tensors, created_at, digest } =
        loaded.map_err(|error| to_py(py, &error))?;
    let manifest = manifest.to_json().map_err(|fault| to_py(py, &fault))?;
    let tensors = tensors.into_iter().map(|tensor| tensor_out(py, tensor)).collect();
    Ok((manifest, created_at, digest, tensors))
}

fn tensor_in((name, dtype, shape, bytes): TensorIn) -> PyResult<Tensor> {
    let dtype = DType::from_safetensors_name(&dtype)
        .ok_or_else(|| PyValueError::new_err(format!("unknown safetensors dtype {dtype:?}")))?;
    Ok(Tensor { name, dtype, shape, bytes: bytes.to_vec() })
}

fn tensor_out(py: Python<'_>, tensor: Tensor) -> TensorOut<'_> {
    let dtype = tensor.dtype.safetensors_name().unwrap_or_default();
    (tensor.name, dtype, tensor.shape, PyByteArray::new(py, &tensor.bytes))
}
