"""Layers for images ``[n, height, width, channels]``."""

from collections.abc import Callable
from typing import Any

from ferrule.flow.compat.v1._scopes import get_variable, variable_scope
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, to_tensor
from ferrule.flow.compat.v1.initializers import Zeros
from ferrule.flow.compat.v1.nn import _images


def conv2d(
    inputs: Convertible,
    filters: int,
    kernel_size: Any,
    strides: Any = (1, 1),
    padding: str = "valid",
    data_format: str = "channels_last",
    dilation_rate: Any = (1, 1),
    activation: Callable[[Tensor], Tensor] | None = None,
    use_bias: bool = True,
    kernel_initializer: Any = None,
    bias_initializer: Any = Zeros,
    kernel_regularizer: Any = None,
    bias_regularizer: Any = None,
    activity_regularizer: Any = None,
    kernel_constraint: Any = None,
    bias_constraint: Any = None,
    trainable: bool = True,
    name: str | None = None,
    reuse: Any = None,
) -> Tensor:
    """Return the convolution of images with `filters` filters, with variables for them.

    Parameters
    ----------
    inputs : (n, height, width, channels), whose channels must be known
    filters : int
    kernel_size, strides : int or (height, width)
    padding : {"valid", "same"}
    """
    if activity_regularizer is not None:
        raise NotImplementedError("activity_regularizer= is not in ferrule.flow")
    x = to_tensor(inputs)
    channels = x.shape[-1].value
    if channels is None:
        raise ValueError(f"the channels of the inputs to conv2d must be known, got {x.shape}")
    height, width = _images.two_sizes(kernel_size, "kernel_size")
    with variable_scope(name, default_name="conv2d", reuse=reuse):
        kernel = get_variable(
            "kernel",
            [height, width, channels, int(filters)],
            x.dtype,
            kernel_initializer,
            kernel_regularizer,
            trainable,
            constraint=kernel_constraint,
        )
        result = _images.conv2d(
            x,
            kernel,
            _images.two_sizes(strides, "strides"),
            padding,
            True,
            data_format,
            dilation_rate,
        )
        if use_bias:
            bias = get_variable(
                "bias",
                [int(filters)],
                x.dtype,
                bias_initializer,
                bias_regularizer,
                trainable,
                constraint=bias_constraint,
            )
            result = _images.bias_add(result, bias)
        return result if activation is None else activation(result)


def max_pooling2d(
    inputs: Convertible,
    pool_size: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:
    """Return the greatest element of each window of `pool_size`."""
    return _images.max_pool(inputs, pool_size, strides, padding, data_format, name)


def average_pooling2d(
    inputs: Convertible,
    pool_size: Any,
    strides: Any,
    padding: str = "valid",
    data_format: str = "channels_last",
    name: str | None = None,
) -> Tensor:
    """Return the mean of each window of `pool_size`, without the padding."""
    return _images.avg_pool(inputs, pool_size, strides, padding, data_format, name)
