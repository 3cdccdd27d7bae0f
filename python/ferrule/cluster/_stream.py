"""Rows of a source as batches for a learner that never holds them all."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule._validation import Samples
from ferrule.cluster._centroid_model import check_enough

POOL_BYTES = 1 << 26
_BLOCK_ROWS = 1 << 13

Rows = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True)
class Stream:
    """A source that was read once: how many rows it has, and how far they spread.

    Attributes
    ----------
    source : ferrule.data.Source
        What is read.
    n_rows, n_features : int
        Its size.
    dtype : dtype
        Of its matrices.
    mean, variance : ndarray of shape (n_features,)
        Of each feature.
    """

    source: Any
    n_rows: int
    n_features: int
    dtype: np.dtype[Any]
    mean: NDArray[np.float64]
    variance: NDArray[np.float64]

    @classmethod
    def of(cls, source: Any) -> "Stream":
        """Read `source` once; what is no finite number is refused with its place."""
        n_rows, mean, squares = 0, np.zeros(len(source.columns)), np.zeros(len(source.columns))
        dtype: np.dtype[Any] = np.dtype(np.float64)
        for block in source.matrices():
            dtype = block.dtype
            count, center = len(block), block.mean(axis=0, dtype=np.float64)
            gap = center - mean
            total = n_rows + count
            # Chan's update: blocks are joined without a loss of digits.
            squares += ((block - center) ** 2).sum(axis=0) + gap**2 * n_rows * count / total
            mean += gap * count / total
            n_rows = total
        narrow = dtype if dtype.itemsize >= 4 else np.dtype(np.float32)
        return cls(source, n_rows, len(mean), narrow, mean, squares / max(n_rows, 1))

    @property
    def mean_variance(self) -> float:
        """The mean over the features of their variances."""
        return float(self.variance.mean())

    def check_enough(self, n_clusters: int) -> None:
        """Raise where there are fewer rows than clusters."""
        check_enough(Samples(np.empty((self.n_rows, 0)), None), n_clusters)

    def describe(self) -> Samples:
        """Return no rows, with the features' names."""
        names = np.asarray(self.source.columns, dtype=object) if self.source.named else None
        return Samples(np.empty((0, self.n_features), self.dtype), names)

    def take(self, rows: NDArray[np.intp]) -> Samples:
        """Return a copy of the rows of these numbers, in their order; reads the source once."""
        order = np.argsort(rows, kind="stable")
        wanted = rows[order]
        taken = np.empty((len(rows), self.n_features), self.dtype)
        first = 0
        for block in self._blocks():
            begin, end = np.searchsorted(wanted, (first, first + len(block)))
            taken[order[begin:end]] = block[wanted[begin:end] - first]
            first += len(block)
            if end == len(wanted):
                break
        return Samples(taken, None)

    def batches(self, size: int, random: np.random.Generator) -> Iterator[Samples]:
        """Yield batches of `size` rows without end; a pass takes each row once, mixed by chance."""
        held = np.empty((0, self.n_features), self.dtype)
        while True:
            for block in mixed(self._blocks(), self._pool_rows(), random):
                held = np.concatenate([held, block]) if len(held) else block
                whole = len(held) - len(held) % size
                for start in range(0, whole, size):
                    yield Samples(held[start : start + size], None)
                held = held[whole:]

    def _blocks(self) -> Iterator[Rows]:
        """Yield the rows in blocks of one size, so that how they lie in files changes nothing."""
        held: list[Rows] = []
        n_held = 0
        for rows in self.source.matrices(dtype=self.dtype):
            start = 0
            while start < len(rows):
                some = rows[start : start + _BLOCK_ROWS - n_held]
                held.append(some)
                n_held += len(some)
                start += len(some)
                if n_held == _BLOCK_ROWS:
                    yield held[0] if len(held) == 1 else np.concatenate(held)
                    held, n_held = [], 0
        if held:
            yield np.concatenate(held)

    def _pool_rows(self) -> int:
        return max(POOL_BYTES // (self.n_features * self.dtype.itemsize), 1)


def mixed(blocks: Iterator[Rows], pool_rows: int, random: np.random.Generator) -> Iterator[Rows]:
    """Yield the rows of `blocks` in a chance order, as far as a pool of `pool_rows` allows.

    Each block changes places with as many rows of the pool, once that is full.
    """
    pool: Rows | None = None
    for block in blocks:
        block = random.permutation(block)
        room = pool_rows - (0 if pool is None else len(pool))
        if room > 0:
            pool = block[:room] if pool is None else np.concatenate([pool, block[:room]])
            block = block[room:]
        while len(block) and pool is not None:
            some = block[: len(pool)]
            places = random.choice(len(pool), len(some), replace=False)
            out = pool[places]
            pool[places] = some
            yield out
            block = block[len(some) :]
    if pool is not None:
        yield random.permutation(pool)
