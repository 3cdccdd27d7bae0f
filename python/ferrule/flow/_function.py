"""Functions that are traced into graphs."""

import functools
import threading
import weakref
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from ferrule import _core
from ferrule._core import Tensor
from ferrule.flow._tensors import as_tensor

# The most signatures that one function is traced for; the oldest goes first.
SIGNATURES_MAX = 64

_tracing = threading.local()


def note(owner: Any, name: str = "training") -> None:
    """Make the function that is traced depend on an attribute: another value is another trace."""
    guards = getattr(_tracing, "guards", None)
    if guards is not None:
        guards.append((weakref.ref(owner), name, getattr(owner, name)))


class _Traced:
    """A function as it was traced for one signature."""

    def __init__(
        self, compiled: _core.CompiledFunction, result: Any, guards: list[tuple[Any, str, Any]]
    ) -> None:
        self.compiled = compiled
        self._result = result
        self._guards = guards

    def is_valid(self) -> bool:
        """Whether what the function depends on is as it was."""
        for reference, name, value in self._guards:
            owner = reference()
            if owner is None or getattr(owner, name) != value:
                return False
        return True

    def __call__(self, tensors: list[Tensor]) -> Any:
        return self.filled(self.compiled(tensors))

    def filled(self, tensors: list[Tensor]) -> Any:
        """Return what the function gives, with these tensors in it."""
        return _filled(self._result, iter(tensors))


class Function:
    """A Python function that is traced into a graph; made by `function`."""

    def __init__(self, function: Callable[..., Any]) -> None:
        functools.update_wrapper(self, function)
        self._function = function
        self._traced: dict[Any, list[_Traced]] = {}
        self._bound: weakref.WeakKeyDictionary[Any, Function] = weakref.WeakKeyDictionary()
        self._lock = threading.RLock()

    def __get__(self, instance: Any, owner: type | None = None) -> "Function":
        """Return the function of an object, which has traces of its own."""
        if instance is None:
            return self
        with self._lock:
            if instance not in self._bound:
                # Held weakly, or the object would hold itself.
                own = functools.partial(_call_bound, self._function, weakref.ref(instance))
                self._bound[instance] = Function(functools.wraps(self._function)(own))
            return self._bound[instance]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the graph for these arguments, traced first where it has to be."""
        if _core.is_tracing():
            return self._function(*args, **kwargs)
        tensors: list[Tensor] = []
        nest = (_flattened(args, tensors), _flattened(kwargs, tensors) if kwargs else None)
        return self._find(nest, tensors)(tensors)

    def __ferrule_save__(
        self, place: str, inputs: Mapping[str, Any], outputs: Any, facts: str
    ) -> str:
        """Save the function at `place`; `ferrule.save` calls it."""
        from ferrule.flow._saving import save

        return save(self._function, place, inputs, outputs, facts, {})

    @property
    def n_traces(self) -> int:
        """How many signatures the function was traced for."""
        return sum(len(traces) for traces in self._traced.values())

    def loop(self, *arrays: Any) -> Any:
        """Call the function with one row of each array after the other; see `loop`."""
        stacked = [as_tensor(array) for array in arrays]
        steps = {array.shape[0] if array.ndim else None for array in stacked}
        if len(steps) != 1 or steps & {None, 0}:
            shapes = ", ".join(str(array.shape) for array in stacked)
            raise ValueError(f"loop takes arrays of equally many rows, at least one; got {shapes}")
        rows = [array[0] for array in stacked]
        tensors: list[Tensor] = []
        traced = self._find((_flattened(tuple(rows), tensors), None), tensors)
        return traced.filled(traced.compiled.loop(stacked))

    def _find(self, nest: Any, tensors: list[Tensor]) -> _Traced:
        key = (nest, _core.tensor_signature(tensors))
        with self._lock:
            for traced in self._traced.get(key, ()):
                if traced.is_valid():
                    return traced
            made = self._trace(nest, tensors)
            self._traced.setdefault(key, []).append(made)
            if self.n_traces > SIGNATURES_MAX:
                self._traced.pop(next(iter(self._traced)))
            return made

    def _trace(self, nest: Any, tensors: list[Tensor]) -> _Traced:
        symbols = iter(_core.trace_begin(tensors))
        _tracing.guards = []
        try:
            args, kwargs = _filled(nest, symbols)
            outputs: list[Tensor] = []
            result = _flattened(self._function(*args, **(kwargs or {})), outputs)
            return _Traced(_core.trace_end(outputs), result, _tracing.guards)
        except BaseException:
            _core.trace_abort()
            raise
        finally:
            _tracing.guards = None


def function(function: Callable[..., Any]) -> Function:
    """Decorate a function so that it runs as one graph, without Python.

    The function is run once for each signature of its arguments with stand-ins for its tensors, and
    what it does with them is the graph. From then on only the graph runs: element-wise operations
    are fused, memory is laid out once, and changes of tensors happen in place.

    - Arrays and tensors among the arguments, also in lists, tuples and dicts, are inputs. Anything
      else is part of the signature: another number is another trace.
    - Tensors of the code around the function are read at each call. Those that it changes in
      place (`p -= step`, `copy_`) change at each call.
    - `backward()` inside reaches the leaves of the code around it. Gradients that are there at the
      end are left with them; a step that ends with `zero_grad()` keeps them out of memory.
    - A gradient of the whole function can be taken outside.
    - `if` and `while` on the value of a tensor cannot be traced: use `where`.

    Examples
    --------
    >>> from ferrule import flow
    >>> @flow.function
    ... def norm(x):
    ...     return (x * x).sum().sqrt()
    >>> norm([3.0, 4.0])
    tensor(5.)
    >>> norm.n_traces
    1
    """
    return Function(function)


def loop(function: Callable[..., Any], *arrays: Any) -> Any:
    """Call a function with one row of each array after the other, with no Python in between.

    Parameters
    ----------
    function : callable
        Of one tensor for each of `arrays`. It is traced as by `function`; what it changes in place
        is what one step hands to the next.
    *arrays : array or tensor
        Of equally many rows.

    Returns
    -------
    What the last call gave.

    Raises
    ------
    ValueError
        For arrays of different numbers of rows, or of none.

    Examples
    --------
    >>> from ferrule import flow
    >>> total = flow.tensor(0.0)
    >>> def add(x):
    ...     total.add_(x)
    ...     return total
    >>> flow.loop(add, [1.0, 2.0, 3.0])
    tensor(6.)
    """
    traced = function if isinstance(function, Function) else Function(function)
    return traced.loop(*arrays)


def _call_bound(function: Callable[..., Any], owner: Any, *args: Any, **kwargs: Any) -> Any:
    return function(owner(), *args, **kwargs)


class _Slot:
    """Where a nest has a tensor."""

    def __repr__(self) -> str:
        return "Tensor"


_SLOT = _Slot()


def _flattened(nest: Any, tensors: list[Tensor]) -> Any:
    """Return the nest, hashable, with slots for its tensors and arrays, which go to `tensors`."""
    if isinstance(nest, Tensor):
        tensors.append(nest)
        return _SLOT
    if isinstance(nest, tuple):
        items = tuple([_flattened(item, tensors) for item in nest])
        return items if type(nest) is tuple else (_Nest(type(nest)), *items)
    if isinstance(nest, list):
        if nest and all(type(item) in (int, float) for item in nest):
            tensors.append(as_tensor(nest))
            return _SLOT
        return (_Nest(list), *[_flattened(item, tensors) for item in nest])
    if isinstance(nest, dict):
        values = [_flattened(value, tensors) for value in nest.values()]
        return (_Nest(dict), tuple(nest), *values)
    if isinstance(nest, (np.ndarray, np.generic)):
        tensors.append(as_tensor(nest))
        return _SLOT
    return nest


class _Nest:
    """The type of a nest that is no plain tuple."""

    def __init__(self, type_: type) -> None:
        self.type = type_

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Nest) and other.type is self.type

    def __hash__(self) -> int:
        return hash(self.type)


def _filled(nest: Any, tensors: Any) -> Any:
    """Return the nest with tensors in its slots."""
    if nest is _SLOT:
        return next(tensors)
    if not isinstance(nest, tuple):
        return nest
    if not (nest and isinstance(nest[0], _Nest)):
        return tuple([_filled(item, tensors) for item in nest])
    type_ = nest[0].type
    if type_ is dict:
        return dict(zip(nest[1], [_filled(item, tensors) for item in nest[2:]], strict=True))
    items = [_filled(item, tensors) for item in nest[1:]]
    return type_(*items) if hasattr(type_, "_fields") else type_(items)
