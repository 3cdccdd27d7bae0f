//! The one table from error codes to Python exceptions, which `ferrule.errors` defines.

use ferrule_base::{Coded, ErrorCode};
use pyo3::prelude::*;
use pyo3::types::PyType;

/// The class in `ferrule.errors` that carries `code`.
fn class_name(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::InvalidArgument => "InvalidArgumentError",
        ErrorCode::NotFound => "NotFoundError",
        ErrorCode::AlreadyExists => "AlreadyExistsError",
        ErrorCode::FailedPrecondition => "FailedPreconditionError",
        ErrorCode::ResourceExhausted => "ResourceExhaustedError",
        ErrorCode::Unauthenticated => "UnauthenticatedError",
        ErrorCode::PermissionDenied => "PermissionDeniedError",
        ErrorCode::DeadlineExceeded => "DeadlineExceededError",
        ErrorCode::Cancelled => "CancelledError",
        ErrorCode::Unavailable => "UnavailableError",
        ErrorCode::Unimplemented => "UnimplementedError",
        ErrorCode::DataLoss => "DataLossError",
        ErrorCode::Io => "StorageError",
        ErrorCode::Internal => "InternalError",
    }
}

/// The Python exception for an error of ours.
pub(crate) fn to_py<E: Coded>(py: Python<'_>, error: &E) -> PyErr {
    raised_as(py, class_name(error.code()), error)
}

/// The exception of the class in `ferrule.errors` of this name, with the text of `error`.
pub(crate) fn raised_as<E: Coded>(py: Python<'_>, class_name: &str, error: &E) -> PyErr {
    let class = py
        .import("ferrule.errors")
        .and_then(|module| module.getattr(class_name))
        .and_then(|class| class.cast_into::<PyType>().map_err(PyErr::from));
    match class {
        Ok(class) => PyErr::from_type(class, error.to_string()),
        Err(failure) => failure,
    }
}
