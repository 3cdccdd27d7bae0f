"""The batches of an epoch, whatever the data are."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule._core import Tensor
from ferrule.flow._operations import index_select
from ferrule.flow._tensors import as_tensor, tensor

Batch = tuple[Tensor, Tensor]

# Rows that tell data from others.
_DIGEST_ROWS = 64


@dataclass(frozen=True, slots=True)
class Order:
    """How rows are dealt into batches.

    Attributes
    ----------
    batch_size : int
    dtype : numpy dtype
        What floats become: that of the model.
    seed : int
    shuffled : bool
    """

    batch_size: int
    dtype: np.dtype[Any]
    seed: int
    shuffled: bool

    def permutation(self, n: int, *place: int) -> NDArray[np.int64]:
        """Return the numbers below `n` in an order that the seed and the place decide."""
        if not self.shuffled:
            return np.arange(n)
        return np.random.default_rng([self.seed, *place]).permutation(n)

    def unshuffled(self) -> "Order":
        """Return the order of rows as they lie."""
        return Order(self.batch_size, self.dtype, self.seed, shuffled=False)

    def tensor(self, values: Any) -> Tensor:
        """Return values as a tensor: floats in the dtype, integers as int64."""
        if not isinstance(values, Tensor):
            values = np.asarray(values)
            kind = values.dtype.kind
            if kind not in "fiub":
                raise TypeError(f"data are numbers, not {values.dtype}")
            wide = kind in "iu" and values.dtype != np.uint8
            return as_tensor(values.astype(self._of_kind(kind, wide=wide), copy=False))
        made = values.detach()
        return made.to(self.dtype) if made.dtype.kind == "f" else made

    def _of_kind(self, kind: str, *, wide: bool) -> Any:
        if kind == "f":
            return self.dtype
        return np.int64 if wide else {"u": np.uint8, "b": np.bool_}[kind]


class Batches(ABC):
    """Batches that can be gone through again and again.

    Attributes
    ----------
    n_batches : int or None
        Of an epoch, where that is known.
    """

    n_batches: int | None = None

    @property
    def description(self) -> str | None:
        """What tells the data from others, as far as that can be known without reading all."""
        return None

    @abstractmethod
    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield the batches of an epoch, which depend on nothing but its number."""


class Arrays(Batches):
    """Rows of arrays or tensors.

    Those that lie on the disk stay there, and are read batch by batch.
    """

    def __init__(self, data: Sequence[Any], order: Order) -> None:
        self._order = order
        self._x, self._y = (self._held(part) for part in data)
        sizes = [len(part) if part.ndim else 0 for part in (self._x, self._y)]
        if sizes[0] != sizes[1] or not sizes[0]:
            raise ValueError(f"data are as many rows of y as of x, at least one; got {sizes}")
        self._n = sizes[0]
        self.n_batches = -(-self._n // order.batch_size)

    def _held(self, part: Any) -> Any:
        return part if isinstance(part, np.memmap) else self._order.tensor(part)

    @property
    def description(self) -> str:
        """Shapes, dtypes, and a digest of rows from the first to the last."""
        return " and ".join(described(part) for part in (self._x, self._y))

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield rows in the order of the epoch."""
        size, order = self._order.batch_size, self._order.permutation(self._n, number)
        places = tensor(order)
        for start in range(0, self._n, size):
            stop = start + size
            parts = [
                index_select(part, 0, places[start:stop])
                if isinstance(part, Tensor)
                else self._order.tensor(part[order[start:stop]])
                for part in (self._x, self._y)
            ]
            yield parts[0], parts[1]


def described(part: Any) -> str:
    """Return the dtype and shape of an array or tensor, and a digest of some of its rows."""
    array = part.numpy() if isinstance(part, Tensor) else part
    rows = np.ascontiguousarray(array[np.linspace(0, len(array) - 1, _DIGEST_ROWS).astype(int)])
    digest = hashlib.blake2b(rows.tobytes(), digest_size=4).hexdigest()
    return f"{array.dtype} {array.shape} #{digest}"


class Given(Batches):
    """Batches as someone else makes them: an iterable, or a function from the epoch to one."""

    def __init__(self, data: Iterable[Any] | Callable[[int], Iterable[Any]], order: Order) -> None:
        self._data = data
        self._order = order
        self.n_batches = len(data) if isinstance(data, Sized) else None

    def epoch(self, number: int) -> Iterator[Batch]:
        """Yield what there is to iterate over.

        Raises
        ------
        ValueError
            Where that is nothing, as of an iterator that an epoch before has used up.
        """
        batches = self._data(number) if callable(self._data) else self._data
        empty = True
        for batch in batches:
            empty = False
            yield self._pair(batch)
        if empty:
            raise ValueError(
                f"the data gave no batch in epoch {number}: an iterator can be gone through once; "
                "give a list, or a function from the epoch to an iterable"
            )

    def _pair(self, batch: Any) -> Batch:
        if not isinstance(batch, (tuple, list)):
            x = self._order.tensor(batch)
            _check_rows([x])
            return x, x
        if len(batch) != 2:
            raise ValueError(f"a batch is (x, y), or x alone; got {len(batch)} parts")
        x, y = self._order.tensor(batch[0]), self._order.tensor(batch[1])
        _check_rows([x, y])
        return x, y


def _check_rows(parts: Sequence[Tensor]) -> None:
    """Refuse single samples in the place of batches, and columns that do not belong together."""
    alone = len(parts) == 1 and parts[0].ndim < 2
    sizes = {part.shape[0] if part.ndim else None for part in parts}
    if alone or len(sizes) > 1 or None in sizes:
        shapes = " and ".join(str(part.shape) for part in parts)
        raise ValueError(
            f"an iterable gives batches, x [rows, ...] and y [rows, ...] of equally many rows; got "
            f"{shapes}: give samples as whole arrays in a tuple, (np.stack(xs), np.stack(ys))"
        )
