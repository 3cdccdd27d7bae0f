"""What graphs are made of: operations, tensors, and how Python values become them."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from ferrule import _core
from ferrule.flow._where import Line, quoted, user_line
from ferrule.flow.compat.v1 import _dtypes, _indexing, _stack
from ferrule.flow.compat.v1._dtypes import DType
from ferrule.flow.compat.v1._literal import as_array
from ferrule.flow.compat.v1._names import check_name
from ferrule.flow.compat.v1._operators import Operators
from ferrule.flow.compat.v1._shapes import Dims, TensorShape, shape_text
from ferrule.flow.compat.v1.errors import DTypeError

if TYPE_CHECKING:
    from ferrule.flow._drawing import Drawing
    from ferrule.flow.compat.v1._graph import Graph

# What a graph-building function takes: a tensor, a variable, numbers, a list of them, an array.
Convertible: TypeAlias = Any

# Arrays up to this many elements are remembered, for where a value must be known at once, such as
# a new shape.
_REMEMBERED_MAX = 64


# TensorFlow's names of operations, where they are not ours in capitals.
_TYPES = {"constant": "Const", "variable": "VariableV2"}


class Operation(_core.GraphTensor):
    """A node of a graph; running it gives None.

    Attributes
    ----------
    graph : Graph
    name : str
        Unique in its graph, such as ``add_1``.
    """

    __slots__ = ("_kind", "_line", "_outputs", "graph", "name")

    graph: "Graph"
    name: str
    _kind: str
    _line: Line
    _outputs: "list[Tensor] | None"

    @property
    def type(self) -> str:
        """What it does, such as ``Add``."""
        name = _TYPES.get(self._kind)
        return name or "".join(part.capitalize() for part in self._kind.split("_"))

    @property
    def outputs(self) -> "list[Tensor]":
        """What it computes."""
        if self._outputs is None:
            core = self.graph.core
            count = core.n_outputs(self.node)
            self._outputs = [Tensor(core, self.node, index) for index in range(count)]
            for tensor in self._outputs:
                tensor._op = self
        return self._outputs

    @property
    def inputs(self) -> "list[Tensor]":
        """What it computes from."""
        return [self.graph.tensor(value) for value in self.graph.core.inputs(self.node)]

    @property
    def line(self) -> str:
        """The line that made it, such as ``train.py:12: `y = a + b` ``."""
        return quoted(self._line)

    def __ferrule_drawing__(self, inputs: Sequence[Any]) -> "Drawing":
        """Return what it depends on, as tools look at it."""
        return self.graph.__ferrule_drawing__(inputs).behind([self.node])

    def run(self, feed_dict: Any = None, session: Any = None) -> None:
        """Run it in `session`, or in the default one."""
        (session or _stack.default_session()).run(self, feed_dict)

    def __repr__(self) -> str:
        return f"<tf.Operation {self.name!r} type={self.type}>"


class Value(_core.GraphTensor, Operators):
    """An output of an operation: what tensors and variables have in common."""

    __slots__ = ("_op",)

    _op: Operation

    @property
    def op(self) -> Operation:
        """The operation that computes it."""
        return self._op

    @property
    def graph(self) -> "Graph":
        """The graph that it belongs to."""
        return self._op.graph

    @property
    def name(self) -> str:
        """Its operation's name and the number of the output, such as ``add_1:0``."""
        return f"{self._op.name}:{self.index}"

    @property
    def dtype(self) -> DType:
        """The type of its elements."""
        return _dtypes.BY_NAME[self._op.graph.core.dtype(self.node, self.index)]

    @property
    def dims(self) -> Dims:
        """The sizes that are known before a run."""
        return self._op.graph.core.shape(self.node, self.index)

    @property
    def shape(self) -> TensorShape:
        """The shape, as far as it is known before a run."""
        return TensorShape(self.dims)

    def get_shape(self) -> TensorShape:
        """Return the shape, as far as it is known before a run."""
        return self.shape

    def set_shape(self, shape: Any) -> None:
        """Check that `shape` fits what is known.

        Raises
        ------
        ValueError
            Where it does not.
        """
        self.shape.assert_is_compatible_with(shape)

    def __ferrule_drawing__(self, inputs: Sequence[Any]) -> "Drawing":
        """Return what it depends on, as tools look at it."""
        made = self.graph.__ferrule_drawing__(inputs).behind([self.node])
        return made.giving(self.name, (self.node, self.index))

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Return its value in `session`, or in the default one."""
        return (session or _stack.default_session()).run(self, feed_dict)

    def consumers(self) -> list[Operation]:
        """Return the operations that it is an input of."""
        me = (self.node, self.index)
        core = self.graph.core
        return [op for op in self.graph.get_operations() if me in core.inputs(op.node)]

    def as_tensor(self) -> "Tensor":
        """Return what operations take for it."""
        raise NotImplementedError

    def _binary(self, f: str, other: Any, name: str, *, mirrored: bool = False) -> "Tensor":
        scope = self.graph.names.unique(name)
        x = self.as_tensor()
        is_value = isinstance(other, Value)
        y = other.as_tensor() if is_value else to_tensor(other, x.dtype, f"{scope}/y/", x)
        left, right = (y, x) if mirrored else (x, y)
        return binary(f, left, right, name, f"{scope}/")

    def _unary(self, f: str, name: str) -> "Tensor":
        return unary(f, self, name, None)

    @property
    def known(self) -> NDArray[Any] | None:
        """Its value, where it is small and known before any run."""
        return self.graph.known.get((self.node, self.index))

    def remember(self, value: Any) -> None:
        """Keep its value, which is known before any run, where it is small."""
        array = np.asarray(value)
        if array.size <= _REMEMBERED_MAX:
            self.graph.known[(self.node, self.index)] = array

    def __getitem__(self, key: Any) -> "Tensor":
        key = _known_index(key)
        if isinstance(key, Value):
            return add("gather", [self.as_tensor(), key.as_tensor()], "strided_slice", None, axis=0)
        tensor = self.as_tensor()
        steps = list(_indexing.steps(key, self.dims))
        scope = self.graph.names.unique("strided_slice") if steps else ""
        for number, (kind, attributes) in enumerate(steps, 1):
            label = f"{scope}/" if number == len(steps) else f"{scope}/{kind}_{number}/"
            tensor = add(kind, [tensor], "strided_slice", label, **attributes)
        if self.known is not None and tensor is not self:
            tensor.remember(self.known[key])
        return tensor


class Tensor(Value):
    """What an operation computes.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.constant([[1.0, 2.0], [3.0, 4.0]])
    >>> y = 2.0 * x[:, 0] + 1.0
    >>> y.shape, y.dtype, tf.Session().run(y)
    (TensorShape([2]), tf.float32, array([3., 7.], dtype=float32))
    """

    __slots__ = ()

    def as_tensor(self) -> "Tensor":
        """Return itself."""
        return self

    def __repr__(self) -> str:
        return f"<tf.Tensor {self.name!r} shape={shape_text(self.dims)} dtype={self.dtype.name}>"


def default_graph() -> "Graph":
    """Return the graph that operations are added to."""
    graph: Graph = _stack.graphs.top()
    return graph


def to_tensor(
    value: Convertible,
    dtype: Any = None,
    name: str | None = None,
    beside: Value | None = None,
) -> Tensor:
    """Return `value` as a tensor of the default graph, or of the graph of `beside`.

    Raises
    ------
    DTypeError
        Where a tensor has another dtype than `dtype`, or numbers don't fit it.
    """
    wanted = None if dtype is None else _dtypes.as_dtype(dtype)
    if isinstance(value, Value):
        tensor = value.as_tensor()
        if wanted is not None and tensor.dtype != wanted:
            raise DTypeError(
                f"expected a tensor of {wanted.name}, got {tensor.name!r} of {tensor.dtype.name}; "
                f"use tf.cast(x, tf.{wanted.name})"
            )
        return tensor
    if isinstance(value, (list, tuple)) and _holds_tensor(value):
        return _packed(value, wanted, name)
    if isinstance(value, _core.GraphTensor) or hasattr(value, "evaluate_in"):
        raise TypeError(f"{value!r} is not a tensor and cannot be an input")
    current = default_graph()
    graph = current if beside is None or current.outer is not None else beside.graph
    return graph.constant(as_array(value, wanted), name or "Const")


def _holds_tensor(value: Any) -> bool:
    if isinstance(value, (list, tuple)):
        return any(_holds_tensor(each) for each in value)
    return isinstance(value, Value)


def _packed(values: Sequence[Any], dtype: DType | None, name: str | None) -> Tensor:
    """Return a list that holds tensors as one tensor with a first axis more."""
    if dtype is None:
        dtype = next(each.dtype for each in _leaves(values) if isinstance(each, Value))
    rows = [to_tensor(each, dtype) for each in values]
    rows = [add("expand_dims", [row], "packed", None, axis=0) for row in rows]
    return add("concat", rows, "packed", name, axis=0)


def _leaves(values: Any) -> Iterator[Any]:
    for each in values:
        if isinstance(each, (list, tuple)):
            yield from _leaves(each)
        else:
            yield each


def pair(x: Convertible, y: Convertible) -> tuple[Tensor, Tensor]:
    """Return two operands as tensors of one dtype, which that of a tensor decides."""
    if isinstance(x, Value):
        left = x.as_tensor()
        return left, to_tensor(y, None if isinstance(y, Value) else left.dtype, "y", left)
    if isinstance(y, Value) or _holds_tensor(y):
        right = to_tensor(y)
        return to_tensor(x, right.dtype, "x", right), right
    left = to_tensor(x, name="x")
    right = to_tensor(y, name="y")
    if left.dtype.is_integer and right.dtype.is_floating:
        left = to_tensor(x, right.dtype, "x")
    elif right.dtype.is_integer:
        right = to_tensor(y, left.dtype, "y")
    return left, right


def add(
    kind: str,
    inputs: Sequence[Value],
    default: str,
    name: str | None,
    /,
    **attributes: Any,
) -> Tensor:
    """Make an operation of the engine's and return its first output."""
    return operation(kind, inputs, _label(default, name), attributes).outputs[0]


def operation(
    kind: str, inputs: Sequence[Value], name: str, attributes: dict[str, Any]
) -> Operation:
    """Make an operation of the engine's, in the graph of its inputs or within it."""
    graph, placed = place(inputs)
    return graph.add(kind, placed, name, attributes)


def unary(f: str, x: Convertible, default: str, name: str | None) -> Tensor:
    """Make a function of each element."""
    graph, (tensor,) = place([to_tensor(x)])
    value = (tensor.node, tensor.index)
    made = graph.made(
        lambda: graph.core.unary(f, value, control=graph.control), f, _label(default, name)
    )
    return made.outputs[0]


def binary(f: str, x: Tensor, y: Tensor, default: str, name: str | None) -> Tensor:
    """Make a function of each pair of elements; ``truediv`` is division of floats."""
    if x.dtype is not y.dtype:
        raise DTypeError(
            f"{default} expects operands of one dtype, got {x.name!r} of {x.dtype.name} and "
            f"{y.name!r} of {y.dtype.name} (at {quoted(user_line())}); use tf.cast"
        )
    if f == "truediv":
        f = "div"
        x, y = (_as_float(x), _as_float(y)) if x.dtype.is_integer else (x, y)
    label = _label(default, name)
    graph, (left, right) = place([x, y])
    if f == "mat_mul":
        flags = {"transpose_a": False, "transpose_b": False}
        return graph.add("mat_mul", [left, right], label, flags).outputs[0]
    a, b = (left.node, left.index), (right.node, right.index)
    made = graph.made(lambda: graph.core.binary(f, a, b, control=graph.control), f, label)
    return made.outputs[0]


def place(inputs: Sequence[Value]) -> "tuple[Graph, list[Value]]":
    """Return the graph that an operation of `inputs` belongs to, and what they are called there.

    Within a branch or a loop that is its graph, else that of the inputs, which must be one.
    """
    current = default_graph()
    graph = inputs[0].graph if inputs and current.outer is None else current
    return graph, [each if each.graph is graph else graph.captured(each) for each in inputs]


def _as_float(x: Tensor) -> Tensor:
    to = _dtypes.float32 if x.dtype == _dtypes.uint8 else _dtypes.float64
    return add("cast", [x], "Cast", None, to=to.code)


def _label(default: str, name: str | None) -> str:
    if name is None:
        return default
    if name[-1:] != "/":
        check_name(name)
    return name


def _known_index(key: Any) -> Any:
    """Return an index with tensors of known value as ints; a lone unknown one as it is."""
    if isinstance(key, tuple):
        return tuple(_known_index(each) for each in key)
    if isinstance(key, slice):
        parts = (key.start, key.stop, key.step)
        return slice(*[_known_index(each) for each in parts])
    if isinstance(key, Value):
        known = key.known
        return key if known is None or known.ndim else int(known)
    return key
