"""Cross entropies, and other losses of single elements."""

import numpy as np

from ferrule.flow.compat.v1 import _array, _dtypes
from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._reductions import reduce
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, binary, to_tensor
from ferrule.flow.compat.v1.nn._activations import relu


def l2_loss(t: Convertible, name: str | None = None) -> Tensor:
    """Return half the sum of squares of all elements, a scalar."""
    x = to_tensor(t)
    total = reduce("sum", _e.square(x), None, keepdims=False, label="Sum")
    half = to_tensor(0.5, x.dtype, beside=x)
    return binary("mul", total, half, "L2Loss", name)


def sigmoid_cross_entropy_with_logits(
    _sentinel: None = None,
    labels: Convertible = None,
    logits: Convertible = None,
    name: str | None = None,
) -> Tensor:
    """Return max(x, 0) - x * z + log(1 + exp(-|x|)) for each logit x and label z in [0, 1].

    Raises
    ------
    ValueError
        Where the shapes differ.
    """
    x, z = _logits_and_labels(_sentinel, labels, logits)
    _check_shapes(x, z)
    with x.graph.name_scope(name or "logistic_loss") as scope:
        zeros = to_tensor(0, x.dtype, beside=x)
        is_above = x >= zeros
        above = add("select", [is_above, x, zeros], "Select", None)
        below = add("select", [is_above, -x, x], "Select", None)
        rest = _e.log1p(_e.exp(below))
        return binary("add", above - x * z, rest, "add", scope)


def weighted_cross_entropy_with_logits(
    labels: Convertible = None,
    logits: Convertible = None,
    pos_weight: Convertible = None,
    name: str | None = None,
    targets: Convertible = None,
) -> Tensor:
    """Return as `sigmoid_cross_entropy_with_logits`, with positives weighted."""
    x, z = _logits_and_labels(None, targets if labels is None else labels, logits)
    _check_shapes(x, z)
    with x.graph.name_scope(name or "logistic_loss") as scope:
        weight = 1 + (to_tensor(pos_weight, x.dtype) - 1) * z
        rest = _e.log1p(_e.exp(-abs(x))) + relu(-x)
        return binary("add", (1 - z) * x, weight * rest, "add", scope)


def softmax_cross_entropy_with_logits_v2(
    labels: Convertible = None,
    logits: Convertible = None,
    axis: int | None = None,
    name: str | None = None,
    dim: int | None = None,
) -> Tensor:
    """Return -sum(labels * log_softmax(logits)) along `axis`, by default the last.

    Parameters
    ----------
    labels, logits : tensors of one shape
        Each row of labels is a distribution; gradients flow to both.

    Returns
    -------
    tensor of that shape, less the axis
    """
    x, z = _logits_and_labels(None, labels, logits)
    place = -1 if axis is None and dim is None else int((axis if dim is None else dim) or 0)
    with x.graph.name_scope(name or "softmax_cross_entropy_with_logits") as scope:
        if place != -1 and place != len(x.shape) - 1:
            x, z = _last(x, place), _last(z, place)
        logs = add("log_softmax", [x], "LogSoftmax", None)
        total = reduce("sum", z * logs, -1, keepdims=False, label="Sum")
        if z.op.type != "OneHot":
            total = total - _shift(x, z, logs)
        return _negative(total, scope)


def _shift(x: Tensor, z: Tensor, logs: Tensor) -> Tensor:
    """Return zeros whose gradient makes that of the loss softmax(x) - z, as it is in TensorFlow.

    Of labels that add up to 1 the loss has it anyway.
    """
    # The logarithm of the sum of exponentials, whose gradient is softmax(x).
    total = x[..., 0] - logs[..., 0]
    rest = 1 - reduce("sum", z, -1, keepdims=False, label="Sum")
    return _e.stop_gradient(rest) * (total - _e.stop_gradient(total))


def softmax_cross_entropy_with_logits(
    _sentinel: None = None,
    labels: Convertible = None,
    logits: Convertible = None,
    dim: int = -1,
    name: str | None = None,
    axis: int | None = None,
) -> Tensor:
    """Return as `softmax_cross_entropy_with_logits_v2`, with no gradient by the labels."""
    x, z = _logits_and_labels(_sentinel, labels, logits)
    place = dim if axis is None else axis
    return softmax_cross_entropy_with_logits_v2(_e.stop_gradient(z), x, place, name)


def sparse_softmax_cross_entropy_with_logits(
    _sentinel: None = None,
    labels: Convertible = None,
    logits: Convertible = None,
    name: str | None = None,
) -> Tensor:
    """Return -log_softmax(logits) at the place of each label.

    Parameters
    ----------
    labels : int32 or int64 of shape s
        At least 0 and less than the number of classes; a run fails where one is not.
    logits : floats of shape s + (classes,), whose number must be known
    """
    _check_sentinel(_sentinel, labels, logits)
    x = to_tensor(logits)
    z = to_tensor(labels)
    if not z.dtype.is_integer:
        raise ValueError(f"labels must be int32 or int64, got {z.dtype.name}")
    if x.shape.ndims is not None and z.shape.ndims not in {None, x.shape.ndims - 1}:
        raise ValueError(
            f"rank mismatch: expected labels of one dimension less than logits {x.shape}, got "
            f"{z.shape}"
        )
    n = x.shape[-1].value
    if n is None:
        raise ValueError(f"the number of classes of {x.name!r} must be known before a run")
    with x.graph.name_scope(name or "SparseSoftmaxCrossEntropyWithLogits") as scope:
        # Looked up among the classes, which refuses what is none of them.
        classes = to_tensor(np.arange(n, dtype=z.dtype.numpy), z.dtype, beside=x)
        known = add("gather", [classes, z], "labels", None, axis=0)
        is_label = add("one_hot", [known], "one_hot", None, depth=n, dtype=_dtypes.bool.code)
        logs = add("log_softmax", [x], "LogSoftmax", None)
        zero = to_tensor(0, x.dtype, beside=x)
        picked = add("select", [is_label, logs, zero], "Select", None)
        total = reduce("sum", picked, -1, keepdims=False, label="Sum")
        return _negative(total, scope)


def log_poisson_loss(
    targets: Convertible,
    log_input: Convertible,
    compute_full_loss: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return exp(c) - z * c for each logarithm c of a rate and count z."""
    if compute_full_loss:
        raise NotImplementedError("compute_full_loss=True is not in ferrule.flow")
    c = to_tensor(log_input)
    z = to_tensor(targets, c.dtype)
    return binary("sub", _e.exp(c), c * z, "log_poisson_loss", name)


def _negative(x: Tensor, name: str) -> Tensor:
    minus = to_tensor(-1, x.dtype, beside=x)
    return binary("mul", x, minus, "mul", name)


def _last(x: Tensor, axis: int) -> Tensor:
    n = len(x.shape)
    order = [place for place in range(n) if place != axis % n]
    return _array.transpose(x, [*order, axis % n])


def _logits_and_labels(
    sentinel: None, labels: Convertible, logits: Convertible
) -> tuple[Tensor, Tensor]:
    _check_sentinel(sentinel, labels, logits)
    x = to_tensor(logits)
    z = to_tensor(labels, beside=x)
    return x, (z if z.dtype == x.dtype else _e.cast(z, x.dtype))


def _check_sentinel(sentinel: None, labels: Convertible, logits: Convertible) -> None:
    if sentinel is not None or labels is None or logits is None:
        raise ValueError("give labels= and logits= by name")


def _check_shapes(logits: Tensor, labels: Tensor) -> None:
    if not logits.shape.is_compatible_with(labels.shape):
        raise ValueError(
            f"logits and labels must have the same shape, got {logits.shape} and {labels.shape}"
        )
