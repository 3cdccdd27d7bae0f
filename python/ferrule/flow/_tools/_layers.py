"""The modules of a model, and what they give for an example."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from ferrule._core import Tensor
from ferrule.flow._autograd import no_grad
from ferrule.flow._drawing import Output
from ferrule.flow._tensors import as_tensor
from ferrule.flow.nn import Module


@dataclass
class Layer:
    """A module below a model."""

    # Dotted, from the model on.
    name: str
    type: str
    # 1 directly below the model.
    depth: int
    # Its own, not those of modules below it.
    parameters: list[Tensor]
    # Whether all of them are those of layers before it.
    is_shared: bool
    # What it gave last; empty where it was not run.
    shape: str = ""


def layers(model: Module, inputs: Sequence[Any]) -> list[Layer]:
    """Return all modules below `model`, or itself where there are none, in their order."""
    found: list[Layer] = []
    shapes = _shapes(model, inputs) if inputs else {}
    seen: set[int] = set()
    for name, module in _named(model):
        below = {id(one) for child in module.children() for one in child.parameters()}
        own = [one for one in module.parameters() if id(one) not in below]
        shared = bool(own) and all(id(one) in seen for one in own)
        seen |= {id(one) for one in own}
        depth = name.count(".") + 1
        kind = type(module).__name__
        found.append(Layer(name, kind, depth, own, shared, shapes.get(id(module), "")))
    return found


def _named(model: Module) -> Iterator[tuple[str, Module]]:
    """Yield modules by each of their names: one that is used twice is there twice."""
    waiting = [("", model)]
    while waiting:
        prefix, module = waiting.pop()
        children = list(module.named_children())
        below = [(f"{prefix}.{name}" if prefix else name, child) for name, child in children]
        waiting.extend(reversed(below))
        if prefix or not children:
            yield prefix or "(model)", module


def _shapes(model: Module, inputs: Sequence[Any]) -> dict[int, str]:
    """Run the model once, and return the shapes of what its modules give, by their `id`."""
    shapes: dict[int, str] = {}
    with _evaluating(model), _watched(model, shapes), no_grad():
        model(*(_example(model, one) for one in inputs))
    return shapes


def _example(model: Module, value: Any) -> Tensor:
    """Return an input as a tensor; floats in the dtype of the model."""
    if isinstance(value, Tensor):
        return value
    tensor = as_tensor(value)
    own = next((one.dtype for one in model.parameters()), tensor.dtype)
    return tensor.to(own) if tensor.dtype.kind == "f" else tensor


@contextmanager
def _evaluating(model: Module) -> Iterator[None]:
    modes = [(module, module.training) for module in model.modules()]
    model.eval()
    try:
        yield
    finally:
        for module, training in modes:
            module.training = training


@contextmanager
def _watched(model: Module, shapes: dict[int, str]) -> Iterator[None]:
    """Note within what modules give; their classes, and calls elsewhere, know nothing of it."""
    modules = list(model.modules())
    try:
        for module in modules:
            vars(module)["forward"] = _noting(module, module.forward, shapes)
        yield
    finally:
        for module in modules:
            vars(module).pop("forward", None)


def _noting(
    module: Module, forward: Callable[..., Any], shapes: dict[int, str]
) -> Callable[..., Any]:
    def noted(*args: Any, **kwargs: Any) -> Any:
        made = forward(*args, **kwargs)
        shapes[id(module)] = _shape(made)
        return made

    return noted


def _shape(made: Any) -> str:
    if isinstance(made, Tensor):
        return Output(made.dtype.name, made.shape).shape
    if isinstance(made, (list, tuple)):
        return ", ".join(_shape(each) for each in made)
    return type(made).__name__
