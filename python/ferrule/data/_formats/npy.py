"""NumPy's own files: npy, and npz, which is a zip of them."""

import io
import math
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from tokenize import TokenError
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ferrule._hints import hinted
from ferrule._words import listed
from ferrule.data._faults import told
from ferrule.data._formats._part import Head, Part, Piece, Want, in_order
from ferrule.data._formats.memory import (
    array_pieces,
    check_numbers,
    check_shape,
    matrix_head,
)
from ferrule.data._locations import File
from ferrule.data._memory import check_fits
from ferrule.errors import DataLossError, InvalidArgumentError

_PREFIX = b"\x93NUMPY"
_HEADER_MAX = 1 << 16
# What NumPy's parser of headers raises for the worst of them.
_HEADER_ERRORS = (
    ValueError,
    EOFError,
    KeyError,
    TypeError,
    SyntaxError,
    RecursionError,
    TokenError,
)


class Npy(Part):
    """An npy file; local ones are mapped, of others only the rows wanted are fetched."""

    def __init__(self, file: File) -> None:
        self.name = file.name
        self.file: File = file

    def _read_head(self) -> Head:
        with self.file.open() as source:
            start = source.read(_HEADER_MAX)
        shape, _, dtype, offset = parse_header(self.name, start)
        check_shape(self.name, shape)
        check_numbers(self.name, dtype)
        held = (self.file.size or 0) - offset
        needed = math.prod(shape) * dtype.itemsize
        if self.file.size is not None and held < needed:
            raise InvalidArgumentError(
                f"`{self.name}` is not an npy file of plain numbers, whole and unpickled:"
                f" its {needed:,} bytes are cut to {held:,}"
            )
        return matrix_head(shape, dtype)

    def array(self) -> NDArray[Any]:
        """Return the array: a map of a local file, else what was fetched."""
        head = self.head
        with told(self.name, "an npy file", opened=True), self.file.open() as source:
            shape, fortran, dtype, offset = parse_header(self.name, source.read(_HEADER_MAX))
            if shape != (head.n_rows, len(head.schema)):
                raise DataLossError(f"`{self.name}` was written anew while it was being read")
            order: Any = "F" if fortran else "C"
            n_values = (head.n_rows or 0) * len(head.schema)
            if self.file.local and n_values:
                return np.memmap(self.file.path, dtype, "r", offset, shape, order)
            source.seek(offset)
            raw = source.read(n_values * dtype.itemsize)
            return np.frombuffer(raw, dtype).reshape(shape, order=order)

    def pieces(self, want: Want) -> Iterator[Piece]:
        """Yield what is wanted, in order."""
        yield from array_pieces(self.array(), want)


def parse_header(name: str, start: bytes) -> tuple[tuple[int, ...], bool, np.dtype[Any], int]:
    """Return shape, whether Fortran's order, dtype and where the numbers begin.

    Raises
    ------
    InvalidArgumentError
        Where `start` is not the beginning of an npy file of plain values.
    """
    if not start.startswith(_PREFIX):
        raise InvalidArgumentError(f"`{name}` is not an npy file")
    stream = io.BytesIO(start)
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0
            if version == (1, 0)
            else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(stream)
    except _HEADER_ERRORS as error:
        raise _not_plain(name) from error
    if dtype.hasobject:
        raise _not_plain(name)
    if any(size < 0 for size in shape) or math.prod(shape) * dtype.itemsize >= 1 << 62:
        raise _not_plain(name)
    return shape, fortran, dtype, stream.tell()


def _not_plain(name: str) -> InvalidArgumentError:
    return InvalidArgumentError(
        f"`{name}` is not an npy file of plain numbers, whole and unpickled"
    )


class Npz(Part):
    """A zip of npy files: one of two dimensions, or columns of one dimension and one length."""

    def __init__(self, file: File) -> None:
        self.name = file.name
        self.file: File = file

    def _read_head(self) -> Head:
        with told(self.name, "an npz file"), self.file.open() as source:
            try:
                with zipfile.ZipFile(source) as archive:
                    self._members = {
                        info.filename.removesuffix(".npy"): _Member.of(self.name, archive, info)
                        for info in archive.infolist()
                        if info.filename.endswith(".npy")
                    }
            except (zipfile.BadZipFile, zlib.error) as error:
                raise _damaged_zip(self.name, error) from error
            except (NotImplementedError, RuntimeError) as error:
                raise InvalidArgumentError(f"`{self.name}` is not an npz file: {error}") from error
        return self._head_of(self._members)

    def _head_of(self, members: "dict[str, _Member]") -> Head:
        shapes = {member.shape for member in members.values()}
        if len(members) == 1:
            (member,) = members.values()
            if len(member.shape) == 2:
                check_shape(self.name, member.shape)
                return matrix_head(member.shape, member.dtype)
        if len(shapes) == 1 and len(next(iter(shapes))) == 1:
            kinds = [(n, pa.from_numpy_dtype(member.dtype)) for n, member in members.items()]
            return Head(pa.schema(kinds), next(iter(shapes))[0])
        held = [f"{name}{list(member.shape)}" for name, member in members.items()]
        raise hinted(
            InvalidArgumentError(
                f"`{self.name}` holds {listed(held) or 'no arrays'}; one matrix is expected,"
                " or columns of one length"
            ),
            "save the one that is meant alone: numpy.save",
        )

    def pieces(self, want: Want) -> Iterator[Piece]:
        """Yield what is wanted, in order."""
        matrix = not self.head.named
        with (
            told(self.name, "an npz file", opened=True),
            self.file.open() as source,
            zipfile.ZipFile(source) as archive,
        ):
            try:
                if matrix:
                    (member,) = self._members.values()
                    yield from array_pieces(member.load(self.name, archive), want)
                else:
                    loaded = [
                        pa.array(self._members[name].load(self.name, archive))
                        for name in want.schema.names
                    ]
                    batch = pa.record_batch(loaded, schema=want.schema)
                    yield from in_order(iter([batch]), want)
            except (zipfile.BadZipFile, zlib.error) as error:
                raise _damaged_zip(self.name, error) from error


def _damaged_zip(name: str, error: Exception) -> DataLossError | InvalidArgumentError:
    if "CRC" in str(error) or isinstance(error, zlib.error):
        return DataLossError(f"`{name}` is damaged: {error}")
    return InvalidArgumentError(f"`{name}` is not an npz file: {error}")


@dataclass(frozen=True, slots=True)
class _Member:
    """One array of an npz file."""

    filename: str
    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int

    @classmethod
    def of(cls, name: str, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> "_Member":
        """Look at the header of a member, and hold it to the size that the zip tells."""
        shown = f"{name}:{info.filename}"
        with archive.open(info) as file:
            shape, fortran, dtype, offset = parse_header(shown, file.read(_HEADER_MAX))
        check_numbers(shown, dtype)
        needed = offset + math.prod(shape) * dtype.itemsize
        if info.file_size != needed:
            raise InvalidArgumentError(
                f"`{shown}` tells of {needed:,} bytes; the zip holds {info.file_size:,}"
            )
        return cls(info.filename, shape, fortran, dtype, offset)

    def load(self, name: str, archive: zipfile.ZipFile) -> NDArray[Any]:
        """Unpack the array, where there is the memory for it."""
        size = math.prod(self.shape) * self.dtype.itemsize
        check_fits(
            size, f"`{name}:{self.filename}`", "save it as Parquet, of which parts can be read"
        )
        with archive.open(self.filename) as file:
            file.read(self.offset)
            raw = file.read(size)
        order: Any = "F" if self.fortran else "C"
        return np.frombuffer(raw, self.dtype).reshape(self.shape, order=order)
