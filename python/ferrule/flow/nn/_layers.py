"""Layers without sizes of their own, and of rows by number."""

from typing import Any

from numpy.typing import DTypeLike

from ferrule._core import Tensor
from ferrule.flow._tensors import as_tensor, zeros
from ferrule.flow.nn import functional, init
from ferrule.flow.nn._module import Module
from ferrule.flow.nn._parameter import Parameter


class Embedding(Module):
    """Rows of a matrix by their places.

    Parameters
    ----------
    num_embeddings, embedding_dim : int
        Rows and columns.
    dtype : str or numpy dtype

    Attributes
    ----------
    weight : parameter [num_embeddings, embedding_dim]
        Begins standard Gaussian.

    Examples
    --------
    >>> from ferrule.flow import nn
    >>> words = nn.Embedding(100, 8)
    >>> words([[1, 2, 3]]).shape
    (1, 3, 8)
    """

    def __init__(
        self, num_embeddings: int, embedding_dim: int, *, dtype: DTypeLike = "float32"
    ) -> None:
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        self.weight = Parameter(zeros(num_embeddings, embedding_dim, dtype=dtype))
        self.reset_parameters()

    def reset_parameters(self) -> None:
        """Draw new parameters."""
        init.normal_(self.weight)

    def forward(self, index: Any) -> Tensor:
        """Return [..., embedding_dim] of places [...], int32 or int64.

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For a place that is negative or not below `num_embeddings`.
        """
        return functional.embedding(index, self.weight)

    def extra_repr(self) -> str:
        """Return the sizes."""
        return f"{self.num_embeddings}, {self.embedding_dim}"


class Dropout(Module):
    """In training, each element 0 by chance `p`, and the others divided by 1 - p.

    Parameters
    ----------
    p : float
        From 0 to 1.
    generator : flow.Generator, optional
        The default one where none is given: see `flow.manual_seed`.

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> dropout = nn.Dropout(0.5).eval()
    >>> dropout(flow.ones(3))
    tensor([1., 1., 1.])
    """

    def __init__(self, p: float = 0.5, *, generator: Any = None) -> None:
        if not 0 <= p <= 1:
            raise ValueError(f"p is a chance, from 0 to 1; got {p}")
        self.p = p
        self.generator = generator

    def forward(self, x: Tensor) -> Tensor:
        """Return `x` without some of its elements."""
        return functional.dropout(x, self.p, training=self.training, generator=self.generator)

    def extra_repr(self) -> str:
        """Return the chance."""
        return f"p={self.p}"


class Flatten(Module):
    """Dimensions from `start_dim` to `end_dim` made one.

    Examples
    --------
    >>> from ferrule import flow
    >>> from ferrule.flow import nn
    >>> nn.Flatten()(flow.zeros(5, 8, 8, 3)).shape
    (5, 192)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        self.start_dim = start_dim
        self.end_dim = end_dim

    def forward(self, x: Any) -> Tensor:
        """Return `x` with fewer dimensions."""
        return as_tensor(x).flatten(self.start_dim, self.end_dim)

    def extra_repr(self) -> str:
        """Return the dimensions."""
        return f"start_dim={self.start_dim}, end_dim={self.end_dim}"


class Identity(Module):
    """What it is given."""

    def forward(self, x: Any) -> Any:
        """Return `x`."""
        return x
