"""The task: y = w * x + b by gradient descent, one sample a step, two scalars fed."""

from typing import Protocol

XS = [i / 32 for i in range(32)]
YS = [2 * x + 10 for x in XS]
LEARNING_RATE = 0.01


class Learner(Protocol):
    """A contender: it learns `w` and `b`, which start at 0, sample by sample."""

    def learn(self, steps: int) -> None:
        """Take so many steps, sample 0 first; returns when they are done."""

    def learned(self) -> tuple[float, float]:
        """Return `w` and `b` as they are now."""


def by_hand(steps: int) -> tuple[float, float]:
    """Return what `steps` steps in float64 learn."""
    w = b = 0.0
    for i in range(steps):
        x, y = XS[i % 32], YS[i % 32]
        slope = 2 * (y - (w * x + b))
        w, b = w + LEARNING_RATE * slope * x, b + LEARNING_RATE * slope
    return w, b
