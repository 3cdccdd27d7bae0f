"""Linear algebra."""

from ferrule.flow.compat.v1._array import matmul, matrix_transpose, tensordot
from ferrule.flow.compat.v1._missing import raiser
from ferrule.flow.compat.v1._reductions import norm
from ferrule.flow.compat.v1._tensor import Convertible, Tensor, add, pair, to_tensor
from ferrule.flow.compat.v1.nn import l2_normalize

__all__ = [
    "cholesky",
    "l2_normalize",
    "matmul",
    "matrix_transpose",
    "norm",
    "solve",
    "tensordot",
    "triangular_solve",
]


def cholesky(input: Convertible, name: str | None = None) -> Tensor:
    """Return the lower triangle L of a positive definite matrix L @ transpose(L)."""
    return add("cholesky", [to_tensor(input)], "Cholesky", name)


def solve(
    matrix: Convertible, rhs: Convertible, adjoint: bool = False, name: str | None = None
) -> Tensor:
    """Return x of matrix @ x = rhs, of (n, n) and (n, m); `adjoint` transposes the matrix."""
    a, b = pair(matrix, rhs)
    return add("solve", [a, b], "MatrixSolve", name, transpose=adjoint)


def triangular_solve(
    matrix: Convertible,
    rhs: Convertible,
    lower: bool = True,
    adjoint: bool = False,
    name: str | None = None,
) -> Tensor:
    """Return x of matrix @ x = rhs, where `matrix` is a triangle."""
    a, b = pair(matrix, rhs)
    return add(
        "triangular_solve", [a, b], "MatrixTriangularSolve", name, lower=lower, transpose=adjoint
    )


__getattr__ = raiser("tf.linalg", __name__)
