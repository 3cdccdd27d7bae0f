"""Products of matrices, batched and transposed."""

from oracle.builder import Builder, Node


def other_factor(b: Builder, rows: int, *, transposed: bool, batch: tuple[int, ...] = ()) -> Node:
    columns = b.draws.between(1, 3)
    matrix = (columns, rows) if transposed else (rows, columns)
    return b.like((*batch, *matrix))


def matmul(b: Builder) -> None:
    x = b.pick(2)
    product(b, x, ())


def batched(b: Builder) -> None:
    x = b.pick(3, 4)
    product(b, x, x.shape[:-2])


def broadcast_batch(b: Builder) -> None:
    x = b.pick(3)
    product(b, x, b.draws.choice([(), (1,), (2, 1)]))


def product(b: Builder, x: Node, batch: tuple[int, ...]) -> None:
    """Emit x by a matrix (or a batch of them), each of which may be transposed."""
    left, right = b.draws.chance(2), b.draws.chance(2)
    rows, inner = x.shape[-2:][::-1] if left else x.shape[-2:]
    y = other_factor(b, inner, transposed=right, batch=batch)
    tensor = b.tf.matmul(x.tensor, y.tensor, transpose_a=left, transpose_b=right)
    columns = y.shape[-2] if right else y.shape[-1]
    outer = batch[:-1] + x.shape[:-2] if len(batch) == 2 and x.rank == 3 else x.shape[:-2]
    b.emit("matmul", tensor, (*outer, rows, columns), 4.0 * inner, x, y)


def affine(b: Builder) -> None:
    x = b.pick(2)
    w = other_factor(b, x.shape[1], transposed=False)
    bias = b.like(w.shape[1:])
    shape = (x.shape[0], w.shape[1])
    b.emit(
        "affine", b.tf.matmul(x.tensor, w.tensor) + bias.tensor, shape, 4.0 * x.shape[1] + 2, x, w
    )


def xw_plus_b(b: Builder) -> None:
    x = b.pick(2)
    w = other_factor(b, x.shape[1], transposed=False)
    bias = b.like(w.shape[1:])
    shape = (x.shape[0], w.shape[1])
    tensor = b.tf.nn.xw_plus_b(x.tensor, w.tensor, bias.tensor)
    b.emit("xw_plus_b", tensor, shape, 4.0 * x.shape[1] + 2, x, w, bias)


def bias_add(b: Builder) -> None:
    x = b.pick(2, 3, 4)
    bias = b.like(x.shape[-1:])
    b.emit("bias_add", b.tf.nn.bias_add(x.tensor, bias.tensor), x.shape, 4.0, x, bias)


def tensordot(b: Builder) -> None:
    x = b.pick(2, 3, known=True)
    y = other_factor(b, x.shape[-1], transposed=False)
    tensor = b.tf.tensordot(x.tensor, y.tensor, axes=1)
    shape = (*x.shape[:-1], y.shape[-1])
    b.emit("tensordot", tensor, shape, 4.0 * x.shape[-1], x, y)


MEMBERS = [
    matmul,
    matmul,
    batched,
    batched,
    broadcast_batch,
    affine,
    xw_plus_b,
    bias_add,
    tensordot,
]
