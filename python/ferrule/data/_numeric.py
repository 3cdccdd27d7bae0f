"""From record batches to matrices of floats; what is no number is refused with its place."""

from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from ferrule._hints import hinted
from ferrule._words import is_number, short
from ferrule.data._bad_rows import BadRow, BadRows
from ferrule.data._formats._part import Piece
from ferrule.data._formats._rows import CHOOSE_NUMBERS
from ferrule.errors import InvalidArgumentError

Matrix = NDArray[np.floating[Any]]
MISSING = ("raise", "nan")
_FILL = "fill them in, or leave such rows out: on_error='skip', --on-error skip of train and data"


class Maker:
    """Makes matrices of the pieces of a part.

    Parameters
    ----------
    name : str
        The file.
    dtype : dtype
        float16, float32 or float64.
    keep_missing : bool
        Whether missing values become NaN, and NaN and infinity are taken as they are.
    bad : BadRows
        What to do about rows that have no finite number in each column.
    """

    def __init__(
        self, name: str, dtype: np.dtype[Any], *, keep_missing: bool, bad: BadRows
    ) -> None:
        self.name = name
        self.dtype = dtype
        self.keep_missing = keep_missing
        self.bad = bad

    def make(self, piece: Piece) -> Matrix:
        """Return the rows of `piece` as a C-contiguous matrix.

        Raises
        ------
        InvalidArgumentError
            For a column that holds no numbers; and, where bad rows are to raise, for the first.
        """
        batch = piece.batch
        if self._is_plain(batch):
            plain: Matrix = batch.to_tensor(null_to_nan=True, row_major=True).to_numpy()
            if self.keep_missing or _is_finite(plain):
                return plain
        matrix = np.empty((batch.num_rows, batch.num_columns), self.dtype)
        good = np.ones(batch.num_rows, dtype=bool)
        with np.errstate(over="ignore", invalid="ignore"):
            for position, name in enumerate(batch.schema.names):
                matrix[:, position] = self._column(piece, name, batch.column(position), good)
        if not (self.keep_missing or (good.all() and _is_finite(matrix))):
            self._check_finite(piece, matrix, good)
        return matrix if good.all() else matrix[good]

    def make_of_array(self, array: NDArray[Any], piece: Piece) -> Matrix:
        """Return `array`, the rows of `piece`, as `make` does; the batch of `piece` is empty."""
        with np.errstate(over="ignore"):
            matrix: Matrix = np.ascontiguousarray(array, self.dtype)
        if self.keep_missing or _is_finite(matrix):
            return matrix
        good = np.ones(len(matrix), dtype=bool)
        self._check_finite(piece, matrix, good)
        return matrix if good.all() else matrix[good]

    def _is_plain(self, batch: pa.RecordBatch) -> bool:
        """Tell whether all columns hold the floats wanted, which pyarrow gathers by itself."""
        kind = pa.from_numpy_dtype(self.dtype)
        same = all(one == kind for one in batch.schema.types)
        return same and batch.num_rows > 0 and hasattr(batch, "to_tensor")

    def _column(
        self, piece: Piece, name: str, column: "pa.Array[Any]", good: NDArray[np.bool_]
    ) -> NDArray[Any]:
        """Return one column as numbers; `good` loses the rows that have none."""
        kind = column.type
        if pa.types.is_dictionary(kind):
            column = column.cast(kind.value_type)
            kind = column.type
        if column.null_count and not self.keep_missing:
            self._meet(piece, name, "has no value", column.is_null(), good, _FILL)
        if pa.types.is_string(kind) or pa.types.is_large_string(kind):
            return self._parsed(piece, name, column, good)
        if pa.types.is_decimal(kind) or pa.types.is_null(kind):
            return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
        if pa.types.is_boolean(kind):
            return column.cast(pa.uint8()).to_numpy(zero_copy_only=False)
        if not (pa.types.is_integer(kind) or pa.types.is_floating(kind)):
            raise hinted(
                InvalidArgumentError(
                    f"`{self.name}`: column `{short(name, 80)}` holds {kind}, not numbers"
                ),
                CHOOSE_NUMBERS,
            )
        return column.to_numpy(zero_copy_only=False)

    def _parsed(
        self, piece: Piece, name: str, column: "pa.Array[Any]", good: NDArray[np.bool_]
    ) -> NDArray[Any]:
        """Read a column of text as numbers."""
        trimmed = pc.utf8_trim_whitespace(column)
        try:
            return trimmed.cast(pa.float64()).to_numpy(zero_copy_only=False)
        except pa.ArrowInvalid:
            texts = trimmed.to_pylist()
        values = np.full(len(texts), np.nan)
        for index, text in enumerate(texts):
            if text is None:
                continue
            if is_number(text):
                values[index] = float(text)
                continue
            if good[index]:
                bad = self._bad(piece, index, name, f"has `{short(text)}`", "a number")
                self.bad.meet(bad, CHOOSE_NUMBERS)
            good[index] = False
        return values

    def _check_finite(self, piece: Piece, matrix: Matrix, good: NDArray[np.bool_]) -> None:
        finite = np.isfinite(matrix)
        for row in np.flatnonzero(good & ~finite.all(axis=1)):
            position = int(np.flatnonzero(~finite[row])[0])
            missing = np.isnan(matrix[row, position])
            cause = "has no value" if missing else f"is infinite, or too large for {matrix.dtype},"
            name = piece.batch.schema.names[position]
            bad = self._bad(piece, int(row), name, cause)
            self.bad.meet(bad, _FILL if missing else None)
            good[row] = False

    def _meet(
        self,
        piece: Piece,
        name: str,
        cause: str,
        flags: "pa.Array[Any]",
        good: NDArray[np.bool_],
        hint: str,
    ) -> None:
        for row in np.flatnonzero(flags.to_numpy(zero_copy_only=False) & good):
            self.bad.meet(self._bad(piece, int(row), name, cause), hint)
        good &= ~flags.to_numpy(zero_copy_only=False)

    def _bad(
        self, piece: Piece, index: int, column: str, cause: str, expected: str | None = None
    ) -> BadRow:
        line = None if piece.lines is None else piece.lines[index]
        return BadRow(self.name, piece.rows[index], line, column, cause, expected)


def _is_finite(matrix: Matrix) -> bool:
    # The sum is finite where every value is, but for an overflow: one pass, no array of flags.
    with np.errstate(over="ignore", invalid="ignore"):
        return bool(np.isfinite(matrix.sum(dtype=np.float64)) or np.isfinite(matrix).all())


def as_float_dtype(dtype: Any, schema: pa.Schema) -> np.dtype[Any]:
    """Return `dtype`, or what fits `schema`: float32 where no column holds more, else float64.

    Raises
    ------
    InvalidArgumentError
        For another dtype than float16, float32 and float64.
    """
    if dtype is None:
        narrow = all(kind in (pa.float32(), pa.float16()) for kind in schema.types)
        return np.dtype(np.float32 if narrow else np.float64)
    try:
        wanted: np.dtype[Any] = np.dtype(dtype)
    except TypeError:
        wanted = np.dtype(object)
    if wanted.kind != "f" or wanted.itemsize > 8:
        raise InvalidArgumentError(f"dtype is {dtype!r}; float16, float32 or float64 is expected")
    return wanted
