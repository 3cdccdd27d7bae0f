"""How far elements are from their mean, and from 0."""

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

from ferrule._core import Tensor
from ferrule.flow._operations import where
from ferrule.flow._tensors import as_tensor

Dims: TypeAlias = int | Sequence[int] | None


def var(x: Any, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Tensor:
    """Return the variance along `dim`; of all elements where that is None.

    Parameters
    ----------
    x : tensor of floats
    dim : int or sequence of int, optional
    correction : float
        What is taken from the number of elements that the squares are divided by: 1 as in PyTorch,
        0 as in NumPy. Of no more elements than that the variance is NaN.
    keepdim : bool
        Whether dimensions become 1 and stay.

    Examples
    --------
    >>> from ferrule import flow
    >>> x = flow.tensor([1.0, 2.0, 6.0])
    >>> x.var(), x.var(correction=0)
    (tensor(7.), tensor(4.6666665))
    """
    values = _floats(x, "var")
    centred = values - values.mean(dim, keepdim=True)
    total = centred.square().sum(dim, keepdim)
    count = values.numel() // max(1, total.numel())
    return total / max(0.0, count - correction)


def std(x: Any, dim: Dims = None, *, correction: float = 1, keepdim: bool = False) -> Tensor:
    """Return the square root of `var`.

    Examples
    --------
    >>> from ferrule import flow
    >>> flow.std(flow.tensor([[1.0, 3.0], [2.0, 2.0]]), 1, correction=0)
    tensor([1., 0.])
    """
    return _root(var(_floats(x, "std"), dim, correction=correction, keepdim=keepdim))


def norm(x: Any, p: float = 2, dim: Dims = None, *, keepdim: bool = False) -> Tensor:
    """Return the p-norm along `dim`, of all elements where that is None: (sum of |x|^p)^(1/p).

    Its gradient at 0 is 0.

    Parameters
    ----------
    x : tensor of floats
    p : float
        Above 0; infinity gives the greatest absolute value.

    Raises
    ------
    ValueError
        For another `p`.

    Examples
    --------
    >>> from ferrule import flow
    >>> x = flow.tensor([3.0, -4.0])
    >>> x.norm(), x.norm(1), x.norm(float("inf"))
    (tensor(5.), tensor(7.), tensor(4.))
    """
    if not p > 0:
        raise ValueError(f"p of a norm is above 0, got {p}")
    sizes = _floats(x, "norm").abs()
    if p == 2:
        return _root(sizes.square().sum(dim, keepdim))
    if p == math.inf:
        return sizes.amax(dim, keepdim)
    if p == 1:
        return sizes.sum(dim, keepdim)
    total = (sizes**p).sum(dim, keepdim)
    some = total > 0
    made: Tensor = where(some, where(some, total, 1.0) ** (1.0 / p), 0.0)
    return made


def _root(total: Tensor) -> Tensor:
    """Return the square root, whose gradient at 0 is 0 here."""
    is_zero = total == 0
    return where(is_zero, 0.0, where(is_zero, 1.0, total).sqrt())


def _floats(x: Any, name: str) -> Tensor:
    made = as_tensor(x)
    if made.dtype.kind != "f":
        raise TypeError(f"{name} is of floats, not of {made.dtype}: cast with .float()")
    return made
