"""CSV row by row, for the few blocks with a row that is bad."""

import csv
import io
from collections.abc import Callable, Sequence
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from ferrule._words import counted, short
from ferrule.data._bad_rows import BadRow
from ferrule.data._formats._part import Piece, Want

_ROW_SHOWN = 80
_MISSING = frozenset(arrow_csv.ConvertOptions().null_values or ())
CHOOSE_NUMBERS = "choose the numeric columns: columns=[…], or --columns or --features in a shell"


def parse_rows(
    text: str,
    delimiter: str,
    names: Sequence[str],
    want: Want,
    place: tuple[str, int, int],
) -> tuple[list[Piece], int]:
    """Read `text`, whose columns are called `names`, one row after the other.

    Parameters
    ----------
    place : (str, int, int)
        The file, and the row and the line that `text` begins with.

    Returns
    -------
    pieces : list of Piece
        The good rows.
    n_rows : int
        How many rows there are, bad ones among them.
    """
    name, row, line = place
    places = {column: index for index, column in enumerate(names)}
    readers = [(places[f.name], f.name, _reader(f.type)) for f in want.schema]
    kept: list[list[Any]] = []
    rows: list[int] = []
    lines: list[int] = []
    first_row, first_line = row, line
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
    while True:
        at = first_line + reader.line_num
        try:
            cells = next(reader)
        except StopIteration:
            break
        except csv.Error as error:
            want.bad.meet(BadRow(name, row, at, None, f"is no CSV: {error}"))
            row += 1
            continue
        if not cells:
            continue
        values = _values(cells, len(names), readers, (name, row, at), want)
        if values is not None:
            kept.append(values)
            rows.append(row)
            lines.append(at)
        row += 1
    columns = [
        pa.array([values[index] for values in kept], field.type)
        for index, field in enumerate(want.schema)
    ]
    return [Piece(pa.record_batch(columns, schema=want.schema), rows, lines)], row - first_row


def _values(
    cells: list[str],
    n_columns: int,
    readers: Sequence[tuple[int, str, Callable[[str], Any]]],
    place: tuple[str, int, int],
    want: Want,
) -> list[Any] | None:
    """Return the values of a row; None for one that is left out."""
    name, row, line = place
    if len(cells) != n_columns:
        text = short(",".join(cells), _ROW_SHOWN)
        cause = f"has {counted(len(cells), 'column')}; {n_columns} are expected: `{text}`"
        want.bad.meet(BadRow(name, row, line, None, cause))
        return None
    values = []
    for index, column, read in readers:
        try:
            values.append(read(cells[index]))
        except (ValueError, OverflowError):
            kind = want.schema.field(column).type
            cause = f"has `{short(cells[index])}`"
            bad = BadRow(name, row, line, column, cause, _wanted(kind))
            want.bad.meet(bad, _way_out(kind))
            return None
    return values


def _wanted(kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):
        return "a number"
    return "a whole number" if pa.types.is_integer(kind) else f"a {kind}"


def _way_out(kind: pa.DataType) -> str:
    if pa.types.is_floating(kind):
        return CHOOSE_NUMBERS
    return "types are told from the first MiB; give another one: types={'COLUMN': 'float64'}"


def _reader(kind: pa.DataType) -> Callable[[str], Any]:
    """Return what reads a cell as `kind`, as pyarrow does; it raises ValueError."""
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return str

    def read(cell: str) -> Any:
        trimmed = cell.strip()
        if trimmed in _MISSING:
            return None
        if pa.types.is_floating(kind):
            if "_" in trimmed:
                raise ValueError(trimmed)
            return float(trimmed)
        if pa.types.is_integer(kind):
            return pa.scalar(int(trimmed), kind).as_py()
        return pa.scalar(trimmed).cast(kind).as_py()

    return read
