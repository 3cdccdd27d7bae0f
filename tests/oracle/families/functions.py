"""Exponentials, logarithms, trigonometry, powers."""

from oracle.builder import Builder
from oracle.families.unary import members


def atan2(b: Builder) -> None:
    x = b.pick()
    y = b.broadcastable(x.shape)
    b.emit("atan2", b.tf.atan2(b.positive(x).tensor, y.tensor), x.shape, 3.2, x, y)


def power(b: Builder) -> None:
    x = b.pick()
    y = b.broadcastable(x.shape)
    b.emit("pow", b.tf.pow(b.positive(x).tensor, y.tensor), x.shape, 16.0, x, y)


def power_of_broadcast(b: Builder) -> None:
    y = b.pick()
    x = b.broadcastable(y.shape)
    b.emit("pow", b.positive(x).tensor ** y.tensor, y.shape, 16.0, x, y)


MEMBERS = [
    atan2,
    power,
    power_of_broadcast,
    *members(
        {
            "exp": (lambda tf, x: tf.exp(x), 7.5),
            "expm1": (lambda tf, x: tf.expm1(x), 6.5),
            "sin": (lambda tf, x: tf.sin(x), 1.0),
            "cos": (lambda tf, x: tf.cos(x), 1.0),
            "sinh": (lambda tf, x: tf.sinh(x), 4.0),
            "cosh": (lambda tf, x: tf.cosh(x), 4.0),
            "tanh": (lambda tf, x: tf.tanh(x), 1.0),
            "atan": (lambda tf, x: tf.atan(x), 1.2),
            "erf": (lambda tf, x: tf.erf(x), 1.0),
            "erfc": (lambda tf, x: tf.erfc(x), 2.0),
            "cube": (lambda tf, x: x**3, 8.0),
            "square by power": (lambda tf, x: x**2.0, 4.0),
            "two to the power": (lambda tf, x: 2.0**x, 4.0),
        }
    ),
    *members({"sin of larger": (lambda tf, x: tf.sin(x * 8.0), 1.0)}),
    *members(
        {
            "asin": (lambda tf, x: tf.asin(x), 0.9),
            "acos": (lambda tf, x: tf.acos(x), 2.5),
            "tan": (lambda tf, x: tf.tan(x), 1.0),
            "log1p": (lambda tf, x: tf.log1p(x), 1.4),
        },
        limit=0.75,
    ),
    *members(
        {
            "log": (lambda tf, x: tf.log(x), 1.5),
            "sqrt": (lambda tf, x: tf.sqrt(x), 1.5),
            "rsqrt": (lambda tf, x: tf.rsqrt(x), 2.0),
            "power of a half": (lambda tf, x: tf.pow(x, 0.5), 1.5),
            "power below zero": (lambda tf, x: x**-1.5, 8.0),
        },
        positive=True,
    ),
]
