"""Adagrad: Duchi, Hazan and Singer (2011), "Adaptive subgradient methods"."""

from typing import Any

from ferrule.flow.compat.v1._tensor import Tensor, unary
from ferrule.flow.compat.v1._variables import Variable
from ferrule.flow.compat.v1.train._optimizer import Optimizer


class AdagradOptimizer(Optimizer):
    """total += gradient²; variable -= learning_rate * gradient / sqrt(total).

    Parameters
    ----------
    learning_rate : float or scalar tensor
    initial_accumulator_value : float
        What the total begins with; above 0.
    """

    def __init__(
        self,
        learning_rate: Any,
        initial_accumulator_value: float = 0.1,
        use_locking: bool = False,
        name: str = "Adagrad",
    ) -> None:
        super().__init__(use_locking, name)
        if initial_accumulator_value <= 0.0:
            raise ValueError(
                f"initial_accumulator_value must be positive, got {initial_accumulator_value}"
            )
        self._learning_rate = learning_rate
        self._start = initial_accumulator_value

    def _create_slots(self, var_list: list[Variable]) -> None:
        for variable in var_list:
            self._make_slot(variable, "accumulator", self._start, self._name)

    def _update(self, gradient: Tensor, variable: Variable) -> list[tuple[Variable, Tensor]]:
        rate = self._number(self._learning_rate, variable, "learning_rate")
        slot = self._slot(variable, "accumulator")
        total = slot.reads[0] + unary("square", gradient, "Square", None)
        step = gradient * rate * unary("rsqrt", total, "Rsqrt", None)
        return [(slot, total), (variable, variable.reads[0] - step)]
