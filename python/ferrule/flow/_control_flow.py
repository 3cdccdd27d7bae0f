"""Branches and loops by the values of tensors, which traced functions keep."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ferrule import _core
from ferrule._core import Tensor
from ferrule.flow._function import _filled, _flattened
from ferrule.flow._tensors import as_tensor


def cond(
    pred: Any, true_fn: Callable[..., Any], false_fn: Callable[..., Any], *operands: Any
) -> Any:
    """Return ``true_fn(*operands)`` where `pred` is true, else ``false_fn(*operands)``.

    In a traced function both are traced, and each call runs the one that its `pred` says. Outside
    of one it is Python's `if`.

    Parameters
    ----------
    pred : tensor of one truth value, or bool
    true_fn, false_fn : callable
        Each gives a tensor, or a nest (list, tuple, dict) of tensors; both the same nest, of the
        same dtypes and shapes. Tensors of the code around them may be used, and differentiated by,
        but not changed in place; nor may random numbers be drawn within a traced function.
    *operands
        What the functions take.

    Raises
    ------
    TypeError
        Where `pred` is no truth value.
    ValueError
        Where it is several, or the functions that are traced give different nests.

    Examples
    --------
    >>> from ferrule import flow
    >>> @flow.function
    ... def root(x):
    ...     return flow.cond(x > 0, lambda x: x.sqrt(), lambda x: -x, x)
    >>> root(flow.tensor(4.0)), root(flow.tensor(-3.0))
    (tensor(2.), tensor(3.))
    """
    for function in (true_fn, false_fn):
        if not callable(function):
            raise TypeError(f"true_fn and false_fn are functions, got {function!r}")
    if isinstance(pred, (bool, np.bool_)):
        return _as_tensors((true_fn if pred else false_fn)(*operands))
    truth = _truth(pred, "pred")
    if not _core.is_tracing():
        return _as_tensors((true_fn if truth else false_fn)(*operands))
    parts, nests = zip(*(_branch(each, operands) for each in (true_fn, false_fn)), strict=True)
    if nests[0] != nests[1]:
        raise ValueError("true_fn and false_fn must give the same nest of tensors")
    return _filled(nests[0], iter(_core.trace_cond(truth, *parts)))


def while_loop(cond_fn: Callable[..., Any], body_fn: Callable[..., Any], operands: Any) -> Any:
    """Return the operands after `body_fn` has been applied to them as long as `cond_fn` is true.

    In a traced function the loop is a part of its graph, which runs without Python, and so does its
    gradient. Outside of one it is Python's `while`.

    Parameters
    ----------
    cond_fn : callable
        Of the operands, to a tensor of one truth value.
    body_fn : callable
        Of the operands, to as many of the same dtypes and shapes. What `cond` says of its functions
        holds for these.
    operands : tensor, or tuple or list
        Tensors, numbers, or nests (list, tuple, dict) of them.

    Returns
    -------
    tensor, or tuple
        As `operands` are.

    Raises
    ------
    TypeError
        Where `cond_fn` gives no truth value, or `body_fn` one value for several.
    ValueError
        Where `cond_fn` gives several truth values, or `body_fn` other dtypes or shapes than it
        takes.

    Examples
    --------
    >>> from ferrule import flow
    >>> @flow.function
    ... def power(x, n):
    ...     return flow.while_loop(lambda i, y: i < n, lambda i, y: (i + 1, y * x), (0, 1.0))[1]
    >>> power(flow.tensor(2.0), flow.tensor(5))
    tensor(32.)
    >>> flow.grad(power)(flow.tensor(2.0), flow.tensor(5))
    tensor(80.)
    """
    is_several = isinstance(operands, (list, tuple))
    carried = _as_tensors(tuple(operands) if is_several else (operands,))
    tensors: list[Tensor] = []
    nest = _flattened(carried, tensors, is_result=True)
    if _core.is_tracing():
        tensors = _traced_loop(cond_fn, body_fn, nest, tensors)
    else:
        while _truth(cond_fn(*_filled(nest, iter(tensors))), "cond_fn(...)"):
            tensors = _step(body_fn, nest, tensors)
    made = _filled(nest, iter(tensors))
    return made if is_several else made[0]


def _traced_loop(
    cond_fn: Callable[..., Any], body_fn: Callable[..., Any], nest: Any, tensors: list[Tensor]
) -> list[Tensor]:
    def test(*given: Tensor) -> list[Tensor]:
        truth = _truth(cond_fn(*_filled(nest, iter(given))), "cond_fn(...)")
        return [truth.reshape(())]

    parts = [_part(test, tensors), _part(lambda *given: _step(body_fn, nest, given), tensors)]
    return _core.trace_while(tensors, *parts)


def _branch(function: Callable[..., Any], operands: Sequence[Any]) -> tuple[_core.TracedPart, Any]:
    """Trace a branch; return it and the nest that it gives."""
    nests = []

    def outputs() -> list[Tensor]:
        tensors: list[Tensor] = []
        nests.append(_flattened(_as_tensors(function(*operands)), tensors, is_result=True))
        return tensors

    return _part(outputs, []), nests[0]


def _part(function: Callable[..., list[Tensor]], like: list[Tensor]) -> _core.TracedPart:
    """Trace a part of the function that is being traced."""
    symbols = _core.part_begin(like)
    try:
        return _core.part_end(function(*symbols))
    except BaseException:
        _core.part_abort()
        raise


def _step(body_fn: Callable[..., Any], nest: Any, given: Sequence[Tensor]) -> list[Tensor]:
    """Return what `body_fn` makes of the tensors of a nest."""
    operands = _filled(nest, iter(given))
    made = body_fn(*operands)
    if len(operands) == 1 and not (isinstance(made, (list, tuple)) and len(made) == 1):
        made = (made,)
    tensors: list[Tensor] = []
    if not isinstance(made, (list, tuple)):
        raise TypeError(f"body_fn must give {len(operands)} values, got {type(made).__name__}")
    if _flattened(_as_tensors(tuple(made)), tensors, is_result=True) != nest:
        raise ValueError("body_fn must give as many values, in the same nests, as it takes")
    for before, after in zip(given, tensors, strict=True):
        if (before.dtype, before.shape) != (after.dtype, after.shape):
            raise ValueError(
                f"body_fn gives {after.dtype} {after.shape} for an operand that is {before.dtype} "
                f"{before.shape}: dtypes and shapes must stay; cast or reshape it"
            )
    return tensors


def _truth(value: Any, name: str) -> Tensor:
    """Return the tensor of one truth value that `value` is."""
    truth = as_tensor(value)
    if truth.dtype != np.bool_:
        raise TypeError(f"{name} must be a truth value, got {truth.dtype}: compare it, as in x > 0")
    if truth.numel() != 1:
        raise ValueError(
            f"{name} must be one truth value, got shape {truth.shape}: use any() or all()"
        )
    return truth


def _as_tensors(nest: Any) -> Any:
    """Return a nest with its numbers and arrays as tensors."""
    if nest is None:
        return None
    if isinstance(nest, dict):
        return {key: _as_tensors(value) for key, value in nest.items()}
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return type(nest)(*(_as_tensors(value) for value in nest))
    if isinstance(nest, (list, tuple)):
        return type(nest)(_as_tensors(value) for value in nest)
    return as_tensor(nest)
