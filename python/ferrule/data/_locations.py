"""From a path, a URI, a glob or a folder to files on a file system."""

import glob
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pyarrow as pa
from pyarrow import fs

from ferrule._hints import hinted
from ferrule._words import nearest
from ferrule.data._endings import compression_of, kind_of
from ferrule.data._faults import told
from ferrule.data._remote import connect, shown
from ferrule.errors import InvalidArgumentError, NotFoundError

_SCHEME = re.compile(r"^([a-z][a-z0-9+.-]+)://", re.IGNORECASE)
_MAGIC = re.compile(r"[*?\[]")
_LOCAL = fs.LocalFileSystem()
# Web servers have no list of their files.
_UNLISTED = {"http", "https"}


@dataclass(frozen=True, slots=True)
class File:
    """A file that can be read.

    Attributes
    ----------
    name : str
        The path or URI, as its user wrote it, for messages.
    filesystem : pyarrow.fs.FileSystem
        Where it is.
    path : str
        Where it is there.
    size : int or None
        Bytes; None where its server does not tell.
    ranged : bool
        Whether parts of it can be read.
    """

    name: str
    filesystem: Any
    path: str
    size: int | None
    ranged: bool = True

    @property
    def local(self) -> bool:
        """Whether it can be mapped into memory."""
        return self.filesystem is _LOCAL

    @contextmanager
    def open(self, *, mapped: bool = False) -> Iterator[Any]:
        """Open it for reading anywhere; `mapped` where it is local."""
        with told(self.name):
            source: Any
            if self.local and mapped:
                source = pa.memory_map(self.path)
            elif self.ranged:
                source = self.filesystem.open_input_file(self.path)
            else:
                with self.filesystem.open_input_stream(self.path) as stream:
                    source = pa.BufferReader(stream.read_buffer())
        with source:
            yield source

    @contextmanager
    def stream(self) -> Iterator[Any]:
        """Open it for reading from its beginning, decompressed where its ending asks for that."""
        with told(self.name):
            # A stream decompresses as it goes; the default would guess by the path of the system.
            source = self.filesystem.open_input_stream(
                self.path, compression=compression_of(self.path)
            )
        with source:
            yield source


def find(what: str | os.PathLike[str]) -> list[File]:
    """Return the files that `what` names, in the order of their names.

    Parameters
    ----------
    what : str or path
        A path or URI of a file, of a folder, whose files of data are taken, or a glob:
        ``*`` and ``?`` stand for characters but ``/``, ``**`` for folders too. In URIs ``?``
        begins the query.

    Raises
    ------
    NotFoundError
        Where there is no such file, no file matches, or none in the folder is data.
    InvalidArgumentError
        For an unknown scheme, or a glob where files cannot be listed.
    UnavailableError, PermissionDeniedError
        Where a remote place does not answer, or does not let us.
    """
    text = os.fspath(what)
    scheme = _SCHEME.match(text)
    if scheme is None:
        return _find_local(os.path.expanduser(text))  # noqa: PTH111 -- Path() would eat "./"
    if scheme[1].lower() == "file":
        return _find_local(unquote(text[len("file://") :]))
    return _find_remote(text, scheme[1].lower())


def _find_local(text: str) -> list[File]:
    path = Path(text)
    with told(text):
        if path.is_dir():
            return [local_file(name) for name in _data_in(path)]
        if path.exists():
            return [local_file(text)]
        if _MAGIC.search(text):
            names = sorted(filter(os.path.isfile, glob.glob(text, recursive=True)))  # noqa: PTH207
            if not names:
                raise NotFoundError(f"no file matches `{text}`")
            return [local_file(name) for name in names]
    raise _no_file(path)


def local_file(name: str) -> File:
    """Return the file at the local path `name`."""
    with told(name):
        return File(name, _LOCAL, str(Path(name).absolute()), Path(name).stat().st_size)


def _data_in(folder: Path) -> list[str]:
    names = sorted(
        str(path)
        for path in folder.rglob("*")
        if kind_of(path.name) and path.is_file() and not _is_hidden(path.relative_to(folder).parts)
    )
    if not names:
        raise NotFoundError(f"`{folder}` is a folder without files of data")
    return names


def _is_hidden(parts: tuple[str, ...]) -> bool:
    return any(part.startswith((".", "_")) for part in parts)


def _no_file(path: Path) -> NotFoundError:
    try:
        near = nearest(path.name, [entry.name for entry in path.parent.iterdir()])
    except OSError:
        return NotFoundError(f"there is no folder `{path.parent}`")
    advice = f"did you mean `{path.parent / near}`?" if near else None
    return hinted(NotFoundError(f"there is no file `{path}`"), advice)


def _find_remote(uri: str, scheme: str) -> list[File]:
    name = shown(uri)
    if scheme in _UNLISTED and "*" in uri:
        raise hinted(
            InvalidArgumentError(f"`{name}`: files over {scheme} cannot be listed"),
            "give the address of each file",
        )
    place = connect(uri, scheme)
    lists = scheme not in _UNLISTED
    pattern = re.search(r"[*\[]", place.path) if lists else None
    with told(name):
        if pattern:
            return _matching(name, place, place.path[: pattern.start()].rpartition("/")[0])
        info = place.filesystem.get_file_info(place.path.rstrip("/"))
        if info.type == fs.FileType.NotFound:
            raise NotFoundError(f"there is no `{name}`")
        if info.type == fs.FileType.Directory and lists:
            return _under(name, place)
        return [File(name, place.filesystem, place.path, info.size, place.ranged)]


def _matching(name: str, place: Any, folder: str) -> list[File]:
    wanted = re.compile(_regex_of(place.path))
    found = [info for info in _listing(place, folder) if wanted.fullmatch(info.path)]
    if not found:
        raise NotFoundError(f"no file matches `{name}`")
    return _as_files(place, found)


def _under(name: str, place: Any) -> list[File]:
    skip = len(place.path.rstrip("/")) + 1
    found = [
        info
        for info in _listing(place, place.path)
        if kind_of(info.base_name) and not _is_hidden(tuple(info.path[skip:].split("/")))
    ]
    if not found:
        raise NotFoundError(f"`{name}` is a folder without files of data")
    return _as_files(place, found)


def _listing(place: Any, folder: str) -> list[fs.FileInfo]:
    selector = fs.FileSelector(folder, allow_not_found=False, recursive=True)
    return [info for info in place.filesystem.get_file_info(selector) if info.is_file]


def _as_files(place: Any, found: list[fs.FileInfo]) -> list[File]:
    return [
        File(place.prefix + info.path.lstrip("/"), place.filesystem, info.path, info.size)
        for info in sorted(found, key=lambda info: info.path)
    ]


def _regex_of(pattern: str) -> str:
    """Return the regular expression of a glob over whole paths."""
    parts = re.split(r"(\*\*/|\*\*|\*|\[[^\]]+\])", pattern)
    words = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*"}
    return "".join(
        words.get(part) or (part.replace("[!", "[^") if part[:1] == "[" else re.escape(part))
        for part in parts
    )
