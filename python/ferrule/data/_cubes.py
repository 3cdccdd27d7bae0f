"""Cubes: samples of the columns and rows of many equal frames, stacked."""

import operator
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np
from numpy.typing import DTypeLike, NDArray

from ferrule._hints import hinted
from ferrule.data import _cube_options, _parts
from ferrule.data._cube_progress import Progress, bar
from ferrule.data._memory import allocate
from ferrule.data._stack import FrameStack
from ferrule.errors import FailedPreconditionError, InvalidArgumentError, UnimplementedError

if TYPE_CHECKING:
    from ferrule.data._cube_files import WrittenCubes

RowChoice: TypeAlias = Literal["first", "random"] | slice

# Bytes that a thread makes ahead at a time when cubes are iterated one by one.
_AHEAD_BYTES = 16 << 20
_ALL_THREADS = 0


class Cubes:
    """A reproducible stream of cubes: random columns of every frame of a stack, side by side.

    Cube ``i`` depends only on the seed and on ``i``: any thread, process or machine makes any
    cube, with the same bits, and a run goes on where it stopped.

    Parameters
    ----------
    stack : FrameStack or ndarray of shape (n_frames, n_columns, n_rows)
        Not copied; to be left as it is while cubes are made of it.
    shape : (frames, rows, columns)
        Of a cube. The frames are the stack's first.
    columns : {"per_layer", "shared"}
        Whether each frame has a draw of columns of its own, or one draw serves the whole cube.
        Columns are drawn without replacement, and stand in the order of the draw.
    rows : {"first", "random"} or slice
        The first rows of each frame, rows drawn as the columns are, or the first rows of a slice
        of each frame.
    dtype : {"float16", "float32", "float64"}, optional
        Of a cube, by default the stack's. Values are rounded to the nearest.
    seed : int
        From 0 to 2**64 - 1.
    layout : str
        The order of a cube's axes, ``"frame,row,col"`` or another. ``"frame,col,row"`` is made as
        it lies in the stack, column by column; others than these two are views of them.
    total : int, optional
        How many cubes the stream has; without it, it has no end.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For a shape that the stack does not have, or another argument that is not as above.

    Notes
    -----
    A cube of 100 x 100 x 100 float64 reads 8 MB in 10,000 runs of 800 bytes, and writes 8 MB.
    Making one is limited by memory, not by arithmetic: a stack keeps each column in one run, so
    that whole cache lines are read and used; a block of rows is turned in registers, and leaves as
    whole lines, which need not be read before they are written; what is read next is known and
    asked for ahead. So a cube costs about as much as copying as many bytes; float32 halves that.

    Draws come from Philox 4x64-10 (`numpy.random.Philox` is the same generator), keyed by the seed
    and counted by (block, layer, cube, 0 for columns or 1 for rows), Lemire's method and the
    first steps of a Fisher-Yates shuffle.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule.data import Cubes, FrameStack
    >>> frames = np.random.default_rng(0).random((5, 40, 30))
    >>> cubes = Cubes(FrameStack.from_frames(frames), shape=(5, 10, 8), seed=1, total=1000)
    >>> cubes
    Cubes(5 frames x 10 rows x 8 columns, float64, columns per layer, seed 1, 1,000 cubes)
    >>> columns, rows = cubes.indices(7)
    >>> layer = frames[2][np.ix_(rows[2], columns[2])]
    >>> np.array_equal(cubes[7][2], layer)
    True
    >>> cubes.batch(100, 32).shape
    (32, 5, 10, 8)
    >>> sum(1 for cube in cubes)
    1000
    """

    def __init__(
        self,
        stack: FrameStack | NDArray[Any],
        shape: Sequence[int] = (100, 100, 100),
        *,
        columns: Literal["per_layer", "shared"] = "per_layer",
        rows: RowChoice = "first",
        dtype: DTypeLike | None = None,
        seed: int = 0,
        layout: str = "frame,row,col",
        total: int | None = None,
    ) -> None:
        self._stack = stack if isinstance(stack, FrameStack) else FrameStack(stack)
        self._options = _cube_options.checked(
            self._stack, shape, columns=columns, rows=rows, dtype=dtype, seed=seed, layout=layout
        )
        self._maker = self._options.maker(self._stack)
        self._range = _parts.Range.of(total)

    @property
    def stack(self) -> FrameStack:
        """What cubes are made of."""
        return self._stack

    @property
    def options(self) -> _cube_options.CubeOptions:
        """What the stream was asked to be."""
        return self._options

    @property
    def shape(self) -> tuple[int, int, int]:
        """Of a cube, its axes in the order of `layout`."""
        return self._options.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of a cube."""
        return self._options.dtype

    @property
    def nbytes(self) -> int:
        """Bytes of a cube."""
        return self._options.nbytes

    @property
    def seed(self) -> int:
        """What the draws depend on."""
        return self._options.seed

    @property
    def start(self) -> int:
        """The number in the whole stream of this part's first cube; 0 for a whole stream."""
        return self._range.start

    @property
    def total(self) -> int | None:
        """How many cubes the whole stream has; None where it has no end."""
        return self._range.total

    def part(self, k: int, n_parts: int, total: int | None = None) -> "Cubes":
        """Return one of `n_parts` ranges that make up the whole stream, each cube in just one.

        Parameters
        ----------
        k : int
            Which, from 0 to ``n_parts - 1``; the command line counts from 1: its ``--part 1/8`` is
            ``part(0, 8)``.
        n_parts : int
            How many ranges there are, whole chunks of `write` each, and as equal as these allow.
        total : int, optional
            How many cubes the whole stream has, where the stream was not given a total.

        Returns
        -------
        Cubes
            A stream of ``len(part)`` cubes whose cube 0 is cube ``part.start`` of the whole.

        Raises
        ------
        ferrule.errors.InvalidArgumentError
            For a part that there is not, or a total other than the stream's.

        Examples
        --------
        >>> import numpy as np
        >>> from ferrule.data import Cubes
        >>> cubes = Cubes(np.random.default_rng(0).random((3, 20, 10)), (3, 10, 5), total=1000)
        >>> parts = [cubes.part(k, 8) for k in range(8)]
        >>> [(part.start, len(part)) for part in parts[:3]]
        [(0, 124), (124, 124), (248, 124)]
        >>> np.array_equal(parts[2][5], cubes[253])
        True
        """
        part = object.__new__(Cubes)
        part._stack, part._options, part._maker = self._stack, self._options, self._maker
        part._range = self._range.part(k, n_parts, total, self.nbytes)
        return part

    def indices(self, i: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return which columns and rows the layers of cube `i` have.

        Returns
        -------
        columns : ndarray of shape (frames, columns of a cube)
        rows : ndarray of shape (frames, rows of a cube)
        """
        frames, n_rows, n_columns = self._options.sides
        columns = np.empty((frames, n_columns), np.uint32)
        rows = np.empty((frames, n_rows), np.uint32)
        self._maker.indices(self._range.absolute(i), columns, rows)
        return columns.astype(np.int64), rows.astype(np.int64)

    def empty(self, n: int) -> NDArray[Any]:
        """Return an array for `n` cubes with no values yet, as `batch` best takes it.

        Raises
        ------
        ferrule.errors.OutOfMemoryError
            Where there is no room for it.
        """
        hint = "make fewer cubes at a time; what is iterated reuses its memory"
        sides = self._options.memory_sides
        made = allocate((n, *sides), self.dtype, f"{n:,} cubes", hint)
        return self._options.as_layout(made)

    def batch(self, start: int, n: int, out: NDArray[Any] | None = None) -> NDArray[Any]:
        """Return `n` cubes, from cube `start` on.

        Parameters
        ----------
        start : int
            From 0 on; negative ones count from the end of a stream that has one.
        n : int
            How many.
        out : ndarray of shape (n, *shape), optional
            Where to put them: writable, of the cubes' dtype, C-contiguous (for a layout that is a
            view: as `empty` makes it). It must not overlap the stack.

        Returns
        -------
        ndarray of shape (n, *shape)
            `out`, or a new array.

        Raises
        ------
        IndexError
            Where the stream does not have these cubes.
        ferrule.errors.InvalidArgumentError
            For an `out` that does not fit.
        ferrule.errors.OutOfMemoryError
            Where there is no room for a new array.
        """
        first = self._range.absolute_run(start, n)
        if out is None:
            out = self.empty(n)
        self._fill(first, out, self._options.bytes_of(out, n))
        return out

    def _fill(self, first: int, out: NDArray[Any], raw: NDArray[np.uint8]) -> NDArray[Any]:
        self._maker.fill(first, raw, _ALL_THREADS)
        return out

    def checksum_of(self, first: int, n: int) -> int:
        """Make `n` cubes of the whole stream, and return their checksum: see `_checksum`."""
        return self._maker.checksum(first, n, _ALL_THREADS)

    def batches(self, n: int, *, prefetch: int = 2) -> Iterator[NDArray[Any]]:
        """Iterate over all cubes, `n` at a time, while a thread makes the next ones.

        The arrays are a ring of ``prefetch + 1``, used again and again: one is valid until the next
        is asked for. Copy what is to be kept.

        Parameters
        ----------
        n : int
            Cubes of an array; the last may have fewer.
        prefetch : int
            How many arrays are made ahead, at least 1.

        Yields
        ------
        ndarray of shape (n, *shape)
        """
        if n < 1 or prefetch < 1:
            raise InvalidArgumentError(
                f"n and prefetch must be at least 1, got {n!r} and {prefetch!r}"
            )
        return self._ring(n, prefetch)

    def _ring(self, n: int, prefetch: int) -> Iterator[NDArray[Any]]:
        return (batch for _, batch in self.batches_of(self._range.runs(n), n, prefetch))

    def batches_of(
        self, runs: Iterable[tuple[int, int]], n: int, prefetch: int = 2
    ) -> Iterator[tuple[int, NDArray[Any]]]:
        """Iterate over runs of the whole stream's cubes, in the ring that `batches` describes.

        Parameters
        ----------
        runs : iterable of (first cube, count)
            Of at most `n` cubes each.

        Yields
        ------
        first : int
        batch : ndarray of shape (count, *shape)
        """
        coming: deque[tuple[int, Future[NDArray[Any]]]] = deque()
        ring = deque(self.empty(n) for _ in range(prefetch + 1))
        ahead = iter(runs)
        pool = ThreadPoolExecutor(1, thread_name_prefix="ferrule-cubes")

        def make_next() -> None:
            run = next(ahead, None)
            if run is None:
                return
            first, count = run
            out = ring[0][:count]
            ring.rotate(-1)
            raw = self._options.bytes_of(out, count)
            coming.append((first, pool.submit(self._fill, first, out, raw)))

        try:
            for _ in range(prefetch):
                make_next()
            while coming:
                first, made = coming.popleft()
                batch = made.result()
                make_next()
                yield first, batch
        finally:
            pool.shutdown(cancel_futures=True)

    def to_torch(self, n: int | None = None) -> Iterator[Any]:
        """Iterate over all cubes as torch tensors, by DLPack: nothing is copied.

        As in `batches`, memory is used again: a tensor is valid until the next is asked for, and
        ``tensor.to("cuda")`` or ``tensor.clone()`` keep its values. `Cubes` also is a map-style
        data set for a ``torch.utils.data.DataLoader``, which copies.

        Parameters
        ----------
        n : int, optional
            Cubes of a tensor of shape (n, *shape); by default, tensors are single cubes.

        Raises
        ------
        ferrule.errors.FailedPreconditionError
            Where torch is not installed.
        """
        from ferrule.data._cube_tensors import torch_tensors

        return torch_tensors(iter(self) if n is None else self.batches(n))

    def to_tf(self, n: int | None = None) -> Iterator[Any]:
        """Iterate over all cubes as TensorFlow tensors, by DLPack; otherwise as `to_torch`."""
        from ferrule.data._cube_tensors import tf_tensors

        return tf_tensors(iter(self) if n is None else self.batches(n))

    def write(
        self,
        folder: str | os.PathLike[str],
        n: int | None = None,
        *,
        format: Literal["npy", "zarr", "parquet"] = "npy",  # noqa: A002 -- pandas' word
        resume: bool = True,
        progress: bool | Progress = False,
    ) -> "WrittenCubes":
        """Write cubes into a folder, chunk by chunk; go on where an earlier run stopped.

        Each chunk is a file that appears whole or not at all, so a run that is killed loses the
        chunk at hand. Parts may be written at once, by many processes, into one folder.

        Parameters
        ----------
        folder : str or path-like
            A new or empty folder, or one that cubes of this stream were written to. May start with
            ``~``.
        n : int, optional
            Cubes of the whole stream, where it was not given a total.
        format : {"npy", "zarr", "parquet"}
            ``"npy"``: files of shape (cubes, *shape), named after their first cube. ``"zarr"``: one
            uncompressed Zarr v3 array of shape (total, *shape). ``"parquet"``: files with a row a
            cube, its number ``cube`` and its ``values`` as a list.
        resume : bool
            Whether cubes may be there already; those are not made again.
        progress : bool or callable
            A bar on a terminal, or ``progress(done, total)``.

        Returns
        -------
        WrittenCubes
            What is there now, what of it this run made, and what is missing of the whole.

        Raises
        ------
        ferrule.errors.FailedPreconditionError
            Where the folder has cubes of another stream, or this one has no total.
        ferrule.errors.AlreadyExistsError
            Where the folder has other files, or cubes though `resume` is false.
        ferrule.errors.StorageError
            Where the disk fails or is full. Chunks that are there are whole.

        Examples
        --------
        >>> import numpy as np, tempfile
        >>> from ferrule.data import Cubes
        >>> cubes = Cubes(np.random.default_rng(0).random((3, 20, 10)), (3, 10, 5), total=100)
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     first = cubes.part(0, 2).write(folder)
        ...     both = cubes.write(folder)
        >>> first.made, first.missing, both.made, both.missing
        (50, 50, 50, 0)
        """
        from ferrule.data import _cube_files

        place = _local(folder)
        cubes = self._with_total(n)
        if callable(progress):
            return _cube_files.write(cubes, place, format, resume=resume, progress=progress)
        with bar(shown=progress) as tick:
            return _cube_files.write(cubes, place, format, resume=resume, progress=tick)

    def _with_total(self, n: int | None) -> "Cubes":
        """Return this stream, of `n` cubes where it has no total."""
        if self.total is None and n is None:
            raise hinted(
                FailedPreconditionError("a stream without a total has no end to write to"),
                "say how many cubes to write: write(folder, n)",
            )
        return self if self.total is not None and n in (None, self.total) else self.part(0, 1, n)

    def __iter__(self) -> Iterator[NDArray[Any]]:
        """Iterate over all cubes; each is valid until the next is asked for (see `batches`)."""
        for batch in self.batches(max(1, _AHEAD_BYTES // self.nbytes)):
            yield from batch

    def __len__(self) -> int:
        if self._range.stop is None:
            raise hinted(
                FailedPreconditionError("a stream without a total has no length"),
                "give one: Cubes(..., total=1_000_000)",
            )
        return self._range.stop - self._range.start

    def __getitem__(self, index: int | slice) -> NDArray[Any]:
        """Return a new array: one cube, or the cubes of a slice."""
        if not isinstance(index, slice):
            cube: NDArray[Any] = self.batch(operator.index(index), 1)[0]
            return cube
        chosen = self._range.slice(index)
        if chosen.step == 1:
            return self.batch(chosen.start, len(chosen))
        made = self.empty(len(chosen))
        for place, cube_index in enumerate(chosen):
            self.batch(cube_index, 1, made[place : place + 1])
        return made

    def __reduce__(self) -> tuple[Any, ...]:
        return _remade, (self._stack, self._options.arguments(), self._range)

    def __repr__(self) -> str:
        return f"Cubes({self._options.described()}, {self._range.described()})"


def _local(folder: str | os.PathLike[str]) -> Path:
    text = os.fspath(folder)
    if "://" in text:
        raise hinted(
            UnimplementedError(f"`{text}` is no local folder, where cubes are written to"),
            "write to a folder, and copy it",
        )
    # Path.expanduser raises where there is no such user; here the path then stays as it is.
    return Path(os.path.expanduser(text))  # noqa: PTH111


def _remade(stack: FrameStack, arguments: dict[str, Any], cubes: "_parts.Range") -> Cubes:
    """Make the stream again, for unpickling."""
    made = Cubes(stack, **arguments)
    made._range = cubes
    return made
