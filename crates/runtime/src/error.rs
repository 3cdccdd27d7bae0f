//! What is wrong with a request, and what is wrong with a model on disk.

use std::io;
use std::path::PathBuf;

use ferrule_artifact::{ArtifactError, Fault};
use ferrule_base::{Coded, DType, ErrorCode, ShapeError};
use ferrule_graph::GraphError;

/// Why a request is refused. The text names fields of the request and facts of the model, never
/// anything of this machine, so it may be shown to any client.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs, reason = "the fields are the facts that each message shows")]
pub enum RequestError {
    #[error("no model {name:?} is loaded; {hint}")]
    ModelNotFound { name: String, hint: String },
    #[error("model {name:?} has no version {version:?}; loaded: {loaded}")]
    VersionNotFound { name: String, version: String, loaded: String },
    #[error("a {what} must match [A-Za-z0-9._-]{{1,128}}, got {got:?}")]
    Name { what: &'static str, got: String },
    #[error("no input is given; expected {expected}")]
    NoInput { expected: String },
    #[error("input {name:?} is missing; expected {expected}")]
    MissingInput { name: String, expected: String },
    #[error("unknown input {name:?}; expected {expected}")]
    UnknownInput { name: String, expected: String },
    #[error("input {name:?} is given twice; give it once")]
    DuplicateInput { name: String },
    #[error("unknown output {name:?}; the model has {expected}")]
    UnknownOutput { name: String, expected: String },
    #[error("output {name:?} is asked for twice; ask once")]
    DuplicateOutput { name: String },
    #[error("input {input:?} must have datatype {expected}, got {got}")]
    DataType { input: String, expected: DType, got: DType },
    #[error("input {input:?} has the unknown datatype {got:?}; expected {expected}")]
    UnknownDataType { input: String, expected: DType, got: String },
    #[error("input {input:?} must have shape {expected:?}, got {got:?} (-1 is any size)")]
    Shape { input: String, expected: Vec<i64>, got: Vec<i64> },
    #[error("input {input:?}: {source}")]
    BadShape { input: String, source: ShapeError },
    #[error(
        "input {input:?} of shape {shape:?} and datatype {dtype} needs {expected} bytes, got {got}"
    )]
    ByteCount { input: String, shape: Vec<i64>, dtype: DType, expected: usize, got: usize },
    #[error("input {input:?} of shape {shape:?} needs {expected} elements, got {got}")]
    ElementCount { input: String, shape: Vec<i64>, expected: usize, got: usize },
    #[error("input {input:?} has {rows} rows, input {other:?} has {expected}; columns must agree")]
    RowCount { input: String, rows: usize, other: String, expected: usize },
    #[error("input {input:?} has {value} at element {index}; every value must be finite")]
    NonFinite { input: String, index: usize, value: f64 },
    #[error("input {input:?} has an element that is not one of {dtype}")]
    Element { input: String, dtype: DType },
    #[error("the model cannot run on these inputs: {0}")]
    Graph(GraphError),
    #[error(
        "a run on these inputs would need {needed} bytes of memory; at most {max} are allowed; send \
         fewer rows"
    )]
    Memory { needed: usize, max: usize },
    #[error("the model failed on these inputs; this is a defect of the server, please report it")]
    Failed,
    #[error("output {output:?} would have more than {max} elements; send fewer rows")]
    OutputTooLarge { output: String, max: usize },
}

impl Coded for RequestError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::ModelNotFound { .. } | Self::VersionNotFound { .. } => ErrorCode::NotFound,
            Self::Graph(error) => error.code(),
            Self::Memory { .. } => ErrorCode::ResourceExhausted,
            Self::Failed => ErrorCode::Internal,
            _ => ErrorCode::InvalidArgument,
        }
    }
}

/// Why models cannot be loaded. The text names files of this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RuntimeError {
    /// A file is not an artifact that can be served.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// A file or folder given does not exist or cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// More than one file cannot be served.
    #[error("{} models cannot be loaded:{}", failures.len(), lines(failures))]
    Several {
        /// Why not, file by file.
        failures: Vec<RuntimeError>,
    },
    /// A folder holds nothing that can be served.
    #[error(
        "{} holds no model; expected NAME.safetensors or NAME/VERSION.safetensors in it",
        path.display()
    )]
    EmptyFolder {
        /// Which.
        path: PathBuf,
    },
    /// A file's stem cannot be a model's name.
    #[error(
        "{} cannot name a model: {got:?} does not match [A-Za-z0-9._-]{{1,128}}; rename it, or \
         give --name",
        path.display()
    )]
    Name {
        /// Which.
        path: PathBuf,
        /// The name it would have.
        got: String,
    },
    /// Two files would be served under one name and version.
    #[error(
        "model {name:?} version {version} is given twice: {} and {}; rename one",
        first.display(), second.display()
    )]
    Duplicate {
        /// Their name.
        name: String,
        /// Their version.
        version: u64,
        /// One file.
        first: PathBuf,
        /// The other.
        second: PathBuf,
    },
    /// A verified file holds no model of a kind known here.
    #[error("the artifact {0}")]
    Model(#[from] Fault),
    /// `--name` is for one model.
    #[error("--name is for one model file; drop it, or give one file only")]
    NameForMany,
    /// The name asked for is not among the files given.
    #[error(transparent)]
    Request(#[from] RequestError),
}

/// Each failure in a line of its own.
fn lines(failures: &[RuntimeError]) -> String {
    failures.iter().map(|failure| format!("\n  {failure}")).collect()
}

impl RuntimeError {
    /// The text for remote clients: the same without the paths.
    pub fn public_message(&self) -> String {
        match self {
            Self::Artifact(error) => format!("the model's file {}", error.fault()),
            Self::Model(fault) => format!("the model's file {fault}"),
            Self::Several { failures } => {
                format!("{} models' files cannot be read; see the server's log", failures.len())
            }
            Self::Unreadable { .. } | Self::EmptyFolder { .. } => {
                "the model's file cannot be read; see the server's log".to_owned()
            }
            Self::Request(error) => error.to_string(),
            Self::Name { .. } | Self::Duplicate { .. } | Self::NameForMany => {
                "the model's files do not fit together; see the server's log".to_owned()
            }
        }
    }
}

impl Coded for RuntimeError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Artifact(error) => error.code(),
            Self::Model(fault) => fault.code(),
            Self::Several { failures } => failures.first().map_or(ErrorCode::Internal, Coded::code),
            Self::Unreadable { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorCode::NotFound
            }
            Self::Unreadable { .. } => ErrorCode::Io,
            Self::EmptyFolder { .. } => ErrorCode::NotFound,
            Self::Name { .. } | Self::NameForMany => ErrorCode::InvalidArgument,
            Self::Duplicate { .. } => ErrorCode::AlreadyExists,
            Self::Request(error) => error.code(),
        }
    }
}
