"""Functions and modules as graphs that a server runs."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from ferrule import _core
from ferrule._core import Tensor
from ferrule.errors import InvalidArgumentError, UnimplementedError
from ferrule.flow._autograd import no_grad
from ferrule.flow._tensors import as_tensor

# Sizes that stand for any number of rows while a function is traced; what it does must not differ.
_ROWS = (2, 3)


def save(
    function: Callable[..., Any],
    place: str,
    inputs: Mapping[str, Any],
    outputs: Any,
    facts: str,
    names: Mapping[int, str],
) -> str:
    """Save what `function` does with `inputs` at `place` and return the digest.

    Parameters
    ----------
    function : callable
        Of one tensor for each of `inputs`, in their order, to a tensor or several.
    inputs : mapping of str to array or tensor
        One example each; its first size stands for any.
    outputs : sequence of str or None
        Names of what the function gives; ``output``, or ``output_0`` and so on, by default.
    names : mapping of int to str
        Names of tensors of the code around the function, by their `id`.
    """
    examples = [as_tensor(example) for example in inputs.values()]
    first, again = (_traced(function, examples, rows) for rows in _ROWS)
    compiled, made = first
    if compiled.has_effects:
        raise UnimplementedError(
            "a model that draws random numbers or changes tensors cannot be served: leave that to "
            "training, as Dropout does, and call eval()"
        )
    ports = _names(outputs, len(made))
    shapes = [[None, *example.shape[1:]] if example.ndim else [] for example in examples]
    general = compiled.generalized(again[0], shapes)
    if general is None:
        raise InvalidArgumentError(
            "the model does other operations for other numbers of rows, so it cannot be saved for "
            "any: leave that size open, with flatten() or with -1 in reshape()"
        )
    graph, given, found = general
    weights = {
        number: (names.get(id(tensor), f"tensor_{number}"), np.asarray(tensor))
        for number, tensor in enumerate(compiled.captured())
    }
    named_inputs = list(zip(inputs, given, strict=True))
    named_outputs = list(zip(ports, found, strict=True))
    return _core.save_graph(place, graph, named_inputs, named_outputs, weights, facts)


def _traced(
    function: Callable[..., Any], examples: Sequence[Tensor], rows: int
) -> tuple[_core.CompiledFunction, list[Tensor]]:
    """Trace the function for so many rows of each example."""
    symbols = _core.trace_begin([_of_rows(example, rows) for example in examples])
    try:
        with no_grad():
            made = _outputs(function(*symbols))
        return _core.trace_end(made), made
    except BaseException:
        _core.trace_abort()
        raise


def _of_rows(example: Tensor, rows: int) -> Tensor:
    if not example.ndim:
        return example
    return as_tensor(np.resize(example.numpy(), (rows, *example.shape[1:])))


def _outputs(result: Any) -> list[Tensor]:
    made = list(result) if isinstance(result, (tuple, list)) else [result]
    for one in made:
        if not isinstance(one, Tensor):
            raise InvalidArgumentError(
                f"a model that is saved gives a tensor or several, not {type(one).__name__}"
            )
    return made


def _names(outputs: Any, count: int) -> list[str]:
    """Return a name for each output."""
    if outputs is None:
        return ["output"] if count == 1 else [f"output_{place}" for place in range(count)]
    names = [outputs] if isinstance(outputs, str) else list(outputs)
    if (
        len(names) != count
        or len(set(names)) != count
        or not all(isinstance(x, str) for x in names)
    ):
        raise InvalidArgumentError(
            f"the model gives {count} tensors; outputs={outputs!r} names others"
        )
    return names
