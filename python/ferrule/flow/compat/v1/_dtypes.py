"""The types of elements."""

import builtins
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ferrule.errors import UnimplementedError


class DType:
    """The type of the elements of a tensor.

    Equal to its name and to NumPy's type of that name.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> tf.float32 == "float32", tf.float32.size, tf.int32.max
    (True, 4, 2147483647)
    """

    __slots__ = ("_numpy", "code", "name")

    def __init__(self, name: str, code: str, numpy: Any) -> None:
        self.name = name
        # How the engine writes it down.
        self.code = code
        self._numpy: np.dtype[Any] = np.dtype(numpy)

    @property
    def as_numpy_dtype(self) -> Any:
        """NumPy's scalar type."""
        return self._numpy.type

    @property
    def numpy(self) -> np.dtype[Any]:
        """NumPy's dtype."""
        return self._numpy

    @property
    def base_dtype(self) -> "DType":
        """Itself: there are no reference types here."""
        return self

    @property
    def real_dtype(self) -> "DType":
        """Itself: there are no complex types here."""
        return self

    @property
    def is_floating(self) -> builtins.bool:
        """Whether it is float32 or float64."""
        return self._numpy.kind == "f"

    @property
    def is_integer(self) -> builtins.bool:
        """Whether it is int32, int64 or uint8."""
        return self._numpy.kind in "iu"

    @property
    def is_bool(self) -> builtins.bool:
        """Whether it is bool."""
        return self._numpy.kind == "b"

    @property
    def is_complex(self) -> builtins.bool:
        """Never."""
        return False

    @property
    def size(self) -> int:
        """Bytes an element."""
        return self._numpy.itemsize

    @property
    def min(self) -> Any:
        """The least number of it."""
        return self._limits().min

    @property
    def max(self) -> Any:
        """The greatest number of it."""
        return self._limits().max

    def _limits(self) -> Any:
        return np.finfo(self._numpy) if self.is_floating else np.iinfo(self._numpy)

    def is_compatible_with(self, other: Any) -> builtins.bool:
        """Whether `other` is the same type."""
        return self.__eq__(other)

    def __eq__(self, other: object) -> builtins.bool:
        if isinstance(other, DType):
            return self.name == other.name
        try:
            theirs = as_dtype(other)
        except (TypeError, UnimplementedError):
            return False
        return theirs is self

    def __hash__(self) -> int:
        return hash(self.name)

    def __repr__(self) -> str:
        return f"tf.{self.name}"

    def __str__(self) -> str:
        return f"<dtype: {self.name!r}>"


float32 = DType("float32", "FP32", np.float32)
float64 = DType("float64", "FP64", np.float64)
int32 = DType("int32", "INT32", np.int32)
int64 = DType("int64", "INT64", np.int64)
uint8 = DType("uint8", "UINT8", np.uint8)
bool = DType("bool", "BOOL", np.bool_)
string = DType("string", "BYTES", object)
double = float64

BY_NAME = {each.name: each for each in (float32, float64, int32, int64, uint8, bool, string)}
_NAMES = {"float": float32, "double": float64, "int": int32, "str": string, "object": string}
_PYTHON: dict[Any, DType] = {float: float32, int: int32, builtins.bool: bool, str: string}
# TensorFlow's that the engine lacks, and what holds their numbers.
_LACKING = {
    "float16": "float32",
    "half": "float32",
    "bfloat16": "float32",
    "int8": "int32",
    "int16": "int32",
    "uint16": "int32",
    "uint32": "int64",
    "uint64": "int64",
    "complex64": "two tensors of float32",
    "complex128": "two tensors of float64",
}


def as_dtype(value: Any) -> DType:
    """Return the `DType` of a name, a NumPy type, a Python type or a `DType`.

    Raises
    ------
    TypeError
        For what is no type of elements.
    ferrule.errors.UnimplementedError
        For one of TensorFlow's that is not here.
    """
    if isinstance(value, DType):
        return value
    if isinstance(value, type) and value in _PYTHON:
        return _PYTHON[value]
    name = value.removesuffix("_ref") if isinstance(value, str) else _numpy_name(value)
    found = BY_NAME.get(name) or _NAMES.get(name)
    if found is not None:
        return found
    if name in _LACKING:
        raise lacking(name)
    if name.startswith(("str", "bytes")):
        return string
    raise TypeError(f"cannot convert {value!r} to a TensorFlow DType")


def lacking(name: str) -> UnimplementedError:
    """Return the error for a dtype of TensorFlow's that is not here."""
    return UnimplementedError(
        f"dtype {name} is not in ferrule.flow, which has {', '.join(BY_NAME)}; use {_LACKING[name]}"
    )


def is_lacking(name: str) -> builtins.bool:
    """Return whether TensorFlow has a dtype of that name and we have not."""
    return name in _LACKING


def _numpy_name(value: Any) -> str:
    try:
        return str(np.dtype(value).name)
    except TypeError:
        raise TypeError(f"cannot convert {value!r} to a TensorFlow DType") from None


def of_array(array: NDArray[Any]) -> DType:
    """Return the `DType` of the elements of `array`."""
    return as_dtype(array.dtype)
