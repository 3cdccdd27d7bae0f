"""Losses of predictions beside labels."""

from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._reductions import reduce
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, to_tensor
from ferrule.flow.compat.v1.losses._weighted import Reduction, compute_weighted_loss
from ferrule.flow.compat.v1.nn import _entropies, relu

_LOSSES = GraphKeys.LOSSES
_BY_NONZERO = Reduction.SUM_BY_NONZERO_WEIGHTS


def mean_squared_error(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _BY_NONZERO,
) -> Tensor:
    """Return the weighted mean of (predictions - labels)²."""
    x, z = _as_float32(predictions, labels)
    each = _e.squared_difference(x, z)
    return compute_weighted_loss(
        each, weights, scope or "mean_squared_error", loss_collection, reduction
    )


def absolute_difference(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _BY_NONZERO,
) -> Tensor:
    """Return the weighted mean of |predictions - labels|."""
    x, z = _as_float32(predictions, labels)
    label = scope or "absolute_difference"
    return compute_weighted_loss(abs(x - z), weights, label, loss_collection, reduction)


def huber_loss(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible = 1.0,
    delta: float = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _BY_NONZERO,
) -> Tensor:
    """Return the weighted mean of half the square of errors, linear from `delta` on."""
    x, z = _as_float32(predictions, labels)
    error = abs(x - z)
    near = _e.minimum(error, delta)
    each = 0.5 * near * near + delta * (error - near)
    return compute_weighted_loss(each, weights, scope or "huber_loss", loss_collection, reduction)


def hinge_loss(
    labels: Convertible,
    logits: Convertible,
    weights: Convertible = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _BY_NONZERO,
) -> Tensor:
    """Return the weighted mean of max(0, 1 - (2 * labels - 1) * logits), of labels 0 and 1."""
    x, z = _as_float32(logits, labels)
    each = relu(1.0 - (2.0 * z - 1.0) * x)
    return compute_weighted_loss(each, weights, scope or "hinge_loss", loss_collection, reduction)


def log_loss(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible = 1.0,
    epsilon: float = 1e-7,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _BY_NONZERO,
) -> Tensor:
    """Return the weighted mean of -log of what the predicted chances give the labels."""
    p, z = _as_float32(predictions, labels)
    positive = -(z * _e.log(p + epsilon))
    each = positive - (1 - z) * _e.log(1 - p + epsilon)
    return compute_weighted_loss(each, weights, scope or "log_loss", loss_collection, reduction)


def cosine_distance(
    labels: Convertible,
    predictions: Convertible,
    axis: int | None = None,
    weights: Convertible = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _BY_NONZERO,
    dim: int | None = None,
) -> Tensor:
    """Return the weighted mean of 1 - sum(predictions * labels) along `axis`, of unit vectors."""
    place = axis if dim is None else dim
    if place is None:
        raise ValueError("axis must be given")
    x, z = _as_float32(predictions, labels)
    each = 1 - reduce("sum", x * z, place, keepdims=True, label="Sum")
    label = scope or "cosine_distance_loss"
    return compute_weighted_loss(each, weights, label, loss_collection, reduction)


def sigmoid_cross_entropy(
    multi_class_labels: Convertible,
    logits: Convertible,
    weights: Convertible = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _BY_NONZERO,
) -> Tensor:
    """Return the weighted mean of ``tf.nn.sigmoid_cross_entropy_with_logits``."""
    x, z = _same_shape(logits, multi_class_labels)
    if label_smoothing > 0:
        z = z * (1 - label_smoothing) + 0.5 * label_smoothing
    each = _entropies.sigmoid_cross_entropy_with_logits(labels=z, logits=x)
    label = scope or "sigmoid_cross_entropy_loss"
    return compute_weighted_loss(each, weights, label, loss_collection, reduction)


def softmax_cross_entropy(
    onehot_labels: Convertible,
    logits: Convertible,
    weights: Convertible = 1.0,
    label_smoothing: float = 0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _BY_NONZERO,
) -> Tensor:
    """Return the weighted mean of ``tf.nn.softmax_cross_entropy_with_logits`` over rows."""
    x, z = _same_shape(logits, onehot_labels)
    if label_smoothing > 0:
        z = z * (1 - label_smoothing) + label_smoothing / int(z.shape[-1])
    each = _entropies.softmax_cross_entropy_with_logits(labels=z, logits=x)
    label = scope or "softmax_cross_entropy_loss"
    return compute_weighted_loss(each, weights, label, loss_collection, reduction)


def sparse_softmax_cross_entropy(
    labels: Convertible,
    logits: Convertible,
    weights: Convertible = 1.0,
    scope: str | None = None,
    loss_collection: str | None = _LOSSES,
    reduction: str = _BY_NONZERO,
) -> Tensor:
    """Return the weighted mean of ``tf.nn.sparse_softmax_cross_entropy_with_logits`` over rows.

    Labels of shape (n, 1) are taken as (n,).
    """
    x, z = to_tensor(logits), to_tensor(labels)
    n, m = x.shape.ndims, z.shape.ndims
    if n is not None and n == m and z.shape[-1] == 1:
        z = add("squeeze", [z], "Squeeze", None, axes=[-1])
    each = _entropies.sparse_softmax_cross_entropy_with_logits(labels=z, logits=x)
    label = scope or "sparse_softmax_cross_entropy_loss"
    return compute_weighted_loss(each, weights, label, loss_collection, reduction)


def _as_float32(x: Convertible, z: Convertible) -> tuple[Tensor, Tensor]:
    """Return predictions and labels as float32, as TensorFlow takes them."""
    return _same_shape(_e.cast(to_tensor(x), "float32"), z)


def _same_shape(x: Convertible, z: Convertible) -> tuple[Tensor, Tensor]:
    """Return predictions, and labels as numbers of their dtype."""
    values = to_tensor(x)
    labels = _e.cast(to_tensor(z, beside=values), values.dtype)
    values.shape.assert_is_compatible_with(labels.shape)
    return values, labels
