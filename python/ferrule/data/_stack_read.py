"""Files, each a frame, into one stack."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ferrule.data._frames import LESS_MEMORY, check_equal, fill
from ferrule.data._memory import allocate
from ferrule.data._numeric import as_float_dtype
from ferrule.data._progress import bar
from ferrule.data._quick import Table, open_quickly, same_columns
from ferrule.data._read import as_range, read
from ferrule.data._source import Source
from ferrule.errors import FerruleError, InvalidArgumentError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Model:
    """What each frame must be like: the first one.

    Attributes
    ----------
    name : str
        Where it was read from.
    columns : tuple of str
        The columns that are read.
    table : Table
        The file itself.
    indices : list of int
        Where in it the columns are.
    named : bool
        Whether these are names of their own.
    first_row, n_rows : int
        Which rows are read.
    whole : bool
        Whether these are all rows from the first on.
    dtype : dtype
        What the values are read as, where none was asked for.
    """

    name: str
    columns: tuple[str, ...]
    table: Table
    indices: list[int]
    named: bool
    first_row: int
    n_rows: int
    whole: bool
    dtype: np.dtype[Any]


def read_stack(
    what: Any,
    dtype: np.dtype[Any] | None,
    rows: Any,
    columns: Sequence[str] | None,
    *,
    progress: bool,
) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Return the values of every file of `what` as (frames, columns, rows), and the columns."""
    files = read(what, columns=columns).keeping_missing().files()
    start, stop = as_range(rows)
    model = _with_table(files[0], lambda table: _model(files[0], table, start, stop))
    shape = (len(files), len(model.columns), model.n_rows)
    chosen = dtype or model.dtype
    frames = f"a stack of {len(files)} frames of {model.n_rows:,} rows x {shape[1]:,} columns"
    values = allocate(shape, chosen, f"{frames} in {chosen}", LESS_MEMORY)

    def read_one(index: int) -> None:
        file = files[index]
        _with_table(file, lambda table: _read_into(file, table, model, values[index]), model.table)

    with bar("reading", len(files), shown=progress) as tick:
        for _ in _each(read_one, len(files), _threads(files)):
            tick(model.n_rows, 1)
    return values, model.columns if model.named else None


def _each(work: Callable[[int], None], count: int, n_threads: int) -> Iterator[None]:
    """Do `work` for each index, in threads; yields as they are done, in order."""
    with ThreadPoolExecutor(min(n_threads, count), "ferrule-stack") as pool:
        jobs = [pool.submit(work, index) for index in range(count)]
        try:
            for job in jobs:
                job.result()
                yield
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


def _threads(files: Sequence[Source]) -> int:
    local = all(part.file is None or part.file.local for one in files for part in one.parts)
    cpus = len(os.sched_getaffinity(0))
    return cpus if local else max(8, cpus)


def _with_table(file: Source, use: Callable[[Table], T], model: Table | None = None) -> T:
    """Use a file the quick way where that takes it, else the general way."""
    try:
        table = open_quickly(file, model)
        if table is not None:
            return use(table)
    except (FerruleError, OSError):
        pass  # The general way reads it, or says what is wrong.
    return use(_General(file))


class _General:
    """Any source of one frame, read in batches."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self.columns = source.columns
        self.named = source.named
        dtype = as_float_dtype(None, source.schema)
        self.dtypes: tuple[str | None, ...] = (dtype.name,) * len(self.columns)

    def is_like(self, other: Table) -> bool:
        return same_columns(self, other)

    def count(self) -> int:
        if self._source.leaves_out:
            return sum(map(len, self._source.matrices()))
        known = self._source.n_rows
        return self._source.count() if known is None else known

    def read(self, columns: list[int], first_row: int, out: NDArray[Any], *, whole: bool) -> bool:
        names = [self.columns[index] for index in columns]
        chosen = self._source.select(names)
        skip, stop = first_row, None if whole else first_row + out.shape[1]
        if not chosen.leaves_out:
            chosen, skip, stop = chosen.slice(first_row, stop), 0, None
        done = 0
        for block in chosen.matrices(dtype=np.float64):
            skip, rows = max(skip - len(block), 0), block[skip:]
            if stop is not None:
                rows = rows[: out.shape[1] - done]
            if done + len(rows) > out.shape[1]:
                return False
            fill(out[:, done : done + len(rows)], rows.T, self._source.name)
            done += len(rows)
            if stop is not None and done == out.shape[1]:
                break
        return bool(done == out.shape[1])


def _model(file: Source, table: Table, start: int, stop: int | None) -> Model:
    columns = table.columns if file.chosen is None else file.chosen
    if not columns:
        raise InvalidArgumentError(f"`{file.name}` has no columns")
    indices = _numbers(table, columns)
    dtypes = {table.dtypes[index] for index in indices}
    there = table.count()
    end = there if stop is None else min(stop, there)
    if end <= start:
        wanted = "" if start == 0 else f" from row {start} on"
        raise InvalidArgumentError(f"`{file.name}` has no rows{wanted}")
    single = dtypes == {"float32"}
    return Model(
        name=file.name,
        columns=columns,
        table=table,
        indices=indices,
        named=table.named,
        first_row=start,
        n_rows=end - start,
        whole=end == there,
        dtype=np.dtype(np.float32 if single else np.float64),
    )


def _numbers(table: Table, columns: Sequence[str]) -> list[int]:
    """Return where in `table` the columns are; raises where one is not there, or not numbers."""
    places = {name: index for index, name in enumerate(table.columns)}
    if len(places) < len(table.columns) or "" in places:
        raise InvalidArgumentError("a column has no name, or that of another")
    found = [places.get(name, -1) for name in columns]
    if -1 in found or any(table.dtypes[index] is None for index in found):
        raise InvalidArgumentError("a column is missing, or not numbers")
    return found


def _indices(file: Source, table: Table, model: Model) -> list[int]:
    """Return where in `table` the columns of the first frame are; raises where they are not."""
    if table.is_like(model.table):
        return model.indices
    if file.chosen is None:
        names = table.columns if table.named else None
        expected = model.columns if model.named else None
        shapes = (len(table.columns), model.n_rows), (len(model.columns), model.n_rows)
        check_equal(f"`{file.name}`", shapes[0], names, f"`{model.name}`", shapes[1], expected)
    return _numbers(table, model.columns)


def _read_into(file: Source, table: Table, model: Model, slot: NDArray[Any]) -> None:
    indices = _indices(file, table, model)
    direct = slot.dtype != np.float16
    out = slot if direct else np.empty(slot.shape, np.float64)
    if not table.read(indices, model.first_row, out, whole=model.whole):
        rows, expected_rows = table.count(), model.first_row + model.n_rows
        raise InvalidArgumentError(
            f"`{file.name}` has {rows:,} rows, `{model.name}` has"
            f" {'' if model.whole else 'at least '}{expected_rows:,}; all frames must be equal"
        )
    if not direct:
        fill(slot, out, f"`{file.name}`")
