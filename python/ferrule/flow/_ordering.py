"""Elements by their order, and by their places."""

from typing import Any

import numpy as np

from ferrule._core import Tensor
from ferrule.flow._core_ops import operation
from ferrule.flow._operations import index_select
from ferrule.flow._tensors import as_tensor, tensor


def topk(x: Any, k: int, dim: int = -1, *, largest: bool = True) -> tuple[Tensor, Tensor]:
    """Return the `k` greatest elements along a dimension, greatest first, and their places.

    Parameters
    ----------
    x : tensor
    k : int
    dim : int
    largest : bool
        Whether the greatest are meant, or the least, least first.

    Returns
    -------
    values : tensor
    places : int64 tensor
        Of equal elements the first come first.

    Examples
    --------
    >>> from ferrule import flow
    >>> flow.topk(flow.tensor([3.0, 1.0, 2.0]), 2)
    (tensor([3., 2.]), tensor([0, 2]))
    """
    x = as_tensor(x)
    if not x.ndim:
        raise ValueError("topk is of a tensor of at least one dimension")
    size = x.size(dim)
    if not 0 <= k <= size:
        raise ValueError(f"k is from 0 to {size}, the size of dimension {dim}; got {k}")
    ordered = _turned(x) if not largest else x
    moved = ordered.transpose(dim, -1)
    _, places = operation("top_k", k=k)(moved)
    places = places.long().transpose(dim, -1)
    return gather(x, dim, places), places


def _turned(x: Tensor) -> Tensor:
    """Return numbers whose order is the other way round."""
    if x.dtype.kind == "f":
        return -x.detach()
    if x.dtype.kind == "b":
        return (~x).to(np.uint8)
    # Numbers of the dtype for each x, which -x is not.
    return 255 - x if x.dtype.kind == "u" else -1 - x


def sort(x: Any, dim: int = -1, *, descending: bool = False) -> tuple[Tensor, Tensor]:
    """Return the elements along a dimension from the least to the greatest, and their places.

    Of equal elements the first come first.

    Examples
    --------
    >>> from ferrule import flow
    >>> flow.sort(flow.tensor([3.0, 1.0, 2.0]))
    (tensor([1., 2., 3.]), tensor([1, 2, 0]))
    """
    x = as_tensor(x)
    return topk(x, x.size(dim) if x.ndim else 0, dim, largest=descending)


def argsort(x: Any, dim: int = -1, *, descending: bool = False) -> Tensor:
    """Return the places of the elements along a dimension from the least to the greatest."""
    return sort(x, dim, descending=descending)[1]


def gather(x: Any, dim: int, index: Any) -> Tensor:
    """Return, for each place along a dimension that `index` names, the element there.

    Of two dimensions and ``dim=1``: ``out[i, j] = x[i, index[i, j]]``.

    Parameters
    ----------
    x : tensor
    dim : int
    index : int tensor of as many dimensions
        No other dimension of it is larger than that of `x`.

    Raises
    ------
    ValueError
        Where the shapes do not fit.
    ferrule.errors.InvalidArgumentError
        For a place that is negative or not below the size of the dimension.

    Examples
    --------
    >>> from ferrule import flow
    >>> x = flow.tensor([[1.0, 2.0], [3.0, 4.0]])
    >>> flow.gather(x, 1, [[0, 0], [1, 0]])
    tensor([[1., 1.],
            [4., 3.]])
    """
    x, index = as_tensor(x), as_tensor(index)
    axis = dim % x.ndim if -x.ndim <= dim < x.ndim else None
    sizes = zip(index.shape, x.shape, strict=False)
    fits = all(ours <= theirs for at, (ours, theirs) in enumerate(sizes) if at != axis)
    if axis is None or index.ndim != x.ndim or not fits:
        raise ValueError(
            f"gather along dimension {dim} of shape {x.shape} takes places of as many dimensions, "
            f"none of them larger; got shape {index.shape}"
        )
    steps = np.cumprod([1, *x.shape[:0:-1]])[::-1]
    # Looked up along the axis, so that a place outside of it is an error.
    along = tensor(np.arange(x.shape[axis]) * int(steps[axis]))
    places = index_select(along, 0, index)
    for at, (size, step) in enumerate(zip(index.shape, steps, strict=True)):
        if at != axis:
            shape = [-1 if other == at else 1 for other in range(x.ndim)]
            places = places + tensor((np.arange(size) * int(step)).reshape(shape))
    return index_select(x.reshape(-1), 0, places)
