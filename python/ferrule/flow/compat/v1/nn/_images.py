"""Images ``[n, height, width, channels]``: convolution and pools."""

from typing import Any

from ferrule.flow.compat.v1._tensor import Convertible, Tensor, binary, pair, to_tensor
from ferrule.flow.compat.v1._tensor import add as _add
from ferrule.flow.compat.v1.errors import InvalidArgumentError


def conv2d(
    input: Convertible,
    filter: Convertible = None,
    strides: Any = None,
    padding: str | None = None,
    use_cudnn_on_gpu: bool = True,
    data_format: str = "NHWC",
    dilations: Any = (1, 1, 1, 1),
    name: str | None = None,
    filters: Convertible = None,
) -> Tensor:
    """Return the convolution of images with filters.

    Parameters
    ----------
    input : (n, height, width, channels)
    filter : (height, width, channels, outputs)
    strides : int or list, such as [1, 2, 2, 1]
    padding : {"SAME", "VALID"}
        Zeros around, so that ceil(size / stride) places are left; or nothing around.
    """
    del use_cudnn_on_gpu
    if two_sizes(dilations, "dilations") != [1, 1]:
        raise NotImplementedError(f"dilations must be 1 in ferrule.flow, got {dilations}")
    _check_format(data_format)
    x, weights = pair(input, filters if filter is None else filter)
    return _add("conv2d", [x, weights], "Conv2D", name, **_window(strides, padding))


def max_pool(
    value: Convertible,
    ksize: Any = None,
    strides: Any = None,
    padding: str | None = None,
    data_format: str = "NHWC",
    name: str | None = None,
    input: Convertible = None,
) -> Tensor:
    """Return the greatest element of each window of `ksize`, such as [1, 2, 2, 1]."""
    return _pool(
        "max", value if input is None else input, ksize, strides, padding, data_format, name
    )


def avg_pool(
    value: Convertible,
    ksize: Any = None,
    strides: Any = None,
    padding: str | None = None,
    data_format: str = "NHWC",
    name: str | None = None,
    input: Convertible = None,
) -> Tensor:
    """Return the mean of each window of `ksize`, without the padding, such as [1, 2, 2, 1]."""
    given = value if input is None else input
    return _pool("mean", given, ksize, strides, padding, data_format, name)


def _pool(
    f: str,
    value: Convertible,
    ksize: Any,
    strides: Any,
    padding: str | None,
    data_format: str,
    name: str | None,
) -> Tensor:
    _check_format(data_format)
    label = "MaxPool" if f == "max" else "AvgPool"
    size, window = two_sizes(ksize, "ksize"), _window(strides, padding)
    return _add("pool", [to_tensor(value)], label, name, f=f, size=size, window=window)


def bias_add(
    value: Convertible, bias: Convertible, data_format: str | None = None, name: str | None = None
) -> Tensor:
    """Return `value` plus a vector `bias` along the last axis."""
    _check_format(data_format or "NHWC")
    x, b = pair(value, bias)
    if b.shape.ndims not in {None, 1}:
        raise ValueError(f"bias must be a vector, got shape {b.shape}")
    if not b.shape.is_compatible_with(x.shape[-1:]):
        raise ValueError(
            f"bias of shape {b.shape} does not fit the last axis of {x.name!r} of shape {x.shape}"
        )

    return binary("add", x, b, "BiasAdd", name)


def _window(strides: Any, padding: str | None) -> dict[str, Any]:
    around = str(padding).lower()
    if around not in {"same", "valid"}:
        raise InvalidArgumentError(f"padding must be 'SAME' or 'VALID', got {padding!r}")
    return {"strides": two_sizes(strides, "strides"), "padding": around}


def two_sizes(values: Any, name: str) -> list[int]:
    """Return height and width of an int, a pair, or a list of four whose ends are 1."""
    listed = [values] * 2 if isinstance(values, int) else [int(each) for each in values or ()]
    if len(listed) == 1:
        listed *= 2
    if len(listed) == 4 and listed[0] == listed[3] == 1:
        listed = listed[1:3]
    if len(listed) != 2 or min(listed) < 1:
        raise InvalidArgumentError(
            f"{name} must be an int, [height, width] or [1, height, width, 1], got {values}"
        )
    return listed


def _check_format(data_format: str) -> None:
    if data_format not in {"NHWC", "channels_last", "N...C"}:
        raise NotImplementedError(
            f"data_format {data_format!r} is not in ferrule.flow, which has 'NHWC'; use "
            "tf.transpose(x, [0, 2, 3, 1])"
        )
