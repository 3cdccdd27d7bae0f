"""NumPy's functions of tensors."""

import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from ferrule._core import Tensor
from ferrule.flow._tensors import as_tensor

# What an array on the left of an operator, and a tensor on its right, is.
_OPERATORS = {
    np.add: operator.add,
    np.subtract: operator.sub,
    np.multiply: operator.mul,
    np.true_divide: operator.truediv,
    np.floor_divide: operator.floordiv,
    np.remainder: operator.mod,
    np.power: operator.pow,
    np.matmul: operator.matmul,
    np.less: operator.lt,
    np.less_equal: operator.le,
    np.equal: operator.eq,
    np.not_equal: operator.ne,
    np.greater: operator.gt,
    np.greater_equal: operator.ge,
}


def array_ufunc(
    ufunc: np.ufunc, method: str, inputs: tuple[Any, ...], options: dict[str, Any] | None
) -> Any:
    """Return what a NumPy function gives: of an operator a tensor, of anything else arrays."""
    apply = _OPERATORS.get(ufunc)
    if apply is not None and method == "__call__" and not options:
        left, right = inputs
        if isinstance(left, np.generic):
            return apply(left.item(), right)
        return apply(as_tensor(left), right)
    arrays = [one.numpy() if isinstance(one, Tensor) else one for one in inputs]
    return getattr(ufunc, method)(*arrays, **(options or {}))


# What reduces tensors too, by the names of their methods.
_REDUCTIONS = {
    np.sum: "sum",
    np.mean: "mean",
    np.prod: "prod",
    np.max: "amax",
    np.min: "amin",
    np.any: "any",
    np.all: "all",
    np.std: "std",
    np.var: "var",
    np.argmax: "argmax",
    np.argmin: "argmin",
}


def array_function(
    function: Callable[..., Any], args: tuple[Any, ...], options: dict[str, Any]
) -> Any:
    """Return what a NumPy function gives: of a reduction a tensor, of anything else arrays."""
    name = _REDUCTIONS.get(function)
    if name is not None and isinstance(args[0], Tensor):
        return _reduced(name, *args, **options)
    return function(*_arrays(args), **_arrays(options))


def _arrays(value: Any) -> Any:
    """Return a nest with arrays in the place of tensors."""
    if isinstance(value, Tensor):
        return value.numpy()
    if isinstance(value, dict):
        return {name: _arrays(each) for name, each in value.items()}
    return type(value)(map(_arrays, value)) if type(value) in (list, tuple) else value


def _reduced(
    name: str,
    x: Tensor,
    axis: Any = None,
    dtype: Any = None,
    out: Any = None,
    **options: Any,
) -> Any:
    if out is not None:
        raise TypeError(f"np.{name} of a tensor gives a new one: leave out=")
    unknown = options.keys() - {"keepdims", "ddof", "correction"}
    if unknown:
        raise TypeError(f"np.{name} of a tensor does not take {sorted(unknown)}; use x.numpy()")
    keepdim = bool(options.get("keepdims", False))
    x = x if dtype is None else x.to(dtype)
    if name in ("std", "var"):
        correction = options.get("correction", options.get("ddof", 0))
        return getattr(x, name)(axis, correction=correction, keepdim=keepdim)
    return getattr(x, name)(axis, keepdim=keepdim)
