"""Numbers that tell how good predictions are, by name."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from ferrule._core import Tensor
from ferrule.flow.nn import functional

Metric = Callable[[Tensor, Tensor], Tensor]


def accuracy(prediction: Tensor, target: Tensor) -> Tensor:
    """Return how often the greatest of [..., classes] is at the target class [...]."""
    if target.dtype.kind == "f" or target.shape != prediction.shape[:-1]:
        raise ValueError(
            f"accuracy takes one class for each row of predictions; they have shape "
            f"{prediction.shape}, and targets {target.dtype} {target.shape}: is it binary_accuracy?"
        )
    return (prediction.argmax(-1) == target.long()).float().mean()


def binary_accuracy(prediction: Tensor, target: Tensor) -> Tensor:
    """Return how often logits are above 0 where targets, from 0 to 1, are above one half."""
    if prediction.shape != target.shape:
        raise ValueError(
            f"binary_accuracy takes a target for each logit; they have shapes {target.shape} and "
            f"{prediction.shape}"
        )
    return ((prediction > 0) == (target.float() > 0.5)).float().mean()


_NAMED: dict[str, Metric] = {
    "accuracy": accuracy,
    "binary_accuracy": binary_accuracy,
    "mae": functional.l1_loss,
    "mse": functional.mse_loss,
}


def metrics_of(given: Iterable[str | Metric] | Mapping[str, str | Metric]) -> dict[str, Metric]:
    """Return metrics by name: those of ours by theirs, functions by their own."""
    if isinstance(given, str):
        given = [given]
    pairs: Iterable[tuple[str, Any]]
    if isinstance(given, Mapping):
        pairs = given.items()
    else:
        pairs = [(one if isinstance(one, str) else _name(one), one) for one in given]
    return {name: _metric(one) if isinstance(one, str) else one for name, one in pairs}


def _name(metric: Metric) -> str:
    return getattr(metric, "__name__", type(metric).__name__)


def _metric(name: str) -> Metric:
    if name not in _NAMED:
        known = ", ".join(_NAMED)
        raise ValueError(f"no metric is called {name!r}; there is {known}, or give a function")
    return _NAMED[name]
