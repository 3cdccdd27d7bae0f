"""Layers, losses and metrics."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf


def test_dense_layers_make_their_variables(run):
    x = tf.placeholder(tf.float32, [None, 4])
    h = tf.layers.dense(x, 3, tf.nn.relu, bias_initializer=tf.ones_initializer())
    y = tf.layers.dense(h, 2, use_bias=False, name="out")
    assert [v.name for v in tf.trainable_variables()] == [
        "dense/kernel:0",
        "dense/bias:0",
        "out/kernel:0",
    ]
    kernel, bias, last = tf.trainable_variables()
    data = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    got, k, b, k2 = run([y, kernel, bias, last], {x: data})
    np.testing.assert_allclose(got, np.maximum(data @ k + b, 0) @ k2, rtol=1e-5, atol=1e-6)
    again = tf.layers.dense(h, 2, use_bias=False, name="out", reuse=True)
    assert len(tf.trainable_variables()) == 3
    assert again.shape.as_list() == [None, 2]
    tf.layers.dense(x, 3)
    assert tf.trainable_variables()[-1].name == "dense_1/bias:0"


def test_dense_needs_a_known_width():
    with pytest.raises(ValueError, match="last dimension"):
        tf.layers.dense(tf.placeholder(tf.float32, [None, None]), 3)


def test_convolutional_layers_stack_up(run):
    x = tf.placeholder(tf.float32, [None, 8, 8, 1])
    h = tf.layers.conv2d(x, 4, 3, padding="same", activation=tf.nn.relu)
    h = tf.layers.max_pooling2d(h, 2, 2)
    h = tf.layers.average_pooling2d(h, (2, 2), (2, 2))
    h = tf.layers.flatten(h)
    assert h.shape.as_list() == [None, 16]
    assert run(h, {x: np.ones((3, 8, 8, 1))}).shape == (3, 16)
    assert [v.shape.as_list() for v in tf.trainable_variables()] == [[3, 3, 1, 4], [4]]


def test_flatten_takes_unknown_sizes(run):
    x = tf.placeholder(tf.float32, [None, None, 2])
    assert run(tf.layers.flatten(x), {x: np.ones((3, 5, 2))}).shape == (3, 10)


def test_dropout_layers_heed_training(run):
    x = tf.ones([100])
    assert tf.layers.dropout(x) is x
    training = tf.placeholder(tf.bool, [])
    made = tf.layers.dropout(x, 0.5, training=training, seed=1)
    assert set(run(made, {training: False}).tolist()) == {1.0}
    assert set(run(made, {training: True}).tolist()) == {0.0, 2.0}


Z = np.array([[1.0, 0.0], [0.0, 1.0], [1.0, 0.0]])
P = np.array([[0.8, 0.3], [0.4, 0.9], [0.6, 0.1]])
SIGN = 2 * Z - 1
LOSSES = [
    (tf.losses.mean_squared_error, ((P - Z) ** 2).mean()),
    (tf.losses.absolute_difference, abs(P - Z).mean()),
    (tf.losses.huber_loss, (0.5 * (P - Z) ** 2).mean()),
    (tf.losses.hinge_loss, np.maximum(0, 1 - SIGN * P).mean()),
    (tf.losses.log_loss, -(Z * np.log(P + 1e-7) + (1 - Z) * np.log(1 - P + 1e-7)).mean()),
    (tf.losses.sigmoid_cross_entropy, (np.log1p(np.exp(-SIGN * P))).mean()),
    (
        tf.losses.softmax_cross_entropy,
        -(Z * (P - np.log(np.exp(P).sum(1, keepdims=True)))).sum(1).mean(),
    ),
]


@pytest.mark.parametrize(
    ("loss", "expected"), LOSSES, ids=lambda each: getattr(each, "__name__", "")
)
def test_losses_are_means_over_the_batch(run, loss, expected):
    made = loss(Z, P)
    assert run(made) == pytest.approx(expected, rel=1e-6)
    assert tf.losses.get_losses() == [made]
    assert run(tf.losses.get_total_loss()) == pytest.approx(expected, rel=1e-6)


def test_weights_and_reductions_of_losses(run):
    apart = (P - Z) ** 2
    weights = np.array([[1.0], [0.0], [2.0]])
    total = (apart * weights).sum()
    wanted = {
        tf.losses.Reduction.SUM_BY_NONZERO_WEIGHTS: total / 4,
        tf.losses.Reduction.SUM: total,
        tf.losses.Reduction.MEAN: total / 6,
        tf.losses.Reduction.SUM_OVER_BATCH_SIZE: total / 6,
    }
    for reduction, expected in wanted.items():
        made = tf.losses.mean_squared_error(Z, P, weights, reduction=reduction)
        assert run(made) == pytest.approx(expected)
    none = tf.losses.mean_squared_error(Z, P, weights, reduction="none")
    np.testing.assert_allclose(run(none), apart * weights, rtol=1e-6)
    assert run(tf.losses.mean_squared_error(Z, P, 0.0)) == 0.0
    with pytest.raises(ValueError, match="reduction"):
        tf.losses.mean_squared_error(Z, P, reduction="sum of all")
    with pytest.raises(ValueError, match="incompatible"):
        tf.losses.mean_squared_error(Z, P[:1])


def test_sparse_labels_may_be_a_column(run):
    made = tf.losses.sparse_softmax_cross_entropy([[0], [1], [0]], P)
    assert run(made) == pytest.approx(LOSSES[-1][1], rel=1e-6)


METRICS = [
    (tf.metrics.accuracy, 0.75),
    (tf.metrics.precision, 2 / 3),
    (tf.metrics.recall, 1.0),
    (tf.metrics.true_positives, 2.0),
    (tf.metrics.false_positives, 1.0),
    (tf.metrics.false_negatives, 0.0),
    (tf.metrics.true_negatives, 1.0),
    (tf.metrics.mean_squared_error, 0.25),
    (tf.metrics.mean_absolute_error, 0.25),
    (tf.metrics.root_mean_squared_error, 0.5),
]


@pytest.mark.parametrize(
    ("metric", "expected"), METRICS, ids=lambda each: getattr(each, "__name__", "")
)
def test_metrics_add_up_over_batches(metric, expected):
    z, p = tf.placeholder(tf.int64, [None]), tf.placeholder(tf.int64, [None])
    value, update = metric(z, p)
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        assert session.run(value) == 0.0
        session.run(update, {z: [1, 0], p: [1, 1]})
        last = session.run(update, {z: [1, 0], p: [1, 0]})
        assert session.run(value) == pytest.approx(expected) == last


def test_metrics_may_be_weighted():
    value, update = tf.metrics.mean([1.0, 5.0], weights=[3.0, 1.0])
    with tf.Session() as session:
        session.run(tf.local_variables_initializer())
        assert session.run(update) == 2.0
        assert session.run(value) == 2.0
