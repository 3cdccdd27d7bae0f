"""Cross entropies."""

from typing import Any

from oracle.builder import Builder, Node


def probabilities(b: Builder, like: Node) -> Any:
    """Return rows that sum to one, constant or made of other nodes."""
    if b.draws.chance(2):
        return b.tf.nn.softmax(b.constant(b.draws.reals(like.shape)))
    return b.tf.nn.softmax(b.like(like.shape).tensor)


def softmax_cross_entropy(b: Builder) -> None:
    x = b.pick(2, 3, limit=4.0)
    names = ["softmax_cross_entropy_with_logits", "softmax_cross_entropy_with_logits_v2"]
    name = b.draws.choice(names)
    tensor = getattr(b.tf.nn, name)(labels=probabilities(b, x), logits=x.tensor)
    b.emit(name, tensor, x.shape[:-1], 9.0, x)


def sparse_cross_entropy(b: Builder) -> None:
    x = b.pick(2, 3, limit=4.0)
    labels = b.integers(x.shape[:-1], x.shape[-1])
    tensor = b.tf.nn.sparse_softmax_cross_entropy_with_logits(labels=labels, logits=x.tensor)
    b.emit("sparse_softmax_cross_entropy", tensor, x.shape[:-1], 9.0, x)


def sigmoid_cross_entropy(b: Builder) -> None:
    x = b.pick(limit=4.0, distinct=True)
    labels = b.tf.sigmoid(b.like(x.shape).tensor)
    tensor = b.tf.nn.sigmoid_cross_entropy_with_logits(labels=labels, logits=x.tensor)
    b.emit("sigmoid_cross_entropy", tensor, x.shape, 9.0, x)


def weighted_cross_entropy(b: Builder) -> None:
    x = b.pick(limit=4.0, distinct=True)
    labels = b.tf.sigmoid(b.like(x.shape).tensor)
    weight = b.draws.choice([0.5, 2.0])
    tensor = b.tf.nn.weighted_cross_entropy_with_logits(labels, x.tensor, weight)
    b.emit("weighted_cross_entropy", tensor, x.shape, 18.0, x)


def log_poisson_loss(b: Builder) -> None:
    x = b.pick()
    targets = b.constant(1.25 + b.draws.reals(x.shape))
    tensor = b.tf.nn.log_poisson_loss(targets, x.tensor)
    b.emit("log_poisson_loss", tensor, x.shape, 13.0, x)


MEMBERS = [
    softmax_cross_entropy,
    sparse_cross_entropy,
    sigmoid_cross_entropy,
    weighted_cross_entropy,
    log_poisson_loss,
]
