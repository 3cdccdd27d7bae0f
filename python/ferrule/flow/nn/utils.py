"""What is done to gradients between `backward` and an optimizer's step."""

import math
from collections.abc import Iterable

from ferrule._core import Tensor
from ferrule.flow._autograd import no_grad
from ferrule.flow._operations import cat
from ferrule.flow._tensors import zeros


def clip_grad_norm_(
    parameters: Iterable[Tensor] | Tensor, max_norm: float, norm_type: float = 2.0
) -> Tensor:
    """Scale all gradients down together where their norm, as that of one vector, is too great.

    Parameters
    ----------
    parameters : Tensor or iterable of them
        Those without a gradient are passed over.
    max_norm : float
    norm_type : float
        The p of the norm; ``math.inf`` for the greatest absolute value.

    Returns
    -------
    Tensor
        The norm before, a scalar.

    Raises
    ------
    ValueError
        For a `max_norm` that is negative, or a `norm_type` that is not above 0.

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> w = nn.Parameter([0.0, 0.0])
    >>> w.grad = flow.tensor([3.0, 4.0])
    >>> nn.utils.clip_grad_norm_([w], 1.0)
    tensor(5.)
    >>> [round(slope, 3) for slope in w.grad.tolist()]
    [0.6, 0.8]
    """
    if not max_norm >= 0:
        raise ValueError(f"max_norm must be at least 0, got {max_norm}")
    if not norm_type > 0:
        raise ValueError(f"norm_type must be above 0, got {norm_type}")
    with no_grad():
        trained = _with_gradients(parameters)
        if not trained:
            return zeros(())
        norm = _norm([grad for _, grad in trained], norm_type)
        # As PyTorch has it; a scale of exactly 1 leaves every bit.
        scale = (max_norm / (norm + 1e-6)).clamp(max=1.0)
        for parameter, grad in trained:
            parameter.grad = grad * scale.to(grad.dtype)
        return norm


def _norm(grads: list[Tensor], p: float) -> Tensor:
    dtype = max(grad.dtype for grad in grads)

    def joined(parts: Iterable[Tensor]) -> Tensor:
        return cat([part.to(dtype).reshape(1) for part in parts])

    if p == math.inf:
        return joined(grad.abs().amax() for grad in grads).amax()
    if p == 2.0:
        return joined(grad.square().sum() for grad in grads).sum().sqrt()
    return joined(grad.abs().pow(p).sum() for grad in grads).sum().pow(1.0 / p)


def clip_grad_value_(parameters: Iterable[Tensor] | Tensor, clip_value: float) -> None:
    """Bound every element of the gradients by ±`clip_value`.

    Raises
    ------
    ValueError
        For a negative bound.
    """
    if not clip_value >= 0:
        raise ValueError(f"clip_value must be at least 0, got {clip_value}")
    with no_grad():
        for parameter, grad in _with_gradients(parameters):
            parameter.grad = grad.clamp(-clip_value, clip_value)


def _with_gradients(parameters: Iterable[Tensor] | Tensor) -> list[tuple[Tensor, Tensor]]:
    several = [parameters] if isinstance(parameters, Tensor) else list(parameters)
    pairs = ((parameter, parameter.grad) for parameter in several)
    return [(parameter, grad) for parameter, grad in pairs if grad is not None]
