"""Rows dealt to several heaps by chance, each of an exact size, without holding them.

A row's heap depends on the seed, the sizes and the row's number alone, not on how the rows come.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from ferrule.errors import InvalidArgumentError

_BLOCK_ROWS = 1 << 16
# What NumPy's hypergeometric distribution takes.
ROWS_MAX = 10**9 - 1


class Deal:
    """Says for one row after the other which heap it goes to.

    Every way to deal the rows to heaps of these sizes is equally likely.

    Parameters
    ----------
    sizes : sequence of int
        Rows a heap.
    seed : int or sequence of int
        The same one deals the same.

    Raises
    ------
    InvalidArgumentError
        For a billion rows or more.
    """

    def __init__(self, sizes: Sequence[int], seed: int | Sequence[int]) -> None:
        if sum(sizes) > ROWS_MAX:
            raise InvalidArgumentError(
                f"{sum(sizes):,} rows are too many to draw from; at most {ROWS_MAX:,} are"
            )
        self._left = np.asarray(sizes, np.int64)
        self._random = np.random.Generator(np.random.PCG64(seed))
        self._dealt: NDArray[np.int64] = np.empty(0, np.int64)

    def take(self, n_rows: int) -> NDArray[np.int64]:
        """Return the heaps of the next `n_rows` rows."""
        taken = []
        while n_rows > 0:
            if not len(self._dealt):
                self._dealt = self._block()
            some, self._dealt = self._dealt[:n_rows], self._dealt[n_rows:]
            taken.append(some)
            n_rows -= len(some)
        return np.concatenate(taken) if taken else np.empty(0, np.int64)

    def _block(self) -> NDArray[np.int64]:
        size = min(int(self._left.sum()), _BLOCK_ROWS)
        if not size:
            raise InvalidArgumentError("there are more rows now than were counted before")
        counts = self._random.multivariate_hypergeometric(self._left, size, method="marginals")
        self._left -= counts
        block = np.repeat(np.arange(len(counts)), counts)
        self._random.shuffle(block)
        return block


def shares(n_rows: int, fractions: Sequence[float]) -> list[int]:
    """Return how many of `n_rows` each fraction is, rounded; the rest comes last."""
    sizes: list[int] = []
    for fraction in fractions:
        sizes.append(min(round(n_rows * fraction), n_rows - sum(sizes)))
    return [*sizes, n_rows - sum(sizes)]


def strata_shares(counts: Sequence[int], fractions: Sequence[float]) -> list[list[int]]:
    """Return the sizes of the heaps in each stratum: near its share, their sums as `shares` has it.

    Parameters
    ----------
    counts : sequence of int
        Rows a stratum.
    fractions : sequence of float
        Of the heaps but the last, which takes the rest.
    """
    totals = shares(sum(counts), fractions)
    left = np.asarray(counts, np.int64)
    columns = []
    for fraction, total in zip(fractions, totals, strict=False):
        exact = np.asarray(counts) * fraction
        sizes = np.minimum(np.floor(exact).astype(np.int64), left)
        # The rows still due go to the strata that rounding took most from.
        for stratum in np.argsort(sizes - exact, kind="stable"):
            if sizes.sum() >= total:
                break
            sizes[stratum] += sizes[stratum] < left[stratum]
        left = left - sizes
        columns.append(sizes)
    columns.append(left)
    return [[int(size) for size in row] for row in np.stack(columns, axis=1)]
