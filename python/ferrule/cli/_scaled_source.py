"""A source whose matrices are scaled as they are read."""

from collections.abc import Iterator
from typing import Any

from ferrule.artifact import Scaler
from ferrule.data import Source
from ferrule.data._formats._part import BATCH_ROWS
from ferrule.data._numeric import Matrix


class ScaledSource(Source):
    """The rows of another source, each scaled."""

    def __init__(self, source: Source, scaler: Scaler) -> None:
        self.__dict__ |= source.__dict__
        self._scaler = scaler

    def matrices(self, rows: int = BATCH_ROWS, dtype: Any = None) -> Iterator[Matrix]:
        """Yield the rows in order, scaled."""
        for block in super().matrices(rows, dtype):
            yield self._scaler.transform(block)
