"""Arrow's IPC format: files, streams, Feather."""

from collections.abc import Iterator
from typing import Any

import pyarrow as pa

from ferrule.data._faults import told
from ferrule.data._formats._part import Head, Part, Piece, Want, as_wanted, checked, in_order
from ferrule.data._formats._types import usual_batch, usual_schema
from ferrule.data._locations import File

_MAGIC = b"ARROW1"
_FEATHER_1 = b"FEA1"


class Arrow(Part):
    """An Arrow file or stream; local ones that are not compressed are read where they lie."""

    def __init__(self, file: File) -> None:
        self.name = file.name
        self.file: File = file

    def _read_head(self) -> Head:
        with told(self.name, "Arrow"), self.file.open(mapped=True) as source:
            reader = _reader(source)
            self._places = {name: at for at, name in enumerate(reader.schema.names)}
            counts = isinstance(reader, pa.ipc.RecordBatchFileReader)
            n_rows = reader.count_rows() if counts else None
            return Head(usual_schema(reader.schema), n_rows)

    def pieces(self, want: Want) -> Iterator[Piece]:
        """Yield what is wanted, in order."""
        _ = self.head
        options = pa.ipc.IpcReadOptions(
            included_fields=sorted(self._places[name] for name in want.schema.names),
            use_threads=want.threads,
        )
        with (
            told(self.name, "Arrow", opened=True),
            self.file.open(mapped=True) as source,
        ):
            batches = _batches(_reader(source, options))
            yield from in_order(
                (usual_batch(as_wanted(checked(one), want)) for one in batches), want
            )


def _reader(source: Any, options: pa.ipc.IpcReadOptions | None = None) -> Any:
    """Open an IPC file, or an IPC stream; they differ in their first bytes."""
    magic = source.read(len(_MAGIC))
    source.seek(0)
    if magic.startswith(_FEATHER_1):
        raise ValueError("it is Feather V1, of before 2020: write it again with a newer pyarrow")
    if magic == _MAGIC:
        return pa.ipc.open_file(source, options=options)
    return pa.ipc.open_stream(source, options=options)


def _batches(reader: Any) -> Iterator[pa.RecordBatch]:
    if isinstance(reader, pa.ipc.RecordBatchFileReader):
        return (reader.get_batch(index) for index in range(reader.num_record_batches))
    return iter(reader)
