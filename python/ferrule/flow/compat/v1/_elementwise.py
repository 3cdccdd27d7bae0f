"""Functions of each element, with NumPy's broadcasting."""

from collections.abc import Callable
from typing import Any

from ferrule.flow.compat.v1 import _dtypes
from ferrule.flow.compat.v1._tensor import (
    Convertible,
    Tensor,
    Value,
    default_graph,
    pair,
    to_tensor,
)
from ferrule.flow.compat.v1._tensor import (
    add as _add,
)
from ferrule.flow.compat.v1._tensor import (
    binary as _binary,
)
from ferrule.flow.compat.v1._tensor import (
    unary as _unary,
)

_One = Callable[..., Tensor]


def _of_one(name: str, f: str, label: str, what: str) -> _One:
    def function(x: Convertible, name: str | None = None) -> Tensor:
        return _unary(f, x, label, name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return {what} of each element of `x`, a tensor of its shape."
    return function


def _of_two(name: str, f: str, label: str, what: str) -> _One:
    def function(x: Convertible, y: Convertible, name: str | None = None) -> Tensor:
        left, right = pair(x, y)
        return _binary(f, left, right, label, name)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Return {what}, element by element, as `x` and `y` broadcast."
    return function


negative = _of_one("negative", "neg", "Neg", "the negative")
abs = _of_one("abs", "abs", "Abs", "the absolute value")
sign = _of_one("sign", "sign", "Sign", "the sign, -1, 0 or 1,")
square = _of_one("square", "square", "Square", "the square")
reciprocal = _of_one("reciprocal", "reciprocal", "Reciprocal", "the reciprocal")
exp = _of_one("exp", "exp", "Exp", "the exponential")
expm1 = _of_one("expm1", "expm1", "Expm1", "the exponential less 1")
log = _of_one("log", "log", "Log", "the natural logarithm")
log1p = _of_one("log1p", "log1p", "Log1p", "the natural logarithm of 1 plus x,")
sqrt = _of_one("sqrt", "sqrt", "Sqrt", "the square root")
rsqrt = _of_one("rsqrt", "rsqrt", "Rsqrt", "one over the square root")
sin = _of_one("sin", "sin", "Sin", "the sine")
cos = _of_one("cos", "cos", "Cos", "the cosine")
tan = _of_one("tan", "tan", "Tan", "the tangent")
asin = _of_one("asin", "asin", "Asin", "the inverse sine")
acos = _of_one("acos", "acos", "Acos", "the inverse cosine")
atan = _of_one("atan", "atan", "Atan", "the inverse tangent")
sinh = _of_one("sinh", "sinh", "Sinh", "the hyperbolic sine")
cosh = _of_one("cosh", "cosh", "Cosh", "the hyperbolic cosine")
tanh = _of_one("tanh", "tanh", "Tanh", "the hyperbolic tangent")
sigmoid = _of_one("sigmoid", "sigmoid", "Sigmoid", "1 / (1 + exp(-x))")
softplus = _of_one("softplus", "softplus", "Softplus", "log(1 + exp(x))")
erf = _of_one("erf", "erf", "Erf", "the error function")
erfc = _of_one("erfc", "erfc", "Erfc", "1 less the error function")
is_nan = _of_one("is_nan", "is_nan", "IsNan", "whether it is not a number,")
is_inf = _of_one("is_inf", "is_inf", "IsInf", "whether it is infinite,")
is_finite = _of_one("is_finite", "is_finite", "IsFinite", "whether it is finite,")
logical_not = _of_one("logical_not", "logical_not", "LogicalNot", "the opposite")

add = _of_two("add", "add", "Add", "x + y")
subtract = _of_two("subtract", "sub", "Sub", "x - y")
multiply = _of_two("multiply", "mul", "Mul", "x * y")
truediv = _of_two("truediv", "truediv", "truediv", "x / y as floats")
divide = _of_two("divide", "truediv", "truediv", "x / y as floats")
realdiv = _of_two("realdiv", "div", "RealDiv", "x / y of floats")
floordiv = _of_two("floordiv", "floor_div", "floordiv", "x / y, rounded down")
floormod = _of_two("floormod", "floor_mod", "FloorMod", "what remains of x // y")
pow = _of_two("pow", "pow", "Pow", "x to the power of y")
maximum = _of_two("maximum", "maximum", "Maximum", "the greater")
minimum = _of_two("minimum", "minimum", "Minimum", "the lesser")
atan2 = _of_two("atan2", "atan2", "Atan2", "the angle of the point (y, x)")
equal = _of_two("equal", "equal", "Equal", "whether x == y")
not_equal = _of_two("not_equal", "not_equal", "NotEqual", "whether x != y")
less = _of_two("less", "less", "Less", "whether x < y")
less_equal = _of_two("less_equal", "less_equal", "LessEqual", "whether x <= y")
greater = _of_two("greater", "greater", "Greater", "whether x > y")
greater_equal = _of_two("greater_equal", "greater_equal", "GreaterEqual", "whether x >= y")
logical_and = _of_two("logical_and", "logical_and", "LogicalAnd", "whether x and y")
logical_or = _of_two("logical_or", "logical_or", "LogicalOr", "whether x or y")
logical_xor = _of_two("logical_xor", "logical_xor", "LogicalXor", "whether either, but not both")


def div(x: Convertible, y: Convertible, name: str | None = None) -> Tensor:
    """Return x / y, of integers rounded down, element by element, as `x` and `y` broadcast."""
    left, right = pair(x, y)
    return _binary("div" if left.dtype.is_floating else "floor_div", left, right, "div", name)


def log_sigmoid(x: Convertible, name: str | None = None) -> Tensor:
    """Return log(1 / (1 + exp(-x))) for each element of `x`."""
    return negative(softplus(-to_tensor(x)), name=name or "LogSigmoid")


def floor(x: Convertible, name: str | None = None) -> Tensor:
    """Return each element of `x` rounded down; integers are left as they are."""
    return _rounded("floor", x, "Floor", name)


def ceil(x: Convertible, name: str | None = None) -> Tensor:
    """Return each element of `x` rounded up; integers are left as they are."""
    return _rounded("ceil", x, "Ceil", name)


def round(x: Convertible, name: str | None = None) -> Tensor:
    """Return each element of `x` rounded to the nearest integer, halves to the even one."""
    return _rounded("round", x, "Round", name)


def _rounded(f: str, x: Convertible, label: str, name: str | None) -> Tensor:
    tensor = to_tensor(x)
    if tensor.dtype.is_floating:
        return _unary(f, tensor, label, name)
    return identity(tensor, name)


def squared_difference(x: Convertible, y: Convertible, name: str | None = None) -> Tensor:
    """Return (x - y)², element by element, as `x` and `y` broadcast."""
    left, right = pair(x, y)
    with left.graph.name_scope(name or "SquaredDifference") as scope:
        difference = _binary("sub", left, right, "sub", None)
        return _unary("square", difference, "Square", scope)


def add_n(inputs: Any, name: str | None = None) -> Tensor:
    """Return the sum of a list of tensors of one shape, added from the first on."""
    if not isinstance(inputs, (list, tuple)) or not inputs:
        raise ValueError("inputs must be a list of at least one tensor of one shape and dtype")
    total = to_tensor(inputs[0])
    if len(inputs) == 1:
        return identity(total, name)
    for each in inputs[1:-1]:
        total = _binary("add", *pair(total, each), "AddN", None)
    return _binary("add", *pair(total, inputs[-1]), "AddN", name)


accumulate_n = add_n


def clip_by_value(
    t: Convertible,
    clip_value_min: Convertible,
    clip_value_max: Convertible,
    name: str | None = None,
) -> Tensor:
    """Return each element of `t`, no less than the one bound and no more than the other."""
    tensor = to_tensor(t)
    lower = to_tensor(clip_value_min, tensor.dtype, beside=tensor)
    upper = to_tensor(clip_value_max, tensor.dtype, beside=tensor)
    below = _binary("minimum", tensor, upper, "Minimum", None)
    return _binary("maximum", below, lower, "clip_by_value", name)


def cast(x: Convertible, dtype: Any, name: str | None = None) -> Tensor:
    """Return `x` in another dtype; a float is truncated to an integer, any but 0 is true."""
    tensor = to_tensor(x)
    to = _dtypes.as_dtype(dtype)
    if tensor.dtype == to:
        return tensor
    result = _add("cast", [tensor], "Cast", name, to=to.code)
    known = tensor.known
    if known is not None:
        result.remember(known.astype(to.numpy))
    return result


def to_float(x: Convertible, name: str = "ToFloat") -> Tensor:
    """Return `x` as float32."""
    return cast(x, _dtypes.float32, name)


def to_double(x: Convertible, name: str = "ToDouble") -> Tensor:
    """Return `x` as float64."""
    return cast(x, _dtypes.float64, name)


def to_int32(x: Convertible, name: str = "ToInt32") -> Tensor:
    """Return `x` as int32."""
    return cast(x, _dtypes.int32, name)


def to_int64(x: Convertible, name: str = "ToInt64") -> Tensor:
    """Return `x` as int64."""
    return cast(x, _dtypes.int64, name)


def identity(input: Convertible, name: str | None = None) -> Tensor:
    """Return a tensor of the same value; within control dependencies, one that waits for them."""
    tensor = to_tensor(input)
    result = _add("identity", [tensor], "Identity", name)
    known = tensor.known
    if known is not None:
        result.remember(known)
    return result


def stop_gradient(input: Convertible, name: str | None = None) -> Tensor:
    """Return a tensor of the same value, through which no gradient flows."""
    return _add("stop_gradient", [to_tensor(input)], "StopGradient", name)


def where(
    condition: Convertible,
    x: Convertible | None = None,
    y: Convertible | None = None,
    name: str | None = None,
) -> Tensor:
    """Return elements of `x` where `condition` is true, else of `y`.

    Parameters
    ----------
    condition : bool, of the shape of `x`, a vector that picks whole rows of it, or a scalar
    x, y : tensors of one shape and dtype, or that broadcast with `condition`
    """
    if x is None or y is None:
        raise NotImplementedError(
            "tf.where(condition) gives a shape that depends on values, which is not in "
            "ferrule.flow; run the condition and use numpy.argwhere, or pass x and y"
        )
    test = to_tensor(condition, _dtypes.bool)
    left, right = pair(x, y)
    rank = left.shape.ndims
    if test.shape.ndims == 1 and rank is not None and rank > 1:
        for _ in range(rank - 1):
            test = _add("expand_dims", [test], "ExpandDims", None, axis=-1)
    return _add("select", [test, left, right], "Select", name)


def tuple_of(tensors: Any, name: str | None = None, control_inputs: Any = None) -> list[Any]:
    """Return `tensors`, none of which is given before all of them and `control_inputs` are."""
    graph = default_graph()
    waited = [each for each in tensors if each is not None] + list(control_inputs or ())
    with graph.name_scope(name or "tuple"), graph.control_dependencies(waited):
        return [None if each is None else identity(each) for each in tensors]


def is_tensor(x: Any) -> bool:
    """Return whether `x` is a tensor or a variable."""
    return isinstance(x, Value)
