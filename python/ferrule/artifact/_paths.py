"""Where artifacts are: the one rule for the names of their files."""

import os
from pathlib import Path

from ferrule._hints import hinted
from ferrule.errors import InvalidArgumentError

SUFFIX = ".safetensors"


def expanded(path: str | os.PathLike[str]) -> str:
    """Return `path` with ``~`` and ``~user`` made the home that they stand for."""
    # Path.expanduser raises where there is no such user; here `path` then stays as it is.
    return os.path.expanduser(os.fspath(path))  # noqa: PTH111


def path_to_save(path: str | os.PathLike[str]) -> str:
    """Return `path`, expanded, where a model may be saved: it must end in ``.safetensors``.

    A server finds the models in a folder by this ending, and takes what stands before it as the
    model's name.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For another ending, or none.
    """
    place = expanded(path)
    if place.endswith(SUFFIX):
        return place
    raise hinted(
        InvalidArgumentError(f"`{place}` does not end in {SUFFIX}, as the file of a model does"),
        f"save as {Path(place).with_suffix(SUFFIX)}" if Path(place).name else None,
    )
