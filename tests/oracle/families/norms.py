"""Norms, clipping by them, soft maxima."""

from oracle.builder import Builder


def norm(b: Builder) -> None:
    x = b.positive(b.pick(1, 2, 3))
    axis = b.draws.below(x.rank)
    kind = b.draws.choice(["euclidean", 1])
    tensor = b.tf.norm(x.tensor, ord=kind, axis=axis)
    b.emit("norm", tensor, x.shape[:axis] + x.shape[axis + 1 :], 9.0, x)


def l2_normalize(b: Builder) -> None:
    x = b.positive(b.pick(1, 2, 3))
    tensor = b.tf.nn.l2_normalize(x.tensor, axis=b.draws.below(x.rank))
    b.emit("l2_normalize", tensor, x.shape, 1.0, x)


def clip_by_norm(b: Builder) -> None:
    x = b.positive(b.pick(1, 2, 3))
    tensor = b.tf.clip_by_norm(x.tensor, b.draws.choice([0.3125, 64.0]))
    b.emit("clip_by_norm", tensor, x.shape, 2.25, x)


def clip_by_global_norm(b: Builder) -> None:
    x, y = b.positive(b.pick(1, 2)), b.positive(b.pick(1, 2))
    limit = b.draws.choice([0.625, 64.0])
    (left, right), total = b.tf.clip_by_global_norm([x.tensor, y.tensor], limit)
    b.emit("clip_by_global_norm", left, x.shape, 2.25, x, y)
    b.emit("clip_by_global_norm", right, y.shape, 2.25, x, y)
    b.emit("global_norm", total, (), 20.0, x, y)


def softmax(b: Builder) -> None:
    x = b.pick(1, 2, 3, limit=4.0)
    axis = b.draws.choice([-1, -1, b.draws.below(x.rank)])
    name = b.draws.choice(["softmax", "log_softmax"])
    b.emit(name, getattr(b.tf.nn, name)(x.tensor, axis=axis), x.shape, 9.0, x)


MEMBERS = [norm, l2_normalize, clip_by_norm, clip_by_global_norm, softmax, softmax, softmax]
