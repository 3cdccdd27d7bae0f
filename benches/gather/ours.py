"""Our cubes, the copy they are held to, and the reference they are compared with."""

import os
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from ferrule.data import Cubes
from gather.steps import Size

RING = 4
# Places of the arena that copies start at lie this many elements apart, modulo its size.
_STRIDE = 20_795_344


class Copy:
    """memcpy by as many threads: cubes' bytes from all over the arena into the ring."""

    def __init__(self, arena: np.ndarray, ring: np.ndarray, threads: int) -> None:
        self._source, self._ring = arena.reshape(-1), ring.reshape(len(ring), -1)
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads)
        self._copied = 0

    def __call__(self, cubes: int) -> None:
        """Copy as much as so many cubes have; each thread copies its share of each."""
        list(self._pool.map(lambda thread: self._share(thread, cubes), range(self._threads)))
        self._copied += cubes

    def _share(self, thread: int, cubes: int) -> None:
        size = self._ring.shape[1]
        first, last = (size * edge // self._threads for edge in (thread, thread + 1))
        for cube in range(self._copied, self._copied + cubes):
            start = cube * _STRIDE % (self._source.size - size)
            target = self._ring[cube % RING, first:last]
            np.copyto(target, self._source[start + first : start + last])


class Ours:
    """Batches of the ring's size, one after the other."""

    def __init__(self, cubes: Cubes, ring: np.ndarray) -> None:
        self._cubes, self._ring, self._made = cubes, ring, 0

    def __call__(self, cubes: int) -> None:
        """Make so many cubes, a multiple of the ring's."""
        for _ in range(cubes // RING):
            self._cubes.batch(self._made, RING, self._ring)
            self._made += RING


def streams(arena: np.ndarray, size: Size) -> dict[str, Cubes]:
    """Return the two streams that are timed."""
    shape = (size.edge,) * 3
    return {
        columns: Cubes(arena, shape, columns=columns, seed=7) for columns in ("shared", "per_layer")
    }


def wrong(cubes: Cubes, arena: np.ndarray, which: range) -> int:
    """Return how many cubes differ in any bit from NumPy's indexing by `indices(i)`."""
    off = 0
    for i in which:
        columns, rows = cubes.indices(i)
        frames = np.arange(len(columns))[:, None, None]
        expected = arena[frames, columns[:, None, :], rows[:, :, None]]
        off += expected.tobytes() != cubes[i].tobytes()
    return off


def use_threads(threads: int) -> None:
    """Have cubes made by so many threads."""
    os.environ["FERRULE_NUM_THREADS"] = str(threads)
