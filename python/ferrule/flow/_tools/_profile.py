"""What a run costs, part by part."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from ferrule._words import counted
from ferrule.flow._drawing import Output
from ferrule.flow._function import Function
from ferrule.flow._tools._table import Table, in_bytes, in_units, shortened

_HOLDS_MAX = 60
_LINE_MAX = 60


@dataclass(frozen=True)
class Part:
    """One pass over memory: an operation, or several that are fused.

    Attributes
    ----------
    name : str
        The operation; ``fused`` for several in one pass, ``scalars`` for a whole graph of single
        numbers.
    holds : tuple of str
        The functions of a pass that has several.
    lines : tuple of str
        The lines of yours, or the names of the operations, that it comes from.
    shapes : tuple of str
        Of what it gives.
    calls : int
        How often it ran.
    seconds : float
        What that took, all together.
    bytes_read, bytes_written : int
        Of one run.
    operations : int
        Of arithmetic in one run; 0 of what only moves numbers.
    """

    name: str
    holds: tuple[str, ...]
    lines: tuple[str, ...]
    shapes: tuple[str, ...]
    calls: int
    seconds: float
    bytes_read: int
    bytes_written: int
    operations: int

    @property
    def rate(self) -> str:
        """What it does in a second: arithmetic where that takes longest, else bytes."""
        if not self.seconds:
            return ""
        runs = self.calls / self.seconds
        moved = self.bytes_read + self.bytes_written
        # Memory that gives 10 GB/s feeds about so many operations with each byte.
        if self.operations > 2 * moved:
            return in_units(self.operations * runs, ("FLOP/s", "kFLOP/s", "MFLOP/s", "GFLOP/s"))
        return in_units(moved * runs, ("B/s", "kB/s", "MB/s", "GB/s"))


class Profile:
    """What runs cost; `print` shows it, and notebooks do.

    Attributes
    ----------
    parts : list of Part
        The longest first. An update that the matrix product before it makes is a part of that.
    calls : int
        How many runs were timed.
    seconds : float
        What they took, all together, in the engine.
    """

    def __init__(self, title: str, made: dict[str, Any], line_of: Callable[[int], str]) -> None:
        self.calls: int = made["calls"]
        self.seconds: float = made["seconds"]
        parts = [_part(each, line_of) for each in made["parts"] if each["calls"]]
        self.parts = sorted(parts, key=lambda part: -part.seconds)
        self._table = self._tabled(title)

    def _tabled(self, title: str) -> Table:
        columns = (">µs a run", ">%", ">Calls", "Operation", "Gives", ">Read", ">Written", ">Rate")
        rows = [self._row(part) for part in self.parts]
        each = self.seconds / self.calls
        inside = sum(part.seconds for part in self.parts)
        between = max(0.0, self.seconds - inside) / self.calls
        notes = [
            f"{_micros(each)} µs a run over {counted(self.calls, 'run')}, "
            f"{_micros(between)} of them between operations",
        ]
        return Table(title, (*columns, "From"), rows, notes)

    def _row(self, part: Part) -> tuple[str, ...]:
        holds = f": {' '.join(part.holds)}" if part.holds else ""
        more = f" and {len(part.lines) - 1} more" if len(part.lines) > 1 else ""
        return (
            _micros(part.seconds / self.calls),
            f"{100 * part.seconds / self.seconds:.1f}" if self.seconds else "",
            f"{part.calls:,}",
            shortened(f"{part.name}{holds}", _HOLDS_MAX),
            ", ".join(part.shapes),
            in_bytes(part.bytes_read),
            in_bytes(part.bytes_written),
            part.rate,
            shortened(part.lines[0], _LINE_MAX) + more if part.lines else "",
        )

    def __str__(self) -> str:
        return self._table.text()

    def __repr__(self) -> str:
        return self._table.text()

    def _repr_html_(self) -> str:
        return self._table.html()


def _micros(seconds: float) -> str:
    return f"{seconds * 1e6:,.3f}" if seconds < 1e-5 else f"{seconds * 1e6:,.1f}"


def _part(made: dict[str, Any], line_of: Callable[[int], str]) -> Part:
    lines = dict.fromkeys(line for node in made["nodes"] if (line := line_of(node)))
    return Part(
        made["name"],
        tuple(made["members"]),
        tuple(lines),
        tuple(str(Output(dtype, shape)) for dtype, shape in made["outputs"]),
        made["calls"],
        made["seconds"],
        made["bytes_read"],
        made["bytes_written"],
        made["operations"],
    )


@runtime_checkable
class Profiled(Protocol):
    """What can be run and timed."""

    def __ferrule_profile__(
        self, args: Sequence[Any], kwargs: dict[str, Any], calls: int
    ) -> tuple[str, dict[str, Any], Callable[[int], str]]:
        """Return a title, what the engine says, and the function from a node to its line."""


def profile(target: Any, *args: Any, calls: int = 10, **kwargs: Any) -> Profile:
    """Run a function, or fetches of a session, and tell what each operation of it costs.

    What is timed is the graph as it is run: operations that became one pass over memory are one
    row, which says what it holds, and what was computed before the run is none. The first run, in
    which plans are made and memory is laid out, is not timed. What the runs change, such as the
    parameters that a training step updates, is put back.

    Parameters
    ----------
    target : flow.function, callable or Session of ferrule.flow.compat.v1
        A callable, such as a flow.nn.Module, is traced as by `flow.function`.
    *args, **kwargs
        Of a function, what it is called with; of a session, fetches and feed_dict.
    calls : int
        How many runs are timed.

    Returns
    -------
    Profile

    Raises
    ------
    TypeError
        For a target that is nothing of this.
    ValueError
        For less than one call.

    Examples
    --------
    >>> from ferrule import flow
    >>> @flow.function
    ... def energy(x, w):
    ...     return ((x @ w).tanh() ** 2).sum()
    >>> profile = flow.profile(energy, flow.ones(64, 32), flow.ones(32, 16))
    >>> profile.calls, sorted(part.name for part in profile.parts)
    (10, ['fused', 'mat_mul', 'sum'])
    """
    if calls < 1:
        raise ValueError(f"at least one call is timed; got calls={calls}")
    if not isinstance(target, Profiled):
        if not callable(target):
            raise TypeError(
                f"expected a function or a session of ferrule.flow.compat.v1, got "
                f"{type(target).__name__}"
            )
        target = Function(target)
    return Profile(*target.__ferrule_profile__(args, kwargs, calls))
