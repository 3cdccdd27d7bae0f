"""Shapes: transposition, joining, cutting, repeating."""

import math
from typing import Any

from oracle.builder import Builder, Node

SIZE_MAX = 64


def transpose(b: Builder) -> None:
    x = b.pick(1, 2, 3, 4)
    if b.draws.chance(3):
        b.emit("transpose", b.tf.transpose(x.tensor), x.shape[::-1], x.bound, x)
        return
    order = b.draws.permutation(x.rank)
    shape = tuple(x.shape[axis] for axis in order)
    b.emit("transpose", b.tf.transpose(x.tensor, perm=order), shape, x.bound, x)


def reshape(b: Builder) -> None:
    x = b.pick()
    factors = [p for n in x.shape for p in _primes(n)]
    shape: list[int] = [1] * b.draws.between(1, 4)
    for factor in factors:
        shape[b.draws.below(len(shape))] *= factor
    given = list(shape)
    if b.draws.chance(2):
        given[b.draws.below(len(given))] = -1
    b.emit("reshape", b.tf.reshape(x.tensor, given), tuple(shape), x.bound, x)


def expand_dims(b: Builder) -> None:
    x = b.pick(0, 1, 2, 3)
    axis = b.draws.below(x.rank + 1)
    shape = (*x.shape[:axis], 1, *x.shape[axis:])
    given = axis - x.rank - 1 if b.draws.chance(2) else axis
    b.emit("expand_dims", b.tf.expand_dims(x.tensor, axis=given), shape, x.bound, x)


def squeeze(b: Builder) -> None:
    x = b.pick(1, 2)
    axis = b.draws.below(x.rank + 1)
    wide = b.tf.expand_dims(x.tensor, axis)
    tensor = b.tf.squeeze(wide, axis=[axis]) if b.draws.chance(2) else b.tf.squeeze(wide, [axis])
    b.emit("squeeze", tensor * 0.5, x.shape, x.bound, x)


def concat(b: Builder) -> None:
    x = b.pick(1, 2, 3, fits=small)
    axis = b.draws.below(x.rank)
    parts = [x, *(b.like(x.shape) for _ in range(b.draws.between(1, 2)))]
    shape = list(x.shape)
    shape[axis] *= len(parts)
    given = b.draws.choice([axis, axis - x.rank])
    tensor = b.tf.concat([part.tensor for part in parts], axis=given)
    b.emit("concat", tensor, tuple(shape), 2.0, *parts, distinct=False)


def stack(b: Builder) -> None:
    x = b.pick(0, 1, 2, 3, fits=small)
    parts = [x, *(b.like(x.shape) for _ in range(b.draws.between(1, 2)))]
    axis = b.draws.below(x.rank + 1)
    shape = (*x.shape[:axis], len(parts), *x.shape[axis:])
    tensor = b.tf.stack([part.tensor for part in parts], axis=axis)
    b.emit("stack", tensor, shape, 2.0, *parts, distinct=False)


def split(b: Builder) -> None:
    x = b.pick(1, 2, 3, known=True, fits=lambda node: max(node.shape) > 1)
    axis = max(range(x.rank), key=lambda i: x.shape[i])
    length = x.shape[axis]
    if b.draws.chance(2):
        sizes = [1] * length
        pieces = b.tf.split(x.tensor, length, axis=axis)
    else:
        first = b.draws.between(1, length - 1)
        sizes = [first, length - first]
        pieces = b.tf.split(x.tensor, sizes, axis=axis)
    kept = b.draws.some(len(pieces))[:2]
    for i in kept:
        shape = (*x.shape[:axis], sizes[i], *x.shape[axis + 1 :])
        b.emit("split", pieces[i], shape, x.bound, x)


def unstack(b: Builder) -> None:
    x = b.pick(1, 2, 3, known=True)
    axis = b.draws.below(x.rank)
    pieces = b.tf.unstack(x.tensor, axis=axis)
    shape = x.shape[:axis] + x.shape[axis + 1 :]
    for i in b.draws.some(len(pieces))[:2]:
        b.emit("unstack", pieces[i], shape, x.bound, x)


def slice_(b: Builder) -> None:
    x = b.pick(1, 2, 3, 4)
    begin = [b.draws.below(n) for n in x.shape]
    size = [b.draws.between(1, n - start) for n, start in zip(x.shape, begin, strict=True)]
    given = [
        -1 if start + extent == n and b.draws.chance(2) else extent
        for n, start, extent in zip(x.shape, begin, size, strict=True)
    ]
    b.emit("slice", b.tf.slice(x.tensor, begin, given), tuple(size), x.bound, x)


def index(b: Builder) -> None:
    x = b.pick(1, 2, 3, 4)
    keys: list[Any] = []
    shape: list[int] = []
    for n in x.shape[: b.draws.between(1, x.rank)]:
        key, extent = _key(b, n)
        if b.draws.chance(6):
            keys.append(b.tf.newaxis if hasattr(b.tf, "newaxis") else None)
            shape.append(1)
        keys.append(key)
        shape += extent
    rest = x.shape[sum(key is not None for key in keys) :]
    if b.draws.chance(3):
        keys.append(Ellipsis)
    b.emit("index", x.tensor[tuple(keys)], (*shape, *rest), x.bound, x)


def _key(b: Builder, n: int) -> tuple[int | slice, list[int]]:
    """Return an index of an axis of `n`, and the extent that it leaves."""
    kind = b.draws.below(4)
    if kind == 0:
        place = b.draws.below(n)
        return (place - n if b.draws.chance(2) else place), []
    if kind == 1:
        start = b.draws.below(n)
        return slice(start, None), [n - start]
    step = b.draws.choice([1, 2, -1, -2])
    return slice(None, None, step), [math.ceil(n / abs(step))]


def pad(b: Builder) -> None:
    x = b.pick(1, 2, 3, fits=small)
    mode = b.draws.choice(["CONSTANT", "REFLECT", "SYMMETRIC"])
    most = [min(2, n - 1) if mode == "REFLECT" else min(2, n) for n in x.shape]
    widths = [[b.draws.between(0, m), b.draws.between(0, m)] for m in most]
    shape = tuple(n + sum(width) for n, width in zip(x.shape, widths, strict=True))
    if math.prod(shape) > SIZE_MAX:
        return
    b.emit(f"pad {mode}", b.tf.pad(x.tensor, widths, mode=mode), shape, x.bound, x, distinct=False)


def tile(b: Builder) -> None:
    x = b.pick(1, 2, 3, fits=small)
    times = [b.draws.between(1, 2) for _ in x.shape]
    shape = tuple(n * t for n, t in zip(x.shape, times, strict=True))
    b.emit("tile", b.tf.tile(x.tensor, times), shape, x.bound, x, distinct=False)


def reverse(b: Builder) -> None:
    x = b.pick(1, 2, 3, 4)
    b.emit("reverse", b.tf.reverse(x.tensor, axis=b.draws.some(x.rank)), x.shape, x.bound, x)


def broadcast_to(b: Builder) -> None:
    x = b.pick(0, 1, 2, fits=small)
    shape = (b.draws.between(1, 3), *x.shape)
    tensor = b.tf.broadcast_to(x.tensor, shape)
    b.emit("broadcast_to", tensor, shape, x.bound, x, distinct=False)


def shapes(b: Builder) -> None:
    x = b.pick(1, 2, 3)
    counted = b.tf.cast(b.tf.size(x.tensor), b.dtype) + b.tf.cast(b.tf.rank(x.tensor), b.dtype)
    extents = b.tf.cast(b.tf.shape(x.tensor), b.dtype)
    b.emit("size and rank", counted, (), x.size + x.rank, x, distinct=False)
    b.emit("shape", extents, (x.rank,), max(x.shape), x, distinct=False)


def small(node: Node) -> bool:
    return node.size <= SIZE_MAX // 4


def _primes(n: int) -> list[int]:
    """Return the prime factors of a small number."""
    found = []
    for p in (2, 3, 5, 7, 11, 13):
        while n % p == 0:
            found.append(p)
            n //= p
    return [*found, n] if n > 1 else found


MEMBERS = [
    transpose,
    reshape,
    expand_dims,
    squeeze,
    concat,
    stack,
    split,
    unstack,
    slice_,
    index,
    index,
    pad,
    tile,
    reverse,
    broadcast_to,
    shapes,
]
