"""Layers, activations and losses as functions of tensors."""

from ferrule.flow._operations import (
    avg_pool2d,
    dropout,
    gelu,
    leaky_relu,
    log_softmax,
    max_pool2d,
    one_hot,
    pad,
    relu,
    sigmoid,
    softmax,
    tanh,
)
from ferrule.flow.nn.functional._activations import elu, silu, softplus
from ferrule.flow.nn.functional._distances import (
    hinge_loss,
    huber_loss,
    l1_loss,
    mse_loss,
    smooth_l1_loss,
)
from ferrule.flow.nn.functional._entropies import (
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    nll_loss,
)
from ferrule.flow.nn.functional._layers import conv2d, embedding, linear

__all__ = [
    "avg_pool2d",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "conv2d",
    "cross_entropy",
    "dropout",
    "elu",
    "embedding",
    "gelu",
    "hinge_loss",
    "huber_loss",
    "l1_loss",
    "leaky_relu",
    "linear",
    "log_softmax",
    "max_pool2d",
    "mse_loss",
    "nll_loss",
    "one_hot",
    "pad",
    "relu",
    "sigmoid",
    "silu",
    "smooth_l1_loss",
    "softmax",
    "softplus",
    "tanh",
]
