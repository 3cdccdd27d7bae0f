"""FTRL: McMahan et al. (2013), "Ad click prediction: a view from the trenches"."""

from typing import Any

import numpy as np

from ferrule.flow.compat.v1._tensor import Tensor, add, unary
from ferrule.flow.compat.v1._variables import Variable
from ferrule.flow.compat.v1.train._optimizer import Optimizer


class FtrlOptimizer(Optimizer):
    """Follows the regularised leader: weights that L1 would make small are 0.

    Parameters
    ----------
    learning_rate : float or scalar tensor
    learning_rate_power : float
        At most 0; the rate falls as the total of squares to that power.
    initial_accumulator_value : float
        What the total of squares begins with; at least 0.
    l1_regularization_strength, l2_regularization_strength : float
        At least 0.
    l2_shrinkage_regularization_strength : float
        At least 0; pulls the gradient, not the weights.
    """

    _steps_by_row = True

    def __init__(
        self,
        learning_rate: Any,
        learning_rate_power: float = -0.5,
        initial_accumulator_value: float = 0.1,
        l1_regularization_strength: float = 0.0,
        l2_regularization_strength: float = 0.0,
        use_locking: bool = False,
        name: str = "Ftrl",
        accum_name: str | None = None,
        linear_name: str | None = None,
        l2_shrinkage_regularization_strength: float = 0.0,
    ) -> None:
        super().__init__(use_locking, name)
        self._limits = {
            "initial_accumulator_value": initial_accumulator_value,
            "l1_regularization_strength": l1_regularization_strength,
            "l2_regularization_strength": l2_regularization_strength,
            "l2_shrinkage_regularization_strength": l2_shrinkage_regularization_strength,
        }
        for setting, value in self._limits.items():
            if value < 0.0:
                raise ValueError(f"{setting} must be at least 0, got {value}")
        if learning_rate_power > 0.0:
            raise ValueError(f"learning_rate_power must be at most 0, got {learning_rate_power}")
        self._learning_rate = learning_rate
        # As TensorFlow's other settings, which are float32.
        self._power = float(np.float32(learning_rate_power))
        self._names = (accum_name or name, linear_name or name)

    def _create_slots(self, var_list: list[Variable]) -> None:
        for variable in var_list:
            start = self._limits["initial_accumulator_value"]
            self._make_slot(variable, "accum", start, self._names[0])
            self._make_slot(variable, "linear", 0.0, self._names[1])

    def _update(self, gradient: Tensor, variable: Variable) -> list[tuple[Variable, Tensor]]:
        rate = self._number(self._learning_rate, variable, "learning_rate")
        l1, l2, shrinkage = (
            self._number(self._limits[f"{name}_regularization_strength"], variable, name)
            for name in ("l1", "l2", "l2_shrinkage")
        )
        accum, linear = self._slot(variable, "accum"), self._slot(variable, "linear")
        now = variable.reads[0]
        pulled = gradient
        if self._limits["l2_shrinkage_regularization_strength"] > 0.0:
            pulled = gradient + 2.0 * shrinkage * now
        total = accum.reads[0] + unary("square", gradient, "Square", None)
        fallen = self._fall(total)
        change = (fallen - self._fall(accum.reads[0])) / rate * now
        new_linear = linear.reads[0] + (pulled - change)
        numerator = l1 * unary("sign", new_linear, "Sign", None) - new_linear
        shrunk = numerator / (fallen / rate + 2.0 * l2)
        is_far = abs(new_linear) > l1
        zero = self._number(0.0, variable, "zero")
        value = add("select", [is_far, shrunk, zero], "Select", None)
        return [(linear, new_linear), (accum, total), (variable, value)]

    def _fall(self, total: Tensor) -> Tensor:
        """Return total to the power of -learning_rate_power."""
        if self._power == -0.5:
            return unary("sqrt", total, "Sqrt", None)
        return total**-self._power
