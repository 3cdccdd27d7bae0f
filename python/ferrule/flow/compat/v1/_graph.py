"""Graphs, and which of them is the default."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeAlias

from numpy.typing import NDArray

from ferrule import _core
from ferrule.errors import FerruleError
from ferrule.flow._core_ops import encoded
from ferrule.flow._where import Line, quoted, user_line
from ferrule.flow.compat.v1 import _stack
from ferrule.flow.compat.v1._collections import Collections
from ferrule.flow.compat.v1._names import Names
from ferrule.flow.compat.v1._tensor import Operation, Tensor, Value, default_graph
from ferrule.flow.compat.v1.errors import as_op_error

if TYPE_CHECKING:
    from ferrule.flow._drawing import Drawing

_Value: TypeAlias = tuple[int, int]


class Graph(Collections):
    """Operations, and the tensors between them.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> graph = tf.Graph()
    >>> with graph.as_default():
    ...     c = tf.constant(1.0) + 2.0
    >>> c.graph is graph, [op.name for op in graph.get_operations()]
    (True, ['Const', 'add/y', 'add'])
    """

    def __init__(self) -> None:
        super().__init__()
        self.core = _core.FlowGraph()
        self.names = Names()
        # The nodes that whatever is made next waits for.
        self.control: list[int] = []
        # The seed of `tf.set_random_seed`.
        self.seed: int | None = None
        # The operations of its variables, by whose place the engine knows them.
        self.variable_operations: list[Operation] = []
        # The variables of `get_variable`, by name.
        self.shared_variables: dict[str, Any] = {}
        self._operations: dict[int, Operation] = {}
        self._by_name: dict[str, Operation] = {}
        # Values that are known before any run, of small tensors.
        self.known: dict[_Value, NDArray[Any]] = {}
        self._finalized = False

    @property
    def outer(self) -> "Graph | None":
        """The graph around it, where it is the inside of a branch or a loop."""
        return None

    def captured(self, value: Value) -> Value:
        """Return what stands in this graph for a value of a graph around it.

        Raises
        ------
        ValueError
            Where that is not around it.
        """
        if value.graph is self:
            return value
        raise ValueError(
            f"tensor {value.name!r} is of another graph; make all of an operation's inputs in one "
            "graph"
        )

    def add(
        self,
        kind: str,
        inputs: Sequence[Value],
        name: str,
        attributes: dict[str, Any],
    ) -> Operation:
        """Make an operation of the engine's kind."""
        values = [(each.node, each.index) for each in inputs]
        spec = encoded(kind, attributes)
        return self.made(lambda: self.core.add(spec, values, control=self.control), kind, name)

    def made(self, make: Callable[[], int], kind: str, name: str) -> Operation:
        """Give the node that `make` makes a name; where it fails, quote the line that asked."""
        if self._finalized:
            raise RuntimeError("the graph is finalized and cannot be modified")
        label = self.names.unique(name)
        line = user_line()
        try:
            node = make()
        except FerruleError as error:
            where = f" (operation {label!r}, at {quoted(line)})"
            raise as_op_error(error, None, f"{error}{where}") from None
        return self._registered(node, label, kind, line)

    def _registered(self, node: int, label: str, kind: str, line: Line) -> Operation:
        operation = Operation(self.core, node, -1)
        operation.graph = self
        operation.name = label
        operation._kind = kind
        operation._line = line
        operation._outputs = None
        self._operations[node] = operation
        self._by_name[label] = operation
        return operation

    def tensor(self, value: _Value, name: str = "gradients/grad") -> Tensor:
        """Return the tensor of a value of the engine's; the engine's own nodes get `name`."""
        node, index = value
        operation = self._operations.get(node)
        if operation is None:
            label = self.names.unique(name)
            origin = self._operations.get(self.core.origin(node))
            line = origin._line if origin else user_line()
            operation = self._registered(node, label, self.core.kind(node), line)
        return operation.outputs[index]

    def constant(self, array: NDArray[Any], name: str) -> Tensor:
        """Make a constant."""
        tensor = self.made(lambda: self.core.constant(array), "constant", name).outputs[0]
        tensor.remember(array)
        return tensor

    def operation(self, node: int) -> Operation | None:
        """Return the operation of a node of the engine's, where it has one."""
        return self._operations.get(node)

    def __ferrule_drawing__(self, inputs: Sequence[Any]) -> "Drawing":
        """Return all of it as tools look at it; it takes no inputs."""
        # Here, since few look at graphs.
        from ferrule.flow._drawing import Drawing, node_of

        if inputs:
            raise TypeError("a graph has its inputs in it: none are expected beside it")
        trained = {variable.op.node for variable in self.get_collection("trainable_variables")}
        held = {operation.node for operation in self.variable_operations}
        nodes = {}
        for number in range(self.core.n_nodes):
            operation = self._operations.get(number)
            # The engine's own, such as those of gradients, have no names.
            name = operation.name if operation else f"gradients/{self.core.kind(number)}_{number}"
            maker = self.maker(number)
            nodes[number] = node_of(
                self.core,
                number,
                name,
                line=maker.line if maker else "",
                is_parameter=number in held,
                is_trained=number in trained,
            )
        return Drawing("Graph", nodes)

    def maker(self, node: int) -> Operation | None:
        """Return the operation of a node, or the one whose gradient the node is a part of."""
        return self._operations.get(node) or self._operations.get(self.core.origin(node))

    def as_default(self) -> Any:
        """Return a context in which it is the default graph."""
        return _stack.graphs.entered(self)

    def finalize(self) -> None:
        """Make it read-only."""
        self._finalized = True

    @property
    def finalized(self) -> bool:
        """Whether it is read-only."""
        return self._finalized

    def unique_name(self, name: str, mark_as_used: bool = True) -> str:
        """Return `name` as an operation made now would get it."""
        del mark_as_used
        return self.names.unique(name)

    @contextmanager
    def name_scope(self, name: str | None) -> Iterator[str]:
        """Put ``name/`` before the names of the operations made within."""
        before = self.names.scope
        self.names.scope = self.names.entered(name)
        try:
            yield f"{self.names.scope}/" if self.names.scope else ""
        finally:
            self.names.scope = before

    @contextmanager
    def control_dependencies(self, control_inputs: Iterable[Any] | None) -> Iterator[None]:
        """Make the operations made within run after `control_inputs`; None forgets outer ones."""
        before = self.control
        nodes = [] if control_inputs is None else [_node(each) for each in control_inputs]
        self.control = [] if control_inputs is None else [*dict.fromkeys([*before, *nodes])]
        try:
            yield
        finally:
            self.control = before

    @contextmanager
    def device(self, device_name_or_function: Any) -> Iterator[None]:
        """Do nothing: there is one device, the CPU."""
        del device_name_or_function
        yield

    def get_operations(self) -> list[Operation]:
        """Return its operations, in the order in which they were made."""
        return list(self._operations.values())

    def get_operation_by_name(self, name: str) -> Operation:
        """Return the operation called `name`.

        Raises
        ------
        KeyError
            Where there is none.
        """
        found = self._by_name.get(name)
        if found is None:
            raise KeyError(f"the name {name!r} refers to an operation not in the graph")
        return found

    def get_tensor_by_name(self, name: str) -> Tensor:
        """Return the tensor called `name`, such as ``add:0``.

        Raises
        ------
        KeyError
            Where there is none.
        ValueError
            Where `name` is an operation's.
        """
        label, colon, index = name.rpartition(":")
        if not colon or not index.isdigit():
            raise ValueError(
                f"the name {name!r} looks like an operation's, not a tensor's; expected "
                f"'{name}:0' for its first output"
            )
        operation = self._by_name.get(label) or self._by_name.get(label.removesuffix("/read"))
        if operation is None or int(index) >= len(operation.outputs):
            raise KeyError(f"the name {name!r} refers to a tensor which does not exist")
        return operation.outputs[int(index)]

    def as_graph_element(
        self, obj: Any, allow_tensor: bool = True, allow_operation: bool = True
    ) -> Any:
        """Return the tensor or operation that `obj`, a name or one itself, stands for."""
        if isinstance(obj, str):
            is_tensor = ":" in obj and allow_tensor
            return self.get_tensor_by_name(obj) if is_tensor else self.get_operation_by_name(obj)
        right = isinstance(obj, Value) and allow_tensor
        if not (right or (isinstance(obj, Operation) and allow_operation)):
            raise TypeError(f"cannot convert a {type(obj).__name__} into a tensor or operation")
        if obj.graph is not self:
            raise ValueError(f"{obj!r} is not an element of this graph")
        return obj


def get_default_graph() -> Graph:
    """Return the graph that operations are added to."""
    return default_graph()


def reset_default_graph() -> None:
    """Begin a new default graph.

    Raises
    ------
    AssertionError
        Within ``with graph.as_default():``.
    """
    if _stack.graphs.is_nested():
        raise AssertionError(
            "do not use tf.reset_default_graph() to clear nested graphs; leave the `with` blocks "
            "and close the interactive sessions first"
        )
    _stack.graphs.bottom = Graph()


def _node(control: Any) -> int:
    if isinstance(control, str):
        control = default_graph().as_graph_element(control)
    if not isinstance(control, _core.GraphTensor):
        raise TypeError(
            f"control inputs must be operations or tensors, got {type(control).__name__}"
        )
    node: int = control.node
    return node
