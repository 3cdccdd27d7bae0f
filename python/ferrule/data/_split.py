"""`split`: rows by chance to files for training, validation and test."""

import math
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ferrule._hints import hinted
from ferrule.data._convert import Written, batches_for, schema_for
from ferrule.data._deal import Deal, shares, strata_shares
from ferrule.data._faults import told
from ferrule.data._read import read
from ferrule.data._remote import shown
from ferrule.data._source import Source
from ferrule.data._write import inside, refuse_own_input, writing
from ferrule.data._writers import WRITTEN_ENDINGS
from ferrule.errors import InvalidArgumentError

_STRATA_MAX = 10_000


def split(
    what: Any,
    to: str | PathLike[str],
    *,
    train: float = 0.8,
    validation: float = 0.0,
    seed: int = 0,
    stratify: str | None = None,
    format: str = "parquet",  # noqa: A002 -- what pandas and polars call it
    compression: str | None = None,
    on_error: str = "raise",
    progress: bool = False,
) -> list[Written]:
    """Deal the rows of a table to the files ``train``, ``validation`` and ``test`` in a folder.

    Each row goes to exactly one file; the sizes are exact, rounded to whole rows, and every way to
    deal is equally likely. Rows keep their order. The table is streamed, so it may be larger than
    memory; where its rows are not known beforehand it is read twice. The same table and seed give
    the same files, whatever the format of the table.

    Parameters
    ----------
    what : path, str, list of those, table or Source
        What `read` takes; of less than a billion rows.
    to : path or str
        A folder, made where it is missing, or the URI of one.
    train, validation : float
        Shares of the rows; the rest goes to ``test``. Files without a share are not written.
    seed : int
        At least 0.
    stratify : str, optional
        A column with few values: each file has each value in the same share, within a row.
    format, compression, on_error, progress
        As for `convert`.

    Returns
    -------
    list of Written

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For shares that are not above 0 or sum to more than 1, a bad row, or what `convert` refuses.
    ferrule.errors.StorageError
        Where the disk is full; no file is left.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from ferrule.data import split
    >>> [written.n_rows for written in split(np.eye(10), tempfile.mkdtemp(), train=0.7)]
    [7, 3]
    """
    fractions = _checked_shares(train, validation, seed)
    if f".{format}" not in WRITTEN_ENDINGS:
        raise InvalidArgumentError(f"format is {format!r}; {WRITTEN_ENDINGS} are written")
    source = read(what, on_error=on_error, progress=progress)
    folder = fspath(to)
    dealer: _Whole | _Strata
    if stratify is None:
        dealer = _Whole(source, fractions, seed)
    else:
        dealer = _Strata(source, stratify, fractions, seed)
    names = ("train", "validation", "test")
    targets = {
        heap: inside(folder, f"{name}.{format}")
        for heap, (name, size) in enumerate(zip(names, dealer.sizes, strict=True))
        if size
    }
    for target in targets.values():
        refuse_own_input(source, target)
    if "://" not in folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    return _deal_out(source, dealer, targets, compression)


def _checked_shares(train: float, validation: float, seed: int) -> list[float]:
    if not (0 < train <= 1 and validation >= 0 and train + validation <= 1 + 1e-9):
        raise hinted(
            InvalidArgumentError(
                f"train is {train} and validation {validation}; shares above 0 are expected, that"
                " sum to at most 1"
            ),
            "the rest is for the test",
        )
    if seed < 0:
        raise InvalidArgumentError(f"seed is {seed}; at least 0 is expected")
    return [train, validation]


def _deal_out(
    source: Source, dealer: "_Whole | _Strata", targets: dict[int, str], compression: str | None
) -> list[Written]:
    """Write each row to the file of its heap; the files appear together at the end."""
    written = dict.fromkeys(targets, 0)
    sample = next(iter(targets.values()))
    with ExitStack() as stack:
        outs = {
            heap: stack.enter_context(
                writing(
                    target, schema_for(source, target), named=source.named, compression=compression
                )
            )
            for heap, target in targets.items()
        }
        for batch in batches_for(source, sample):
            heaps = dealer.heaps_of(batch)
            for heap, out in outs.items():
                some = batch.filter(pa.array(heaps == heap))
                if some.num_rows:
                    with told(shown(targets[heap])):
                        out.write(some)
                    written[heap] += some.num_rows
        # All are finished before one gets its name, so that a disk that is full leaves none.
        for heap, out in outs.items():
            with told(shown(targets[heap])):
                out.close()
    return [Written(shown(targets[heap]), n_rows) for heap, n_rows in written.items()]


def n_good_rows(source: Source) -> int:
    """Return the number of rows that reading gives, reading them where only that tells."""
    n_rows = source.n_rows
    return n_rows if n_rows is not None else sum(batch.num_rows for batch in source.batches())


class _Whole:
    """Deals all rows alike."""

    def __init__(self, source: Source, fractions: Sequence[float], seed: int) -> None:
        self.sizes = shares(n_good_rows(source), fractions)
        self._deal = Deal(self.sizes, seed)

    def heaps_of(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        return self._deal.take(batch.num_rows)


class _Strata:
    """Deals the rows of each value of a column alike."""

    def __init__(self, source: Source, column: str, fractions: Sequence[float], seed: int) -> None:
        self._column = column
        counts: dict[Any, int] = {}
        for values in _columns(source, column):
            found = pc.value_counts(values)
            for value, count in zip(
                _plain(found.field(0)), found.field(1).to_pylist(), strict=True
            ):
                counts[value] = counts.get(value, 0) + count
            if len(counts) > _STRATA_MAX:
                raise hinted(
                    InvalidArgumentError(
                        f"column `{column}` has more than {_STRATA_MAX:,} values, too many to"
                        " stratify by"
                    ),
                    "choose a column of classes",
                )
        values = sorted(counts, key=lambda value: (value is None, str(value)))
        sizes = strata_shares([counts[value] for value in values], fractions)
        self.sizes = [sum(heap) for heap in zip(*sizes, strict=True)] or [0, 0, 0]
        self._deals = {
            value: Deal(heaps, [seed, index])
            for index, (value, heaps) in enumerate(zip(values, sizes, strict=True))
        }

    def heaps_of(self, batch: pa.RecordBatch) -> NDArray[np.int64]:
        heaps = np.empty(batch.num_rows, np.int64)
        values = _decoded(batch.column(self._column))
        codes = values.dictionary_encode(null_encoding="encode")
        indices = codes.indices.to_numpy()
        for code, value in enumerate(_plain(codes.dictionary)):
            rows = np.flatnonzero(indices == code)
            heaps[rows] = self._deals[value].take(len(rows))
        return heaps


def _columns(source: Source, column: str) -> Iterator[Any]:
    # All columns are read: which rows are bad must not differ from the second reading.
    chosen = source if source.n_rows is None else source.select([column])
    kind = source.select([column]).schema.field(0).type
    if pa.types.is_nested(kind):
        raise InvalidArgumentError(
            f"`{source.name}`: column `{column}` holds {kind}, whose values are no classes"
        )
    for batch in chosen.batches():
        yield _decoded(batch.column(column))


def _plain(values: Any) -> list[Any]:
    """Return the values as Python's; every NaN as one object, by which a dict finds it again."""
    return [value if value == value else math.nan for value in values.to_pylist()]


def _decoded(column: Any) -> Any:
    kind = column.type
    return column.cast(kind.value_type) if pa.types.is_dictionary(kind) else column
