//! What stops a load run before it starts.

use ferrule_base::{Coded, ErrorCode};

/// Why a server cannot be driven.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing answers at the address.
    #[error("cannot connect to {address}: {cause}")]
    Connect {
        /// Host and port.
        address: String,
        /// The operating system's text.
        cause: String,
    },
    /// The server answered the trial call with an error.
    #[error("{address} refused the request: {cause}")]
    Refused {
        /// Host and port.
        address: String,
        /// The status and its message.
        cause: String,
    },
    /// The server answered, but not in the protocol.
    #[error("{address} gave an answer that is not {expected}: {cause}")]
    Answer {
        /// Host and port.
        address: String,
        /// What was expected.
        expected: &'static str,
        /// What is wrong with it.
        cause: String,
    },
    /// A setting makes no sense.
    #[error("{name} must be {expected}; got {got}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its range.
        expected: &'static str,
        /// What it was.
        got: String,
    },
    /// The caller stopped the run.
    #[error("stopped on request")]
    Cancelled,
    /// The operating system gave no thread or event loop.
    #[error("cannot start the load driver: {0}")]
    Start(#[from] std::io::Error),
}

impl Coded for LoadError {
    fn code(&self) -> ErrorCode {
        match self {
            Self::Connect { .. } => ErrorCode::Unavailable,
            Self::Refused { .. } | Self::Answer { .. } => ErrorCode::FailedPrecondition,
            Self::Setting { .. } => ErrorCode::InvalidArgument,
            Self::Cancelled => ErrorCode::Cancelled,
            Self::Start(_) => ErrorCode::Io,
        }
    }
}
