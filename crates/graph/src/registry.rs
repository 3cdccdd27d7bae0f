//! Operations beside the closed set, written in Rust by whoever links the engine.
//!
//! They are registered by name and version for the life of the process. A graph, a definition or an
//! artifact names them with their attributes, and is refused by a process that has none of that name
//! and version: nothing is ever loaded because a file says so.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};

use ferrule_base::DType;
use ferrule_tensor::array::{Buffer, Element, Shape, View};
use serde::{Deserialize, Serialize};

use crate::error::{Fault, GraphError};
use crate::gradient::Builder;
use crate::graph::Value;
use crate::types::Type;

/// The longest name of an operation, bytes.
const NAME_BYTES_MAX: usize = 128;

/// What an operation is told beside its inputs.
pub type Attributes = BTreeMap<String, Attribute>;

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(untagged)]
#[allow(missing_docs, reason = "the variants say what they are")]
pub enum Attribute {
    Truth(bool),
    Whole(i64),
    Number(f64),
    Text(String),
    Numbers(Vec<f64>),
}

/// An operation of somebody else's than the engine's: a function of its inputs and attributes alone,
/// without effects.
pub trait Operation: Send + Sync {
    /// Letters, digits, `_` and `.`, such as `signal.smooth`: how graphs name it.
    fn name(&self) -> &str;

    /// Changes when the same inputs give other outputs.
    fn version(&self) -> u32;

    /// The types of the outputs. All their sizes are known where those of the inputs are.
    ///
    /// # Errors
    /// What is wrong with the inputs or the attributes, in words for who wrote the graph.
    fn infer(&self, attributes: &Attributes, inputs: &[Type]) -> Result<Vec<Type>, String>;

    /// Computes every element of the outputs, which have the types that were inferred.
    ///
    /// # Errors
    /// What is wrong with the elements.
    fn compute(
        &self,
        attributes: &Attributes,
        inputs: &[View],
        outputs: &mut [Output],
    ) -> Result<(), String>;

    /// The gradients by the inputs, one each, in operations that `builder` adds; of these any may be
    /// registered ones. Their gradients are those of this operation's gradient.
    ///
    /// # Errors
    /// [`Fault::NoGradient`], which is also what an operation has that says nothing of it.
    fn gradient(
        &self,
        _builder: &mut dyn Builder,
        _use: &Applied,
    ) -> Result<Vec<Option<Value>>, GraphError> {
        Err(Fault::NoGradient { op: "registered" }.into())
    }

    /// Whether each row of the outputs, along the first axis, depends on that row of the inputs alone,
    /// so that a server may compute rows of several requests together.
    fn is_rowwise(&self, _attributes: &Attributes) -> bool {
        false
    }
}

/// A use of an operation that is differentiated.
#[derive(Clone, Copy, Debug)]
pub struct Applied<'a> {
    /// What it was told.
    pub attributes: &'a Attributes,
    /// What it took.
    pub inputs: &'a [Value],
    /// What it gave.
    pub outputs: &'a [Value],
    /// The gradients by its outputs, of which one at least is there.
    pub grads: &'a [Option<Value>],
}

/// An array that an operation writes.
#[derive(Debug)]
pub struct Output<'a> {
    /// The element type.
    pub dtype: DType,
    /// The dimensions.
    pub shape: &'a Shape,
    data: &'a mut Buffer,
}

impl Output<'_> {
    /// The elements, of which nothing is known yet.
    ///
    /// # Panics
    /// Where `dtype` is not of type `T`.
    pub fn as_mut_slice<T: Element>(&mut self) -> &mut [T] {
        assert!(T::holds(self.dtype), "elements of {} asked for as another type", self.dtype);
        self.data.as_mut_slice(self.shape.elements())
    }
}

/// The versions of an operation.
type Versions = BTreeMap<u32, Arc<dyn Operation>>;

static OPERATIONS: RwLock<BTreeMap<String, Versions>> = RwLock::new(BTreeMap::new());

/// Registers an operation for the life of the process.
///
/// # Errors
/// [`Fault::Operation`]: it has no name to speak of, or there is another one of its name and version.
pub fn register(operation: Arc<dyn Operation>) -> Result<(), GraphError> {
    let (name, version) = (operation.name().to_owned(), operation.version());
    check_name(&name)?;
    let mut all = OPERATIONS.write().unwrap_or_else(PoisonError::into_inner);
    let versions = all.entry(name.clone()).or_default();
    if versions.contains_key(&version) {
        let message =
            format!("there is an operation of that name and of version {version} already");
        return Err(Fault::Operation { name, message }.into());
    }
    versions.insert(version, operation);
    Ok(())
}

/// The names and versions of what is registered.
pub fn registered() -> Vec<(String, u32)> {
    let all = OPERATIONS.read().unwrap_or_else(PoisonError::into_inner);
    let versions = |(name, versions): (&String, &Versions)| -> Vec<(String, u32)> {
        versions.keys().map(|&version| (name.clone(), version)).collect()
    };
    all.iter().flat_map(versions).collect()
}

/// The operation of this name and version.
///
/// # Errors
/// [`Fault::NotRegistered`]
pub(crate) fn find(name: &str, version: u32) -> Result<Arc<dyn Operation>, GraphError> {
    check_name(name)?;
    let all = OPERATIONS.read().unwrap_or_else(PoisonError::into_inner);
    let found = all.get(name).and_then(|versions| versions.get(&version)).cloned();
    Ok(found.ok_or_else(|| Fault::NotRegistered { name: name.to_owned(), version })?)
}

fn check_name(name: &str) -> Result<(), Fault> {
    let is_fine = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    if (1..=NAME_BYTES_MAX).contains(&name.len()) && name.bytes().all(is_fine) {
        return Ok(());
    }
    let name = name.chars().take(40).flat_map(char::escape_debug).collect();
    let message = format!("a name has 1 to {NAME_BYTES_MAX} letters, digits, `_` and `.`");
    Err(Fault::Operation { name, message })
}

/// Computes an operation on arrays whose types were checked.
pub(crate) fn compute(
    (name, version, attributes): (&str, u32, &Attributes),
    inputs: &[View],
    outputs: &[(DType, Shape)],
    out: &mut [Buffer],
) -> Result<(), GraphError> {
    let operation = find(name, version)?;
    let made = outputs.iter().zip(out);
    let made = made.map(|((dtype, shape), data)| Output { dtype: *dtype, shape, data });
    let mut made: Vec<Output> = made.collect();
    let failed = |message| Fault::Operation { name: name.to_owned(), message };
    Ok(operation.compute(attributes, inputs, &mut made).map_err(failed)?)
}

/// The gradients of a use of an operation, one for each input.
pub(crate) fn differentiate(
    builder: &mut dyn Builder,
    (name, version): (&str, u32),
    applied: &Applied,
) -> Result<Vec<Option<Value>>, GraphError> {
    let made = find(name, version)?.gradient(builder, applied)?;
    let (found, expected) = (made.len(), applied.inputs.len());
    if found == expected {
        return Ok(made);
    }
    let message = format!("its gradient gives {found} values; it takes {expected} inputs");
    Err(Fault::Operation { name: name.to_owned(), message }.into())
}
