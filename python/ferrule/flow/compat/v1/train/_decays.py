"""Learning rates that fall with the steps."""

import math
from typing import Any

from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._reductions import reduce
from ferrule.flow.compat.v1._sources import constant
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, to_tensor


def exponential_decay(
    learning_rate: Convertible,
    global_step: Convertible,
    decay_steps: Convertible,
    decay_rate: Convertible,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return learning_rate * decay_rate ^ (global_step / decay_steps).

    With `staircase`, the exponent is rounded down.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> rate = tf.train.exponential_decay(0.1, tf.constant(20), 10, 0.5)
    >>> float(tf.Session().run(rate))
    0.02500000037252903
    """
    rate = to_tensor(learning_rate, name="learning_rate")
    with rate.graph.name_scope(name or "ExponentialDecay") as scope:
        exponent = _share(global_step, decay_steps, rate)
        if staircase:
            exponent = _e.floor(exponent)
        return _e.multiply(rate, _e.pow(to_tensor(decay_rate, rate.dtype), exponent), name=scope)


def natural_exp_decay(
    learning_rate: Convertible,
    global_step: Convertible,
    decay_steps: Convertible,
    decay_rate: Convertible,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return learning_rate * exp(-decay_rate * global_step / decay_steps)."""
    rate = to_tensor(learning_rate, name="learning_rate")
    base = math.exp(-decay_rate) if isinstance(decay_rate, (int, float)) else _e.exp(-decay_rate)
    label = name or "NaturalExpDecay"
    return exponential_decay(rate, global_step, decay_steps, base, staircase, label)


def inverse_time_decay(
    learning_rate: Convertible,
    global_step: Convertible,
    decay_steps: Convertible,
    decay_rate: Convertible,
    staircase: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return learning_rate / (1 + decay_rate * global_step / decay_steps)."""
    rate = to_tensor(learning_rate, name="learning_rate")
    with rate.graph.name_scope(name or "InverseTimeDecay") as scope:
        share = _share(global_step, decay_steps, rate)
        if staircase:
            share = _e.floor(share)
        below = 1 + to_tensor(decay_rate, rate.dtype) * share
        return _e.divide(rate, below, name=scope)


def polynomial_decay(
    learning_rate: Convertible,
    global_step: Convertible,
    decay_steps: Convertible,
    end_learning_rate: Convertible = 0.0001,
    power: Convertible = 1.0,
    cycle: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return a rate that falls to `end_learning_rate` within `decay_steps`, and stays there.

    With `cycle`, it begins anew over twice, three times… as many steps instead.
    """
    rate = to_tensor(learning_rate, name="learning_rate")
    with rate.graph.name_scope(name or "PolynomialDecay") as scope:
        step = _e.cast(to_tensor(global_step), rate.dtype)
        whole = _e.cast(to_tensor(decay_steps), rate.dtype)
        if cycle:
            times = _e.ceil(step / whole)
            whole = whole * _e.where(_e.equal(step, 0), 1.0, times)
        else:
            step = _e.minimum(step, whole)
        end = to_tensor(end_learning_rate, rate.dtype)
        left = _e.pow(1 - step / whole, to_tensor(power, rate.dtype))
        return _e.add((rate - end) * left, end, name=scope)


def cosine_decay(
    learning_rate: Convertible,
    global_step: Convertible,
    decay_steps: Convertible,
    alpha: float = 0.0,
    name: str | None = None,
) -> Tensor:
    """Return a rate that falls as half a cosine, to `alpha` of it: Loshchilov and Hutter (2017)."""
    rate = to_tensor(learning_rate, name="learning_rate")
    with rate.graph.name_scope(name or "CosineDecay"):
        step = _e.cast(to_tensor(global_step), rate.dtype)
        whole = _e.cast(to_tensor(decay_steps), rate.dtype)
        done = _e.minimum(step, whole) / whole
        factor = 0.5 * (1.0 + _e.cos(done * math.pi))
        return rate * ((1 - alpha) * factor + alpha)


def piecewise_constant(
    x: Convertible, boundaries: list[Any], values: list[Any], name: str | None = None
) -> Tensor:
    """Return values[0] while x <= boundaries[0], then values[1] up to boundaries[1], ….

    There is one value more than there are boundaries.
    """
    if len(values) != len(boundaries) + 1:
        raise ValueError(
            f"expected one value more than the {len(boundaries)} boundaries, got {len(values)}"
        )
    place = to_tensor(x)
    listed = constant(values)
    edges = to_tensor(boundaries, place.dtype)
    passed = _e.cast(_e.greater(place, edges), "int32")
    n_passed = reduce("sum", passed, None, keepdims=False, label="Sum")
    return add("gather", [listed, n_passed], "PiecewiseConstant", name, axis=0)


piecewise_constant_decay = piecewise_constant


def _share(step: Convertible, steps: Convertible, rate: Tensor) -> Tensor:
    return _e.cast(to_tensor(step), rate.dtype) / _e.cast(to_tensor(steps), rate.dtype)
