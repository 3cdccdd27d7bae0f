"""One step of training, and one of validation, compiled where asked for."""

from collections.abc import Callable, Iterable
from typing import Any

import numpy as np

from ferrule._core import Tensor
from ferrule.flow._autograd import no_grad
from ferrule.flow._fit._batches import Batch
from ferrule.flow._fit._means import Means
from ferrule.flow._fit._metrics import Metric
from ferrule.flow._function import function
from ferrule.flow.nn import Module
from ferrule.flow.nn.utils import clip_grad_norm_
from ferrule.flow.optim import Optimizer

Loss = Callable[[Any, Tensor], Tensor]


class Steps:
    """What is done with a batch.

    Parameters
    ----------
    clip_norm : float, optional
        What the norm of all gradients is scaled down to.
    compiled : bool
        Whether each step runs as one graph.
    """

    def __init__(
        self,
        model: Module,
        loss: Loss,
        optimizer: Optimizer,
        metrics: dict[str, Metric],
        *,
        clip_norm: float | None,
        compiled: bool,
    ) -> None:
        self._model = model
        self._loss = loss
        self._optimizer = optimizer
        self._metrics = metrics
        self._clip_norm = clip_norm
        self._train = function(self._train_step) if compiled else self._train_step
        self._validate = function(self._validation_step) if compiled else self._validation_step

    def _numbers(self, prediction: Any, target: Tensor, loss: Tensor) -> list[Tensor]:
        metrics = [metric(prediction, target) for metric in self._metrics.values()]
        return [loss, *(metric.to(loss.dtype).mean() for metric in metrics)]

    def _train_step(self, x: Tensor, y: Tensor) -> list[Tensor]:
        prediction = self._model(x)
        loss = _checked(self._loss(prediction, y))
        loss.backward()
        if self._clip_norm is not None:
            params = [p for group in self._optimizer.param_groups for p in group.params]
            clip_grad_norm_(params, self._clip_norm)
        self._optimizer.step()
        self._optimizer.zero_grad()
        with no_grad():
            return [number.detach() for number in self._numbers(prediction, y, loss)]

    def _validation_step(self, x: Tensor, y: Tensor) -> list[Tensor]:
        with no_grad():
            prediction = self._model(x)
            return self._numbers(prediction, y, _checked(self._loss(prediction, y)))

    def train(
        self, batches: Iterable[Batch], means: Means, *, seen: Callable[[float], object]
    ) -> dict[str, float]:
        """Train on what is left of an epoch.

        Parameters
        ----------
        batches : iterable of (x, y)
        means : Means
            Of the batches before, to which these are added.
        seen : callable
            Is told the loss of each batch.

        Returns
        -------
        dict
            The means of the loss and the metrics over all rows.

        Raises
        ------
        FloatingPointError
            Where the loss is NaN, from which no training comes back.
        """
        self._model.train()
        for x, y in batches:
            values = [value.item() for value in self._train(x, y)]
            if np.isnan(values[0]):
                raise FloatingPointError(
                    f"the loss is NaN in batch {means.n_batches}: look for NaN in the data, or "
                    "take a smaller learning rate or clip_norm; the last checkpoint is from before"
                )
            means.add(values, len(x))
            seen(values[0])
        return means.named(["loss", *self._metrics])

    def validate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Return the means of the loss and the metrics over all rows, with ``val_`` in front."""
        self._model.eval()
        means = Means()
        for x, y in batches:
            means.add([value.item() for value in self._validate(x, y)], len(x))
        return means.named([f"val_{name}" for name in ["loss", *self._metrics]])


def _checked(loss: Any) -> Tensor:
    if isinstance(loss, Tensor) and loss.numel() == 1:
        return loss
    got = f"shape {loss.shape}" if isinstance(loss, Tensor) else type(loss).__name__
    raise TypeError(f"the loss must be a tensor of one number, got {got}: take its mean()")
