"""One npy file a chunk, named after its first cube."""

import io
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from ferrule.data._cubes import Cubes
from ferrule.data._durable import write_all

NAME = "npy"


def prepare(folder: Path, cubes: Cubes, chunk: int) -> None:
    """Nothing describes the whole: names of files are in its order."""


def path(index: int, first: int) -> str:
    """Return where chunk `index` stands, which begins with cube `first`."""
    return f"{first:015d}.npy"


def write(file: BinaryIO, values: NDArray[Any], first: int, chunk: int) -> None:
    """Write cubes of shape (n, *shape)."""
    values = np.ascontiguousarray(values)
    header = io.BytesIO()
    np.lib.format.write_array_header_1_0(header, np.lib.format.header_data_from_array_1_0(values))
    write_all(file, header.getvalue())
    write_all(file, values.data)
