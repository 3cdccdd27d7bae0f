"""Reductions over axes, extremes and their places, cumulative sums."""

import math

from oracle.builder import Builder, Node


def axes_of(b: Builder, x: Node) -> list[int]:
    return b.draws.some(x.rank) if x.rank else []


def reduced(b: Builder, x: Node, name: str, bound: float) -> None:
    """Emit a reduction over some axes, or all of them, with or without keeping them."""
    axes = axes_of(b, x)
    keep = b.draws.chance(2)
    given = [axis - x.rank if b.draws.chance(3) else axis for axis in axes]
    if len(axes) == x.rank and b.draws.chance(2):
        axis = None
    elif len(given) == 1 and b.draws.chance(2):
        axis = given[0]
    else:
        axis = given
    tensor = getattr(b.tf, name)(x.tensor, axis=axis, keepdims=keep)
    shape = [1 if i in axes else n for i, n in enumerate(x.shape) if keep or i not in axes]
    b.emit(name, tensor, tuple(shape), bound, x)


def reduce_sum(b: Builder) -> None:
    x = b.pick()
    reduced(b, x, "reduce_sum", x.bound * max(x.size, 1))


def reduce_mean(b: Builder) -> None:
    reduced(b, b.pick(), "reduce_mean", 2.0)


def reduce_extreme(b: Builder) -> None:
    x = b.pick(distinct=True)
    reduced(b, x, b.draws.choice(["reduce_max", "reduce_min"]), x.bound)


def reduce_prod(b: Builder) -> None:
    x = b.positive(b.pick(1, 2, fits=lambda node: node.size <= 9))
    reduced(b, x, "reduce_prod", 2.25**x.size)


def reduce_logsumexp(b: Builder) -> None:
    reduced(b, b.pick(), "reduce_logsumexp", 8.0)


def arg_extreme(b: Builder) -> None:
    x = b.pick(1, 2, 3, distinct=True)
    axis = b.draws.below(x.rank)
    name = b.draws.choice(["argmax", "argmin"])
    places = getattr(b.tf, name)(x.tensor, axis=b.draws.choice([axis, axis - x.rank]))
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    b.emit(name, b.tf.cast(places, b.dtype), shape, 3.0, x, distinct=False)


def cumsum(b: Builder) -> None:
    x = b.pick(1, 2, 3, 4)
    tensor = b.tf.cumsum(
        x.tensor,
        axis=b.draws.between(-x.rank, x.rank - 1),
        exclusive=b.draws.chance(2),
        reverse=b.draws.chance(2),
    )
    b.emit("cumsum", tensor, x.shape, 8.0, x, distinct=False)


def top_k(b: Builder) -> None:
    x = b.pick(1, 2, 3, distinct=True)
    k = b.draws.between(1, x.shape[-1])
    values, places = b.tf.nn.top_k(x.tensor, k=k)
    shape = (*x.shape[:-1], k)
    b.emit("top_k", values, shape, x.bound, x)
    b.emit("top_k places", b.tf.cast(places, b.dtype), shape, 3.0, x, distinct=False)


def l2_loss(b: Builder) -> None:
    x = b.pick()
    b.emit("l2_loss", b.tf.nn.l2_loss(x.tensor), (), 2.0 * max(x.size, 1), x)


def moments(b: Builder) -> None:
    x = b.pick(2, 3, 4)
    axes = b.draws.some(x.rank)
    mean, variance = b.tf.nn.moments(x.tensor, axes=axes)
    shape = tuple(n for i, n in enumerate(x.shape) if i not in axes)
    b.emit("moments mean", mean, shape, 2.0, x)
    b.emit("moments variance", variance, shape, 4.0, x)


def count_nonzero(b: Builder) -> None:
    x = b.pick(1, 2, distinct=True)
    counted = b.tf.count_nonzero(b.tf.nn.relu(x.tensor), axis=0)
    shape = x.shape[1:]
    tensor = b.tf.cast(counted, b.dtype)
    b.emit("count_nonzero", tensor, shape, math.prod(x.shape), x, distinct=False)


MEMBERS = [
    reduce_sum,
    reduce_mean,
    reduce_extreme,
    reduce_prod,
    reduce_logsumexp,
    arg_extreme,
    cumsum,
    top_k,
    l2_loss,
    moments,
    count_nonzero,
]
