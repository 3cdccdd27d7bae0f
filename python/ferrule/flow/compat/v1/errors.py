"""The errors of TensorFlow, which are Ferrule's too.

::

    OpError
    ├── InvalidArgumentError     such as a placeholder that was not fed
    ├── FailedPreconditionError  such as a variable that was not initialised
    ├── NotFoundError            such as a checkpoint that is not there
    ├── AlreadyExistsError, OutOfRangeError, ResourceExhaustedError, PermissionDeniedError,
    ├── CancelledError, DeadlineExceededError, UnavailableError, UnimplementedError,
    └── DataLossError, InternalError

Each is `ferrule.errors`' of its name too, so that either may be caught.
"""

from typing import Any

from ferrule import errors as _errors

OK, CANCELLED, UNKNOWN, INVALID_ARGUMENT, DEADLINE_EXCEEDED, NOT_FOUND = range(6)
ALREADY_EXISTS, PERMISSION_DENIED, RESOURCE_EXHAUSTED, FAILED_PRECONDITION = range(6, 10)
ABORTED, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, DATA_LOSS = range(10, 16)


class OpError(_errors.FerruleError):
    """An operation failed.

    Attributes
    ----------
    message : str
        What went wrong.
    op : Operation or None
        The operation that failed, where it is one of the graph's.
    error_code : int
        TensorFlow's number for the class of error.
    """

    error_code = UNKNOWN

    def __init__(self, node_def: Any, op: Any = None, message: str | None = None) -> None:
        text = str(node_def) if message is None else message
        super().__init__(text)
        self.node_def = None if message is None else node_def
        self.op = op
        self.message = text

    def __str__(self) -> str:
        return self.message


class InvalidArgumentError(OpError, _errors.InvalidArgumentError):
    """What an operation was given is wrong."""

    error_code = INVALID_ARGUMENT


class DTypeError(InvalidArgumentError, TypeError):
    """What an operation was given has the wrong dtype."""


class FailedPreconditionError(OpError, _errors.FailedPreconditionError):
    """The session is not in a state for it."""

    error_code = FAILED_PRECONDITION


class NotFoundError(OpError, _errors.NotFoundError):
    """A named thing does not exist."""

    error_code = NOT_FOUND


class AlreadyExistsError(OpError, _errors.AlreadyExistsError):
    """A thing to be made exists."""

    error_code = ALREADY_EXISTS


class OutOfRangeError(OpError, _errors.InvalidArgumentError):
    """Past the end, such as of a dataset."""

    error_code = OUT_OF_RANGE


class ResourceExhaustedError(OpError, _errors.ResourceExhaustedError):
    """A limit would be passed."""

    error_code = RESOURCE_EXHAUSTED


class PermissionDeniedError(OpError, _errors.PermissionDeniedError):
    """Not allowed."""

    error_code = PERMISSION_DENIED


class CancelledError(OpError, _errors.CancelledError):
    """Stopped on request."""

    error_code = CANCELLED


class DeadlineExceededError(OpError, _errors.DeadlineExceededError):
    """Too late."""

    error_code = DEADLINE_EXCEEDED


class UnavailableError(OpError, _errors.UnavailableError):
    """Not now."""

    error_code = UNAVAILABLE


class UnimplementedError(OpError, _errors.UnimplementedError):
    """Known, but not done here."""

    error_code = UNIMPLEMENTED


class DataLossError(OpError, _errors.DataLossError):
    """Stored bytes are damaged."""

    error_code = DATA_LOSS


class InternalError(OpError, _errors.InternalError):
    """A defect of Ferrule."""

    error_code = INTERNAL


# From the most special on, for the first that fits is taken.
_CLASSES: tuple[tuple[type[_errors.FerruleError], type[OpError]], ...] = (
    (_errors.InvalidParameterError, DTypeError),
    (_errors.InvalidArgumentError, InvalidArgumentError),
    (_errors.FailedPreconditionError, FailedPreconditionError),
    (_errors.NotFoundError, NotFoundError),
    (_errors.AlreadyExistsError, AlreadyExistsError),
    (_errors.ResourceExhaustedError, ResourceExhaustedError),
    (_errors.PermissionDeniedError, PermissionDeniedError),
    (_errors.DeadlineExceededError, DeadlineExceededError),
    (_errors.CancelledError, CancelledError),
    (_errors.UnavailableError, UnavailableError),
    (_errors.UnimplementedError, UnimplementedError),
    (_errors.DataLossError, DataLossError),
    (_errors.InternalError, InternalError),
)


def as_op_error(error: _errors.FerruleError, op: Any, message: str) -> OpError:
    """Return `error` as TensorFlow's class of it, with another message."""
    if isinstance(error, OpError):
        return error
    kind = next((ours for theirs, ours in _CLASSES if isinstance(error, theirs)), OpError)
    result = kind(None, op, message)
    for note in getattr(error, "__notes__", ()):
        result.add_note(note)
    return result
