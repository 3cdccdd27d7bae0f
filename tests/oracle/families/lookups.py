"""Gathering rows and columns, embeddings, one-hot codes."""

from oracle.builder import VARIABLES_MAX, Builder


def gather(b: Builder) -> None:
    x = b.pick(1, 2, 3)
    axis = b.draws.below(x.rank)
    count = b.draws.between(1, 4)
    places = b.integers((count,), x.shape[axis])
    tensor = b.tf.gather(x.tensor, places, axis=axis)
    shape = (*x.shape[:axis], count, *x.shape[axis + 1 :])
    b.emit("gather", tensor, shape, x.bound, x, distinct=False)


def embedding_lookup(b: Builder) -> None:
    rows, columns = b.draws.between(3, 6), b.draws.between(1, 3)
    places = b.draws.choice([(3,), (2, 2), (5,)])
    room = len(b.variables) < VARIABLES_MAX
    table = b.variable(b.draws.reals((rows, columns))) if room else b.pick(2)
    table.used = True
    tensor = b.tf.nn.embedding_lookup(table.tensor, b.integers(places, table.shape[0]))
    shape = (*places, *table.shape[1:])
    b.emit("embedding_lookup", tensor, shape, table.bound, table, distinct=False)


def one_hot(b: Builder) -> None:
    x = b.pick(2)
    count, depth = x.shape
    # Places past the depth make rows of zeros.
    places = b.integers((count,), depth + 1)
    if b.draws.chance(2):
        codes = b.tf.one_hot(places, depth, dtype=b.dtype)
    else:
        codes = b.tf.one_hot(places, depth, on_value=0.75, off_value=-0.25, dtype=b.dtype)
    b.emit("one_hot", codes * x.tensor, x.shape, x.bound, x, distinct=False)


def one_hot_along(b: Builder) -> None:
    places = b.integers((2, 3), 4)
    axis = b.draws.below(3)
    codes = b.tf.one_hot(places, 4, axis=axis, dtype=b.dtype)
    shape = [2, 3]
    shape.insert(axis, 4)
    x = b.like(tuple(shape))
    b.emit("one_hot along", codes * x.tensor, x.shape, x.bound, x, distinct=False)


def gather_by_argmax(b: Builder) -> None:
    x = b.pick(2, distinct=True)
    best = b.tf.argmax(x.tensor, 0)
    tensor = b.tf.gather(x.tensor, best)
    shape = (x.shape[1], x.shape[1])
    b.emit("gather by argmax", tensor, shape, x.bound, x, distinct=False)


MEMBERS = [
    gather,
    gather,
    embedding_lookup,
    embedding_lookup,
    one_hot,
    one_hot_along,
    gather_by_argmax,
]
