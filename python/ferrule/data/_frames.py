"""Frames of any library as columns of one stack."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule._hints import hinted
from ferrule.data._memory import allocate
from ferrule.errors import InvalidArgumentError

LESS_MEMORY = "use a smaller dtype, or fewer rows, columns or frames"


def stacked(
    frames: Iterable[Any], dtype: np.dtype[Any] | None
) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Return the values of `frames` as (frames, columns, rows), and the names of the columns."""
    if hasattr(frames, "columns") or isinstance(frames, str):
        raise InvalidArgumentError(
            f"frames must be an iterable of frames, got one {type(frames).__name__}"
        )
    every = frames if isinstance(frames, Sequence | np.ndarray) else list(frames)
    if len(every) == 0:
        raise InvalidArgumentError("there are no frames; at least one is needed")
    first, names = _columns_of(every[0], "frame 0")
    chosen = dtype or stack_dtype(first.dtype)
    what = f"a stack of {len(every)} frames of {first.shape[1]:,} rows x {first.shape[0]:,} columns"
    values = allocate((len(every), *first.shape), chosen, f"{what} in {chosen}", LESS_MEMORY)
    fill(values[0], first, "frame 0")
    for index in range(1, len(every)):
        label = f"frame {index}"
        block, own = _columns_of(every[index], label)
        check_equal(label, block.shape, own, "frame 0", first.shape, names)
        fill(values[index], block, label)
    return values, names


def stack_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    """Return the type in which a stack holds values of `dtype`, where none was asked for."""
    return dtype.newbyteorder("=") if dtype.kind == "f" and dtype.itemsize <= 8 else np.dtype("f8")


def fill(slot: NDArray[Any], block: NDArray[Any], label: str) -> None:
    """Copy `block` into `slot`, both (columns, rows); refuse what overflows the slot's type."""
    try:
        with np.errstate(over="raise"):
            np.copyto(slot, block, casting="unsafe")
    except FloatingPointError:
        raise hinted(
            InvalidArgumentError(f"{label} has values too large for {slot.dtype}"),
            "use dtype float64",
        ) from None


def check_equal(
    label: str,
    shape: tuple[int, ...],
    names: Sequence[str] | None,
    model: str,
    expected: tuple[int, ...],
    expected_names: Sequence[str] | None,
) -> None:
    """Raise where the (columns, rows) or the names at `label` are not those of the first frame."""
    for noun, size, due in zip(("columns", "rows"), shape, expected, strict=True):
        if size != due:
            raise InvalidArgumentError(
                f"{label} has {size:,} {noun}, {model} has {due:,}; all frames must be equal"
            )
    if names == expected_names:
        return
    if names is None or expected_names is None:
        named, unnamed = (label, model) if expected_names is None else (model, label)
        raise InvalidArgumentError(f"{named} has names of columns, {unnamed} has none")
    pairs = enumerate(zip(names, expected_names, strict=True))
    position, (got, due_name) = next(pair for pair in pairs if pair[1][0] != pair[1][1])
    raise InvalidArgumentError(
        f"column {position} of {label} is `{got}`, that of {model} is `{due_name}`;"
        " all frames must have equal columns in one order"
    )


def _columns_of(frame: Any, label: str) -> tuple[NDArray[Any], tuple[str, ...] | None]:
    """Return a frame as an array (columns, rows), without a copy where it can be, and its names."""
    if isinstance(frame, np.ndarray):
        names, array = None, frame
    else:
        names, array = _named(frame, label)
    if array.ndim != 2:
        raise InvalidArgumentError(
            f"{label} has {array.ndim} dimensions; 2 are expected, rows and columns"
        )
    if array.dtype.kind not in "fiub":
        raise InvalidArgumentError(f"{label} holds {array.dtype}; numbers are expected")
    return array.T, names


def _named(frame: Any, label: str) -> tuple[tuple[str, ...], NDArray[Any]]:
    """Return the names of the columns of a data frame, and its values as (rows, columns)."""
    if hasattr(frame, "to_numpy") and hasattr(frame, "columns"):  # pandas, polars
        return tuple(map(str, frame.columns)), frame.to_numpy()
    if not hasattr(frame, "__arrow_c_stream__") and not hasattr(frame, "__arrow_c_array__"):
        raise InvalidArgumentError(
            f"{label} is a {type(frame).__name__}; a pandas, polars or pyarrow frame or a NumPy"
            " array is expected"
        )
    import pyarrow as pa

    table = pa.table(frame)
    if not table.num_columns:
        raise InvalidArgumentError(f"{label} has no columns")
    columns = np.stack([column.to_numpy() for column in table.columns])
    return tuple(table.column_names), columns.T
