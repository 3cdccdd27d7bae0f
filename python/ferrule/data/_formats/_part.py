"""What each format offers to a `Source`: one file, or one thing in memory."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import pyarrow as pa
from numpy.typing import NDArray

from ferrule._hints import hinted
from ferrule._words import short
from ferrule.data._bad_rows import BadRows
from ferrule.data._locations import File
from ferrule.errors import InvalidArgumentError

BATCH_ROWS = 1 << 16
_LOOSE_BYTES = 32


@dataclass(frozen=True, slots=True)
class Head:
    """What the beginning of a part tells.

    Attributes
    ----------
    schema : pyarrow.Schema
        Its columns; those without names are called by their position, from 0.
    n_rows : int or None
        None where only reading all of it tells.
    named : bool
        Whether its columns have names of their own.
    doubt : str or None
        How the first row was understood, where its writer may have meant it otherwise.
    """

    schema: pa.Schema
    n_rows: int | None
    named: bool = True
    doubt: str | None = None


@dataclass(frozen=True, slots=True)
class Want:
    """What is read of a part.

    Attributes
    ----------
    schema : pyarrow.Schema
        The columns, in order, with the types that text is read as.
    start, stop : int, int or None
        The range of rows.
    batch_rows : int
        Most rows in a piece.
    threads : bool
        Whether the part may use several threads.
    bad : BadRows
        What to do about rows of text that are not what the schema says.
    """

    schema: pa.Schema
    start: int = 0
    stop: int | None = None
    batch_rows: int = BATCH_ROWS
    threads: bool = True
    bad: BadRows = field(default_factory=BadRows)

    def size(self, n_rows: int) -> range:
        """Return the range of rows, of a part that has `n_rows`."""
        stop = n_rows if self.stop is None else min(self.stop, n_rows)
        return range(min(self.start, stop), stop)


@dataclass(frozen=True, slots=True)
class Piece:
    """Some rows of a part, and where they stand in it.

    Attributes
    ----------
    batch : pyarrow.RecordBatch
        The rows.
    rows : sequence of int
        The number of each in the part, from 1.
    lines : sequence of int or None
        The line of each, from 1; None where there are no lines, or where they are not known.
    """

    batch: pa.RecordBatch
    rows: Sequence[int]
    lines: Sequence[int] | None = None

    def slice(self, start: int, stop: int) -> "Piece":
        """Return some of the rows, without a copy."""
        lines = None if self.lines is None else self.lines[start:stop]
        return Piece(self.batch.slice(start, stop - start), self.rows[start:stop], lines)

    def split(self, most: int) -> Iterator["Piece"]:
        """Yield the rows in pieces of at most `most`."""
        if self.batch.num_rows <= most:
            yield self
            return
        for start in range(0, self.batch.num_rows, most):
            yield self.slice(start, start + most)


class Part(ABC):
    """One file, or one thing in memory, that holds a table.

    Attributes
    ----------
    name : str
        As its user wrote it, for messages.
    parses : bool
        Whether it reads text as the types that are wanted; others have types of their own.
    sparse : bool
        Whether it writes only some of its columns down; others are there, and zero.
    file : File or None
        The file; None for what is in memory.
    """

    name: str
    parses = False
    sparse = False
    file: File | None = None

    @cached_property
    def head(self) -> Head:
        """What the beginning tells; read once."""
        head = self._read_head()
        if head.named:
            check_names(self.name, head.schema.names)
        return head

    @abstractmethod
    def _read_head(self) -> Head: ...

    def field(self, name: str) -> "pa.Field[Any] | None":
        """Return the column called `name`; None where there is none."""
        at = self.head.schema.get_field_index(name)
        return None if at < 0 else self.head.schema.field(at)

    def array(self) -> NDArray[Any] | None:
        """Return all of it, where it is one array in memory or can be mapped as one."""
        return None

    @abstractmethod
    def pieces(self, want: Want) -> Iterator[Piece]:
        """Yield what is wanted, in order."""

    def count(self, at_most: int | None = None) -> int:
        """Return the number of rows, bad ones among them, reading what that takes.

        Where `at_most` is given, no more is read than shows that there are as many.
        """
        n_rows = self.head.n_rows
        if n_rows is None:
            bad = BadRows("skip")
            first = Want(self._first_column(), stop=at_most, bad=bad)
            n_rows = sum(piece.batch.num_rows for piece in self.pieces(first)) + bad.count
        return n_rows if at_most is None else min(n_rows, at_most)

    def _first_column(self) -> pa.Schema:
        first = self.head.schema.field(0)
        return pa.schema([pa.field(first.name, pa.string()) if self.parses else first])


def row_bytes(kind: pa.DataType) -> int:
    """Return the bytes that a value takes; a guess for types without a fixed width."""
    return (kind.bit_width + 7) // 8 if pa.types.is_primitive(kind) else _LOOSE_BYTES


def as_wanted(batch: pa.RecordBatch, want: Want) -> pa.RecordBatch:
    """Return the columns of `batch` in the order wanted."""
    names = want.schema.names
    return batch if batch.schema.names == names else batch.select(names)


def checked(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Refuse offsets that lead out of their buffers and text that is none: files may be hostile."""
    if not all(pa.types.is_primitive(kind) for kind in batch.schema.types):
        batch.validate(full=True)
    return batch


def in_order(batches: Iterator[pa.RecordBatch], want: Want, first: int = 0) -> Iterator[Piece]:
    """Yield those rows of `batches` that are wanted; the first of them is row `first`, from 0."""
    for batch in batches:
        if want.stop is not None and first >= want.stop:
            return
        begin = max(want.start - first, 0)
        end = batch.num_rows if want.stop is None else min(want.stop - first, batch.num_rows)
        if begin < end:
            part = batch if end - begin == batch.num_rows else batch.slice(begin, end - begin)
            yield from Piece(part, range(first + begin + 1, first + end + 1)).split(want.batch_rows)
        first += batch.num_rows


def check_names(name: str, columns: Sequence[str]) -> None:
    """Refuse columns without a name, and two of the same."""
    if not columns:
        raise InvalidArgumentError(f"`{name}` has no columns")
    seen: set[str] = set()
    for position, column in enumerate(columns):
        if not column:
            rest = short(",".join(filter(None, columns)), 400)
            raise hinted(
                InvalidArgumentError(f"column {position} of `{name}` has no name"),
                f"is it an index? write the file without it, or name it; the others are {rest}",
            )
        if column in seen:
            raise InvalidArgumentError(f"`{name}` has two columns called `{short(column)}`")
        seen.add(column)
