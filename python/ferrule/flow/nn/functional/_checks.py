"""What losses check and share."""

from typing import Any

from ferrule._core import Tensor
from ferrule.flow._tensors import as_tensor
from ferrule.flow._where import here


def pair(value: int | tuple[int, int]) -> tuple[int, int]:
    """Return a number for both directions, or the two that were given."""
    if isinstance(value, int):
        return value, value
    first, second = value
    return int(first), int(second)


def alike(input: Any, target: Any) -> tuple[Tensor, Tensor]:  # noqa: A002
    """Return two tensors of one shape and dtype.

    Raises
    ------
    ValueError
        Where their shapes differ: that they would broadcast is no wish but a mistake.
    """
    x = as_tensor(input)
    y = as_tensor(target).to(x.dtype)
    if x.shape != y.shape:
        wrong = f"input has shape {x.shape} and target {y.shape}"
        raise ValueError(here(f"{wrong}: reshape() or squeeze() one of them"))
    return x, y


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """Return the mean or the sum of all elements, or the elements.

    Raises
    ------
    ValueError
        For another `reduction`.
    """
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction == "none":
        return loss
    raise ValueError(f"reduction is 'mean', 'sum' or 'none', not {reduction!r}")
