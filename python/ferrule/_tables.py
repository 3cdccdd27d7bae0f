"""Numeric tables from files: CSV, TSV, Parquet, Arrow, Feather and npy, in batches of bounded size.

The kind of a file is told by its ending. Text columns, missing values and values that are not
finite are refused with the column and the row, as no learner here takes them.
"""

import csv
import shlex
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ferrule._hints import hinted
from ferrule.errors import FerruleError, InvalidArgumentError, NotFoundError

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa
    from numpy.typing import NDArray

    Matrix = NDArray[np.floating[Any]]

BATCH_ROWS = 1 << 16
_ARROW_ENDINGS = {".arrow": "arrow", ".feather": "arrow", ".ipc": "arrow"}
ENDINGS = {".csv": "csv", ".tsv": "csv", ".parquet": "parquet", ".npy": "npy", **_ARROW_ENDINGS}


@dataclass(frozen=True, slots=True)
class Table:
    """A file of numbers.

    Attributes
    ----------
    path : Path
        The file.
    columns : tuple of str or None
        Names of its columns; None where the file has none (npy, and CSV without a header).
    n_columns : int
        How many columns it has.
    single : bool
        Whether all its columns hold float32, so that nothing is gained by float64.
    doubt : str or None
        How the first row was understood, where its writer may have meant it otherwise.
    """

    path: Path
    columns: tuple[str, ...] | None
    n_columns: int
    single: bool
    doubt: str | None = None

    def choose(self, features: Sequence[str] | None) -> "Selection":
        """Return the columns called `features`, in that order; all of them for None.

        Columns of a file without names are called by their position, from 0.

        Raises
        ------
        InvalidArgumentError
            For a column that the file has not, or one given twice.
        """
        names = self.columns or tuple(str(index) for index in range(self.n_columns))
        if features is None:
            return Selection(self, self.columns, tuple(range(self.n_columns)))
        for feature in features:
            if feature not in names:
                raise _no_column(self, feature, names)
            if list(features).count(feature) > 1:
                raise InvalidArgumentError(f"column `{feature}` is given twice")
        indices = tuple(names.index(feature) for feature in features)
        return Selection(self, tuple(features) if self.columns else None, indices)


@dataclass(frozen=True, slots=True)
class Selection:
    """Some columns of a table: what a learner is given."""

    table: Table
    names: tuple[str, ...] | None
    indices: tuple[int, ...]

    def label(self, position: int) -> str:
        """Name the column at `position` of this selection, for messages."""
        return self.names[position] if self.names else str(self.indices[position])

    def batches(self, dtype: str, rows: int = BATCH_ROWS) -> "Iterator[Matrix]":
        """Yield the rows in order, as C-contiguous matrices of `dtype` of at most `rows` rows.

        Raises
        ------
        InvalidArgumentError
            For text, missing values, NaN and infinity, with their place; and where there is no row.
        """
        first = 0
        for matrix in _READERS[ENDINGS[self.table.path.suffix.lower()]](self, dtype, rows):
            _check_finite(self, matrix, first)
            first += len(matrix)
            yield matrix
        if first == 0:
            raise InvalidArgumentError(f"`{self.table.path}` has no rows")


def open_table(path: Path) -> Table:
    """Look at the head of the file at `path`.

    Parameters
    ----------
    path : Path
        Ends in .csv, .tsv, .parquet, .arrow, .feather, .ipc or .npy.

    Returns
    -------
    Table

    Raises
    ------
    NotFoundError
        Where there is no such file; names the nearest.
    InvalidArgumentError
        For another ending, or a file that is not what its ending says.
    """
    if not path.exists():
        raise _no_file(path)
    if path.is_dir():
        raise InvalidArgumentError(f"`{path}` is a folder; a file of data is expected")
    kind = ENDINGS.get(path.suffix.lower())
    if kind is None:
        raise hinted(
            InvalidArgumentError(f"`{path}` {ending(path)}, which is no kind of data"),
            f"the kinds that are read are {', '.join(ENDINGS)}",
        )
    if path.stat().st_size == 0:
        raise InvalidArgumentError(f"`{path}` is empty")
    return _OPENERS[kind](path)


def _open_npy(path: Path) -> Table:
    array = _map_npy(path)
    return Table(path, None, array.shape[1], array.dtype.itemsize <= 4)


def _open_csv(path: Path) -> Table:
    try:
        with path.open(encoding="utf-8-sig") as file:
            lines = file.readline(1 << 20), file.readline(1 << 20)
            cells = next(csv.reader(lines[:1], delimiter=_delimiter(path)))
    except (UnicodeDecodeError, csv.Error, StopIteration) as error:
        raise InvalidArgumentError(f"`{path}` is not CSV in UTF-8") from error
    _check_separator(path, lines, cells)
    numbers = [cell for cell in cells if _is_number(cell)]
    doubt: str | None = None
    if len(numbers) == len(cells):
        doubt = f"the first row of `{path}` is all numbers, so it is data; columns have no names"
        return Table(path, None, len(cells), single=False, doubt=doubt)
    if numbers:
        doubt = (
            f"the first row of `{path}` is taken as names of columns, `{numbers[0]}` among them;"
            " is it data?"
        )
    return Table(path, _distinct(path, cells), len(cells), single=False, doubt=doubt)


def _check_separator(path: Path, lines: Sequence[str], cells: Sequence[str]) -> None:
    """Refuse a file whose values stand apart by something else than its ending says."""
    for separator, name in {";": "`;`", "\t": "tabs", "|": "`|`", ",": "`,`"}.items():
        parts = [part for cell in cells for part in cell.split(separator)]
        apart = len(parts) > len(cells) and '"' not in lines[0]
        if apart and (len(cells) == 1 or all(map(_is_number, parts))):
            raise hinted(
                InvalidArgumentError(
                    f"the values in `{path}` are separated by {name};"
                    f" {'tabs' if _delimiter(path) != ',' else 'commas'} are expected"
                ),
                _way_to_commas(path, separator, decimal_commas="," in "".join(lines)),
            )


def _way_to_commas(path: Path, separator: str, *, decimal_commas: bool) -> str:
    if separator in "\t,":
        return f"call it {path.with_suffix('.tsv' if separator == chr(9) else '.csv').name}"
    # The comma of decimals, as in 1,5, becomes a point first.
    pair = (f",{separator}", ".,") if decimal_commas else (separator, ",")
    source = shlex.quote(str(path))
    return f"write it with commas: tr '{pair[0]}' '{pair[1]}' < {source} > commas.csv"


def _open_parquet(path: Path) -> Table:
    import pyarrow.parquet as pq

    with _arrow_errors(path, "Parquet"), pq.ParquetFile(path) as file:
        return _from_schema(path, file.schema_arrow)


def _open_arrow(path: Path) -> Table:
    with _arrow_errors(path, "Arrow"), _arrow_reader(path) as reader:
        return _from_schema(path, reader.schema)


def _from_schema(path: Path, schema: "pa.Schema") -> Table:
    import pyarrow as pa

    single = all(kind in (pa.float32(), pa.float16()) for kind in schema.types)
    return Table(path, _distinct(path, schema.names), len(schema.names), single)


def _distinct(path: Path, names: Sequence[str]) -> tuple[str, ...]:
    for position, name in enumerate(names):
        if not name:
            rest = ",".join(other for other in names if other)
            raise hinted(
                InvalidArgumentError(f"column {position} of `{path}` has no name"),
                f"is it an index? write the file without it, or name it; the others are {rest}",
            )
        if list(names).count(name) > 1:
            raise InvalidArgumentError(f"`{path}` has two columns called `{name}`")
    return tuple(names)


def _read_npy(selection: Selection, dtype: str, rows: int) -> "Iterator[Matrix]":
    import numpy as np

    array = _map_npy(selection.table.path)
    everything = selection.indices == tuple(range(array.shape[1]))
    for start in range(0, len(array), rows):
        block = array[start : start + rows]
        yield np.ascontiguousarray(block if everything else block[:, selection.indices], dtype)


def _map_npy(path: Path) -> "NDArray[Any]":
    import numpy as np

    with path.open("rb") as file:
        if file.read(6) != b"\x93NUMPY":
            raise InvalidArgumentError(f"`{path}` is not an npy file")
    try:
        array: NDArray[Any] = np.load(path, mmap_mode="r", allow_pickle=False)
    except (ValueError, EOFError, OSError) as error:
        raise InvalidArgumentError(
            f"`{path}` is not an npy file of plain numbers, whole and unpickled"
        ) from error
    if array.ndim != 2:
        raise InvalidArgumentError(
            f"`{path}` has an array of {array.ndim} dimensions; 2 are expected, rows and columns"
        )
    if array.dtype.kind not in "fiub":
        raise InvalidArgumentError(f"`{path}` holds {array.dtype}; numbers are expected")
    return array


def _read_csv(selection: Selection, dtype: str, rows: int) -> "Iterator[Matrix]":
    import pyarrow as pa
    from pyarrow import csv as arrow_csv

    table = selection.table
    names = table.columns or tuple(f"f{index}" for index in range(table.n_columns))
    wanted = [names[index] for index in selection.indices]
    wrong: list[str] = []

    def note(row: arrow_csv.InvalidRow) -> Literal["error"]:
        wrong.append(
            f"a row of `{table.path}` has {counted(row.actual_columns, 'column')};"
            f" {row.expected_columns} are expected: `{row.text[:80]}`"
        )
        return "error"

    with _arrow_errors(table.path, "CSV", wrong):
        reader = arrow_csv.open_csv(
            table.path,
            read_options=arrow_csv.ReadOptions(
                column_names=list(names),
                skip_rows=1 if table.columns else 0,
                block_size=1 << 23,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=_delimiter(table.path), invalid_row_handler=note
            ),
            convert_options=arrow_csv.ConvertOptions(
                include_columns=wanted,
                column_types=dict.fromkeys(wanted, pa.string()),
                strings_can_be_null=True,
            ),
        )
        yield from _matrices(selection, reader, dtype, rows)


def _read_parquet(selection: Selection, dtype: str, rows: int) -> "Iterator[Matrix]":
    import pyarrow.parquet as pq

    table = selection.table
    with _arrow_errors(table.path, "Parquet"), pq.ParquetFile(table.path) as file:
        columns = [file.schema_arrow.names[index] for index in selection.indices]
        yield from _matrices(selection, file.iter_batches(rows, columns=columns), dtype, rows)


def _read_arrow(selection: Selection, dtype: str, rows: int) -> "Iterator[Matrix]":
    with _arrow_errors(selection.table.path, "Arrow"), _arrow_reader(selection.table.path) as file:
        names = [file.schema.names[index] for index in selection.indices]
        batches = (
            (file.get_batch(index) for index in range(file.num_record_batches))
            if hasattr(file, "num_record_batches")
            else file
        )
        chosen = (batch.select(names) for batch in batches)
        yield from _matrices(selection, chosen, dtype, rows)


def _matrices(
    selection: Selection, batches: "Iterator[pa.RecordBatch]", dtype: str, rows: int
) -> "Iterator[Matrix]":
    """Turn record batches, whose columns are those of `selection`, into matrices."""
    import numpy as np

    first = 0
    for batch in batches:
        for start in range(0, batch.num_rows, rows):
            part = batch.slice(start, rows)
            matrix = np.empty((part.num_rows, len(selection.indices)), dtype)
            for position, name in enumerate(part.schema.names):
                column = _numbers(selection, position, part.column(name), first)
                matrix[:, position] = column
            first += part.num_rows
            yield matrix


def _numbers(
    selection: Selection, position: int, column: "pa.Array[Any]", first: int
) -> "NDArray[Any]":
    """Convert one column of a batch whose first row is number `first` of the file."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if column.null_count:
        row = first + pc.index(column.is_null(), value=True).as_py()
        raise _missing(selection, position, row)
    kind = column.type
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return _parsed(selection, position, column, first)
    if pa.types.is_decimal(kind):
        return column.cast(pa.float64()).to_numpy(zero_copy_only=False)
    if not (pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_boolean(kind)):
        raise hinted(
            InvalidArgumentError(f"column `{selection.label(position)}` holds {kind}, not numbers"),
            "choose the numeric columns with --features",
        )
    return column.to_numpy(zero_copy_only=False)


def _parsed(
    selection: Selection, position: int, column: "pa.Array[Any]", first: int
) -> "NDArray[Any]":
    """Read a column of text as numbers."""
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(column)
    try:
        return trimmed.cast(pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        pass
    for offset, text in enumerate(map(str, trimmed.to_pylist())):
        if not _is_number(text):
            raise hinted(
                InvalidArgumentError(
                    f"column `{selection.label(position)}` has `{text[:40]}` in row"
                    f" {first + offset + 1}, where a number is expected"
                ),
                "choose the numeric columns with --features",
            )
    raise InvalidArgumentError(f"column `{selection.label(position)}` is not all numbers")


def _check_finite(selection: Selection, matrix: "Matrix", first: int) -> None:
    import numpy as np

    # The sum is finite where every value is, but for an overflow: one pass, no array of flags.
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(matrix.sum()):
            return
    bad = np.argwhere(~np.isfinite(matrix))
    if len(bad):
        row, position = (int(index) for index in bad[0])
        if np.isnan(matrix[row, position]):
            raise _missing(selection, position, first + row)
        raise InvalidArgumentError(
            f"column `{selection.label(position)}` is infinite, or too large for {matrix.dtype},"
            f" in row {first + row + 1}; finite numbers are expected"
        )


def _missing(selection: Selection, position: int, row: int) -> InvalidArgumentError:
    return hinted(
        InvalidArgumentError(f"column `{selection.label(position)}` has no value in row {row + 1}"),
        "drop the rows with missing values, or fill them in",
    )


def _no_column(table: Table, feature: str, names: Sequence[str]) -> InvalidArgumentError:
    near = get_close_matches(feature, names, n=1)
    advice = f"did you mean `{near[0]}`?" if near else f"its columns are {_listed(names)}"
    return hinted(InvalidArgumentError(f"`{table.path}` has no column `{feature}`"), advice)


def _no_file(path: Path) -> NotFoundError:
    try:
        near = get_close_matches(path.name, [entry.name for entry in path.parent.iterdir()], n=1)
    except OSError:
        return NotFoundError(f"there is no folder `{path.parent}`")
    advice = f"did you mean `{path.parent / near[0]}`?" if near else None
    return hinted(NotFoundError(f"there is no file `{path}`"), advice)


def _listed(names: Sequence[str], most: int = 12) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def ending(path: Path) -> str:
    """Say how the name of a file ends."""
    return f"ends in `{path.suffix}`" if path.suffix else "has no ending"


def counted(number: int, noun: str) -> str:
    """Return `number` and `noun`, in the plural but for one."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def _delimiter(path: Path) -> str:
    return "\t" if path.suffix.lower() == ".tsv" else ","


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


@contextmanager
def _arrow_errors(path: Path, kind: str, wrong: Sequence[str] = ()) -> Iterator[None]:
    """Turn what pyarrow raises about a file into errors that name the file."""
    import pyarrow as pa

    try:
        yield
    except (pa.ArrowInvalid, OSError) as error:
        if isinstance(error, FerruleError):
            raise
        said = str(error).splitlines()[0].split(". ")[0].rstrip(".")
        cause = wrong[0] if wrong else f"`{path}` is not {kind}: {said}"
        raise InvalidArgumentError(cause) from error


def _arrow_reader(path: Path) -> Any:
    """Open an IPC file, or an IPC stream, which says so by its first bytes."""
    import pyarrow as pa

    source = pa.memory_map(str(path))
    if source.read(6) == b"ARROW1":
        return pa.ipc.open_file(source)
    source.seek(0)
    return pa.ipc.open_stream(source)


_OPENERS = {
    "csv": _open_csv,
    "parquet": _open_parquet,
    "arrow": _open_arrow,
    "npy": _open_npy,
}
_READERS = {
    "csv": _read_csv,
    "parquet": _read_parquet,
    "arrow": _read_arrow,
    "npy": _read_npy,
}
