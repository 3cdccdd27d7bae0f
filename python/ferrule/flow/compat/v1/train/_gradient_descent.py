"""Gradient descent."""

from typing import Any

from ferrule.flow.compat.v1._tensor import Tensor
from ferrule.flow.compat.v1._variables import Variable
from ferrule.flow.compat.v1.train._optimizer import Optimizer


class GradientDescentOptimizer(Optimizer):
    """variable -= learning_rate * gradient.

    Parameters
    ----------
    learning_rate : float or scalar tensor

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> w = tf.Variable(3.0)
    >>> step = tf.train.GradientDescentOptimizer(0.25).minimize(tf.square(w))
    >>> with tf.Session() as session:
    ...     session.run(tf.global_variables_initializer())
    ...     session.run(step)
    ...     session.run(w)
    np.float32(1.5)
    """

    def __init__(
        self, learning_rate: Any, use_locking: bool = False, name: str = "GradientDescent"
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate

    def _update(self, gradient: Tensor, variable: Variable) -> list[tuple[Variable, Tensor]]:
        rate = self._number(self._learning_rate, variable, "learning_rate")
        return [(variable, variable.reads[0] - gradient * rate)]
