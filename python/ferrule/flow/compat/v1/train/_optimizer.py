"""What optimizers have in common."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np

from ferrule.flow.compat.v1 import _gradients
from ferrule.flow.compat.v1._collections import GraphKeys
from ferrule.flow.compat.v1._dtypes import DType
from ferrule.flow.compat.v1._graph import Graph
from ferrule.flow.compat.v1._literal import as_array
from ferrule.flow.compat.v1._tensor import (
    Convertible,
    Operation,
    Tensor,
    Value,
    add,
    default_graph,
    to_tensor,
)
from ferrule.flow.compat.v1._variables import Variable, assign, assign_add, group
from ferrule.flow.compat.v1.train._rows import gathered_rows

GradientsAndVariables: TypeAlias = Sequence[tuple[Tensor | None, Variable]]


class Optimizer:
    """Changes variables so that a loss gets less.

    A subclass says in `_update` what a step does to one variable.
    """

    # Whether rows that no lookup gathered stay as they are, with what is kept for them, where a
    # variable is used by lookups alone; TensorFlow's sparse steps of such an optimizer do so.
    _steps_by_row = False

    GATE_NONE = 0
    GATE_OP = 1
    GATE_GRAPH = 2

    def __init__(self, use_locking: bool, name: str) -> None:
        del use_locking
        if not name:
            raise ValueError("must specify the optimizer name")
        self._name = name
        self._slots: dict[str, dict[Variable, Variable]] = {}
        self._shared: dict[tuple[str, Graph], Variable] = {}
        self._tensors: dict[tuple[str, DType, Graph], Tensor] = {}

    def get_name(self) -> str:
        """Return the name of the optimizer."""
        return self._name

    def set_name(self, name: str) -> None:
        """Give the optimizer another name."""
        self._name = name

    def minimize(
        self,
        loss: Convertible,
        global_step: Variable | None = None,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        name: str | None = None,
        grad_loss: Convertible | None = None,
    ) -> Operation:
        """Return an operation that takes a step, and gives None.

        Parameters
        ----------
        loss : tensor of floats; where it is not a scalar, its sum is made less
        global_step : Variable, optional
            One is added to it each step.
        var_list : list of Variable, optional
            By default the trainable variables; those that `loss` does not depend on stay.

        Raises
        ------
        ValueError
            Where the loss depends on none of them.
        """
        pairs = self.compute_gradients(
            loss,
            var_list,
            gate_gradients,
            aggregation_method,
            colocate_gradients_with_ops,
            grad_loss,
        )
        return self.apply_gradients(pairs, global_step, name)

    def compute_gradients(
        self,
        loss: Convertible,
        var_list: Any = None,
        gate_gradients: int = GATE_OP,
        aggregation_method: Any = None,
        colocate_gradients_with_ops: bool = False,
        grad_loss: Convertible | None = None,
    ) -> list[tuple[Tensor | None, Variable]]:
        """Return a pair of gradient (None where there is none) and variable for each variable."""
        del gate_gradients, aggregation_method, colocate_gradients_with_ops
        value = to_tensor(loss() if callable(loss) else loss)
        if not value.dtype.is_floating:
            raise ValueError(
                f"invalid type {value.dtype.name} for {value.name!r}, expected a loss of float32 "
                "or float64"
            )
        listed = _variables(value.graph, var_list)
        seeds = None if grad_loss is None else [grad_loss]
        found = _gradients.gradients([value], listed, seeds)
        if all(gradient is None for gradient in found):
            names = ", ".join(variable.name for variable in listed)
            raise ValueError(
                f"no gradients provided for any variable: {value.name!r} does not depend on "
                f"{names}, or does so by operations that have no gradient"
            )
        return list(zip(found, listed, strict=True))

    def apply_gradients(
        self,
        grads_and_vars: GradientsAndVariables,
        global_step: Variable | None = None,
        name: str | None = None,
    ) -> Operation:
        """Return an operation that changes variables by their gradients, and gives None.

        Raises
        ------
        ValueError
            Where there is no gradient.
        """
        pairs = [(gradient, variable) for gradient, variable in grads_and_vars]
        with_gradient = [(_tensor(g, v), v) for g, v in pairs if g is not None]
        if not with_gradient:
            raise ValueError(
                "no gradients provided for any variable: "
                f"{', '.join(variable.name for _, variable in pairs) or 'there are no variables'}"
            )
        graph = with_gradient[0][1].graph
        with graph.control_dependencies(None):
            self._create_slots([variable for _, variable in with_gradient])
        with graph.name_scope(name or self._name) as scope:
            updates = [u for g, v in with_gradient for u in self._step(g, v)]
            updates += self._finish(graph)
        return _finished(graph, updates, global_step, scope)

    def get_slot_names(self) -> list[str]:
        """Return the names of what is kept for each variable, such as ``momentum``."""
        return sorted(self._slots)

    def get_slot(self, var: Variable, name: str) -> Variable | None:
        """Return the variable that keeps `name` for `var`, or None."""
        return self._slots.get(name, {}).get(var)

    def variables(self) -> list[Variable]:
        """Return the optimizer's own variables of the default graph."""
        slots = [slot for each in self._slots.values() for slot in each.values()]
        graph = default_graph()
        return [each for each in [*self._shared.values(), *slots] if each.graph is graph]

    def _create_slots(self, var_list: list[Variable]) -> None:
        """Make the variables that steps need."""
        del var_list

    def _step(self, gradient: Tensor, variable: Variable) -> list[Tensor]:
        """Return the assignments of a step of one variable."""
        rows = gathered_rows(gradient, variable) if self._steps_by_row else None
        updates = []
        for target, value in self._update(gradient, variable):
            if rows is not None:
                value = add("select", [rows, value, target.reads[0]], "Select", None)
            if target is variable and variable.constraint is not None:
                value = variable.constraint(value)
            updates.append(assign(target, value))
        return updates

    @abstractmethod
    def _update(self, gradient: Tensor, variable: Variable) -> list[tuple[Variable, Tensor]]:
        """Return what a step makes of one variable, and of what is kept for it."""

    def _finish(self, graph: Graph) -> list[Tensor]:
        """Return the assignments of a step that are of no one variable."""
        del graph
        return []

    def _slot(self, variable: Variable, name: str) -> Variable:
        return self._slots[name][variable]

    def _make_slot(self, variable: Variable, name: str, start: float, op_name: str) -> None:
        """Keep for `variable` another of its shape, filled with `start`."""
        slots = self._slots.setdefault(name, {})
        if variable in slots:
            return
        graph = variable.graph
        label = f"{variable.op.name}/{op_name}"
        with graph.name_scope(f"{label}/Initializer/"):
            filled = _filled(variable, start)
        with graph.name_scope(None):
            slots[variable] = Variable(filled, trainable=False, name=label)

    def _make_shared(self, name: str, start: float, beside: Variable) -> None:
        """Keep one number in the graph of `beside`."""
        key = (name, beside.graph)
        if key not in self._shared:
            with beside.graph.name_scope(None):
                self._shared[key] = Variable(start, trainable=False, name=name)

    def _number(self, value: Any, variable: Variable, name: str) -> Tensor:
        """Return a setting, such as the learning rate, as a tensor of the variable's dtype."""
        value = value() if callable(value) and not isinstance(value, Value) else value
        dtype = variable.dtype
        if isinstance(value, Value):
            tensor = value.as_tensor()
            if tensor.dtype == dtype:
                return tensor
            return add("cast", [tensor], "Cast", None, to=dtype.code)
        key = (name, dtype, variable.graph)
        if key not in self._tensors:
            # As TensorFlow: a Python float is float32, whatever the dtype of the variable.
            array = as_array(value).astype(dtype.numpy)
            self._tensors[key] = to_tensor(array, name=name, beside=variable)
        return self._tensors[key]


def _finished(
    graph: Graph, updates: list[Tensor], global_step: Variable | None, scope: str
) -> Operation:
    if global_step is None:
        train = group(*updates, name=scope)
    else:
        done = group(*updates, name=f"{scope}update")
        with graph.control_dependencies([done]):
            train = assign_add(global_step, 1, name=scope).op
    graph.add_to_collection(GraphKeys.TRAIN_OP, train)
    return train


def _variables(graph: Graph, var_list: Any) -> list[Variable]:
    if var_list is None:
        listed = graph.get_collection(GraphKeys.TRAINABLE_VARIABLES)
    else:
        listed = list(var_list) if isinstance(var_list, (list, tuple)) else [var_list]
    if not listed:
        raise ValueError("no variables to optimize: the graph has no trainable tf.Variable")
    for variable in listed:
        if not isinstance(variable, Variable):
            raise TypeError(f"expected a tf.Variable to optimize, got {variable!r}")
    return listed


def _tensor(gradient: Convertible, variable: Variable) -> Tensor:
    if not isinstance(variable, Variable):
        raise TypeError(f"expected pairs of gradient and tf.Variable, got {variable!r}")
    return to_tensor(gradient, variable.dtype, "gradient", variable)


def _filled(variable: Variable, start: float) -> Tensor:
    """Return `start` in the shape of `variable`, without an array of it in the graph."""
    shape = to_tensor(np.asarray(variable.dims, np.int32), name="shape", beside=variable)
    value = to_tensor(start, variable.dtype, "value", variable)
    return add("fill", [shape, value], "fill", None)
