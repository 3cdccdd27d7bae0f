"""Adagrad: Duchi et al. (2011), "Adaptive subgradient methods"."""

from typing import Any

from ferrule._core import Tensor
from ferrule.flow._tensors import full_like
from ferrule.flow.optim._group import ParamGroup
from ferrule.flow.optim._optimizer import Optimizer, at_least_zero


class Adagrad(Optimizer):
    """Steps by the gradient over the root of the sum of its squares.

    ::

        g += weight_decay * p
        sum += g²
        p -= lr / (1 + (t - 1) * lr_decay) * g / (sqrt(sum) + eps)

    Parameters
    ----------
    params : iterable of Tensor, or of dicts of ``params`` and options
    lr : float
    lr_decay, weight_decay : float
    initial_accumulator_value : float
        What the sum begins with.
    eps : float
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        lr_decay: float = 0.0,
        weight_decay: float = 0.0,
        initial_accumulator_value: float = 0.0,
        eps: float = 1e-10,
    ) -> None:
        at_least_zero(lr_decay=lr_decay, weight_decay=weight_decay, eps=eps)
        at_least_zero(initial_accumulator_value=initial_accumulator_value)
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "eps": eps,
        }
        super().__init__(params, defaults)

    def _slots(self, param: Tensor, group: ParamGroup) -> dict[str, Tensor]:
        return {"sum": full_like(param, group["initial_accumulator_value"])}

    def _scalars(self, group: ParamGroup) -> tuple[Tensor, ...]:
        if not group["lr_decay"]:
            return (group.rate,)
        return (group.rate / (1.0 + (self.steps - 1.0) * group["lr_decay"]),)

    def _update(
        self,
        param: Tensor,
        grad: Tensor,
        slots: dict[str, Tensor],
        group: ParamGroup,
        *scalars: Tensor,
    ) -> None:
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        total = slots["sum"]
        total.add_(grad.square())
        param.sub_(scalars[0] * (grad / (total.sqrt() + group["eps"])))
