"""MiniFlow's linear regression, to the bit."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf

# Loss, weight and bias after an epoch: float32 as TensorFlow 1 computes them, float64 as MiniFlow.
GOLDEN = {
    (tf.float32, 0): (92.16000366210938, 0.19999998807907104, 0.19999998807907104),
    (tf.float32, 29): (3.8390920162200928, 9.393624305725098, 2.5657355785369873),
    (tf.float64, 0): (92.16, 0.2, 0.2),
    (tf.float64, 1): (71.166096, 0.976, 0.588),
    (tf.float64, 29): (3.8390920597789364, 9.393624103552733, 2.56573601132634),
}
FEATURES = [1.0, 2.0, 3.0, 4.0, 5.0]
LABELS = [10.0, 20.0, 30.0, 40.0, 50.0]


def model(dtype):
    weight = tf.Variable(0.0, dtype=dtype)
    bias = tf.Variable(0.0, dtype=dtype)
    x = tf.placeholder(dtype)
    y = tf.placeholder(dtype)
    loss = tf.square(y - (weight * x + bias))
    # A Python float would be float32, as in TensorFlow.
    rate = tf.as_dtype(dtype).as_numpy_dtype(0.01)
    train = tf.train.GradientDescentOptimizer(rate).minimize(loss)
    return weight, bias, x, y, loss, train


def trace(dtype):
    weight, bias, x, y, loss, train = model(dtype)
    seen = []
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for epoch in range(30):
            place = epoch % 5
            session.run(train, feed_dict={x: FEATURES[place], y: LABELS[place]})
            now = session.run(loss, feed_dict={x: 1.0, y: 10.0})
            seen.append((now, session.run(weight), session.run(bias)))
    return seen


@pytest.mark.parametrize(("dtype", "epoch"), GOLDEN)
def test_the_golden_trace_is_met_to_the_last_bit(dtype, epoch):
    assert tuple(float(each) for each in trace(dtype)[epoch]) == GOLDEN[dtype, epoch]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_step_is_that_of_the_formula_in_its_dtype(dtype):
    w = b = dtype(0.0)
    for epoch, (_, weight, bias) in enumerate(trace(dtype)):
        x, y = dtype(FEATURES[epoch % 5]), dtype(LABELS[epoch % 5])
        d = dtype(2.0) * (y - (w * x + b))
        w, b = w - dtype(0.01) * (d * -x), b - dtype(0.01) * -d
        assert (weight, bias) == (w, b)


def test_the_loop_inside_gives_what_the_loop_outside_gives():
    weight, bias, x, y, _, train = model(tf.float32)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        assert session.run_many(train, {x: FEATURES * 6, y: LABELS * 6}) is None
        assert session.run([weight, bias]) == [9.393624305725098, 2.5657355785369873]
