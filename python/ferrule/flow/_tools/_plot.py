"""Graphs as pictures."""

import os
from pathlib import Path
from typing import Any

from ferrule.data._durable import replacing, write_all
from ferrule.flow._drawing import Drawing, Node, Port, drawing
from ferrule.flow._tools._layout import Label, picture
from ferrule.flow._tools._svg import svg


class Plot:
    """A picture of a graph; notebooks show it.

    Attributes
    ----------
    svg : str
        The picture.
    """

    def __init__(self, text: str, count: int) -> None:
        self.svg = text
        self._count = count

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the picture to a file, whole or not at all.

        Raises
        ------
        ferrule.errors.NotFoundError
            Where the folder is missing.
        ferrule.errors.StorageError
            Where the file cannot be written.
        """
        with replacing(Path(path).expanduser()) as file:
            write_all(file, self.svg.encode())

    def __repr__(self) -> str:
        return (
            f"<Plot of {self._count} operations, {len(self.svg):,} characters of SVG; see save()>"
        )

    def _repr_svg_(self) -> str:
        return self.svg


def plot(graph: Any, *inputs: Any, path: str | os.PathLike[str] | None = None) -> Plot:
    """Draw a graph: operations from the top down, name scopes as boxes, shapes on the lines.

    Constants stand in the operations that take them. Where the mouse rests on an operation, its
    type and the line that made it are shown.

    Parameters
    ----------
    graph : flow.function, flow.nn.Module, or Graph, tensors, operations of compat.v1
        Of a function, the graph that it was traced into for `inputs`, or last. Of tensors and
        operations, one or a list, what they depend on.
    *inputs : array or tensor
        Examples of what a function or a module takes.
    path : path-like, optional
        Where the picture is written too.

    Returns
    -------
    Plot

    Raises
    ------
    TypeError
        For anything else, or a function that was not traced yet and is given no inputs.

    Examples
    --------
    >>> from ferrule import flow
    >>> @flow.function
    ... def norm(x):
    ...     return (x * x).sum().sqrt()
    >>> flow.plot(norm, flow.ones(3)).svg[:4]
    '<svg'
    """
    if any(isinstance(each, (str, os.PathLike)) for each in inputs):
        raise TypeError("where the picture goes is named: plot(graph, path=...)")
    made = drawing(graph, inputs)
    if not made.nodes:
        raise ValueError("the graph has no operations to draw")
    labels = _labels(made)
    plotted = Plot(svg(made, labels, picture(labels)), len(labels))
    if path is not None:
        plotted.save(path)
    return plotted


def _labels(made: Drawing) -> dict[int, Label]:
    """Return what is drawn: all but constants that others take."""
    results = {port[0] for port in made.results}
    taken = {port[0] for node in made.nodes.values() for port in node.inputs}

    def is_drawn(node: Node) -> bool:
        alone = node.number not in taken or node.number in results
        return node.kind != "constant" or alone

    drawn = {number: node for number, node in made.nodes.items() if is_drawn(node)}
    return {number: _label(node, made, drawn) for number, node in drawn.items()}


def _label(node: Node, made: Drawing, drawn: dict[int, Node]) -> Label:
    inputs = tuple(port for port in node.inputs if port[0] in drawn)
    constants = [
        _constant(made.nodes[port[0]], port) for port in node.inputs if port[0] not in drawn
    ]
    name = node.name.rpartition("/")[2]
    lines = [name] if name.startswith(node.kind) else [name, node.kind]
    return Label(node, (*lines, *constants[:4]), inputs)


def _constant(node: Node, port: Port) -> str:
    output = node.outputs[port[1]]
    return node.value or f"constant {output.shape}"
