"""Losses over many classes by a sample of them."""

import math
from typing import Any, NamedTuple

import numpy as np

from ferrule.flow.compat.v1 import _array, _dtypes, _sources
from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._reductions import reduce
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, to_tensor
from ferrule.flow.compat.v1.nn import _embeddings, _entropies


class Candidates(NamedTuple):
    """Classes that were drawn, and how often each class was to be expected."""

    # (n_sampled,) of int64.
    sampled_candidates: Tensor
    # Of the shape of the true classes.
    true_expected_count: Tensor
    # (n_sampled,).
    sampled_expected_count: Tensor


def log_uniform_candidate_sampler(
    true_classes: Convertible,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: int | None = None,
    name: str | None = None,
) -> Candidates:
    """Draw classes c of [0, range_max) with log((c + 2) / (c + 1)) / log(range_max + 1).

    That is Zipf's law, for classes that are sorted by how frequent they are. Unique ones are
    drawn as the first of exponential races, which gives what drawing anew would.
    """
    del num_true, name
    if unique and num_sampled > range_max:
        raise ValueError(f"cannot draw {num_sampled} unique classes of {range_max}")
    truth = to_tensor(true_classes)
    classes = np.arange(range_max, dtype=np.float64)
    chances = (np.log(classes + 2.0) - np.log(classes + 1.0)) / math.log(range_max + 1.0)
    return _candidates(truth, chances, num_sampled, unique, seed)


def uniform_candidate_sampler(
    true_classes: Convertible,
    num_true: int,
    num_sampled: int,
    unique: bool,
    range_max: int,
    seed: int | None = None,
    name: str | None = None,
) -> Candidates:
    """Draw classes of [0, range_max), each as likely."""
    del num_true, name
    if unique and num_sampled > range_max:
        raise ValueError(f"cannot draw {num_sampled} unique classes of {range_max}")
    chances = np.full(range_max, 1.0 / range_max)
    return _candidates(to_tensor(true_classes), chances, num_sampled, unique, seed)


def _candidates(
    truth: Tensor, chances: Any, num_sampled: int, unique: bool, seed: int | None
) -> Candidates:
    graph = truth.graph
    chance = graph.constant(chances.astype(np.float32), "chances")
    if unique:
        drawn = _sources.random_uniform([len(chances)], seed=seed)
        # 1 - drawn is above 0, so that its logarithm is finite.
        arrivals = _e.log(1.0 - drawn) / chance
        first, places = _embeddings.top_k(arrivals, num_sampled)
        sampled = _e.cast(places, _dtypes.int64)
        tries = -first[num_sampled - 1]

        def expected(p: Tensor) -> Tensor:
            return -_e.expm1(tries * _e.log1p(-p))

    else:
        ends = graph.constant(np.cumsum(chances).astype(np.float32)[:-1], "ends")
        drawn = _sources.random_uniform([num_sampled, 1], seed=seed)
        passed = _e.cast(_e.greater_equal(drawn, ends), _dtypes.int64)
        sampled = reduce("sum", passed, -1, keepdims=False, label="Sum")

        def expected(p: Tensor) -> Tensor:
            return p * float(num_sampled)

    counts = (expected(_array.gather(chance, each)) for each in (truth, sampled))
    return Candidates(_e.stop_gradient(sampled), *(_e.stop_gradient(each) for each in counts))


def _sampled_logits(
    weights: Convertible,
    biases: Convertible,
    labels: Convertible,
    inputs: Convertible,
    num_sampled: int,
    num_classes: int,
    num_true: int,
    sampled_values: Any,
    subtract_log_q: bool,
    remove_accidental_hits: bool,
    seed: int | None,
) -> tuple[Tensor, Tensor]:
    """Return logits (n, num_true + num_sampled) and labels of true and sampled classes."""
    truth = _e.cast(to_tensor(labels), _dtypes.int64)
    if truth.shape.ndims == 1:
        truth = _array.expand_dims(truth, -1)
    x = to_tensor(inputs)
    if sampled_values is None:
        sampled_values = log_uniform_candidate_sampler(
            truth, num_true, num_sampled, unique=True, range_max=num_classes, seed=seed
        )
    sampled, true_count, sampled_count = (_e.stop_gradient(each) for each in sampled_values)
    lookup = _embeddings.embedding_lookup
    true_w, true_b = lookup(weights, truth), lookup(biases, truth)
    true_logits = (
        reduce("sum", _array.expand_dims(x, 1) * true_w, -1, keepdims=False, label="Sum") + true_b
    )
    products = _array.matmul(x, lookup(weights, sampled), transpose_b=True)
    sampled_logits = products + lookup(biases, sampled)
    if remove_accidental_hits:
        sampled_logits = _without_hits(sampled_logits, truth, sampled)
    if subtract_log_q:
        true_logits = true_logits - _e.log(true_count)
        sampled_logits = sampled_logits - _e.log(sampled_count)
    share = _sources.ones_like(true_logits) / float(num_true)
    out_labels = _array.concat([share, _sources.zeros_like(sampled_logits)], 1)
    return _array.concat([true_logits, sampled_logits], 1), out_labels


def _without_hits(logits: Tensor, truth: Tensor, sampled: Tensor) -> Tensor:
    """Return logits of sampled classes, with the least number where one is a true class."""
    same = _e.equal(_array.expand_dims(truth, -1), sampled)
    hit = reduce("any", same, 1, keepdims=False, label="Any")
    least = to_tensor(np.asarray(-np.finfo(np.float32).max, logits.dtype.numpy), beside=logits)
    zero = to_tensor(0.0, logits.dtype, beside=logits)
    return logits + add("select", [hit, least, zero], "Select", None)


def nce_loss(
    weights: Convertible,
    biases: Convertible,
    labels: Convertible,
    inputs: Convertible,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = False,
    partition_strategy: str = "mod",
    name: str = "nce_loss",
    seed: int | None = None,
) -> Tensor:
    """Return the noise-contrastive loss of each row: Gutmann and Hyvärinen (2010).

    Parameters
    ----------
    weights : (num_classes, dim)
    biases : (num_classes,)
    labels : (n, num_true) of int64
    inputs : (n, dim)
    num_sampled : int
        How many classes to draw a run.
    sampled_values : tuple, optional
        As of `log_uniform_candidate_sampler`, which is the default.

    Returns
    -------
    tensor of (n,)
    """
    del partition_strategy
    with to_tensor(inputs).graph.name_scope(name):
        logits, truth = _sampled_logits(
            weights,
            biases,
            labels,
            inputs,
            num_sampled,
            num_classes,
            num_true,
            sampled_values,
            subtract_log_q=True,
            remove_accidental_hits=remove_accidental_hits,
            seed=seed,
        )
        each = _entropies.sigmoid_cross_entropy_with_logits(labels=truth, logits=logits)
        return reduce("sum", each, 1, keepdims=False, label="Sum")


def sampled_softmax_loss(
    weights: Convertible,
    biases: Convertible,
    labels: Convertible,
    inputs: Convertible,
    num_sampled: int,
    num_classes: int,
    num_true: int = 1,
    sampled_values: Any = None,
    remove_accidental_hits: bool = True,
    partition_strategy: str = "mod",
    name: str = "sampled_softmax_loss",
    seed: int | None = None,
) -> Tensor:
    """Return the softmax loss of each row over its true and the sampled classes alone.

    Parameters are those of `nce_loss`; Jean et al. (2014).
    """
    del partition_strategy
    with to_tensor(inputs).graph.name_scope(name):
        logits, truth = _sampled_logits(
            weights,
            biases,
            labels,
            inputs,
            num_sampled,
            num_classes,
            num_true,
            sampled_values,
            subtract_log_q=True,
            remove_accidental_hits=remove_accidental_hits,
            seed=seed,
        )
        return _entropies.softmax_cross_entropy_with_logits(labels=truth, logits=logits)
