//! What can be wrong with a graph, a run or a gradient.

use ferrule_base::{Coded, DType, ErrorCode};
use ferrule_tensor::ops::OpError;

/// A failure, with the node that it is about where there is one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{fault}")]
pub struct GraphError {
    /// The node.
    pub node: Option<u32>,
    /// What is wrong.
    pub fault: Fault,
}

/// What is wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[allow(missing_docs, reason = "the messages say it")]
pub enum Fault {
    #[error("`{op}` takes {expected} inputs, got {found}")]
    InputCount { op: &'static str, expected: String, found: usize },
    #[error("input {input} of `{op}` is {found}; expected {expected}")]
    Dtype { op: &'static str, input: usize, expected: &'static str, found: DType },
    #[error("`{op}` of {left} and {right}: both must have one dtype; cast one of them")]
    MixedDtypes { op: &'static str, left: DType, right: DType },
    #[error("`{op}` cannot broadcast shapes {left} and {right}: sizes must be equal or 1")]
    Broadcast { op: &'static str, left: String, right: String },
    #[error("input {input} of `{op}` has shape {found}; expected {expected}")]
    Shape { op: &'static str, input: usize, expected: String, found: String },
    #[error("axis {axis} is outside of the {rank} dimensions that `{op}` got")]
    Axis { op: &'static str, axis: i64, rank: usize },
    #[error("`{op}`: {detail}")]
    Attribute { op: &'static str, detail: String },
    #[error("{dtype} is not supported here; cast to float32, float64, int32, int64, uint8 or bool")]
    UnsupportedDtype { dtype: DType },
    #[error("there is no value {output} of node {node} in this graph")]
    NoSuchValue { node: u32, output: u32 },
    #[error(
        "input {input} of `{op}` must be known before the run, from constants and shapes of what is fed"
    )]
    NotKnown { op: &'static str, input: usize },
    #[error("an array of shape {shape} has too many elements")]
    TooLarge { shape: String },
    #[error(
        "no value was fed for a placeholder of dtype {dtype} and shape {shape}; add it to feed_dict"
    )]
    Unfed { dtype: DType, shape: String },
    #[error("the value fed is {found}; expected {expected}")]
    FedDtype { expected: DType, found: DType },
    #[error("the value fed has shape {found}; expected {expected}")]
    FedShape { expected: String, found: String },
    #[error("variable {id} has no value yet; run its initializer first")]
    Uninitialized { id: u32 },
    #[error("variable {id} holds {found}; the graph says {expected}")]
    VariableType { id: u32, expected: String, found: String },
    #[error("`{op}` has no gradient")]
    NoGradient { op: &'static str },
    #[error("a loop ran beyond the time that a run may take")]
    Late,
    #[error("the graph's definition is wrong: {detail}")]
    Definition { detail: String },
    #[error("`{op}` cannot be part of a saved graph: {why}")]
    NotStored { op: &'static str, why: &'static str },
    #[error(
        "a placeholder of dtype {dtype} and shape {shape} is needed and is none of the inputs; name it \
         among the inputs"
    )]
    NotAnInput { dtype: DType, shape: String },
    #[error("`{name}`: {message}")]
    Operation { name: String, message: String },
    #[error(
        "the operation `{name}` of version {version} is not part of this process: register it, or use a \
         build that has it"
    )]
    NotRegistered { name: String, version: u32 },
    #[error(transparent)]
    Kernel(#[from] OpError),
    #[error("{message}")]
    Custom { message: String },
}

impl From<Fault> for GraphError {
    fn from(fault: Fault) -> Self {
        Self { node: None, fault }
    }
}

impl From<OpError> for GraphError {
    fn from(error: OpError) -> Self {
        Fault::from(error).into()
    }
}

impl GraphError {
    /// The variable that it is about, where there is one.
    pub fn variable(&self) -> Option<u32> {
        match self.fault {
            Fault::Uninitialized { id } | Fault::VariableType { id, .. } => Some(id),
            _ => None,
        }
    }

    /// The same, about `node` unless it already names one.
    pub fn at(mut self, node: u32) -> Self {
        self.node.get_or_insert(node);
        self
    }
}

impl GraphError {
    /// The same, seen from outside of the subgraph that its node is in.
    pub(crate) fn outside(self) -> Self {
        Self { node: None, ..self }
    }
}

impl Coded for GraphError {
    fn code(&self) -> ErrorCode {
        match &self.fault {
            Fault::Uninitialized { .. } => ErrorCode::FailedPrecondition,
            Fault::TooLarge { .. } => ErrorCode::ResourceExhausted,
            Fault::Late => ErrorCode::DeadlineExceeded,
            Fault::NoGradient { .. } | Fault::NotStored { .. } | Fault::NotRegistered { .. } => {
                ErrorCode::Unimplemented
            }
            Fault::Kernel(OpError::Cancelled) => ErrorCode::Cancelled,
            _ => ErrorCode::InvalidArgument,
        }
    }
}
