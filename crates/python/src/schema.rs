//! The texts behind `ferrule schema`.

use std::path::PathBuf;

use ferrule_base::Limits;
use ferrule_server::SchemaKind;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::errors::to_py;

/// The description of the model at `path`, served under its file's stem: `openapi`, `proto` or
/// `example`.
#[pyfunction]
#[pyo3(signature = (path, kind))]
pub(crate) fn schema(py: Python<'_>, path: PathBuf, kind: &str) -> PyResult<String> {
    let kind: SchemaKind = kind.parse().map_err(PyValueError::new_err)?;
    let loaded = py.detach(|| ferrule_artifact::load(&path, &Limits::default()));
    let artifact = loaded.map_err(|error| to_py(py, &error))?;
    let name = path.file_stem().map(|stem| stem.to_string_lossy()).unwrap_or_default();
    Ok(ferrule_server::schema(&name, &artifact.manifest, kind))
}
