"""Counts of values in bins whose range grows with what comes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_BINS = 256
# Values are divided by this, so that a range as wide as float64 does not overflow.
_SCALE = 256.0


class Histogram:
    """Equal bins over a range that doubles, its bins merged in pairs, when a value lies outside.

    One pass over the data is enough, whatever its range. Bins of whole numbers hold as many
    different ones each, so that none stands out for that alone.
    """

    __slots__ = ("_counts", "_low", "_whole", "_width")

    def __init__(self, *, whole: bool = False) -> None:
        self._whole = whole
        self._low = 0.0
        self._width = 0.0
        self._counts = np.zeros(_BINS, np.int64)

    def add(self, values: NDArray[Any], least: float, most: float) -> None:
        """Count finite `values`, of which `least` and `most` are the extremes."""
        least, most = least / _SCALE, most / _SCALE
        if self._width == 0:
            self._low = least
            self._width = self._first_width(least, most)
        while most >= self._low + _BINS * self._width:
            self._merge(keep_low=True)
        while least < self._low:
            self._merge(keep_low=False)
        places = ((values / _SCALE - self._low) / self._width).astype(np.int64)
        self._counts += np.bincount(np.clip(places, 0, _BINS - 1), minlength=_BINS)

    def _first_width(self, least: float, most: float) -> float:
        if self._whole:
            return float(np.ceil(((most - least) * _SCALE + 1) / _BINS)) / _SCALE
        # Of one value alone, the bin is as wide as its rounding at least.
        span = max(most - least, np.spacing(max(abs(least), abs(most), 1e-300)))
        return float(span) / _BINS * (1 + 1e-9)

    def _merge(self, *, keep_low: bool) -> None:
        """Double the range, to the right or to the left."""
        half = self._counts.reshape(-1, 2).sum(axis=1)
        none = np.zeros(_BINS // 2, np.int64)
        if not keep_low:
            self._low -= _BINS * self._width
        self._width *= 2
        self._counts = np.concatenate([half, none] if keep_low else [none, half])

    def bars(self, most: int) -> tuple[list[float], list[int]]:
        """Return edges and counts of at most `most` bars, from the first to the last not empty."""
        filled = np.flatnonzero(self._counts)
        if not len(filled):
            return [], []
        first, last = int(filled[0]), int(filled[-1])
        step = _step(last - first + 1, most)
        starts = range(first, last + 1, step)
        counts = [int(self._counts[start : start + step].sum()) for start in starts]
        largest = np.finfo(np.float64).max / _SCALE
        edges = (self._low + self._width * index for index in (*starts, starts[-1] + step))
        return [_SCALE * float(np.clip(edge, -largest, largest)) for edge in edges], counts


def _step(n_bins: int, most: int) -> int:
    """Return how many bins make a bar: the last one, which bins may be short of, short of few."""
    least = -(-n_bins // most)
    return min(range(least, 2 * least + 1), key=lambda step: (-n_bins % step, step))
