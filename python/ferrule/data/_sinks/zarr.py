"""A Zarr v3 array of shape (cubes, *shape), uncompressed, one file a chunk.

Any reader of Zarr v3 opens the folder. Random floats do not compress, and bytes that are not
compressed cost nothing to write.
"""

import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ferrule.data._cubes import Cubes
from ferrule.data._durable import replacing, write_all

NAME = "zarr"


def prepare(folder: Path, cubes: Cubes, chunk: int) -> None:
    """Write the array's metadata."""
    metadata = {
        "zarr_format": 3,
        "node_type": "array",
        "shape": [cubes.total, *cubes.shape],
        "data_type": cubes.dtype.name,
        "chunk_grid": {
            "name": "regular",
            "configuration": {"chunk_shape": [chunk, *cubes.shape]},
        },
        "chunk_key_encoding": {"name": "default", "configuration": {"separator": "/"}},
        "fill_value": 0.0,
        "codecs": [{"name": "bytes", "configuration": {"endian": "little"}}],
        "attributes": {"seed": cubes.seed},
        "dimension_names": ["cube", *cubes.options.axes],
    }
    with replacing(folder / "zarr.json") as file:
        write_all(file, json.dumps(metadata, indent=1).encode() + b"\n")


def path(index: int, first: int) -> str:
    """Return where chunk `index` stands, which begins with cube `first`."""
    return f"c/{index}/0/0/0"


def write(file: BinaryIO, values: NDArray[Any], first: int, chunk: int) -> None:
    """Write cubes of shape (n, *shape); a chunk is whole, so the last one is filled up."""
    little = np.ascontiguousarray(values, values.dtype.newbyteorder("<"))
    write_all(file, little.data)
    write_all(file, bytes((chunk - len(values)) * values[0].nbytes))
