//! The kind `graph`: a graph of array operations with named inputs and outputs.
//!
//! The hyper-parameter `graph` is the definition (`ferrule_graph::definition`); the tensors are the
//! arrays that it names, and no others. The signature is what the definition says: every input and
//! output with its dtype and sizes, -1 where a size is known only in a run.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

use ferrule_base::DType;
use ferrule_format::text::printable;
use ferrule_graph::definition::{Built, Definition, Frozen, Weight};
use ferrule_graph::{Graph, GraphError, Value};
use ferrule_tensor::array::{Array, Buffer, Shape};
use serde_json::{Map, Value as Json};

use crate::{Artifact, FORMAT_VERSION, Fault, Manifest, Signature, Tensor, TensorSpec};

/// The manifest's `kind`.
pub const KIND: &str = "graph";
/// The hyper-parameter that holds the definition.
pub const DEFINITION: &str = "graph";
/// The most inputs, and the most outputs.
pub const PORTS_MAX: usize = 64;

/// A graph from an artifact, ready to be planned.
#[derive(Debug)]
pub struct GraphModel {
    /// What the artifact says.
    pub manifest: Manifest,
    /// The artifact's digest.
    pub digest: String,
    /// The graph, in which every array is a constant; ports in the order of the signature.
    pub built: Built,
}

impl GraphModel {
    /// The model in an artifact.
    ///
    /// # Errors
    /// [`Fault::Model`] where definition, tensors and signature do not fit each other.
    pub fn new(artifact: Artifact) -> Result<Self, Fault> {
        let Artifact { manifest, tensors, digest, .. } = artifact;
        let definition = definition(&manifest)?;
        let mut arrays = HashMap::new();
        // One by one, so that no more than one tensor is in memory twice.
        for tensor in tensors {
            arrays.insert(tensor.name.clone(), array(&tensor)?);
        }
        let built = definition.build(&mut |name| arrays.get(name).cloned().map(Weight::Array));
        let built = built.map_err(told)?;
        Ok(Self { manifest, digest, built })
    }
}

/// The manifest and the tensors of a graph that was frozen.
///
/// # Errors
/// [`Fault::Model`] where an input or output is of unknown rank, or there are too many.
pub fn parts(
    frozen: Frozen,
    training: Map<String, Json>,
    metadata: Map<String, Json>,
    versions: BTreeMap<String, String>,
) -> Result<(Manifest, Vec<Tensor>), Fault> {
    let Frozen { definition, weights } = frozen;
    let tensors: Vec<Tensor> = weights.iter().map(|(name, array)| stored(name, array)).collect();
    let named = by_name(&tensors);
    let built = definition.build(&mut |name| weight(&named, name)).map_err(told)?;
    let signature = signature(&built)?;
    let json = definition.to_json().map_err(told)?;
    let hyperparameters = Map::from_iter([(DEFINITION.to_owned(), json)]);
    let (format_version, kind) = (FORMAT_VERSION, KIND.to_owned());
    let manifest =
        Manifest { format_version, kind, hyperparameters, signature, training, metadata, versions };
    Ok((manifest, tensors))
}

/// Holds definition, tensors and signature to each other, without a copy of large tensors.
pub(crate) fn check(manifest: &Manifest, tensors: &[Tensor]) -> Result<(), Fault> {
    let definition = definition(manifest)?;
    let named = by_name(tensors);
    let mut used = HashSet::new();
    let built = definition.build(&mut |name| {
        used.insert(name.to_owned());
        weight(&named, name)
    });
    let built = built.map_err(told)?;
    if let Some(unused) = tensors.iter().find(|tensor| !used.contains(&tensor.name)) {
        return Err(wrong(format!("the graph does not name the tensor {:?}", unused.name)));
    }
    tensors.iter().try_for_each(check_truths)?;
    let expected = signature(&built)?;
    if manifest.signature != expected {
        return Err(wrong("the signature is not that of the graph's inputs and outputs".into()));
    }
    if manifest.hyperparameters.len() != 1 {
        return Err(wrong(format!("it has hyper-parameters other than {DEFINITION:?}")));
    }
    Ok(())
}

fn wrong(detail: String) -> Fault {
    Fault::Model { kind: KIND, detail }
}

fn told(error: GraphError) -> Fault {
    let text = printable(&error.to_string());
    match error.node {
        Some(node) => wrong(format!("node {node}: {text}")),
        None => wrong(text),
    }
}

fn definition(manifest: &Manifest) -> Result<Definition, Fault> {
    let json = manifest.hyperparameters.get(DEFINITION);
    let json = json.ok_or_else(|| wrong(format!("it has no hyper-parameter {DEFINITION:?}")))?;
    Definition::from_json(json).map_err(told)
}

/// Arrays up to this many elements may decide shapes, so that a check needs their values.
const VALUES_MAX: usize = 64;

fn by_name(tensors: &[Tensor]) -> HashMap<&str, &Tensor> {
    tensors.iter().map(|tensor| (tensor.name.as_str(), tensor)).collect()
}

/// What a check needs to know of the tensor called `name`.
fn weight(tensors: &HashMap<&str, &Tensor>, name: &str) -> Option<Weight> {
    let tensor = *tensors.get(name)?;
    let elements = tensor.shape.iter().copied().fold(1, usize::saturating_mul);
    if elements <= VALUES_MAX {
        return array(tensor).ok().map(Weight::Array);
    }
    Some(Weight::Type(tensor.dtype, Shape::new(&tensor.shape)?))
}

/// A truth value is a byte of 0 or 1.
fn check_truths(tensor: &Tensor) -> Result<(), Fault> {
    if tensor.dtype == DType::Bool && tensor.bytes.iter().any(|&byte| byte > 1) {
        return Err(wrong(format!("tensor {:?} has a truth value besides 0 and 1", tensor.name)));
    }
    Ok(())
}

fn array(tensor: &Tensor) -> Result<Array, Fault> {
    let Tensor { name, dtype, shape, bytes } = tensor;
    let too_many = || wrong(format!("tensor {name:?} has more dimensions than an array may"));
    let shape = Shape::new(shape).ok_or_else(too_many)?;
    let elements = shape.iter().try_fold(1usize, |all, &size| all.checked_mul(size));
    let expected = elements.and_then(|all| all.checked_mul(dtype.size()));
    if expected != Some(bytes.len()) {
        return Err(wrong(format!("tensor {name:?} has not the bytes of its shape")));
    }
    let mut buffer = Buffer::zeroed(bytes.len());
    let place = buffer.as_mut_slice::<u8>(bytes.len());
    place.copy_from_slice(bytes);
    in_machine_order(place, dtype.size());
    Ok(Array::from_buffer(*dtype, shape, Arc::new(buffer)))
}

fn stored(name: &str, array: &Array) -> Tensor {
    let mut bytes = array.as_bytes().to_vec();
    in_machine_order(&mut bytes, array.dtype().size());
    Tensor { name: name.to_owned(), dtype: array.dtype(), shape: array.shape().to_vec(), bytes }
}

/// Turns little-endian elements into the machine's, and back.
fn in_machine_order(bytes: &mut [u8], size: usize) {
    if cfg!(target_endian = "big") {
        bytes.chunks_exact_mut(size.max(1)).for_each(<[u8]>::reverse);
    }
}

fn signature(built: &Built) -> Result<Signature, Fault> {
    let Built { graph, inputs, outputs } = built;
    let specs = |what: &str, ports: &[(String, Value)]| {
        if ports.len() > PORTS_MAX {
            return Err(wrong(format!("it has {} {what}s; at most {PORTS_MAX}", ports.len())));
        }
        ports.iter().map(|(name, value)| spec(graph, what, name, *value)).collect()
    };
    Ok(Signature {
        inputs: specs("input", inputs)?,
        outputs: specs("output", outputs)?,
        feature_names: None,
    })
}

fn spec(graph: &Graph, what: &str, name: &str, value: Value) -> Result<TensorSpec, Fault> {
    let known = graph.type_of(value).map_err(told)?;
    let Some(dims) = &known.dims.0 else {
        let detail = format!(
            "the {what} {name:?} has an unknown number of dimensions; give it a shape, such as \
             [None, 4] for rows of 4"
        );
        return Err(wrong(detail));
    };
    let size = |dim: &Option<usize>| match dim {
        None => Ok(-1),
        Some(size) => i64::try_from(*size).map_err(|_| wrong(format!("{size} is beyond 63 bits"))),
    };
    let shape = dims.iter().map(size).collect::<Result<Vec<i64>, Fault>>()?;
    Ok(TensorSpec { name: name.to_owned(), dtype: known.dtype, shape, optional: false })
}
