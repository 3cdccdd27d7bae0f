"""Each measure is a pair: its value so far, and an operation that takes a batch in."""

from typing import Any, TypeAlias

import numpy as np

from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._reductions import reduce
from ferrule.flow.compat.v1._scopes import variable_scope
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, to_tensor
from ferrule.flow.compat.v1._variables import Variable, assign_add

Metric: TypeAlias = tuple[Tensor, Tensor]


def mean(
    values: Convertible,
    weights: Convertible | None = None,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
) -> Metric:
    """Return the weighted mean of all values of all batches.

    Run ``tf.local_variables_initializer()`` first, then the second tensor once a batch.

    Returns
    -------
    (value, update) : scalars of float32

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.placeholder(tf.float32, [None])
    >>> value, update = tf.metrics.mean(x)
    >>> with tf.Session() as session:
    ...     session.run(tf.local_variables_initializer())
    ...     for batch in ([1.0, 2.0], [6.0]):
    ...         _ = session.run(update, {x: batch})
    ...     session.run(value)
    np.float32(3.0)
    """
    with variable_scope(name, default_name="mean"):
        x = _e.cast(to_tensor(values), "float32")
        total, count = _local("total"), _local("count")
        if weights is None:
            more, n = _sum(x), _sum(_ones(x))
        else:
            factor = _e.cast(to_tensor(weights, beside=x), "float32")
            spread = add("broadcast_like", [factor, x], "weights", None)
            more, n = _sum(x * spread), _sum(spread)
        return _pair(total, count, more, n, metrics_collections, updates_collections)


def accuracy(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible | None = None,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
) -> Metric:
    """Return how often predictions equal labels."""
    x = to_tensor(predictions)
    is_right = _e.cast(_e.equal(x, _e.cast(to_tensor(labels), x.dtype)), "float32")
    label = name or "accuracy"
    return mean(is_right, weights, metrics_collections, updates_collections, label)


def mean_squared_error(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible | None = None,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
) -> Metric:
    """Return the mean of (predictions - labels)²."""
    x = to_tensor(predictions)
    apart = _e.squared_difference(x, _e.cast(to_tensor(labels), x.dtype))
    label = name or "mean_squared_error"
    return mean(apart, weights, metrics_collections, updates_collections, label)


def mean_absolute_error(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible | None = None,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
) -> Metric:
    """Return the mean of |predictions - labels|."""
    x = to_tensor(predictions)
    apart = abs(x - _e.cast(to_tensor(labels), x.dtype))
    label = name or "mean_absolute_error"
    return mean(apart, weights, metrics_collections, updates_collections, label)


def root_mean_squared_error(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible | None = None,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
) -> Metric:
    """Return the root of the mean of (predictions - labels)²."""
    value, update = mean_squared_error(
        labels, predictions, weights, name=name or "root_mean_squared_error"
    )
    pair = _e.sqrt(value), _e.sqrt(update)
    _collect(pair, metrics_collections, updates_collections)
    return pair


def _counting(label: str, of_labels: bool, of_predictions: bool, what: str) -> Any:
    def metric(
        labels: Convertible,
        predictions: Convertible,
        weights: Convertible | None = None,
        metrics_collections: Any = None,
        updates_collections: Any = None,
        name: str | None = None,
    ) -> Metric:
        with variable_scope(name, default_name=label):
            count = _local("count")
            more = _count(labels, predictions, weights, of_labels, of_predictions)
            pair = count.value(), assign_add(count, more)
            _collect(pair, metrics_collections, updates_collections)
            return pair

    metric.__name__ = metric.__qualname__ = label
    metric.__doc__ = f"Return how many {what}, of labels and predictions 0 or 1."
    return metric


true_positives = _counting("true_positives", True, True, "ones were found")
false_positives = _counting("false_positives", False, True, "zeros were taken for ones")
false_negatives = _counting("false_negatives", True, False, "ones were taken for zeros")
true_negatives = _counting("true_negatives", False, False, "zeros were found")


def precision(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible | None = None,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
) -> Metric:
    """Return the share of ones among what was predicted to be."""
    with variable_scope(name, default_name="precision"):
        hits = _count(labels, predictions, weights, True, True)
        others = _count(labels, predictions, weights, False, True)
        total, count = _local("true_positives/count"), _local("predicted/count")
        return _pair(total, count, hits, hits + others, metrics_collections, updates_collections)


def recall(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible | None = None,
    metrics_collections: Any = None,
    updates_collections: Any = None,
    name: str | None = None,
) -> Metric:
    """Return the share of ones that were predicted to be."""
    with variable_scope(name, default_name="recall"):
        hits = _count(labels, predictions, weights, True, True)
        others = _count(labels, predictions, weights, True, False)
        total, count = _local("true_positives/count"), _local("actual/count")
        return _pair(total, count, hits, hits + others, metrics_collections, updates_collections)


def _count(
    labels: Convertible,
    predictions: Convertible,
    weights: Convertible | None,
    of_labels: bool,
    of_predictions: bool,
) -> Tensor:
    """Return how many have that label and that prediction."""
    both = []
    for values, wanted in ((labels, of_labels), (predictions, of_predictions)):
        truth = _e.cast(to_tensor(values), "bool")
        both.append(truth if wanted else _e.logical_not(truth))
    ones = _e.cast(_e.logical_and(*both), "float32")
    return _sum(ones if weights is None else ones * _e.cast(to_tensor(weights), "float32"))


def _local(name: str) -> Variable:
    """Return a new local variable, 0 to begin with."""
    names = [GraphKeys.LOCAL_VARIABLES, GraphKeys.METRIC_VARIABLES]
    variable: Variable = Variable(np.float32(0.0), False, names, name=name)
    return variable


def _pair(
    total: Variable, count: Variable, more: Tensor, n: Tensor, values: Any, updates: Any
) -> Metric:
    """Return total / count (0 of nothing) before and after a batch."""
    pair = (
        _ratio(total.value(), count.value(), "value"),
        _ratio(assign_add(total, more), assign_add(count, n), "update_op"),
    )
    _collect(pair, values, updates)
    return pair


def _ratio(total: Tensor, count: Tensor, name: str) -> Tensor:
    is_some = _e.greater(count, 0.0)
    one, zero = (to_tensor(number, beside=total) for number in (1.0, 0.0))
    below = add("select", [is_some, count, one], "Select", None)
    return add("select", [is_some, total / below, zero], name, None)


def _collect(pair: Metric, values: Any, updates: Any) -> None:
    graph = pair[0].graph
    graph.add_to_collections(values or [], pair[0])
    graph.add_to_collections(updates or [], pair[1])


def _ones(x: Tensor) -> Tensor:
    return add("broadcast_like", [to_tensor(1.0, beside=x), x], "ones_like", None)


def _sum(x: Tensor) -> Tensor:
    return reduce("sum", x, None, keepdims=False, label="Sum")
