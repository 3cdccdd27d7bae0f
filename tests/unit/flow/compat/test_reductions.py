"""Reductions, beside NumPy's."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf

X = np.random.default_rng(0).normal(size=(3, 4, 5))
REDUCTIONS = [
    (tf.reduce_sum, np.sum),
    (tf.reduce_mean, np.mean),
    (tf.reduce_prod, np.prod),
    (tf.reduce_max, np.max),
    (tf.reduce_min, np.min),
    (tf.reduce_logsumexp, lambda x, axis, keepdims: np.log(np.exp(x).sum(axis, keepdims=keepdims))),
]


@pytest.mark.parametrize(("ours", "theirs"), REDUCTIONS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("axis", [None, 0, -1, [0, 2], [1]])
@pytest.mark.parametrize("keepdims", [False, True])
def test_reductions_agree_with_numpy(run, ours, theirs, axis, keepdims):
    x = tf.placeholder(tf.float64, [None, 4, 5])
    got = run(ours(x, axis, keepdims=keepdims), {x: X})
    place = tuple(axis) if isinstance(axis, list) else axis
    expected = theirs(X, axis=place, keepdims=keepdims)
    np.testing.assert_allclose(got, expected, rtol=1e-12)
    assert np.shape(got) == expected.shape


def test_older_names_of_arguments_hold(run):
    x = tf.constant(X)
    assert run(tf.reduce_sum(x, reduction_indices=[1], keep_dims=True)).shape == (3, 1, 5)
    assert run(tf.reduce_mean(x, tf.constant([0, 1]))).shape == (5,)


def test_truth_is_reduced(run):
    x = tf.constant([[True, False], [True, True]])
    assert run(tf.reduce_all(x, 1)).tolist() == [False, True]
    assert run(tf.reduce_any(x, 0)).tolist() == [True, True]


def test_the_mean_of_integers_is_one(run):
    got = run(tf.reduce_mean(tf.constant([1, 2, 4])))
    assert got == 2
    assert got.dtype == np.int32


def test_logsumexp_does_not_overflow(run):
    assert run(tf.reduce_logsumexp(tf.constant([1000.0, 1000.0]))) == pytest.approx(1000.6931)
    assert run(tf.reduce_logsumexp(tf.constant([-np.inf, -np.inf], tf.float32))) == -np.inf


def test_places_of_extremes_are_the_first(run):
    x = tf.constant([[1, 5, 5], [0, -2, -2]])
    assert run(tf.argmax(x, 1)).tolist() == [1, 0]
    assert run(tf.argmin(x, 1)).tolist() == [0, 1]
    assert run(tf.argmax(x)).tolist() == [0, 0, 0]
    assert run(tf.argmax(x, 1)).dtype == np.int64
    assert run(tf.argmax(x, 1, output_type=tf.int32)).dtype == np.int32


def test_running_sums(run):
    x = tf.constant([1.0, 2.0, 3.0])
    assert run(tf.cumsum(x)).tolist() == [1.0, 3.0, 6.0]
    assert run(tf.cumsum(x, exclusive=True)).tolist() == [0.0, 1.0, 3.0]
    assert run(tf.cumsum(x, reverse=True)).tolist() == [6.0, 5.0, 3.0]


def test_counts_norms_and_clips(run):
    x = tf.constant([3.0, 0.0, 4.0])
    assert run(tf.count_nonzero(x)) == 2
    assert run(tf.norm(x)) == 5.0
    assert run(tf.norm(x, ord=1)) == 7.0
    assert run(tf.clip_by_norm(x, 1.0)).tolist() == pytest.approx([0.6, 0.0, 0.8])
    clipped, norm = tf.clip_by_global_norm([x, tf.constant([12.0]), None], 6.5)
    assert run(norm) == 13.0
    assert run(clipped[0]).tolist() == pytest.approx([1.5, 0.0, 2.0])
    assert clipped[2] is None


def test_axes_must_be_known_and_integers():
    with pytest.raises(tf.errors.InvalidArgumentError, match="before a run"):
        tf.reduce_sum(tf.constant([1.0]), tf.placeholder(tf.int32, []))
    with pytest.raises(tf.errors.InvalidArgumentError, match="axis"):
        tf.reduce_sum(tf.constant([1.0]), 3)
