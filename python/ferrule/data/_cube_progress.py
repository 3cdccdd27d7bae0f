"""How far the cubes are, as a bar on stderr."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Progress = Callable[[int, int], object]
"""Takes how many cubes of how many are done."""


@contextmanager
def bar(*, shown: bool) -> Iterator[Progress]:
    """Show how far it is, where `shown` is asked for and stderr is a terminal."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _done, _all: None
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("cubes"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[rate]}"),
        rich.TimeElapsedColumn(),
        rich.TimeRemainingColumn(),
    )
    with rich.Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("cubes", rate="")
        started, before = time.perf_counter(), -1

        def tick(done: int, all_: int) -> None:
            nonlocal before
            before = done if before < 0 else before  # what an earlier run made is no speed of ours
            rate = (done - before) / max(time.perf_counter() - started, 1e-9)
            progress.update(task, completed=done, total=all_, rate=f"{rate:,.0f}/s")

        yield tick
