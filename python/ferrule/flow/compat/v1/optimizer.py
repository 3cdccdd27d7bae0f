"""MiniFlow's optimizers, for its operations and for tensors alike."""

from typing import Any

from ferrule.flow.compat.v1 import ops, train
from ferrule.flow.compat.v1.train import Optimizer

__all__ = ["GradientDescentOptimizer", "Optimizer", "OptimizerMinimizeOp"]


class OptimizerMinimizeOp(ops.Op):
    """A step of an optimizer, each time that it is run."""

    def __init__(self, optimizer: "GradientDescentOptimizer", loss: ops.Op) -> None:
        super().__init__("OptimizerMinimize")
        self._optimizer = optimizer
        self._loss = loss

    def forward(self) -> None:
        """Take a step."""
        pairs = [(self._loss.grad(each.name), each) for each in ops.variables_of(self._loss)]
        rate = self._optimizer.learning_rate
        for gradient, variable in pairs:
            variable.set_value(variable.get_value() - rate * gradient)


class GradientDescentOptimizer(train.GradientDescentOptimizer):
    """variable -= learning_rate * gradient.

    Examples
    --------
    >>> from ferrule.flow.compat.v1 import ops, optimizer
    >>> w = ops.VariableOp(3.0)
    >>> step = optimizer.GradientDescentOptimizer(0.25).minimize(ops.SquareOp(w))
    >>> step.forward()
    >>> w.get_value()
    1.5
    """

    def __init__(self, learning_rate: Any = 0.01, name: str = "GradientDescent") -> None:
        super().__init__(learning_rate, name=name)
        self.learning_rate = learning_rate

    def minimize(self, loss: Any, *args: Any, **keywords: Any) -> Any:
        """Return an operation that takes a step; `loss` is a tensor, or an `ops.Op`."""
        if isinstance(loss, ops.Op):
            return OptimizerMinimizeOp(self, loss)
        return super().minimize(loss, *args, **keywords)
