"""What is computed: the numbers that every contender starts from, and how much work a step is."""

import dataclasses

import numpy as np

RATE = 0.05


@dataclasses.dataclass(frozen=True)
class Task:
    """A step, on `size` rows or elements."""

    kind: str
    size: int

    @property
    def name(self) -> str:
        """Its name in tables."""
        return f"{self.kind} {self.size}"

    @property
    def operations(self) -> float:
        """Floating-point operations of a step's products; of a chain, bytes read and written."""
        if self.kind == "mlp":
            # Forward, and twice as much back, but for the gradient by the images.
            return 2 * self.size * (3 * 256 * 10 + 2 * 784 * 256)
        if self.kind == "cnn":
            first, second = 28 * 28 * 9 * 16, 14 * 14 * 9 * 16 * 32
            return 2 * self.size * (2 * first + 3 * second + 3 * 7 * 7 * 32 * 10)
        return 8 * self.size


TASKS = [
    *(Task("mlp", rows) for rows in (1, 32, 512)),
    Task("cnn", 32),
    *(Task("chain", 10**power) for power in range(3, 8)),
]


def images(rows: int) -> tuple[np.ndarray, np.ndarray]:
    """Return images [rows, 784] and their labels."""
    generator = np.random.default_rng(0)
    return generator.random((rows, 784), np.float32), generator.integers(0, 10, rows)


def weights(kind: str) -> list[np.ndarray]:
    """Return the parameters at the start; of convolutions [height, width, channels, outputs]."""
    generator = np.random.default_rng(1)
    shapes = {
        "mlp": [(784, 256), (256,), (256, 10), (10,)],
        "cnn": [(3, 3, 1, 16), (16,), (3, 3, 16, 32), (32,), (7 * 7 * 32, 10), (10,)],
    }[kind]

    def start(shape: tuple[int, ...]) -> np.ndarray:
        scale = 0.0 if len(shape) == 1 else 1 / np.sqrt(np.prod(shape[:-1]))
        return (generator.normal(size=shape) * scale).astype(np.float32)

    return [start(shape) for shape in shapes]


def numbers(size: int) -> np.ndarray:
    """Return what a chain starts from."""
    return np.random.default_rng(2).random(size, np.float32)
