"""Functions that are traced into graphs."""

import functools
import threading
import types
import warnings
import weakref
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ferrule import _core
from ferrule._core import Tensor
from ferrule.flow import _saving
from ferrule.flow._tensors import as_tensor

if TYPE_CHECKING:
    from ferrule.flow._drawing import Drawing

# The most signatures that one function is traced for; the oldest goes first.
SIGNATURES_MAX = 64

# How many traces of a function make a warning: of tensors of one kind, which only other values of
# Python's tell apart, and of any. Batches of several sizes are no mistake.
WARNED_AT_VALUES = 5
WARNED_AT = 16

_tracing = threading.local()


def note(owner: Any, name: str = "training") -> None:
    """Make the function that is traced depend on an attribute: another value is another trace."""
    guards = getattr(_tracing, "guards", None)
    if guards is not None:
        guards.append((weakref.ref(owner), name, getattr(owner, name)))


class PerformanceWarning(UserWarning):
    """Something is slower than it could be."""


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
        return self.compiled.is_current()

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
        self._lock = threading.RLock()
        # Traces made for each object that the function is a method of, of any tensors (None) and of
        # those of each kind.
        self._n_made: dict[Any, Counter[bytes | None]] = {}

    def __get__(self, instance: Any, owner: type | None = None) -> Any:
        """Return the function as a method of an object, for which it is traced by itself."""
        return self if instance is None else types.MethodType(self, instance)

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
        return _saving.save(self._function, place, inputs, outputs, facts, {})

    def __ferrule_drawing__(self, inputs: Sequence[Any]) -> "Drawing":
        """Return the graph for such inputs, or the one that was made last; tools call it."""
        # Here, since few look at functions.
        from ferrule.flow._drawing import drawing_of_trace

        if inputs or not self._traced:
            compiled = self._traced_for(inputs, {})[0].compiled
        else:
            compiled = next(reversed(self._traced.values()))[-1].compiled
        return drawing_of_trace(compiled, self._function, name_of(self._function))

    def __ferrule_profile__(
        self, args: Sequence[Any], kwargs: dict[str, Any], calls: int
    ) -> tuple[str, dict[str, Any], Callable[[int], str]]:
        """Run and time the graph for these arguments; `flow.profile` calls it."""
        traced, tensors = self._traced_for(args, kwargs)
        lines = traced.compiled.lines()
        return name_of(self._function), traced.compiled.profile(tensors, calls), lines.__getitem__

    def _traced_for(
        self, args: Sequence[Any], kwargs: dict[str, Any]
    ) -> tuple[_Traced, list[Tensor]]:
        """Return the graph for these arguments, traced where it has to be, and their tensors."""
        import inspect

        if _core.is_tracing():
            raise RuntimeError("a function cannot be looked at while another is traced")
        try:
            inspect.signature(self._function).bind(*args, **kwargs)
        except TypeError as error:
            raise TypeError(
                f"`{name_of(self._function)}` cannot be called so: {error}; give examples of what "
                "it takes after it"
            ) from None
        tensors: list[Tensor] = []
        nest = (_flattened(tuple(args), tensors), _flattened(kwargs, tensors) if kwargs else None)
        return self._find(nest, tensors), tensors

    @property
    def n_traces(self) -> int:
        """How many signatures the function was traced for."""
        return sum(len(traces) for traces in self._traced.values())

    def loop(self, *arrays: Any) -> Any:
        """Call the function with one row of each array after the other; see `loop`."""
        if _core.is_tracing():
            raise RuntimeError("loop() cannot be part of a traced function: call it outside")
        stacked = [_fed(array) for array in arrays]
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
            self._forget()
            self._traced.setdefault(key, []).append(made)
            self._warn(*key)
            return made

    def _forget(self) -> None:
        """Drop the traces for objects that are gone, and the oldest where there are too many."""
        gone = [key for key in self._traced if not _is_alive(key[0])]
        for key in gone:
            del self._traced[key]
        while self.n_traces >= SIGNATURES_MAX:
            del self._traced[next(iter(self._traced))]
        self._n_made = {owner: n for owner, n in self._n_made.items() if _is_alive(owner)}

    def _warn(self, nest: Any, signature: bytes) -> None:
        """Tell once where a function, of one object, is traced again and again."""
        made = self._n_made.setdefault(_owner(nest), Counter())
        made.update([None, signature])
        reasons = {
            WARNED_AT_VALUES: (signature, "numbers or objects among its arguments that differ"),
            WARNED_AT: (None, "other numbers, shapes or dtypes among its arguments"),
        }
        for limit, (counted, reason) in reasons.items():
            if made[counted] == limit and made[None] <= WARNED_AT:
                made[None] += WARNED_AT
                warnings.warn(
                    f"`{name_of(self._function)}` was traced {limit} times, for {reason}; make "
                    "numbers that change tensors, as in flow.tensor(rate)",
                    PerformanceWarning,
                    stacklevel=4,
                )

    def _trace(self, nest: Any, tensors: list[Tensor]) -> _Traced:
        symbols = iter(_core.trace_begin(tensors))
        _tracing.guards = []
        try:
            args, kwargs = _filled(nest, symbols)
            outputs: list[Tensor] = []
            made = self._function(*args, **(kwargs or {}))
            result = _flattened(made, outputs, is_result=True)
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
    - `if` and `while` on the value of a tensor cannot be traced: use `where`, `cond` and
      `while_loop`.

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


def name_of(function: Callable[..., Any]) -> str:
    """Return what a function, or an object that is called as one, is called."""
    return str(getattr(function, "__qualname__", type(function).__name__))


class _Slot:
    """Where a nest has a tensor."""

    def __repr__(self) -> str:
        return "Tensor"


_SLOT = _Slot()


def _flattened(nest: Any, tensors: list[Tensor], *, is_result: bool = False) -> Any:
    """Return the nest, hashable, with slots for its tensors and arrays, which go to `tensors`."""
    if isinstance(nest, Tensor):
        tensors.append(nest)
        return _SLOT
    if nest is None or nest is True or nest is False:
        return _CONSTANTS[nest]
    if isinstance(nest, tuple):
        items = [_flattened(item, tensors, is_result=is_result) for item in nest]
        return tuple(items) if type(nest) is tuple else (_Nest(type(nest)), *items)
    if isinstance(nest, list):
        if not is_result and nest and all(map(_NUMBERS.__contains__, map(type, nest))):
            tensors.append(as_tensor(nest))
            return _SLOT
        return (_LIST, *[_flattened(item, tensors, is_result=is_result) for item in nest])
    if isinstance(nest, dict):
        items = [_flattened(item, tensors, is_result=is_result) for item in nest.values()]
        return (_Nest(dict), tuple(nest), *items)
    if isinstance(nest, (np.ndarray, np.generic)):
        tensors.append(as_tensor(nest) if is_result else _fed(nest))
        return _SLOT
    return _Static(nest)


def _fed(value: Any) -> Tensor:
    """Return a tensor of `value` for one call, in the memory of an array where that can be."""
    return _core.tensor_fed(value) if isinstance(value, np.ndarray) else as_tensor(value)


class _Static:
    """What is no tensor: numbers and text are equal by type and value, all else is itself alone."""

    def __init__(self, value: Any) -> None:
        kind = type(value)
        self.is_plain = kind in _PLAIN
        if self.is_plain:
            # 0.0 and -0.0 are equal, and no NaN is.
            self._key: Any = (kind, value.hex() if kind is float else value)
        else:
            self._key = id(value)
        self.get: Callable[[], Any] = lambda: value
        if not self.is_plain:
            # An object is not kept alive by the functions that it was given to. (`suppress` takes
            # as long as all else here.)
            try:  # noqa: SIM105
                self.get = weakref.ref(value)
            except TypeError:
                pass

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Static) or self._key != other._key:
            return False
        return self.is_plain or self.get() is other.get() is not None

    def __hash__(self) -> int:
        return hash(self._key)


_PLAIN = frozenset({type(None), bool, int, float, complex, str, bytes})

_NUMBERS = frozenset({int, float})

# Made once, since a call may have many.
_CONSTANTS = {value: _Static(value) for value in (None, True, False)}


def _owner(nest: Any) -> Any:
    """Return the object that a method is called on, where the first argument is one."""
    args = nest[0]
    first = args[0] if args else None
    return first if isinstance(first, _Static) and not first.is_plain else None


def _is_alive(nest: Any) -> bool:
    """Whether all objects of a nest are there."""
    if isinstance(nest, tuple):
        return all(_is_alive(item) for item in nest)
    return not isinstance(nest, _Static) or nest.is_plain or nest.get() is not None


class _Nest:
    """The type of a nest that is no plain tuple."""

    def __init__(self, type_: type) -> None:
        self.type = type_

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Nest) and other.type is self.type

    def __hash__(self) -> int:
        return hash(self.type)


_LIST = _Nest(list)


def _filled(nest: Any, tensors: Any) -> Any:
    """Return the nest with tensors in its slots."""
    if nest is _SLOT:
        return next(tensors)
    if isinstance(nest, _Static):
        return nest.get()
    if not isinstance(nest, tuple):
        return nest
    if not (nest and isinstance(nest[0], _Nest)):
        return tuple([_filled(item, tensors) for item in nest])
    type_ = nest[0].type
    if type_ is dict:
        return dict(zip(nest[1], [_filled(item, tensors) for item in nest[2:]], strict=True))
    items = [_filled(item, tensors) for item in nest[1:]]
    return type_(*items) if hasattr(type_, "_fields") else type_(items)
