"""TensorFlow by its API of version 1."""

import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import tensorflow.compat.v1 as tf

from step.task import LEARNING_RATE, XS, YS


class TensorFlow:
    """`session.run(train_op, feed_dict)`, a call a step, on one thread, which is quickest."""

    def __init__(self) -> None:
        tf.disable_v2_behavior()
        self.x, self.y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
        self.w, self.b = tf.Variable(0.0), tf.Variable(0.0)
        loss = tf.square(self.y - (self.w * self.x + self.b))
        self.train_op = tf.train.GradientDescentOptimizer(LEARNING_RATE).minimize(loss)
        one_thread = tf.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
        self.session = tf.Session(config=one_thread)
        self.session.run(tf.global_variables_initializer())

    def learn(self, steps: int) -> None:
        session, train_op, x, y = self.session, self.train_op, self.x, self.y
        for i in range(steps):
            session.run(train_op, feed_dict={x: XS[i % 32], y: YS[i % 32]})

    def learned(self) -> tuple[float, float]:
        w, b = self.session.run([self.w, self.b])
        return float(w), float(b)
