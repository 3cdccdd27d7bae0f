"""Rows of arrays, one after the other."""

import itertools
from collections.abc import Callable, Iterable
from collections.abc import Iterator as Rows
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ferrule.flow.compat.v1 import _dtypes
from ferrule.flow.compat.v1._dtypes import DType
from ferrule.flow.compat.v1._literal import as_array
from ferrule.flow.compat.v1._shapes import Dims, TensorShape, as_dims
from ferrule.flow.compat.v1._tensor import Value
from ferrule.flow.compat.v1.data import _nest

_Row: TypeAlias = list[NDArray[Any]]
_NO_MAP = "functions of tensors are not in tf.data here; change the arrays by NumPy before"


class Dataset:
    """Rows, each a nest (a tuple or dict) of arrays; what is asked of it gives another.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> dataset = tf.data.Dataset.from_tensor_slices([1.0, 2.0, 3.0]).repeat(2).batch(4)
    >>> batch = dataset.make_one_shot_iterator().get_next()
    >>> with tf.Session() as session:
    ...     session.run(batch), session.run(batch)
    (array([1., 2., 3., 1.], dtype=float32), array([2., 3.], dtype=float32))
    """

    def __init__(
        self,
        rows: Callable[[], Iterable[_Row]],
        nest: Any,
        dtypes: list[DType],
        shapes: list[Dims],
    ) -> None:
        self._rows = rows
        self._nest = nest
        self._dtypes = dtypes
        self._shapes = shapes

    @staticmethod
    def from_tensor_slices(tensors: Any) -> "Dataset":
        """Return the slices of arrays along their first axis, which is as long for each.

        Parameters
        ----------
        tensors : array, or tuple or dict of arrays
        """
        arrays = _arrays(tensors)
        sizes = {len(array) if array.ndim else -1 for array in arrays}
        if len(sizes) != 1 or -1 in sizes:
            shapes = ", ".join(str(array.shape) for array in arrays)
            raise ValueError(f"expected arrays with first axes of one size, got shapes {shapes}")

        def rows() -> Rows[_Row]:
            return ([array[i] for array in arrays] for i in range(sizes.copy().pop()))

        return _of_arrays(rows, tensors, arrays, skipped=1)

    @staticmethod
    def from_tensors(tensors: Any) -> "Dataset":
        """Return one row of whole arrays."""
        arrays = _arrays(tensors)
        return _of_arrays(lambda: [arrays], tensors, arrays, skipped=0)

    @staticmethod
    def from_generator(
        generator: Callable[[], Iterable[Any]],
        output_types: Any,
        output_shapes: Any = None,
        args: Any = None,
    ) -> "Dataset":
        """Return the rows of what `generator` gives each time that it is called."""
        if args is not None:
            raise NotImplementedError("args= is not in ferrule.flow; use a closure")
        kinds = [_dtypes.as_dtype(each) for each in _nest.flat(output_types)]
        dims: list[Dims] = [None] * len(kinds)
        if output_shapes is not None:
            dims = [as_dims(each) for each in _shape_leaves(output_shapes, len(kinds))]

        def rows() -> Rows[_Row]:
            for row in generator():
                leaves = _nest.flat(row) if _nest.is_nest(output_types) else [row]
                yield [as_array(leaf, kind) for leaf, kind in zip(leaves, kinds, strict=True)]

        return Dataset(rows, output_types, kinds, dims)

    @staticmethod
    def range(*args: int) -> "Dataset":
        """Return the integers of Python's ``range(*args)`` as int64."""
        return Dataset(
            lambda: ([np.asarray(i, np.int64)] for i in range(*args)), 0, [_dtypes.int64], [()]
        )

    @staticmethod
    def zip(datasets: "tuple[Dataset, ...]") -> "Dataset":
        """Return pairs, or longer tuples, of the rows of several datasets, as long as all last."""
        each = list(datasets)

        def rows() -> Rows[_Row]:
            for row in zip(*[one._rows() for one in each], strict=False):
                yield list(itertools.chain(*row))

        return Dataset(
            rows,
            tuple(one._nest for one in each),
            [kind for one in each for kind in one._dtypes],
            [dims for one in each for dims in one._shapes],
        )

    @property
    def output_types(self) -> Any:
        """The dtypes of a row, in its nest."""
        return _nest.rebuilt(self._nest, iter(self._dtypes))

    @property
    def output_shapes(self) -> Any:
        """The shapes of a row, in its nest."""
        return _nest.rebuilt(self._nest, iter([TensorShape(dims) for dims in self._shapes]))

    def repeat(self, count: int | None = None) -> "Dataset":
        """Return the rows `count` times over, by default for ever."""

        def rows() -> Rows[_Row]:
            times = itertools.count() if count is None or count < 0 else range(count)
            for _ in times:
                is_empty = True
                for row in self._rows():
                    is_empty = False
                    yield row
                if is_empty:
                    return

        return self._with(rows)

    def batch(self, batch_size: int, drop_remainder: bool = False) -> "Dataset":
        """Return rows of `batch_size` rows each, along a new first axis.

        The last one may have fewer, unless `drop_remainder`.
        """
        size = int(batch_size)
        if size < 1:
            raise ValueError(f"batch_size must be at least 1, got {size}")

        def rows() -> Rows[_Row]:
            source = iter(self._rows())
            while chunk := list(itertools.islice(source, size)):
                if len(chunk) == size or not drop_remainder:
                    yield [np.stack(column) for column in zip(*chunk, strict=True)]

        first = size if drop_remainder else None
        shapes = [None if dims is None else (first, *dims) for dims in self._shapes]
        return Dataset(rows, self._nest, self._dtypes, shapes)

    def shuffle(
        self,
        buffer_size: int,
        seed: int | None = None,
        reshuffle_each_iteration: bool | None = None,
    ) -> "Dataset":
        """Return the rows in an order at random, each drawn from the next `buffer_size`.

        Each time over has another order, unless ``reshuffle_each_iteration=False``.
        """
        if buffer_size < 1:
            raise ValueError(f"buffer_size must be at least 1, got {buffer_size}")
        shared = np.random.default_rng(seed)

        def rows() -> Rows[_Row]:
            random = np.random.default_rng(seed) if reshuffle_each_iteration is False else shared
            held: list[_Row] = []
            for row in self._rows():
                held.append(row)
                if len(held) > buffer_size:
                    yield _drawn(held, random)
            while held:
                yield _drawn(held, random)

        return self._with(rows)

    def take(self, count: int) -> "Dataset":
        """Return the first `count` rows, all where it is -1."""
        return self._with(lambda: itertools.islice(self._rows(), None if count < 0 else count))

    def skip(self, count: int) -> "Dataset":
        """Return the rows after the first `count`, none where it is -1."""
        return self._with(
            lambda: itertools.islice(self._rows(), *((0,) if count < 0 else (count, None)))
        )

    def concatenate(self, dataset: "Dataset") -> "Dataset":
        """Return these rows, and those of `dataset` behind them."""
        return self._with(lambda: itertools.chain(self._rows(), dataset._rows()))

    def prefetch(self, buffer_size: int) -> "Dataset":
        """Return the dataset itself: its rows are in memory."""
        del buffer_size
        return self

    def cache(self, filename: str = "") -> "Dataset":
        """Return the dataset itself: its rows are in memory."""
        del filename
        return self

    def map(self, map_func: Any, num_parallel_calls: int | None = None) -> "Dataset":
        """Not here."""
        raise NotImplementedError(_NO_MAP)

    def filter(self, predicate: Any) -> "Dataset":
        """Not here."""
        raise NotImplementedError(_NO_MAP)

    def make_one_shot_iterator(self) -> Any:
        """Return what gives the next row each run."""
        from ferrule.flow.compat.v1.data._iterator import Iterator

        return Iterator(self._rows, self._nest, self._dtypes, self._shapes)

    def _with(self, rows: Callable[[], Iterable[_Row]]) -> "Dataset":
        return Dataset(rows, self._nest, self._dtypes, self._shapes)


def _arrays(tensors: Any) -> _Row:
    leaves = _nest.flat(tensors)
    for leaf in leaves:
        if isinstance(leaf, Value):
            raise TypeError(f"tf.data takes arrays here, not tensors, got {leaf!r}; run it first")
    return [as_array(leaf) for leaf in leaves]


def _of_arrays(
    rows: Callable[[], Iterable[_Row]], tensors: Any, arrays: _Row, skipped: int
) -> Dataset:
    kinds = [_dtypes.of_array(array) for array in arrays]
    return Dataset(rows, tensors, kinds, [array.shape[skipped:] for array in arrays])


def _shape_leaves(shapes: Any, count: int) -> list[Any]:
    if count == 1 and not isinstance(shapes, tuple):
        return [shapes]
    leaves = list(shapes.values()) if isinstance(shapes, dict) else list(shapes)
    return leaves if len(leaves) == count else [shapes]


def _drawn(held: list[_Row], random: np.random.Generator) -> _Row:
    """Take one of the rows, whose place the last one gets."""
    place = int(random.integers(len(held)))
    held[place], held[-1] = held[-1], held[place]
    return held.pop()
