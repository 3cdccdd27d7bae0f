"""Python's operators on what a graph computes."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Any, NoReturn

if TYPE_CHECKING:
    from ferrule.flow.compat.v1._tensor import Tensor


class Operators:
    """Operators by one method; ``==`` is identity, as ever in TensorFlow 1."""

    __slots__ = ()
    # NumPy's arrays leave ``array + tensor`` to the tensor.
    __array_priority__ = 100

    @abstractmethod
    def _binary(self, f: str, other: Any, name: str, *, mirrored: bool = False) -> "Tensor":
        """Return f(self, other), or f(other, self) where mirrored."""

    @abstractmethod
    def _unary(self, f: str, name: str) -> "Tensor":
        """Return f(self)."""

    def __add__(self, other: Any) -> "Tensor":
        return self._binary("add", other, "add")

    def __radd__(self, other: Any) -> "Tensor":
        return self._binary("add", other, "add", mirrored=True)

    def __sub__(self, other: Any) -> "Tensor":
        return self._binary("sub", other, "sub")

    def __rsub__(self, other: Any) -> "Tensor":
        return self._binary("sub", other, "sub", mirrored=True)

    def __mul__(self, other: Any) -> "Tensor":
        return self._binary("mul", other, "mul")

    def __rmul__(self, other: Any) -> "Tensor":
        return self._binary("mul", other, "mul", mirrored=True)

    def __truediv__(self, other: Any) -> "Tensor":
        return self._binary("truediv", other, "truediv")

    def __rtruediv__(self, other: Any) -> "Tensor":
        return self._binary("truediv", other, "truediv", mirrored=True)

    def __floordiv__(self, other: Any) -> "Tensor":
        return self._binary("floor_div", other, "floordiv")

    def __rfloordiv__(self, other: Any) -> "Tensor":
        return self._binary("floor_div", other, "floordiv", mirrored=True)

    def __mod__(self, other: Any) -> "Tensor":
        return self._binary("floor_mod", other, "mod")

    def __rmod__(self, other: Any) -> "Tensor":
        return self._binary("floor_mod", other, "mod", mirrored=True)

    def __pow__(self, other: Any) -> "Tensor":
        return self._binary("pow", other, "pow")

    def __rpow__(self, other: Any) -> "Tensor":
        return self._binary("pow", other, "pow", mirrored=True)

    def __matmul__(self, other: Any) -> "Tensor":
        return self._binary("mat_mul", other, "matmul")

    def __rmatmul__(self, other: Any) -> "Tensor":
        return self._binary("mat_mul", other, "matmul", mirrored=True)

    def __lt__(self, other: Any) -> "Tensor":
        return self._binary("less", other, "Less")

    def __le__(self, other: Any) -> "Tensor":
        return self._binary("less_equal", other, "LessEqual")

    def __gt__(self, other: Any) -> "Tensor":
        return self._binary("greater", other, "Greater")

    def __ge__(self, other: Any) -> "Tensor":
        return self._binary("greater_equal", other, "GreaterEqual")

    def __and__(self, other: Any) -> "Tensor":
        return self._binary("logical_and", other, "and")

    def __rand__(self, other: Any) -> "Tensor":
        return self._binary("logical_and", other, "and", mirrored=True)

    def __or__(self, other: Any) -> "Tensor":
        return self._binary("logical_or", other, "or")

    def __ror__(self, other: Any) -> "Tensor":
        return self._binary("logical_or", other, "or", mirrored=True)

    def __xor__(self, other: Any) -> "Tensor":
        return self._binary("logical_xor", other, "LogicalXor")

    def __rxor__(self, other: Any) -> "Tensor":
        return self._binary("logical_xor", other, "LogicalXor", mirrored=True)

    def __neg__(self) -> "Tensor":
        return self._unary("neg", "Neg")

    def __abs__(self) -> "Tensor":
        return self._unary("abs", "Abs")

    def __invert__(self) -> "Tensor":
        return self._unary("logical_not", "LogicalNot")

    def __bool__(self) -> NoReturn:
        raise TypeError(
            "a tensor has no truth value while the graph is built; use tf.cond or tf.where for "
            "what depends on its value, and `is not None` to ask whether there is one"
        )

    def __iter__(self) -> NoReturn:
        raise TypeError(
            "a tensor is not iterable while the graph is built; use tf.unstack, or run it first"
        )

    def __len__(self) -> NoReturn:
        raise TypeError("a tensor has no len(); use tensor.shape[0].value or tf.shape(tensor)[0]")

    def __array__(self, *args: Any, **keywords: Any) -> NoReturn:
        raise NotImplementedError(
            "a tensor of a graph is no array; run it first: array = session.run(tensor)"
        )

    def __float__(self) -> NoReturn:
        raise TypeError("a tensor has no number yet; run it first: float(session.run(tensor))")

    __int__ = __float__
