"""Operations that users write in Python."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from ferrule.flow.compat.v1 import _dtypes
from ferrule.flow.compat.v1._shapes import as_dims
from ferrule.flow.compat.v1._tensor import Tensor, place, to_tensor


def py_func(
    func: Callable[..., Any],
    inp: Sequence[Any],
    Tout: Any,
    stateful: bool = True,
    name: str | None = None,
) -> Any:
    """Return what a Python function of arrays gives; it has no gradient.

    Parameters
    ----------
    func : function of arrays, to an array or a list of them
    inp : list of tensors
    Tout : DType or list of DType
        Of what `func` gives.

    Notes
    -----
    A graph with such an operation can be neither saved nor served.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.constant([3.0, 1.0, 2.0])
    >>> tf.Session().run(tf.py_func(lambda a: a[::-1], [x], tf.float32))
    array([2., 1., 3.], dtype=float32)
    """
    del stateful
    many = isinstance(Tout, (list, tuple))
    outputs = custom_op(func, list(inp), list(Tout) if many else [Tout], name=name or "PyFunc")
    return outputs if many else outputs[0]


def custom_op(
    forward: Callable[..., Any],
    inputs: Sequence[Any],
    dtypes: Sequence[Any],
    shapes: Sequence[Any] | None = None,
    grad: Callable[..., Any] | None = None,
    name: str = "Custom",
) -> list[Tensor]:
    """Return the outputs of an operation written in Python, with its gradient.

    Parameters
    ----------
    forward : function
        From the arrays of `inputs` to an array, or a list with one for each of `dtypes`.
    inputs : list of tensors
    dtypes : list of DType
    shapes : list of shapes, optional
        Of the outputs; by default unknown.
    grad : function, optional
        From the arrays of inputs, outputs and the gradients of the outputs to the gradients of
        the inputs, each an array, or None for zeros.

    Notes
    -----
    A graph with such an operation can be neither saved nor served.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.constant([1.0, 2.0])
    >>> cube, = tf.custom_op(
    ...     lambda x: x**3, [x], [tf.float32], [[2]], lambda x, y, g: 3 * x**2 * g
    ... )
    >>> tf.Session().run(tf.gradients(cube, x)[0])
    array([ 3., 12.], dtype=float32)
    """
    tensors = [to_tensor(each) for each in inputs]
    kinds = [_dtypes.as_dtype(each) for each in dtypes]
    dims = [None] * len(kinds) if shapes is None else [as_dims(each) for each in shapes]
    graph, placed = place(tensors)
    if graph.outer is not None:
        raise NotImplementedError(
            "functions of Python's cannot run within tf.cond or tf.while_loop in ferrule.flow; run "
            "them before, or choose by tf.where"
        )
    run = _of_arrays(forward, kinds)
    derive = None if grad is None else _of_arrays(grad, [each.dtype for each in tensors], name)
    values = [(each.node, each.index) for each in placed]
    outputs = [(kind.name, shape) for kind, shape in zip(kinds, dims, strict=True)]
    made = graph.made(
        lambda: graph.core.custom(run, derive, values, outputs, control=graph.control), name, name
    )
    return made.outputs


def _of_arrays(
    function: Callable[..., Any], kinds: Sequence[_dtypes.DType], name: str = ""
) -> Callable[..., list[Any]]:
    """Return `function`, which may give one array or a list, as one that gives a list."""

    def call(*arrays: Any) -> list[Any]:
        given = function(*arrays)
        listed = list(given) if isinstance(given, (list, tuple)) else [given]
        if len(listed) != len(kinds):
            raise ValueError(
                f"the function of {name or 'a Python operation'} gave {len(listed)} arrays, "
                f"expected {len(kinds)}"
            )
        return [
            None if each is None else np.asarray(each, kind.numpy, order="C")
            for each, kind in zip(listed, kinds, strict=True)
        ]

    return call
