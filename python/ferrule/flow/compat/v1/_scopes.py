"""Scopes of names and of shared variables."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from ferrule.flow.compat.v1 import _dtypes, initializers
from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._dtypes import DType
from ferrule.flow.compat.v1._graph import Graph
from ferrule.flow.compat.v1._shapes import TensorShape, as_dims
from ferrule.flow.compat.v1._tensor import Tensor, Value, default_graph
from ferrule.flow.compat.v1._variables import Variable


class _AutoReuse:
    def __repr__(self) -> str:
        return "tf.AUTO_REUSE"


# Use a variable of that name where there is one, else make it.
AUTO_REUSE = _AutoReuse()


class VariableScope:
    """What `get_variable` heeds: a prefix of names, and settings by default.

    Attributes
    ----------
    name : str
    reuse : bool or AUTO_REUSE
    initializer, regularizer : the defaults within
    dtype : DType
    """

    def __init__(
        self,
        reuse: Any = False,
        name: str = "",
        initializer: Any = None,
        regularizer: Any = None,
        dtype: DType = _dtypes.float32,
        constraint: Any = None,
        trainable: bool = True,
    ) -> None:
        self.name = name
        self.reuse = reuse
        self.initializer = initializer
        self.regularizer = regularizer
        self.dtype = dtype
        self.constraint = constraint
        self.trainable = trainable
        self.original_name_scope = f"{name}/" if name else ""

    def reuse_variables(self) -> None:
        """Take variables that exist, from now on."""
        self.reuse = True

    def set_initializer(self, initializer: Any) -> None:
        """Set the initializer by default."""
        self.initializer = initializer

    def set_regularizer(self, regularizer: Any) -> None:
        """Set the regularizer by default."""
        self.regularizer = regularizer

    def global_variables(self) -> list[Variable]:
        """Return the global variables of the scope."""
        return default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES, f"{self.name}/")

    def trainable_variables(self) -> list[Variable]:
        """Return the trainable variables of the scope."""
        return default_graph().get_collection(GraphKeys.TRAINABLE_VARIABLES, f"{self.name}/")

    def _inside(self, name: str) -> "VariableScope":
        inner = VariableScope(
            self.reuse,
            name,
            self.initializer,
            self.regularizer,
            self.dtype,
            self.constraint,
            self.trainable,
        )
        inner.original_name_scope = self.original_name_scope
        return inner


class _Scopes:
    """The variable scope that a graph is in, and how often each was opened."""

    def __init__(self) -> None:
        self.current = VariableScope()
        self.opened: dict[str, int] = {}


_KEY = "__variable_scopes"


def _scopes(graph: Graph) -> _Scopes:
    held = graph.get_collection_ref(_KEY)
    if not held:
        held.append(_Scopes())
    found: _Scopes = held[0]
    return found


def get_variable_scope() -> VariableScope:
    """Return the variable scope that the default graph is in."""
    return _scopes(default_graph()).current


@contextmanager
def variable_scope(
    name_or_scope: Any,
    default_name: str | None = None,
    values: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    custom_getter: Any = None,
    reuse: Any = None,
    dtype: Any = None,
    use_resource: Any = None,
    constraint: Any = None,
    auxiliary_name_scope: bool = True,
) -> Iterator[VariableScope]:
    """Put a prefix before the names of the variables of `get_variable`, and of operations.

    Parameters
    ----------
    name_or_scope : str or VariableScope or None
    default_name : str, optional
        Where `name_or_scope` is None: a name, made unique.
    reuse : bool or tf.AUTO_REUSE, optional
        Whether variables that exist are taken; inner scopes inherit it.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> with tf.variable_scope("layer"):
    ...     w = tf.get_variable("w", [2])
    >>> with tf.variable_scope("layer", reuse=True):
    ...     tf.get_variable("w", [2]) is w
    True
    """
    del values, caching_device, partitioner, use_resource
    if custom_getter is not None:
        raise NotImplementedError("custom_getter= is not in ferrule.flow; wrap tf.get_variable")
    graph = default_graph()
    scopes = _scopes(graph)
    before = scopes.current
    if isinstance(name_or_scope, VariableScope):
        inner = name_or_scope._inside(name_or_scope.name)
        label = name_or_scope.name.rpartition("/")[2]
    else:
        label = _label(scopes, name_or_scope, default_name)
        inner = before._inside(f"{before.name}/{label}" if before.name else label)
    scopes.opened[inner.name] = scopes.opened.get(inner.name, 0) + 1
    # Scopes within are named as when it was first entered, so that their variables are found.
    for name in [each for each in scopes.opened if each.startswith(f"{inner.name}/")]:
        del scopes.opened[name]
    _set(inner, initializer, regularizer, reuse, dtype, constraint)
    scopes.current = inner
    try:
        with _names(graph, label, is_scoped=auxiliary_name_scope) as entered:
            if not isinstance(name_or_scope, VariableScope):
                inner.original_name_scope = entered
            yield inner
    finally:
        scopes.current = before


def _names(graph: Graph, label: str, *, is_scoped: bool) -> AbstractContextManager[str]:
    scope = graph.names.scope
    return graph.name_scope(label if is_scoped and label else f"{scope}/" if scope else None)


def _label(scopes: _Scopes, name: Any, default_name: str | None) -> str:
    if isinstance(name, str):
        return name
    if name is not None:
        raise TypeError(f"name_or_scope must be a string or a VariableScope, got {name!r}")
    if default_name is None:
        raise TypeError("one of name_or_scope and default_name must be given")
    prefix = f"{scopes.current.name}/" if scopes.current.name else ""
    label, number = default_name, 0
    while scopes.opened.get(prefix + label):
        number += 1
        label = f"{default_name}_{number}"
    return label


def _set(
    scope: VariableScope,
    initializer: Any,
    regularizer: Any,
    reuse: Any,
    dtype: Any,
    constraint: Any,
) -> None:
    scope.initializer = initializer if initializer is not None else scope.initializer
    scope.regularizer = regularizer if regularizer is not None else scope.regularizer
    scope.constraint = constraint if constraint is not None else scope.constraint
    scope.reuse = reuse or scope.reuse
    if dtype is not None:
        scope.dtype = _dtypes.as_dtype(dtype)


def get_variable(
    name: str,
    shape: Any = None,
    dtype: Any = None,
    initializer: Any = None,
    regularizer: Any = None,
    trainable: bool | None = None,
    collections: Any = None,
    caching_device: Any = None,
    partitioner: Any = None,
    validate_shape: bool = True,
    use_resource: Any = None,
    custom_getter: Any = None,
    constraint: Any = None,
    synchronization: Any = None,
    aggregation: Any = None,
) -> Variable:
    """Return the variable of that name in the variable scope: an existing one, or a new one.

    Parameters
    ----------
    name : str
    shape : list of int
        Not needed where `initializer` is a tensor or an array.
    dtype : DType, optional
        By default the scope's, float32.
    initializer : initializer, tensor, array or function, optional
        By default Glorot's uniform one; zeros for integers.
    regularizer : function of the variable, optional
        What it gives joins the collection ``REGULARIZATION_LOSSES``.

    Raises
    ------
    ValueError
        Where the variable exists and the scope does not reuse, or the other way round.
    """
    del caching_device, partitioner, use_resource, synchronization, aggregation
    if custom_getter is not None:
        raise NotImplementedError("custom_getter= is not in ferrule.flow; wrap tf.get_variable")
    graph = default_graph()
    scope = _scopes(graph).current
    full = f"{scope.name}/{name}" if scope.name else name
    kind = None if dtype is None else _dtypes.as_dtype(dtype)
    found = graph.shared_variables.get(full)
    if found is not None:
        return _reused(found, full, shape, kind, scope)
    if scope.reuse is True:
        raise ValueError(
            f"variable {full} does not exist, or was not made by tf.get_variable(); did you mean "
            "to set reuse=tf.AUTO_REUSE in the variable scope?"
        )
    chosen = initializer if initializer is not None else scope.initializer
    is_trainable = scope.trainable if trainable is None else trainable
    with graph.name_scope(None), graph.control_dependencies(None):
        with graph.name_scope(f"{full}/Initializer/"):
            start = _start(full, shape, kind, scope.dtype, chosen)
        variable: Variable = Variable(
            start,
            trainable=is_trainable,
            collections=collections,
            validate_shape=validate_shape,
            name=f"{full}/",
            dtype=kind if isinstance(start, Value) else kind or scope.dtype,
            constraint=constraint or scope.constraint,
        )
    graph.shared_variables[full] = variable
    _regularize(graph, variable, regularizer or scope.regularizer, full)
    return variable


def _reused(
    found: Variable, full: str, shape: Any, dtype: DType | None, scope: VariableScope
) -> Variable:
    if not scope.reuse:
        raise ValueError(
            f"variable {full} already exists, disallowed; did you mean to set reuse=True or "
            f"reuse=tf.AUTO_REUSE in the variable scope? It was made at {found.op.line}"
        )
    if shape is not None and not found.shape.is_compatible_with(shape):
        raise ValueError(
            f"trying to share variable {full}, but specified shape {TensorShape(shape)} and found "
            f"shape {found.shape}"
        )
    if dtype is not None and dtype != found.dtype:
        raise ValueError(
            f"trying to share variable {full}, but specified dtype {dtype.name} and found dtype "
            f"{found.dtype.name}"
        )
    return found


def _start(full: str, shape: Any, dtype: DType | None, default: DType, initializer: Any) -> Any:
    """Return the initial value of a variable, by its initializer."""
    kind = dtype or default
    if isinstance(initializer, type) and issubclass(initializer, initializers.Initializer):
        initializer = initializer()
    if initializer is None:
        glorot = initializers.GlorotUniform()
        initializer = glorot if kind.is_floating else initializers.Zeros(kind)
    if not callable(initializer):
        if shape is not None and not isinstance(initializer, (int, float)):
            return _of_shape(initializer, shape, full)
        if shape is None:
            return initializer
        initializer = initializers.Constant(initializer)
    dims = as_dims(shape)
    if dims is None and not isinstance(initializer, initializers.Initializer):
        return initializer()
    if dims is None or None in dims:
        raise ValueError(
            f"shape of a new variable ({full}) must be fully defined, but instead was "
            f"{TensorShape(shape)}"
        )
    return initializer(list(dims), dtype=kind)


def _of_shape(initializer: Any, shape: Any, full: str) -> Any:
    given = initializer.shape if hasattr(initializer, "shape") else None
    if given is not None and not TensorShape(shape).is_compatible_with(given):
        raise ValueError(
            f"the initial value of variable {full} has shape {TensorShape(given)}, expected "
            f"{TensorShape(shape)}"
        )
    return initializer


def _regularize(graph: Graph, variable: Variable, regularizer: Any, full: str) -> None:
    if regularizer is None:
        return
    with graph.name_scope(f"{full}/Regularizer/"):
        loss: Tensor | None = regularizer(variable.as_tensor())
    if loss is not None:
        graph.add_to_collection(GraphKeys.REGULARIZATION_LOSSES, loss)


def get_local_variable(name: str, *args: Any, **keywords: Any) -> Variable:
    """Return as `get_variable`, one that is neither trainable nor kept."""
    keywords.update(trainable=False, collections=[GraphKeys.LOCAL_VARIABLES])
    return get_variable(name, *args, **keywords)


@contextmanager
def name_scope(
    name: str | None, default_name: str | None = None, values: Any = None
) -> Iterator[str]:
    """Put ``name/`` before the names of the operations made within; give that prefix."""
    del values
    with default_graph().name_scope(default_name if name is None else name) as scope:
        yield scope


@contextmanager
def op_scope(values: Any, name: str | None, default_name: str | None = None) -> Iterator[str]:
    """Do as `name_scope`, with its arguments in another order."""
    with name_scope(name, default_name, values) as scope:
        yield scope
