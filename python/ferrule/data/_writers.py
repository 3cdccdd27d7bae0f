"""What writes each format, batch by batch."""

import io
from collections.abc import Callable
from typing import Any, BinaryIO, Protocol

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray
from pyarrow import csv as arrow_csv

from ferrule._hints import hinted
from ferrule.data._endings import compression_of, data_ending, ending, kind_of
from ferrule.data._formats._part import row_bytes
from ferrule.errors import InvalidArgumentError

_BUFFER_BYTES = 1 << 20
_GROUP_BYTES = 1 << 23
# From this many columns on, few rows are what is large; a group of them is what a read fetches.
_WIDE = 256
_WIDE_GROUP_BYTES = 1 << 20
_GROUP_ROWS = (128, 1 << 20)
_PAGE_BYTES = 1 << 16
_SAMPLE_ROWS = 1024
_DENSE = 0.9


class Writer(Protocol):
    """Writes record batches of one schema to a file."""

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the rows of `batch` after those before."""

    def close(self) -> None:
        """Write what is left to be written; nothing more where that is done."""


class ParquetWriter:
    """Parquet from which few rows or columns can be read at little cost.

    Row groups hold about 8 MiB, or 1 MiB of tables of 256 columns and more, and at least 128 rows;
    pages about 64 KiB, with a page index. Only text has dictionaries, which numbers seldom gain
    from. Where no codec is asked for, numbers whose first rows Snappy makes hardly smaller are not
    compressed: to undo it costs more than to read them.
    """

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, *, name: str, named: bool, compression: str | None
    ) -> None:
        del name, named
        self._schema = schema
        self._sink = buffered(file)
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0
        self._group_rows = group_rows(schema)
        self._compression = compression
        self._begun: pq.ParquetWriter | None = None

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the rows of `batch`, in whole row groups."""
        self._waiting.append(batch)
        self._rows += batch.num_rows
        if self._rows >= self._group_rows:
            self._flush(self._rows - self._rows % self._group_rows)

    def _flush(self, n_rows: int) -> None:
        table = pa.Table.from_batches(self._waiting, self._schema)
        out = self._writer(table)
        out.write_table(table.slice(0, n_rows), row_group_size=self._group_rows)
        self._waiting = table.slice(n_rows).to_batches()
        self._rows -= n_rows

    def _writer(self, first: pa.Table) -> pq.ParquetWriter:
        """Return what writes the file; what it compresses depends on the `first` rows."""
        if self._begun is None:
            options: dict[str, Any] = {
                "compression": self._compression or _codecs(first),
                "use_dictionary": [field.name for field in first.schema if _is_text(field.type)],
            }
            self._begun = pq.ParquetWriter(
                self._sink,
                self._schema,
                **options,
                write_page_index=True,
                data_page_size=_PAGE_BYTES,
            )
        return self._begun

    def close(self) -> None:
        """Write the last rows, the page index and the footer."""
        out = self._writer(pa.Table.from_batches(self._waiting, self._schema))
        try:
            if self._rows:
                self._flush(self._rows)
        finally:
            out.close()
        self._sink.flush()


def _codecs(first: pa.Table) -> str | dict[str, str]:
    """Return the codec of all columns, or of each."""
    if any(pa.types.is_nested(kind) for kind in first.schema.types):
        return "snappy"
    return {
        field.name: "none" if _is_dense(column) else "snappy"
        for field, column in zip(first.schema, first.columns, strict=True)
    }


def _is_dense(column: Any) -> bool:
    """Tell whether Snappy makes the first of these numbers hardly smaller."""
    numeric = pa.types.is_integer(column.type) or pa.types.is_floating(column.type)
    if not (numeric and column.num_chunks):
        return False
    values = column.chunk(0).slice(0, _SAMPLE_ROWS)
    raw = values.to_numpy(zero_copy_only=False).tobytes()
    return len(pa.compress(raw, codec="snappy", asbytes=True)) > _DENSE * len(raw)


def group_rows(schema: pa.Schema) -> int:
    """Return how many rows of `schema` make a row group."""
    width = sum(map(row_bytes, schema.types))
    least, most = _GROUP_ROWS
    size = _WIDE_GROUP_BYTES if len(schema) >= _WIDE else _GROUP_BYTES
    return min(max(size // max(width, 1), least), most)


def _is_text(kind: pa.DataType) -> bool:
    return not pa.types.is_primitive(kind) and not pa.types.is_decimal(kind)


class CsvWriter:
    """CSV, or with tabs; columns without names have no header."""

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, *, name: str, named: bool, compression: str | None
    ) -> None:
        _refuse_unwritable(name, schema)
        self._schema = pa.schema([(one.name, _decoded_type(one.type)) for one in schema])
        self._sink = buffered(file)
        # Temporary files end otherwise: the name is that of the destination.
        codec: Any = compression_of(name) or compression
        self._out: Any = pa.CompressedOutputStream(self._sink, codec) if codec else self._sink
        options = arrow_csv.WriteOptions(
            include_header=named, delimiter="\t" if data_ending(name) == ".tsv" else ","
        )
        out: Any = self._out
        self._writer = arrow_csv.CSVWriter(out, self._schema, write_options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the rows of `batch`."""
        columns = [
            column.cast(one.type) if column.type != one.type else column
            for column, one in zip(batch.columns, self._schema, strict=True)
        ]
        if len(columns) == 1 and columns[0].null_count:
            # An empty line is no row: the missing value of an only column is written as "".
            self._out.write(_quoted(columns[0]))
            return
        self._writer.write(pa.record_batch(columns, schema=self._schema))

    def close(self) -> None:
        """Write what is held back."""
        self._writer.close()
        if self._out is not self._sink:
            self._out.close()
        else:
            self._sink.flush()


def _refuse_unwritable(name: str, schema: pa.Schema) -> None:
    for one in schema:
        kind = _decoded_type(one.type)
        if pa.types.is_nested(kind) or pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
            raise hinted(
                InvalidArgumentError(f"`{name}`: CSV cannot hold column `{one.name}`, of {kind}"),
                "write Parquet or Arrow, or choose other columns",
            )


def _decoded_type(kind: pa.DataType) -> pa.DataType:
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _quoted(column: Any) -> bytes:
    """Return the values one a line, in quotes."""
    texts = column.cast(pa.string()).fill_null("").to_pylist()
    return "".join('"{}"\n'.format(text.replace('"', '""')) for text in texts).encode()


class ArrowWriter:
    """An Arrow IPC file."""

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, *, name: str, named: bool, compression: str | None
    ) -> None:
        del name, named
        self._sink = buffered(file)
        codec: Any = compression
        options = pa.ipc.IpcWriteOptions(compression=codec)
        self._writer = pa.ipc.new_file(self._sink, schema, options=options)

    def write(self, batch: pa.RecordBatch) -> None:
        """Write `batch` as one."""
        self._writer.write_batch(batch)

    def close(self) -> None:
        """Write the footer."""
        self._writer.close()
        self._sink.flush()


class NpyWriter:
    """An npy file; takes columns of one type of float, and no missing value."""

    def __init__(
        self, file: BinaryIO, schema: pa.Schema, *, name: str, named: bool, compression: str | None
    ) -> None:
        del named
        if compression:
            raise InvalidArgumentError(f"`{name}`: npy files are not compressed")
        self._file = file
        self._dtype = np.dtype(schema.types[0].to_pandas_dtype())
        self._shape = (0, len(schema))
        self._begin = self._write_header()

    def _write_header(self) -> int:
        header = {
            "descr": np.lib.format.dtype_to_descr(self._dtype),
            "fortran_order": False,
            "shape": self._shape,
        }
        self._file.seek(0)
        np.lib.format.write_array_header_1_0(self._file, header)
        return self._file.tell()

    def write(self, batch: pa.RecordBatch) -> None:
        """Write the rows of `batch`."""
        matrix: NDArray[Any] = np.empty((batch.num_rows, batch.num_columns), self._dtype)
        for position, column in enumerate(batch.columns):
            matrix[:, position] = column.to_numpy()
        _Whole(self._file).write(matrix)
        self._shape = (self._shape[0] + batch.num_rows, self._shape[1])

    def close(self) -> None:
        """Write the header again, with the number of rows."""
        end = self._write_header()
        # NumPy leaves room in its headers for a first dimension that grows.
        assert end == self._begin  # noqa: S101


class _Whole(io.RawIOBase):
    """Writes all of what it is given to a file, which it leaves open.

    After a failure it takes what comes and drops it: streams above it flush once more when they
    are destroyed, which nobody can catch.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._lost = False

    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        left = memoryview(data).cast("B")
        size = len(left)
        if self._lost or self._file.closed:
            return size
        try:
            while left:
                left = left[self._file.write(left) :]
        except OSError:
            self._lost = True
            raise
        return size


def buffered(file: BinaryIO) -> Any:
    """Return a sink of pyarrow's, to be flushed, before a file without a buffer."""
    return pa.BufferedOutputStream(pa.PythonFile(_Whole(file), mode="w"), _BUFFER_BYTES)


WRITERS: dict[str, Callable[..., Writer]] = {
    "parquet": ParquetWriter,
    "csv": CsvWriter,
    "arrow": ArrowWriter,
    "npy": NpyWriter,
}
WRITTEN_ENDINGS = (".parquet", ".csv", ".tsv", ".arrow", ".feather", ".npy")


def writer_of(to: str) -> Callable[..., Writer]:
    """Return what writes the format that the ending of `to` tells.

    Raises
    ------
    InvalidArgumentError
        For another ending.
    """
    kind = kind_of(to)
    if kind not in WRITERS:
        raise hinted(
            InvalidArgumentError(f"`{to}` {ending(to)}, which is no kind of data that is written"),
            f"the kinds that are written are {', '.join(WRITTEN_ENDINGS)}",
        )
    return WRITERS[kind]
