"""Convolutions and pools."""

from oracle.builder import Builder, Node

PADDINGS = ["SAME", "VALID"]


def image(b: Builder, *, distinct: bool = False) -> Node:
    """Return an image of its own, or one that is there, of at least 3 x 3 pixels."""

    def fits(node: Node) -> bool:
        return min(node.shape[1:3]) >= 3 and node.size <= 72

    if any(n.rank == 4 and fits(n) and (n.distinct or not distinct) for n in b.nodes):
        return b.pick(4, distinct=distinct, fits=fits)
    shape = (b.draws.between(1, 2), b.draws.between(3, 4), b.draws.between(3, 5), 1)
    if b.draws.chance(2):
        shape = (1, *shape[1:3], 2)
    return b.like(shape, distinct=distinct)


def extent(n: int, size: int, stride: int, padding: str) -> int:
    return -(-n // stride) if padding == "SAME" else -(-(n - size + 1) // stride)


def conv2d(b: Builder) -> None:
    x = image(b)
    size = (b.draws.between(1, 3), b.draws.between(1, 3))
    filters = b.like((*size, x.shape[3], b.draws.between(1, 2)))
    strides = [1, b.draws.between(1, 2), b.draws.between(1, 2), 1]
    padding = b.draws.choice(PADDINGS)
    tensor = b.tf.nn.conv2d(x.tensor, filters.tensor, strides=strides, padding=padding)
    height, width = (extent(x.shape[i], size[i - 1], strides[i], padding) for i in (1, 2))
    shape = (x.shape[0], height, width, filters.shape[3])
    bound = 4.0 * size[0] * size[1] * x.shape[3]
    b.emit(f"conv2d {padding}", tensor, shape, bound, x, filters)


def pool(b: Builder) -> None:
    kind = b.draws.choice(["max_pool", "avg_pool"])
    x = image(b, distinct=True)
    size = [1, b.draws.between(1, 3), b.draws.between(1, 3), 1]
    strides = [1, b.draws.between(1, 2), b.draws.between(1, 2), 1]
    padding = b.draws.choice(PADDINGS)
    tensor = getattr(b.tf.nn, kind)(x.tensor, ksize=size, strides=strides, padding=padding)
    height, width = (extent(x.shape[i], size[i], strides[i], padding) for i in (1, 2))
    shape = (x.shape[0], height, width, x.shape[3])
    b.emit(f"{kind} {padding}", tensor, shape, x.bound, x, distinct=False)


MEMBERS = [conv2d, conv2d, conv2d, pool, pool]
