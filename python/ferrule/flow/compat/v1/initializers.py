"""What variables begin with."""

import math
from typing import Any

import numpy as np

from ferrule.flow.compat.v1 import _dtypes, _literal, _sources
from ferrule.flow.compat.v1._tensor import Tensor, default_graph

# The standard deviation of a standard Gaussian that is cut off at two.
_TRUNCATED_STDDEV = 0.87962566103423978


class Initializer:
    """A function from a shape to a tensor of it."""

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Return a tensor of `shape`, of `dtype` or of the initializer's own."""
        raise NotImplementedError(f"{type(self).__name__} does not say what it makes")


class Zeros(Initializer):
    """Zeros."""

    def __init__(self, dtype: Any = _dtypes.float32) -> None:
        self.dtype = dtype

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Return zeros of `shape`."""
        return _sources.zeros(shape, dtype or self.dtype)


class Ones(Initializer):
    """Ones."""

    def __init__(self, dtype: Any = _dtypes.float32) -> None:
        self.dtype = dtype

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Return ones of `shape`."""
        return _sources.ones(shape, dtype or self.dtype)


class Constant(Initializer):
    """A number, or the numbers of a list or array in the shape that is asked for."""

    def __init__(
        self, value: Any = 0, dtype: Any = _dtypes.float32, verify_shape: bool = False
    ) -> None:
        self.value = value
        self.dtype = dtype
        self._verify_shape = verify_shape

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Return the value in `shape`."""
        kind = _dtypes.as_dtype(dtype or self.dtype)
        if np.ndim(self.value) == 0:
            array = _literal.as_array(self.value, kind)
            return _sources.fill(shape, default_graph().constant(array, "Const"))
        tensor: Tensor = _sources.constant(self.value, kind, shape, verify_shape=self._verify_shape)
        return tensor


class _Drawn(Initializer):
    def __init__(self, seed: int | None, dtype: Any) -> None:
        self.seed = seed
        self.dtype = dtype


class RandomUniform(_Drawn):
    """Numbers drawn evenly from `minval` to `maxval`."""

    def __init__(
        self,
        minval: Any = -0.05,
        maxval: Any = 0.05,
        seed: int | None = None,
        dtype: Any = _dtypes.float32,
    ) -> None:
        super().__init__(seed, dtype)
        self.minval = minval
        self.maxval = maxval

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Return numbers in `shape`."""
        kind = dtype or self.dtype
        return _sources.random_uniform(shape, self.minval, self.maxval, kind, self.seed)


class RandomNormal(_Drawn):
    """Numbers drawn from a Gaussian."""

    def __init__(
        self,
        mean: Any = 0.0,
        stddev: Any = 0.05,
        seed: int | None = None,
        dtype: Any = _dtypes.float32,
    ) -> None:
        super().__init__(seed, dtype)
        self.mean = mean
        self.stddev = stddev

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Return numbers in `shape`."""
        kind = dtype or self.dtype
        return _sources.random_normal(shape, self.mean, self.stddev, kind, self.seed)


class TruncatedNormal(RandomNormal):
    """Numbers drawn from a Gaussian within two standard deviations."""

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Return numbers in `shape`."""
        kind = dtype or self.dtype
        return _sources.truncated_normal(shape, self.mean, self.stddev, kind, self.seed)


class VarianceScaling(_Drawn):
    """Numbers whose variance is `scale` over the number of inputs, outputs, or their mean.

    Parameters
    ----------
    scale : float
        Above 0.
    mode : {"fan_in", "fan_out", "fan_avg"}
    distribution : {"truncated_normal", "normal", "untruncated_normal", "uniform"}
    """

    def __init__(
        self,
        scale: float = 1.0,
        mode: str = "fan_in",
        distribution: str = "truncated_normal",
        seed: int | None = None,
        dtype: Any = _dtypes.float32,
    ) -> None:
        if scale <= 0.0:
            raise ValueError(f"scale must be positive, got {scale}")
        _check_one_of("mode", mode, ("fan_in", "fan_out", "fan_avg"))
        distributions = ("truncated_normal", "normal", "untruncated_normal", "uniform")
        _check_one_of("distribution", distribution.lower(), distributions)
        super().__init__(seed, dtype)
        self.scale = scale
        self.mode = mode
        self.distribution = distribution.lower()

    def __call__(self, shape: Any, dtype: Any = None, partition_info: Any = None) -> Tensor:
        """Return numbers in `shape`."""
        kind = dtype or self.dtype
        fan_in, fan_out = _fans([int(size) for size in shape])
        fan = {"fan_in": fan_in, "fan_out": fan_out, "fan_avg": (fan_in + fan_out) / 2}[self.mode]
        variance = self.scale / max(1.0, fan)
        if self.distribution == "uniform":
            limit = math.sqrt(3.0 * variance)
            return _sources.random_uniform(shape, -limit, limit, kind, self.seed)
        if self.distribution == "untruncated_normal":
            return _sources.random_normal(shape, 0.0, math.sqrt(variance), kind, self.seed)
        stddev = math.sqrt(variance) / _TRUNCATED_STDDEV
        return _sources.truncated_normal(shape, 0.0, stddev, kind, self.seed)


class GlorotUniform(VarianceScaling):
    """Glorot and Bengio (2010), evenly."""

    def __init__(self, seed: int | None = None, dtype: Any = _dtypes.float32) -> None:
        super().__init__(1.0, "fan_avg", "uniform", seed, dtype)


class GlorotNormal(VarianceScaling):
    """Glorot and Bengio (2010), Gaussian."""

    def __init__(self, seed: int | None = None, dtype: Any = _dtypes.float32) -> None:
        super().__init__(1.0, "fan_avg", "truncated_normal", seed, dtype)


def he_normal(seed: int | None = None) -> VarianceScaling:
    """Return the initializer of He et al. (2015), Gaussian."""
    return VarianceScaling(2.0, "fan_in", "truncated_normal", seed)


def he_uniform(seed: int | None = None) -> VarianceScaling:
    """Return the initializer of He et al. (2015), evenly."""
    return VarianceScaling(2.0, "fan_in", "uniform", seed)


def lecun_normal(seed: int | None = None) -> VarianceScaling:
    """Return the initializer of LeCun et al. (1998), Gaussian."""
    return VarianceScaling(1.0, "fan_in", "truncated_normal", seed)


def lecun_uniform(seed: int | None = None) -> VarianceScaling:
    """Return the initializer of LeCun et al. (1998), evenly."""
    return VarianceScaling(1.0, "fan_in", "uniform", seed)


def _fans(shape: list[int]) -> tuple[float, float]:
    """Return how many inputs and outputs a weight tensor has: filters count once a place."""
    if not shape:
        return 1.0, 1.0
    if len(shape) == 1:
        return float(shape[0]), float(shape[0])
    field = math.prod(shape[:-2])
    return float(shape[-2] * field), float(shape[-1] * field)


def _check_one_of(name: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ValueError(f"{name} must be one of {', '.join(allowed)}, got {value!r}")


zeros = zeros_initializer = Zeros
ones = ones_initializer = Ones
constant = constant_initializer = Constant
random_uniform = random_uniform_initializer = RandomUniform
random_normal = random_normal_initializer = RandomNormal
truncated_normal = truncated_normal_initializer = TruncatedNormal
variance_scaling = variance_scaling_initializer = VarianceScaling
glorot_uniform = glorot_uniform_initializer = GlorotUniform
glorot_normal = glorot_normal_initializer = GlorotNormal
