"""Optimizers: how parameters change by their gradients.

Names and formulas are PyTorch's; FTRL's are TensorFlow's.
"""

from ferrule.flow._missing import raiser
from ferrule.flow.nn.utils import clip_grad_norm_, clip_grad_value_
from ferrule.flow.optim import lr_scheduler
from ferrule.flow.optim._adagrad import Adagrad
from ferrule.flow.optim._adam import Adam, AdamW
from ferrule.flow.optim._ftrl import Ftrl
from ferrule.flow.optim._group import ParamGroup
from ferrule.flow.optim._optimizer import Optimizer
from ferrule.flow.optim._rmsprop import RMSprop
from ferrule.flow.optim._sgd import SGD

__all__ = [
    "SGD",
    "Adagrad",
    "Adam",
    "AdamW",
    "Ftrl",
    "Optimizer",
    "ParamGroup",
    "RMSprop",
    "clip_grad_norm_",
    "clip_grad_value_",
    "lr_scheduler",
]

__getattr__ = raiser("optim", __all__)
