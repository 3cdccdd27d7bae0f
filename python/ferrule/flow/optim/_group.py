"""Parameters that are updated by the same numbers."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ferrule import _core
from ferrule._core import Tensor
from ferrule.flow._autograd import no_grad
from ferrule.flow._tensors import tensor


class ParamGroup(Mapping[str, Any]):
    """Parameters and the options of their updates.

    A mapping, as in PyTorch: ``group["params"]``, ``group["lr"]`` and the options of the optimizer.
    Of these only ``lr`` can be assigned to, since the others are constants of compiled updates.

    Attributes
    ----------
    params : list of Tensor
    rate : Tensor
        The learning rate as a float64 scalar, which compiled updates read at each call.
    """

    def __init__(self, params: Iterable[Tensor], options: dict[str, Any]) -> None:
        self.params = [_checked(param) for param in params]
        if not self.params:
            raise ValueError("there are no parameters to optimize")
        self._options = {name: value for name, value in options.items() if name != "lr"}
        self.rate = tensor(0.0, "float64")
        self["lr"] = options["lr"]

    def __getitem__(self, name: str) -> Any:
        if name == "params":
            return self.params
        return self.rate.item() if name == "lr" else self._options[name]

    def __setitem__(self, name: str, value: Any) -> None:
        if name != "lr":
            raise TypeError(f"only `lr` can be changed; make a new optimizer for another `{name}`")
        if _core.is_tracing():
            raise RuntimeError("set the learning rate outside of a traced function, which reads it")
        lr = float(value)
        if not lr >= 0:
            raise ValueError(f"lr must be at least 0, got {lr}")
        with no_grad():
            self.rate.fill_(lr)

    def __iter__(self) -> Iterator[str]:
        return iter(["params", "lr", *self._options])

    def __len__(self) -> int:
        return 2 + len(self._options)

    def __repr__(self) -> str:
        options = ", ".join(f"{name}={self[name]!r}" for name in self if name != "params")
        return f"ParamGroup({len(self.params)} parameters, {options})"


def _checked(param: Any) -> Tensor:
    if not isinstance(param, Tensor):
        raise TypeError(
            f"parameters are tensors, got {type(param).__name__}: pass `model.parameters()`"
        )
    if not param.is_leaf or param.dtype.kind != "f":
        raise ValueError("a parameter is a leaf tensor of floats; not this")
    return param


def make_groups(params: Any, defaults: dict[str, Any]) -> list[ParamGroup]:
    """Return groups of what an optimizer was given: parameters, or dicts of them and options."""
    if isinstance(params, Tensor) or not isinstance(params, Iterable):
        kind = type(params).__name__
        raise TypeError(f"an iterable of parameters is expected, got {kind}: `model.parameters()`?")
    given = list(params)
    if not any(isinstance(item, Mapping) for item in given):
        given = [{"params": given}]
    groups = []
    for item in given:
        if not isinstance(item, Mapping) or "params" not in item:
            raise TypeError("groups of parameters are dicts with `params`, all of them")
        unknown = sorted(set(item) - set(defaults) - {"params"})
        if unknown:
            raise TypeError(f"{unknown[0]!r} is no option; there are {', '.join(defaults)}")
        several = item["params"]
        several = [several] if isinstance(several, Tensor) else several
        options = {name: item.get(name, value) for name, value in defaults.items()}
        groups.append(ParamGroup(several, options))
    seen = [id(param) for group in groups for param in group.params]
    if len(set(seen)) != len(seen):
        raise ValueError("a parameter was given twice")
    return groups
