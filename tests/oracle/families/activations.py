"""Activations, and functions with kinks or steps."""

from oracle.builder import Builder
from oracle.families.unary import members


def crelu(b: Builder) -> None:
    x = b.pick(1, 2, 3, distinct=True)
    shape = (*x.shape[:-1], 2 * x.shape[-1])
    b.emit("crelu", b.tf.nn.crelu(x.tensor), shape, x.bound, x, distinct=False)


def batch_normalization(b: Builder) -> None:
    x = b.pick(2, 4)
    columns = x.shape[-1:]
    mean, scale, offset = (b.like(columns, limit=1.0) for _ in range(3))
    variance = b.positive(b.like(columns))
    tensor = b.tf.nn.batch_normalization(
        x.tensor, mean.tensor, variance.tensor, offset.tensor, scale.tensor, 0.015625
    )
    b.emit("batch_normalization", tensor, x.shape, 7.0, x, mean, scale, offset, variance)


MEMBERS = [
    crelu,
    batch_normalization,
    *members(
        {
            "sigmoid": (lambda tf, x: tf.sigmoid(x), 1.0),
            "nn.sigmoid": (lambda tf, x: tf.nn.sigmoid(x), 1.0),
            "nn.tanh": (lambda tf, x: tf.nn.tanh(x * 2.0), 1.0),
            "softplus": (lambda tf, x: tf.nn.softplus(x * 2.0), 4.1),
            "softsign": (lambda tf, x: tf.nn.softsign(x), 0.7),
            "swish": (lambda tf, x: tf.nn.swish(x), 2.0),
        },
    ),
    *members(
        {
            "elu": (lambda tf, x: tf.nn.elu(x), 2.0),
            "selu": (lambda tf, x: tf.nn.selu(x), 2.2),
            "leaky_relu": (lambda tf, x: tf.nn.leaky_relu(x), 2.0),
            "leaky_relu, alpha": (lambda tf, x: tf.nn.leaky_relu(x, alpha=0.125), 2.0),
            "abs": (lambda tf, x: tf.abs(x), 2.0),
            "python abs": (lambda tf, x: abs(x), 2.0),
        },
        kinked=True,
    ),
    *members(
        {
            "relu": (lambda tf, x: tf.nn.relu(x), 2.0),
            "relu6": (lambda tf, x: tf.nn.relu6(x * 6.0), 6.0),
            "sign": (lambda tf, x: tf.sign(x), 1.0),
            "floor": (lambda tf, x: tf.floor(x * 3.0), 6.0),
            "ceil": (lambda tf, x: tf.ceil(x * 3.0), 6.0),
            "round": (lambda tf, x: tf.round(x * 3.0), 6.0),
            "clip_by_value": (lambda tf, x: tf.clip_by_value(x, -0.4375, 0.6875), 1.0),
        },
        kinked=True,
        flat=True,
    ),
]
