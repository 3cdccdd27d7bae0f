//! What can go wrong in starting and running a server.

use std::io;

use ferrule_base::{Coded, ErrorCode};
use ferrule_runtime::RuntimeError;

/// Why a server did not start, or stopped.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// An option has a value that cannot be served.
    #[error("{what}; {hint}")]
    Config {
        /// What is wrong.
        what: String,
        /// What to do.
        hint: String,
    },
    /// A file of the configuration cannot be read.
    #[error("cannot read {what} {path}: {source}")]
    File {
        /// What the file is for, such as `the API keys`.
        what: &'static str,
        /// Its path.
        path: String,
        /// Why.
        source: io::Error,
    },
    /// The listening address cannot be had.
    #[error("cannot listen on {address}: {}; {hint}", source.kind())]
    Bind {
        /// The address.
        address: String,
        /// Why.
        source: io::Error,
        /// What to do.
        hint: String,
    },
    /// A model cannot be loaded.
    #[error(transparent)]
    Model(#[from] RuntimeError),
    /// The operating system refused a thread, a timer or a signal handler.
    #[error("cannot start: {0}")]
    System(#[from] io::Error),
}

impl ServerError {
    pub(crate) fn config(what: impl Into<String>, hint: impl Into<String>) -> Self {
        Self::Config { what: what.into(), hint: hint.into() }
    }

    /// What is wrong, and what to do where that is known.
    pub(crate) fn told(&self) -> (String, Option<&str>) {
        let text = self.to_string();
        let (Self::Config { hint, .. } | Self::Bind { hint, .. }) = self else {
            return (text, None);
        };
        let what = text.strip_suffix(hint).and_then(|what| what.strip_suffix("; "));
        (what.map(str::to_owned).unwrap_or(text), Some(hint))
    }

    /// Whether the command line is wrong, rather than the world.
    pub(crate) fn is_wrong_use(&self) -> bool {
        matches!(self, Self::Config { .. } | Self::Model(RuntimeError::NameForMany))
    }
}

impl Coded for ServerError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Config { .. } => ErrorCode::InvalidArgument,
            Self::File { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                ErrorCode::NotFound
            }
            Self::File { .. } | Self::System(_) => ErrorCode::Io,
            Self::Bind { .. } => ErrorCode::Unavailable,
            Self::Model(error) => error.code(),
        }
    }
}
