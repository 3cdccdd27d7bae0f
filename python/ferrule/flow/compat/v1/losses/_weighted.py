"""From losses of elements to one of a batch."""

from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._reductions import reduce
from ferrule.flow.compat.v1._sources import ones_like
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, to_tensor
from ferrule.flow.compat.v1.losses._collected import add_loss


class Reduction:
    """What becomes of the weighted losses of elements."""

    NONE = "none"
    SUM = "weighted_sum"
    SUM_OVER_BATCH_SIZE = "weighted_sum_over_batch_size"
    MEAN = "weighted_mean"
    SUM_BY_NONZERO_WEIGHTS = "weighted_sum_by_nonzero_weights"
    SUM_OVER_NONZERO_WEIGHTS = SUM_BY_NONZERO_WEIGHTS

    @classmethod
    def all(cls) -> tuple[str, ...]:
        """Return all of them."""
        return (
            cls.NONE,
            cls.SUM,
            cls.MEAN,
            cls.SUM_OVER_BATCH_SIZE,
            cls.SUM_BY_NONZERO_WEIGHTS,
        )


def compute_weighted_loss(
    losses: Convertible,
    weights: Convertible = 1.0,
    scope: str | None = None,
    loss_collection: str | None = GraphKeys.LOSSES,
    reduction: str = Reduction.SUM_BY_NONZERO_WEIGHTS,
) -> Tensor:
    """Return losses of elements times weights that broadcast to them, reduced.

    By default their sum over the number of those whose weight is not 0.
    """
    if reduction not in Reduction.all():
        raise ValueError(
            f"reduction must be one of {', '.join(Reduction.all())}, got {reduction!r}"
        )
    given = to_tensor(losses)
    with given.graph.name_scope(scope or "weighted_loss"):
        # In float32 whatever the dtype, as in TensorFlow.
        values = _e.cast(given, "float32")
        factor = _e.cast(to_tensor(weights, beside=given), "float32")
        loss = _e.cast(_reduced(values * factor, factor, reduction), given.dtype)
    add_loss(loss, loss_collection)
    return loss


def _reduced(weighted: Tensor, factor: Tensor, reduction: str) -> Tensor:
    if reduction == Reduction.NONE:
        return weighted
    total = _sum(weighted)
    if reduction == Reduction.SUM:
        return total
    if reduction == Reduction.SUM_OVER_BATCH_SIZE:
        return _safe_mean(total, _sum(ones_like(weighted)))
    spread = add("broadcast_like", [factor, weighted], "weights", None)
    if reduction == Reduction.MEAN:
        return _safe_mean(total, _sum(spread))
    present = _e.cast(_e.not_equal(spread, 0.0), weighted.dtype)
    return _safe_mean(total, _sum(present))


def _sum(x: Tensor) -> Tensor:
    return reduce("sum", x, None, keepdims=False, label="Sum")


def _safe_mean(total: Tensor, count: Tensor) -> Tensor:
    """Return total / count, and 0 where the count is 0."""
    is_none = _e.equal(count, 0.0)
    one, zero = (to_tensor(number, total.dtype, beside=total) for number in (1.0, 0.0))
    below = add("select", [is_none, one, count], "Select", None)
    return add("select", [is_none, zero, total / below], "value", None)
