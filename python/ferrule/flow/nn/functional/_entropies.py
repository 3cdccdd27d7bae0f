"""Losses by how likely the targets are."""

import math
from typing import Any

from ferrule._core import Tensor
from ferrule.flow import _operations as ops
from ferrule.flow._tensors import arange, as_tensor
from ferrule.flow._where import here
from ferrule.flow.nn.functional._checks import alike, reduced

# Whose logarithm is -100.
_LEAST_CHANCE = math.exp(-100.0)


def cross_entropy(
    input: Any,  # noqa: A002
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the mean of -log(softmax(input)) at the targets.

    Parameters
    ----------
    input : tensor [..., classes]
        Logits. The classes are the last dimension, where PyTorch has them as the second.
    target : tensor [...] of whole numbers, or [..., classes] of floats
        Classes, or probabilities of each.
    weight : tensor [classes], optional
        What each class counts; the mean is that of weighted elements, divided by their weights.
    ignore_index : int, optional
        A class that does not count.
    reduction : {"mean", "sum", "none"}
    label_smoothing : float
        From 0 to 1: how much of the probability is spread evenly over all classes.

    Raises
    ------
    ValueError
        Where the shapes do not fit.
    ferrule.errors.InvalidArgumentError
        For a class that is negative or not below the number of classes.

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow.nn import functional as F
    >>> logits = flow.tensor([[0.0, 0.0], [0.0, 0.0]])
    >>> F.cross_entropy(logits, [0, 1])
    tensor(0.6931472)
    >>> F.cross_entropy(logits, [[0.5, 0.5], [1.0, 0.0]])
    tensor(0.6931472)
    """
    if not 0 <= label_smoothing <= 1:
        raise ValueError(f"label_smoothing is from 0 to 1; got {label_smoothing}")
    logs, y = as_tensor(input).log_softmax(-1), as_tensor(target)
    if y.dtype.kind == "f" and y.ndim == logs.ndim:
        return _of_probabilities(logs, y, weight, reduction, label_smoothing)
    smooth = label_smoothing / logs.shape[-1]
    scale = 1.0 - label_smoothing
    return _of_classes(logs, y, weight, ignore_index, reduction, (scale, smooth))


def nll_loss(
    input: Any,  # noqa: A002
    target: Any,
    weight: Any = None,
    *,
    ignore_index: int | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of -input at the targets.

    Parameters
    ----------
    input : tensor [..., classes]
        Logarithms of probabilities.
    target : tensor [...] of whole numbers
    weight : tensor [classes], optional
    ignore_index : int, optional
    reduction : {"mean", "sum", "none"}
        All as for `cross_entropy`.
    """
    x, y = as_tensor(input), as_tensor(target)
    return _of_classes(x, y, weight, ignore_index, reduction, (1.0, 0.0))


def _of_probabilities(
    logs: Tensor, target: Tensor, weight: Any, reduction: str, smoothing: float
) -> Tensor:
    logs, y = alike(logs, target)
    if smoothing:
        y = y * (1.0 - smoothing) + smoothing / logs.shape[-1]
    if weight is not None:
        y = y * as_tensor(weight).to(logs.dtype)
    return reduced(-(y * logs).sum(-1), reduction)


def _of_classes(
    logs: Tensor,
    target: Tensor,
    weight: Any,
    ignored: int | None,
    reduction: str,
    smoothing: tuple[float, float],
) -> Tensor:
    _check_classes(logs, target)
    flat = target.reshape(-1).long()
    counts = None if ignored is None else flat != ignored
    if counts is not None:
        flat = ops.where(counts, flat, 0)
    weights = None if weight is None else as_tensor(weight).to(logs.dtype)
    # What each row counts, where that is not 1.
    each = None if weights is None else ops.index_select(weights, 0, flat)
    loss = -_picked(logs, flat) if each is None else -_picked(logs, flat) * each
    scale, smooth = smoothing
    if smooth:
        rows = logs.reshape(-1, logs.shape[-1])
        loss = loss * scale - smooth * (rows if weights is None else rows * weights).sum(-1)
    if counts is not None:
        loss = ops.where(counts, loss, 0.0)
        each = counts.to(loss.dtype) if each is None else ops.where(counts, each, 0.0)
    if reduction == "mean" and each is not None:
        return loss.sum() / each.sum()
    return reduced(loss.reshape(target.shape), reduction)


def _picked(logs: Tensor, flat: Tensor) -> Tensor:
    """Return the element of each row that `flat` names."""
    rows, classes = flat.shape[0], logs.shape[-1]
    if rows * classes == 0:
        return logs.reshape(-1)[:0]
    # Looked up among the classes, so that one too many is an error and not one of the next row.
    known = ops.index_select(arange(classes), 0, flat)
    return ops.index_select(logs.reshape(-1), 0, arange(0, rows * classes, classes) + known)


def _check_classes(logs: Tensor, target: Tensor) -> None:
    if target.dtype.kind not in "iu":
        raise TypeError(here(f"classes are whole numbers, not {target.dtype}: cast with .long()"))
    if not logs.ndim or target.shape != logs.shape[:-1]:
        wrong = f"input has shape {logs.shape} and target {target.shape}"
        wanted = f"one class is expected for each row of input, so shape {logs.shape[:-1]}"
        raise ValueError(here(f"{wrong}: {wanted}"))


def binary_cross_entropy(
    input: Any,  # noqa: A002
    target: Any,
    *,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean of -(y log p + (1 - y) log(1 - p)); no logarithm counts as less than -100.

    Parameters
    ----------
    input : tensor
        Probabilities p. Where they come from a sigmoid, `binary_cross_entropy_with_logits` of
        its input is exact where this is not.
    target : tensor of that shape
        y, from 0 to 1.
    reduction : {"mean", "sum", "none"}

    Raises
    ------
    ValueError
        Where the shapes differ.
    """
    p, y = alike(input, target)
    # Bounded before the logarithm, whose gradient at 0 would be infinite.
    yes, no = (chance.clamp(min=_LEAST_CHANCE).log() for chance in (p, 1.0 - p))
    return reduced(-(y * yes + (1.0 - y) * no), reduction)


def binary_cross_entropy_with_logits(
    input: Any,  # noqa: A002
    target: Any,
    *,
    reduction: str = "mean",
    pos_weight: Any = None,
) -> Tensor:
    """Return the mean of -(w y log p + (1 - y) log(1 - p)), where p is the sigmoid of the input.

    Parameters
    ----------
    input : tensor
        Logits.
    target : tensor of that shape
        y, from 0 to 1.
    reduction : {"mean", "sum", "none"}
    pos_weight : tensor that broadcasts, optional
        w, what a positive counts; 1 where it is not given.

    Raises
    ------
    ValueError
        Where the shapes differ.

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow.nn import functional as F
    >>> F.binary_cross_entropy_with_logits(flow.tensor([0.0, 200.0]), [1, 1])
    tensor(0.3465736)
    """
    x, y = alike(input, target)
    if pos_weight is None:
        return reduced(x.softplus() - x * y, reduction)
    weights = 1.0 + (as_tensor(pos_weight).to(x.dtype) - 1.0) * y
    return reduced((1.0 - y) * x + weights * (-x).softplus(), reduction)
