"""Linear and logistic regression, as scripts for TensorFlow 1 are written.

usage: python examples/tf1_linear_regression.py

The first fits y = 2x + 10 one sample at a time, then again with the loop inside the session; the
second tells benign from malignant tumours in scikit-learn's breast cancer data.
"""

import time

import numpy as np
from sklearn.datasets import load_breast_cancer

import ferrule.flow.compat.v1 as tf

EPOCHS, RATE = 200, 0.1


def linear() -> None:
    """Fit a line, one sample a step."""
    tf.reset_default_graph()
    x, y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
    weight, bias = tf.Variable(0.0), tf.Variable(0.0)
    loss = tf.square(y - (weight * x + bias))
    train = tf.train.GradientDescentOptimizer(RATE).minimize(loss)
    features = np.linspace(0, 1, 32, endpoint=False, dtype=np.float32)
    labels = 2 * features + 10

    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        start = time.perf_counter()
        for _ in range(EPOCHS):
            for one, label in zip(features.tolist(), labels.tolist(), strict=True):
                session.run(train, feed_dict={x: one, y: label})
        seconds = time.perf_counter() - start
        fitted = session.run([weight, bias])
        print(f"{EPOCHS * len(features) / seconds:,.0f} steps a second: w, b = {fitted}")
        np.testing.assert_allclose(fitted, [2, 10], rtol=1e-3)

        session.run(tf.global_variables_initializer())
        session.run_many(train, {x: features, y: labels}, steps=EPOCHS * len(features))
        np.testing.assert_array_equal(session.run([weight, bias]), fitted)
        print("with the loop inside the session: the same bits")


def logistic() -> None:
    """Tell two classes apart, all samples in each step."""
    tf.reset_default_graph()
    data = load_breast_cancer()
    samples = ((data.data - data.data.mean(0)) / data.data.std(0)).astype(np.float32)
    classes = data.target.astype(np.float32)[:, None]
    x = tf.placeholder(tf.float32, [None, samples.shape[1]])
    y = tf.placeholder(tf.float32, [None, 1])
    logits = tf.layers.dense(x, 1)
    loss = tf.reduce_mean(tf.nn.sigmoid_cross_entropy_with_logits(labels=y, logits=logits))
    train = tf.train.AdamOptimizer(0.05).minimize(loss)
    right = tf.equal(logits > 0, y > 0.5)
    accuracy = tf.reduce_mean(tf.cast(right, tf.float32))

    tf.set_random_seed(0)
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(100):
            session.run(train, {x: samples, y: classes})
        found = session.run(accuracy, {x: samples, y: classes})
    print(f"accuracy {found:.3f} on the {len(samples)} samples that it was fitted on")
    assert found > 0.98


if __name__ == "__main__":
    linear()
    logistic()
