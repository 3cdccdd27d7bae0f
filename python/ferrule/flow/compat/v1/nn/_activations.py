"""Activations."""

import numpy as np

from ferrule.flow.compat.v1 import _array
from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._sources import random_uniform
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, Value, add, binary, to_tensor

_SELU_SCALE = 1.0507009873554804934193349852946
_SELU_SCALE_ALPHA = 1.7580993408473768599402175208123


def relu(features: Convertible, name: str | None = None) -> Tensor:
    """Return max(0, x), whose derivative at 0 is 0."""
    x = to_tensor(features)
    return binary("maximum", to_tensor(0, x.dtype, beside=x), x, "Relu", name)


def relu6(features: Convertible, name: str | None = None) -> Tensor:
    """Return min(6, max(0, x))."""
    x = to_tensor(features)
    return binary("minimum", to_tensor(6, x.dtype, beside=x), relu(x), "Relu6", name)


def leaky_relu(features: Convertible, alpha: Convertible = 0.2, name: str | None = None) -> Tensor:
    """Return x where it is above 0, else alpha * x."""
    x = to_tensor(features)
    # As TensorFlow: a Python float is float32, whatever the dtype of x.
    slope = float(np.float32(alpha)) if isinstance(alpha, (int, float)) else alpha
    return add("select", [_e.greater(x, 0), x, x * slope], "LeakyRelu", name)


def elu(features: Convertible, name: str | None = None) -> Tensor:
    """Return x where it is at least 0, else exp(x) - 1."""
    x = to_tensor(features)
    return add("select", [_e.less(x, 0), _expm1_below(x), x], "Elu", name)


def selu(features: Convertible, name: str | None = None) -> Tensor:
    """Return the scaled `elu` of Klambauer et al. (2017), which keeps mean and variance."""
    x = to_tensor(features)
    below, above = _expm1_below(x) * _SELU_SCALE_ALPHA, x * _SELU_SCALE
    return add("select", [_e.less(x, 0), below, above], "Selu", name)


def _expm1_below(x: Tensor) -> Tensor:
    """Return exp(x) - 1 where x is below 0; elsewhere 0, for exp of it could be infinite."""
    return _e.expm1(_e.minimum(x, 0))


def softsign(features: Convertible, name: str | None = None) -> Tensor:
    """Return x / (|x| + 1)."""
    x = to_tensor(features)
    return binary("div", x, abs(x) + 1, "Softsign", name)


def swish(features: Convertible) -> Tensor:
    """Return x * sigmoid(x)."""
    x = to_tensor(features)
    return x * _e.sigmoid(x)


def gelu(features: Convertible, approximate: bool = False, name: str | None = None) -> Tensor:
    """Return x times the chance that a standard Gaussian is below x; or its form by tanh."""
    x = to_tensor(features)
    with x.graph.name_scope(name or "Gelu") as scope:
        if approximate:
            inner = _e.tanh(0.7978845608028654 * (x + 0.044715 * _e.pow(x, 3)))
        else:
            inner = _e.erf(x / 1.4142135623730951)
        return _e.multiply(0.5 * x, 1.0 + inner, name=scope)


def crelu(features: Convertible, name: str | None = None, axis: int = -1) -> Tensor:
    """Return relu of x and of -x, one after the other along `axis`."""
    x = to_tensor(features)
    return relu(_array.concat([x, -x], axis), name or "CRelu")


def softmax(
    logits: Convertible, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Tensor:
    """Return exp(x) / sum(exp(x)) along `axis`, by default the last."""
    return _along("softmax", logits, axis if dim is None else dim, "Softmax", name)


def log_softmax(
    logits: Convertible, axis: int | None = None, name: str | None = None, dim: int | None = None
) -> Tensor:
    """Return the logarithm of `softmax` along `axis`, by default the last."""
    return _along("log_softmax", logits, axis if dim is None else dim, "LogSoftmax", name)


def _along(
    kind: str, logits: Convertible, axis: int | None, label: str, name: str | None
) -> Tensor:
    """Return a function of the last axis along another, which changes place with it."""
    x = to_tensor(logits)
    n = x.shape.ndims
    if axis in {None, -1} or (n is not None and axis == n - 1):
        return add(kind, [x], label, name)
    if n is None or not -n <= int(axis or 0) < n:
        raise ValueError(f"axis {axis} is not one of {x.name!r} of shape {x.shape}")
    order = list(range(n))
    place = int(axis or 0) % n
    order[place], order[-1] = order[-1], order[place]
    turned = add(kind, [_array.transpose(x, order)], label, None)
    return _array.transpose(turned, order, name or label)


def dropout(
    x: Convertible,
    keep_prob: Convertible | None = None,
    noise_shape: object = None,
    seed: int | None = None,
    name: str | None = None,
    rate: Convertible | None = None,
) -> Tensor:
    """Return `x` with elements at random 0, and the others greater, so that the sum is kept.

    Parameters
    ----------
    x : tensor of floats
    keep_prob : float or scalar tensor
        The share of elements that stay; or give `rate`, the share that does not.
    noise_shape : list of int, optional
        Of the choices, which are then broadcast; by default that of `x`.

    Raises
    ------
    ValueError
        Where neither or both are given, or the rate is not in [0, 1).
    """
    if (keep_prob is None) == (rate is None):
        raise ValueError("give one of keep_prob and rate")
    values = to_tensor(x)
    if not values.dtype.is_floating:
        raise ValueError(f"x has to be of floats since it is scaled, got {values.dtype.name}")
    share = rate if keep_prob is None else 1.0 - keep_prob
    if isinstance(share, (int, float)):
        if not 0 <= share < 1:
            raise ValueError(f"rate must be in [0, 1), got {share}")
        if share == 0:
            return values
    with values.graph.name_scope(name or "dropout") as scope:
        fallen = share if isinstance(share, Value) else to_tensor(share, values.dtype)
        shape = _array.shape(values) if noise_shape is None else noise_shape
        drawn = random_uniform(shape, dtype=values.dtype, seed=seed)
        stays = _e.cast(_e.greater_equal(drawn, fallen), values.dtype)
        scale = 1.0 / (1.0 - fallen)
        return _e.identity(values * scale * stays, scope)
