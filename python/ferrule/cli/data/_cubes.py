"""The work of `ferrule data cubes`."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferrule.cli import _console
from ferrule.data import Cubes, FrameStack
from ferrule.data._checksum import Checksum, checksum

Tick = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the command line asks for."""

    stack: Path
    n: int
    options: dict[str, Any]
    part: tuple[int, int] | None
    """Which, from 1 on, and of how many."""
    sink: str
    output: Path | None
    state: Path | None
    json: bool
    quiet: bool


def execute(plan: Plan) -> None:
    """Do what `plan` says."""
    cubes = Cubes(FrameStack.open(plan.stack), **plan.options, total=plan.n)
    if plan.part is not None:
        k, n_parts = plan.part
        cubes = cubes.part(k - 1, n_parts)
    _checksum(plan, cubes)


def _checksum(plan: Plan, cubes: Cubes) -> None:
    started = time.perf_counter()
    with _progress(plan, cubes) as tick:
        done = checksum(cubes, plan.state, tick)
    seconds = time.perf_counter() - started
    rate = done.made / seconds
    if plan.json:
        _console.print_json(
            {
                "checksum": done.checksum,
                "start": done.start,
                "stop": done.stop,
                "made": done.made,
                "missing": done.missing,
                "total": done.total,
                "total_checksum": done.total_checksum,
                "seconds": seconds,
                "cubes_per_second": rate,
                "bytes_per_second": rate * cubes.nbytes,
            }
        )
        return
    _console.print_facts(_facts(done))
    if not plan.quiet:
        speed = f"{_console.number(rate)} cubes/s, {rate * cubes.nbytes / 1e9:.2f} GB/s"
        _console.note(f"made {done.made:,} cubes in {seconds:.2f} s: {speed}")


def _facts(done: Checksum) -> dict[str, str]:
    whole = done.total_checksum
    facts = {"cubes": f"{done.start:,} to {done.stop:,} of {done.total:,}"}
    if whole is None:
        return facts | {
            "checksum": done.checksum,
            "missing": f"{done.missing:,} cubes of the whole",
        }
    if (done.start, done.stop) != (0, done.total):
        facts["checksum"] = done.checksum
    return facts | {"checksum of all": whole}


@contextmanager
def _progress(plan: Plan, cubes: Cubes) -> Iterator[Tick]:
    """Show how far it is, on a terminal."""
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    to = _console.console(stderr=True)
    columns = (
        TextColumn("cubes"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    hidden = plan.quiet or not to.is_terminal
    with Progress(*columns, console=to, disable=hidden, transient=True) as progress:
        task = progress.add_task("cubes", total=len(cubes), rate="")
        first: list[tuple[float, int]] = []

        def tick(done: int, _all: int) -> None:
            if not first:
                first.append((time.perf_counter(), done))
            began, before = first[0]
            rate = (done - before) / max(time.perf_counter() - began, 1e-9)
            progress.update(task, completed=done, rate=f"{rate:,.0f}/s")

        yield tick
