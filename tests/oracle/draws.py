"""Random draws that are the same with every version of Python and NumPy."""

from collections.abc import Sequence
from typing import TypeVar

import numpy as np

T = TypeVar("T")
_MASK = (1 << 64) - 1


class Draws:
    """The SplitMix64 generator (Steele, Lea and Flood, 2014)."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 0xD1342543DE82EF95 + 1) & _MASK

    def bits(self) -> int:
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        z = self._state
        z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & _MASK
        return z ^ (z >> 31)

    def below(self, end: int) -> int:
        return self.bits() % end

    def between(self, first: int, last: int) -> int:
        return first + self.below(last - first + 1)

    def chance(self, one_in: int) -> bool:
        return self.below(one_in) == 0

    def choice(self, things: Sequence[T]) -> T:
        return things[self.below(len(things))]

    def permutation(self, count: int) -> list[int]:
        order = list(range(count))
        for i in range(count - 1, 0, -1):
            j = self.below(i + 1)
            order[i], order[j] = order[j], order[i]
        return order

    def some(self, count: int, least: int = 1) -> list[int]:
        """Return at least `least` of the numbers below `count`, in ascending order."""
        return sorted(self.permutation(count)[: self.between(least, count)])

    def shape(self, rank: int) -> tuple[int, ...]:
        return tuple(self.between(2 if rank < 4 else 1, 3 if rank > 1 else 4) for _ in range(rank))

    def reals(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return numbers in [-1, 1) that float32 holds as they are."""
        flat = [(self.bits() >> 41) / 2**22 - 1 for _ in range(int(np.prod(shape)))]
        return np.array(flat, np.float64).reshape(shape)

    def integers(self, shape: tuple[int, ...], end: int) -> np.ndarray:
        flat = [self.below(end) for _ in range(int(np.prod(shape)))]
        return np.array(flat, np.int32).reshape(shape)
