"""Adam: Kingma and Ba (2015), "Adam: a method for stochastic optimization"."""

from typing import Any

from ferrule.flow.compat.v1._graph import Graph
from ferrule.flow.compat.v1._tensor import Tensor, unary
from ferrule.flow.compat.v1._variables import Variable, assign
from ferrule.flow.compat.v1.train._optimizer import Optimizer


class AdamOptimizer(Optimizer):
    """Steps by the running mean of the gradient over the root of that of its square.

    ::

        rate = learning_rate * sqrt(1 - beta2^t) / (1 - beta1^t)
        m += (gradient - m) * (1 - beta1)
        v += (gradient² - v) * (1 - beta2)
        variable -= m * rate / (sqrt(v) + epsilon)

    Parameters
    ----------
    learning_rate, beta1, beta2, epsilon : float or scalar tensor
    """

    def __init__(
        self,
        learning_rate: Any = 0.001,
        beta1: Any = 0.9,
        beta2: Any = 0.999,
        epsilon: Any = 1e-8,
        use_locking: bool = False,
        name: str = "Adam",
    ) -> None:
        super().__init__(use_locking, name)
        self._learning_rate = learning_rate
        self._betas = (beta1, beta2)
        self._epsilon = epsilon

    def _create_slots(self, var_list: list[Variable]) -> None:
        first = min(var_list, key=lambda variable: variable.name)
        for place, beta in enumerate(self._betas, 1):
            self._make_shared(f"beta{place}_power", _start(beta), first)
        for variable in var_list:
            self._make_slot(variable, "m", 0.0, self._name)
            self._make_slot(variable, "v", 0.0, self._name)

    def _update(self, gradient: Tensor, variable: Variable) -> list[tuple[Variable, Tensor]]:
        rate = self._number(self._learning_rate, variable, "learning_rate")
        epsilon = self._number(self._epsilon, variable, "epsilon")
        beta1, beta2 = self._beta_tensors(variable)
        power1, power2 = self._powers(variable)
        m, v = self._slot(variable, "m"), self._slot(variable, "v")
        rate = rate * _sqrt(1.0 - power2) / (1.0 - power1)
        new_m = m.reads[0] + (gradient - m.reads[0]) * (1.0 - beta1)
        square = unary("square", gradient, "Square", None)
        new_v = v.reads[0] + (square - v.reads[0]) * (1.0 - beta2)
        step = new_m * rate / (_sqrt(new_v) + epsilon)
        return [(m, new_m), (v, new_v), (variable, variable.reads[0] - step)]

    def _finish(self, graph: Graph) -> list[Tensor]:
        updates = []
        for place, beta in enumerate(self._betas, 1):
            power = self._shared[(f"beta{place}_power", graph)]
            factor = self._number(beta, power, f"beta{place}")
            updates.append(assign(power, power.reads[0] * factor))
        return updates

    def _beta_tensors(self, variable: Variable) -> tuple[Tensor, Tensor]:
        beta1, beta2 = self._betas
        return self._number(beta1, variable, "beta1"), self._number(beta2, variable, "beta2")

    def _powers(self, variable: Variable) -> tuple[Tensor, Tensor]:
        """Return the powers of the betas, in the variable's dtype."""
        graph = variable.graph
        powers = [self._shared[(f"beta{place}_power", graph)].reads[0] for place in (1, 2)]
        first, second = (self._number(power, variable, "power") for power in powers)
        return first, second


def _start(beta: Any) -> Any:
    return beta() if callable(beta) else beta


def _sqrt(x: Tensor) -> Tensor:
    return unary("sqrt", x, "Sqrt", None)
