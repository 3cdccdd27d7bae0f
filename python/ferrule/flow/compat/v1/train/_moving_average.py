"""Running means of variables."""

from typing import Any

from ferrule.flow.compat.v1 import _elementwise as _e
from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._tensor import Operation, default_graph, to_tensor
from ferrule.flow.compat.v1._variables import Variable, assign, group, trainable_variables


class ExponentialMovingAverage:
    """shadow -= (1 - decay) * (shadow - variable), for each variable.

    Parameters
    ----------
    decay : float
        Such as 0.999.
    num_updates : scalar tensor, optional
        With it, the decay is at most (1 + n) / (10 + n).
    """

    def __init__(
        self,
        decay: float,
        num_updates: Any = None,
        zero_debias: bool = False,
        name: str = "ExponentialMovingAverage",
    ) -> None:
        if zero_debias:
            raise NotImplementedError("zero_debias=True is not in ferrule.flow")
        self._decay = decay
        self._num_updates = num_updates
        self._name = name
        self._averages: dict[Variable, Variable] = {}

    @property
    def name(self) -> str:
        """The name of the operations."""
        return self._name

    def apply(self, var_list: Any = None) -> Operation:
        """Return an operation that takes the variables into their means."""
        listed = trainable_variables() if var_list is None else list(var_list)
        graph = default_graph()
        for variable in listed:
            if variable not in self._averages:
                with graph.name_scope(None), graph.control_dependencies(None):
                    shadow = Variable(
                        variable.initialized_value(), False, name=f"{variable.op.name}/{self._name}"
                    )
                self._averages[variable] = shadow
                graph.add_to_collection(GraphKeys.MOVING_AVERAGE_VARIABLES, variable)
        with graph.name_scope(self._name) as scope:
            updates = []
            for variable in listed:
                shadow = self._averages[variable]
                apart = shadow.value() - variable.value()
                updates.append(assign(shadow, shadow.value() - apart * self._share(variable)))
            return group(*updates, name=scope)

    def _share(self, variable: Variable) -> Any:
        """Return 1 - decay."""
        if self._num_updates is None:
            return 1.0 - self._decay
        n = _e.cast(to_tensor(self._num_updates), variable.dtype)
        return 1.0 - _e.minimum(to_tensor(self._decay, variable.dtype), (1.0 + n) / (10.0 + n))

    def average(self, var: Variable) -> Variable | None:
        """Return the variable that holds the mean of `var`, or None."""
        return self._averages.get(var)

    def average_name(self, var: Variable) -> str:
        """Return the name under which the mean of `var` is saved."""
        held = self._averages.get(var)
        return f"{var.op.name}/{self._name}" if held is None else held.op.name

    def variables_to_restore(self, moving_avg_variables: Any = None) -> dict[str, Variable]:
        """Return for a Saver: the means' names for the variables that have one."""
        listed = trainable_variables() if moving_avg_variables is None else moving_avg_variables
        averaged = {self.average_name(each): each for each in listed}
        others = default_graph().get_collection(GraphKeys.GLOBAL_VARIABLES)
        held = set(self._averages.values()) | set(listed)
        return averaged | {each.op.name: each for each in others if each not in held}
