"""Tensors from nothing: placeholders, constants, ranges, random numbers."""

import hashlib
import math
import os
from typing import Any

import numpy as np

from ferrule.flow.compat.v1 import _dtypes
from ferrule.flow.compat.v1._dtypes import DType
from ferrule.flow.compat.v1._elementwise import cast, floor
from ferrule.flow.compat.v1._host import HostValue, string_constant
from ferrule.flow.compat.v1._literal import as_array
from ferrule.flow.compat.v1._shapes import TensorShape, as_dims
from ferrule.flow.compat.v1._tensor import (
    Convertible,
    Tensor,
    Value,
    add,
    default_graph,
    pair,
    to_tensor,
)
from ferrule.flow.compat.v1.errors import InvalidArgumentError


def placeholder(dtype: Any, shape: Any = None, name: str | None = None) -> Tensor:
    """Return a tensor whose value each run is given by `feed_dict`.

    Parameters
    ----------
    dtype : DType
    shape : list of (int or None), optional
        None is an unknown dimension; by default the rank is unknown too.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.placeholder(tf.float32, [None, 2], name="x")
    >>> tf.Session().run(2.0 * x, feed_dict={x: [[1.0, 2.0]]})
    array([[2., 4.]], dtype=float32)
    """
    kind = _numeric(dtype)
    dims = as_dims(shape)
    attributes = {"dtype": kind.code, "shape": None if dims is None else list(dims)}
    return default_graph().add("placeholder", [], name or "Placeholder", attributes).outputs[0]


def _numeric(dtype: Any) -> DType:
    kind = _dtypes.as_dtype(dtype)
    if kind == _dtypes.string:
        raise NotImplementedError(
            "tensors of strings are constants only in ferrule.flow; turn strings to numbers "
            "before feeding them"
        )
    return kind


def placeholder_with_default(input: Convertible, shape: Any, name: str | None = None) -> Tensor:
    """Return a tensor that a run may be given, and that else has the value of `input`."""
    tensor = to_tensor(input)
    tensor.shape.assert_is_compatible_with(shape)
    return add("identity", [tensor], "PlaceholderWithDefault", name)


def constant(
    value: Any,
    dtype: Any = None,
    shape: Any = None,
    name: str = "Const",
    verify_shape: bool = False,
) -> Any:
    """Return a tensor of a value that never changes.

    Parameters
    ----------
    value : number, list, array or str
    dtype : DType, optional
        By default float32 for Python's floats, int32 for ints, and an array's own.
    shape : list of int, optional
        Of the result; the last element of `value` is repeated as needed.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> tf.Session().run(tf.constant(7, shape=[2, 2]))
    array([[7, 7],
           [7, 7]], dtype=int32)
    """
    wanted = None if dtype is None else _dtypes.as_dtype(dtype)
    if wanted == _dtypes.string or np.asarray(value).dtype.kind in "US":
        return string_constant(value, default_graph().names.unique(name))
    array = as_array(value, wanted)
    if shape is not None:
        array = _shaped(array, [int(size) for size in TensorShape(shape)], verify_shape)
    return default_graph().constant(array, name)


def _shaped(array: Any, shape: list[int], verify_shape: bool) -> Any:
    size = int(np.prod(shape, dtype=np.int64))
    wrong = list(array.shape) != shape if verify_shape else array.size > size
    if wrong or (not array.size and size):
        raise ValueError(
            f"expected a value of 1 to {size} elements for shape {shape}, got {array.size} of "
            f"shape {list(array.shape)}"
        )
    rest = [array.flat[-1]] * (size - array.size) if array.size < size else []
    return np.append(array, np.asarray(rest, array.dtype)).reshape(shape)


def convert_to_tensor(
    value: Convertible, dtype: Any = None, name: str | None = None, preferred_dtype: Any = None
) -> Any:
    """Return `value` as a tensor; a tensor is returned as it is."""
    if isinstance(value, HostValue):
        return value
    if dtype is None and preferred_dtype is not None and not isinstance(value, Value):
        try:
            return to_tensor(value, preferred_dtype, name)
        except (TypeError, ValueError):
            return to_tensor(value, None, name)
    return to_tensor(value, dtype, name)


def shape_tensor(shape: Any) -> Tensor:
    """Return a shape, of ints or tensors, as a vector of integers."""
    if isinstance(shape, Value):
        return shape.as_tensor()
    if isinstance(shape, TensorShape) and not shape.is_fully_defined():
        raise ValueError(f"cannot make a tensor of the partly known shape {shape}; use tf.shape(x)")
    listed = list(shape) if hasattr(shape, "__iter__") else [shape]
    if any(isinstance(size, Value) for size in listed):
        return to_tensor(listed)
    return default_graph().constant(np.asarray([int(size) for size in listed], np.int32), "shape")


def fill(dims: Any, value: Convertible, name: str | None = None) -> Tensor:
    """Return a tensor of shape `dims` (ints, or an integer vector) whose elements are `value`."""
    return add("fill", [shape_tensor(dims), to_tensor(value)], "Fill", name)


def zeros(shape: Any, dtype: Any = _dtypes.float32, name: str | None = None) -> Tensor:
    """Return a tensor of zeros, False where `dtype` is bool."""
    return _filled(0, shape, dtype, name or "zeros")


def ones(shape: Any, dtype: Any = _dtypes.float32, name: str | None = None) -> Tensor:
    """Return a tensor of ones, True where `dtype` is bool."""
    return _filled(1, shape, dtype, name or "ones")


def _filled(number: int, shape: Any, dtype: Any, name: str) -> Tensor:
    value = np.asarray(number, _numeric(dtype).numpy)
    scope = default_graph().names.unique(name)
    const = to_tensor(value, name=f"{scope}/Const/")
    return add("fill", [shape_tensor(shape), const], "fill", f"{scope}/")


def zeros_like(
    tensor: Convertible, dtype: Any = None, name: str | None = None, optimize: bool = True
) -> Tensor:
    """Return zeros of the shape of `tensor`, and of its dtype unless told another."""
    del optimize
    return _like(0, tensor, dtype, name or "zeros_like")


def ones_like(
    tensor: Convertible, dtype: Any = None, name: str | None = None, optimize: bool = True
) -> Tensor:
    """Return ones of the shape of `tensor`, and of its dtype unless told another."""
    del optimize
    return _like(1, tensor, dtype, name or "ones_like")


def _like(number: int, like: Convertible, dtype: Any, name: str) -> Tensor:
    tensor = to_tensor(like)
    kind = tensor.dtype if dtype is None else _numeric(dtype)
    value = to_tensor(np.asarray(number, kind.numpy), beside=tensor)
    return add("broadcast_like", [value, tensor], name, name)


def range(
    start: Convertible,
    limit: Convertible | None = None,
    delta: Convertible = 1,
    dtype: Any = None,
    name: str = "range",
) -> Tensor:
    """Return start, start + delta, … before `limit`, a vector; one number is the limit."""
    if limit is None:
        start, limit = 0, start
    if dtype is None:
        dtype = _common_dtype([start, limit, delta])
    inputs = [cast(to_tensor(each), dtype) for each in (start, limit, delta)]
    return add("range", inputs, "range", name)


def _common_dtype(values: list[Convertible]) -> DType:
    """Return the dtype of numbers that come first among int32, int64, float32 and float64."""
    order = [_dtypes.int32, _dtypes.int64, _dtypes.float32, _dtypes.float64]
    found = [
        each.dtype if isinstance(each, Value) else _dtypes.of_array(as_array(each))
        for each in values
    ]
    return max(found, key=order.index)


def linspace(start: Convertible, stop: Convertible, num: int, name: str | None = None) -> Tensor:
    """Return `num` floats, evenly spaced from `start` to `stop`, both included."""
    low, high = pair(start, stop)
    if not low.dtype.is_floating:
        raise InvalidArgumentError(f"linspace expects floats, got {low.dtype.name}")
    if num < 1:
        raise InvalidArgumentError(f"num must be at least 1, got {num}")
    places = to_tensor(np.arange(num, dtype=low.dtype.numpy), beside=low)
    step = (high - low) / max(num - 1, 1)
    return add("identity", [low + step * places], "LinSpace", name)


lin_space = linspace


def random_uniform(
    shape: Any,
    minval: Any = 0,
    maxval: Any = None,
    dtype: Any = _dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return numbers drawn evenly from `minval` (included) to `maxval` (not included), anew a run.

    Integers need `maxval`; floats have 1 by default.
    """
    kind = _numeric(dtype)
    if maxval is None:
        if kind.is_integer:
            raise ValueError(f"must specify maxval for integer dtype {kind.name}")
        maxval = 1
    if kind.is_integer:
        low, high = (cast(to_tensor(each), _dtypes.float64) for each in (minval, maxval))
        drawn = _random(shape, _uniform(0.0, 1.0), _dtypes.float64, seed, None)
        return cast(floor(drawn * (high - low) + low), kind, name or "random_uniform")
    if isinstance(minval, (int, float)) and isinstance(maxval, (int, float)):
        return _random(shape, _uniform(minval, maxval), kind, seed, name or "random_uniform")
    low, high = to_tensor(minval, kind), to_tensor(maxval, kind)
    drawn = _random(shape, _uniform(0.0, 1.0), kind, seed, None)
    return add("identity", [drawn * (high - low) + low], "random_uniform", name)


def random_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = _dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return numbers drawn from a Gaussian, anew each run."""
    return _gaussian("normal", shape, mean, stddev, dtype, seed, name or "random_normal")


def truncated_normal(
    shape: Any,
    mean: Any = 0.0,
    stddev: Any = 1.0,
    dtype: Any = _dtypes.float32,
    seed: int | None = None,
    name: str | None = None,
) -> Tensor:
    """Return numbers drawn from a Gaussian within two standard deviations, anew each run."""
    label = name or "truncated_normal"
    return _gaussian("truncated_normal", shape, mean, stddev, dtype, seed, label)


def _gaussian(
    kind: str, shape: Any, mean: Any, stddev: Any, dtype: Any, seed: int | None, name: str
) -> Tensor:
    numeric = _numeric(dtype)
    if isinstance(mean, (int, float)) and isinstance(stddev, (int, float)):
        drawn = {kind: {"mean": float(mean), "stddev": float(stddev)}}
        return _random(shape, drawn, numeric, seed, name)
    standard = _random(shape, {kind: {"mean": 0.0, "stddev": 1.0}}, numeric, seed, None)
    scaled = standard * to_tensor(stddev, numeric) + to_tensor(mean, numeric)
    return add("identity", [scaled], name, name)


def _uniform(low: float, high: float) -> dict[str, Any]:
    return {"uniform": {"low": float(low), "high": float(high)}}


def _random(
    shape: Any, kind: dict[str, Any], dtype: DType, seed: int | None, name: str | None
) -> Tensor:
    if not dtype.is_floating:
        raise InvalidArgumentError(f"expected dtype float32 or float64, got {dtype.name}")
    for settings in kind.values():
        if not all(map(math.isfinite, settings.values())):
            raise InvalidArgumentError(f"random numbers need finite settings, got {settings}")
    attributes = {"kind": kind, "dtype": dtype.code, "seed": _op_seed(seed)}
    return add("random", [shape_tensor(shape)], "random", name, **attributes)


def _op_seed(seed: int | None) -> int:
    """Return a seed for one operation: its own, with the graph's, or one of the system's."""
    graph = default_graph()
    if seed is None and graph.seed is None:
        return int.from_bytes(os.urandom(8), "little")
    graph_seed = 87654321 if graph.seed is None else graph.seed
    own = graph.core.n_nodes if seed is None else seed
    # Well mixed, so that neighbouring seeds give unrelated numbers.
    mixed = hashlib.sha256(f"{graph_seed} {own}".encode()).digest()
    return int.from_bytes(mixed[:8], "little")


def set_random_seed(seed: int) -> None:
    """Set the seed of the default graph: its random operations then give the same each session."""
    default_graph().seed = int(seed)
