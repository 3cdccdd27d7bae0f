"""What networks are made of."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Self

from numpy.typing import DTypeLike

from ferrule import _core
from ferrule._core import Tensor
from ferrule._words import nearest
from ferrule.flow import _function, _saving
from ferrule.flow.nn._state import IncompatibleKeys, load

if TYPE_CHECKING:
    from ferrule.flow._drawing import Drawing


class _Kind(Enum):
    """What a name of a module is."""

    PARAMETER = "parameter"
    BUFFER = "buffer"
    PASSING_BUFFER = "buffer that is not saved"
    MODULE = "module"


_BUFFERS = (_Kind.BUFFER, _Kind.PASSING_BUFFER)


class Module:
    """A part of a network: parameters, other modules, and what is computed with them.

    A class of yours assigns them to its attributes and defines `forward`; a call of the module
    calls that. Leaf tensors that require gradients are parameters; tensors that are kept with them
    but not trained are registered by `register_buffer`.

    Attributes
    ----------
    training : bool
        Whether modules such as `Dropout` behave as in training; see `train` and `eval`.

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> class Line(nn.Module):
    ...     def __init__(self):
    ...         self.slope = nn.Parameter(2.0)
    ...         self.offset = nn.Parameter(1.0)
    ...
    ...     def forward(self, x):
    ...         return self.slope * x + self.offset
    >>> line = Line()
    >>> line(flow.tensor([1.0, 2.0]))
    tensor([3., 5.], requires_grad=True)
    >>> [name for name, _ in line.named_parameters()]
    ['slope', 'offset']
    """

    training: bool
    _kinds: dict[str, _Kind]

    def __new__(cls, *_args: Any, **_kwargs: Any) -> Self:
        """Return a module without parts, so that no class has to call ours."""
        self = super().__new__(cls)
        vars(self).update(training=True, _kinds={})
        return self

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Return what the module computes; classes define it."""
        raise NotImplementedError(f"{type(self).__name__} does not define forward()")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return what `forward` gives."""
        if _core.is_tracing():
            _function.note(self)
        try:
            return self.forward(*args, **kwargs)
        except (TypeError, ValueError) as error:
            if not getattr(error, "__notes__", None):
                error.add_note(f"in {type(self).__name__}({self.extra_repr()})")
            raise

    def __ferrule_save__(
        self, place: str, inputs: Mapping[str, Any], outputs: Any, facts: str
    ) -> str:
        """Save the module, as it is in evaluation, at `place`; `ferrule.save` calls it."""
        names = {id(tensor): name for name, tensor in self._named(_Kind.PARAMETER, *_BUFFERS)}
        modes = [(module, module.training) for module in self.modules()]
        self.eval()
        try:
            return _saving.save(self, place, inputs, outputs, facts, names)
        finally:
            for module, training in modes:
                module.training = training

    def __ferrule_drawing__(self, inputs: Sequence[Any]) -> "Drawing":
        """Return the graph of the module for such inputs; tools call it."""
        return _function.Function(self).__ferrule_drawing__(inputs)

    def __setattr__(self, name: str, value: Any) -> None:
        kind = self._kinds.get(name)
        if isinstance(value, Module):
            self._register(name, value, _Kind.MODULE)
        elif isinstance(value, Tensor) and value.requires_grad and value.is_leaf:
            self._register(name, value, kind or _Kind.PARAMETER)
        elif kind is not None and value is not None:
            self._reassign(name, value, kind)
        else:
            _check_nest(name, value)
            vars(self)[name] = value

    def __delattr__(self, name: str) -> None:
        super().__delattr__(name)
        self._kinds.pop(name, None)

    def __getattr__(self, name: str) -> Any:
        near = nearest(name, [*vars(self), *dir(type(self))])
        hint = f": is it `{near}`?" if near else ""
        raise AttributeError(f"{type(self).__name__} has no attribute `{name}`{hint}")

    def _register(self, name: str, value: Any, kind: _Kind) -> None:
        vars(self)[name] = value
        # What becomes something else goes to the end, as a new attribute does.
        if self._kinds.get(name) is not kind:
            self._kinds.pop(name, None)
            self._kinds[name] = kind

    def _reassign(self, name: str, value: Any, kind: _Kind) -> None:
        """Give a part a new value that does not say by itself what it is."""
        if not isinstance(value, Tensor) or kind is _Kind.MODULE:
            what = "a Module" if kind is _Kind.MODULE else "a tensor"
            found = type(value).__name__
            raise TypeError(f"`{name}` is a {kind.value}: {what} or None is expected, got {found}")
        if kind is _Kind.PARAMETER and not value.is_leaf:
            raise TypeError(
                f"`{name}` is a parameter, and what was assigned to it has history: write "
                f"`with flow.no_grad(): module.{name}.copy_(...)`"
            )
        before = vars(self)[name]
        if kind in _BUFFERS and before is not None and _core.is_tracing():
            # What is assigned here is known only when the traced function runs.
            before.copy_(value)
            return
        if kind is _Kind.PARAMETER and before is not None and before.requires_grad:
            raise TypeError(
                f"`{name}` is a parameter, and what was assigned to it would not be trained: make "
                f"it nn.Parameter(...), or write `with flow.no_grad(): module.{name}.copy_(...)`"
            )
        vars(self)[name] = value

    def register_parameter(self, name: str, param: Tensor | None) -> None:
        """Make a tensor a parameter, also one that does not require gradients.

        Raises
        ------
        TypeError
            Where it has history, or is no tensor.
        ValueError
            Where the name is taken or holds a dot.
        """
        if param is not None and not (isinstance(param, Tensor) and param.is_leaf):
            raise TypeError(f"`{name}` must be a leaf tensor or None, got {type(param).__name__}")
        self._check_free(name)
        self._register(name, param, _Kind.PARAMETER)

    def register_buffer(self, name: str, tensor: Tensor | None, *, persistent: bool = True) -> None:
        """Make a tensor a buffer: part of the state, but not trained.

        Parameters
        ----------
        name : str
        tensor : Tensor or None
        persistent : bool
            Whether `state_dict` has it.

        Raises
        ------
        TypeError
            Where it is no tensor.
        ValueError
            Where the name is taken or holds a dot.

        Examples
        --------
        >>> from ferrule import flow
        >>> from ferrule.flow import nn
        >>> module = nn.Module()
        >>> module.register_buffer("steps", flow.tensor(0))
        >>> module.steps.add_(1), list(module.state_dict())
        (tensor(1), ['steps'])
        """
        if tensor is not None and not isinstance(tensor, Tensor):
            raise TypeError(f"`{name}` must be a tensor or None, got {type(tensor).__name__}")
        self._check_free(name)
        self._register(name, tensor, _Kind.BUFFER if persistent else _Kind.PASSING_BUFFER)

    def register_module(self, name: str, module: "Module | None") -> None:
        """Make a module a part of this one, under a name that may be any but one with a dot.

        Raises
        ------
        TypeError
            Where it is no module.
        ValueError
            Where the name is taken or holds a dot.
        """
        if module is not None and not isinstance(module, Module):
            raise TypeError(f"`{name}` must be a Module or None, got {type(module).__name__}")
        self._check_free(name)
        self._register(name, module, _Kind.MODULE)

    def _check_free(self, name: str) -> None:
        if not name or "." in name:
            raise ValueError(f"a name of a part is not empty and has no dot; got {name!r}")
        if name not in self._kinds and hasattr(type(self), name):
            raise ValueError(f"`{name}` is a name of {type(self).__name__} already")

    def _parts(self, *kinds: _Kind) -> Iterator[tuple[str, Any]]:
        """Yield names and values of some kinds, but those that are None."""
        for name, kind in self._kinds.items():
            value = vars(self)[name]
            if kind in kinds and value is not None:
                yield name, value

    def named_children(self) -> Iterator[tuple[str, "Module"]]:
        """Yield the modules directly below this one, with their names."""
        return self._parts(_Kind.MODULE)

    def children(self) -> Iterator["Module"]:
        """Yield the modules directly below this one."""
        return (module for _, module in self.named_children())

    def named_modules(self, prefix: str = "") -> Iterator[tuple[str, "Module"]]:
        """Yield this module, called `prefix`, and all below it, each once."""
        seen: set[int] = set()
        waiting = [(prefix, self)]
        while waiting:
            name, module = waiting.pop()
            if id(module) in seen:
                continue
            seen.add(id(module))
            yield name, module
            below = [(_joined(name, child), part) for child, part in module.named_children()]
            waiting.extend(reversed(below))

    def modules(self) -> Iterator["Module"]:
        """Yield this module and all below it, each once."""
        return (module for _, module in self.named_modules())

    def _named(self, *kinds: _Kind) -> Iterator[tuple[str, Tensor]]:
        seen: set[int] = set()
        for prefix, module in self.named_modules():
            for name, tensor in module._parts(*kinds):
                if id(tensor) not in seen:
                    seen.add(id(tensor))
                    yield _joined(prefix, name), tensor

    def named_parameters(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the parameters of this module and those below it, each once, with dotted names."""
        return self._named(_Kind.PARAMETER)

    def parameters(self) -> Iterator[Tensor]:
        """Yield the parameters of this module and those below it, each once."""
        return (tensor for _, tensor in self.named_parameters())

    def named_buffers(self) -> Iterator[tuple[str, Tensor]]:
        """Yield the buffers of this module and those below it, each once, with dotted names."""
        return self._named(*_BUFFERS)

    def buffers(self) -> Iterator[Tensor]:
        """Yield the buffers of this module and those below it, each once."""
        return (tensor for _, tensor in self.named_buffers())

    def _state(self) -> dict[str, Tensor]:
        """Return all that is saved; a tensor that is shared is there by each of its names."""
        state = {}
        for prefix, module in self.named_modules():
            for name, tensor in module._parts(_Kind.PARAMETER, _Kind.BUFFER):
                state[_joined(prefix, name)] = tensor
        return state

    def state_dict(self) -> dict[str, Tensor]:
        """Return the values of parameters and buffers by name, as they are now.

        They stay as they are when the module is trained further.

        Examples
        --------
        >>> from ferrule.flow import nn
        >>> {name: value.shape for name, value in nn.Linear(3, 2).state_dict().items()}
        {'weight': (2, 3), 'bias': (2,)}
        """
        return {name: tensor.detach() for name, tensor in self._state().items()}

    def load_state_dict(
        self, state_dict: Mapping[str, Any], *, strict: bool = True
    ) -> IncompatibleKeys:
        """Copy values into parameters and buffers, all of them or, where one does not fit, none.

        Parameters
        ----------
        state_dict : mapping of str to tensor or array
        strict : bool
            Whether the names must be those of `state_dict`; without it, those that only one side
            has are passed over.

        Returns
        -------
        missing_keys, unexpected_keys : list of str

        Raises
        ------
        ValueError
            Where names or shapes differ; the message has all that do.
        """
        owner = type(self).__name__
        return load(self._state(), state_dict, owner=owner, strict=strict)

    def train(self, mode: bool = True) -> Self:
        """Make this module and all below it behave as in training; return it."""
        for module in self.modules():
            vars(module)["training"] = bool(mode)
        return self

    def eval(self) -> Self:
        """Make this module and all below it behave as in use; return it."""
        return self.train(False)

    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Have gradients taken by all parameters, or by none of them; return the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self) -> None:
        """Forget the gradients of all parameters."""
        for parameter in self.parameters():
            if parameter.requires_grad:
                parameter.grad = None

    def apply(self, function: Callable[["Module"], Any]) -> Self:
        """Call `function` with every module below this one, then with this one; return it.

        Examples
        --------
        >>> from ferrule.flow import nn
        >>> def narrow(module):
        ...     if isinstance(module, nn.Linear):
        ...         nn.init.normal_(module.weight, std=0.01)
        >>> model = nn.Sequential(nn.Linear(3, 4), nn.Linear(4, 1)).apply(narrow)
        """
        for module in reversed(list(self.modules())):
            function(module)
        return self

    def to(self, dtype: DTypeLike) -> Self:
        """Make floats of another dtype of all float parameters and buffers; return the module.

        They become other tensors: an optimizer is made afterwards.
        """
        made: dict[int, Tensor] = {}
        for module in self.modules():
            for name, tensor in module._parts(_Kind.PARAMETER, *_BUFFERS):
                if tensor.dtype.kind == "f" and tensor.dtype != dtype:
                    if id(tensor) not in made:
                        cast = tensor.detach().to(dtype)
                        made[id(tensor)] = cast.requires_grad_(tensor.requires_grad)
                    vars(module)[name] = made[id(tensor)]
        return self

    def double(self) -> Self:
        """As ``to("float64")``."""
        return self.to("float64")

    def float(self) -> Self:
        """As ``to("float32")``."""
        return self.to("float32")

    def extra_repr(self) -> str:
        """Return what `repr` shows in parentheses; classes define it."""
        return ""

    def __repr__(self) -> str:
        lines = [f"({name}): {module!r}" for name, module in self.named_children()]
        name, extra = type(self).__name__, self.extra_repr()
        if not lines:
            return f"{name}({extra})"
        inner = "\n".join([extra, *lines] if extra else lines).replace("\n", "\n  ")
        return f"{name}(\n  {inner}\n)"


def _joined(prefix: str, name: str) -> str:
    return f"{prefix}.{name}" if prefix else name


def _check_nest(name: str, value: Any) -> None:
    """Refuse modules and parameters in a container, where nothing would find them."""
    items = value.values() if isinstance(value, dict) else value
    if not isinstance(value, (list, tuple, dict)):
        return
    if any(isinstance(item, Module) for item in items):
        raise TypeError(
            f"`{name}` is a {type(value).__name__} of modules, whose parameters nothing would find:"
            " make it an nn.ModuleList or an nn.Sequential"
        )
    if any(isinstance(item, Tensor) and item.is_leaf and item.requires_grad for item in items):
        raise TypeError(
            f"`{name}` is a {type(value).__name__} of parameters, which nothing would find: "
            "use register_parameter() for each"
        )
