"""A stack of frames as one safetensors file."""

import json
import mmap
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule import _core
from ferrule.data._durable import replacing
from ferrule.data._memory import ALIGNMENT
from ferrule.errors import DataLossError, InvalidArgumentError, NotFoundError, UnimplementedError

SUFFIX = ".safetensors"
FORMAT = "ferrule.frames"
FORMAT_VERSION = 1
_TENSOR = "frames"
_PREFIX_BYTES = 8
# One write call takes at most 2 GiB; smaller ones let Ctrl-C in between.
_WRITE_BYTES = 64 << 20
_NAMES: dict[np.dtype[Any], str] = {
    np.dtype("<f2"): "F16",
    np.dtype("<f4"): "F32",
    np.dtype("<f8"): "F64",
}
_DTYPES: dict[str, np.dtype[Any]] = {name: dtype for dtype, name in _NAMES.items()}


def write(path: Path, values: NDArray[Any], columns: tuple[str, ...]) -> None:
    """Write `values` (frames, columns, rows) durably to `path`, whole or not at all."""
    if path.suffix != SUFFIX:
        raise InvalidArgumentError(
            f"`{path}` does not end in {SUFFIX}, as the file of a stack does"
        )
    metadata = {
        "format": FORMAT,
        "format_version": str(FORMAT_VERSION),
        "columns": json.dumps(columns),
    }
    data = values.reshape(-1).view(np.uint8).data
    with replacing(path) as file:
        file.write(_head(values, metadata))
        for start in range(0, len(data), _WRITE_BYTES):
            _write_all(file.fileno(), data[start : start + _WRITE_BYTES])


def read(path: Path) -> tuple[NDArray[Any], tuple[str, ...]]:
    """Map the file at `path`: its values, read-only and shared, and the names of the columns."""
    if not path.is_file():
        raise NotFoundError(f"there is no file `{path}`")
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if size == 0:
            raise DataLossError(f"`{path}` is empty")
        mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    try:
        metadata, tensors, first = _core.safetensors_header(mapped)
    except DataLossError as error:
        raise DataLossError(f"`{path}` is damaged: {error}") from error
    columns = _columns(path, metadata)
    tensor = next((one for one in tensors if one[0] == _TENSOR), None)
    if tensor is None:
        raise DataLossError(f"`{path}` has no tensor `{_TENSOR}`")
    _, dtype, shape, start, end = tensor
    if dtype not in _DTYPES or len(shape) != 3 or shape[1] != len(columns) or end == start:
        raise DataLossError(
            f"`{path}` holds {dtype} of shape {tuple(shape)} under {len(columns)} names of columns;"
            " F16, F32 or F64 of (frames, columns, rows) is expected"
        )
    if (first + start) % _DTYPES[dtype].itemsize:
        raise DataLossError(
            f"`{path}` has its data from byte {first + start} on, where {dtype} cannot be mapped"
        )
    count = (end - start) // _DTYPES[dtype].itemsize
    values = np.frombuffer(mapped, _DTYPES[dtype], count, first + start).reshape(shape)
    return values, columns


def _head(values: NDArray[Any], metadata: Mapping[str, str]) -> bytes:
    """Return what stands in front of the data, padded so that the data is aligned."""
    tensor = {
        "dtype": _NAMES[values.dtype],
        "shape": values.shape,
        "data_offsets": [0, values.nbytes],
    }
    parts = {"__metadata__": metadata, _TENSOR: tensor}
    header = json.dumps(parts, separators=(",", ":")).encode()
    header += b" " * (-(_PREFIX_BYTES + len(header)) % ALIGNMENT)
    return len(header).to_bytes(_PREFIX_BYTES, "little") + header


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


def _columns(path: Path, metadata: Mapping[str, str]) -> tuple[str, ...]:
    if metadata.get("format") != FORMAT:
        raise InvalidArgumentError(f"`{path}` is not a stack of frames, as FrameStack.save writes")
    version = metadata.get("format_version")
    if version != str(FORMAT_VERSION):
        raise UnimplementedError(
            f"`{path}` has the format version {version}; this ferrule reads {FORMAT_VERSION}"
        )
    try:
        columns = json.loads(metadata.get("columns", ""))
    except ValueError:
        columns = None
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise DataLossError(f"`{path}` has no list of columns")
    return tuple(columns)
