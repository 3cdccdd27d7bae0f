"""Which rows of a variable a gradient is about: those that were gathered of it."""

import json

import numpy as np

from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._tensor import Tensor, add, to_tensor
from ferrule.flow.compat.v1._variables import Variable


def gathered_rows(gradient: Tensor, variable: Variable) -> Tensor | None:
    """Return whether each row was gathered, as (rows, 1, …); None where all matter.

    All matter but where the variable is used by lookups of rows alone. TensorFlow's gradient is an
    `IndexedSlices` in that very case.
    """
    places = _places(gradient)
    if not places or not variable.dims:
        return None
    rows, *rest = variable.dims
    shape = to_tensor(np.asarray([rows], np.int32), name="shape", beside=gradient)
    none = add("fill", [shape, to_tensor(0.0, gradient.dtype, "value", gradient)], "fill", None)
    counts = none
    for place in places:
        ones = _e.cast(_e.equal(place, place), gradient.dtype)
        counts = counts + add("scatter_like", [ones, place, none], "rows", None, axis=0)
    wide = [rows, *(1 for _ in rest)]
    return add("reshape", [_e.not_equal(counts, none)], "Reshape", None, shape=wide)


def _places(gradient: Tensor) -> list[Tensor]:
    """Return the indices of the lookups that the gradient is a sum over; none if of more."""
    graph = gradient.graph
    found = []
    left = [(gradient.node, gradient.index)]
    while left:
        node, _ = left.pop()
        op = json.loads(graph.core.op(node))
        inputs = graph.core.inputs(node)
        if op["op"] == "scatter_like" and op["axis"] == 0:
            found.append(graph.tensor(inputs[1], "rows/indices"))
        elif op["op"] == "binary" and op["f"] == "add":
            left += inputs
        else:
            return []
    return found
