"""Modules of modules."""

from collections.abc import Iterable, Iterator
from typing import Any, overload

from ferrule.flow.nn._module import Module


class _Listed(Module):
    """Modules by number."""

    def __len__(self) -> int:
        return len(self._kinds)

    def __iter__(self) -> Iterator[Module]:
        return self.children()

    def _at(self, index: int) -> str:
        size = len(self)
        if not -size <= index < size:
            raise IndexError(f"there are {size} modules, and none at {index}")
        return str(index % size)

    def _get(self, index: int) -> Module:
        module: Module = vars(self)[self._at(index)]
        return module

    def __setitem__(self, index: int, module: Module) -> None:
        self.register_module(self._at(index), module)

    def append(self, module: Module) -> None:
        """Add a module at the end."""
        self.register_module(str(len(self)), module)

    def extend(self, modules: Iterable[Module]) -> None:
        """Add modules at the end."""
        for module in modules:
            self.append(module)


class Sequential(_Listed):
    """Modules that each take what the one before gives.

    Parameters
    ----------
    *modules : Module

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    >>> model(flow.zeros(2, 4)).shape
    (2, 3)
    >>> model
    Sequential(
      (0): Linear(in_features=4, out_features=8, bias=True)
      (1): ReLU()
      (2): Linear(in_features=8, out_features=3, bias=True)
    )
    """

    def __init__(self, *modules: Module) -> None:
        self.extend(modules)

    def forward(self, x: Any) -> Any:
        """Return what the last module gives."""
        for module in self:
            x = module(x)
        return x

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> "Sequential": ...
    def __getitem__(self, index: int | slice) -> Module:
        """Return one module, or those of a slice in a row."""
        if isinstance(index, slice):
            return Sequential(*list(self)[index])
        return self._get(index)


class ModuleList(_Listed):
    """Modules in a list, which a plain list would hide.

    Parameters
    ----------
    modules : iterable of Module

    Examples
    --------
    >>> from ferrule.flow import nn
    >>> layers = nn.ModuleList(nn.Linear(4, 4) for _ in range(3))
    >>> len(layers), len(list(layers.parameters()))
    (3, 6)
    """

    def __init__(self, modules: Iterable[Module] = ()) -> None:
        self.extend(modules)

    @overload
    def __getitem__(self, index: int) -> Module: ...
    @overload
    def __getitem__(self, index: slice) -> "ModuleList": ...
    def __getitem__(self, index: int | slice) -> Module:
        """Return one module, or those of a slice."""
        if isinstance(index, slice):
            return ModuleList(list(self)[index])
        return self._get(index)
