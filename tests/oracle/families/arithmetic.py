"""Arithmetic with broadcasting, and with Python's numbers."""

from collections.abc import Callable

from oracle.builder import Builder, Node
from oracle.families.unary import Function, members


def operands(b: Builder, *, distinct: bool = False) -> tuple[Node, Node]:
    """Return two tensors, either of which may broadcast to the other."""
    x = b.pick(distinct=distinct)
    y = b.broadcastable(x.shape, distinct=distinct)
    return (x, y) if b.draws.chance(2) else (y, x)


def larger(x: Node, y: Node) -> tuple[int, ...]:
    """Return the shape that two nodes broadcast to, one of which has it."""
    return max(x.shape, y.shape, key=lambda shape: (len(shape), shape))


def binary(name: str, function: Callable, bound: float, *, positive: bool = False) -> Callable:
    def add(b: Builder) -> None:
        x, y = operands(b)
        right = b.positive(y) if positive else y
        tensor = function(b.tf, x.tensor, right.tensor)
        b.emit(name, tensor, larger(x, y), bound, x, y, distinct=x is not y and None)

    return add


def extremes(b: Builder) -> None:
    x, y = operands(b, distinct=True)
    if x.tensor is y.tensor:
        return
    name = b.draws.choice(["maximum", "minimum"])
    tensor = getattr(b.tf, name)(x.tensor, y.tensor)
    b.emit(name, tensor, larger(x, y), 2.0, x, y, distinct=False)


def sum_of_many(b: Builder) -> None:
    x = b.pick()
    parts = [x, *(b.like(x.shape) for _ in range(b.draws.between(0, 2)))]
    add_n = b.draws.choice([b.tf.add_n, b.tf.accumulate_n])
    b.emit("add_n", add_n([part.tensor for part in parts]), x.shape, 2.0 * len(parts), *parts)


def whole_numbers(b: Builder) -> None:
    x = b.pick(distinct=True)
    whole = b.tf.cast(b.tf.floor(x.tensor * 8.0), b.tf.int32)
    divisor = b.draws.choice([2, 3, 5])
    makers = {
        "int floordiv": lambda: whole // divisor,
        "int mod": lambda: whole % divisor,
        "floormod": lambda: b.tf.floormod(whole, divisor),
        "int multiply": lambda: whole * divisor - whole,
        "int truediv": lambda: whole / divisor,
        "int64": lambda: b.tf.cast(whole, b.tf.int64) * 3,
    }
    name = b.draws.choice(sorted(makers))
    b.emit(name, b.tf.cast(makers[name](), b.dtype), x.shape, 80.0, x, distinct=False)


def stop_gradient(b: Builder) -> None:
    x = b.pick()
    b.emit("stop_gradient", b.tf.stop_gradient(x.tensor) * x.tensor, x.shape, 4.0, x)


BINARY: list[tuple[str, Callable, float]] = [
    ("add", lambda tf, x, y: tf.add(x, y), 4.0),
    ("+", lambda tf, x, y: x + y, 4.0),
    ("subtract", lambda tf, x, y: tf.subtract(x, y), 4.0),
    ("-", lambda tf, x, y: x - y, 4.0),
    ("multiply", lambda tf, x, y: tf.multiply(x, y), 4.0),
    ("*", lambda tf, x, y: x * y, 4.0),
    ("squared_difference", lambda tf, x, y: tf.squared_difference(x, y), 16.0),
]
QUOTIENTS: list[tuple[str, Callable, float]] = [
    ("divide", lambda tf, x, y: tf.divide(x, y), 8.0),
    ("/", lambda tf, x, y: x / y, 8.0),
    ("truediv", lambda tf, x, y: tf.truediv(x, y), 8.0),
    ("div", lambda tf, x, y: tf.div(x, y), 8.0),
]
UNARY: dict[str, tuple[Function, float]] = {
    "negative": (lambda tf, x: tf.negative(x), 2.0),
    "python -": (lambda tf, x: -x, 2.0),
    "square": (lambda tf, x: tf.square(x), 4.0),
    "number -": (lambda tf, x: 1.5 - x, 3.5),
    "number *": (lambda tf, x: 0.375 * x, 1.0),
    "/ number": (lambda tf, x: x / 4.0, 0.5),
    "- number": (lambda tf, x: x - 0.75, 2.75),
    "identity": (lambda tf, x: tf.identity(x), 2.0),
    "ones_like": (lambda tf, x: x + tf.ones_like(x), 3.0),
    "zeros_like": (lambda tf, x: x - tf.zeros_like(x), 2.0),
}
MEMBERS = [
    extremes,
    sum_of_many,
    whole_numbers,
    stop_gradient,
    *(binary(*row) for row in BINARY),
    *(binary(*row, positive=True) for row in QUOTIENTS),
    *members(UNARY),
    *members(
        {
            "number /": (lambda tf, x: 1.5 / x, 6.0),
            "reciprocal": (lambda tf, x: tf.reciprocal(x), 4.0),
            "floormod of reals": (lambda tf, x: tf.floormod(x, 0.6875), 1.0),
        },
        positive=True,
    ),
]
