"""Parquet."""

from collections.abc import Iterator

import pyarrow.parquet as pq

from ferrule.data._faults import told
from ferrule.data._formats._part import Head, Part, Piece, Want, as_wanted, checked, in_order
from ferrule.data._formats._types import usual_batch, usual_schema
from ferrule.data._locations import File


class Parquet(Part):
    """A Parquet file: only the columns and the row groups that are wanted are read."""

    def __init__(self, file: File) -> None:
        self.name = file.name
        self.file: File = file

    def _read_head(self) -> Head:
        with (
            told(self.name, "Parquet"),
            self.file.open() as source,
            pq.ParquetFile(source) as file,
        ):
            self._group_rows = [
                file.metadata.row_group(index).num_rows
                for index in range(file.metadata.num_row_groups)
            ]
            self._metadata = file.metadata
            return Head(usual_schema(file.schema_arrow), file.metadata.num_rows)

    def pieces(self, want: Want) -> Iterator[Piece]:
        """Yield what is wanted, in order."""
        wanted = want.size(self.head.n_rows or 0)
        groups, first = self._groups(wanted)
        if not groups:
            return
        with (
            told(self.name, "Parquet", opened=True),
            self.file.open() as source,
            # Columns far apart are fetched at once, which pays over a network only.
            pq.ParquetFile(source, metadata=self._metadata, pre_buffer=not self.file.local) as file,
        ):
            batches = file.iter_batches(
                # A range that ends early is decoded no further than its end.
                batch_size=max(1, min(want.batch_rows, wanted.stop - first)),
                row_groups=groups,
                columns=want.schema.names,
                use_threads=want.threads,
            )
            yield from in_order(
                (usual_batch(checked(as_wanted(batch, want))) for batch in batches), want, first
            )

    def _groups(self, wanted: range) -> tuple[list[int], int]:
        """Return the row groups with wanted rows, and the number of the first row in them."""
        groups: list[int] = []
        first = begin = 0
        for index, rows in enumerate(self._group_rows):
            end = begin + rows
            if begin < wanted.stop and end > wanted.start and len(wanted):
                if not groups:
                    first = begin
                groups.append(index)
            begin = end
        return groups, first
