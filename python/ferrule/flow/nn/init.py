"""What parameters begin with.

Each function fills a tensor in place and returns it. The numbers are those of the default
generator, so `flow.manual_seed` decides them, or of the one that is given.

The fan of a weight is the number of its inputs or outputs: of a matrix [out, in], of filters
[height, width, in, out] times the size of the window.
"""

import math
from typing import Any

from ferrule._core import Tensor
from ferrule.flow import _random
from ferrule.flow._autograd import no_grad

_GAINS = {
    "linear": 1.0,
    "conv2d": 1.0,
    "sigmoid": 1.0,
    "tanh": 5.0 / 3.0,
    "relu": math.sqrt(2.0),
    "selu": 0.75,
}


def fans(tensor: Tensor) -> tuple[int, int]:
    """Return the numbers of inputs and outputs of each element of a layer's result.

    Raises
    ------
    ValueError
        For a tensor that is neither a matrix nor filters of images.
    """
    if tensor.ndim == 2:
        outputs, inputs = tensor.shape
        return inputs, outputs
    if tensor.ndim == 4:
        high, wide, inputs, outputs = tensor.shape
        return high * wide * inputs, high * wide * outputs
    raise ValueError(
        f"a weight is a matrix [out, in], or filters [height, width, in, out]; got {tensor.shape}"
    )


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return by how much an activation shrinks what passes, as PyTorch has it.

    Parameters
    ----------
    nonlinearity : {"linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"}
    param : float, optional
        The slope of "leaky_relu", 0.01 where it is not given.

    Raises
    ------
    ValueError
        For another name.
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        return math.sqrt(2.0 / (1.0 + slope * slope))
    if nonlinearity not in _GAINS:
        known = ", ".join(sorted([*_GAINS, "leaky_relu"]))
        raise ValueError(f"no gain is known for {nonlinearity!r}; there is {known}")
    return _GAINS[nonlinearity]


def _fill(tensor: Tensor, value: Any) -> Tensor:
    with no_grad():
        return tensor.copy_(value)


def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one number."""
    return _fill(tensor, val)


def zeros_(tensor: Tensor) -> Tensor:
    """Fill with 0."""
    return _fill(tensor, 0.0)


def ones_(tensor: Tensor) -> Tensor:
    """Fill with 1."""
    return _fill(tensor, 1.0)


def uniform_(tensor: Tensor, a: float = 0.0, b: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with numbers from `a` on, below `b`, each as likely as any other."""
    return _fill(tensor, _random.uniform(tensor.shape, a, b, tensor.dtype, generator))


def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Fill with Gaussian numbers."""
    return _fill(tensor, _random.normal(tensor.shape, mean, std, tensor.dtype, generator))


def trunc_normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None
) -> Tensor:
    """Fill with Gaussian numbers, none further from the mean than two standard deviations."""
    drawn = _random.truncated_normal(tensor.shape, mean, std, tensor.dtype, generator)
    return _fill(tensor, drawn)


def xavier_uniform_(tensor: Tensor, gain: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill uniformly within ±gain * sqrt(6 / (fan in + fan out)).

    Glorot and Bengio (2010), "Understanding the difficulty of training deep feedforward neural
    networks".

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> w = nn.init.xavier_uniform_(flow.zeros(2, 4))
    >>> bool((abs(w) <= 1.0).all())
    True
    """
    bound = gain * math.sqrt(6.0 / sum(fans(tensor)))
    return uniform_(tensor, -bound, bound, generator=generator)


def xavier_normal_(tensor: Tensor, gain: float = 1.0, *, generator: Any = None) -> Tensor:
    """Fill with Gaussian numbers of standard deviation gain * sqrt(2 / (fan in + fan out))."""
    std = gain * math.sqrt(2.0 / sum(fans(tensor)))
    return normal_(tensor, 0.0, std, generator=generator)


def _kaiming_std(tensor: Tensor, a: float, mode: str, nonlinearity: str) -> float:
    if mode not in ("fan_in", "fan_out"):
        raise ValueError(f"mode is 'fan_in' or 'fan_out', not {mode!r}")
    inputs, outputs = fans(tensor)
    fan = inputs if mode == "fan_in" else outputs
    return calculate_gain(nonlinearity, a) / math.sqrt(fan)


def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    generator: Any = None,
) -> Tensor:
    """Fill uniformly with standard deviation gain / sqrt(fan).

    He et al. (2015), "Delving deep into rectifiers".

    Parameters
    ----------
    tensor : Tensor
    a : float
        The slope of "leaky_relu".
    mode : {"fan_in", "fan_out"}
    nonlinearity : str
        What follows; see `calculate_gain`.
    generator : flow.Generator, optional
    """
    bound = math.sqrt(3.0) * _kaiming_std(tensor, a, mode, nonlinearity)
    return uniform_(tensor, -bound, bound, generator=generator)


def kaiming_normal_(
    tensor: Tensor,
    a: float = 0.0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    *,
    generator: Any = None,
) -> Tensor:
    """Fill with Gaussian numbers of standard deviation gain / sqrt(fan); see `kaiming_uniform_`."""
    std = _kaiming_std(tensor, a, mode, nonlinearity)
    return normal_(tensor, 0.0, std, generator=generator)
