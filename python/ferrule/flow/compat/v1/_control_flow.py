"""Branches and loops."""

from collections.abc import Callable, Sequence
from typing import Any

from ferrule.flow.compat.v1 import _dtypes
from ferrule.flow.compat.v1._graph import Graph
from ferrule.flow.compat.v1._shapes import Dims, as_dims
from ferrule.flow.compat.v1._tensor import (
    Convertible,
    Tensor,
    Value,
    default_graph,
    operation,
    place,
    to_tensor,
)


class _Inside(Graph):
    """The graph of a branch or a loop; what it uses of the graph around it becomes an input."""

    def __init__(self, outer: Graph) -> None:
        super().__init__()
        self._outer = outer
        self.names.scope = outer.names.scope
        self.seed = outer.seed
        # What stands for values of the graph around it, in the order of their first use.
        self.inputs: dict[Value, Value] = {}

    @property
    def outer(self) -> Graph:
        """The graph around it."""
        return self._outer

    def captured(self, value: Value) -> Value:
        """Return what stands in this graph for a value of a graph around it."""
        if value.graph is self:
            return value
        around = self._outer.captured(value)
        if around not in self.inputs:
            # Numbers that nobody derives by are repeated within, where shapes may need them.
            if around.known is not None and not around.dtype.is_floating:
                self.inputs[around] = self.constant(around.known, f"{around.op.name}/")
            else:
                self.inputs[around] = self.input(around.dtype, around.dims)
        return self.inputs[around]

    def input(self, dtype: _dtypes.DType, dims: Dims) -> Tensor:
        """Return a new input."""
        attributes = {"dtype": dtype.code, "shape": None if dims is None else list(dims)}
        return self.add("placeholder", [], "input", attributes).outputs[0]

    def captures(self) -> list[Value]:
        """Return the values of the graph around it that it must be given."""
        return [each for each, inner in self.inputs.items() if inner.op.type == "Placeholder"]

    def number(self, inputs: Sequence[Value], outputs: Sequence[Value]) -> int:
        """Return the engine's number for it as a function."""
        return self._outer.core.subgraph(self.core, _values(inputs), _values(outputs))


def _values(tensors: Sequence[Value]) -> list[tuple[int, int]]:
    return [(each.node, each.index) for each in tensors]


def cond(
    pred: Convertible,
    true_fn: Callable[[], Any] | None = None,
    false_fn: Callable[[], Any] | None = None,
    strict: bool = False,
    name: str | None = None,
    fn1: Callable[[], Any] | None = None,
    fn2: Callable[[], Any] | None = None,
) -> Any:
    """Return what `true_fn` gives where `pred` is true, else what `false_fn` gives.

    Parameters
    ----------
    pred : scalar tensor of bool
    true_fn, false_fn : functions without arguments
        Each gives a tensor, or a list of as many of the same dtypes. Operations made within run
        only where they are asked for; variables cannot be assigned to within.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.placeholder(tf.float32, [])
    >>> y = tf.cond(x > 0.0, lambda: 2.0 * x, lambda: -x)
    >>> tf.Session().run([y, tf.gradients(y, x)[0]], {x: -3.0})
    [np.float32(3.0), np.float32(-1.0)]
    """
    del strict
    functions = (fn1 if true_fn is None else true_fn, fn2 if false_fn is None else false_fn)
    if isinstance(pred, bool):
        raise TypeError("pred must not be a Python bool; use Python's `if`")
    if not all(callable(each) for each in functions):
        raise TypeError("true_fn and false_fn must be functions")
    test = to_tensor(pred, _dtypes.bool)
    graph = default_graph() if default_graph().outer is not None else test.graph
    insides = [_Inside(graph), _Inside(graph)]
    made = [_traced(inside, function) for inside, function in zip(insides, functions, strict=True)]
    if len(made[0][0]) != len(made[1][0]):
        raise ValueError(
            f"true_fn and false_fn must give as many tensors, got {len(made[0][0])} and "
            f"{len(made[1][0])}"
        )
    captures = list(dict.fromkeys([*insides[0].captures(), *insides[1].captures()]))
    numbers = [
        inside.number([inside.captured(each) for each in captures], outputs)
        for inside, (outputs, _) in zip(insides, made, strict=True)
    ]
    attributes = {"then": numbers[0], "otherwise": numbers[1]}
    results = operation("cond", [test, *captures], name or "cond", attributes).outputs
    return list(results) if made[0][1] else results[0]


def _traced(inside: _Inside, function: Any, arguments: Sequence[Any] = ()) -> Any:
    """Return the tensors that a function makes within, and whether it gave a list."""
    with inside.as_default():
        given = function(*arguments)
        is_list = isinstance(given, (list, tuple))
        listed = list(given) if is_list else [given]
        if any(each is None for each in listed):
            raise ValueError("a branch or a loop must give tensors, got None")
        return [inside.captured(to_tensor(each)) for each in listed], is_list


def case(
    pred_fn_pairs: Any,
    default: Callable[[], Any] | None = None,
    exclusive: bool = False,
    strict: bool = False,
    name: str = "case",
) -> Any:
    """Return what the function behind the first true predicate gives, else what `default` does.

    Parameters
    ----------
    pred_fn_pairs : list of (scalar tensor of bool, function), or dict
    default : function
    """
    del exclusive, strict
    pairs = list(pred_fn_pairs.items() if isinstance(pred_fn_pairs, dict) else pred_fn_pairs)
    if default is None:
        raise ValueError("case() needs a default in ferrule.flow, for when nothing is true")
    function = default
    for pred, branch in reversed(pairs):
        function = _either(pred, branch, function, name)
    return function()


def _either(
    pred: Convertible, branch: Callable[[], Any], otherwise: Callable[[], Any], name: str
) -> Callable[[], Any]:
    return lambda: cond(pred, branch, otherwise, name=name)


def while_loop(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: Any,
    shape_invariants: Any = None,
    parallel_iterations: int = 10,
    back_prop: bool = True,
    swap_memory: bool = False,
    name: str | None = None,
    maximum_iterations: int | None = None,
    return_same_structure: bool = False,
) -> Any:
    """Return `loop_vars` after `body` has been applied as long as `cond` of them is true.

    Parameters
    ----------
    cond : function of the loop variables, to a scalar tensor of bool
    body : function of the loop variables, to new ones of the same shapes and dtypes
        Variables cannot be assigned to within.
    loop_vars : list or tuple of tensors
    maximum_iterations : int, optional

    Returns
    -------
    list of tensors; the tensor itself where there is one

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.constant(2.0)
    >>> _, power = tf.while_loop(lambda i, p: i < 5, lambda i, p: [i + 1, p * x], [0, 1.0])
    >>> tf.Session().run([power, tf.gradients(power, x)[0]])
    [np.float32(32.0), np.float32(80.0)]
    """
    del parallel_iterations, back_prop, swap_memory
    if maximum_iterations is not None:
        return _bounded(cond, body, list(loop_vars), shape_invariants, name, maximum_iterations)
    given = list(loop_vars) if isinstance(loop_vars, (list, tuple)) else [loop_vars]
    starts = [to_tensor(each) for each in given]
    shapes = [each.dims for each in starts]
    if shape_invariants is not None:
        shapes = [as_dims(each) for each in shape_invariants]
    graph, placed = place(starts)
    test, step = _Inside(graph), _Inside(graph)
    variables = [
        [inside.input(each.dtype, dims) for each, dims in zip(placed, shapes, strict=True)]
        for inside in (test, step)
    ]
    tested, _ = _traced(test, cond, variables[0])
    stepped, _ = _traced(step, body, variables[1])
    _check_step(starts, stepped)
    captures = list(dict.fromkeys([*test.captures(), *step.captures()]))
    within = [[inside.captured(each) for each in captures] for inside in (test, step)]
    attributes = {
        "cond": test.number(variables[0] + within[0], tested),
        "body": step.number(variables[1] + within[1], stepped + within[1]),
    }
    outputs = operation("while", [*placed, *captures], name or "while", attributes).outputs
    results = list(outputs[: len(given)])
    return results if len(given) > 1 or return_same_structure else results[0]


def _check_step(starts: Sequence[Tensor], stepped: Sequence[Value]) -> None:
    if len(starts) != len(stepped):
        raise ValueError(
            f"body must give as many tensors as there are loop variables, {len(starts)}, got "
            f"{len(stepped)}"
        )
    for place_, (start, after) in enumerate(zip(starts, stepped, strict=True)):
        if start.dtype != after.dtype or not start.shape.is_compatible_with(after.shape):
            raise ValueError(
                f"loop variable {place_} begins as {start.dtype.name} of shape {start.shape}, but "
                f"body makes {after.dtype.name} of shape {after.shape}"
            )


def _bounded(
    cond: Callable[..., Any],
    body: Callable[..., Any],
    loop_vars: list[Any],
    shape_invariants: Any,
    name: str | None,
    limit: int,
) -> Any:
    """Return a loop with a variable more, that counts."""

    def test(count: Tensor, *variables: Tensor) -> Tensor:
        return to_tensor(cond(*variables)) & (count < limit)

    def step(count: Tensor, *variables: Tensor) -> list[Any]:
        made = body(*variables)
        return [count + 1, *(made if isinstance(made, (list, tuple)) else [made])]

    shapes = None if shape_invariants is None else [[], *shape_invariants]
    results = while_loop(test, step, [0, *loop_vars], shapes, name=name)[1:]
    return results if len(results) > 1 else results[0]
