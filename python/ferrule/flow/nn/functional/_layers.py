"""What layers compute."""

from typing import Any

from ferrule._core import Tensor
from ferrule.flow import _operations as ops
from ferrule.flow._core_ops import operation
from ferrule.flow._tensors import as_tensor
from ferrule.flow._where import here
from ferrule.flow.nn.functional._checks import pair


def linear(x: Any, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return x Wᵀ + b.

    Parameters
    ----------
    x : tensor or array [..., in]
        An array becomes a tensor of the dtype of `weight`.
    weight : tensor [out, in]
    bias : tensor [out], optional

    Returns
    -------
    tensor [..., out]

    Raises
    ------
    ValueError
        Where the last dimension of `x` is not that of `weight`.
    """
    x = _beside(x, weight)
    if not x.ndim or x.shape[-1] != weight.shape[-1]:
        wanted = f"linear takes {weight.shape[-1]} features in the last dimension"
        raise ValueError(here(f"{wanted}; x has shape {x.shape}"))
    rows = x if x.ndim == 2 else x.reshape(-1, x.shape[-1])
    made: Tensor = operation("mat_mul", transpose_a=False, transpose_b=True)(rows, weight)
    if bias is not None:
        made = made + bias
    return made if x.ndim == 2 else made.reshape(*x.shape[:-1], weight.shape[0])


def _beside(x: Any, weight: Tensor) -> Tensor:
    return x if isinstance(x, Tensor) else as_tensor(x, weight.dtype)


def conv2d(
    x: Any,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: int | tuple[int, int] = 1,
    padding: int | tuple[int, int] | str = 0,
) -> Tensor:
    """Return images convolved with filters, channels last.

    Parameters
    ----------
    x : tensor or array [n, height, width, channels]
    weight : tensor [filter height, filter width, channels, output channels]
    bias : tensor [output channels], optional
    stride : int or (int, int)
    padding : int, (int, int), "valid" or "same"
        Zeros above and below, left and right: so many, none, or such that the output has
        ceil(size / stride) rows.

    Raises
    ------
    ValueError
        Where the images have another number of dimensions or channels.
    """
    x = _beside(x, weight)
    if x.ndim != 4 or x.shape[-1] != weight.shape[2]:
        wanted = f"conv2d takes images [n, height, width, {weight.shape[2]}], channels last"
        raise ValueError(here(f"{wanted}; x has shape {x.shape}"))
    if not isinstance(padding, str):
        high, wide = pair(padding)
        x = ops.pad(x, [(0, 0), (high, high), (wide, wide), (0, 0)]) if high or wide else x
        padding = "valid"
    made = ops.conv2d(x, weight, stride, padding)
    return made if bias is None else made + bias


def embedding(index: Any, weight: Tensor) -> Tensor:
    """Return the rows of `weight` at places of any shape.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For a place that `weight` does not have.
    """
    return ops.embedding(weight, index)
