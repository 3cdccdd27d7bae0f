"""What dense and convolutional layers begin with."""

import math

from ferrule._core import Tensor
from ferrule.flow.nn import init


def reset(weight: Tensor, bias: Tensor | None) -> None:
    """Draw both uniformly within ±1 / sqrt(fan in)."""
    inputs, _ = init.fans(weight)
    bound = 1.0 / math.sqrt(inputs) if inputs else 0.0
    init.uniform_(weight, -bound, bound)
    if bias is not None:
        init.uniform_(bias, -bound, bound)
