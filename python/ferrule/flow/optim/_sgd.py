"""Stochastic gradient descent."""

from typing import Any

from ferrule._core import Tensor
from ferrule.flow._tensors import zeros_like
from ferrule.flow.optim._group import ParamGroup
from ferrule.flow.optim._optimizer import Optimizer, at_least_zero


class SGD(Optimizer):
    """Steps against the gradient, with momentum where asked for.

    ::

        g += weight_decay * p
        buffer = momentum * buffer + g
        p -= lr * (g + momentum * buffer if nesterov else buffer)

    Parameters
    ----------
    params : iterable of Tensor, or of dicts of ``params`` and options
    lr : float
    momentum, weight_decay : float
    nesterov : bool
        Whether the momentum looks ahead (Sutskever et al., 2013).

    Examples
    --------
    >>> from ferrule.flow import nn, optim
    >>> w = nn.Parameter([1.0, -2.0])
    >>> optimizer = optim.SGD([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([0., 0.], requires_grad=True)
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        momentum: float = 0.0,
        weight_decay: float = 0.0,
        *,
        nesterov: bool = False,
    ) -> None:
        at_least_zero(momentum=momentum, weight_decay=weight_decay)
        if nesterov and not momentum:
            raise ValueError("nesterov needs a momentum above 0")
        defaults = {"lr": lr, "momentum": momentum, "weight_decay": weight_decay}
        super().__init__(params, {**defaults, "nesterov": nesterov})

    def _slots(self, param: Tensor, group: ParamGroup) -> dict[str, Tensor]:
        return {"momentum_buffer": zeros_like(param)} if group["momentum"] else {}

    def _only_descends(self, group: ParamGroup) -> bool:
        return not group["momentum"] and not group["weight_decay"]

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
        if group["momentum"]:
            buffer = slots["momentum_buffer"]
            buffer.copy_(group["momentum"] * buffer + grad)
            grad = grad + group["momentum"] * buffer if group["nesterov"] else buffer
        param.sub_(scalars[0] * grad)
