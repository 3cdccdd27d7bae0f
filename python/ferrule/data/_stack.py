"""Many equal frames in one block of memory."""

import os
from collections.abc import Iterable, Iterator, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ferrule._hints import hinted
from ferrule._words import listed
from ferrule.data import _frames, _stack_file
from ferrule.errors import InvalidArgumentError

if TYPE_CHECKING:
    import pyarrow as pa

_DTYPES = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))


class FrameStack:
    """Many frames of equal shape as one array, each column side by side.

    Values lie as ``[frame][column][row]``: the first rows of a column are one run of memory, which
    is what makes gathering columns fast. Missing values are NaN.

    Parameters
    ----------
    values : ndarray of shape (n_frames, n_columns, n_rows)
        C-contiguous float16, float32 or float64. It is not copied.
    columns : sequence of str, optional
        Names of the columns, all different; by default their positions, ``"0"``, ``"1"``, ….

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For an array of another kind, or names that do not fit it.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule.data import FrameStack
    >>> stack = FrameStack.from_frames([np.eye(3), np.ones((3, 3))])
    >>> stack
    FrameStack(2 frames x 3 rows x 3 columns, float64, 144 bytes)
    >>> stack.frame(0)[2]
    array([0., 0., 1.])
    """

    __slots__ = ("_columns", "_place", "_values")

    def __init__(self, values: NDArray[Any], columns: Sequence[str] | None = None) -> None:
        self._values = _checked_values(values)
        self._columns = _checked_columns(columns, values.shape[1])
        # (path, first frame, frame after the last) where the values lie in a file
        self._place: tuple[Path, int, int] | None = None

    @classmethod
    def read(
        cls,
        what: Any,
        *,
        dtype: DTypeLike | None = None,
        rows: int | slice | range | None = None,
        columns: Sequence[str] | None = None,
        progress: bool = False,
    ) -> "FrameStack":
        """Read files in parallel, each a frame.

        Parquet and CSV of plain numbers on a local disk are decoded straight into the stack, from
        files that are mapped into memory and must not be cut short meanwhile; everything else that
        `ferrule.data.read` takes goes through it, with the same result.

        Parameters
        ----------
        what : path, URI, glob, folder, list of those, or Source
            As `ferrule.data.read` takes it. Frames lie in the order of the files' names, or of
            the list.
        dtype : {"float16", "float32", "float64"}, optional
            By default float32 where no column of the first file holds more, else float64.
        rows : int, slice or range, optional
            The first so many rows of each file, or a range of them.
        columns : sequence of str, optional
            The columns to read, in this order; by default all, which then must be equal in all
            files.
        progress : bool
            Show a bar on stderr, where that is a terminal.

        Returns
        -------
        FrameStack

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For a file whose rows or columns differ from the first's, or which holds text; says
            which, and where.
        ferrule.errors.NotFoundError
            Where there is no such file.
        ferrule.errors.DataLossError
            For a damaged file.
        ferrule.errors.OutOfMemoryError
            Where the stack does not fit into memory.

        Examples
        --------
        >>> import numpy as np, tempfile
        >>> from ferrule.data import FrameStack
        >>> folder = tempfile.TemporaryDirectory()
        >>> for index in range(3):
        ...     np.savetxt(f"{folder.name}/{index}.csv", np.eye(4), delimiter=",")
        >>> FrameStack.read(f"{folder.name}/*.csv", rows=2)
        FrameStack(3 frames x 2 rows x 4 columns, float64, 192 bytes)
        >>> folder.cleanup()
        """
        from ferrule.data import _stack_read  # pyarrow comes with it

        kind = _checked_dtype(dtype)
        return cls(*_stack_read.read_stack(what, kind, rows, columns, progress=progress))

    @classmethod
    def from_frames(cls, frames: Iterable[Any], dtype: DTypeLike | None = None) -> "FrameStack":
        """Copy frames that are in memory into one stack.

        Parameters
        ----------
        frames : iterable
            pandas or polars DataFrames, pyarrow Tables or RecordBatches, NumPy arrays of shape
            (n_rows, n_columns), or anything with ``__arrow_c_stream__``; of equal shape and equal
            names of columns.
        dtype : {"float16", "float32", "float64"}, optional
            By default the first frame's, float64 for integers.

        Returns
        -------
        FrameStack

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For no frames, a frame that differs from the first, or a column that is not numbers;
            says which.
        ferrule.errors.OutOfMemoryError
            Where the stack does not fit into memory.
        """
        return cls(*_frames.stacked(frames, _checked_dtype(dtype)))

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> "FrameStack":
        """Open a file that `save` wrote, in milliseconds whatever its size.

        The values are mapped read-only and shared: processes that open one file hold its pages
        once.

        Parameters
        ----------
        path : str or path-like
            May start with ``~``.

        Raises
        ------
        ferrule.errors.NotFoundError
            Where there is no such file.
        ferrule.errors.DataLossError
            For a damaged or truncated file.
        ferrule.errors.InvalidArgumentError
            For a safetensors file of another kind.
        """
        place = _expanded(path)
        stack = cls(*_stack_file.read(place))
        stack._place = place.absolute(), 0, stack.n_frames
        return stack

    def save(self, path: str | os.PathLike[str]) -> None:
        """Save as one ``.safetensors`` file, whole or not at all.

        The file holds one tensor, ``frames``, of shape (n_frames, n_columns, n_rows), and the
        names of the columns in its metadata; the data begins at a multiple of 64 bytes.

        Parameters
        ----------
        path : str or path-like
            Ends in ``.safetensors``; may start with ``~``. What is there is replaced.

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For another ending.
        ferrule.errors.StorageError
            Where the disk fails or is full. What was at `path` is then untouched.
        """
        _stack_file.write(_expanded(path), self._values, self._columns)

    @property
    def values(self) -> NDArray[Any]:
        """The array of shape (n_frames, n_columns, n_rows); read-only where it lies in a file."""
        return self._values

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self._columns

    @property
    def n_frames(self) -> int:
        """How many frames there are."""
        return int(self._values.shape[0])

    @property
    def n_columns(self) -> int:
        """How many columns each frame has."""
        return int(self._values.shape[1])

    @property
    def n_rows(self) -> int:
        """How many rows each frame has."""
        return int(self._values.shape[2])

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of the values."""
        return self._values.dtype

    @property
    def nbytes(self) -> int:
        """Bytes that the values take."""
        return int(self._values.nbytes)

    def frame(self, index: int) -> NDArray[Any]:
        """Return frame `index` as a view of shape (n_rows, n_columns)."""
        try:
            view: NDArray[Any] = self._values[index].T
        except IndexError:
            raise IndexError(f"there is no frame {index} among {self.n_frames}") from None
        return view

    def describe(self) -> "pa.Table":
        """Return what each column holds, over all frames.

        Returns
        -------
        pyarrow.Table
            A row a column: ``column``, ``missing`` (NaN), ``infinite``, and of the finite values
            ``min``, ``mean``, ``max`` and ``std``, the deviation of all values; null where there
            is none.

        Examples
        --------
        >>> import numpy as np
        >>> from ferrule.data import FrameStack
        >>> stack = FrameStack.from_frames([np.array([[1.0, 5.0], [3.0, np.nan]])])
        >>> stack.describe().select(["mean", "missing"]).to_pylist()
        [{'mean': 2.0, 'missing': 0}, {'mean': 5.0, 'missing': 1}]
        """
        from ferrule.data._summary import as_table, summary_of_stack

        return as_table(summary_of_stack("", self, lambda _: None))

    def __len__(self) -> int:
        return self.n_frames

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return (self.frame(index) for index in range(self.n_frames))

    @overload
    def __getitem__(self, index: int) -> NDArray[Any]: ...
    @overload
    def __getitem__(self, index: slice) -> "FrameStack": ...
    def __getitem__(self, index: int | slice) -> "NDArray[Any] | FrameStack":
        """Return one frame, or the stack of a run of them; nothing is copied."""
        if not isinstance(index, slice):
            return self.frame(index)
        start, stop, step = index.indices(self.n_frames)
        if step != 1 or stop <= start:
            raise InvalidArgumentError(
                f"frames {start}:{stop}:{step} of {self.n_frames} are no run of at least one frame"
            )
        part = FrameStack(self._values[start:stop], self._columns)
        if self._place is not None:
            path, first, _ = self._place
            part._place = path, first + start, first + stop
        return part

    def __reduce__(self) -> tuple[Any, ...]:
        # By name where there is a file, so that a process that unpickles shares its pages.
        if self._place is not None:
            return _reopen, self._place
        return FrameStack, (self._values, self._columns)

    def __repr__(self) -> str:
        shape = f"{self.n_frames} frames x {self.n_rows:,} rows x {self.n_columns:,} columns"
        return f"FrameStack({shape}, {self.dtype}, {self.nbytes:,} bytes)"

    def _repr_html_(self) -> str:
        facts = {
            "frames": f"{self.n_frames:,}",
            "rows": f"{self.n_rows:,}",
            "columns": f"{self.n_columns:,}: {listed(self._columns)}",
            "dtype": str(self.dtype),
            "bytes": f"{self.nbytes:,}",
        }
        if self._place is not None:
            facts["file"] = str(self._place[0])
        rows = "".join(
            f"<tr><th>{name}</th><td>{escape(value)}</td></tr>" for name, value in facts.items()
        )
        return f"<p><b>FrameStack</b></p><table>{rows}</table>"


def _reopen(path: Path, start: int, stop: int) -> FrameStack:
    """Open frames `start` to `stop` of the file at `path`, for unpickling."""
    return FrameStack.open(path)[start:stop]


def _expanded(path: str | os.PathLike[str]) -> Path:
    # Path.expanduser raises where there is no such user; here `path` then stays as it is.
    return Path(os.path.expanduser(os.fspath(path)))  # noqa: PTH111


def _checked_dtype(dtype: DTypeLike | None) -> np.dtype[Any] | None:
    if dtype is None:
        return None
    try:
        kind = np.dtype(dtype)
    except TypeError:
        kind = None
    if kind is None or kind not in _DTYPES:
        raise InvalidArgumentError(f"dtype must be float16, float32 or float64, got {dtype!r}")
    return kind


def _checked_values(values: Any) -> NDArray[Any]:
    if not isinstance(values, np.ndarray) or values.ndim != 3 or values.dtype not in _DTYPES:
        got = (
            f"{values.dtype} of shape {values.shape}"
            if isinstance(values, np.ndarray)
            else type(values).__name__
        )
        raise InvalidArgumentError(
            "values must be a float16, float32 or float64 array of shape (n_frames, n_columns,"
            f" n_rows), got {got}"
        )
    if 0 in values.shape:
        raise InvalidArgumentError(f"values of shape {values.shape} hold no value")
    if not values.flags.c_contiguous or not values.flags.aligned:
        raise hinted(
            InvalidArgumentError("values must be C-contiguous and aligned"),
            "numpy.ascontiguousarray(values) copies them so",
        )
    return values


def _checked_columns(columns: Sequence[str] | None, count: int) -> tuple[str, ...]:
    if columns is None:
        return tuple(map(str, range(count)))
    names = tuple(columns)
    if isinstance(columns, str) or not all(isinstance(name, str) for name in names):
        raise InvalidArgumentError(f"columns must be a sequence of str, got {columns!r:.80}")
    if len(names) != count:
        raise InvalidArgumentError(f"{len(names)} names are given for {count} columns")
    if len(set(names)) != count:
        twice = next(name for index, name in enumerate(names) if name in names[:index])
        raise InvalidArgumentError(f"two columns are called `{twice}`")
    return names
