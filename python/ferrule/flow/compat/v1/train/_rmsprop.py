"""RMSProp: Tieleman and Hinton (2012), lecture 6.5 of "Neural networks for machine learning"."""

from typing import Any

from ferrule.flow.compat.v1._tensor import Tensor, unary
from ferrule.flow.compat.v1._variables import Variable
from ferrule.flow.compat.v1.train._optimizer import Optimizer


class RMSPropOptimizer(Optimizer):
    """Steps by the gradient over the root of the running mean of its square.

    ::

        mean_square += (gradient² - mean_square) * (1 - decay)
        moment = momentum * moment + learning_rate * gradient / sqrt(mean_square + epsilon)
        variable -= moment

    Parameters
    ----------
    learning_rate, decay, momentum, epsilon : float or scalar tensor
    centered : bool
        Whether the square of the running mean of the gradient is taken from mean_square.
    """

    _steps_by_row = True

    def __init__(
        self,
        learning_rate: Any,
        decay: Any = 0.9,
        momentum: Any = 0.0,
        epsilon: Any = 1e-10,
        use_locking: bool = False,
        centered: bool = False,
        name: str = "RMSProp",
    ) -> None:
        super().__init__(use_locking, name)
        self._settings = {
            "learning_rate": learning_rate,
            "decay": decay,
            "momentum": momentum,
            "epsilon": epsilon,
        }
        self._centered = centered

    def _create_slots(self, var_list: list[Variable]) -> None:
        for variable in var_list:
            self._make_slot(variable, "rms", 1.0, self._name)
            if self._centered:
                self._make_slot(variable, "mg", 0.0, self._name)
            self._make_slot(variable, "momentum", 0.0, self._name)

    def _update(self, gradient: Tensor, variable: Variable) -> list[tuple[Variable, Tensor]]:
        rate, decay, momentum, epsilon = (
            self._number(value, variable, name) for name, value in self._settings.items()
        )
        rms, moment = self._slot(variable, "rms"), self._slot(variable, "momentum")
        square = unary("square", gradient, "Square", None)
        new_rms = rms.reads[0] + (square - rms.reads[0]) * (1.0 - decay)
        updates = [(rms, new_rms)]
        below = new_rms + epsilon
        if self._centered:
            mean = self._slot(variable, "mg")
            new_mean = mean.reads[0] + (gradient - mean.reads[0]) * (1.0 - decay)
            updates.append((mean, new_mean))
            below = (new_rms - unary("square", new_mean, "Square", None)) + epsilon
        step = moment.reads[0] * momentum + gradient * rate / unary("sqrt", below, "Sqrt", None)
        return [*updates, (moment, step), (variable, variable.reads[0] - step)]
