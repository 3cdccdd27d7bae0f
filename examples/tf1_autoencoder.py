"""Digits through a narrow middle and back, as a script for TensorFlow 1.

usage: python examples/tf1_autoencoder.py
"""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.decomposition import PCA

import ferrule.flow.compat.v1 as tf

N_TRAIN, BATCH, EPOCHS, WIDTH = 1500, 50, 30, 8


def main() -> None:
    """Train on 1,500 digits, and compare the error on the others with that of components."""
    tf.set_random_seed(1)
    images = (load_digits().data / 16.0).astype(np.float32)
    train_images, other_images = images[:N_TRAIN], images[N_TRAIN:]

    x = tf.placeholder(tf.float32, [None, 64])
    with tf.variable_scope("encoder"):
        hidden = tf.layers.dense(x, 96, tf.nn.elu)
        middle = tf.layers.dense(hidden, WIDTH)
    with tf.variable_scope("decoder"):
        hidden = tf.layers.dense(middle, 96, tf.nn.elu)
        output = tf.layers.dense(hidden, 64, tf.nn.sigmoid)
    loss = tf.losses.mean_squared_error(x, output)
    step = tf.train.get_or_create_global_step()
    rate = tf.train.exponential_decay(0.004, step, 600, 0.7)
    train = tf.train.AdamOptimizer(rate).minimize(loss, global_step=step)

    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        random = np.random.default_rng(0)
        for _ in range(EPOCHS):
            for rows in random.permutation(N_TRAIN).reshape(-1, BATCH):
                session.run(train, {x: train_images[rows]})
        error = session.run(loss, {x: other_images})

    components = PCA(WIDTH).fit(train_images)
    back = components.inverse_transform(components.transform(other_images))
    linear = np.mean((back - other_images) ** 2)
    print(f"mean squared error {error:.4f}, of as many linear components {linear:.4f}")
    assert error < linear


if __name__ == "__main__":
    main()
