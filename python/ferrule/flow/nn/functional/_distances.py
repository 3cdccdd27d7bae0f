"""Losses by how far numbers are from their targets."""

from typing import Any

from ferrule._core import Tensor
from ferrule.flow import _operations as ops
from ferrule.flow.nn.functional._checks import alike, reduced


def mse_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:  # noqa: A002
    """Return the mean of (input - target)².

    Parameters
    ----------
    input, target : tensors of one shape
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        Where the shapes differ.

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow.nn import functional as F
    >>> F.mse_loss(flow.tensor([1.0, 2.0]), [1.0, 4.0])
    tensor(2.)
    """
    x, y = alike(input, target)
    return reduced((x - y).square(), reduction)


def l1_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:  # noqa: A002
    """Return the mean of |input - target|.

    Parameters
    ----------
    input, target : tensors of one shape
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        Where the shapes differ.
    """
    x, y = alike(input, target)
    return reduced((x - y).abs(), reduction)


def huber_loss(
    input: Any,  # noqa: A002
    target: Any,
    *,
    reduction: str = "mean",
    delta: float = 1.0,
) -> Tensor:
    """Return the mean of d²/2 for d = |input - target| up to `delta`, else delta (d - delta/2).

    Parameters
    ----------
    input, target : tensors of one shape
    reduction : {"mean", "sum", "none"}
    delta : float
        Above 0.

    Raises
    ------
    ValueError
        Where the shapes differ, or for a `delta` that is not above 0.
    """
    if not delta > 0:
        raise ValueError(f"delta must be above 0, got {delta}")
    x, y = alike(input, target)
    distance = (x - y).abs()
    near = distance.clamp(max=delta)
    return reduced(near * (distance - 0.5 * near), reduction)


def smooth_l1_loss(
    input: Any,  # noqa: A002
    target: Any,
    *,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return the Huber loss of delta `beta`, divided by `beta`; the L1 loss where that is 0.

    Parameters
    ----------
    input, target : tensors of one shape
    reduction : {"mean", "sum", "none"}
    beta : float
        At least 0.

    Raises
    ------
    ValueError
        Where the shapes differ, or for a negative `beta`.
    """
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return huber_loss(input, target, reduction=reduction, delta=beta) * (1.0 / beta)


def hinge_loss(input: Any, target: Any, *, reduction: str = "mean") -> Tensor:  # noqa: A002
    """Return the mean of max(0, 1 - input * target).

    Parameters
    ----------
    input : tensor
        Scores: above 0 for the class that is called 1.
    target : tensor of that shape
        -1 or 1 each.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        Where the shapes differ.
    """
    x, y = alike(input, target)
    return reduced(ops.relu(1.0 - x * y), reduction)
