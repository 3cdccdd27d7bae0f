"""One Parquet file a chunk, a row a cube: its number, and its values as a list of fixed size."""

import json
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from ferrule.data._cubes import Cubes

NAME = "parquet"


def prepare(folder: Path, cubes: Cubes, chunk: int) -> None:
    """Nothing describes the whole: each file tells the shape of its cubes."""


def path(index: int, first: int) -> str:
    """Return where chunk `index` stands, which begins with cube `first`."""
    return f"{first:015d}.parquet"


def write(file: BinaryIO, values: NDArray[Any], first: int, chunk: int) -> None:
    """Write cubes of shape (n, *shape)."""
    flat = pa.array(np.ascontiguousarray(values).reshape(-1))
    numbers = pa.array(np.arange(first, first + len(values), dtype=np.int64))
    lists = pa.FixedSizeListArray.from_arrays(flat, values[0].size)
    shape = json.dumps(list(values.shape[1:]))
    table = pa.table({"cube": numbers, "values": lists}).replace_schema_metadata({"shape": shape})
    # Neither dictionaries nor compression help random numbers.
    pq.write_table(
        table, file, compression="none", use_dictionary=False, row_group_size=len(values)
    )
