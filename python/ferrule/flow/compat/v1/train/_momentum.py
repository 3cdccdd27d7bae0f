"""Gradient descent with momentum."""

from typing import Any

from ferrule.flow.compat.v1._tensor import Tensor
from ferrule.flow.compat.v1._variables import Variable
from ferrule.flow.compat.v1.train._optimizer import Optimizer


class MomentumOptimizer(Optimizer):
    """accumulation = momentum * accumulation + gradient; variable -= learning_rate * accumulation.

    Parameters
    ----------
    learning_rate, momentum : float or scalar tensor
    use_nesterov : bool
        Take the gradient, and momentum times the new accumulation, instead.
    """

    _steps_by_row = True

    def __init__(
        self,
        learning_rate: Any,
        momentum: Any,
        use_locking: bool = False,
        name: str = "Momentum",
        use_nesterov: bool = False,
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._momentum = momentum
        self._use_nesterov = use_nesterov

    def _create_slots(self, var_list: list[Variable]) -> None:
        for variable in var_list:
            self._make_slot(variable, "momentum", 0.0, self._name)

    def _update(self, gradient: Tensor, variable: Variable) -> list[tuple[Variable, Tensor]]:
        rate = self._number(self._learning_rate, variable, "learning_rate")
        momentum = self._number(self._momentum, variable, "momentum")
        slot = self._slot(variable, "momentum")
        total = slot.reads[0] * momentum + gradient
        step = total * rate
        if self._use_nesterov:
            step = gradient * rate + total * momentum * rate
        return [(slot, total), (variable, variable.reads[0] - step)]
