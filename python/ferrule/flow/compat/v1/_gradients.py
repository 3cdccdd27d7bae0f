"""Gradients."""

from collections.abc import Sequence
from typing import Any

from ferrule.errors import FerruleError
from ferrule.flow._where import quoted, user_line
from ferrule.flow.compat.v1._graph import Graph
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, Value, to_tensor
from ferrule.flow.compat.v1._variables import Variable
from ferrule.flow.compat.v1.errors import as_op_error


def gradients(
    ys: Any,
    xs: Any,
    grad_ys: Any = None,
    name: str = "gradients",
    colocate_gradients_with_ops: bool = False,
    gate_gradients: Any = False,
    aggregation_method: Any = None,
    stop_gradients: Any = None,
    unconnected_gradients: str = "none",
) -> list[Tensor | None]:
    """Return the derivatives of the sum of all elements of `ys` by each of `xs`.

    Parameters
    ----------
    ys, xs : tensor, variable or list of them
    grad_ys : tensor, list of tensors or None
        The gradient that each of `ys` begins with, of its shape; by default ones.
    unconnected_gradients : {"none", "zero"}
        What is given for one of `xs` that no `y` depends on.

    Returns
    -------
    list of tensors, each of the shape of its `x`, or None

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.constant([1.0, 2.0])
    >>> dy, = tf.gradients(x * x, x)
    >>> tf.Session().run(dy)
    array([2., 4.], dtype=float32)
    """
    del colocate_gradients_with_ops, gate_gradients, aggregation_method
    if stop_gradients is not None:
        raise NotImplementedError(
            "stop_gradients= is not in ferrule.flow; put tf.stop_gradient(x) where x is used"
        )
    outputs = [to_tensor(y) for y in _listed(ys)]
    targets = _listed(xs)
    for x in targets:
        if not isinstance(x, Value):
            raise TypeError(f"xs must be tensors or variables, got {x!r}")
    seeds = [None] * len(outputs) if grad_ys is None else _seeds(outputs, _listed(grad_ys))
    graph = outputs[0].graph
    found = _of_values(graph, outputs, targets, seeds, name)
    if str(unconnected_gradients) in {"zero", "UnconnectedGradients.ZERO"}:
        return [_zeros(x) if g is None else g for x, g in zip(targets, found, strict=True)]
    return found


def _of_values(
    graph: Graph,
    outputs: list[Tensor],
    targets: Sequence[Value],
    seeds: Sequence[Tensor | None],
    name: str,
) -> list[Tensor | None]:
    """Return the gradient by each target; of a variable, the sum over all its reads."""
    reads = [x.reads if isinstance(x, Variable) else [x.as_tensor()] for x in targets]
    flat = [(read.node, read.index) for each in reads for read in each]
    try:
        values = graph.core.gradients(
            [(y.node, y.index) for y in outputs],
            flat,
            [None if seed is None else (seed.node, seed.index) for seed in seeds],
        )
    except FerruleError as error:
        where = f"at {quoted(user_line())}"
        node = getattr(error, "node", None)
        operation = None if node is None else graph.maker(node)
        if operation is not None:
            where = f"of operation {operation.name!r}, made at {operation.line}; {where}"
        raise as_op_error(error, operation, f"{error} ({where})") from None
    left = iter(values)
    result: list[Tensor | None] = []
    for each in reads:
        parts = [value for value in (next(left) for _ in each) if value is not None]
        tensors = [graph.tensor(part, f"{name}/grad") for part in parts]
        result.append(_sum(tensors))
    return result


def _sum(tensors: list[Tensor]) -> Tensor | None:
    total = None
    for tensor in tensors:
        total = tensor if total is None else total + tensor
    return total


def _seeds(outputs: list[Tensor], grad_ys: list[Convertible]) -> list[Tensor | None]:
    if len(grad_ys) != len(outputs):
        raise ValueError(f"expected {len(outputs)} grad_ys, one a y, got {len(grad_ys)}")
    pairs = zip(outputs, grad_ys, strict=True)
    return [None if seed is None else to_tensor(seed, y.dtype, "grad_ys") for y, seed in pairs]


def _zeros(x: Value) -> Tensor:
    return x.as_tensor() * 0


def _listed(values: Any) -> list[Any]:
    return list(values) if isinstance(values, (list, tuple)) else [values]
