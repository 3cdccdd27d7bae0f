"""`Source`: a table somewhere, read when it is used."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property, partial
from html import escape
from typing import Any, TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ferrule._hints import hinted
from ferrule._words import counted, listed, short
from ferrule.data._bad_rows import BadRow, BadRows
from ferrule.data._drift import common_schema
from ferrule.data._formats._part import BATCH_ROWS, Part, Piece, Want, row_bytes
from ferrule.data._memory import allocate
from ferrule.data._numeric import Maker, Matrix, as_float_dtype
from ferrule.data._parallel import in_order
from ferrule.data._progress import bar
from ferrule.errors import InvalidArgumentError

MEMORY_BUDGET = 1 << 28
_REMOTE_THREADS = 8
_COLUMNS_SHOWN = 50

T = TypeVar("T", pa.RecordBatch, Matrix)


@dataclass(frozen=True, slots=True)
class Options:
    """How a source is read; see `read`."""

    dtype: Any = None
    on_error: str = "raise"
    keep_missing: bool = False
    types: Mapping[str, str] = field(default_factory=dict)
    progress: bool = False
    memory_budget: int = MEMORY_BUDGET


class Source:
    """A table in files or in memory; made by `read`.

    A source is not changed by its use: `select`, `slice` and `head` return others, and it can be
    read again and again.

    Attributes
    ----------
    schema : pyarrow.Schema
        Names and types of the columns, in order.
    columns : tuple of str
        Their names.
    n_rows : int or None
        Number of rows; None where only reading all of it tells, as for CSV: see `count`.
    errors : list of BadRow
        The bad rows that the last reading left out, with ``on_error="collect"``.

    Examples
    --------
    >>> import pyarrow as pa
    >>> from ferrule.data import read
    >>> source = read(pa.table({"x": [1.5, 2.5, None], "name": ["a", "b", "c"]}))
    >>> source.columns, source.n_rows
    (('x', 'name'), 3)
    >>> source.select(["x"]).head(2).to_numpy()
    array([[1.5],
           [2.5]])
    >>> clean = read(pa.table({"x": [1.5, 2.5, None]}), on_error="collect")
    >>> [matrix.shape for matrix in clean.matrices(rows=1)]
    [(1, 1), (1, 1)]
    >>> print(clean.errors[0])
    `pyarrow.Table`: column `x` has no value in row 3
    """

    def __init__(
        self,
        parts: tuple[Part, ...],
        options: Options,
        columns: tuple[str, ...] | None = None,
        start: int = 0,
        stop: int | None = None,
    ) -> None:
        self.parts = parts
        self._options = options
        self._names = columns
        self._start = start
        self._stop = stop
        self._bad = BadRows(options.on_error)

    @cached_property
    def schema(self) -> pa.Schema:
        """Names and types of the columns: what holds those of all files.

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            Where a file is not what its ending says, or differs from the first; both are named.
        """
        if len(self.parts) > 1:
            self._look_at_heads()
        types = {name: _as_type(name, kind) for name, kind in self._options.types.items()}
        return common_schema(self.parts, self._names, types)

    def _look_at_heads(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        with ThreadPoolExecutor(self._n_threads()) as pool:
            for _ in pool.map(lambda part: part.head, self.parts):
                pass

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self.schema.names)

    @property
    def named(self) -> bool:
        """Whether the columns have names of their own, and are not called by their position."""
        return self.parts[0].head.named

    @property
    def name(self) -> str:
        """The file, or the first of several."""
        others = len(self.parts) - 1
        first = self.parts[0].name
        return first if not others else f"{first} and {counted(others, 'other')}"

    @property
    def chosen(self) -> tuple[str, ...] | None:
        """The columns that were asked for; None for all that there are."""
        return self._names

    @property
    def is_plain(self) -> bool:
        """Whether it is all rows of its parts as they are: none left out, no type asked for."""
        whole = self._start == 0 and self._stop is None
        return whole and self._options.on_error == "raise" and not self._options.types

    @property
    def leaves_out(self) -> bool:
        """Whether bad rows are left out, so that there may be fewer than `count` says."""
        return self._options.on_error != "raise"

    def keeping_missing(self) -> "Source":
        """Return a source whose matrices have NaN where a value is missing."""
        options = replace(self._options, keep_missing=True)
        return Source(self.parts, options, self._names, self._start, self._stop)

    @property
    def notes(self) -> list[str]:
        """How first rows were understood, where their writers may have meant them otherwise."""
        return [part.head.doubt for part in self.parts if part.head.doubt]

    @property
    def errors(self) -> list[BadRow]:
        """Bad rows that the last reading left out, with ``on_error="collect"``; at most 10,000."""
        return sorted(self._bad.listed, key=lambda one: (one.file, one.row))

    @property
    def n_bad_rows(self) -> int:
        """How many rows the last reading left out."""
        return self._bad.count

    @property
    def n_rows(self) -> int | None:
        """Number of rows, bad ones among them; None where only reading tells."""
        total = 0
        for part in self.parts:
            n_rows = part.head.n_rows
            if n_rows is None:
                return None
            total += n_rows
        return len(Want(self.schema, self._start, self._stop).size(total))

    def count(self) -> int:
        """Return the number of rows, bad ones among them, reading what that takes."""
        total = 0
        for part in self.parts:
            total += part.count(None if self._stop is None else self._stop - total)
        return len(Want(self.schema, self._start, self._stop).size(total))

    def select(self, columns: Sequence[str]) -> "Source":
        """Return a source of only these columns, in this order; no other is read.

        Parameters
        ----------
        columns : sequence of str

        Returns
        -------
        Source
        """
        if isinstance(columns, str):
            raise InvalidArgumentError(f"columns is {columns!r}; a list of names is expected")
        names = tuple(str(name) for name in columns)
        return Source(self.parts, self._options, names, self._start, self._stop)

    def slice(self, start: int, stop: int | None = None) -> "Source":
        """Return a source of the rows from `start` up to, without, `stop`.

        Returns
        -------
        Source
        """
        if start < 0 or (stop is not None and stop < 0):
            raise InvalidArgumentError(f"rows {start} to {stop}: neither may be negative")
        end = self._stop if stop is None else self._start + stop
        if self._stop is not None and end is not None:
            end = min(end, self._stop)
        begin = self._start + start if end is None else min(self._start + start, end)
        return Source(self.parts, self._options, self._names, begin, end)

    def head(self, n_rows: int) -> "Source":
        """Return a source of the first `n_rows` rows.

        Returns
        -------
        Source
        """
        return self.slice(0, n_rows)

    def files(self) -> list["Source"]:
        """Return a source for each file, with the same columns and options.

        Returns
        -------
        list of Source
        """
        return [
            Source((part,), self._options, self._names, start, stop)
            for part, start, stop in self._ranges()
        ]

    def batches(self, rows: int = BATCH_ROWS) -> Iterator[pa.RecordBatch]:
        """Yield the rows in order, as record batches of at most `rows` rows.

        Missing values stay missing. With several files the next ones are read meanwhile.

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For a bad row, with file, row, line and column, unless `on_error` says otherwise.
        ferrule.errors.DataLossError
            For a damaged file.
        """
        schema = self.schema
        self._bad = BadRows(self._options.on_error)

        def make(part: Part, want: Want) -> Iterator[pa.RecordBatch]:
            for piece in part.pieces(want):
                yield _cast(part.name, piece.batch, schema)

        yield from self._read(make, schema, rows)

    def matrices(self, rows: int = BATCH_ROWS, dtype: Any = None) -> Iterator[Matrix]:
        """Yield the rows in order, as C-contiguous matrices of at most `rows` rows.

        Parameters
        ----------
        rows : int
            Most rows a matrix.
        dtype : {"float16", "float32", "float64"}, optional
            Else that of `read`.

        Yields
        ------
        ndarray of shape (n, n_columns)

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For text, missing values, NaN and infinity, with file, row and column, unless `on_error`
            or `missing` say otherwise; and where there is no row.
        """
        wanted = as_float_dtype(dtype or self._options.dtype, self.schema)
        bad = self._bad = BadRows(self._options.on_error)
        floats = pa.schema([pa.field(name, pa.float64()) for name in self.schema.names])

        def make(part: Part, want: Want) -> Iterator[Matrix]:
            maker = Maker(part.name, wanted, keep_missing=self._options.keep_missing, bad=bad)
            for matrix in _matrices(part, want, maker):
                if len(matrix):
                    yield matrix

        empty = True
        for matrix in self._read(make, floats, rows):
            empty = False
            yield matrix
        if empty:
            self._refuse_emptiness()

    def _refuse_emptiness(self) -> None:
        if self._stop is not None and self._start >= self._stop:
            return
        if self._bad.count:
            first = f": the first: {self._bad.listed[0]}" if self._bad.listed else ""
            raise InvalidArgumentError(
                f"`{self.name}` has no good row; {counted(self._bad.count, 'row')} bad{first}"
            )
        raise InvalidArgumentError(f"`{self.name}` has no rows")

    def to_arrow(self) -> pa.Table:
        """Read all of it into a pyarrow table.

        Raises
        ------
        ferrule.errors.InvalidArgumentError, ferrule.errors.DataLossError
            As `batches`.
        """
        return pa.Table.from_batches(list(self.batches(1 << 20)), self.schema)

    def to_numpy(self, dtype: Any = None) -> Matrix:
        """Read all of it into one matrix; a NumPy array of floats is returned as it lies.

        Parameters
        ----------
        dtype : {"float16", "float32", "float64"}, optional
            Else that of `read`.

        Returns
        -------
        ndarray of shape (n_rows, n_columns)

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            As `matrices`.
        ferrule.errors.OutOfMemoryError
            Where it would take more memory than there is.
        """
        wanted = as_float_dtype(dtype or self._options.dtype, self.schema)
        held = self._held(wanted)
        if held is not None:
            for _ in () if self._options.keep_missing else self.matrices(dtype=wanted):
                pass
            return held
        return self.joined(self.matrices(dtype=wanted), wanted)

    def joined(self, matrices: Iterator[Matrix], dtype: Any = None) -> Matrix:
        """Return the matrices that `matrices` yields, as one.

        Raises
        ------
        ferrule.errors.OutOfMemoryError
            Where it would take more memory than there is.
        """
        wanted = as_float_dtype(dtype or self._options.dtype, self.schema)
        n_rows = self.n_rows
        if n_rows is None:
            blocks = list(matrices)
            return np.concatenate(blocks) if blocks else np.empty((0, len(self.schema)), wanted)
        hint = "read fewer columns or rows, or in batches: matrices()"
        out = allocate((n_rows, len(self.schema)), wanted, f"`{self.name}`", hint)
        done = 0
        for block in matrices:
            out[done : done + len(block)] = block
            done += len(block)
        return out if done == n_rows else out[:done].copy()

    def _held(self, dtype: np.dtype[Any]) -> NDArray[Any] | None:
        """Return the rows where they are one array in memory that can be passed on."""
        array = self.parts[0].array() if len(self.parts) == 1 else None
        if array is None or array.dtype != dtype:
            return None
        if self._options.on_error != "raise" or len(self.schema) < array.shape[1]:
            return None
        if self.columns != tuple(str(index) for index in range(array.shape[1])):
            return None
        return array[self._start : self._stop]

    def _read(
        self, make: Callable[[Part, Want], Iterator[T]], text: pa.Schema, rows: int
    ) -> Iterator[T]:
        """Yield what `make` makes of each part; text is read as the types of `text`."""
        if rows < 1:
            raise InvalidArgumentError(f"rows is {rows}; at least 1 is expected")
        plan = list(self._ranges())
        threads = len(plan) == 1
        n_threads = max(1, min(self._n_threads(), len(plan)))
        width = sum(row_bytes(kind) for kind in text.types)
        rows = max(1, min(rows, self._options.memory_budget // (n_threads * width)))
        with bar("reading", len(plan), shown=self._options.progress) as tick:

            def items(part: Part, start: int, stop: int | None) -> Iterator[T]:
                schema = text if part.parses else _own(part, text)
                yield from make(part, Want(schema, start, stop, rows, threads, self._bad))
                tick(0, 1)

            if threads:
                source = items(*plan[0])
            else:
                jobs = [partial(items, *one) for one in plan]
                source = in_order(jobs, _n_bytes, n_threads, self._options.memory_budget)
            for item in source:
                tick(len(item), 0)
                yield item

    def _n_threads(self) -> int:
        if any(part.file is not None and not part.file.local for part in self.parts):
            return _REMOTE_THREADS
        return len(os.sched_getaffinity(0))

    def _ranges(self) -> Iterator[tuple[Part, int, int | None]]:
        """Yield each part that has wanted rows, and their range in it."""
        if (self._start == 0 and self._stop is None) or len(self.parts) == 1:
            for part in self.parts:
                yield part, self._start, self._stop
            return
        start, stop = self._start, self._stop
        for part in self.parts:
            if stop is None and start == 0:
                yield part, 0, None
                continue
            n_rows = part.count(start + 1 if stop is None else stop)
            if start < n_rows:
                yield part, start, None if stop is None else n_rows
            start = max(start - n_rows, 0)
            stop = None if stop is None else stop - n_rows
            if stop == 0:
                return

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        reader: Any = pa.RecordBatchReader.from_batches(self.schema, self.batches())
        return reader.__arrow_c_stream__(requested_schema)

    def __repr__(self) -> str:
        return f"<Source of {listed([part.name for part in self.parts], 3)}>"

    def _repr_html_(self) -> str:
        shown = list(self.schema)[:_COLUMNS_SHOWN]
        cells = "".join(
            f"<tr><td>{escape(one.name)}</td><td>{escape(str(one.type))}</td></tr>" for one in shown
        )
        rows = "rows not counted" if self.n_rows is None else counted(self.n_rows, "row")
        more = len(self.schema) - len(shown)
        tail = f"<p>… {counted(more, 'column')} more</p>" if more else ""
        files = counted(len(self.parts), "file")
        return (
            f"<p><b>{escape(self.name)}</b>: {files}, {rows},"
            f" {counted(len(self.schema), 'column')}</p>"
            f"<table><tr><th>column</th><th>type</th></tr>{cells}</table>{tail}"
        )


def _matrices(part: Part, want: Want, maker: Maker) -> Iterator[Matrix]:
    array = part.array()
    if array is None:
        yield from map(maker.make, part.pieces(want))
        return
    names = want.schema.names
    chosen = [int(name) for name in names]
    everything = chosen == list(range(array.shape[1]))
    none = pa.RecordBatch.from_pylist([], want.schema)
    wanted = want.size(len(array))
    for start in range(wanted.start, wanted.stop, want.batch_rows):
        stop = min(start + want.batch_rows, wanted.stop)
        block = array[start:stop] if everything else array[start:stop, chosen]
        yield maker.make_of_array(block, Piece(none, range(start + 1, stop + 1)))


def _own(part: Part, schema: pa.Schema) -> pa.Schema:
    """Return the columns of `schema` with the types that they have in `part`."""
    return pa.schema([field for name in schema.names if (field := part.field(name)) is not None])


def _cast(name: str, batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    if batch.schema.equals(schema):
        return batch
    columns = [
        column if column.type == one.type else _cast_column(name, column, one)
        for column, one in zip(batch.columns, schema, strict=True)
    ]
    return pa.record_batch(columns, schema=schema)


def _cast_column(name: str, column: Any, wanted: "pa.Field[Any]") -> Any:
    try:
        return column.cast(wanted.type)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidArgumentError(
            f"`{name}`: column `{short(wanted.name, 80)}` holds {column.type}, which does not all"
            f" go into {wanted.type}: {short(str(error), 120)}"
        ) from error


def _n_bytes(item: Any) -> int:
    return int(item.nbytes)


def _as_type(name: str, kind: str) -> pa.DataType:
    alias: Any = pa.type_for_alias
    try:
        found: pa.DataType = alias(kind)
    except ValueError as error:
        raise hinted(
            InvalidArgumentError(f"types: column `{name}` is to be {kind!r}, which is no type"),
            "such as int64, float32, float64, string, bool, date32, timestamp[s]",
        ) from error
    return found
