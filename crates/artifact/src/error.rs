//! Why an artifact cannot be saved or loaded.

use std::path::{Path, PathBuf};

use ferrule_base::{Coded, ErrorCode};
use ferrule_format::FormatError;
use ferrule_format::text::shown;

/// A failure to save or load, with the file that it is about.
#[derive(Debug, thiserror::Error)]
#[error("{}: {fault}", path.display())]
pub struct ArtifactError {
    path: PathBuf,
    #[source]
    fault: Fault,
}

impl ArtifactError {
    pub(crate) fn new(path: &Path, fault: Fault) -> Self {
        Self { path: path.to_owned(), fault }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What is wrong, without the path: fit for clients that must not see paths.
    pub fn fault(&self) -> &Fault {
        &self.fault
    }
}

impl Coded for ArtifactError {
    fn code(&self) -> ErrorCode {
        self.fault.code()
    }
}

/// What is wrong with an artifact, or with the disk under it.
#[derive(Debug, thiserror::Error)]
pub enum Fault {
    /// No such file.
    #[error("no such file; check the path")]
    NotFound,
    /// The path names something other than a regular file.
    #[error("is {what}, not a regular file; {hint}")]
    NotAFile {
        /// What it is, such as "a folder".
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The operating system failed.
    #[error("cannot {action}: {source}{hint}")]
    Io {
        /// What was being done.
        action: &'static str,
        /// What the operating system said.
        source: std::io::Error,
        /// What to do; begins with "; " where there is something.
        hint: &'static str,
    },
    /// The file is larger than the limit.
    #[error("has {size} bytes; at most {max} are allowed (limit artifact_bytes_max)")]
    TooLarge {
        /// Bytes of the file.
        size: u64,
        /// The most allowed.
        max: u64,
    },
    /// The file is of another kind, known by its first bytes.
    #[error("is {what}, not a Ferrule artifact; {hint}")]
    Foreign {
        /// What it is, such as "a pickle".
        what: &'static str,
        /// What to do.
        hint: &'static str,
    },
    /// The file breaks a rule of safetensors.
    #[error("damaged or not an artifact: {0}")]
    Format(#[from] FormatError),
    /// A safetensors file that Ferrule did not write.
    #[error(
        "is a safetensors file without Ferrule's manifest ({detail}); make artifacts with \
         ferrule.save(model, path)"
    )]
    NotAnArtifact {
        /// What is missing or too much.
        detail: String,
    },
    /// The file's size changed while it was read.
    #[error("changed while it was read; load it again once its writer is done")]
    Changed,
    /// The manifest is written in a later format than this build knows.
    #[error(
        "was made by a newer Ferrule (format version {found}; this one reads up to {known}); \
         upgrade ferrule to load it"
    )]
    NewerVersion {
        /// The file's format version.
        found: u64,
        /// The latest that is known.
        known: u32,
    },
    /// The manifest is not one.
    #[error("has an invalid manifest: {detail}")]
    Manifest {
        /// What is wrong, with the field's name.
        detail: String,
    },
    /// No model of this kind is known.
    #[error(
        "holds a model of the unknown kind {}; this Ferrule knows {known}: upgrade ferrule, or \
         check where the file comes from",
        shown(.kind)
    )]
    UnknownKind {
        /// The manifest's kind.
        kind: String,
        /// The kinds that are known.
        known: &'static str,
    },
    /// The tensors do not make a model of the manifest's kind.
    #[error("does not hold a valid {kind} model: {detail}")]
    Model {
        /// The manifest's kind.
        kind: &'static str,
        /// What was expected and what was found.
        detail: String,
    },
    /// A parameter is NaN or infinite.
    #[error("tensor {tensor:?} has {value} at element {index}; every parameter must be finite")]
    NonFinite {
        /// The tensor's name.
        tensor: String,
        /// Position in row-major order.
        index: usize,
        /// The value.
        value: f64,
    },
    /// The contents are not those that the digest was taken over.
    #[error(
        "damaged: the digest of its contents is {computed}, the file records {}; restore the \
         file from a copy",
        shown(.recorded)
    )]
    Digest {
        /// The digest in the file.
        recorded: String,
        /// The digest of what the file holds.
        computed: String,
    },
    /// The creation time fails its check.
    #[error("damaged: its creation time fails its check; restore the file from a copy")]
    CreationTime,
    /// The header says the right things in another form than the one Ferrule writes.
    #[error(
        "damaged or rewritten by another tool: its header is not in the form that Ferrule writes; \
         restore the file from a copy"
    )]
    NotCanonical,
}

impl Coded for Fault {
    fn code(&self) -> ErrorCode {
        match self {
            Self::NotFound => ErrorCode::NotFound,
            Self::NotAFile { .. } | Self::Foreign { .. } | Self::NotAnArtifact { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::Io { source, .. } => match source.kind() {
                std::io::ErrorKind::NotFound => ErrorCode::NotFound,
                std::io::ErrorKind::PermissionDenied => ErrorCode::PermissionDenied,
                _ => ErrorCode::Io,
            },
            Self::TooLarge { .. } => ErrorCode::ResourceExhausted,
            Self::Format(error) => error.code(),
            Self::Changed => ErrorCode::Unavailable,
            Self::NewerVersion { .. } | Self::UnknownKind { .. } => ErrorCode::Unimplemented,
            Self::Manifest { .. } | Self::Model { .. } | Self::NonFinite { .. } => {
                ErrorCode::InvalidArgument
            }
            Self::Digest { .. } | Self::CreationTime | Self::NotCanonical => ErrorCode::DataLoss,
        }
    }
}
