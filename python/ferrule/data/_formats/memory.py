"""Tables that are in memory already, taken as they lie."""

import sys
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ferrule._hints import hinted
from ferrule._words import counted
from ferrule.data._formats._part import Head, Part, Piece, Want, in_order
from ferrule.data._formats._types import usual_batch, usual_schema
from ferrule.errors import InvalidArgumentError


class Memory(Part):
    """A pyarrow table; also what exports one."""

    def __init__(self, name: str, table: pa.Table) -> None:
        self.name = name
        self.table = table

    def _read_head(self) -> Head:
        return Head(usual_schema(self.table.schema), self.table.num_rows)

    def pieces(self, want: Want) -> Iterator[Piece]:
        """Yield what is wanted, in order."""
        batches = self.table.select(want.schema.names).to_batches()
        yield from in_order(map(usual_batch, batches), want)


class Matrix(Part):
    """A NumPy array of rows and columns, which stays one: its columns are called 0, 1, ..."""

    def __init__(self, name: str, array: NDArray[Any]) -> None:
        check_shape(name, array.shape)
        check_numbers(name, array.dtype)
        self.name = name
        self._array = array

    def _read_head(self) -> Head:
        return matrix_head(self._array.shape, self._array.dtype)

    def array(self) -> NDArray[Any]:
        """Return the array itself."""
        return self._array

    def pieces(self, want: Want) -> Iterator[Piece]:
        """Yield what is wanted, in order."""
        yield from array_pieces(self._array, want)


def as_memory(what: Any) -> Part | None:
    """Return the part that `what` is; None where it is no table in memory."""
    name = f"{type(what).__module__.partition('.')[0]}.{type(what).__qualname__}"
    if isinstance(what, np.ndarray):
        return Matrix(name, what)
    if isinstance(what, pa.Table):
        return Memory(name, what)
    pandas = sys.modules.get("pandas")
    if pandas is not None and isinstance(what, pandas.DataFrame):
        return Memory(name, _from_pandas(what))
    if hasattr(what, "__arrow_c_stream__"):
        return Memory(name, pa.table(what))
    if hasattr(what, "__arrow_c_array__"):
        return Memory(name, pa.Table.from_batches([pa.record_batch(what)]))
    return None


def _from_pandas(frame: Any) -> pa.Table:
    twice = frame.columns[frame.columns.duplicated()]
    if len(twice):
        raise InvalidArgumentError(f"`pandas.DataFrame` has two columns called `{twice[0]}`")
    try:
        return pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        said = str(error).split(",")[-1].strip("() '\"")
        raise hinted(
            InvalidArgumentError(f"`pandas.DataFrame` has a column of mixed objects: {said}"),
            "give each column one type, as by frame.astype",
        ) from error


def check_shape(name: str, shape: Sequence[int]) -> None:
    """Refuse arrays that are no table."""
    if len(shape) != 2:
        raise InvalidArgumentError(
            f"`{name}` has an array of {counted(len(shape), 'dimension')}; 2 are expected, rows and"
            " columns"
        )
    if shape[1] == 0:
        raise InvalidArgumentError(f"`{name}` has no columns")


def check_numbers(name: str, dtype: np.dtype[Any]) -> None:
    """Refuse arrays of anything but numbers."""
    if dtype.kind not in "fiub" or dtype.itemsize > 8:
        raise InvalidArgumentError(f"`{name}` holds {dtype}; numbers are expected")


def matrix_head(shape: tuple[int, ...], dtype: np.dtype[Any]) -> Head:
    """Return the head of an array."""
    kind = pa.from_numpy_dtype(dtype.newbyteorder("="))
    names = [str(index) for index in range(shape[1])]
    return Head(pa.schema([(name, kind) for name in names]), shape[0], named=False)


def array_pieces(array: NDArray[Any], want: Want) -> Iterator[Piece]:
    """Yield the rows of `array` that are wanted, as record batches."""
    wanted = want.size(len(array))
    native = array.dtype.newbyteorder("=")
    for start in range(wanted.start, wanted.stop, want.batch_rows):
        stop = min(start + want.batch_rows, wanted.stop)
        columns = [
            pa.array(np.ascontiguousarray(array[start:stop, int(name)], native))
            for name in want.schema.names
        ]
        kinds = pa.schema([(n, c.type) for n, c in zip(want.schema.names, columns, strict=True)])
        batch = pa.record_batch(columns, schema=kinds)
        yield Piece(batch, range(start + 1, stop + 1))
