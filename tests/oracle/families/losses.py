"""Losses over batches, weighted and reduced in the ways that there are."""

from typing import Any

from oracle.builder import Builder, Node


def options(b: Builder, x: Node, *, whole: bool = True) -> tuple[dict[str, Any], tuple[int, ...]]:
    """Return keyword arguments, and the shape of the loss."""
    given: dict[str, Any] = {}
    reductions = b.tf.losses.Reduction
    if b.draws.chance(2):
        shape = b.draws.choice([x.shape, (*x.shape[:-1], 1)]) if whole else x.shape[:1]
        # Some weights are zero, and do not count where non-zero ones are counted.
        given["weights"] = b.constant(abs(b.draws.integers(shape, 4)) * 0.5)
    names = ["SUM", "MEAN", "SUM_BY_NONZERO_WEIGHTS", "SUM_OVER_BATCH_SIZE", "NONE"]
    name = b.draws.choice(names)
    if name != "SUM_BY_NONZERO_WEIGHTS" and "weights" in given:
        given["weights"] = given["weights"] + 0.25
    if b.draws.chance(2):
        given["reduction"] = getattr(reductions, name)
    else:
        name = "SUM_BY_NONZERO_WEIGHTS"
    per_item = x.shape if whole else x.shape[:1]
    return given, per_item if name == "NONE" else ()


def elementwise(b: Builder) -> None:
    name = b.draws.choice(["mean_squared_error", "absolute_difference", "huber_loss"])
    x = b.pick(1, 2, 3, distinct=True)
    labels = b.like(x.shape, distinct=True)
    if labels.tensor is x.tensor:
        return
    given, shape = options(b, x)
    if name == "huber_loss":
        # A tensor, as TensorFlow takes a bare number for float32 here.
        given["delta"] = b.tf.constant(b.draws.choice([0.5, 1.0]), dtype=b.dtype)
    tensor = getattr(b.tf.losses, name)(labels.tensor, x.tensor, **given)
    b.emit(f"losses.{name}", tensor, shape, 16.0 * x.size, x, labels, distinct=False)


def log_loss(b: Builder) -> None:
    x = b.pick(1, 2)
    labels = b.tf.sigmoid(b.like(x.shape).tensor)
    given, shape = options(b, x)
    tensor = b.tf.losses.log_loss(labels, b.tf.sigmoid(x.tensor), **given)
    b.emit("losses.log_loss", tensor, shape, 6.0 * x.size, x, distinct=False)


def hinge_loss(b: Builder) -> None:
    x = b.pick(1, 2, distinct=True)
    labels = b.tf.cast(b.integers(x.shape, 2), b.dtype)
    given, shape = options(b, x)
    tensor = b.tf.losses.hinge_loss(labels, x.tensor, **given)
    b.emit("losses.hinge_loss", tensor, shape, 6.0 * x.size, x, distinct=False)


def sigmoid_cross_entropy(b: Builder) -> None:
    x = b.pick(2, distinct=True)
    labels = b.tf.cast(b.integers(x.shape, 2), b.dtype)
    given, shape = options(b, x)
    given["label_smoothing"] = b.draws.choice([0, 0.125])
    tensor = b.tf.losses.sigmoid_cross_entropy(labels, x.tensor, **given)
    b.emit("losses.sigmoid_cross_entropy", tensor, shape, 6.0 * x.size, x, distinct=False)


def softmax_cross_entropy(b: Builder) -> None:
    x = b.pick(2, fits=lambda node: node.shape[1] > 1)
    labels = b.tf.one_hot(b.integers(x.shape[:1], x.shape[1]), x.shape[1], dtype=b.dtype)
    given, shape = options(b, x, whole=False)
    given["label_smoothing"] = b.draws.choice([0, 0.125])
    tensor = b.tf.losses.softmax_cross_entropy(labels, x.tensor, **given)
    b.emit("losses.softmax_cross_entropy", tensor, shape, 6.0 * x.size, x, distinct=False)


def sparse_softmax_cross_entropy(b: Builder) -> None:
    x = b.pick(2, fits=lambda node: node.shape[1] > 1)
    labels = b.integers(x.shape[:1], x.shape[1])
    given, shape = options(b, x, whole=False)
    tensor = b.tf.losses.sparse_softmax_cross_entropy(labels, x.tensor, **given)
    b.emit("losses.sparse_softmax_cross_entropy", tensor, shape, 6.0 * x.size, x, distinct=False)


def cosine_distance(b: Builder) -> None:
    x = b.pick(2, distinct=True)
    labels = b.like(x.shape, distinct=True)
    if labels is x:  # the distance is nothing but roundings
        return
    unit = [b.tf.nn.l2_normalize(node.tensor, axis=1) for node in (labels, x)]
    tensor = b.tf.losses.cosine_distance(*unit, axis=1)
    b.emit("losses.cosine_distance", tensor, (), 2.0, x, labels)


MEMBERS = [
    elementwise,
    elementwise,
    elementwise,
    log_loss,
    hinge_loss,
    sigmoid_cross_entropy,
    softmax_cross_entropy,
    sparse_softmax_cross_entropy,
    cosine_distance,
]
