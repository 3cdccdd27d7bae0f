"""Tensors made of where elements are, and sums by where they belong."""

from typing import Any

import numpy as np

from ferrule.flow.compat.v1 import _dtypes
from ferrule.flow.compat.v1._array import reshape
from ferrule.flow.compat.v1._elementwise import cast
from ferrule.flow.compat.v1._reductions import known_ints
from ferrule.flow.compat.v1._sources import constant, zeros
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, to_tensor
from ferrule.flow.compat.v1.errors import InvalidArgumentError


def eye(
    num_rows: int,
    num_columns: int | None = None,
    batch_shape: Any = None,
    dtype: Any = _dtypes.float32,
    name: str | None = None,
) -> Tensor:
    """Return ones where row and column are the same, else zeros, of sizes known before a run."""
    if batch_shape is not None:
        raise NotImplementedError("batch_shape= is not in ferrule.flow; use tf.tile")
    rows = known_ints(num_rows, "num_rows")
    columns = rows if num_columns is None else known_ints(num_columns, "num_columns")
    value: Tensor = constant(np.eye(rows, columns, dtype=_dtypes.as_dtype(dtype).numpy))
    return add("identity", [value], "eye", name)


def diag(diagonal: Convertible, name: str | None = None) -> Tensor:
    """Return a matrix with a vector, of known size, on its diagonal, else zeros."""
    x = to_tensor(diagonal)
    n = x.shape.num_elements() if x.shape.ndims == 1 else None
    if n is None:
        raise InvalidArgumentError(f"diag() expects a vector of known size, got shape {x.shape}")
    is_diagonal = constant(np.eye(n, dtype=np.bool_))
    zero = to_tensor(np.asarray(0, x.dtype.numpy), beside=x)
    return add("select", [is_diagonal, x, zero], "Diag", name)


def sequence_mask(
    lengths: Convertible,
    maxlen: int | None = None,
    dtype: Any = _dtypes.bool,
    name: str | None = None,
) -> Tensor:
    """Return a new last axis of `maxlen` whose first `lengths` elements are true, or 1."""
    ends = to_tensor(lengths)
    n = known_ints(maxlen, "maxlen")
    if n is None:
        raise InvalidArgumentError("sequence_mask() needs maxlen= in ferrule.flow")
    places = to_tensor(np.arange(n, dtype=ends.dtype.numpy), beside=ends)
    below = places < add("expand_dims", [ends], "ExpandDims", None, axis=-1)
    return cast(below, dtype, name or "SequenceMask")


def unsorted_segment_sum(
    data: Convertible, segment_ids: Convertible, num_segments: int, name: str | None = None
) -> Tensor:
    """Return the sums of the rows of `data` that have each of the ids 0 to num_segments - 1.

    Parameters
    ----------
    data : (n, …)
    segment_ids : (n,) of int32 or int64
    num_segments : int
    """
    x = to_tensor(data)
    if x.shape.ndims is None or not x.shape[1:].is_fully_defined():
        raise InvalidArgumentError(f"the shape of a row of {x.name!r} must be known, got {x.shape}")
    n = known_ints(num_segments, "num_segments")
    like = zeros([n, *x.shape.as_list()[1:]], x.dtype)
    inputs = [x, to_tensor(segment_ids), like]
    return add("scatter_like", inputs, "UnsortedSegmentSum", name, axis=0)


def gather_nd(params: Convertible, indices: Convertible, name: str | None = None) -> Tensor:
    """Return the parts of `params`, of known shape, at places along its first axes.

    Parameters
    ----------
    params : tensor of rank r
    indices : (…, k) of int32 or int64
        Each row is a place along the first k axes.
    """
    x, places = to_tensor(params), to_tensor(indices)
    depth = places.shape[-1].value if places.shape.ndims else None
    if depth is None or not x.shape.is_fully_defined() or depth > len(x.shape):
        raise InvalidArgumentError(
            f"gather_nd() expects params of known shape, and places along some of its axes, got "
            f"shapes {x.shape} and {places.shape}"
        )
    sizes = [int(each) for each in x.shape[:depth]]
    strides = [int(np.prod(sizes[axis + 1 :], dtype=np.int64)) for axis in range(depth)]
    flat = reshape(x, [int(np.prod(sizes, dtype=np.int64)), *x.shape.as_list()[depth:]])
    steps = to_tensor(np.asarray(strides, places.dtype.numpy), beside=places)
    rows = add("reduce", [places * steps], "Sum", None, f="sum", axes=[-1], keepdims=False)
    return add("gather", [flat, rows], "GatherNd", name, axis=0)
