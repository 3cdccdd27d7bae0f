"""The numbers of an epoch that is not at its end."""

from typing import Any


class Means:
    """Means of numbers, weighted by the rows that they are of.

    Attributes
    ----------
    n_batches : int
        How many batches they are of.
    """

    def __init__(self) -> None:
        self._sums: list[float] = []
        self._rows = 0
        self.n_batches = 0

    def add(self, values: list[float], rows: int) -> None:
        """Add the numbers of a batch."""
        sums = self._sums or [0.0] * len(values)
        self._sums = [total + value * rows for total, value in zip(sums, values, strict=True)]
        self._rows += rows
        self.n_batches += 1

    def named(self, names: list[str]) -> dict[str, float]:
        """Return the means by these names."""
        return {name: total / self._rows for name, total in zip(names, self._sums, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """Return what `from_json` makes the means of."""
        return {"sums": self._sums, "rows": self._rows, "n_batches": self.n_batches}

    @classmethod
    def from_json(cls, state: dict[str, Any]) -> "Means":
        """Return the means that `to_json` was called on."""
        means = cls()
        means._sums = list(map(float, state["sums"]))
        means._rows, means.n_batches = int(state["rows"]), int(state["n_batches"])
        return means
