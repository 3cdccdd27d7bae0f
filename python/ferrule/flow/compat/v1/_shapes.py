"""Shapes that may be known in part."""

from collections.abc import Iterator
from typing import Any, TypeAlias

Dims: TypeAlias = tuple[int | None, ...] | None


class Dimension:
    """One dimension of a shape: `value` is an int, or None where it is unknown."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value: int | None = _dim(value)

    def __int__(self) -> int:
        return self.__index__()

    def __index__(self) -> int:
        if self.value is None:
            raise TypeError("the dimension is unknown until a run; use tf.shape(x)[i]")
        return self.value

    def __eq__(self, other: object) -> bool:
        return self.value == _dim(other)

    def __hash__(self) -> int:
        return hash(self.value)

    def __bool__(self) -> bool:
        return bool(self.value)

    def __add__(self, other: Any) -> "Dimension":
        return _both(self, other, int.__add__)

    def __sub__(self, other: Any) -> "Dimension":
        return _both(self, other, int.__sub__)

    def __mul__(self, other: Any) -> "Dimension":
        return _both(self, other, int.__mul__)

    def __floordiv__(self, other: Any) -> "Dimension":
        return _both(self, other, int.__floordiv__)

    def __mod__(self, other: Any) -> "Dimension":
        return _both(self, other, int.__mod__)

    __radd__ = __add__
    __rmul__ = __mul__

    def __rsub__(self, other: Any) -> "Dimension":
        return _both(Dimension(other), self, int.__sub__)

    def __lt__(self, other: Any) -> bool:
        return int(self) < int(other)

    def __le__(self, other: Any) -> bool:
        return int(self) <= int(other)

    def __gt__(self, other: Any) -> bool:
        return int(self) > int(other)

    def __ge__(self, other: Any) -> bool:
        return int(self) >= int(other)

    def __repr__(self) -> str:
        return f"Dimension({self.value})"

    def __str__(self) -> str:
        return "?" if self.value is None else str(self.value)


def _dim(value: Any) -> int | None:
    if isinstance(value, Dimension):
        return value.value
    if value is None:
        return None
    return int(value.__index__())


def _both(left: Dimension, right: Any, f: Any) -> Dimension:
    a, b = _dim(left), _dim(right)
    return Dimension(None if a is None or b is None else f(a, b))


class TensorShape:
    """The shape of a tensor, whose dimensions, or rank, may be unknown.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> x = tf.placeholder(tf.float32, [None, 3])
    >>> x.shape.as_list(), x.shape[1].value, x.shape.ndims
    ([None, 3], 3, 2)
    """

    __slots__ = ("_dims",)

    def __init__(self, dims: Any) -> None:
        self._dims: Dims = as_dims(dims)

    @property
    def ndims(self) -> int | None:
        """The number of dimensions, or None."""
        return None if self._dims is None else len(self._dims)

    rank = ndims

    @property
    def dims(self) -> list[Dimension] | None:
        """The dimensions, or None."""
        return None if self._dims is None else [Dimension(size) for size in self._dims]

    def as_list(self) -> list[int | None]:
        """Return the sizes; unknown ones are None.

        Raises
        ------
        ValueError
            Where the rank is unknown.
        """
        if self._dims is None:
            raise ValueError("as_list() is not defined on an unknown TensorShape")
        return list(self._dims)

    def is_fully_defined(self) -> bool:
        """Whether every dimension is known."""
        return self._dims is not None and None not in self._dims

    def num_elements(self) -> int | None:
        """Return the number of elements, or None where it is unknown."""
        product = 1
        for size in self._dims if self._dims is not None else (None,):
            if size is None:
                return None
            product *= size
        return product

    def is_compatible_with(self, other: Any) -> bool:
        """Whether some shape fits both."""
        mine, theirs = self._dims, as_dims(other)
        if mine is None or theirs is None:
            return True
        pairs = zip(mine, theirs, strict=False)
        return len(mine) == len(theirs) and all(a == b or a is None or b is None for a, b in pairs)

    def assert_is_compatible_with(self, other: Any) -> None:
        """Raise ValueError unless some shape fits both."""
        if not self.is_compatible_with(other):
            raise ValueError(f"shapes {self} and {TensorShape(other)} are incompatible")

    def merge_with(self, other: Any) -> "TensorShape":
        """Return what is known of the shape by either."""
        self.assert_is_compatible_with(other)
        mine, theirs = self._dims, as_dims(other)
        if mine is None or theirs is None:
            return TensorShape(theirs if mine is None else mine)
        pairs = zip(mine, theirs, strict=True)
        return TensorShape([b if a is None else a for a, b in pairs])

    def concatenate(self, other: Any) -> "TensorShape":
        """Return the dimensions of `other` behind these."""
        theirs = as_dims(other)
        if self._dims is None or theirs is None:
            return TensorShape(None)
        return TensorShape(self._dims + theirs)

    def __len__(self) -> int:
        if self._dims is None:
            raise ValueError("the rank is unknown")
        return len(self._dims)

    def __iter__(self) -> Iterator[Dimension]:
        if self._dims is None:
            raise ValueError("the rank is unknown")
        return (Dimension(size) for size in self._dims)

    def __getitem__(self, key: Any) -> Any:
        if self._dims is None:
            return TensorShape(None) if isinstance(key, slice) else Dimension(None)
        part = self._dims[key]
        return TensorShape(part) if isinstance(part, tuple) else Dimension(part)

    def __eq__(self, other: object) -> bool:
        try:
            return self._dims == as_dims(other)
        except TypeError:
            return False

    def __hash__(self) -> int:
        return hash(self._dims)

    def __bool__(self) -> bool:
        return self._dims is not None

    def __repr__(self) -> str:
        dims = self.dims
        return f"TensorShape({dims if dims is None else [d.value for d in dims]})"

    def __str__(self) -> str:
        return shape_text(self._dims)


def as_dims(value: Any) -> Dims:
    """Return the sizes of a shape given as a `TensorShape`, a sequence, an int or None."""
    if value is None:
        return None
    if isinstance(value, TensorShape):
        return value._dims
    if isinstance(value, (Dimension, int)) or hasattr(value, "__index__"):
        value = [value]
    dims = tuple(_dim(size) for size in value)
    negative = [size for size in dims if size is not None and size < 0]
    if negative:
        raise ValueError(f"a dimension must be at least 0, got {negative[0]} in {dims}")
    return dims


def shape_text(dims: Dims) -> str:
    """Return `dims` as TensorFlow writes them, such as ``(?, 3)``."""
    if dims is None:
        return "<unknown>"
    sizes = ["?" if size is None else str(size) for size in dims]
    return f"({sizes[0]},)" if len(sizes) == 1 else f"({', '.join(sizes)})"
