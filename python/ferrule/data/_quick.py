"""Files of numbers that the core reads straight into columns: Parquet and CSV on local disks.

These readers take the plain cases. Whatever they refuse, be it unknown to them or wrong, goes the
general way, which has the last word and the message.
"""

import mmap
from functools import cached_property
from typing import Any, Protocol

from numpy.typing import NDArray

from ferrule import _core
from ferrule.data._endings import compression_of, data_ending
from ferrule.data._source import Source


class Table(Protocol):
    """A file whose columns can be read into an array."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of its columns; their positions where `named` is false."""
        ...

    @property
    def named(self) -> bool:
        """Whether the columns have names of their own."""
        ...

    @property
    def dtypes(self) -> tuple[str | None, ...]:
        """NumPy's name of the type of each column; None for a column that is not numbers."""
        ...

    def is_like(self, other: "Table") -> bool:
        """Return whether both have the same columns: as many, of the same names and types."""
        ...

    def count(self) -> int:
        """Return the number of rows."""
        ...

    def read(self, columns: list[int], first_row: int, out: NDArray[Any], *, whole: bool) -> bool:
        """Fill `out` (columns, rows) with rows from `first_row` on.

        False where there are fewer rows, or, with `whole`, more.
        """
        ...


def open_quickly(source: Source, model: Table | None = None) -> Table | None:
    """Open the file of `source`, the source of one; None where it has to go the general way.

    Where it has the columns of `model`, which is open, a thousand names are not read again.

    Raises
    ------
    FerruleError, OSError
        Where the file is not plain; the general way tells why, or takes it.
    """
    file = source.parts[0].file
    if file is None or not file.local or not source.is_plain or not file.size:
        return None
    kind = None if compression_of(file.path) else data_ending(file.path)
    if kind == ".parquet":
        like = model._file if isinstance(model, _Parquet) else None
        return _Parquet(_core.ParquetFile(_mapped(file.path), like))
    if kind in {".csv", ".tsv"}:
        return _Csv(_core.CsvFile(_mapped(file.path), "\t" if kind == ".tsv" else ","))
    return None


def _mapped(path: str) -> mmap.mmap:
    with open(path, "rb") as file:  # noqa: PTH123 -- path is not our Path
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def same_columns(one: Table, other: Table) -> bool:
    """Return whether two tables of any kind have columns of the same names and types."""
    named = one.named == other.named
    return named and one.columns == other.columns and one.dtypes == other.dtypes


class _Parquet:
    named = True

    def __init__(self, file: _core.ParquetFile) -> None:
        self._file = file

    @cached_property
    def columns(self) -> tuple[str, ...]:
        return tuple(self._file.columns)

    @cached_property
    def dtypes(self) -> tuple[str | None, ...]:
        return tuple(self._file.dtypes)

    def is_like(self, other: Table) -> bool:
        # A thousand names are compared where they are: as Python's they cost more than numbers do.
        if isinstance(other, _Parquet):
            return self._file.has_columns_of(other._file)
        return same_columns(self, other)

    def count(self) -> int:
        return self._file.n_rows

    def read(self, columns: list[int], first_row: int, out: NDArray[Any], *, whole: bool) -> bool:
        left = self._file.n_rows - first_row - out.shape[1]
        if left < 0 or (whole and left):
            return False
        self._file.read(columns, first_row, out)
        return True


class _Csv:
    def __init__(self, file: _core.CsvFile) -> None:
        self._file = file
        names = file.columns
        self.named = names is not None
        self.columns = tuple(map(str, range(file.n_columns)) if names is None else names)
        # Cells tell only when they are read.
        self.dtypes = ("float64",) * len(self.columns)

    def is_like(self, other: Table) -> bool:
        return same_columns(self, other)

    def count(self) -> int:
        return self._file.count_rows()

    def read(self, columns: list[int], first_row: int, out: NDArray[Any], *, whole: bool) -> bool:
        rows, more = self._file.read(columns, first_row, out)
        return rows == out.shape[1] and not (whole and more)
