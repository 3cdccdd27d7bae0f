"""Cubes as the article makes them, step by step, and as NumPy makes them best."""

import pathlib
import random
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

Maker = Callable[[], object]
"""Makes one cube."""


@dataclass(frozen=True)
class Size:
    """Of the frames and of a cube."""

    frames: int
    side: int
    """Rows and columns of a frame."""
    edge: int
    """Frames, rows and columns of a cube."""


ARTICLE = Size(frames=100, side=1000, edge=100)
SMOKE = Size(frames=12, side=60, edge=12)


def files_each_time(size: Size, folder: pathlib.Path, n_files: int) -> Maker:
    """Read every frame's Parquet file for every cube; few files, each read several times."""
    import pandas as pd

    rng = np.random.default_rng(0)
    for i in range(n_files):
        values = rng.random((size.side, size.side)).round(10)
        frame = pd.DataFrame(values, columns=[f"c{j}" for j in range(size.side)])
        frame.to_parquet(folder / f"{i}.parquet", engine="pyarrow")

    def cube() -> np.ndarray:
        made = np.zeros((size.edge,) * 3)
        for i in range(size.edge):
            frame = pd.read_parquet(folder / f"{i % n_files}.parquet", engine="pyarrow")
            made[i] = one_layer(frame, size)
        return made

    return cube


def one_layer(frame: object, size: Size) -> np.ndarray:
    """Take the first rows and random columns of a pandas frame, as the article does."""
    columns = random.sample(range(1, size.side), size.edge)
    return frame.head(size.edge).iloc[:, columns].to_numpy()


def dict_of_frames(size: Size, stacked: np.ndarray) -> Maker:
    """Hold the frames as pandas ones in a dict."""
    import pandas as pd

    frames = {i: pd.DataFrame(stacked[i]) for i in range(size.edge)}

    def cube() -> np.ndarray:
        made = np.zeros((size.edge,) * 3)
        for i, frame in frames.items():
            made[i] = one_layer(frame, size)
        return made

    return cube


def fancy_shared(size: Size, stacked: np.ndarray) -> Maker:
    """Index one array (frame, row, column) with one draw of columns: the article's vectorised."""
    return lambda: stacked[: size.edge, : size.edge, random.sample(range(1, size.side), size.edge)]


def fancy_per_layer(size: Size, stacked: np.ndarray) -> Maker:
    """Index one array (frame, row, column) with a draw for each frame."""
    rng = np.random.default_rng(1)
    first_rows = stacked[: size.edge, : size.edge]

    def cube() -> np.ndarray:
        columns = drawn(rng, size)
        return np.take_along_axis(first_rows, columns[:, None, :], axis=2)

    return cube


def take_per_layer(size: Size, arena: np.ndarray) -> Maker:
    """Take whole columns of the first rows alone, kept (frame, column, row), into one buffer.

    The cube is (frame, column, row) in memory, and a view of it (frame, row, column): NumPy is
    spared turning it.
    """
    rng = np.random.default_rng(2)
    kept = np.ascontiguousarray(arena[: size.edge, :, : size.edge])
    out = np.empty((size.edge,) * 3, arena.dtype)

    def cube() -> np.ndarray:
        for layer, columns in enumerate(drawn(rng, size)):
            np.take(kept[layer], columns, axis=0, out=out[layer], mode="clip")
        return out.transpose(0, 2, 1)

    return cube


def threaded(make: Callable[[], Maker], threads: int) -> Maker:
    """Make as many cubes at once as there are threads; each thread has its own `make()`."""
    pool = ThreadPoolExecutor(threads)
    makers = [make() for _ in range(threads)]
    return lambda: list(pool.map(lambda maker: maker(), makers))


def drawn(rng: np.random.Generator, size: Size) -> np.ndarray:
    """Draw columns without replacement for each layer, by NumPy's quickest way."""
    order = rng.random((size.edge, size.side), dtype=np.float32)
    return np.argpartition(order, size.edge, axis=1)[:, : size.edge]
