"""Batches of what `ferrule.data` reads and makes."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ferrule._core import Tensor
from ferrule._words import listed
from ferrule.data import Cubes, Source
from ferrule.flow._fit._batches import Batch, Batches, Order, described

# Rows of a source that are shuffled together.
BLOCK_ROWS = 1 << 16


class Table(Batches):
    """Rows of a source, with some columns as targets.

    It is read anew in each epoch, block by block; rows are shuffled within blocks.
    """

    def __init__(self, source: Source, target: str | Sequence[str], order: Order) -> None:
        names = [target] if isinstance(target, str) else list(target)
        missing = [name for name in names if name not in source.columns]
        if missing:
            raise ValueError(
                f"there is no column {missing[0]!r}; there is {listed(source.columns)}"
            )
        features = [name for name in source.columns if name not in names]
        if not features:
            raise ValueError("all columns are targets, and none is left for the model")
        self._source = source.select([*features, *names])
        self._n_features = len(features)
        self._is_flat = isinstance(target, str)
        kinds = [self._source.schema.field(name).type for name in names]
        self._are_classes = all(pa.types.is_integer(kind) for kind in kinds)
        self._order = order
        n_rows = source.n_rows
        self.n_batches = None if n_rows is None else -(-n_rows // order.batch_size)

    @property
    def description(self) -> str:
        """Columns, and rows where they are counted."""
        fields = ", ".join(f"{field.name} {field.type}" for field in self._source.schema)
        return f"{self._source.n_rows} rows of {fields}"

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield batches across the borders of blocks."""
        size = self._order.batch_size
        rest: NDArray[Any] | None = None
        # Read as float64, which holds the integers that classes are.
        for place, block in enumerate(self._source.matrices(BLOCK_ROWS, "float64")):
            rows = block[self._order.permutation(len(block), number, place)]
            rows = rows if rest is None else np.concatenate([rest, rows])
            whole = len(rows) // size * size
            for start in range(0, whole, size):
                yield self._batch(rows[start : start + size])
            rest = rows[whole:]
        if rest is not None and len(rest):
            yield self._batch(rest)

    def _batch(self, rows: NDArray[Any]) -> Batch:
        x, y = rows[:, : self._n_features], rows[:, self._n_features :]
        if self._is_flat:
            y = y[:, 0]
        if self._are_classes:
            y = y.astype(np.int64)
        return self._order.tensor(x), self._order.tensor(y)


class CubeBatches(Batches):
    """Runs of cubes, shuffled as wholes, beside targets or as their own."""

    def __init__(self, cubes: Cubes, targets: Any, order: Order) -> None:
        self._cubes = cubes
        self._order = order
        self._n = len(cubes)
        self._targets = None if targets is None else order.tensor(targets)
        if not self._n:
            raise ValueError("there are no cubes")
        if self._targets is not None and self._targets.shape[:1] != (self._n,):
            raise ValueError(f"{self._n} cubes have targets of shape {self._targets.shape}")
        self.n_batches = -(-self._n // order.batch_size)

    @property
    def description(self) -> str:
        """How many cubes there are, which, and their targets."""
        targets = "" if self._targets is None else f" and {described(self._targets)}"
        return f"{self._n} cubes {self._cubes.shape} from {self._cubes.start}{targets}"

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield runs in the order of the epoch, made ahead by a thread."""
        size, start = self._order.batch_size, self._cubes.start
        firsts = self._order.permutation(self.n_batches or 0, number) * size
        runs = ((start + int(at), min(size, self._n - int(at))) for at in firsts)
        for first, batch in self._cubes.batches_of(runs, size):
            x = self._order.tensor(batch)
            yield x, self._target(x, first - start)

    def _target(self, x: Tensor, at: int) -> Tensor:
        return x if self._targets is None else self._targets[at : at + len(x)]
