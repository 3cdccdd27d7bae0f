"""`read`: whatever holds a table, as a `Source`."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ferrule._hints import hinted
from ferrule.data._bad_rows import BadRows
from ferrule.data._formats import as_part
from ferrule.data._formats._part import Part
from ferrule.data._formats.memory import as_memory
from ferrule.data._locations import find
from ferrule.data._numeric import MISSING
from ferrule.data._source import MEMORY_BUDGET, Options, Source
from ferrule.errors import InvalidArgumentError


def read(
    what: Any,
    *,
    columns: Sequence[str] | None = None,
    rows: int | slice | range | None = None,
    dtype: Any = None,
    on_error: str = "raise",
    missing: str = "raise",
    types: Mapping[str, str] | None = None,
    progress: bool = False,
    memory_budget: int = MEMORY_BUDGET,
) -> Source:
    """Return a lazy `Source` of the table that `what` names or is.

    Files are CSV, TSV (both also as ``.gz``, ``.bz2``, ``.zst``), Parquet, Arrow IPC files and
    streams, Feather, npy, npz and LibSVM; their endings tell which. The first row of a CSV names
    its columns, unless all of it is numbers. Nothing but the files' names is looked at before the
    source is used.

    Parameters
    ----------
    what : path, str, list of those, or table
        A path, a glob (``data/*.csv``, ``data/**/*.parquet``), a folder, or a URI: ``s3://``,
        ``gs://``, ``hdfs://``, ``webhdfs://``, ``http(s)://``, ``file://``. S3 takes endpoint,
        region and keys from the standard environment variables (``AWS_ENDPOINT_URL``, ...) or
        from the URI (``s3://KEY:SECRET@bucket/x.csv?endpoint_override=http://host:9000``).
        Or a pandas or polars frame, a pyarrow table, a NumPy matrix, or anything that exports
        Arrow by ``__arrow_c_stream__``: taken as it lies, without a copy. A list is read as one
        table, in its order. Of a `Source` only columns and rows are chosen; how it is read stays
        as it is.
    columns : sequence of str, optional
        The columns to read, in this order; those of a file without names are called 0, 1, ...
    rows : int, slice or range, optional
        The first so many rows, or a range of rows, of all files together.
    dtype : {"float16", "float32", "float64"}, optional
        Type of the matrices; by default float32 where no column holds more, else float64.
    on_error : {"raise", "skip", "collect"}
        What to do about bad rows: those of a CSV that have too many or too few cells, or a cell
        that is not what its column holds; in matrices also those without a finite number in each
        column. ``"collect"`` lists what it left out in `Source.errors`.
    missing : {"raise", "nan"}
        Whether missing values make a row of a matrix bad, or become NaN; with ``"nan"``, NaN and
        infinity are taken as they are.
    types : dict of str to str, optional
        Types of columns of a CSV, by name, such as ``{"zip": "string"}``; others are told from
        the first MiB. Names of types are pyarrow's.
    progress : bool
        Show a bar on stderr, where that is a terminal.
    memory_budget : int
        Bytes of rows in hand at a time: batches are smaller where rows are wide, and no more is
        read ahead where there are many files.

    Returns
    -------
    Source

    Raises
    ------
    ferrule.errors.NotFoundError
        Where there is no such file, or no file matches.
    ferrule.errors.InvalidArgumentError
        For an ending or a scheme that is not known.
    ferrule.errors.UnavailableError, ferrule.errors.PermissionDeniedError
        Where a remote place does not answer, or does not let us.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule.data import read
    >>> source = read(np.arange(6.0).reshape(3, 2), rows=2)
    >>> source.n_rows, source.columns
    (2, ('0', '1'))
    >>> source.select(["1"]).to_numpy()
    array([[1.],
           [3.]])
    """
    if missing not in MISSING:
        raise InvalidArgumentError(
            f"missing is {missing!r}; expected {', '.join(map(repr, MISSING))}"
        )
    start, stop = as_range(rows)
    if isinstance(what, Source):
        source = what
    else:
        BadRows(on_error)
        options = Options(
            dtype, on_error, missing == "nan", dict(types or {}), progress, memory_budget
        )
        source = Source(tuple(_parts(what)), options)
    if columns is not None:
        source = source.select(columns)
    return source if (start, stop) == (0, None) else source.slice(start, stop)


def _parts(what: Any) -> list[Part]:
    if isinstance(what, str | os.PathLike):
        return [as_part(file) for file in find(what)]
    if isinstance(what, list | tuple):
        parts = [part for one in what for part in _parts(one)]
        if not parts:
            raise InvalidArgumentError("there is nothing to read: the list is empty")
        return parts
    if isinstance(what, Source):
        return [part for one in what.files() for part in one.parts]
    part = as_memory(what)
    if part is None:
        raise hinted(
            InvalidArgumentError(f"a {type(what).__qualname__} is no table"),
            "give a path, a URI, a glob, a data frame, an Arrow table or a NumPy matrix",
        )
    return [part]


def as_range(rows: Any) -> tuple[int, int | None]:
    """Return the first row and the one after the last."""
    if rows is None:
        return 0, None
    if isinstance(rows, int | np.integer) and not isinstance(rows, bool) and rows >= 0:
        return 0, int(rows)
    if isinstance(rows, slice | range):
        start, stop = rows.start or 0, rows.stop
        edges = [edge for edge in (start, stop) if edge is not None]
        whole = all(isinstance(edge, int | np.integer) and edge >= 0 for edge in edges)
        if whole and rows.step in (None, 1):
            return start, stop
    raise InvalidArgumentError(
        f"rows is {rows!r}; a number of rows is expected, or a slice without step and negative ends"
    )
