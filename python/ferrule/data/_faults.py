"""From what systems raise about a file to the errors of Ferrule, which name it."""

import errno
import re
from collections.abc import Iterator
from contextlib import contextmanager

import pyarrow as pa

from ferrule._hints import hinted
from ferrule.errors import (
    DataLossError,
    FerruleError,
    InvalidArgumentError,
    NotFoundError,
    OutOfMemoryError,
    PermissionDeniedError,
    ResourceExhaustedError,
    StorageError,
    UnavailableError,
)

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
# What object stores say, in the text of pyarrow's OSError.
_MISSING = ("NO_SUCH_KEY", "NO_SUCH_BUCKET", "RESOURCE_NOT_FOUND", "HTTP status 404", "NoSuchKey")
_FORBIDDEN = (
    "ACCESS_DENIED",
    "INVALID_ACCESS_KEY_ID",
    "SIGNATURE_DOES_NOT_MATCH",
    "InvalidAccessKeyId",
    "UNRECOGNIZED_CLIENT",
    "HTTP status 401",
    "HTTP status 403",
    "HTTP response code 403",
)
_AWAY = (
    "NETWORK_CONNECTION",
    "SERVICE_UNAVAILABLE",
    "SLOW_DOWN",
    "INTERNAL_FAILURE",
    "curlCode",
    "timed out",
    "Timeout",
    "Could not connect",
    "Connection refused",
    "HTTP status 5",
    "HTTP response code 5",
)
_NETWORKED = ("aiohttp", "requests", "urllib3")


@contextmanager
def told(name: str, kind: str | None = None, *, opened: bool = False) -> Iterator[None]:
    """Turn what is raised about the file called `name` into errors that say so.

    Parameters
    ----------
    name : str
        As its user wrote it.
    kind : str, optional
        What the file should be, where its bytes are being understood.
    opened : bool
        Whether its head was understood already, so that what is wrong now is damage.
    """
    try:
        yield
    except FerruleError:
        raise
    except (OSError, EOFError, ValueError, MemoryError, pa.ArrowException) as error:
        raise typed(error, name, kind, opened=opened) from error
    except Exception as error:
        if type(error).__module__.partition(".")[0] not in _NETWORKED:
            raise
        raise _away(error, name) from error


def typed(
    error: BaseException, name: str, kind: str | None = None, *, opened: bool = False
) -> FerruleError:
    """Return the error of Ferrule that says what `error` means for the file called `name`."""
    text = str(error)
    cause = error.__cause__
    if isinstance(error, FileNotFoundError) and cause is not None and _is_networked(cause, ""):
        # fsspec calls everything that goes wrong over HTTP a missing file.
        return _of_http(cause, name)
    if isinstance(error, MemoryError):
        return OutOfMemoryError(f"there is not the memory to read `{name}`: {_first(text)}")
    if isinstance(error, FileNotFoundError) or _has(text, _MISSING):
        return NotFoundError(f"there is no `{name}`")
    if isinstance(error, PermissionError) or _has(text, _FORBIDDEN):
        return hinted(
            PermissionDeniedError(f"no permission for `{name}`"),
            "check who may use it, and as whom",
        )
    if isinstance(error, ConnectionError | TimeoutError) or _is_networked(error, text):
        return _away(error, name)
    number = getattr(error, "errno", None)
    if number in _FULL:
        return hinted(
            StorageError(f"no space left to write `{name}`"), "make room, or write elsewhere"
        )
    if number == errno.EMFILE:
        return ResourceExhaustedError(f"too many files are open to open `{name}`: see ulimit -n")
    if number:
        return StorageError(f"`{name}`: {(getattr(error, 'strerror', None) or text).lower()}")
    if kind is None:
        error_of = StorageError if isinstance(error, OSError) else InvalidArgumentError
        return error_of(f"`{name}`: {_first(text)}")
    if opened:
        return DataLossError(f"`{name}` is damaged {kind}: {_first(text)}")
    return InvalidArgumentError(f"`{name}` is not {kind}: {_first(text)}")


def _of_http(error: BaseException, name: str) -> FerruleError:
    status = getattr(error, "status", None)
    if status in (401, 403):
        return PermissionDeniedError(f"no permission for `{name}`")
    if status in (404, 410):
        return NotFoundError(f"there is no `{name}`")
    return _away(error, name)


def _is_networked(error: BaseException, text: str) -> bool:
    module = type(error).__module__.partition(".")[0]
    return module in _NETWORKED or _has(text, _AWAY)


def _away(error: BaseException, name: str) -> UnavailableError:
    curl = re.search(r"curlCode: \d+, ([^;.]+)", str(error))
    said = curl[1] if curl else _first(str(error)) or type(error).__name__
    return hinted(
        UnavailableError(f"`{name}` cannot be reached: {said}"),
        "is its server running, and is this its address?",
    )


def _has(text: str, words: tuple[str, ...]) -> bool:
    return any(word in text for word in words)


def _first(text: str, most: int = 200) -> str:
    """Return the first sentence of `text`, in one line."""
    line = " ".join(text.split())
    return line.split(". ")[0].rstrip(".")[:most]
