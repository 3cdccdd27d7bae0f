"""How far a training is: a bar and a line for each epoch, on stderr."""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from ferrule.flow._fit._history import described

# Seconds between two changes of the bar.
_PERIOD = 0.1


class Shown:
    """Where progress is told; this one says nothing."""

    def start(self, epoch: int, done: int, n_batches: int | None) -> None:
        """Begin an epoch, of which so many batches are done."""

    def batch(self, loss: float) -> None:
        """Tell the loss of a batch."""

    def end(self, n_epochs: int, numbers: Mapping[str, float]) -> None:
        """Tell the numbers of an epoch."""


class _Lines(Shown):
    def end(self, n_epochs: int, numbers: Mapping[str, float]) -> None:
        sys.stderr.write(f"{described(n_epochs, numbers)}\n")


class _Bar(Shown):
    def __init__(
        self, epochs: int, update: Callable[..., None], say: Callable[[str], None]
    ) -> None:
        self._epochs = epochs
        self._update = update
        self._say = say
        self._done = 0
        self._next = 0.0

    def start(self, epoch: int, done: int, n_batches: int | None) -> None:
        self._done = done
        label = f"epoch {epoch + 1}/{self._epochs}"
        self._update(completed=done, total=n_batches, description=label, loss="")

    def batch(self, loss: float) -> None:
        self._done += 1
        now = time.perf_counter()
        if now >= self._next:
            self._next = now + _PERIOD
            self._update(completed=self._done, loss=f"loss {loss:.4g}")

    def end(self, n_epochs: int, numbers: Mapping[str, float]) -> None:
        self._say(described(n_epochs, numbers))


@contextmanager
def shown(epochs: int, *, verbose: bool | None) -> Iterator[Shown]:
    """Show a bar where stderr is a terminal, lines elsewhere if `verbose` asks for them."""
    if verbose is False or not (verbose or sys.stderr.isatty()):
        yield Shown()
        return
    if not sys.stderr.isatty():
        yield _Lines()
        return
    from rich import progress as rich
    from rich.console import Console

    columns = (
        rich.TextColumn("{task.description}"),
        rich.BarColumn(),
        rich.MofNCompleteColumn(),
        rich.TextColumn("{task.fields[loss]}"),
        rich.TimeElapsedColumn(),
    )
    console = Console(stderr=True)
    with rich.Progress(*columns, console=console, transient=True) as bar:
        task = bar.add_task("", loss="")

        def update(**fields: object) -> None:
            bar.update(task, **fields)  # type: ignore[arg-type]

        yield _Bar(epochs, update, lambda line: console.print(line, highlight=False))
