"""Layers of images, channels last."""

from numpy.typing import DTypeLike

from ferrule._core import Tensor
from ferrule.flow._tensors import zeros
from ferrule.flow.nn import functional
from ferrule.flow.nn._module import Module
from ferrule.flow.nn._parameter import Parameter
from ferrule.flow.nn._reset import reset
from ferrule.flow.nn.functional._checks import pair

Size = int | tuple[int, int]


class Conv2d(Module):
    """Convolution of images with filters, channels last.

    Images are [n, height, width, channels], where PyTorch has [n, channels, height, width]: turn
    those with ``x.permute(0, 2, 3, 1)``, and its filters with ``weight.permute(2, 3, 1, 0)``.

    Parameters
    ----------
    in_channels, out_channels : int
    kernel_size : int or (int, int)
    stride : int or (int, int)
        Steps down and right.
    padding : int, (int, int), "valid" or "same"
        Zeros above and below, left and right: so many, none, or such that the output has
        ceil(size / stride) rows.
    bias : bool
    dtype : str or numpy dtype

    Attributes
    ----------
    weight : parameter [kernel height, kernel width, in_channels, out_channels]
    bias : parameter [out_channels] or None
        Both begin uniform within ±1 / sqrt(kernel height * kernel width * in_channels).

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> layer = nn.Conv2d(3, 16, kernel_size=3, padding="same")
    >>> layer(flow.zeros(1, 32, 32, 3)).shape
    (1, 32, 32, 16)
    """

    bias: Tensor | None

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: Size,
        stride: Size = 1,
        padding: Size | str = 0,
        *,
        bias: bool = True,
        dtype: DTypeLike = "float32",
    ) -> None:
        self.in_channels = in_channels
        self.out_channels = out_channels
        self.kernel_size = pair(kernel_size)
        self.stride = pair(stride)
        self.padding = padding
        shape = (*self.kernel_size, in_channels, out_channels)
        self.weight = Parameter(zeros(*shape, dtype=dtype))
        self.bias = Parameter(zeros(out_channels, dtype=dtype)) if bias else None
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters."""
        reset(self.weight, self.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Return [n, height, width, out_channels] of `x` [n, height, width, in_channels]."""
        return functional.conv2d(x, self.weight, self.bias, self.stride, self.padding)

    def extra_repr(self) -> str:
        """Return the sizes."""
        text = f"{self.in_channels}, {self.out_channels}, kernel_size={self.kernel_size}"
        text += f", stride={self.stride}, padding={self.padding!r}"
        return text if self.bias is not None else f"{text}, bias=False"


class _Pool2d(Module):
    def __init__(
        self, kernel_size: Size, stride: Size | None = None, padding: str = "valid"
    ) -> None:
        self.kernel_size = pair(kernel_size)
        self.stride = self.kernel_size if stride is None else pair(stride)
        self.padding = padding

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"kernel_size={self.kernel_size}, stride={self.stride}, padding={self.padding!r}"


class MaxPool2d(_Pool2d):
    """The greatest element of each window of images [n, height, width, channels].

    Parameters
    ----------
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        That of `kernel_size` where it is not given.
    padding : {"valid", "same"}

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> nn.MaxPool2d(2)(flow.zeros(1, 8, 8, 3)).shape
    (1, 4, 4, 3)
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the pooled images."""
        return functional.max_pool2d(x, self.kernel_size, self.stride, self.padding)


class AvgPool2d(_Pool2d):
    """The mean of each window of images [n, height, width, channels], without padding.

    Parameters
    ----------
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        That of `kernel_size` where it is not given.
    padding : {"valid", "same"}
    """

    def forward(self, x: Tensor) -> Tensor:
        """Return the pooled images."""
        return functional.avg_pool2d(x, self.kernel_size, self.stride, self.padding)
