"""Gradients of functions."""

import functools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from ferrule import _core
from ferrule._core import Tensor
from ferrule.flow._tensors import as_tensor, zeros_like


@contextmanager
def no_grad() -> Iterator[None]:
    """Within it, or within a function it decorates, operations are not remembered for gradients.

    Examples
    --------
    >>> from ferrule import flow
    >>> w = flow.ones(2, requires_grad=True)
    >>> with flow.no_grad():
    ...     w -= 0.5
    >>> w.is_leaf, w.tolist()
    (True, [0.5, 0.5])
    """
    before = _core.set_grad_enabled(False)
    try:
        yield
    finally:
        _core.set_grad_enabled(before)


@contextmanager
def enable_grad() -> Iterator[None]:
    """Within it operations are remembered, also where `no_grad` is around it."""
    before = _core.set_grad_enabled(True)
    try:
        yield
    finally:
        _core.set_grad_enabled(before)


def value_and_grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Callable[..., tuple[Any, Any]]:
    """Return a function that gives what `function` gives and its gradient.

    Parameters
    ----------
    function : callable
        Gives a tensor of one number; with `has_aux` a pair of that and anything else.
    argnums : int or sequence of int
        The arguments that the gradient is taken by. They may be tensors, arrays or numbers, and
        nests (lists, tuples, dicts) of them.

    Returns
    -------
    callable
        Of the same arguments, to (value, gradient); the gradient has the nest of the argument, and
        is a tuple where `argnums` is a sequence. It can be differentiated again.

    Raises
    ------
    ValueError
        Where what `function` gives is not one number.

    Examples
    --------
    >>> from ferrule import flow
    >>> value, slope = flow.value_and_grad(lambda x: (x * x).sum())([1.0, 2.0])
    >>> value, slope
    (tensor(5.), tensor([2., 4.]))
    """
    if not callable(function):
        raise TypeError(
            f"a gradient is taken of a function, not of a {type(function).__name__}: use "
            "loss.backward() and x.grad, or flow.grad(lambda x: ...)(x)"
        )
    places = (argnums,) if isinstance(argnums, int) else tuple(argnums)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> tuple[Any, Any]:
        given = list(args)
        leaves: list[Tensor] = []
        for place in places:
            given[place] = _map(lambda leaf: _variable(leaf, leaves), args[place])
        again = any(x.requires_grad for place in places for x in _tensors(args[place]))
        with enable_grad():
            result = function(*given, **kwargs)
            value, rest = result if has_aux else (result, None)
            _check_scalar(value)
            grads = iter(_gradients([value], [None], leaves, again=again))
        nests = tuple(_map(lambda _: next(grads), given[place]) for place in places)
        value = value if again else value.detach()
        return (value, rest) if has_aux else value, nests[0] if isinstance(argnums, int) else nests

    return wrapped


def grad(
    function: Callable[..., Any], argnums: int | Sequence[int] = 0, *, has_aux: bool = False
) -> Callable[..., Any]:
    """Return a function that gives the gradient of `function`; see `value_and_grad`.

    Examples
    --------
    >>> from ferrule import flow
    >>> cube = lambda x: x**3
    >>> flow.grad(flow.grad(cube))(2.0)
    tensor(12.)
    """
    both = value_and_grad(function, argnums, has_aux=has_aux)

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> Any:
        value, gradient = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def vjp(function: Callable[..., Any], *primals: Any) -> tuple[Any, Callable[..., tuple[Any, ...]]]:
    """Return what `function` gives, and the product of vectors with its Jacobian.

    Returns
    -------
    outputs : tensor or tuple of tensors
    pullback : callable
        Of one tensor for each output, to a tuple of one tensor for each of `primals`.

    Examples
    --------
    >>> from ferrule import flow
    >>> y, pullback = flow.vjp(lambda x: x * x, flow.tensor([1.0, 2.0]))
    >>> pullback(flow.tensor([1.0, 10.0]))
    (tensor([ 2., 40.]),)
    """
    leaves: list[Tensor] = []
    given = [_variable(primal, leaves) for primal in primals]
    with enable_grad():
        result = function(*given)
    outputs = list(result) if isinstance(result, (tuple, list)) else [result]

    def pullback(*weights: Any) -> tuple[Any, ...]:
        if len(weights) != len(outputs):
            raise ValueError(
                f"{len(outputs)} vectors are expected, one an output; got {len(weights)}"
            )
        pairs = zip(weights, outputs, strict=True)
        vectors = [as_tensor(weight, output.dtype) for weight, output in pairs]
        for vector, output in zip(vectors, outputs, strict=True):
            if vector.shape != output.shape:
                raise ValueError(
                    f"a vector of shape {vector.shape} for an output of {output.shape}"
                )
        return tuple(_gradients(outputs, vectors, leaves, again=False))

    return result, pullback


def custom_op(
    forward: Callable[..., Any], grad: Callable[..., Any] | None = None
) -> Callable[..., Any]:
    """Return an operation written in Python, of tensors.

    Parameters
    ----------
    forward : callable
        From NumPy arrays to an array, or a list of several.
    grad : callable, optional
        From inputs, outputs and the gradients of the outputs, all arrays, one after the other, to
        the gradients by the inputs: one array or None each.

    Notes
    -----
    It cannot be part of a traced function, nor of a model that is served natively.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule import flow
    >>> cosine = flow.custom_op(np.cos, lambda x, y, dy: -np.sin(x) * dy)
    >>> round(flow.grad(lambda x: cosine(x))(0.5).item(), 4)
    -0.4794
    """
    made = _core.TensorFunction(forward, grad)

    def apply(*inputs: Any) -> Any:
        return made(*[as_tensor(one) for one in inputs])

    return functools.wraps(forward, updated=())(apply) if hasattr(forward, "__name__") else apply


def _variable(leaf: Any, leaves: list[Tensor]) -> Tensor:
    x = as_tensor(leaf)
    if x.dtype.kind != "f":
        raise TypeError(f"a gradient is taken by floats, not by {x.dtype}: cast with .float()")
    leaves.append(x.as_variable())
    return leaves[-1]


def _check_scalar(value: Any) -> None:
    if not isinstance(value, Tensor) or value.numel() != 1:
        got = f"shape {value.shape}" if isinstance(value, Tensor) else type(value).__name__
        raise ValueError(
            f"the function must give a tensor of one number, got {got}: take its sum() or mean()"
        )


def _gradients(
    ys: Sequence[Tensor], weights: Sequence[Tensor | None], xs: Sequence[Tensor], *, again: bool
) -> list[Tensor]:
    made = _core.tensor_gradients(list(ys), list(weights), list(xs), again)
    pairs = zip(made, xs, strict=True)
    return [zeros_like(x) if one is None else one for one, x in pairs]


def _map(function: Callable[[Any], Any], nest: Any) -> Any:
    if isinstance(nest, dict):
        return {key: _map(function, value) for key, value in nest.items()}
    if isinstance(nest, tuple) and hasattr(nest, "_fields"):
        return type(nest)(*(_map(function, value) for value in nest))
    if isinstance(nest, tuple) or (isinstance(nest, list) and any(_is_nest(x) for x in nest)):
        return type(nest)(_map(function, value) for value in nest)
    return function(nest)


def _is_nest(value: Any) -> bool:
    return isinstance(value, (Tensor, dict, tuple)) or hasattr(value, "__array__")


def _tensors(nest: Any) -> Iterator[Tensor]:
    found: list[Tensor] = []
    _map(lambda leaf: found.append(leaf) if isinstance(leaf, Tensor) else None, nest)
    return iter(found)
