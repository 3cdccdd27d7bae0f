"""RMSprop: Tieleman and Hinton (2012), lecture 6.5 of "Neural networks for machine learning"."""

from typing import Any

from ferrule._core import Tensor
from ferrule.flow._tensors import zeros_like
from ferrule.flow.optim._group import ParamGroup
from ferrule.flow.optim._optimizer import Optimizer, at_least_zero, below_one


class RMSprop(Optimizer):
    """Steps by the gradient over the root of the running mean of its square.

    ::

        g += weight_decay * p
        v = alpha * v + (1 - alpha) * g²
        mean += (1 - alpha) * (g - mean)            # where centered
        step = g / (sqrt(v - mean²) + eps)
        buffer = momentum * buffer + step           # where there is momentum
        p -= lr * buffer

    Parameters
    ----------
    params : iterable of Tensor, or of dicts of ``params`` and options
    lr : float
    alpha : float
        How much of the means stays at each step.
    eps, weight_decay, momentum : float
    centered : bool
        Whether the mean's square is taken from that of the squares.
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-2,
        alpha: float = 0.99,
        eps: float = 1e-8,
        weight_decay: float = 0.0,
        momentum: float = 0.0,
        *,
        centered: bool = False,
    ) -> None:
        at_least_zero(eps=eps, weight_decay=weight_decay, momentum=momentum)
        below_one(alpha=alpha)
        defaults = {
            "lr": lr,
            "alpha": alpha,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum": momentum,
            "centered": centered,
        }
        super().__init__(params, defaults)

    def _slots(self, param: Tensor, group: ParamGroup) -> dict[str, Tensor]:
        names = ["square_avg"]
        names += ["grad_avg"] if group["centered"] else []
        names += ["momentum_buffer"] if group["momentum"] else []
        return {name: zeros_like(param) for name in names}

    def _update(
        self,
        param: Tensor,
        grad: Tensor,
        slots: dict[str, Tensor],
        group: ParamGroup,
        *scalars: Tensor,
    ) -> None:
        alpha = group["alpha"]
        if group["weight_decay"]:
            grad = grad + group["weight_decay"] * param
        square = slots["square_avg"]
        square.copy_(alpha * square + (1.0 - alpha) * grad.square())
        spread = square
        if group["centered"]:
            mean = slots["grad_avg"]
            mean.copy_(mean + (1.0 - alpha) * (grad - mean))
            spread = square - mean.square()
        step = grad / (spread.sqrt() + group["eps"])
        if group["momentum"]:
            buffer = slots["momentum_buffer"]
            buffer.copy_(group["momentum"] * buffer + step)
            step = buffer
        param.sub_(scalars[0] * step)
