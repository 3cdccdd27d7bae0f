"""Random numbers."""

from ferrule.flow.compat.v1._missing import raiser
from ferrule.flow.compat.v1._sources import (
    random_normal,
    random_uniform,
    set_random_seed,
    truncated_normal,
)
from ferrule.flow.compat.v1.nn import log_uniform_candidate_sampler, uniform_candidate_sampler

normal = random_normal
uniform = random_uniform

__all__ = [
    "log_uniform_candidate_sampler",
    "normal",
    "random_normal",
    "random_uniform",
    "set_random_seed",
    "truncated_normal",
    "uniform",
    "uniform_candidate_sampler",
]

__getattr__ = raiser("tf.random", __name__)
