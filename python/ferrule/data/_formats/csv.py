"""CSV and TSV.

A file is read in blocks that end with a line, each parsed by pyarrow at once. Only a block with a
bad row is looked at again, row by row, so that the row can be named, or left out.
"""

import csv
import io
import shlex
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
from pyarrow import csv as arrow_csv

from ferrule._hints import hinted
from ferrule._words import is_number
from ferrule.data._endings import data_ending
from ferrule.data._faults import told
from ferrule.data._formats._lines import last_line_end
from ferrule.data._formats._part import Head, Part, Piece, Want, check_names
from ferrule.data._formats._rows import parse_rows
from ferrule.data._locations import File
from ferrule.errors import InvalidArgumentError

_HEAD_BYTES = 1 << 20
_BLOCK_BYTES = 1 << 23
_BLOCK_BYTES_LEAST = 1 << 16
_LINE_BYTES_MAX = 1 << 26
# A block with a bad row is halved down to this before it is looked at row by row.
_CAREFUL_BYTES = 1 << 15
_SEPARATORS = {";": "`;`", "\t": "tabs", "|": "`|`", ",": "`,`"}


class Csv(Part):
    """A CSV file, or with tabs: types are told from its first MiB."""

    parses = True

    def __init__(self, file: File) -> None:
        self.name = file.name
        self.file: File = file
        self._delimiter = "\t" if data_ending(file.path) == ".tsv" else ","

    def _read_head(self) -> Head:
        with told(self.name, "CSV in UTF-8"), self.file.stream() as stream:
            block = next(_blocks(self.name, stream, _HEAD_BYTES, self._delimiter), b"")
        if not block:
            raise InvalidArgumentError(f"`{self.name}` is empty")
        text = _decoded(self.name, block)
        cells, self._header_lines = self._first_record(text)
        self._check_separator(text.split("\n", 2)[:2], cells)
        numbers = [cell for cell in cells if is_number(cell)]
        named = len(numbers) < len(cells)
        if not named:
            self._header_lines = 0
        names = cells if named else [str(index) for index in range(len(cells))]
        check_names(self.name, names)
        self._names = names
        return Head(self._told_types(block), None, named, self._doubt(numbers, named=named))

    def _first_record(self, text: str) -> tuple[list[str], int]:
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=self._delimiter)
        try:
            for cells in reader:
                if cells:
                    return cells, reader.line_num
        except csv.Error as error:
            raise InvalidArgumentError(f"`{self.name}` is not CSV in UTF-8: {error}") from error
        raise InvalidArgumentError(f"`{self.name}` is empty")

    def _doubt(self, numbers: Sequence[str], *, named: bool) -> str | None:
        if not named:
            return (
                f"the first row of `{self.name}` is all numbers, so it is data;"
                " columns have no names"
            )
        if numbers:
            return (
                f"the first row of `{self.name}` is taken as names of columns, `{numbers[0]}` among"
                " them; is it data?"
            )
        return None

    def _check_separator(self, lines: Sequence[str], cells: Sequence[str]) -> None:
        """Refuse a file whose values stand apart by something else than its ending says."""
        for separator, name in _SEPARATORS.items():
            parts = [part for cell in cells for part in cell.split(separator)]
            apart = len(parts) > len(cells) and '"' not in lines[0]
            if apart and (len(cells) == 1 or all(map(is_number, parts))):
                expected = "tabs" if self._delimiter != "," else "commas"
                raise hinted(
                    InvalidArgumentError(
                        f"the values in `{self.name}` are separated by {name};"
                        f" {expected} are expected"
                    ),
                    self._way_to_commas(separator, decimal_commas="," in "".join(lines)),
                )

    def _way_to_commas(self, separator: str, *, decimal_commas: bool) -> str:
        if separator in "\t,":
            suffix = ".tsv" if separator == "\t" else ".csv"
            return f"call it {PurePosixPath(self.name).with_suffix(suffix).name}"
        # The comma of decimals, as in 1,5, becomes a point first.
        pair = (f",{separator}", ".,") if decimal_commas else (separator, ",")
        source = shlex.quote(self.name)
        return f"write it with commas: tr '{pair[0]}' '{pair[1]}' < {source} > commas.csv"

    def _told_types(self, block: bytes) -> pa.Schema:
        """Return the types that the first rows tell; that of a column without values is null."""
        options = arrow_csv.ConvertOptions(strings_can_be_null=True)
        with told(self.name, "CSV in UTF-8"):
            table = self._parse(self._without_header(block), options, skip_ragged=True)
        for field in table.schema:
            if pa.types.is_binary(field.type):
                raise InvalidArgumentError(
                    f"`{self.name}` is not CSV in UTF-8: see column `{field.name}`"
                )
        return table.schema

    def _without_header(self, block: bytes) -> bytes:
        return block[_end_of_lines(block, self._header_lines) :]

    def _parse(
        self,
        block: bytes,
        options: arrow_csv.ConvertOptions,
        *,
        skip_ragged: bool = False,
        threads: bool = False,
    ) -> pa.Table:
        handler: Any = (lambda _: "skip") if skip_ragged else None
        source: Any = pa.BufferReader(block)
        if not block.strip():
            empty = {name: pa.nulls(0) for name in self._names}
            return pa.table(empty)
        # Parts of a block are parsed at once where no line break can be in quotes.
        apart = threads and b'"' not in block
        return arrow_csv.read_csv(
            source,
            read_options=arrow_csv.ReadOptions(
                column_names=self._names,
                use_threads=threads,
                block_size=_HEAD_BYTES if apart else len(block) + 1,
            ),
            parse_options=arrow_csv.ParseOptions(
                delimiter=self._delimiter,
                invalid_row_handler=handler,
            ),
            convert_options=options,
        )

    def pieces(self, want: Want) -> Iterator[Piece]:
        """Yield what is wanted, in order; reads no further than the last row of the range."""
        _ = self.head
        if want.stop is not None and want.start >= want.stop:
            return
        row, line = 1, 1
        with told(self.name, "CSV", opened=True), self.file.stream() as stream:
            for block in _blocks(self.name, stream, self._block_bytes(want), self._delimiter):
                begin = _end_of_lines(block, self._header_lines + 1 - line)
                line += block.count(b"\n", 0, begin)
                rest = block[begin:]
                block_pieces, rows = self._understand(rest, want, row, line)
                for piece in block_pieces:
                    yield from _in_range(piece, want)
                row, line = row + rows, line + rest.count(b"\n")
                if want.stop is not None and row > want.stop:
                    return

    def _block_bytes(self, want: Want) -> int:
        if want.stop is None:
            return _BLOCK_BYTES
        # Numbers are rarely longer; a block too small only means another one.
        estimate = want.stop * len(self._names) * 24
        return max(_BLOCK_BYTES_LEAST, min(estimate, _BLOCK_BYTES))

    def _understand(self, block: bytes, want: Want, row: int, line: int) -> tuple[list[Piece], int]:
        """Return the pieces in `block`, and how many rows it has, bad ones among them."""
        options = arrow_csv.ConvertOptions(
            include_columns=want.schema.names,
            column_types=want.schema,
            strings_can_be_null=False,
        )
        try:
            table = self._parse(block, options, threads=want.threads)
        except (pa.ArrowInvalid, pa.ArrowKeyError):
            return self._look_again(block, want, row, line)
        rows = table.num_rows
        batch = _one_batch(table.select(want.schema.names), want.schema)
        lines = range(line, line + rows) if block.count(b"\n") in (rows, rows - 1) else None
        return [Piece(batch, range(row, row + rows), lines)], rows

    def _look_again(self, block: bytes, want: Want, row: int, line: int) -> tuple[list[Piece], int]:
        """Find the bad rows of `block`, in halves while these are large."""
        middle = (
            last_line_end(block, len(block) // 2, self._delimiter)
            if len(block) > _CAREFUL_BYTES
            else 0
        )
        if middle:
            first, rows = self._understand(block[:middle], want, row, line)
            line += block.count(b"\n", 0, middle)
            second, more = self._understand(block[middle:], want, row + rows, line)
            return first + second, rows + more
        text = _decoded(self.name, block, line)
        places = (self.name, row, line)
        return parse_rows(text, self._delimiter, self._names, want, places)


def _blocks(name: str, stream: Any, size: int, delimiter: str) -> Iterator[bytes]:
    """Yield the bytes of `stream`, in blocks of about `size` that end with a line."""
    held, begun = b"", False
    while True:
        block = stream.read(size)
        if not begun:
            _check_is_text(name, block)
            block, begun = block.removeprefix(b"\xef\xbb\xbf"), True
        if not block:
            if held.strip():
                yield held
            return
        held += block
        end = last_line_end(held, len(held), delimiter)
        if not end and len(held) > _LINE_BYTES_MAX:
            # No quoted cell is that long: somebody forgot to close one.
            end = held.rfind(b"\n") + 1
        if end:
            yield held[:end]
            held = held[end:]
        elif len(held) > _LINE_BYTES_MAX:
            raise InvalidArgumentError(
                f"`{name}` has a line of more than {_LINE_BYTES_MAX >> 20} MiB; is it CSV?"
            )


def _check_is_text(name: str, block: bytes) -> None:
    if block.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise hinted(
            InvalidArgumentError(f"`{name}` is not CSV in UTF-8, but UTF-16"),
            f"iconv -f UTF-16 -t UTF-8 < {shlex.quote(name)} > utf8.csv",
        )
    if b"\0" in block:
        raise InvalidArgumentError(f"`{name}` is not CSV in UTF-8: it has zero bytes")
    if b"\r" in block and b"\n" not in block[:_HEAD_BYTES]:
        raise hinted(
            InvalidArgumentError(f"the lines in `{name}` end in CR alone; LF is expected"),
            f"tr '\\r' '\\n' < {shlex.quote(name)} > lines.csv",
        )


def _end_of_lines(block: bytes, n_lines: int) -> int:
    """Return where the first `n_lines` lines of `block` end; its end where it has fewer."""
    at = 0
    for _ in range(n_lines):
        at = block.find(b"\n", at) + 1 or len(block)
    return at


def _decoded(name: str, block: bytes, line: int = 1) -> str:
    try:
        return block.decode("utf-8")
    except UnicodeDecodeError as error:
        line += block.count(b"\n", 0, error.start)
        raise InvalidArgumentError(
            f"`{name}` is not CSV in UTF-8: line {line} has the byte {block[error.start]:#04x}"
        ) from error


def _one_batch(table: pa.Table, schema: pa.Schema) -> pa.RecordBatch:
    batches = table.combine_chunks().to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema)


def _in_range(piece: Piece, want: Want) -> Iterator[Piece]:
    if not len(piece.rows):
        return
    first, stop = 0, len(piece.rows)
    # Rows are numbered from 1, ranges from 0; rows that were left out are counted too.
    while first < stop and piece.rows[first] <= want.start:
        first = first + 1 if not isinstance(piece.rows, range) else want.start - piece.rows[0] + 1
    if want.stop is not None:
        while stop > first and piece.rows[stop - 1] > want.stop:
            stop = stop - 1 if not isinstance(piece.rows, range) else want.stop - piece.rows[0] + 1
    if first < stop:
        yield from piece.slice(first, stop).split(want.batch_rows)
