"""LibSVM's text, also called svmlight: `label index:value …`, made dense."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ferrule._hints import hinted
from ferrule._words import short
from ferrule.data._bad_rows import BadRow, BadRows
from ferrule.data._faults import told
from ferrule.data._formats._part import Head, Part, Piece, Want
from ferrule.data._locations import File
from ferrule.errors import InvalidArgumentError

LABEL = "label"
FEATURES_MAX = 1 << 16
_BATCH_VALUES = 1 << 22


class Libsvm(Part):
    """A LibSVM file: `label`, then a column for each index from the lowest (0 or 1) to the highest.

    All of it is read once to learn its columns; those beyond them, which other files may have, are
    zero.
    """

    sparse = True

    def __init__(self, file: File) -> None:
        self.name = file.name
        self.file: File = file

    def _read_head(self) -> Head:
        lowest, highest, n_rows = 1, 0, 0
        for _, indices, _ in self._lines(BadRows("skip")):
            n_rows += 1
            if indices:
                lowest, highest = min(lowest, indices[0]), max(highest, indices[-1])
        if n_rows == 0:
            for _ in self._lines(BadRows()):
                pass
            raise InvalidArgumentError(f"`{self.name}` has no rows")
        if highest >= FEATURES_MAX:
            raise hinted(
                InvalidArgumentError(
                    f"`{self.name}` has features up to {highest:,}; as a table of columns at most"
                    f" {FEATURES_MAX:,} are read"
                ),
                "read it as a sparse matrix: sklearn.datasets.load_svmlight_file",
            )
        self._lowest = lowest
        names = [LABEL, *(str(index) for index in range(lowest, highest + 1))]
        return Head(pa.schema([(name, pa.float64()) for name in names]), None)

    def field(self, name: str) -> "pa.Field[Any] | None":
        """Return the column called `name`; None for what is no index."""
        index = name.isdecimal() and name.isascii() and str(int(name[:9])) == name
        return pa.field(name, pa.float64()) if index else super().field(name)

    def pieces(self, want: Want) -> Iterator[Piece]:
        """Yield what is wanted, in order."""
        width = len(self.head.schema)
        most = max(1, min(want.batch_rows, _BATCH_VALUES // width))
        chosen = [self.head.schema.get_field_index(name) for name in want.schema.names]
        dense = np.zeros((most, width))
        places: list[tuple[int, int]] = []
        for place, indices, values in self._lines(want.bad):
            if place[0] <= want.start:
                continue
            if want.stop is not None and place[0] > want.stop:
                break
            dense[len(places), 0] = values[0]
            dense[len(places), np.asarray(indices, np.intp) - self._lowest + 1] = values[1:]
            places.append(place)
            if len(places) == most:
                yield _piece(dense, places, chosen, want)
                places = []
                dense[:] = 0
        if places:
            yield _piece(dense, places, chosen, want)

    def _lines(self, bad: BadRows) -> Iterator[tuple[tuple[int, int], list[int], list[float]]]:
        """Yield (row, line), the indices and, after the label, their values, of each line."""
        row = 0
        with told(self.name, "LibSVM", opened=True), self.file.stream() as stream:
            for number, line in enumerate(_text_lines(self.name, stream), 1):
                words = line.partition("#")[0].split()
                if not words:
                    continue
                row += 1
                try:
                    indices, values = _parse(words)
                except ValueError as error:
                    bad.meet(BadRow(self.name, row, number, None, f"is not LibSVM: {error}"))
                    continue
                yield (row, number), indices, values


def _text_lines(name: str, stream: Any) -> Iterator[str]:
    held = b""
    while block := stream.read(1 << 22):
        lines = (held + block).split(b"\n")
        held = lines.pop()
        for line in lines:
            yield _ascii(name, line)
    if held:
        yield _ascii(name, held)


def _ascii(name: str, line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError as error:
        raise InvalidArgumentError(f"`{name}` is not LibSVM: it is not text") from error


def _parse(words: list[str]) -> tuple[list[int], list[float]]:
    indices: list[int] = []
    values = [_float(words[0])]
    for word in words[1:]:
        index, colon, value = word.partition(":")
        if index == "qid":
            continue
        if not colon or not index.isdecimal():
            raise ValueError(f"`{short(word)}` where index:value is expected")
        if indices and int(index) <= indices[-1]:
            raise ValueError(f"index {index[:20]} comes after {indices[-1]}; they are to rise")
        indices.append(int(index))
        values.append(_float(value))
    return indices, values


def _float(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"`{short(text)}` where a number is expected") from None


def _piece(
    dense: NDArray[np.float64], places: list[tuple[int, int]], chosen: list[int], want: Want
) -> Piece:
    zeros = np.zeros(len(places))
    columns = [
        pa.array(zeros if index < 0 else dense[: len(places), index].copy()) for index in chosen
    ]
    rows, lines = zip(*places, strict=True)
    return Piece(pa.record_batch(columns, schema=want.schema), rows, lines)
