"""Graphs as tools look at them: nodes with names, whatever face made them."""

import functools
import inspect
import types
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy as np

from ferrule import _core
from ferrule._core import Tensor

Dims: TypeAlias = tuple[int | None, ...] | None
Port: TypeAlias = tuple[int, int]

# What the operations are called that only hold a value.
SOURCES = ("constant", "placeholder", "variable")


@dataclass(frozen=True)
class Output:
    """What an operation gives: a NumPy dtype's name, and sizes, None where they are not known."""

    dtype: str
    dims: Dims

    @property
    def shape(self) -> str:
        """The shape, such as ``(?, 3)``."""
        if self.dims is None:
            return "?"
        sizes = ["?" if size is None else str(size) for size in self.dims]
        return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"

    def __str__(self) -> str:
        return self.shape if self.dtype == "float32" else f"{self.shape} {self.dtype}"

    @property
    def elements(self) -> int | None:
        """How many elements there are, where that is known."""
        if self.dims is None or None in self.dims:
            return None
        return int(np.prod([size for size in self.dims if size is not None], dtype=np.int64))

    @property
    def bytes(self) -> int | None:
        """How many bytes its elements take, where that is known."""
        elements = self.elements
        return None if elements is None else elements * np.dtype(self.dtype).itemsize


@dataclass(frozen=True)
class Node:
    """An operation of a graph."""

    number: int
    # Unique; slashes separate the scopes that it is in.
    name: str
    # What the engine calls the operation, such as "mat_mul".
    kind: str
    inputs: tuple[Port, ...]
    controls: tuple[int, ...]
    outputs: tuple[Output, ...]
    # The line that made it, such as "train.py:12: `y = a + b`"; empty where it is not known.
    line: str = ""
    # Whether it is a variable, which others may read too, and is trained.
    is_parameter: bool = False
    is_trained: bool = False
    # Of a constant of one number, that.
    value: str = ""


@dataclass(frozen=True)
class Drawing:
    """Operations, by number, and which of their values are given back."""

    title: str
    nodes: dict[int, Node]
    results: tuple[Port, ...] = field(default=())

    def behind(self, numbers: Iterable[int]) -> "Drawing":
        """Return what these operations depend on, with themselves."""
        found: set[int] = set()
        waiting = list(numbers)
        while waiting:
            number = waiting.pop()
            if number not in found:
                found.add(number)
                node = self.nodes[number]
                waiting += [*(port[0] for port in node.inputs), *node.controls]
        return replace(self, nodes={n: node for n, node in self.nodes.items() if n in found})

    def giving(self, title: str, result: Port) -> "Drawing":
        """Return the same under another title, with one value given back."""
        return replace(self, title=title, results=(result,))


@runtime_checkable
class Drawable(Protocol):
    """What can be looked at as a graph."""

    def __ferrule_drawing__(self, inputs: Sequence[Any]) -> Drawing:
        """Return its graph for such inputs."""


def drawing(target: Any, inputs: Sequence[Any]) -> Drawing:
    """Return the graph of a model, a function, or what has one itself.

    Raises
    ------
    TypeError
        For anything else.
    """
    if isinstance(target, Drawable):
        return target.__ferrule_drawing__(inputs)
    if isinstance(target, (list, tuple)) and target and isinstance(target[0], Drawable):
        drawings = [each.__ferrule_drawing__(inputs) for each in target]
        nodes = {number: node for each in drawings for number, node in each.nodes.items()}
        results = tuple(port for each in drawings for port in each.results)
        return Drawing(drawings[0].title, dict(sorted(nodes.items())), results)
    raise TypeError(
        f"expected a flow.nn.Module, a flow.function or a graph of ferrule.flow.compat.v1, got "
        f"{type(target).__name__}"
    )


def node_of(core: _core.FlowGraph, number: int, name: str, **facts: Any) -> Node:
    """Return what is known of a node of the engine's."""
    outputs = [
        Output(core.dtype(number, index), core.shape(number, index))
        for index in range(core.n_outputs(number))
    ]
    kind, inputs = core.kind(number), tuple(core.inputs(number))
    value = core.scalar(number) if kind == "constant" else None
    text = "" if value is None else f"{value:.6g}"
    controls = tuple(core.control(number))
    return Node(number, name, kind, inputs, controls, tuple(outputs), value=text, **facts)


def drawing_of_trace(
    compiled: _core.CompiledFunction, function: Callable[..., Any], title: str
) -> Drawing:
    """Return the graph of a traced function."""
    core, given, results = compiled.graph()
    captured = iter(compiled.captured())
    places = {
        port[0]: name for port, name in zip(given, _inputs(function, len(given)), strict=True)
    }
    around = _names_around(function)
    lines = compiled.lines()
    taken: dict[str, int] = {}
    nodes = {}
    for number in range(core.n_nodes):
        kind = core.kind(number)
        tensor = next(captured) if kind == "variable" else None
        wanted = (
            around.get(id(tensor), "captured") if tensor is not None else places.get(number, kind)
        )
        nodes[number] = node_of(
            core,
            number,
            _unique(wanted, taken),
            line=lines[number],
            is_parameter=tensor is not None,
            is_trained=tensor is not None and tensor.requires_grad,
        )
    return Drawing(title, nodes, tuple(results))


def _unique(name: str, taken: dict[str, int]) -> str:
    count = taken.get(name, 0)
    taken[name] = count + 1
    return f"{name}_{count}" if count else name


def _inputs(function: Callable[..., Any], count: int) -> list[str]:
    """Return names for the tensors that a function takes."""
    called = getattr(function, "forward", function)
    names = list(inspect.signature(called).parameters)
    return names if len(names) == count else [f"input_{place}" for place in range(count)]


def _names_around(function: Callable[..., Any]) -> dict[int, str]:
    """Return names of the tensors that a function finds around itself, by their `id`."""
    if hasattr(function, "named_parameters"):
        return {id(tensor): name for name, tensor in function.named_parameters()}
    plain = function
    while isinstance(plain, (functools.partial, types.MethodType)):
        plain = plain.func if isinstance(plain, functools.partial) else plain.__func__
    if not isinstance(plain, types.FunctionType):
        return {}
    found = inspect.getclosurevars(plain)
    around = {**found.globals, **found.nonlocals, "self": getattr(function, "__self__", None)}
    names: dict[int, str] = {}
    for name, value in around.items():
        if isinstance(value, Tensor):
            names[id(value)] = name
        if hasattr(value, "named_parameters"):
            inner = ((f"{name}.{part}", tensor) for part, tensor in value.named_parameters())
            names.update({id(tensor): part for part, tensor in inner})
    return names
