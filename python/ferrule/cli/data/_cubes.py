"""The work of `ferrule data cubes`."""

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from ferrule.cli import _console
from ferrule.data import Cubes, FrameStack
from ferrule.data._checksum import Checksum, checksum
from ferrule.data._cube_progress import bar


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
    if plan.output is None:
        _checksum(plan, cubes)
    else:
        _files(plan, cubes, plan.output)


def _checksum(plan: Plan, cubes: Cubes) -> None:
    started = time.perf_counter()
    with bar(shown=not plan.quiet) as tick:
        done = checksum(cubes, plan.state, tick)
    _report(plan, cubes, asdict(done), _facts(done), time.perf_counter() - started)


def _files(plan: Plan, cubes: Cubes, output: Path) -> None:
    started = time.perf_counter()
    form: Any = plan.sink
    done = cubes.write(output, format=form, progress=not plan.quiet)
    facts = {"cubes": f"{done.start:,} to {done.stop:,} of {done.total:,}", "folder": str(output)}
    if done.missing:
        facts["missing"] = f"{done.missing:,} cubes of the whole"
    told = {**asdict(done), "path": str(output)}
    _report(plan, cubes, told, facts, time.perf_counter() - started)


def _report(
    plan: Plan, cubes: Cubes, told: dict[str, Any], facts: dict[str, str], seconds: float
) -> None:
    """Print what came of it, and how fast."""
    rate = told["made"] / seconds
    if plan.json:
        speed = {"cubes_per_second": rate, "bytes_per_second": rate * cubes.nbytes}
        _console.print_json({**told, "seconds": seconds, **speed})
        return
    _console.print_facts(facts)
    if not plan.quiet:
        shown = f"{_console.number(rate)} cubes/s, {rate * cubes.nbytes / 1e9:.2f} GB/s"
        _console.note(f"made {told['made']:,} cubes in {seconds:.2f} s: {shown}")


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
