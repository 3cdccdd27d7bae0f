"""What ``x[key]`` is made of."""

from collections.abc import Iterator
from typing import Any

from ferrule.flow.compat.v1._shapes import Dimension, Dims
from ferrule.flow.compat.v1.errors import InvalidArgumentError

# An operation's name and its attributes.
Step = tuple[str, dict[str, Any]]


def steps(key: Any, shape: Dims) -> Iterator[Step]:
    """Yield the operations, each of the one before, that take `key` of a tensor of `shape`.

    Parameters
    ----------
    key : int, slice, Ellipsis, None (a new axis), or a tuple of them
    shape : tuple of (int or None), or None

    Raises
    ------
    InvalidArgumentError
        For an index out of bounds, or more of them than there are axes.
    """
    parts = _without_ellipsis(key if isinstance(key, tuple) else (key,), shape)
    starts: list[int | None] = []
    stops: list[int | None] = []
    strides: list[int] = []
    squeezed: list[int] = []
    added: list[int] = []
    place = 0
    for part in parts:
        if part is None:
            added.append(place)
            place += 1
            continue
        axis = len(starts)
        start, stop, stride = _bounds(part, axis, shape)
        starts.append(start)
        stops.append(stop)
        strides.append(stride)
        if isinstance(part, slice):
            place += 1
        else:
            squeezed.append(axis)
    if any(each is not None for each in starts + stops) or any(each != 1 for each in strides):
        yield "slice", {"starts": starts, "stops": stops, "strides": strides}
    if squeezed:
        yield "squeeze", {"axes": squeezed}
    for axis in added:
        yield "expand_dims", {"axis": axis}


def _without_ellipsis(parts: tuple[Any, ...], shape: Dims) -> list[Any]:
    n_taken = sum(part is not None and part is not Ellipsis for part in parts)
    n_ellipses = sum(part is Ellipsis for part in parts)
    if n_ellipses > 1:
        raise InvalidArgumentError("an index can have one ellipsis only")
    if shape is not None and n_taken > len(shape):
        raise InvalidArgumentError(
            f"too many indices: expected at most {len(shape)} for a tensor of rank {len(shape)}, "
            f"got {n_taken}"
        )
    if not n_ellipses:
        return list(parts)
    place = next(i for i, part in enumerate(parts) if part is Ellipsis)
    behind = parts[place + 1 :]
    if shape is None and any(part is not None for part in behind):
        raise InvalidArgumentError("an ellipsis before other indices needs a known rank")
    n_filled = 0 if shape is None else len(shape) - n_taken
    return [*parts[:place], *[slice(None)] * n_filled, *behind]


def _bounds(part: Any, axis: int, shape: Dims) -> tuple[int | None, int | None, int]:
    if isinstance(part, slice):
        stride = 1 if part.step is None else _int(part.step)
        if stride == 0:
            raise InvalidArgumentError("the step of a slice must not be 0")
        return _int_or_none(part.start), _int_or_none(part.stop), stride
    index = _int(part)
    size = None if shape is None else shape[axis]
    if size is not None and not -size <= index < size:
        raise InvalidArgumentError(
            f"slice index {index} of dimension {axis} out of bounds: its size is {size}"
        )
    return index, None if index == -1 else index + 1, 1


def _int_or_none(value: Any) -> int | None:
    return None if value is None else _int(value)


def _int(value: Any) -> int:
    if isinstance(value, (Dimension, int)) or hasattr(value, "__index__"):
        return int(value.__index__())
    raise InvalidArgumentError(
        f"expected an index that is an int, a slice, None or an ellipsis, got {value!r}; for a "
        "tensor of indices use tf.gather"
    )
