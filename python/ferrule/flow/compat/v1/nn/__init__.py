"""Neural networks: activations, losses, convolutions."""

from ferrule.flow.compat.v1._elementwise import log_sigmoid, sigmoid, softplus, tanh
from ferrule.flow.compat.v1._missing import raiser
from ferrule.flow.compat.v1.nn._activations import (
    crelu,
    dropout,
    elu,
    gelu,
    leaky_relu,
    log_softmax,
    relu,
    relu6,
    selu,
    softmax,
    softsign,
    swish,
)
from ferrule.flow.compat.v1.nn._embeddings import (
    embedding_lookup,
    in_top_k,
    relu_layer,
    top_k,
    xw_plus_b,
)
from ferrule.flow.compat.v1.nn._entropies import (
    l2_loss,
    log_poisson_loss,
    sigmoid_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits,
    softmax_cross_entropy_with_logits_v2,
    sparse_softmax_cross_entropy_with_logits,
    weighted_cross_entropy_with_logits,
)
from ferrule.flow.compat.v1.nn._images import avg_pool, bias_add, conv2d, max_pool
from ferrule.flow.compat.v1.nn._normalization import (
    batch_normalization,
    l2_normalize,
    moments,
    zero_fraction,
)
from ferrule.flow.compat.v1.nn._sampled import (
    log_uniform_candidate_sampler,
    nce_loss,
    sampled_softmax_loss,
    uniform_candidate_sampler,
)

__all__ = [
    "avg_pool",
    "batch_normalization",
    "bias_add",
    "conv2d",
    "crelu",
    "dropout",
    "elu",
    "embedding_lookup",
    "gelu",
    "in_top_k",
    "l2_loss",
    "l2_normalize",
    "leaky_relu",
    "log_poisson_loss",
    "log_sigmoid",
    "log_softmax",
    "log_uniform_candidate_sampler",
    "max_pool",
    "moments",
    "nce_loss",
    "relu",
    "relu6",
    "relu_layer",
    "sampled_softmax_loss",
    "selu",
    "sigmoid",
    "sigmoid_cross_entropy_with_logits",
    "softmax",
    "softmax_cross_entropy_with_logits",
    "softmax_cross_entropy_with_logits_v2",
    "softplus",
    "softsign",
    "sparse_softmax_cross_entropy_with_logits",
    "swish",
    "tanh",
    "top_k",
    "uniform_candidate_sampler",
    "weighted_cross_entropy_with_logits",
    "xw_plus_b",
    "zero_fraction",
]

__getattr__ = raiser("tf.nn", __name__)
