"""Dense layers."""

from numpy.typing import DTypeLike

from ferrule._core import Tensor
from ferrule.flow._tensors import zeros
from ferrule.flow.nn import functional
from ferrule.flow.nn._module import Module
from ferrule.flow.nn._parameter import Parameter
from ferrule.flow.nn._reset import reset


class Linear(Module):
    """y = x Wᵀ + b.

    Parameters
    ----------
    in_features, out_features : int
    bias : bool
        Whether there is b.
    dtype : str or numpy dtype
        "float32" or "float64".

    Attributes
    ----------
    weight : parameter [out_features, in_features]
    bias : parameter [out_features] or None
        Both begin uniform within ±1 / sqrt(in_features), as PyTorch's.

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> layer = nn.Linear(4, 2)
    >>> layer(flow.zeros(5, 4)).shape
    (5, 2)
    """

    bias: Tensor | None

    def __init__(
        self,
        in_features: int,
        out_features: int,
        *,
        bias: bool = True,
        dtype: DTypeLike = "float32",
    ) -> None:
        self.in_features = in_features
        self.out_features = out_features
        self.weight = Parameter(zeros(out_features, in_features, dtype=dtype))
        self.bias = Parameter(zeros(out_features, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters."""
        reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return [..., out_features] of `x` [..., in_features]."""
        return functional.linear(x, self.weight, self.bias)

    def extra_repr(self) -> str:
        """Return the sizes."""
        bias = self.bias is not None
        return f"in_features={self.in_features}, out_features={self.out_features}, bias={bias}"
