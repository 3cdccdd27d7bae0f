"""A multilayer perceptron and a convolutional network on handwritten digits, by TensorFlow 1's API.

usage: python examples/tf1_digits.py

scikit-learn's 1,797 digits of 8 x 8 pixels; 360 of them, drawn at random, are not trained on.
"""

import numpy as np
from sklearn.datasets import load_digits

import ferrule.flow.compat.v1 as tf

TESTED, BATCH = 360, 64


def perceptron(images: tf.Tensor) -> tf.Tensor:
    """Return the logits of two dense layers."""
    return tf.layers.dense(tf.layers.dense(tf.layers.flatten(images), 64, tf.nn.relu), 10)


def convolutional(images: tf.Tensor) -> tf.Tensor:
    """Return the logits of two convolutions, each halved, and a dense layer."""
    maps = tf.layers.conv2d(images, 8, 3, padding="same", activation=tf.nn.relu)
    maps = tf.nn.max_pool(maps, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    maps = tf.layers.conv2d(maps, 16, 3, padding="same", activation=tf.nn.relu)
    maps = tf.nn.max_pool(maps, [1, 2, 2, 1], [1, 2, 2, 1], "VALID")
    return tf.layers.dense(tf.layers.flatten(maps), 10)


def accuracy(network, epochs: int) -> float:
    """Train a network and return how many of the digits it has not seen it reads."""
    tf.reset_default_graph()
    tf.set_random_seed(1)
    digits = load_digits()
    pixels = (digits.images / 16).astype(np.float32)[..., None]
    x = tf.placeholder(tf.float32, [None, 8, 8, 1])
    y = tf.placeholder(tf.int64, [None])
    logits = network(x)
    loss = tf.losses.sparse_softmax_cross_entropy(labels=y, logits=logits)
    train = tf.train.AdamOptimizer(0.005).minimize(loss)
    rng = np.random.default_rng(0)
    seen, unseen = np.split(rng.permutation(len(pixels)), [-TESTED])
    with tf.Session() as session:
        session.run(tf.global_variables_initializer())
        for _ in range(epochs):
            for batch in np.array_split(rng.permutation(seen), len(seen) // BATCH):
                session.run(train, {x: pixels[batch], y: digits.target[batch]})
        read = session.run(tf.argmax(logits, 1), {x: pixels[unseen]})
    return float((read == digits.target[unseen]).mean())


def main() -> None:
    """Train both and print what they reach."""
    for network, epochs, least in ((perceptron, 30, 0.95), (convolutional, 12, 0.95)):
        reached = accuracy(network, epochs)
        print(f"{network.__name__}: reads {reached:.1%} of {TESTED} digits it has not seen")
        assert reached > least


if __name__ == "__main__":
    main()
