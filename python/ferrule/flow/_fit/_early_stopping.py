"""Stopping where a training no longer becomes better."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ferrule._core import Tensor
from ferrule._words import listed
from ferrule.flow.nn import Module


@dataclass(frozen=True, slots=True)
class EarlyStopping:
    """When to stop a training, and with which weights.

    Attributes
    ----------
    patience : int
        How many epochs in a row without a better number end the training; at least 1.
    monitor : str, optional
        The number that tells; the loss of the validation data where it is not given, or, without
        such data, that of training.
    min_delta : float
        By how much a number must be better to count.
    mode : {"auto", "min", "max"}
        Whether less or more is better; "auto": more of what ends in "accuracy", less of others.
    restore_best : bool
        Whether the model ends with the weights of its best epoch.

    Examples
    --------
    >>> from ferrule import flow
    >>> flow.EarlyStopping(patience=3, monitor="val_accuracy").sign("val_accuracy")
    -1.0
    """

    patience: int = 5
    monitor: str | None = None
    min_delta: float = 0.0
    mode: str = "auto"
    restore_best: bool = True

    def __post_init__(self) -> None:
        if self.patience < 1:
            raise ValueError(f"patience must be at least 1, got {self.patience}")
        if not self.min_delta >= 0:
            raise ValueError(f"min_delta must be at least 0, got {self.min_delta}")
        if self.mode not in ("auto", "min", "max"):
            raise ValueError(f"mode is 'auto', 'min' or 'max', not {self.mode!r}")

    def sign(self, name: str) -> float:
        """Return 1 where less of a number is better, -1 where more is."""
        mode = self.mode
        if mode == "auto":
            mode = "max" if name.endswith("accuracy") else "min"
        return 1.0 if mode == "min" else -1.0


class Stopper:
    """How far an early stopping is.

    Parameters
    ----------
    rule : EarlyStopping
    names : list of str
        The numbers that there will be.

    Raises
    ------
    ValueError
        Where the number that tells is not among them.
    """

    def __init__(self, rule: EarlyStopping, names: list[str]) -> None:
        self.rule = rule
        self._name = rule.monitor or ("val_loss" if "val_loss" in names else "loss")
        if self._name not in names:
            raise ValueError(f"early stopping monitors `{self._name}`; there is {listed(names)}")
        self.best = math.inf
        self.best_epoch: int | None = None
        self.waited = 0
        self.weights: dict[str, Tensor] = {}

    @property
    def is_over(self) -> bool:
        """Whether there were as many epochs without a better number as end a training."""
        return self.waited >= self.rule.patience

    def see(self, epoch: int, numbers: Mapping[str, float], model: Module) -> None:
        """Take the numbers of an epoch."""
        value = self.rule.sign(self._name) * numbers[self._name]
        if value < self.best - self.rule.min_delta:
            self.best, self.best_epoch, self.waited = value, epoch, 0
            # Kept values are shared with the model until it changes them.
            self.weights = model.state_dict() if self.rule.restore_best else {}
        else:
            self.waited += 1

    def restore(self, model: Module) -> None:
        """Give the model the weights of its best epoch, where they are kept."""
        if self.weights:
            model.load_state_dict(self.weights)

    def to_json(self) -> dict[str, Any]:
        """Return the state without the weights."""
        return {"best": self.best, "best_epoch": self.best_epoch, "waited": self.waited}

    def load(self, state: dict[str, Any], weights: dict[str, Tensor]) -> None:
        """Go on from what `to_json` gave, and these weights."""
        self.best, self.best_epoch = float(state["best"]), state["best_epoch"]
        self.waited, self.weights = int(state["waited"]), weights
