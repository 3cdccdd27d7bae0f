"""MiniFlow's operations: Python objects with `forward` and `grad`, values in themselves.

They are for scalars and small formulas; an operation of one's own is a subclass of `Op`. The
functions of `ferrule.flow.compat.v1` itself, such as ``tf.add``, make tensors for the engine.

Examples
--------
>>> from ferrule.flow.compat.v1 import ops
>>> x = ops.VariableOp(1.0, name="x")
>>> y = 3.0 * ops.CubicOp(x) + 2.0 * ops.SquareOp(x) + x + 10.0
>>> y.forward(), y.grad()
(16.0, 14.0)
"""

import math
from collections.abc import Sequence
from typing import Any

from ferrule.flow.compat.v1._tensor import default_graph


class Op:
    """An operation; a subclass says what `forward` and `grad` give.

    Examples
    --------
    >>> from ferrule.flow.compat.v1 import ops
    >>> class Half(ops.Op):
    ...     def __init__(self, x, name="Half"):
    ...         super().__init__(name)
    ...         self.x = x
    ...     def forward(self):
    ...         return self.x.forward() / 2
    ...     def grad(self, partial_derivative_opname=None):
    ...         return self.x.grad(partial_derivative_opname) / 2
    >>> y = Half(ops.VariableOp(3.0)) * 4.0
    >>> y.forward(), y.grad()
    (6.0, 2.0)
    """

    def __init__(self, name: str = "Op") -> None:
        self.name = default_graph().names.unique(name)

    def get_name(self) -> str:
        """Return its name."""
        return self.name

    def set_name(self, name: str) -> None:
        """Give it another name."""
        self.name = name

    def forward(self) -> Any:
        """Return its value."""
        raise NotImplementedError(f"{type(self).__name__} does not say its forward()")

    def grad(self, partial_derivative_opname: str | None = None) -> Any:
        """Return its derivative by the variable of that name, or by all at once."""
        raise NotImplementedError(f"{type(self).__name__} does not say its grad()")

    def evaluate_in(self, session: Any) -> Any:
        """Return its value: it has one, whatever the session."""
        del session
        return self.forward()

    def eval(self, feed_dict: Any = None, session: Any = None) -> Any:
        """Return its value, once what is in `feed_dict` has been set."""
        for op, value in (feed_dict or {}).items():
            op.set_value(value)
        return self.forward()

    def __add__(self, other: Any) -> "Op":
        return AddOp(self, other)

    def __radd__(self, other: Any) -> "Op":
        return AddOp(other, self)

    def __sub__(self, other: Any) -> "Op":
        return MinusOp(self, other)

    def __rsub__(self, other: Any) -> "Op":
        return MinusOp(other, self)

    def __mul__(self, other: Any) -> "Op":
        return MultipleOp(self, other)

    def __rmul__(self, other: Any) -> "Op":
        return MultipleOp(other, self)

    def __truediv__(self, other: Any) -> "Op":
        return DivideOp(self, other)

    def __rtruediv__(self, other: Any) -> "Op":
        return DivideOp(other, self)

    def __pow__(self, power: Any) -> "Op":
        return PowerOp(self, power)

    def __neg__(self) -> "Op":
        return MinusOp(0.0, self)


class _Held(Op):
    """An operation that holds its value."""

    def __init__(self, value: Any, name: str) -> None:
        super().__init__(name)
        self._value = value

    def get_value(self) -> Any:
        """Return its value."""
        return self._value

    def set_value(self, value: Any) -> None:
        """Give it another value."""
        self._value = value

    def forward(self) -> Any:
        """Return its value."""
        return self._value

    def grad(self, partial_derivative_opname: str | None = None) -> Any:
        """Return 0: it is no variable."""
        return 0


class PlaceholderOp(_Held):
    """A value to be set; it stays until another is."""

    def __init__(self, dtype: Any = None, shape: Any = None, name: str = "Placeholder") -> None:
        super().__init__(None, name)
        self.dtype = dtype
        self.shape = shape


class ConstantOp(_Held):
    """A value that stays."""

    def __init__(self, value: Any, name: str = "Constant") -> None:
        super().__init__(value, name)


class VariableOp(_Held):
    """A value that optimizers change, and derivatives are by."""

    def __init__(self, value: Any, is_trainable: bool = True, name: str = "Variable") -> None:
        super().__init__(value, name)
        self.is_trainable = is_trainable

    def grad(self, partial_derivative_opname: str | None = None) -> Any:
        """Return 1 by itself, else 0."""
        return 1 if partial_derivative_opname in {None, self.name} else 0


class _Computed(Op):
    """A function of other operations."""

    def __init__(self, inputs: Sequence[Any], name: str) -> None:
        super().__init__(name)
        self.inputs = [each if isinstance(each, Op) else ConstantOp(each) for each in inputs]

    def forward(self) -> Any:
        """Return its value."""
        return _walked(self, None, is_derived=False)[0]

    def grad(self, partial_derivative_opname: str | None = None) -> Any:
        """Return its derivative by the variable of that name, or by all at once."""
        return _walked(self, partial_derivative_opname, is_derived=True)[1]

    def _of(self, values: list[Any]) -> Any:
        """Return the value, from those of the inputs."""
        raise NotImplementedError

    def _slope(self, values: list[Any], slopes: list[Any]) -> Any:
        """Return the derivative, from the values and derivatives of the inputs."""
        raise NotImplementedError


def _walked(root: Op, name: str | None, *, is_derived: bool) -> tuple[Any, Any]:
    """Return value and derivative of `root`; each operation below it is computed once."""
    done: dict[Op, tuple[Any, Any]] = {}
    left: list[Op] = [root]
    while left:
        op = left[-1]
        if op in done:
            left.pop()
        elif not isinstance(op, _Computed):
            done[op] = op.forward(), op.grad(name) if is_derived else None
        elif waiting := [each for each in op.inputs if each not in done]:
            left += waiting
        else:
            values, slopes = zip(*[done[each] for each in op.inputs], strict=True)
            slope = op._slope(list(values), list(slopes)) if is_derived else None
            done[op] = op._of(list(values)), slope
    return done[root]


class AddNOp(_Computed):
    """The sum of its inputs."""

    def __init__(self, *inputs: Any, name: str = "AddN") -> None:
        super().__init__(inputs, name)

    def _of(self, values: list[Any]) -> Any:
        return sum(values[1:], values[0])

    def _slope(self, values: list[Any], slopes: list[Any]) -> Any:
        return sum(slopes[1:], slopes[0])


class AddOp(AddNOp):
    """x + y."""

    def __init__(self, x: Any, y: Any, name: str = "Add") -> None:
        super().__init__(x, y, name=name)


class MinusOp(_Computed):
    """x - y."""

    def __init__(self, x: Any, y: Any, name: str = "Minus") -> None:
        super().__init__([x, y], name)

    def _of(self, values: list[Any]) -> Any:
        return values[0] - values[1]

    def _slope(self, values: list[Any], slopes: list[Any]) -> Any:
        return slopes[0] - slopes[1]


class MultipleNOp(_Computed):
    """The product of its inputs."""

    def __init__(self, *inputs: Any, name: str = "MultipleN") -> None:
        super().__init__(inputs, name)

    def _of(self, values: list[Any]) -> Any:
        return math.prod(values[1:], start=values[0])

    def _slope(self, values: list[Any], slopes: list[Any]) -> Any:
        product, slope = values[0], slopes[0]
        for value, more in zip(values[1:], slopes[1:], strict=True):
            product, slope = product * value, slope * value + product * more
        return slope


class MultipleOp(MultipleNOp):
    """x * y."""

    def __init__(self, x: Any, y: Any, name: str = "Multiple") -> None:
        super().__init__(x, y, name=name)


class DivideOp(_Computed):
    """x / y."""

    def __init__(self, x: Any, y: Any, name: str = "Divide") -> None:
        super().__init__([x, y], name)

    def _of(self, values: list[Any]) -> Any:
        return values[0] / values[1]

    def _slope(self, values: list[Any], slopes: list[Any]) -> Any:
        x, y = values
        return (slopes[0] * y - x * slopes[1]) / (y * y)


class PowerOp(_Computed):
    """x to a power that is a number."""

    def __init__(self, input: Any, power: Any, name: str = "Power") -> None:
        super().__init__([input], name)
        self.power = power

    def _of(self, values: list[Any]) -> Any:
        return values[0] ** self.power

    def _slope(self, values: list[Any], slopes: list[Any]) -> Any:
        return self.power * values[0] ** (self.power - 1) * slopes[0]


class SquareOp(PowerOp):
    """x²."""

    def __init__(self, input: Any, name: str = "Square") -> None:
        super().__init__(input, 2, name)


class CubicOp(PowerOp):
    """x³."""

    def __init__(self, input: Any, name: str = "Cubic") -> None:
        super().__init__(input, 3, name)


class SigmoidOp(_Computed):
    """1 / (1 + exp(-x))."""

    def __init__(self, input: Any, name: str = "Sigmoid") -> None:
        super().__init__([input], name)

    def _of(self, values: list[Any]) -> Any:
        return 1 / (1 + math.exp(-values[0]))

    def _slope(self, values: list[Any], slopes: list[Any]) -> Any:
        value = self._of(values)
        return value * (1 - value) * slopes[0]


class UpdateVariableOp(Op):
    """Gives a variable the value of another operation."""

    def __init__(self, variable: VariableOp, value: Any, name: str = "UpdateVariable") -> None:
        super().__init__(name)
        self._variable = variable
        self._source = value if isinstance(value, Op) else ConstantOp(value)

    def forward(self) -> Any:
        """Set the variable, and return the value."""
        value = self._source.forward()
        self._variable.set_value(value)
        return value


class GlobalVariablesInitializerOp(Op):
    """Does nothing: variables here have their value from the start."""

    def __init__(self, name: str = "GlobalVariablesInitializer") -> None:
        super().__init__(name)

    def forward(self) -> None:
        """Do nothing."""


class LocalVariablesInitializerOp(GlobalVariablesInitializerOp):
    """Does nothing: variables here have their value from the start."""


def variables_of(root: Op) -> list[VariableOp]:
    """Return the variables that `root` is computed from, and that optimizers may change."""
    seen: dict[Op, None] = {}
    left = [root]
    while left:
        op = left.pop()
        if op not in seen:
            seen[op] = None
            # An operation of the user's own holds its inputs as attributes.
            held = op.inputs if isinstance(op, _Computed) else vars(op).values()
            left += [each for each in held if isinstance(each, Op)]
    return [op for op in seen if isinstance(op, VariableOp) and op.is_trainable]


def get_variable(name: str, value: Any = 0.0, trainable: bool = True) -> VariableOp:
    """Return a new variable of that name."""
    return VariableOp(value, trainable, name)
