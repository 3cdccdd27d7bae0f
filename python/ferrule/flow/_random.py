"""Random tensors, each number a function of the seed and its place in the stream."""

import math
import threading
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import DTypeLike

from ferrule._core import Tensor
from ferrule.flow._core_ops import CORE_DTYPES, operation
from ferrule.flow._function import note
from ferrule.flow._tensors import float32, sizes, tensor

# Held while numbers are drawn, so that no two threads draw the same.
_lock = threading.RLock()


class Generator:
    """A stream of random numbers (Philox4x32-10, Salmon et al. 2011).

    Parameters
    ----------
    seed : int
        From 0 to 2**64 - 1. The same seed gives the same numbers, on any number of threads.

    Attributes
    ----------
    state : Tensor
        How many draws there were, int64. Assign to it to go back or ahead.

    Examples
    --------
    >>> from ferrule import flow
    >>> a, b = flow.Generator(7), flow.Generator(7)
    >>> bool((flow.rand(3, generator=a) == flow.rand(3, generator=b)).all())
    True
    """

    def __init__(self, seed: int = 0) -> None:
        self._seed = _checked(seed)
        self.state = tensor(0)

    @property
    def seed(self) -> int:
        """What the stream started from."""
        return self._seed

    def manual_seed(self, seed: int) -> "Generator":
        """Start the stream anew from a seed; return the generator."""
        self._seed = _checked(seed)
        self.state.zero_()
        return self

    def draw(self, kind: dict[str, Any], shape: tuple[int, ...], dtype: DTypeLike) -> Tensor:
        """Return the next numbers of a kind of the engine's."""
        name = CORE_DTYPES[np.dtype(dtype).name]
        for settings in kind.values():
            _check_finite(settings)
        note(self, "seed")
        op = operation("stateless_random", kind=kind, dtype=name, seed=self._seed)
        with _lock:
            made: Tensor = op(tensor(np.array(shape, np.int64)), self.state)
            self.state.add_(1)
        return made


def _check_finite(settings: dict[str, float]) -> None:
    for name, value in settings.items():
        if not math.isfinite(value):
            raise ValueError(f"`{name}` of random numbers must be finite, got {value}")


def _checked(seed: int) -> int:
    if not 0 <= seed < 1 << 64:
        raise ValueError(f"a seed is a whole number from 0 to 2**64 - 1, not {seed}")
    return int(seed)


_default = Generator(0)


def default_generator() -> Generator:
    """Return the generator of those who name none."""
    return _default


def manual_seed(seed: int) -> Generator:
    """Start the default generator anew from a seed; return it.

    Examples
    --------
    >>> from ferrule import flow
    >>> _ = flow.manual_seed(1)
    """
    return _default.manual_seed(seed)


def rand(*shape: Any, dtype: DTypeLike | None = None, generator: Generator | None = None) -> Tensor:
    """Return numbers from 0 on, below 1, each as likely as any other.

    Parameters
    ----------
    *shape : int
    dtype : float32 or float64, optional
    generator : Generator, optional
        The default one where none is given: see `manual_seed`.
    """
    return uniform(sizes(shape), 0.0, 1.0, dtype, generator)


def uniform(
    shape: Sequence[int],
    low: float = 0.0,
    high: float = 1.0,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Return numbers from `low` on, below `high`."""
    kind = {"uniform": {"low": low, "high": high}}
    return (generator or _default).draw(kind, tuple(shape), dtype or float32)


def randn(
    *shape: Any, dtype: DTypeLike | None = None, generator: Generator | None = None
) -> Tensor:
    """Return Gaussian numbers of mean 0 and standard deviation 1."""
    return normal(sizes(shape), 0.0, 1.0, dtype, generator)


def normal(
    shape: Sequence[int],
    mean: float = 0.0,
    std: float = 1.0,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Return Gaussian numbers."""
    kind = {"normal": {"mean": mean, "stddev": std}}
    return (generator or _default).draw(kind, tuple(shape), dtype or float32)


def truncated_normal(
    shape: Sequence[int],
    mean: float = 0.0,
    std: float = 1.0,
    dtype: DTypeLike | None = None,
    generator: Generator | None = None,
) -> Tensor:
    """Return Gaussian numbers, none further from the mean than two standard deviations."""
    kind = {"truncated_normal": {"mean": mean, "stddev": std}}
    return (generator or _default).draw(kind, tuple(shape), dtype or float32)


def randint(
    low: int, high: int, shape: Sequence[int], generator: Generator | None = None
) -> Tensor:
    """Return whole numbers from `low` on, below `high`, int64.

    Raises
    ------
    ValueError
        Where `high` is not above `low`.
    """
    if high <= low:
        raise ValueError(f"high must be above low; got low={low}, high={high}")
    drawn = uniform(shape, 0.0, 1.0, "float64", generator)
    return (drawn * float(high - low)).floor().long() + low


def randperm(n: int, generator: Generator | None = None) -> Tensor:
    """Return the whole numbers below `n` in random order, int64."""
    drawn = uniform((n,), 0.0, 1.0, "float64", generator)
    return tensor(np.argsort(drawn.numpy(), kind="stable"))
