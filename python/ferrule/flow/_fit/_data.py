"""Batches of whatever `fit` takes."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ferrule._core import Tensor
from ferrule.flow._fit._batches import Arrays, Batches, Given, Order


def batches_of(data: Any, target: str | Sequence[str] | None, order: Order) -> Batches:
    """Return the batches of whatever `fit` takes.

    Raises
    ------
    TypeError
        For what it does not take.
    ValueError
        For data without rows, or of different numbers of them.
    """
    if isinstance(data, (Tensor, np.ndarray)) and target is None:
        return Arrays((data, data), order)
    if isinstance(data, tuple) and len(data) == 2 and isinstance(data[0], (Tensor, np.ndarray)):
        return Arrays(data, order)
    return _of_others(data, target, order)


def _of_others(data: Any, target: str | Sequence[str] | None, order: Order) -> Batches:
    # Here, since what reads files takes long to load.
    from ferrule.data import Cubes, Source, read
    from ferrule.flow._fit._sources import CubeBatches, Table

    if isinstance(data, Cubes):
        return CubeBatches(data, None, order)
    if isinstance(data, tuple) and len(data) == 2:
        return CubeBatches(*data, order) if isinstance(data[0], Cubes) else Arrays(data, order)
    if target is not None:
        return Table(data if isinstance(data, Source) else read(data), target, order)
    if isinstance(data, Source):
        raise TypeError("of a source, say which columns are the targets: target='label'")
    if callable(data) or hasattr(data, "__iter__"):
        return Given(data, order)
    raise TypeError(
        "data are (x, y), a ferrule.data Source with target=, Cubes, an iterable of batches, or a "
        f"function from the epoch to one; got {type(data).__name__}"
    )
