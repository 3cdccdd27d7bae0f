"""Replacing a file so that a crash or a full disk leaves the old one or the new one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from ferrule._hints import hinted
from ferrule.errors import InvalidArgumentError, NotFoundError, StorageError


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Yield a new file that takes the place of `path` once all of it is on the disk.

    Whatever goes wrong, what was at `path` is untouched and nothing is left beside it.

    Raises
    ------
    NotFoundError
        Where its folder is missing.
    InvalidArgumentError
        Where `path` is a folder.
    PermissionError
        Where its folder is not ours to write to.
    StorageError
        Where the file cannot be written, such as on a full disk.
    """
    check_writable(path)
    temporary = path.with_name(f".{path.name[:64]}-{os.getpid()}-{os.urandom(4).hex()}.tmp")
    try:
        with temporary.open("xb", buffering=0) as file:
            yield file
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync_folder(path.parent)
    except OSError as error:
        if isinstance(error, StorageError):
            raise
        why = (error.strerror or str(error)).lower()
        raise StorageError(f"could not write `{path}`: {why}") from error
    finally:
        temporary.unlink(missing_ok=True)


def check_writable(path: Path) -> None:
    """Raise where `path` could not be written, before work is put into what goes there.

    Raises
    ------
    NotFoundError
        Where its folder is missing.
    InvalidArgumentError
        Where it is a folder itself.
    PermissionError
        Where its folder is not ours to write to.
    """
    folder = path.parent
    if not folder.is_dir():
        raise hinted(NotFoundError(f"there is no folder `{folder}`"), f"mkdir -p {folder}")
    if path.is_dir():
        raise InvalidArgumentError(f"`{path}` is a folder; a file name is expected")
    if not os.access(folder, os.W_OK):
        raise PermissionError(13, "no permission to write to", str(folder))


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_all(file: BinaryIO, data: bytes | memoryview) -> None:
    """Write all of `data` to a file without a buffer, whose `write` may take a part of it."""
    rest = memoryview(data).cast("B")
    while rest:
        rest = rest[file.write(rest) :]
