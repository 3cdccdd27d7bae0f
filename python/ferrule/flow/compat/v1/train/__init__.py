"""Training: optimizers, learning rates, checkpoints."""

from ferrule.flow.compat.v1._missing import raiser
from ferrule.flow.compat.v1.train._adagrad import AdagradOptimizer
from ferrule.flow.compat.v1.train._adam import AdamOptimizer
from ferrule.flow.compat.v1.train._checkpoint_index import get_checkpoint_state
from ferrule.flow.compat.v1.train._decays import (
    cosine_decay,
    exponential_decay,
    inverse_time_decay,
    natural_exp_decay,
    piecewise_constant,
    piecewise_constant_decay,
    polynomial_decay,
)
from ferrule.flow.compat.v1.train._ftrl import FtrlOptimizer
from ferrule.flow.compat.v1.train._global_step import (
    create_global_step,
    get_global_step,
    get_or_create_global_step,
    global_step,
)
from ferrule.flow.compat.v1.train._gradient_descent import GradientDescentOptimizer
from ferrule.flow.compat.v1.train._momentum import MomentumOptimizer
from ferrule.flow.compat.v1.train._moving_average import ExponentialMovingAverage
from ferrule.flow.compat.v1.train._optimizer import Optimizer
from ferrule.flow.compat.v1.train._rmsprop import RMSPropOptimizer
from ferrule.flow.compat.v1.train._saver import Saver, checkpoint_exists, latest_checkpoint

__all__ = [
    "AdagradOptimizer",
    "AdamOptimizer",
    "ExponentialMovingAverage",
    "FtrlOptimizer",
    "GradientDescentOptimizer",
    "MomentumOptimizer",
    "Optimizer",
    "RMSPropOptimizer",
    "Saver",
    "checkpoint_exists",
    "cosine_decay",
    "create_global_step",
    "exponential_decay",
    "get_checkpoint_state",
    "get_global_step",
    "get_or_create_global_step",
    "global_step",
    "inverse_time_decay",
    "latest_checkpoint",
    "natural_exp_decay",
    "piecewise_constant",
    "piecewise_constant_decay",
    "polynomial_decay",
]

__getattr__ = raiser("tf.train", __name__)
