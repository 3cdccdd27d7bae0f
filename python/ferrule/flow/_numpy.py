"""NumPy's functions of tensors."""

import operator
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
