"""Ours: a `run` a step, and all steps in one call."""

import numpy as np

import ferrule.flow.compat.v1 as tf
from step.task import LEARNING_RATE, XS, YS


class Ferrule:
    """`session.run(train_op, feed_dict)`, a call a step."""

    def __init__(self) -> None:
        self.x, self.y = tf.placeholder(tf.float32, []), tf.placeholder(tf.float32, [])
        self.w, self.b = tf.Variable(0.0), tf.Variable(0.0)
        loss = tf.square(self.y - (self.w * self.x + self.b))
        self.train_op = tf.train.GradientDescentOptimizer(LEARNING_RATE).minimize(loss)
        self.session = tf.Session()
        self.session.run(tf.global_variables_initializer())

    def learn(self, steps: int) -> None:
        session, train_op, x, y = self.session, self.train_op, self.x, self.y
        for i in range(steps):
            session.run(train_op, feed_dict={x: XS[i % 32], y: YS[i % 32]})

    def learned(self) -> tuple[float, float]:
        w, b = self.session.run([self.w, self.b])
        return float(w), float(b)


class FerruleLoop(Ferrule):
    """`session.run_many(train_op, feeds, steps)`, one call for all steps."""

    def __init__(self) -> None:
        super().__init__()
        # After the last sample comes the first again, as in JAX's loop.
        self.feeds = {self.x: np.array(XS, np.float32), self.y: np.array(YS, np.float32)}

    def learn(self, steps: int) -> None:
        self.session.run_many(self.train_op, self.feeds, steps=steps)
