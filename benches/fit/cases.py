"""The shapes that K-Means is timed on, their data, and an inertia computed on its own."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Shape:
    """The size of one training run, what bounds it, and the ratio to the best peer to reach."""

    rows: int
    columns: int
    clusters: int
    dtype: str
    iterations: int
    limit: str
    target: float

    @property
    def name(self) -> str:
        """The shape as people write it: `1Mx16 k=64 f32`."""
        rows = (
            f"{self.rows // 1_000_000}M" if self.rows % 1_000_000 == 0 else f"{self.rows // 1000}k"
        )
        return f"{rows}x{self.columns} k={self.clusters} f{self.dtype.removeprefix('float')}"

    @property
    def work(self) -> int:
        """Multiply-adds of one pass over all rows and centres."""
        return self.rows * self.columns * self.clusters


SHAPES = [
    Shape(1_000_000, 2, 3, "float64", 20, "bandwidth", 4),
    Shape(1_000_000, 16, 64, "float32", 20, "gemm", 1.5),
    Shape(1_000_000, 3, 1000, "float32", 5, "gemm", 3),
    Shape(100_000, 784, 100, "float32", 10, "gemm", 1.5),
    Shape(1_000_000, 128, 1000, "float32", 3, "gemm", 1.5),
]
SMOKE = [
    Shape(4_000, 2, 3, "float64", 3, "bandwidth", 4),
    Shape(4_000, 16, 8, "float32", 3, "gemm", 1.5),
]


def samples(shape: Shape, data: str) -> np.ndarray:
    """Return `blobs` (at most 50 Gaussian clouds) or `uniform` rows, the same at every call."""
    rng = np.random.default_rng(7)
    dtype = np.dtype(shape.dtype)
    if data == "uniform":
        return rng.random((shape.rows, shape.columns), dtype)
    clouds = rng.uniform(-10, 10, (min(shape.clusters, 50), shape.columns)).astype(dtype)
    x = rng.standard_normal((shape.rows, shape.columns), dtype)
    x *= dtype.type(3)
    x += clouds[rng.integers(0, len(clouds), shape.rows)]
    return x


def initial_centers(shape: Shape, x: np.ndarray) -> np.ndarray:
    """Return distinct random rows."""
    return x[np.random.default_rng(0).choice(shape.rows, shape.clusters, replace=False)]


def inertia(x: np.ndarray, centers: np.ndarray, rows: int = 8192) -> float:
    """Return the sum of squared distances to the nearest centre, all of it in float64."""
    middle = centers.mean(axis=0, dtype=np.float64)
    c = centers.astype(np.float64) - middle
    half = (c * c).sum(axis=1) / 2
    total = 0.0
    for start in range(0, len(x), rows):
        block = x[start : start + rows].astype(np.float64) - middle
        nearest = (half - block @ c.T).argmin(axis=1)
        difference = block - c[nearest]
        total += float(np.einsum("ij,ij->", difference, difference))
    return total
