"""What models and graphs are made of, as a table."""

from collections.abc import Sequence
from typing import Any

from ferrule._core import Tensor
from ferrule._words import counted
from ferrule.flow._drawing import Drawing, Node, drawing
from ferrule.flow._tools._layers import Layer, layers
from ferrule.flow._tools._table import Table, in_bytes, shortened
from ferrule.flow.nn import Module

_NAME_MAX = 48


class Summary:
    """A table of a model; `print` shows it, and notebooks do.

    Attributes
    ----------
    rows : list of tuple of str
        What the table has: name, type, output shape, parameters, bytes.
    parameters : int
        Elements of all parameters, or variables; what is shared counts once.
    trainable : int
        Those that gradients are taken by.
    bytes : int
        Of parameters and buffers.
    """

    def __init__(
        self, title: str, rows: list[tuple[str, ...]], tensors: list[tuple[int, int, bool, bool]]
    ) -> None:
        self.rows = rows
        self.parameters = sum(count for count, _, is_parameter, _ in tensors if is_parameter)
        self.trainable = sum(count for count, _, _, is_trained in tensors if is_trained)
        self.bytes = sum(size for _, size, _, _ in tensors)
        columns = ("Name", "Type", "Output shape", ">Parameters", ">Bytes")
        notes = [
            f"{counted(self.parameters, 'parameter')}, {self.trainable:,} of them trained, "
            f"{in_bytes(self.bytes)} with what is kept beside them"
        ]
        self._table = Table(title, columns, rows, notes)

    def __str__(self) -> str:
        return self._table.text()

    def __repr__(self) -> str:
        return self._table.text()

    def _repr_html_(self) -> str:
        return self._table.html()


def summary(model: Any, *inputs: Any, depth: int | None = 3) -> Summary:
    """Return a table of what a model is made of.

    Parameters
    ----------
    model : flow.nn.Module, flow.function, or Graph of ferrule.flow.compat.v1
        Of a function, the graph that it was traced into for `inputs`, or last.
    *inputs : array or tensor
        Examples of what the model takes. A module is run on them once, as in evaluation, so that
        the table has the shapes of what its layers give. A graph takes none.
    depth : int or None
        How many levels of modules, or of name scopes, the table has; None for all. What is deeper
        is part of the row that it is in.

    Returns
    -------
    Summary

    Raises
    ------
    TypeError
        For anything else, or a function that was not traced yet and is given no inputs.

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> print(flow.summary(model, flow.zeros(2, 4)))
    Sequential
    ─────────────────────────────────────────────
    Name  Type    Output shape  Parameters  Bytes
    ─────────────────────────────────────────────
    0     Linear  (2, 8)                40  160 B
    1     ReLU    (2, 8)
    2     Linear  (2, 3)                27  108 B
    ─────────────────────────────────────────────
    67 parameters, 67 of them trained, 268 B with what is kept beside them
    >>> flow.summary(model).parameters
    67
    """
    if depth is not None and depth < 1:
        raise ValueError(f"depth is at least 1, or None for all levels; got {depth}")
    if isinstance(model, Module):
        return _of_module(model, inputs, depth)
    return _of_drawing(drawing(model, inputs), depth)


def _of_module(model: Module, inputs: Sequence[Any], depth: int | None) -> Summary:
    found = layers(model, inputs)
    shown = [layer for layer in found if depth is None or layer.depth <= depth]
    rows = [_row_of_layer(layer, found, depth) for layer in shown]
    unique = {id(tensor): (tensor, False) for tensor in model.buffers()}
    unique |= {id(tensor): (tensor, True) for tensor in model.parameters()}
    tensors = [_measured(tensor, is_parameter) for tensor, is_parameter in unique.values()]
    return Summary(type(model).__name__, rows, tensors)


def _measured(tensor: Tensor, is_parameter: bool) -> tuple[int, int, bool, bool]:
    size = tensor.numel() * tensor.dtype.itemsize
    return tensor.numel(), size, is_parameter, is_parameter and tensor.requires_grad


def _row_of_layer(layer: Layer, found: list[Layer], depth: int | None) -> tuple[str, ...]:
    """Return the row of a layer; with those below it where they have none of their own."""
    below = layer.depth == depth
    inner = [
        one for one in found if one is layer or (below and one.name.startswith(f"{layer.name}."))
    ]
    tensors = {id(tensor): tensor for one in inner for tensor in one.parameters}
    count = sum(tensor.numel() for tensor in tensors.values())
    size = sum(tensor.numel() * tensor.dtype.itemsize for tensor in tensors.values())
    name = f"{'  ' * (layer.depth - 1)}{layer.name.rpartition('.')[2]}"
    shared = " (shared)" if layer.is_shared else ""
    return (
        f"{name}{shared}",
        layer.type,
        layer.shape,
        f"{count:,}" if count else "",
        in_bytes(size) if count else "",
    )


def _of_drawing(made: Drawing, depth: int | None) -> Summary:
    groups: dict[str, list[Node]] = {}
    for node in made.nodes.values():
        parts = node.name.split("/")
        key = node.name if depth is None or len(parts) <= depth else "/".join(parts[:depth]) + "/"
        groups.setdefault(key, []).append(node)
    rows = [_row_of_nodes(name, nodes) for name, nodes in groups.items()]
    held = [node for node in made.nodes.values() if node.is_parameter]
    tensors = [
        (out.elements or 0, out.bytes or 0, True, node.is_trained)
        for node in held
        for out in node.outputs
    ]
    return Summary(made.title, rows, tensors)


def _row_of_nodes(name: str, nodes: list[Node]) -> tuple[str, ...]:
    """Return the row of one operation, or of all in a scope."""
    variables = [out for node in nodes if node.is_parameter for out in node.outputs]
    count = sum(out.elements or 0 for out in variables)
    one = nodes[0] if len(nodes) == 1 else None
    shapes = [str(output) for output in one.outputs] if one else []
    sizes = [out.bytes for out in (one.outputs if one else variables)]
    known = None if None in sizes else sum(size or 0 for size in sizes)
    return (
        shortened(name, _NAME_MAX),
        one.kind if one else counted(len(nodes), "operation"),
        ", ".join(shapes),
        f"{count:,}" if count else "",
        in_bytes(known) if sizes else "",
    )
