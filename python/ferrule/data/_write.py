"""Tables into files: Parquet, CSV, Arrow and npy, whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import pyarrow as pa

from ferrule._hints import hinted
from ferrule.data._durable import replacing
from ferrule.data._faults import told
from ferrule.data._remote import connect, shown
from ferrule.data._source import Source
from ferrule.data._writers import Writer, writer_of
from ferrule.errors import InvalidArgumentError

_COPIED_AT_ONCE = 1 << 23
_NOT_WRITTEN = {"http", "https"}


@contextmanager
def writing(
    to: str, schema: pa.Schema, *, named: bool = True, compression: str | None = None
) -> Iterator[Writer]:
    """Yield what writes record batches to `to`, which appears once all of it is there.

    A local file is written beside its place, synced and renamed. For another place all is made
    in a temporary file first, then sent: object stores show whole objects only, and on HDFS it is
    sent under another name and renamed.

    Parameters
    ----------
    to : str
        A path or a URI; its ending tells the format.
    schema : pyarrow.Schema
        Of the batches.
    named : bool
        Whether the columns have names to write.
    compression : str, optional
        Codec, by pyarrow's name; else the format's own.

    Raises
    ------
    InvalidArgumentError
        For an ending that no writer has, a codec that the format does not know, and types that it
        cannot hold.
    StorageError
        Where the disk is full.
    NotFoundError, PermissionDeniedError, UnavailableError
        Where the place is not there, not ours, or does not answer.
    """
    make = writer_of(to)
    if "://" in to and not to.startswith("file://"):
        with (
            _sent(to) as local,
            writing(local, schema, named=named, compression=compression) as out,
        ):
            yield out
        return
    path = Path(unquote(to[7:]) if to.startswith("file://") else to).expanduser()
    with replacing(path) as file, told(str(path)):
        writer = make(file, schema, name=str(path), named=named, compression=compression)
        try:
            yield writer
        except BaseException:
            # The file is thrown away; what its writer says to that is of no interest.
            with suppress(Exception):
                writer.close()
            raise
        writer.close()


@contextmanager
def _sent(uri: str) -> Iterator[str]:
    """Yield the path of a temporary file, which is sent to `uri` at the end."""
    scheme = urlsplit(uri).scheme.lower()
    name = shown(uri)
    if scheme in _NOT_WRITTEN:
        raise InvalidArgumentError(f"`{name}`: nothing can be written over {scheme}")
    place = connect(uri, scheme)
    ending_of = "".join(Path(urlsplit(uri).path).suffixes[-2:])
    with tempfile.TemporaryDirectory(prefix="ferrule-") as folder:
        path = str(Path(folder) / f"table{ending_of}")
        yield path
        with told(name):
            _send(Path(path), place)


def _send(path: Path, place: Any) -> None:
    if not place.renames:
        _copy(path, place.filesystem, place.path)
        return
    folder, _, name = place.path.rpartition("/")
    temporary = f"{folder}/.{name}-{os.urandom(4).hex()}.tmp"
    try:
        _copy(path, place.filesystem, temporary)
        with suppress(FileNotFoundError):
            # HDFS renames over nothing.
            place.filesystem.delete_file(place.path)
        place.filesystem.move(temporary, place.path)
    except BaseException:
        with suppress(Exception):
            place.filesystem.delete_file(temporary)
        raise


def _copy(path: Path, filesystem: Any, to: str) -> None:
    with path.open("rb") as file, filesystem.open_output_stream(to) as out:
        while block := file.read(_COPIED_AT_ONCE):
            out.write(block)


def inside(folder: str, name: str) -> str:
    """Return where `name` is in `folder`; the query of a URI stays behind it."""
    path, mark, query = folder.partition("?") if "://" in folder else (folder, "", "")
    return f"{path.rstrip('/')}/{name}{mark}{query}"


def refuse_own_input(source: Source, output: str | Path, instead: str = "new") -> None:
    """Refuse to write over a file that is being read; its name with `instead` is proposed.

    Raises
    ------
    InvalidArgumentError
        Where `output` is one of the files of `source`.
    """
    for part in source.parts:
        if part.file is None:
            continue
        if part.file.local:
            same = Path(output).exists() and Path(output).samefile(part.file.path)
        else:
            same = shown(str(output)) == part.file.name
        if same:
            path = Path(output)
            raise hinted(
                InvalidArgumentError(f"`{output}` is the file being read"),
                f"write elsewhere: {path.stem}-{instead}{path.suffix}",
            )
