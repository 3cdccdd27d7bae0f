"""What all optimizers share."""

import weakref
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from ferrule import _core
from ferrule._core import Tensor
from ferrule.flow._autograd import no_grad
from ferrule.flow._core_ops import operation
from ferrule.flow._function import Function, _flattened, _Traced
from ferrule.flow._tensors import tensor
from ferrule.flow.nn._state import load
from ferrule.flow.optim._group import ParamGroup, make_groups

# A gradient, or the factors of one that is a matrix product and whether each is transposed.
_Gradient = Tensor | tuple[Tensor, Tensor, bool, bool]

# Of each gradient whether there is one, and of factors whether they are transposed.
_Kinds = list[bool | tuple[bool, bool]]


# Traces of its update after which an optimizer asks for factors no more: batches of another size
# have factors of another signature, and gradients of the same.
_TRACES_MAX = 8


class _Updates(Function):
    """Updates, which are traced anew for gradients of other factors."""

    def __init__(self, function: Callable[..., Any]) -> None:
        super().__init__(function)
        # The update that ran last: of which optimizer, for which gradients, and what it runs.
        self._last: tuple[weakref.ref[Optimizer], _Kinds, bytes, _Traced] | None = None

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Run the update: the one that ran last, where it fits, is found sooner than any other."""
        if _core.is_tracing():
            return self._function(*args, **kwargs)
        optimizer, grads = args
        kinds, tensors = _split(grads)
        signature = _core.tensor_signature(tensors)
        last = self._last
        if (
            last is None
            or last[0]() is not optimizer
            or last[1] != kinds
            or last[2] != signature
            or not last[3].is_valid()
        ):
            traced = self._find((_flattened(args, []), None), tensors)
            last = self._last = (weakref.ref(optimizer), kinds, signature, traced)
        return last[3](tensors)

    def _warn(self, nest: Any, signature: bytes) -> None:
        """Tell of traces that are not for other factors, of which there are few."""
        optimizer = nest[0][0].get()
        optimizer._n_traces += 1
        if optimizer._n_traces > _TRACES_MAX:
            super()._warn(nest, signature)


class Optimizer:
    """Changes parameters by their gradients.

    A class of yours defines `_slots`, what is kept for each parameter, and `_update`, how one
    changes.

    Attributes
    ----------
    param_groups : list of ParamGroup
        Parameters and their options, one group where none were given.
    steps : Tensor
        How many steps there were, a float64 scalar.
    """

    def __init__(self, params: Any, defaults: dict[str, Any]) -> None:
        self.param_groups = make_groups(params, defaults)
        self.steps = tensor(0.0, "float64")
        self._n_traces = 0
        self._state = [
            {name: value.detach() for name, value in self._slots(param, group).items()}
            for group in self.param_groups
            for param in group.params
        ]

    def _slots(self, _param: Tensor, _group: ParamGroup) -> dict[str, Tensor]:
        """Return the tensors that are kept for a parameter, with what they begin with."""
        return {}

    def _scalars(self, group: ParamGroup) -> tuple[Tensor, ...]:
        """Return what is computed once for a group: float64 scalars, which `_update` is given."""
        return (group.rate,)

    def _update(
        self,
        param: Tensor,
        grad: Tensor,
        slots: dict[str, Tensor],
        group: ParamGroup,
        *scalars: Tensor,
    ) -> None:
        """Change a parameter and its slots in place; scalars are in its dtype."""
        raise NotImplementedError(f"{type(self).__name__} does not define _update()")

    def _only_descends(self, _group: ParamGroup) -> bool:
        """Whether `_update` does nothing but subtract a multiple of the gradient.

        Then a gradient that is a product is better left to it as factors.
        """
        return False

    def _gradients(self) -> list[_Gradient | None]:
        grads: list[_Gradient | None] = []
        for group in self.param_groups:
            if self._n_traces < _TRACES_MAX and self._only_descends(group):
                grads += [param._grad_factors() or param.grad for param in group.params]
            else:
                grads += [param.grad for param in group.params]
        return grads

    def _params(self) -> list[Tensor]:
        return [param for group in self.param_groups for param in group.params]

    def step(self) -> None:
        """Change the parameters that have gradients.

        It runs as one compiled update, or as a part of the traced function that calls it.

        Raises
        ------
        RuntimeError
            Where no parameter has a gradient.
        """
        grads = self._gradients()
        if all(grad is None for grad in grads):
            raise RuntimeError(
                "no parameter has a gradient: call backward() before step(), and make the "
                "optimizer of the parameters that the loss is computed with (`to` makes others)"
            )
        self._apply(grads)

    @_Updates
    def _apply(self, grads: Sequence[_Gradient | None]) -> None:
        remaining = iter(zip(grads, self._state, strict=True))
        with no_grad():
            self.steps.add_(1.0)
            for group in self.param_groups:
                scalars = self._scalars(group)
                for param in group.params:
                    grad, slots = next(remaining)
                    if grad is not None:
                        cast = [scalar.to(param.dtype) for scalar in scalars]
                        self._update(param, _multiplied(grad), slots, group, *cast)

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for param in self._params():
            if param.requires_grad:
                param.grad = None

    @property
    def lr(self) -> float:
        """The learning rate; of the first group, where there are several. Assigning sets all."""
        rate: float = self.param_groups[0]["lr"]
        return rate

    @lr.setter
    def lr(self, value: float) -> None:
        for group in self.param_groups:
            group["lr"] = value

    @property
    def description(self) -> str:
        """Its class and options, but for the learning rates, which may change."""
        groups = [
            ", ".join(f"{name}={group[name]!r}" for name in group if name not in ("params", "lr"))
            for group in self.param_groups
        ]
        return f"{type(self).__name__}({'; '.join(groups)})"

    def _tensors(self) -> dict[str, Tensor]:
        named = {"steps": self.steps}
        for number, group in enumerate(self.param_groups):
            named[f"param_groups.{number}.lr"] = group.rate
        for number, slots in enumerate(self._state):
            named.update({f"state.{number}.{name}": value for name, value in slots.items()})
        return named

    def state_dict(self) -> dict[str, Tensor]:
        """Return what the optimizer keeps, as it is now: tensors by name.

        Examples
        --------
        >>> from ferrule.flow import nn, optim
        >>> optimizer = optim.SGD([nn.Parameter([1.0])], lr=0.1, momentum=0.9)
        >>> sorted(optimizer.state_dict())
        ['param_groups.0.lr', 'state.0.momentum_buffer', 'steps']
        """
        return {name: value.detach() for name, value in self._tensors().items()}

    def load_state_dict(self, state_dict: Mapping[str, Any]) -> None:
        """Go on from what `state_dict` gave, by an optimizer of the same class and parameters.

        Raises
        ------
        ValueError
            Where it is of other parameters or options.
        """
        load(self._tensors(), state_dict, owner=type(self).__name__)

    def __repr__(self) -> str:
        inner = repr(self.param_groups[0])
        if len(self.param_groups) > 1:
            inner = "\n  ".join(["", *map(repr, self.param_groups)]) + "\n"
        return f"{type(self).__name__}({inner})"


def _split(grads: Sequence[_Gradient | None]) -> tuple[_Kinds, list[Tensor]]:
    """Return what tells gradients apart but for their tensors, and those."""
    kinds: _Kinds = []
    tensors: list[Tensor] = []
    for grad in grads:
        if isinstance(grad, tuple):
            tensors += grad[:2]
            kinds.append(grad[2:])
        else:
            kinds.append(grad is not None)
            if grad is not None:
                tensors.append(grad)
    return kinds, tensors


def _multiplied(grad: _Gradient) -> Tensor:
    """Return a gradient; an update that is traced with its factors need not keep their product."""
    if isinstance(grad, Tensor):
        return grad
    a, b, transpose_a, transpose_b = grad
    made: Tensor = operation("mat_mul", transpose_a=transpose_a, transpose_b=transpose_b)(a, b)
    return made


def at_least_zero(**values: float) -> None:
    """Check options.

    Raises
    ------
    ValueError
        For one that is negative or NaN.
    """
    for name, value in values.items():
        if not value >= 0:
            raise ValueError(f"{name} must be at least 0, got {value}")


def below_one(**values: float) -> None:
    """Check options.

    Raises
    ------
    ValueError
        For one that is not from 0 to below 1.
    """
    for name, value in values.items():
        if not 0 <= value < 1:
            raise ValueError(f"{name} must be at least 0 and below 1, got {value}")
