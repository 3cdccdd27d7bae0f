"""What a stream of cubes is asked to be, checked."""

import math
import operator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule import _core
from ferrule._hints import hinted
from ferrule.data._stack import FrameStack
from ferrule.errors import InvalidArgumentError

_AXES = ("frame", "row", "col")
_DTYPES = ("float16", "float32", "float64")
_COLUMNS = ("per_layer", "shared")


@dataclass(frozen=True, slots=True, kw_only=True)
class CubeOptions:
    """The arguments of `Cubes`, but for the stack and the number of cubes."""

    sides: tuple[int, int, int]
    """Frames, rows and columns."""
    columns: str
    rows: str | slice
    every: tuple[int, int] | None
    """First row and step; None for random rows."""
    dtype: np.dtype[Any]
    seed: int
    axes: tuple[str, str, str]

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a cube, in the order of the layout."""
        first, second, third = (self.sides[_AXES.index(axis)] for axis in self.axes)
        return first, second, third

    @property
    def nbytes(self) -> int:
        """Of a cube."""
        return math.prod(self.sides) * self.dtype.itemsize

    @property
    def by_column(self) -> bool:
        """Whether a column's values are adjacent in memory, not a row's."""
        return self.axes == ("frame", "col", "row")

    @property
    def _memory_axes(self) -> tuple[str, str, str]:
        return self.axes if self.by_column else ("frame", "row", "col")

    @property
    def memory_sides(self) -> tuple[int, ...]:
        """Of a cube, in the order in which it is made."""
        return tuple(self.sides[_AXES.index(axis)] for axis in self._memory_axes)

    def as_layout(self, made: NDArray[Any]) -> NDArray[Any]:
        """Return cubes as they are made as cubes of the layout; a view."""
        return made.transpose(0, *(1 + self._memory_axes.index(axis) for axis in self.axes))

    def bytes_of(self, out: Any, n: int) -> NDArray[np.uint8]:
        """Return the memory of `out`, which is for `n` cubes of the layout.

        Raises
        ------
        InvalidArgumentError
            Where it is of another kind.
        """
        if not isinstance(out, np.ndarray):
            raise InvalidArgumentError(f"out must be a NumPy array, got {type(out).__name__}")
        wanted = (n, *self.shape)
        if out.shape != wanted or out.dtype != self.dtype or not out.dtype.isnative:
            raise InvalidArgumentError(
                f"out must be {self.dtype} of shape {wanted}, got {out.dtype} of shape {out.shape}"
            )
        made = out.transpose(0, *(1 + self.axes.index(axis) for axis in self._memory_axes))
        if not made.flags.c_contiguous or not made.flags.writeable:
            raise hinted(
                InvalidArgumentError("out must be writable and in the memory order of the layout"),
                "cubes.empty(n) makes such an array",
            )
        return made.reshape(-1).view(np.uint8)

    def maker(self, stack: FrameStack) -> _core.CubeMaker:
        """Return what makes these cubes of `stack`."""
        return _core.CubeMaker(
            stack.values.reshape(-1).view(np.uint8),
            (stack.n_frames, stack.n_columns, stack.n_rows),
            stack.dtype.name,
            shape=self.sides,
            per_layer=self.columns == "per_layer",
            rows=self.every,
            dtype=self.dtype.name,
            by_column=self.by_column,
            seed=self.seed,
        )

    def arguments(self) -> dict[str, Any]:
        """Return what `Cubes` takes to be like this, as plain values."""
        return {
            "shape": self.sides,
            "columns": self.columns,
            "rows": self.rows,
            "dtype": self.dtype.name,
            "seed": self.seed,
            "layout": ",".join(self.axes),
        }

    def described(self) -> str:
        """Return the options in words."""
        frames, rows, columns = self.sides
        chosen = {"per_layer": "columns per layer", "shared": "shared columns"}[self.columns]
        which = {"first": "", "random": ", random rows"}.get(str(self.rows), ", rows of a slice")
        order = "" if self.axes == _AXES else f", {','.join(self.axes)}"
        sides = f"{frames} frames x {rows:,} rows x {columns:,} columns"
        return f"{sides}, {self.dtype}{order}, {chosen}{which}, seed {self.seed}"


def checked(
    stack: FrameStack,
    shape: Any,
    *,
    columns: Any,
    rows: Any,
    dtype: Any,
    seed: Any,
    layout: Any,
) -> CubeOptions:
    """Return the options, or raise `InvalidArgumentError`."""
    if columns not in _COLUMNS:
        raise InvalidArgumentError(f"columns must be 'per_layer' or 'shared', got {columns!r}")
    every, available = _rows(rows, stack.n_rows)
    return CubeOptions(
        sides=_sides(shape, stack, available),
        columns=columns,
        rows=rows,
        every=every,
        dtype=stack.dtype if dtype is None else _dtype(dtype),
        seed=_seed(seed),
        axes=_axes(layout),
    )


def _sides(shape: Any, stack: FrameStack, n_rows: int) -> tuple[int, int, int]:
    try:
        frames, rows, columns = (operator.index(side) for side in shape)
    except (TypeError, ValueError):
        raise InvalidArgumentError(
            f"shape must be three whole numbers (frames, rows, columns), got {shape!r:.80}"
        ) from None
    available = {
        "frames": (frames, stack.n_frames),
        "rows": (rows, n_rows),
        "columns": (columns, stack.n_columns),
    }
    for name, (wanted, most) in available.items():
        if not 1 <= wanted <= most:
            raise hinted(
                InvalidArgumentError(
                    f"a cube of {wanted} {name} cannot be made: there are {most} to choose from"
                ),
                f"shape is (frames, rows, columns); the stack has {stack.n_frames} frames,"
                f" {stack.n_rows} rows and {stack.n_columns} columns",
            )
    return frames, rows, columns


def _rows(rows: Any, n_rows: int) -> tuple[tuple[int, int] | None, int]:
    """Return (first row, step), None for random ones, and how many there are to choose from."""
    if isinstance(rows, slice):
        try:
            start, stop, step = rows.indices(n_rows)
        except (TypeError, ValueError):
            step = 0
        if step < 1:
            raise InvalidArgumentError(f"a slice of rows must go forward, got {rows!r}")
        return (start, step), len(range(start, stop, step))
    if rows == "first":
        return (0, 1), n_rows
    if rows == "random":
        return None, n_rows
    raise InvalidArgumentError(f"rows must be 'first', 'random' or a slice, got {rows!r:.80}")


def _dtype(dtype: Any) -> np.dtype[Any]:
    kind: np.dtype[Any] | None
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = None
    if kind is None or kind.name not in _DTYPES or not kind.isnative:
        raise InvalidArgumentError(f"dtype must be float16, float32 or float64, got {dtype!r:.80}")
    return kind


def _seed(seed: Any) -> int:
    try:
        number = operator.index(seed)
    except TypeError:
        number = -1
    if not 0 <= number < 2**64:
        raise InvalidArgumentError(
            f"seed must be a whole number from 0 to 2**64 - 1, got {seed!r:.80}"
        )
    return number


def _axes(layout: Any) -> tuple[str, str, str]:
    axes = tuple(layout.split(",")) if isinstance(layout, str) else ()
    if sorted(axes) != sorted(_AXES):
        raise InvalidArgumentError(
            f"layout must name frame, row and col in some order, got {layout!r:.80}"
        )
    first, second, third = axes
    return first, second, third
