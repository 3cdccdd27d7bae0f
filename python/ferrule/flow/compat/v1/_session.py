"""Sessions: where graphs are run, and where the values of variables live."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from ferrule import _core
from ferrule.errors import FerruleError
from ferrule.flow.compat.v1 import _stack
from ferrule.flow.compat.v1._graph import Graph
from ferrule.flow.compat.v1._literal import as_array
from ferrule.flow.compat.v1._tensor import Value, default_graph
from ferrule.flow.compat.v1.errors import InvalidArgumentError, as_op_error

if TYPE_CHECKING:
    from ferrule.flow._drawing import Drawing


class Session(_core.FlowSession):
    """Runs the operations of a graph, and holds the values of its variables.

    Parameters
    ----------
    target : str
        Must be empty: there are no remote sessions.
    graph : Graph, optional
        By default the default graph.
    config : ConfigProto, optional
        Taken for compatibility; the engine chooses devices and threads itself.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.placeholder(tf.float32)
    >>> with tf.Session() as session:
    ...     session.run({"twice": 2 * x, "both": [x, x + 1]}, feed_dict={x: 3.0})
    {'twice': np.float32(6.0), 'both': [np.float32(3.0), np.float32(4.0)]}
    """

    graph: Graph
    _entered: Any

    def __new__(cls, target: str = "", graph: Graph | None = None, config: Any = None) -> Any:
        if target:
            raise InvalidArgumentError(
                f"there are no remote sessions: expected target '', got {target!r}"
            )
        del config
        chosen = default_graph() if graph is None else graph
        session = super().__new__(cls, chosen.core, 0)
        session.graph = chosen
        session._entered = None
        return session

    @property
    def graph_def(self) -> Any:
        """Not here; `tf.train.Saver` saves variables."""
        raise AttributeError(
            "there is no graph_def in ferrule.flow; tf.train.Saver saves variables"
        )

    def _run_nested(self, fetches: Any, feed_dict: Any) -> Any:
        """Run what the engine does not take itself: nests, names, and values of Python's."""
        feeds = self._feeds(feed_dict)
        leaves: list[Any] = []
        _flatten(fetches, leaves)
        leaves = [self._fetch(leaf) for leaf in leaves]
        native = list({id(leaf): leaf for leaf in leaves if _is_native(leaf)}.values())
        results = _core.FlowSession.run(self, native, feeds) if native else []
        values = {id(leaf): value for leaf, value in zip(native, results, strict=True)}
        flat = iter(
            [values[id(leaf)] if _is_native(leaf) else leaf.evaluate_in(self) for leaf in leaves]
        )
        return _rebuilt(fetches, flat)

    def _fetch(self, fetch: Any) -> Any:
        if _is_native(fetch):
            self._check_graph(fetch)
            return fetch
        if hasattr(fetch, "evaluate_in"):
            return fetch
        if isinstance(fetch, str):
            return self._named(fetch, "fetch")
        raise TypeError(
            f"fetch argument {fetch!r} has invalid type {type(fetch).__name__}; expected a "
            "tensor, an operation, a variable, a name, or a list, tuple or dict of them"
        )

    def _check_graph(self, element: Any) -> None:
        if element.graph is not self.graph:
            raise ValueError(
                f"{element!r} is not an element of the session's graph; make the session with "
                "graph= or within `with graph.as_default():`"
            )

    def _named(self, name: str, use: str) -> Any:
        try:
            return self.graph.as_graph_element(name)
        except (KeyError, ValueError) as error:
            raise ValueError(f"cannot {use} {name!r}: {error.args[0]}") from None

    def _feeds(self, feed_dict: Any) -> dict[Any, Any]:
        feeds: dict[Any, Any] = {}
        for key, value in (feed_dict or {}).items():
            if hasattr(key, "set_value"):
                key.set_value(value)
                continue
            tensor = self._fed(key)
            if isinstance(value, _core.GraphTensor):
                raise TypeError(
                    f"the value fed to {tensor.name!r} is a tensor; expected a number, a list or "
                    "an array, such as session.run gives"
                )
            feeds[tensor] = self._fed_array(tensor, value)
        return feeds

    def _fed(self, key: Any) -> Any:
        if isinstance(key, str):
            key = self._named(key if ":" in key else f"{key}:0", "feed")
        if not isinstance(key, Value):
            raise TypeError(
                f"cannot interpret feed_dict key {key!r} as a tensor; expected a placeholder, "
                "another tensor, or a name such as 'x:0'"
            )
        self._check_graph(key)
        return key

    def _fed_array(self, tensor: Value, value: Any) -> Any:
        try:
            return as_array(value, tensor.dtype)
        except (TypeError, ValueError) as error:
            raise InvalidArgumentError(
                f"cannot feed {tensor.name!r} of {tensor.dtype.name}: {error}"
            ) from None

    def _explain(self, error: Exception) -> Exception:
        """Return the engine's `error` with the operation's name and the line that made it."""
        if not isinstance(error, FerruleError):
            return error
        node = getattr(error, "node", None)
        operation = None if node is None else self.graph.maker(node)
        text = str(error)
        variable = getattr(error, "variable", None)
        if variable is not None:
            # The engine knows variables by number.
            operation = self.graph.variable_operations[variable]
            text = text.replace(f"variable {variable} ", f"variable {operation.name!r} ", 1)
        if operation is not None:
            text += f" (operation {operation.name!r}, made at {operation.line})"
        return as_op_error(error, operation, text)

    def run_many(self, fetch: Any, feeds: Mapping[Any, Any], steps: int | None = None) -> Any:
        """Run `fetch` once a row of the arrays in `feeds`, with no Python between the steps.

        Parameters
        ----------
        fetch : tensor, operation, name, or a list of them
        feeds : dict
            From placeholder, or its name, to an array whose first axis is the steps.
        steps : int, optional
            How many; by default as many as the arrays have rows.

        Returns
        -------
        object
            What the last step gave.

        Examples
        --------
        >>> import ferrule.flow.compat.v1 as tf
        >>> x = tf.placeholder(tf.float32, [])
        >>> total = tf.Variable(0.0)
        >>> add = tf.assign_add(total, x)
        >>> with tf.Session() as session:
        ...     session.run(tf.global_variables_initializer())
        ...     session.run_many(add, {x: [1.0, 2.0, 3.0]})
        np.float32(6.0)
        """
        arrays = {}
        for key, value in feeds.items():
            tensor = self._fed(key)
            arrays[tensor] = self._fed_array(tensor, value)
        many = isinstance(fetch, (list, tuple))
        wanted = [self._fetch(each) for each in fetch] if many else self._fetch(fetch)
        rows = {len(array) for array in arrays.values() if array.ndim}
        if steps is None and len(rows) != 1:
            raise InvalidArgumentError(
                f"run_many takes arrays of as many rows each, or steps=; got {sorted(rows)} rows"
            )
        return super().run_many(wanted, arrays, rows.pop() if steps is None else steps)

    def __ferrule_drawing__(self, inputs: Sequence[Any]) -> "Drawing":
        """Return its graph as tools look at it."""
        return self.graph.__ferrule_drawing__(inputs)

    def __ferrule_profile__(
        self, args: Sequence[Any], kwargs: dict[str, Any], calls: int
    ) -> tuple[str, dict[str, Any], Callable[[int], str]]:
        """Run and time fetches; `flow.profile` calls it."""
        fetches, feeds = _fetches(*args, **kwargs)
        leaves: list[Any] = []
        _flatten(fetches, leaves)
        native = [leaf for leaf in (self._fetch(each) for each in leaves) if _is_native(leaf)]
        made = super().profile(list(dict.fromkeys(native)), self._feeds(feeds), calls)
        return "Session", made, self._where

    def _where(self, node: int) -> str:
        operation = self.graph.maker(node)
        return "" if operation is None else operation.name

    def make_callable(self, fetches: Any, feed_list: Any = None) -> Callable[..., Any]:
        """Return a function of the values of `feed_list` that gives `fetches`.

        Examples
        --------
        >>> import ferrule.flow.compat.v1 as tf
        >>> x = tf.placeholder(tf.float32, [])
        >>> square = tf.Session().make_callable(x * x, [x])
        >>> square(3.0)
        np.float32(9.0)
        """
        keys = [self._fed(key) for key in feed_list or ()]
        run = self.run

        def call(*values: Any) -> Any:
            if len(values) != len(keys):
                raise TypeError(f"expected {len(keys)} values to feed, got {len(values)}")
            return run(fetches, dict(zip(keys, values, strict=False)))

        return call

    def __ferrule_save__(
        self, place: str, inputs: Mapping[str, Any], outputs: Any, facts: str
    ) -> str:
        """Save the graph from `inputs` to `outputs`, with the values of variables, at `place`.

        `ferrule.save` calls it.
        """
        if not isinstance(outputs, Mapping) or not all(isinstance(name, str) for name in outputs):
            raise InvalidArgumentError(
                f"expected outputs={{name: tensor, ...}} to save a session, got outputs={outputs!r}"
            )
        values = {
            number: (operation.name, np.asarray(value))
            for number, operation in enumerate(self.graph.variable_operations)
            if (value := self.variable(number)) is not None
        }
        given, made = (
            [(name, _place(self._fed(tensor))) for name, tensor in named.items()]
            for named in (inputs, outputs)
        )
        try:
            return _core.save_graph(place, self.graph.core, given, made, values, facts)
        except FerruleError as error:
            if getattr(error, "node", None) is None:
                raise
            raise self._explain(error) from None

    def partial_run(self, *args: Any, **keywords: Any) -> Any:
        """Not here."""
        raise NotImplementedError("partial_run is not in ferrule.flow; use run")

    def close(self) -> None:
        """Free variables and plans; what is run from now on raises RuntimeError."""
        super().close()
        # Instance attributes go before the engine's methods, which stay as quick as they are.
        self.__dict__.update(run=_closed, run_many=_closed)

    @contextmanager
    def as_default(self) -> Iterator["Session"]:
        """Make it the default session within, without closing it behind."""
        with self.graph.as_default(), _stack.sessions.entered(self):
            yield self

    def __enter__(self) -> "Session":
        self._entered = self.as_default()
        self._entered.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._entered.__exit__(None, None, None)
        self.close()


class InteractiveSession(Session):
    """A session that is the default one from now on, until it is closed."""

    def __new__(cls, target: str = "", graph: Graph | None = None, config: Any = None) -> Any:
        session = super().__new__(cls, target, graph, config)
        if graph is not None:
            _stack.graphs.push(graph)
        _stack.sessions.push(session)
        return session

    def close(self) -> None:
        """Free its variables, and be the default no more."""
        _stack.sessions.remove(self)
        _stack.graphs.remove(self.graph)
        super().close()


def _fetches(fetches: Any, feed_dict: Any = None) -> tuple[Any, Any]:
    return fetches, feed_dict


def _place(tensor: Value) -> tuple[int, int]:
    return tensor.node, tensor.index


def get_default_session() -> Session | None:
    """Return the default session, or None."""
    session: Session | None = _stack.sessions.top()
    return session


def _closed(*args: Any, **keywords: Any) -> NoReturn:
    raise RuntimeError("attempted to use a closed session; make a new tf.Session()")


def _is_native(leaf: Any) -> bool:
    return isinstance(leaf, _core.GraphTensor)


def _flatten(fetches: Any, leaves: list[Any]) -> None:
    if isinstance(fetches, Mapping):
        fetches = list(fetches.values())
    if isinstance(fetches, (list, tuple)):
        for each in fetches:
            _flatten(each, leaves)
    else:
        leaves.append(fetches)


def _rebuilt(fetches: Any, values: Iterator[Any]) -> Any:
    if isinstance(fetches, Mapping):
        kind: Any = type(fetches)
        return kind((key, _rebuilt(each, values)) for key, each in fetches.items())
    if isinstance(fetches, tuple):
        parts = [_rebuilt(each, values) for each in fetches]
        return type(fetches)(*parts) if hasattr(fetches, "_fields") else tuple(parts)
    if isinstance(fetches, list):
        return [_rebuilt(each, values) for each in fetches]
    return next(values)


class _Options:
    """Named settings that are taken and not heeded."""

    def __init__(self, **settings: Any) -> None:
        self.__dict__.update(settings)


class GPUOptions(_Options):
    """Taken for compatibility: there is no GPU here."""


class ConfigProto(_Options):
    """Taken for compatibility: the engine chooses devices and threads itself.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> config = tf.ConfigProto(allow_soft_placement=True)
    >>> config.gpu_options.allow_growth = True
    >>> session = tf.Session(config=config)
    """

    def __init__(self, **settings: Any) -> None:
        self.gpu_options = GPUOptions()
        super().__init__(**settings)


class RunOptions(_Options):
    """Taken for compatibility."""


class RunMetadata(_Options):
    """Taken for compatibility, and left empty."""
