//! Graphs to and from artifacts.

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::Arc;

use ferrule_artifact::graph::parts;
use ferrule_base::{DType, Limits};
use ferrule_graph::definition::{Known, freeze};
use ferrule_runtime::{InputTensor, Model, OutputTensor, TensorData, Wanted, open};
use ferrule_tensor::array::{Array, Buffer, Shape};
use numpy::PyUntypedArray;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use serde_json::{Map, Value as Json};

use super::arrays::{from_any, from_numpy, to_numpy};
use super::graph::{FlowGraph, Pair, value};
use super::raised;
use crate::errors::to_py;

/// A name and a value of a graph: (node, output).
type Port = (String, Pair);
/// Names and arrays, by a number of the engine's.
type Named<'py> = HashMap<u32, (String, Bound<'py, PyUntypedArray>)>;

/// Saves what `outputs` need from `inputs` as an artifact at `path`, and returns its digest.
///
/// `weights` has, by the engine's number of a variable, its name and its value; `captures` the same for
/// placeholders that are no inputs, by their nodes. Those that are needed are stored as tensors of these
/// names. `facts` is a JSON object with `training`, `metadata` and `versions`.
#[pyfunction]
#[pyo3(signature = (path, graph, inputs, outputs, weights, facts, captures = HashMap::new()))]
#[allow(clippy::too_many_arguments, reason = "the parameters are Python's")]
pub(crate) fn save_graph(
    py: Python<'_>,
    path: PathBuf,
    graph: &FlowGraph,
    inputs: Vec<Port>,
    outputs: Vec<Port>,
    weights: Named<'_>,
    facts: &str,
    captures: Named<'_>,
) -> PyResult<String> {
    let ports = |ports: Vec<Port>| -> Vec<_> {
        ports.into_iter().map(|(name, pair)| (name, value(pair))).collect()
    };
    let (inputs, outputs) = (ports(inputs), ports(outputs));
    let known = Known { variables: arrays(weights)?, placeholders: arrays(captures)? };
    let facts: Facts = serde_json::from_str(facts)
        .map_err(|error| PyValueError::new_err(format!("not the facts of a model: {error}")))?;
    let frozen = py.detach(|| freeze(&graph.read(), &inputs, &outputs, &known));
    let frozen = frozen.map_err(|error| raised(py, &error))?;
    let (manifest, tensors) = parts(frozen, facts.training, facts.metadata, facts.versions)
        .map_err(|fault| to_py(py, &fault))?;
    py.detach(|| ferrule_artifact::save(&path, manifest, tensors))
        .map_err(|error| to_py(py, &error))
}

fn arrays(named: Named<'_>) -> PyResult<HashMap<u32, (String, Array)>> {
    named.into_iter().map(|(id, (name, array))| Ok((id, (name, from_numpy(&array)?)))).collect()
}

#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Facts {
    training: Map<String, Json>,
    metadata: Map<String, Json>,
    versions: BTreeMap<String, String>,
}

/// Bytes that a run may work in: the process is the user's own.
const WORK_BYTES_MAX: usize = 1 << 36;

/// The model in an artifact, run as a server runs it.
#[pyclass(frozen)]
pub(crate) struct ServedModel {
    model: Arc<dyn Model>,
}

#[pymethods]
impl ServedModel {
    /// Loads and verifies the artifact at `path`.
    #[new]
    fn new(py: Python<'_>, path: PathBuf) -> PyResult<Self> {
        let limits = Limits {
            elements_max: usize::MAX,
            work_bytes_max: WORK_BYTES_MAX,
            ..Limits::default()
        };
        let model = py.detach(|| open(&path, &limits));
        Ok(Self { model: model.map_err(|error| to_py(py, &error))? })
    }

    /// The manifest, as JSON text.
    #[getter]
    fn manifest(&self, py: Python<'_>) -> PyResult<String> {
        self.model.manifest().to_json().map_err(|fault| to_py(py, &fault))
    }

    /// The artifact's digest.
    #[getter]
    fn digest(&self) -> &str {
        self.model.digest()
    }

    /// The outputs, by name, for `inputs`: names and what NumPy makes arrays of.
    fn predict(
        &self,
        py: Python<'_>,
        inputs: Vec<(String, Bound<'_, PyAny>)>,
    ) -> PyResult<Vec<(String, Py<PyAny>)>> {
        let signature = self.model.signature();
        let array = |(name, given): &(String, Bound<'_, PyAny>)| {
            let spec = signature.inputs.iter().find(|spec| spec.name == *name);
            from_any(given, spec.map_or(DType::Fp64, |spec| spec.dtype))
        };
        let arrays = inputs.iter().map(array).collect::<PyResult<Vec<Array>>>()?;
        let size = |&size: &usize| size as i64;
        let shapes: Vec<Vec<i64>> =
            arrays.iter().map(|array| array.shape().iter().map(size).collect()).collect();
        let tensor = |((name, _), (array, shape))| InputTensor {
            name: String::as_str(name),
            dtype: Array::dtype(array),
            shape: Vec::as_slice(shape),
            data: TensorData::Raw(Array::as_bytes(array)),
        };
        let tensors: Vec<InputTensor<'_>> = inputs
            .iter()
            .map(|(name, given)| (name, given))
            .zip(arrays.iter().zip(&shapes))
            .map(tensor)
            .collect();
        let wanted = Wanted::defaults(signature);
        let model = &self.model;
        let made =
            py.detach(|| model.predict(&tensors, wanted)).map_err(|error| to_py(py, &error))?;
        let named = |output: &OutputTensor| {
            let name = signature.outputs.get(output.index).map(|spec| spec.name.clone());
            Ok((name.unwrap_or_default(), to_numpy(py, &returned(output))?))
        };
        made.iter().map(named).collect()
    }
}

fn returned(output: &OutputTensor) -> Array {
    let sizes: Vec<usize> = output.shape.iter().map(|&size| size as usize).collect();
    let shape = Shape::new(&sizes).expect("an output has no more dimensions than an array");
    let mut buffer = Buffer::zeroed(output.bytes.len());
    buffer.as_mut_slice::<u8>(output.bytes.len()).copy_from_slice(&output.bytes);
    Array::from_buffer(output.dtype, shape, Arc::new(buffer))
}
