"""Arrays by name, and words about them, in one safetensors file."""

import json
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule import _core
from ferrule.data._durable import replacing, write_all
from ferrule.errors import DataLossError, FerruleError

_CODES = {
    "float32": "F32",
    "float64": "F64",
    "int32": "I32",
    "int64": "I64",
    "uint8": "U8",
    "bool": "BOOL",
}
_NAMES = {code: name for name, code in _CODES.items()}


def write(
    path: Path, arrays: Mapping[str, NDArray[Any]], words: Mapping[str, str] | None = None
) -> None:
    """Write `arrays`, and `words` as metadata, to `path`, whole or not at all."""
    head: dict[str, Any] = {"__metadata__": dict(words)} if words else {}
    end = 0
    # The widest first, so that each begins at a multiple of its size.
    names = sorted(arrays, key=lambda name: (-arrays[name].dtype.itemsize, name))
    for name in names:
        array = arrays[name]
        start, end = end, end + array.nbytes
        head[name] = {
            "dtype": _CODES[array.dtype.name],
            "shape": list(array.shape),
            "data_offsets": [start, end],
        }
    text = json.dumps(head, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with replacing(path) as file:
        write_all(file, len(text).to_bytes(8, "little") + text)
        for name in names:
            if arrays[name].nbytes:
                write_all(file, np.ascontiguousarray(arrays[name]).reshape(-1).view(np.uint8).data)


def read(path: Path) -> tuple[dict[str, NDArray[Any]], dict[str, str]]:
    """Return the arrays of the file at `path`, and its metadata.

    Raises
    ------
    DataLossError
        Where the file is damaged, or has arrays of other dtypes.
    """
    with path.open("rb") as file:
        if not os.fstat(file.fileno()).st_size:
            raise DataLossError(f"`{path}` is empty")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        words, tensors, first = _core.safetensors_header(mapped)
    except FerruleError as error:
        raise DataLossError(f"`{path}` is damaged: {error}") from error
    arrays = {}
    for name, code, shape, start, end in tensors:
        if code not in _NAMES:
            raise DataLossError(f"`{path}` holds {code} in {name!r}, which no tensor can have")
        dtype = np.dtype(_NAMES[code])
        values = np.frombuffer(mapped, np.uint8, end - start, first + start)
        arrays[name] = values.copy().view(dtype).reshape(shape)
    return arrays, words
