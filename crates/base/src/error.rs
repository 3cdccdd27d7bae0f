//! Error codes: every crate's error enum says which of these it is, and each face (Python, HTTP,
//! gRPC) maps the codes once.

/// What kind of failure an error is, whatever its text. The names are gRPC's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorCode {
    /// The caller's input is wrong, whatever the state of the system.
    InvalidArgument,
    /// A thing the caller named does not exist.
    NotFound,
    /// A thing the caller wants to make exists already.
    AlreadyExists,
    /// Right input, wrong state, such as predicting before fitting.
    FailedPrecondition,
    /// A limit would be passed.
    ResourceExhausted,
    /// No valid credential came with the request.
    Unauthenticated,
    /// The credential does not allow it.
    PermissionDenied,
    /// The caller's deadline passed.
    DeadlineExceeded,
    /// Stopped on request.
    Cancelled,
    /// Not now: starting, draining or overloaded; a retry may succeed.
    Unavailable,
    /// Known to the protocol, not done here.
    Unimplemented,
    /// Stored bytes are damaged or truncated.
    DataLoss,
    /// The operating system failed us (disk, network).
    Io,
    /// A defect of ours.
    Internal,
}

/// An error that knows its code.
pub trait Coded: std::error::Error {
    /// The code that faces map to an exception class or a status.
    fn code(&self) -> ErrorCode;
}
