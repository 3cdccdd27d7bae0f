"""Losses as modules."""

from typing import Any

from ferrule._core import Tensor
from ferrule.flow.nn import functional
from ferrule.flow.nn._module import Module


class _Loss(Module):
    def __init__(self, *, reduction: str = "mean") -> None:
        self.reduction = reduction

    def extra_repr(self) -> str:
        """Return what is not as usual."""
        return "" if self.reduction == "mean" else f"reduction={self.reduction!r}"


class CrossEntropyLoss(_Loss):
    """`functional.cross_entropy` of logits and classes, or probabilities of these."""

    def __init__(
        self,
        weight: Any = None,
        *,
        ignore_index: int | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = weight
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Any, target: Any) -> Tensor:  # noqa: A002
        """Return the loss."""
        return functional.cross_entropy(
            input,
            target,
            self.weight,
            ignore_index=self.ignore_index,
            reduction=self.reduction,
            label_smoothing=self.label_smoothing,
        )


class NLLLoss(_Loss):
    """`functional.nll_loss` of logarithms of probabilities and classes."""

    def __init__(
        self, weight: Any = None, *, ignore_index: int | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__(reduction=reduction)
        self.weight = weight
        self.ignore_index = ignore_index

    def forward(self, input: Any, target: Any) -> Tensor:  # noqa: A002
        """Return the loss."""
        ignored = self.ignore_index
        reduction = self.reduction
        return functional.nll_loss(
            input, target, self.weight, ignore_index=ignored, reduction=reduction
        )


class MSELoss(_Loss):
    """`functional.mse_loss`: the mean of squared differences."""

    def forward(self, input: Any, target: Any) -> Tensor:  # noqa: A002
        """Return the loss."""
        return functional.mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """`functional.l1_loss`: the mean of absolute differences."""

    def forward(self, input: Any, target: Any) -> Tensor:  # noqa: A002
        """Return the loss."""
        return functional.l1_loss(input, target, reduction=self.reduction)


class HuberLoss(_Loss):
    """`functional.huber_loss`: squares of small differences, and no more than lines of others."""

    def __init__(self, *, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Any, target: Any) -> Tensor:  # noqa: A002
        """Return the loss."""
        return functional.huber_loss(input, target, reduction=self.reduction, delta=self.delta)


class SmoothL1Loss(_Loss):
    """`functional.smooth_l1_loss`: the Huber loss, divided by `beta`."""

    def __init__(self, *, reduction: str = "mean", beta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.beta = beta

    def forward(self, input: Any, target: Any) -> Tensor:  # noqa: A002
        """Return the loss."""
        return functional.smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HingeLoss(_Loss):
    """`functional.hinge_loss` of scores and targets of -1 and 1."""

    def forward(self, input: Any, target: Any) -> Tensor:  # noqa: A002
        """Return the loss."""
        return functional.hinge_loss(input, target, reduction=self.reduction)


class BCELoss(_Loss):
    """`functional.binary_cross_entropy` of probabilities."""

    def forward(self, input: Any, target: Any) -> Tensor:  # noqa: A002
        """Return the loss."""
        return functional.binary_cross_entropy(input, target, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """`functional.binary_cross_entropy_with_logits` of logits."""

    def __init__(self, *, reduction: str = "mean", pos_weight: Any = None) -> None:
        super().__init__(reduction=reduction)
        self.pos_weight = pos_weight

    def forward(self, input: Any, target: Any) -> Tensor:  # noqa: A002
        """Return the loss."""
        return functional.binary_cross_entropy_with_logits(
            input, target, reduction=self.reduction, pos_weight=self.pos_weight
        )
