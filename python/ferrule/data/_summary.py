"""What columns hold: counts, extremes, means and histograms, in one pass and bounded memory."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ferrule.data._histogram import Histogram
from ferrule.data._source import Source
from ferrule.data._stack import FrameStack

BARS = 24
DISTINCT_MAX = 10_000
_TOP = 3
# Values of a stack that are looked at at a time.
_CHUNK = 1 << 20

Tick = Callable[[int], None]


@dataclass(slots=True)
class Column:
    """One column, as far as it was read.

    Attributes
    ----------
    name, type : str
        Its name, and its type by pyarrow's name.
    missing : int
        Values that are missing, or NaN.
    infinite : int
        Values that are infinite; they are in no other figure.
    count : int
        Finite numbers, or texts and other values.
    minimum, maximum : int, float, str or None
        The extremes; None of text, and where there is no value.
    mean, std : float or None
        Of the numbers; the deviation is that of all values, not of a sample.
    """

    name: str
    type: str
    missing: int = 0
    infinite: int = 0
    count: int = 0
    minimum: Any = None
    maximum: Any = None
    _mean: float = 0.0
    _squares: float = 0.0
    _histogram: Histogram = field(default_factory=Histogram)
    _texts: Counter[str] = field(default_factory=Counter)
    _many: bool = False
    _numeric: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether it holds integers."""
        return self.type.startswith(("int", "uint"))

    @property
    def mean(self) -> float | None:
        """Mean of the finite numbers."""
        return self._mean if self._numeric and self.count else None

    @property
    def std(self) -> float | None:
        """Standard deviation of the finite numbers."""
        if not self._numeric or not self.count:
            return None
        return float(np.sqrt(self._squares / self.count))

    @property
    def distinct(self) -> int | None:
        """Different texts; None for other columns, and beyond ten thousand."""
        return None if self._many or not self._texts else len(self._texts)

    @property
    def top(self) -> list[tuple[str, int]]:
        """The most frequent texts, among those that were counted."""
        return self._texts.most_common(_TOP)

    def bars(self, most: int = BARS) -> tuple[list[float], list[int]]:
        """Return edges and counts of a histogram of at most `most` bars."""
        return self._histogram.bars(most)

    def add_numbers(self, values: NDArray[Any], extremes: tuple[Any, Any] | None = None) -> None:
        """Take in numbers, NaN for those that are missing; `extremes` are theirs where known."""
        if not self._numeric:
            self._numeric = True
            self._histogram = Histogram(whole=self.is_whole)
        flat = values.astype(np.float64, copy=False).reshape(-1)
        finite = np.isfinite(flat)
        kept = flat if finite.all() else flat[finite]
        missing = int(np.isnan(flat).sum()) if len(kept) < len(flat) else 0
        self.missing += missing
        self.infinite += len(flat) - len(kept) - missing
        if not len(kept):
            return
        least, most = extremes or (float(kept.min()), float(kept.max()))
        self.minimum = least if self.minimum is None else min(self.minimum, least)
        self.maximum = most if self.maximum is None else max(self.maximum, most)
        self._histogram.add(kept, float(least), float(most))
        with np.errstate(over="ignore", invalid="ignore"):
            self._add_moments(kept)

    def _add_moments(self, values: NDArray[Any]) -> None:
        """Merge means and sums of squared deviations, without the loss of a sum of squares."""
        mean = float(values.mean())
        squares = float(np.square(values - mean).sum())
        total = self.count + len(values)
        apart = mean - self._mean
        self._squares += squares + apart * apart * self.count * len(values) / total
        self._mean += apart * len(values) / total
        self.count = total

    def add(self, array: "pa.Array[Any]") -> None:
        """Take in a part of the column."""
        kind = array.type
        if pa.types.is_dictionary(kind):
            array = array.cast(kind.value_type)
            kind = array.type
        if pa.types.is_boolean(kind):
            array = array.cast(pa.uint8())
        elif pa.types.is_decimal(kind):
            array = array.cast(pa.float64())
        kind = array.type
        if pa.types.is_integer(kind):
            # As whole numbers: not all of 64 bits are floats.
            extremes: Any = pc.min_max(array)
            numbers = array.to_numpy(zero_copy_only=False)
            self.add_numbers(numbers, (extremes["min"].as_py(), extremes["max"].as_py()))
            return
        if pa.types.is_floating(kind):
            self.add_numbers(array.to_numpy(zero_copy_only=False))
            return
        self.missing += array.null_count
        self.count += len(array) - array.null_count
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            self._add_texts(array)
        elif pa.types.is_temporal(kind):
            self._add_times(array)

    def _add_texts(self, array: "pa.Array[Any]") -> None:
        found: Any = pc.value_counts(array.drop_null())
        # The most frequent first, as there may not be room for all.
        order = pc.sort_indices(found.field(1), [("", "descending")])
        values, counts = (found.field(index).take(order).to_pylist() for index in (0, 1))
        for text, count in zip(values, counts, strict=True):
            if text in self._texts or len(self._texts) < DISTINCT_MAX:
                self._texts[text] += count
            else:
                self._many = True

    def _add_times(self, array: "pa.Array[Any]") -> None:
        extremes = pc.min_max(array)
        least, most = (extremes[name] for name in ("min", "max"))
        if least.is_valid:
            low, high = str(least), str(most)
            self.minimum = low if self.minimum is None else min(self.minimum, low)
            self.maximum = high if self.maximum is None else max(self.maximum, high)


@dataclass(slots=True)
class Summary:
    """What a table or a stack holds.

    Attributes
    ----------
    name : str
        Where it is.
    n_rows : int
        Rows that were read; of a stack, rows a frame.
    n_frames : int or None
        Frames of a stack; None of a table.
    n_files : int
        Files that were read.
    columns : list of Column
        In order.
    notes : list of str
        How first rows were understood, and what was left out.
    """

    name: str
    n_rows: int
    n_frames: int | None
    n_files: int
    columns: list[Column]
    notes: list[str]


def summary_of(source: Source, tick: Tick) -> Summary:
    """Read all of `source`, batch by batch; `tick` is told how many rows are done.

    Raises
    ------
    ferrule.errors.FerruleError
        As `Source.batches`.
    """
    columns = [Column(one.name, str(one.type)) for one in source.schema]
    n_rows = 0
    for batch in source.batches():
        for column, array in zip(columns, batch.columns, strict=True):
            column.add(array)
        n_rows += batch.num_rows
        tick(batch.num_rows)
    notes = list(source.notes)
    if source.n_bad_rows:
        notes.append(f"{source.n_bad_rows:,} bad rows are left out")
    return Summary(source.name, n_rows, None, len(source.parts), columns, notes)


def summary_of_stack(name: str, stack: FrameStack, tick: Tick) -> Summary:
    """Look at all values of `stack`, column by column."""
    columns = []
    frames = max(1, _CHUNK // stack.n_rows)
    for index, label in enumerate(stack.columns):
        column = Column(label, str(stack.dtype))
        for start in range(0, stack.n_frames, frames):
            column.add_numbers(stack.values[start : start + frames, index])
        columns.append(column)
        tick(1)
    return Summary(name, stack.n_rows, stack.n_frames, 1, columns, [])


def as_table(summary: Summary) -> pa.Table:
    """Return the figures of numeric columns, a row a column."""
    texts = [one.name for one in summary.columns]
    counts = {
        "missing": [one.missing for one in summary.columns],
        "infinite": [one.infinite for one in summary.columns],
    }
    figures = {
        "min": [one.minimum for one in summary.columns],
        "mean": [one.mean for one in summary.columns],
        "max": [one.maximum for one in summary.columns],
        "std": [one.std for one in summary.columns],
    }
    columns: dict[str, pa.Array[Any]] = {"column": pa.array(texts, pa.string())}
    columns |= {name: pa.array(found, pa.int64()) for name, found in counts.items()}
    columns |= {name: pa.array(found, pa.float64()) for name, found in figures.items()}
    return pa.table(columns)
