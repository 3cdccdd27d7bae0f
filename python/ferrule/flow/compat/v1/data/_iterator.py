"""The next row of a dataset, each run."""

import threading
from collections.abc import Callable, Iterable
from typing import Any

from ferrule.flow.compat.v1._custom import custom_op
from ferrule.flow.compat.v1._dtypes import DType
from ferrule.flow.compat.v1._shapes import Dims
from ferrule.flow.compat.v1.data import _nest
from ferrule.flow.compat.v1.data._dataset import Dataset
from ferrule.flow.compat.v1.errors import OutOfRangeError


class Iterator:
    """Goes through the rows of a dataset once, whatever sessions ask for them."""

    def __init__(
        self,
        rows: Callable[[], Iterable[Any]],
        nest: Any,
        dtypes: list[DType],
        shapes: list[Dims],
    ) -> None:
        self._make_rows = rows
        self._rows: Any = None
        self._nest = nest
        self._dtypes = dtypes
        self._shapes = shapes
        self._lock = threading.Lock()

    def get_next(self, name: str | None = None) -> Any:
        """Return the tensors of the next row, in its nest.

        Running any of them takes a row; past the last one that raises `OutOfRangeError`.
        """
        outputs = custom_op(
            self._next, [], self._dtypes, self._shapes, name=name or "IteratorGetNext"
        )
        return _nest.rebuilt(self._nest, iter(outputs))

    def _next(self) -> list[Any]:
        with self._lock:
            if self._rows is None:
                self._rows = iter(self._make_rows())
            row = next(self._rows, None)
        if row is None:
            raise OutOfRangeError("end of sequence")
        return list(row)


def make_one_shot_iterator(dataset: Dataset) -> Iterator:
    """Return what gives the next row of `dataset` each run."""
    iterator: Iterator = dataset.make_one_shot_iterator()
    return iterator
