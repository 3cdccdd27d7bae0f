"""Python values as arrays, by TensorFlow's rules."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule.flow.compat.v1 import _dtypes
from ferrule.flow.compat.v1._dtypes import DType
from ferrule.flow.compat.v1._shapes import Dimension, TensorShape
from ferrule.flow.compat.v1.errors import DTypeError


def as_array(value: Any, dtype: DType | None = None) -> NDArray[Any]:
    """Return `value` as an array: a Python float is float32, an int int32 where that holds it.

    Raises
    ------
    DTypeError
        Where the numbers are of another kind than `dtype`'s.
    """
    if type(value) is float and (dtype is None or dtype.is_floating):
        return np.asarray(value, np.float32 if dtype is None else dtype.numpy)
    if isinstance(value, TensorShape):
        value = value.as_list()
    elif isinstance(value, Dimension):
        value = int(value)
    array = np.asarray(value)
    if array.dtype.kind in "OUSV":
        array = _odd(value, array, dtype)
    if dtype is not None:
        _check_kind(value, array, dtype)
        return np.asarray(array, dtype.numpy, order="C")
    if not isinstance(value, (np.ndarray, np.generic)):
        array = _narrowed(array)
    _dtypes.as_dtype(array.dtype)
    return np.asarray(array, order="C")


def _odd(value: Any, array: NDArray[Any], dtype: DType | None) -> NDArray[Any]:
    """Return `array`, whose elements are no numbers, as one of numbers, or raise."""
    if array.dtype.kind == "O" and dtype is not _dtypes.string:
        try:
            return np.asarray(value, np.int64 if dtype is None else dtype.numpy)
        except (TypeError, ValueError):
            pass
    if value is None:
        raise ValueError("None values not supported")
    raise DTypeError(
        f"cannot make a tensor of {type(value).__name__} {_short(value)}; expected numbers in a "
        "list or array whose rows have one length"
    )


def _check_kind(value: Any, array: NDArray[Any], dtype: DType) -> None:
    """Raise where Python's numbers would lose what they are, such as 2.5 as an integer."""
    kind = array.dtype.kind
    is_number = kind in ("fiu" if dtype.is_floating else "iu")
    fits = kind == "b" if dtype.is_bool else is_number
    if not fits and array.size:
        raise DTypeError(
            f"expected {dtype.name}, got {_short(value)} of type "
            f"{type(array.flat[0].item()).__name__!r} instead"
        )


def _narrowed(array: NDArray[Any]) -> NDArray[Any]:
    if array.dtype == np.float64:
        return array.astype(np.float32)
    if array.dtype.kind in "iu" and array.dtype != np.int32:
        small = array.astype(np.int32)
        return small if np.array_equal(small, array) else array
    return array


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."
