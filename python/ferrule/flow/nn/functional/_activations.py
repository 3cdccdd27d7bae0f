"""Element-wise functions of one tensor."""

from ferrule._core import Tensor
from ferrule.flow import _operations as ops


def softplus(x: Tensor) -> Tensor:
    """Return log(1 + exp(x))."""
    return x.softplus()


def silu(x: Tensor) -> Tensor:
    """Return x times its sigmoid."""
    return x * x.sigmoid()


def elu(x: Tensor, alpha: float = 1.0) -> Tensor:
    """Return x, or alpha * (exp(x) - 1) where it is negative."""
    # The exponential of what is not chosen could overflow, and its gradient be NaN.
    return ops.where(x > 0, x, alpha * x.clamp(max=0.0).expm1())
