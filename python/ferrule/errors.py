"""The errors of Ferrule, one tree.

::

    FerruleError
    ├── InvalidArgumentError     (ValueError)         the caller's input is wrong
    │   └── InvalidParameterError (TypeError)         a constructor parameter is wrong
    ├── NotFoundError            (FileNotFoundError)  a named thing does not exist
    ├── AlreadyExistsError       (FileExistsError)    a thing to be made exists
    ├── FailedPreconditionError  (RuntimeError)       right input, wrong state
    │   └── NotFittedError       (ValueError, AttributeError)  used before ``fit``
    ├── ResourceExhaustedError   (RuntimeError)       a limit would be passed
    │   └── OutOfMemoryError     (MemoryError)        the system gives no more memory
    ├── UnauthenticatedError     (PermissionError)    no valid credential
    ├── PermissionDeniedError    (PermissionError)    the credential does not allow it
    ├── DeadlineExceededError    (TimeoutError)       the deadline passed
    ├── CancelledError           (RuntimeError)       stopped on request
    ├── UnavailableError         (ConnectionError)    not now; a retry may succeed
    ├── UnimplementedError       (NotImplementedError)
    ├── DataLossError            (ValueError)         stored bytes are damaged
    ├── StorageError             (OSError)            the operating system failed us
    └── InternalError            (RuntimeError)       a defect of ours

Each class also is the built-in exception that a user would expect to catch. Where scikit-learn
is loaded, a `NotFittedError` and a `ConvergenceWarning` also are scikit-learn's of that name.
"""

__all__ = [
    "AlreadyExistsError",
    "CancelledError",
    "ConvergenceWarning",
    "DataLossError",
    "DeadlineExceededError",
    "FailedPreconditionError",
    "FerruleError",
    "InternalError",
    "InvalidArgumentError",
    "InvalidParameterError",
    "NotFittedError",
    "NotFoundError",
    "OutOfMemoryError",
    "PermissionDeniedError",
    "ResourceExhaustedError",
    "StorageError",
    "UnauthenticatedError",
    "UnavailableError",
    "UnimplementedError",
]


class FerruleError(Exception):
    """The root of every error that Ferrule raises on purpose."""


class InvalidArgumentError(FerruleError, ValueError):
    """The caller's input is wrong, whatever the state of the system."""


class InvalidParameterError(InvalidArgumentError, TypeError):
    """A constructor parameter has a type or a value that is not allowed."""


class NotFoundError(FerruleError, FileNotFoundError):
    """A file, model or version that the caller named does not exist."""


class AlreadyExistsError(FerruleError, FileExistsError):
    """A thing that the caller wants to make exists already."""


class FailedPreconditionError(FerruleError, RuntimeError):
    """The input is right but the state is not, such as predicting before fitting."""


class NotFittedError(FailedPreconditionError, ValueError, AttributeError):
    """An estimator was asked to predict or transform before it was fitted."""


class ResourceExhaustedError(FerruleError, RuntimeError):
    """A limit would be passed."""


class OutOfMemoryError(ResourceExhaustedError, MemoryError):
    """The system does not give the memory that is needed."""


class UnauthenticatedError(FerruleError, PermissionError):
    """No valid credential came with the request."""


class PermissionDeniedError(FerruleError, PermissionError):
    """The credential does not allow what was asked."""


class DeadlineExceededError(FerruleError, TimeoutError):
    """The caller's deadline passed."""


class CancelledError(FerruleError, RuntimeError):
    """Stopped on request."""


class UnavailableError(FerruleError, ConnectionError):
    """Starting, draining or overloaded; a retry may succeed."""


class UnimplementedError(FerruleError, NotImplementedError):
    """Known to the protocol, not done here."""


class DataLossError(FerruleError, ValueError):
    """Stored bytes are damaged, truncated or not what they claim to be."""


class StorageError(FerruleError, OSError):
    """The operating system failed: disk full, permission, network."""


class InternalError(FerruleError, RuntimeError):
    """A defect of Ferrule; please report it."""


class ConvergenceWarning(UserWarning):
    """A fit ended in a state that its caller may not expect, such as fewer clusters than asked."""
