"""What a training came to, epoch by epoch."""

from collections.abc import Iterator, Mapping
from typing import Any


class History(Mapping[str, list[float]]):
    """The numbers of each epoch by name: ``history["loss"]`` is a list.

    Attributes
    ----------
    n_epochs : int
        How many epochs there were, those before a resumption too.
    best_epoch : int or None
        With early stopping, the epoch that was best, counted from 0.
    why_stopped : str or None
        What ended the training before its last epoch.
    """

    def __init__(self) -> None:
        self._numbers: dict[str, list[float]] = {}
        self.n_epochs = 0
        self.best_epoch: int | None = None
        self.why_stopped: str | None = None

    def add(self, numbers: Mapping[str, float]) -> None:
        """Add the numbers of one epoch."""
        for name, number in numbers.items():
            self._numbers.setdefault(name, []).append(float(number))
        self.n_epochs += 1

    @property
    def last(self) -> dict[str, float]:
        """The numbers of the last epoch."""
        return {name: numbers[-1] for name, numbers in self._numbers.items()}

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` makes the history of."""
        return {"numbers": self._numbers, "n_epochs": self.n_epochs}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> "History":
        """Return the history that `to_json` was called on."""
        history = cls()
        history._numbers = {name: list(map(float, x)) for name, x in state["numbers"].items()}
        history.n_epochs = int(state["n_epochs"])
        return history

    def __getitem__(self, name: str) -> list[float]:
        return self._numbers[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def __repr__(self) -> str:
        return f"History({described(self.n_epochs, self.last)})"


def described(n_epochs: int, numbers: Mapping[str, float]) -> str:
    """Return the numbers of an epoch in one line."""
    parts = [f"{name} {number:.4g}" for name, number in numbers.items()]
    return ", ".join([f"epoch {n_epochs}", *parts])
