"""A bar on stderr while files are read or written."""

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

Tick = Callable[[int, int], None]
"""Takes how many rows and how many files more are done."""


@contextmanager
def bar(label: str, n_files: int, *, shown: bool) -> Iterator[Tick]:
    """Show how far it is, where `shown` is asked for and stderr is a terminal."""
    if not (shown and sys.stderr.isatty()):
        yield lambda _rows, _files: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn(label),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("files, {task.fields[rows]:,} rows"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(label, total=n_files, rows=0)
        done = 0

        def tick(rows: int, files: int) -> None:
            nonlocal done
            done += rows
            progress.update(task, advance=files, rows=done)

        yield tick
