"""Ranges of a stream: which cubes a part has, and how they fall into chunks."""

import operator
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ferrule._hints import hinted
from ferrule.errors import FailedPreconditionError, InvalidArgumentError

# The last number that an index may have, so that places of cubes stay countable.
_INDEX_MAX = 2**63 - 1
_CHUNK_BYTES = 64 << 20
# Chunks that a stream has at least, where it has as many cubes: what a run may lose, and what parts
# can be split by.
_CHUNKS_MIN = 256


def chunk_cubes(total: int, cube_bytes: int) -> int:
    """Return how many cubes go into one chunk, whatever part of the stream is made."""
    return max(1, min(_CHUNK_BYTES // max(1, cube_bytes), -(-total // _CHUNKS_MIN)))


@dataclass(frozen=True, slots=True)
class Range:
    """Cubes `start` to `stop` of a stream of `total`; without a `total`, it has no end."""

    start: int
    stop: int | None
    total: int | None

    @classmethod
    def of(cls, total: Any) -> "Range":
        """Return the whole of a stream."""
        if total is None:
            return cls(0, None, None)
        count = _whole("total", total)
        if not 0 <= count <= _INDEX_MAX:
            raise InvalidArgumentError(f"total must be from 0 to 2**63 - 1, got {total}")
        return cls(0, count, count)

    def part(self, k: int, n_parts: int, total: int | None, cube_bytes: int) -> "Range":
        """Return the `k`-th of `n_parts` ranges of whole chunks."""
        whole = self._whole_of(total)
        k, n_parts = _whole("k", k), _whole("n_parts", n_parts)
        if n_parts < 1:
            raise InvalidArgumentError(f"n_parts must be at least 1, got {n_parts}")
        if not 0 <= k < n_parts:
            raise InvalidArgumentError(
                f"part {k} of {n_parts} is not there: k goes from 0 to {n_parts - 1}"
            )
        chunk = chunk_cubes(whole, cube_bytes)
        chunks = -(-whole // chunk)
        start, stop = (min(whole, chunks * edge // n_parts * chunk) for edge in (k, k + 1))
        return Range(start, stop, whole)

    def _whole_of(self, total: int | None) -> int:
        if self.start != 0 or self.stop != self.total:
            raise InvalidArgumentError("a part cannot be split again: split the whole stream")
        if total is None and self.total is None:
            raise hinted(
                FailedPreconditionError("a stream without a total has no parts"),
                "say how many cubes there are: part(k, n_parts, total)",
            )
        if total is None or self.total is None:
            return Range.of(self.total if total is None else total).total or 0
        if total != self.total:
            raise InvalidArgumentError(f"total is {total}; the stream has {self.total} cubes")
        return total

    def absolute(self, i: int) -> int:
        """Return the number in the whole stream of cube `i` of this range."""
        return self.absolute_run(operator.index(i), 1)

    def absolute_run(self, start: int, n: int) -> int:
        """Return the number in the whole stream of the first of `n` cubes that are all there."""
        first, n = operator.index(start), operator.index(n)
        if n < 0:
            raise InvalidArgumentError(f"n must not be negative, got {n}")
        stop = _INDEX_MAX if self.stop is None else self.stop
        if first < 0 and self.stop is not None:
            first += self.stop - self.start
        if first < 0 or self.start + first + n > stop:
            raise IndexError(self._missing(start, n))
        return self.start + first

    def _missing(self, start: int, n: int) -> str:
        what = f"no cube {start}" if n == 1 else f"no cubes {start} to {start + n - 1}"
        if self.stop is None:
            return f"there is {what}: the stream has no total to count back from"
        return f"there is {what} among {self.stop - self.start:,}"

    def slice(self, chosen: slice) -> range:
        """Return the numbers in this range that a slice names."""
        if self.stop is not None:
            return range(*chosen.indices(self.stop - self.start))
        bounds = [chosen.start or 0, chosen.stop, chosen.step or 1]
        if chosen.stop is None or min(bounds) < 0 or bounds[2] < 1:
            raise hinted(
                IndexError(
                    "a slice of a stream without a total needs a start and a stop from 0 on"
                ),
                "give one: Cubes(..., total=1_000_000)",
            )
        return range(*map(operator.index, bounds))

    def runs(self, n: int) -> Iterator[tuple[int, int]]:
        """Yield (number in the whole stream, count) of each run of at most `n` cubes."""
        first = self.start
        while self.stop is None or first < self.stop:
            count = n if self.stop is None else min(n, self.stop - first)
            yield first, count
            first += count

    def described(self) -> str:
        """Return the range in words."""
        if self.stop is None:
            return "no end"
        if (self.start, self.stop) == (0, self.total):
            return f"{self.total:,} cubes"
        return f"cubes {self.start:,} to {self.stop:,} of {self.total:,}"


def _whole(name: str, value: Any) -> int:
    try:
        return operator.index(value)
    except TypeError:
        raise InvalidArgumentError(f"{name} must be a whole number, got {value!r}") from None
