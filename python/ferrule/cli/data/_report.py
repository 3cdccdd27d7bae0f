"""What the commands that write files print."""

import time
from pathlib import Path
from typing import TYPE_CHECKING

from ferrule.cli import _console

if TYPE_CHECKING:
    from ferrule.data import Written


class Clock:
    """Counts seconds from its making."""

    def __init__(self) -> None:
        self._started = time.perf_counter()

    def seconds(self) -> float:
        """Return the seconds since."""
        return time.perf_counter() - self._started


def report(written: "list[Written]", clock: Clock, *, json: bool, quiet: bool) -> None:
    """Print each file with its rows and bytes."""
    if json:
        files = [
            {"file": one.name, "rows": one.n_rows, "bytes": _size(one.name)} for one in written
        ]
        _console.print_json({"files": files, "seconds": clock.seconds()})
        return
    if quiet:
        return
    for one in written[:20]:
        size = _size(one.name)
        told = "" if size is None else f", {_console.byte_size(size)}"
        _console.note(f"wrote {one.name}: {one.n_rows:,} rows{told}")
    if len(written) > 20:
        _console.note(f"wrote {len(written) - 20} files more")
    rows = sum(one.n_rows for one in written)
    _console.note(f"{rows:,} rows in {clock.seconds():.2f} s")


def _size(name: str) -> int | None:
    path = Path(name)
    return path.stat().st_size if path.exists() else None
