"""Adam: Kingma and Ba (2015), "Adam: a method for stochastic optimization"."""

from typing import Any

from ferrule._core import Tensor
from ferrule.flow._tensors import zeros_like
from ferrule.flow.optim._group import ParamGroup
from ferrule.flow.optim._optimizer import Optimizer, at_least_zero, below_one


class Adam(Optimizer):
    """Steps by the running mean of the gradient over the root of that of its square.

    ::

        g += weight_decay * p
        m += (1 - beta1) * (g - m)
        v = beta2 * v + (1 - beta2) * g²
        p -= lr / (1 - beta1^t) * m / (sqrt(v) / sqrt(1 - beta2^t) + eps)

    Parameters
    ----------
    params : iterable of Tensor, or of dicts of ``params`` and options
    lr : float
    betas : (float, float)
        How much of the means stays at each step.
    eps, weight_decay : float

    Notes
    -----
    t is the number of calls of `step`, also for a parameter that had no gradient in some.

    Examples
    --------
    >>> from ferrule.flow import nn, optim
    >>> w = nn.Parameter([1.0, -2.0])
    >>> optimizer = optim.Adam([w], lr=0.5)
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> [round(value, 3) for value in w.tolist()]
    [0.5, -1.5]
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 0.0,
    ) -> None:
        at_least_zero(eps=eps, weight_decay=weight_decay)
        below_one(beta1=betas[0], beta2=betas[1])
        defaults = {"lr": lr, "betas": betas, "eps": eps, "weight_decay": weight_decay}
        super().__init__(params, defaults)

    def _slots(self, param: Tensor, _group: ParamGroup) -> dict[str, Tensor]:
        return {"exp_avg": zeros_like(param), "exp_avg_sq": zeros_like(param)}

    def _scalars(self, group: ParamGroup) -> tuple[Tensor, ...]:
        beta1, beta2 = group["betas"]
        rate = group.rate / (1.0 - beta1**self.steps)
        return rate, (1.0 - beta2**self.steps).sqrt(), group.rate

    def _decayed(self, param: Tensor, grad: Tensor, decay: float, _lr: Tensor) -> Tensor:
        """Return the gradient with the pull of weight decay."""
        return grad + decay * param

    def _update(
        self,
        param: Tensor,
        grad: Tensor,
        slots: dict[str, Tensor],
        group: ParamGroup,
        *scalars: Tensor,
    ) -> None:
        rate, correction, lr = scalars
        beta1, beta2 = group["betas"]
        if group["weight_decay"]:
            grad = self._decayed(param, grad, group["weight_decay"], lr)
        m, v = slots["exp_avg"], slots["exp_avg_sq"]
        m.copy_(m + (1.0 - beta1) * (grad - m))
        v.copy_(beta2 * v + (1.0 - beta2) * grad.square())
        param.sub_(rate * (m / (v.sqrt() / correction + group["eps"])))


class AdamW(Adam):
    """Adam whose weight decay shrinks parameters, not gradients.

    Loshchilov and Hutter (2019), "Decoupled weight decay regularization"::

        p *= 1 - lr * weight_decay

    and then as `Adam` without weight decay.

    Parameters
    ----------
    params : iterable of Tensor, or of dicts of ``params`` and options
    lr : float
    betas : (float, float)
    eps, weight_decay : float
    """

    def __init__(
        self,
        params: Any,
        lr: float = 1e-3,
        betas: tuple[float, float] = (0.9, 0.999),
        eps: float = 1e-8,
        weight_decay: float = 1e-2,
    ) -> None:
        super().__init__(params, lr, betas, eps, weight_decay)

    def _decayed(self, param: Tensor, grad: Tensor, decay: float, lr: Tensor) -> Tensor:
        param.mul_(1.0 - lr * decay)
        return grad
