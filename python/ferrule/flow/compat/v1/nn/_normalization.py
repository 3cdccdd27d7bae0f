"""Moments, and what is made even by them."""

from typing import Any

from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._reductions import axes_of, reduce
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, to_tensor


def moments(
    x: Convertible,
    axes: Any,
    shift: Any = None,
    name: str | None = None,
    keep_dims: bool | None = None,
    keepdims: bool | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the mean and the variance (of n, not n - 1) along axes."""
    del shift
    values = to_tensor(x)
    with values.graph.name_scope(name or "moments"):
        mean = reduce("mean", values, axes, keepdims=True, label="mean")
        apart = _e.squared_difference(values, _e.stop_gradient(mean))
        variance = reduce("mean", apart, axes, keepdims=True, label="variance")
        if keepdims or keep_dims:
            return mean, variance
        gone = axes_of(axes)
        return (
            add("squeeze", [mean], "Squeeze", None, axes=gone),
            add("squeeze", [variance], "Squeeze", None, axes=gone),
        )


def batch_normalization(
    x: Convertible,
    mean: Convertible,
    variance: Convertible,
    offset: Convertible | None,
    scale: Convertible | None,
    variance_epsilon: Convertible,
    name: str | None = None,
) -> Tensor:
    """Return (x - mean) / sqrt(variance + variance_epsilon) * scale + offset."""
    values = to_tensor(x)
    with values.graph.name_scope(name or "batchnorm"):
        factor = _e.rsqrt(to_tensor(variance) + variance_epsilon)
        if scale is not None:
            factor = factor * scale
        shift = -to_tensor(mean) * factor if offset is None else offset - to_tensor(mean) * factor
        return values * factor + shift


def l2_normalize(
    x: Convertible,
    axis: Any = None,
    epsilon: float = 1e-12,
    name: str | None = None,
    dim: Any = None,
) -> Tensor:
    """Return `x` over the root of the sum of its squares along axes, at least `epsilon`."""
    values = to_tensor(x)
    with values.graph.name_scope(name or "l2_normalize") as scope:
        axes = axis if dim is None else dim
        total = reduce("sum", _e.square(values), axes, keepdims=True, label="Sum")
        inverse = _e.rsqrt(_e.maximum(total, epsilon))
        return _e.multiply(values, inverse, name=scope)


def zero_fraction(value: Convertible, name: str | None = None) -> Tensor:
    """Return the share of elements that are 0, a scalar of float32."""
    x = to_tensor(value)
    is_zero = _e.cast(_e.equal(x, to_tensor(0, x.dtype, beside=x)), "float32")
    return reduce("mean", is_zero, None, keepdims=False, label="fraction", name=name)
