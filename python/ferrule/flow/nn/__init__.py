"""Networks: modules, their parameters, and losses.

Names and formulas are PyTorch's. Images are channels last: [n, height, width, channels].
"""

from ferrule.flow._missing import raiser
from ferrule.flow.nn import functional, init, utils
from ferrule.flow.nn._activations import (
    ELU,
    GELU,
    LeakyReLU,
    LogSoftmax,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from ferrule.flow.nn._containers import ModuleList, Sequential
from ferrule.flow.nn._images import AvgPool2d, Conv2d, MaxPool2d
from ferrule.flow.nn._layers import Dropout, Embedding, Flatten, Identity
from ferrule.flow.nn._linear import Linear
from ferrule.flow.nn._losses import (
    BCELoss,
    BCEWithLogitsLoss,
    CrossEntropyLoss,
    HingeLoss,
    HuberLoss,
    L1Loss,
    MSELoss,
    NLLLoss,
    SmoothL1Loss,
)
from ferrule.flow.nn._module import Module
from ferrule.flow.nn._parameter import Parameter

__all__ = [
    "ELU",
    "GELU",
    "AvgPool2d",
    "BCELoss",
    "BCEWithLogitsLoss",
    "Conv2d",
    "CrossEntropyLoss",
    "Dropout",
    "Embedding",
    "Flatten",
    "HingeLoss",
    "HuberLoss",
    "Identity",
    "L1Loss",
    "LeakyReLU",
    "Linear",
    "LogSoftmax",
    "MSELoss",
    "MaxPool2d",
    "Module",
    "ModuleList",
    "NLLLoss",
    "Parameter",
    "ReLU",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "SmoothL1Loss",
    "Softmax",
    "Softplus",
    "Tanh",
    "functional",
    "init",
    "utils",
]

__getattr__ = raiser("nn", __all__)
