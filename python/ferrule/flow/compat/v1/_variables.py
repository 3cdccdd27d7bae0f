"""Variables."""

from collections.abc import Callable, Iterable
from typing import Any

from ferrule import _core
from ferrule.flow.compat.v1 import _stack
from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._graph import Graph
from ferrule.flow.compat.v1._host import HostValue
from ferrule.flow.compat.v1._literal import as_array
from ferrule.flow.compat.v1._shapes import shape_text
from ferrule.flow.compat.v1._tensor import (
    Convertible,
    Operation,
    Tensor,
    Value,
    add,
    default_graph,
    to_tensor,
)
from ferrule.flow.compat.v1.errors import InvalidArgumentError


class Variable(Value):
    """A tensor whose value lives in sessions, from one run to the next.

    Parameters
    ----------
    initial_value : tensor, number, list, array, or a function that returns one
        Its shape must be known.
    trainable : bool
        Whether optimizers change it unless told which to change.
    collections : list of str, optional
        Where to list it; by default among the global variables.
    name : str, optional
    dtype : DType, optional
        By default the dtype of `initial_value`; a Python float is float32.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> count = tf.Variable(0, name="count")
    >>> more = count.assign_add(2)
    >>> with tf.Session() as session:
    ...     session.run(count.initializer)
    ...     session.run(more), session.run(more), session.run(count)
    (np.int32(2), np.int32(4), np.int32(4))
    """

    # As TensorFlow's, with `_number` for the engine and `reads` for gradients.
    _number: int
    _initial: Tensor
    _initializer: Operation
    trainable: bool
    # What each step of an optimizer makes of its new value.
    constraint: Callable[[Tensor], Tensor] | None
    # Every node that reads it: itself, and those that waited for control inputs.
    reads: list[Tensor]

    def __new__(
        cls,
        initial_value: Any = None,
        trainable: bool = True,
        collections: Iterable[str] | None = None,
        validate_shape: bool = True,
        caching_device: Any = None,
        name: str | None = None,
        variable_def: Any = None,
        dtype: Any = None,
        expected_shape: Any = None,
        import_scope: Any = None,
        constraint: Callable[[Tensor], Tensor] | None = None,
        use_resource: bool | None = None,
        synchronization: Any = None,
        aggregation: Any = None,
        shape: Any = None,
    ) -> Any:
        del caching_device, import_scope, use_resource, synchronization, aggregation
        if variable_def is not None or not validate_shape:
            raise InvalidArgumentError(
                "a variable's shape is fixed in ferrule.flow: variable_def and "
                "validate_shape=False cannot be used"
            )
        if initial_value is None:
            raise ValueError("initial_value must be specified")
        graph = default_graph()
        with graph.control_dependencies(None), graph.name_scope(name or "Variable") as scope:
            start = initial_value() if callable(initial_value) else initial_value
            initial = to_tensor(start, dtype, "initial_value")
            variable = _made(cls, graph, initial, scope, expected_shape or shape)
        variable.trainable = trainable
        variable.constraint = constraint
        names = [GraphKeys.GLOBAL_VARIABLES] if collections is None else list(collections)
        graph.add_to_collections(names, variable)
        if trainable:
            graph.add_to_collection(GraphKeys.TRAINABLE_VARIABLES, variable)
        return variable

    @property
    def initializer(self) -> Operation:
        """The operation that gives it its initial value."""
        return self._initializer

    @property
    def initial_value(self) -> Tensor:
        """Its initial value."""
        return self._initial

    @property
    def spec(self) -> dict[str, Any]:
        """What the engine knows it by."""
        return {"id": self._number, "dtype": self.dtype.code, "shape": list(self.dims or ())}

    @property
    def number(self) -> int:
        """What the engine calls it."""
        return self._number

    def as_tensor(self) -> Tensor:
        """Return its value; where there are control inputs, once they are done."""
        return self.read_value() if self.graph.control else self.reads[0]

    def value(self) -> Tensor:
        """Return its value as a tensor."""
        return self.as_tensor()

    def read_value(self) -> Tensor:
        """Return its value as a tensor, read anew once the control inputs are done."""
        read = self.graph.add("variable", [], f"{self.op.name}/read", self.spec).outputs[0]
        self.reads.append(read)
        return read

    def initialized_value(self) -> Tensor:
        """Return its initial value, for another variable to begin with."""
        return self._initial

    def assign(
        self,
        value: Convertible,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Tensor:
        """Return an operation that gives it `value`, and gives `value`."""
        del use_locking, read_value
        return assign(self, value, name=name)

    def assign_add(
        self,
        delta: Convertible,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Tensor:
        """Return an operation that adds `delta` to it, and gives the sum."""
        del use_locking, read_value
        return assign_add(self, delta, name=name)

    def assign_sub(
        self,
        delta: Convertible,
        use_locking: bool = False,
        name: str | None = None,
        read_value: bool = True,
    ) -> Tensor:
        """Return an operation that takes `delta` from it, and gives the difference."""
        del use_locking, read_value
        return assign_sub(self, delta, name=name)

    def load(self, value: Any, session: Any = None) -> None:
        """Give it `value` in `session`, or in the default one, at once."""
        session = session or _stack.default_session()
        array = as_array(value, self.dtype)
        self.shape.assert_is_compatible_with(array.shape)
        session.set_variable(self._number, array, self.dtype.name)

    def __repr__(self) -> str:
        return f"<tf.Variable {self.name!r} shape={shape_text(self.dims)} dtype={self.dtype.name}>"


def _made(
    cls: type[Variable], graph: Graph, initial: Tensor, scope: str, expected_shape: Any
) -> Variable:
    """Make the operations of a variable whose name is `scope`, less the slash."""
    shape = initial.shape
    if not shape.is_fully_defined():
        raise ValueError(
            f"initial_value must have a shape specified, got {shape} of {initial.name!r}: give "
            "the variable a value whose shape is known before a run"
        )
    shape.assert_is_compatible_with(expected_shape)
    number = len(graph.variable_operations)
    attributes = {"id": number, "dtype": initial.dtype.code, "shape": shape.as_list()}
    operation = graph.add("variable", [], scope, attributes)
    graph.variable_operations.append(operation)
    variable: Variable = _core.GraphTensor.__new__(cls, graph.core, operation.node, 0)
    variable._op = operation
    variable._number = number
    variable._initial = initial
    variable.reads = [operation.outputs[0]]
    variable._initializer = graph.add("assign", [initial], f"{scope}Assign/", {"id": number})
    return variable


def assign(
    ref: Variable,
    value: Convertible,
    validate_shape: bool | None = None,
    use_locking: bool | None = None,
    name: str | None = None,
) -> Tensor:
    """Return an operation that gives variable `ref` a `value` of its shape, and gives it.

    Raises
    ------
    ValueError
        Where the shapes differ.
    """
    del validate_shape, use_locking
    _check_variable(ref)
    tensor = to_tensor(value, ref.dtype, "value", ref)
    if not ref.shape.is_compatible_with(tensor.shape):
        raise InvalidArgumentError(
            f"cannot assign to variable {ref.name!r} of shape {ref.shape} a value of shape "
            f"{tensor.shape}"
        )
    return add("assign", [tensor], "Assign", name, id=ref.number)


def assign_add(
    ref: Variable, value: Convertible, use_locking: bool | None = None, name: str | None = None
) -> Tensor:
    """Return an operation that adds `value` to variable `ref`, and gives the sum."""
    del use_locking
    return _assign_with("assign_add", ref, value, "AssignAdd", name)


def assign_sub(
    ref: Variable, value: Convertible, use_locking: bool | None = None, name: str | None = None
) -> Tensor:
    """Return an operation that takes `value` from variable `ref`, and gives the difference."""
    del use_locking
    return _assign_with("assign_sub", ref, value, "AssignSub", name)


def _assign_with(
    kind: str, ref: Variable, value: Convertible, label: str, name: str | None
) -> Tensor:
    _check_variable(ref)
    delta = to_tensor(value, ref.dtype, "value", ref)
    return add(kind, [delta], label, name, id=ref.number)


def scatter_add(
    ref: Variable,
    indices: Convertible,
    updates: Convertible,
    use_locking: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return an operation that adds rows to those of variable `ref` at `indices`.

    Parameters
    ----------
    ref : Variable of shape (n, …)
    indices : int32 or int64 of any shape s
    updates : of shape s + (…), of the variable's dtype
    """
    del use_locking
    _check_variable(ref)
    inputs = [to_tensor(indices), to_tensor(updates, ref.dtype)]
    return add("scatter_add", inputs, "ScatterAdd", name, **ref.spec)


def scatter_sub(
    ref: Variable,
    indices: Convertible,
    updates: Convertible,
    use_locking: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return an operation that takes rows from those of variable `ref` at `indices`."""
    return scatter_add(ref, indices, -to_tensor(updates, ref.dtype), use_locking, name)


def _check_variable(ref: Any) -> None:
    if default_graph().outer is not None:
        raise NotImplementedError(
            "variables cannot be assigned to within tf.cond or tf.while_loop in ferrule.flow; let "
            "the branch give the value, and assign that"
        )
    if not isinstance(ref, Variable):
        raise InvalidArgumentError(f"expected a tf.Variable to assign to, got {ref!r}")


def group(*inputs: Any, name: str | None = None, **keywords: Any) -> Operation:
    """Return an operation that runs once all `inputs` have; running it gives None."""
    if keywords:
        raise TypeError(f"group() got an unexpected argument {next(iter(keywords))!r}")
    graph = inputs[0].graph if inputs else default_graph()
    with graph.control_dependencies(inputs):
        return graph.add("no_op", [], name or "group_deps", {})


def no_op(name: str | None = None) -> Operation:
    """Return an operation that does nothing but wait for the control inputs."""
    return default_graph().add("no_op", [], name or "NoOp", {})


def global_variables() -> list[Variable]:
    """Return the variables that are kept and shared: all but the local ones."""
    return default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES)


def local_variables() -> list[Variable]:
    """Return the variables that are not kept, such as those of metrics."""
    return default_graph().get_collection(GraphKeys.LOCAL_VARIABLES)


def trainable_variables(scope: str | None = None) -> list[Variable]:
    """Return the variables that optimizers change by default."""
    return default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, scope)


def model_variables() -> list[Variable]:
    """Return the variables in the collection of model variables."""
    return default_graph().get_collection(GraphKeys.MODEL_VARIABLES)


def variables_initializer(var_list: Iterable[Variable], name: str = "init") -> Operation:
    """Return an operation that gives each of `var_list` its initial value."""
    return group(*[variable.initializer for variable in var_list], name=name)


def global_variables_initializer() -> Operation:
    """Return an operation that gives every global variable made so far its initial value."""
    return variables_initializer(global_variables(), name="init")


def local_variables_initializer() -> Operation:
    """Return an operation that gives every local variable made so far its initial value."""
    return variables_initializer(local_variables(), name="init")


def is_variable_initialized(ref: Variable) -> HostValue:
    """Return whether `ref` has a value, for a session to tell."""
    return HostValue("IsVariableInitialized", lambda session: _has_value(session, ref))


def report_uninitialized_variables(
    var_list: Iterable[Variable] | None = None, name: str = "report_uninitialized_variables"
) -> HostValue:
    """Return the names, as bytes, of the variables without a value, for a session to tell."""
    listed = list(global_variables() + local_variables() if var_list is None else var_list)

    def missing(session: Any) -> list[bytes]:
        return [each.op.name.encode() for each in listed if not _has_value(session, each)]

    return HostValue(name, missing)


def _has_value(session: Any, variable: Variable) -> bool:
    return session.variable(variable.number) is not None
