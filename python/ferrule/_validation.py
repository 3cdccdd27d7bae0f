"""From what users pass to what the core takes: arrays, frames, sparse matrices, weights, seeds.

Nothing here reads the elements of an array that the core can take as it lies: whether they are
finite is found by the core, in its own first pass.
"""

import sys
from dataclasses import dataclass
from numbers import Integral, Number
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ferrule.errors import InvalidArgumentError

RandomSource: TypeAlias = np.random.RandomState | np.random.Generator

_FLOATS = (np.dtype(np.float64), np.dtype(np.float32))
_RESHAPE = (
    "Reshape your data either using array.reshape(-1, 1) if your data has a single feature or "
    "array.reshape(1, -1) if it contains a single sample."
)


@dataclass(frozen=True, slots=True)
class Samples:
    """Rows by features, in float32 or float64: a NumPy array of any positive strides, or CSR."""

    values: Any
    feature_names: NDArray[np.object_] | None

    @property
    def n_rows(self) -> int:
        """Number of samples."""
        return int(self.values.shape[0])

    @property
    def n_features(self) -> int:
        """Number of features."""
        return int(self.values.shape[1])

    @property
    def dtype(self) -> np.dtype[Any]:
        """Element type: float32 or float64."""
        dtype: np.dtype[Any] = self.values.dtype
        return dtype

    @property
    def core(self) -> Any:
        """What the functions of `ferrule._core` take: an array, or the three of CSR and a width."""
        if isinstance(self.values, np.ndarray):
            return self.values
        indices = self.values.indices.astype(np.int32, copy=False)
        return (self.values.data, indices, self.values.indptr, self.n_features)

    def take(self, rows: NDArray[np.intp]) -> "Samples":
        """Return a copy of some rows."""
        return Samples(self.values[rows], self.feature_names)

    def take_dense(self, rows: NDArray[np.intp]) -> NDArray[Any]:
        """Return a copy of some rows as a C-ordered array."""
        taken = self.values[rows]
        return np.ascontiguousarray(taken if isinstance(taken, np.ndarray) else taken.toarray())


def as_samples(X: Any, owner: str, dtype: DTypeLike | None = None) -> Samples:
    """Read `X` as rows by features, without a copy where it is a float array already.

    Parameters
    ----------
    X : array-like, data frame, source or SciPy sparse matrix of shape (n_samples, n_features)
        pandas, or anything that exports Arrow (polars, pyarrow, ...), is a data frame. A source
        is one of `ferrule.data`.
    owner : str
        Class name of the estimator, for messages.
    dtype : dtype, optional
        Convert to this; by default float32 and float64 stay and all else becomes float64.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        Where `X` is not two-dimensional, is empty, is complex or does not hold numbers.
    TypeError
        For a ``numpy.matrix``, or elements that cannot be numbers.
    """
    if _is_scipy_sparse(X):
        samples = Samples(_as_csr(X, owner, dtype), None)
    elif is_source(X):
        names = _string_names(list(X.columns)) if X.named else None
        samples = Samples(_as_floats(X.to_numpy(dtype), dtype), names)
    elif _is_pandas(X):
        samples = Samples(_as_floats(_from_pandas(X), dtype), _string_names(list(X.columns)))
    elif hasattr(X, "__arrow_c_stream__"):
        samples = _from_arrow(X, dtype)
    else:
        samples = Samples(_as_floats(_as_array(X, owner), dtype), None)
    _check_not_empty(samples.values.shape, owner)
    return samples


def _is_scipy_sparse(X: Any) -> bool:
    sparse = sys.modules.get("scipy.sparse")
    return sparse is not None and bool(sparse.issparse(X))


def _is_pandas(X: Any) -> bool:
    pandas = sys.modules.get("pandas")
    return pandas is not None and isinstance(X, pandas.DataFrame)


def is_source(X: Any) -> bool:
    """Tell whether `X` is a `ferrule.data.Source`."""
    sources = sys.modules.get("ferrule.data._source")
    return sources is not None and isinstance(X, sources.Source)


def _check_not_empty(shape: tuple[int, int], owner: str) -> None:
    for size, kind in zip(shape, ("sample", "feature"), strict=True):
        if size == 0:
            raise InvalidArgumentError(
                f"Found array with 0 {kind}(s) (shape={shape}) while a minimum of 1 is required."
                f" Pass {owner} at least one {kind}."
            )


def _as_array(X: Any, owner: str) -> NDArray[Any]:
    """Return `X` as a real two-dimensional array."""
    if isinstance(X, np.matrix):
        raise TypeError(
            "np.matrix is not supported. Please convert to a numpy array with np.asarray."
        )
    if isinstance(X, np.ma.MaskedArray):
        X = np.ma.filled(X.astype(np.float64), np.nan)
    array = np.asarray(X)
    if array.dtype.kind == "c":
        raise InvalidArgumentError(f"Complex data not supported\n{array}\n")
    if array.ndim != 2:
        raise InvalidArgumentError(_dimension_message(array, owner))
    return array


def _dimension_message(array: NDArray[Any], owner: str) -> str:
    if array.ndim > 2:
        return f"Found array with dim {array.ndim}, while dim <= 2 is required by {owner}."
    kind = "1D" if array.ndim else "scalar"
    return f"Expected 2D array, got {kind} array instead:\narray={array}.\n{_RESHAPE}"


def _as_floats(array: NDArray[Any], dtype: DTypeLike | None) -> NDArray[Any]:
    """Return `array` itself where the core can view it, else a converted copy."""
    if array.dtype.kind in "mM":
        raise InvalidArgumentError(
            f"X has dtype {array.dtype}; expected numbers. Convert times to a number of units first"
        )
    wanted = np.dtype(dtype) if dtype is not None else _kept_dtype(array.dtype)
    if array.dtype != wanted:
        try:
            array = array.astype(wanted)
        except ValueError as error:
            raise InvalidArgumentError(
                f"X does not hold numbers only: {error}. Encode or drop its text"
            ) from error
    return array if _core_can_view(array) else array.copy(order="C")


def _kept_dtype(dtype: np.dtype[Any]) -> np.dtype[Any]:
    return dtype if dtype in _FLOATS else _FLOATS[0]


def _core_can_view(array: NDArray[Any]) -> bool:
    whole = all(stride >= 0 and stride % array.itemsize == 0 for stride in array.strides)
    return whole and bool(array.flags.aligned)


def _from_pandas(frame: Any) -> NDArray[Any]:
    """Return the elements: a view where all columns share one block."""
    if all(isinstance(dtype, np.dtype) for dtype in frame.dtypes):
        array: NDArray[Any] = frame.to_numpy()
    else:
        try:
            array = frame.to_numpy(dtype=np.float64, na_value=np.nan)
        except ValueError as error:
            raise InvalidArgumentError(
                f"X does not hold numbers only: {error}. Encode or drop its text columns"
            ) from error
    if array.dtype.kind == "c":
        raise InvalidArgumentError(f"Complex data not supported\n{array}\n")
    return array


def _from_arrow(X: Any, dtype: DTypeLike | None) -> Samples:
    """Copy a table into a column-major array; nulls become NaN."""
    import pyarrow as pa

    table = pa.table(X)
    for field in table.schema:
        if not _is_arrow_number(field.type):
            raise InvalidArgumentError(
                f"column {field.name!r} has type {field.type}; expected numbers."
                " Encode the column, or leave it out"
            )
    narrow = len(table.schema) > 0 and all(pa.types.is_float32(f.type) for f in table.schema)
    wanted = np.dtype(dtype if dtype is not None else np.float32 if narrow else np.float64)
    array = np.empty((table.num_rows, table.num_columns), dtype=wanted, order="F")
    for index, column in enumerate(table.columns):
        array[:, index] = column.to_numpy()
    return Samples(array, _string_names(table.column_names))


def _is_arrow_number(kind: Any) -> bool:
    import pyarrow.types as types

    return any(
        test(kind)
        for test in (types.is_integer, types.is_floating, types.is_boolean, types.is_decimal)
    )


def _as_csr(X: Any, owner: str, dtype: DTypeLike | None) -> Any:
    """Return `X` as CSR, with each column index once a row and in order."""
    if X.ndim != 2:
        raise InvalidArgumentError(f"Expected 2D input, got input with shape {X.shape}. {_RESHAPE}")
    if X.dtype.kind == "c":
        raise InvalidArgumentError(f"Complex data not supported\n{X}\n")
    csr = X.tocsr()
    wanted = np.dtype(dtype) if dtype is not None else _kept_dtype(csr.dtype)
    if csr.dtype != wanted:
        csr = csr.astype(wanted)
    if csr.shape[1] > np.iinfo(np.int32).max:
        raise InvalidArgumentError(
            f"{owner} takes sparse data of fewer than 2**31 features, got {csr.shape[1]}"
        )
    if not csr.has_canonical_format:
        csr = csr.copy() if csr is X else csr
        csr.sum_duplicates()
    return csr


def _string_names(columns: list[Any]) -> NDArray[np.object_] | None:
    """Return column names where all are strings; ``None`` where none is."""
    kinds = sorted({type(column).__qualname__ for column in columns})
    if len(kinds) > 1 and "str" in kinds:
        raise TypeError(
            "Feature names are only supported if all input features have string names, but your"
            f" input has {kinds} as feature name / column name types. Convert them all to strings,"
            " such as by X.columns = X.columns.astype(str), or none."
        )
    return np.asarray(columns, dtype=object) if kinds == ["str"] else None


def as_weights(
    sample_weight: Any, n_rows: int, dtype: np.dtype[Any]
) -> NDArray[np.floating[Any]] | None:
    """Read `sample_weight` as one finite weight of at least zero a row; ``None`` stays.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For another shape, a weight that is negative or not finite, or weights that are all zero.
    """
    if sample_weight is None:
        return None
    if isinstance(sample_weight, Number):
        weights = np.full(n_rows, sample_weight, dtype=dtype)
    else:
        weights = np.ascontiguousarray(sample_weight, dtype=dtype)
    if weights.ndim != 1:
        raise InvalidArgumentError(
            f"Sample weights must be 1D array or scalar, got {weights.ndim}D array."
            f" Expected either a scalar value or a 1D array of length {n_rows}."
        )
    if weights.shape != (n_rows,):
        raise InvalidArgumentError(f"sample_weight.shape == {weights.shape}, expected {(n_rows,)}!")
    _check_weight_values(weights)
    return weights


def _check_weight_values(weights: NDArray[np.floating[Any]]) -> None:
    lowest, highest = weights.min(), weights.max()
    if not (np.isfinite(lowest) and np.isfinite(highest)):
        kind = "NaN" if np.isnan(lowest) else "infinity"
        raise InvalidArgumentError(f"Input sample_weight contains {kind}. Pass finite weights")
    if lowest < 0:
        raise InvalidArgumentError(
            f"Negative values in data passed to sample_weight: the lowest is {lowest}"
        )
    if highest == 0:
        raise InvalidArgumentError("Sample weights must contain at least one non-zero number.")


def as_random_source(random_state: Any) -> RandomSource:
    """Return the source that `random_state` names; ``None`` names NumPy's global one."""
    if random_state is None:
        source: RandomSource = np.random.mtrand._rand
        return source
    if isinstance(random_state, Integral):
        return np.random.RandomState(int(random_state))
    if isinstance(random_state, (np.random.RandomState, np.random.Generator)):
        return random_state
    raise InvalidArgumentError(
        f"random_state is {random_state!r}; expected an int, a RandomState, a Generator or None"
    )


def draw_seed(source: RandomSource) -> int:
    """Take 64 random bits from `source`."""
    draw = source.integers if isinstance(source, np.random.Generator) else source.randint
    return int(draw(0, 2**64, dtype=np.uint64))
