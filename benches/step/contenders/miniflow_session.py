"""MiniFlow, the package of PyPI."""

import importlib
import logging
import sys

from step.task import LEARNING_RATE, XS, YS


def imported() -> object:
    """Import miniflow, which says `import graph` where it means a module of its own."""
    package = importlib.util.find_spec("miniflow").submodule_search_locations[0]
    sys.path.insert(0, package)
    try:
        graph = importlib.import_module("graph")
    finally:
        sys.path.remove(package)
    sys.modules["miniflow.graph"] = graph  # one default graph, under both names
    return importlib.import_module("miniflow")


class MiniFlow:
    """`session.run(train_op, feed_dict)`, with the operators that the package differentiates."""

    def __init__(self) -> None:
        logging.disable(logging.WARNING)
        tf = imported()
        self.x, self.y = tf.placeholder(tf.float32), tf.placeholder(tf.float32)
        self.w, self.b = tf.Variable(0.0, name="w"), tf.Variable(0.0, name="b")
        loss = tf.square(self.y - (self.w * self.x + self.b))
        self.train_op = tf.train.GradientDescentOptimizer(LEARNING_RATE).minimize(loss)
        self.session = tf.Session()
        self.session.run(tf.global_variables_initializer())

    def learn(self, steps: int) -> None:
        session, train_op, x, y = self.session, self.train_op, self.x, self.y
        for i in range(steps):
            session.run(train_op, feed_dict={x: XS[i % 32], y: YS[i % 32]})

    def learned(self) -> tuple[float, float]:
        return float(self.session.run(self.w)), float(self.session.run(self.b))
