"""Cubes into a folder of files, chunk by chunk, so that a run goes on where it stopped.

A chunk is written beside its place and renamed to it once it is on the disk, so a chunk that is
there is whole; and all who write it write the same bytes, so it does not matter who did.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from ferrule._hints import hinted
from ferrule.data import _parts
from ferrule.data._cube_identity import check_same, identity
from ferrule.data._cube_progress import Progress
from ferrule.data._cubes import Cubes
from ferrule.data._durable import replacing, write_all
from ferrule.errors import (
    AlreadyExistsError,
    DataLossError,
    InvalidArgumentError,
    NotFoundError,
    StorageError,
)

_MANIFEST = "cubes.json"
_FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenCubes:
    """What came of `Cubes.write`."""

    path: Path
    start: int
    stop: int
    """The cubes `start` to `stop` of the whole stream are there now."""
    made: int
    """Cubes made by this run; the others were there already."""
    total: int
    missing: int
    """Cubes of the whole stream that nobody has written yet."""


def write(
    cubes: Cubes, folder: Path, form: str, *, resume: bool, progress: Progress
) -> WrittenCubes:
    """Write `cubes`, which has a total, into `folder`; see `Cubes.write`."""
    sink = _sink(form)
    total = cubes.total or 0
    chunk = _parts.chunk_cubes(total, cubes.nbytes)
    start, stop = cubes.start, cubes.start + len(cubes)
    _prepare(cubes, folder, sink, chunk, resume=resume)
    wanted = list(_chunks(start, stop, chunk))
    missing = [
        (first, count)
        for first, count in wanted
        if not (folder / sink.path(first // chunk, first)).exists()
    ]
    done = stop - start - sum(count for _, count in missing)
    progress(done, stop - start)
    for first, batch in cubes.batches_of(missing, chunk):
        _write_chunk(folder / sink.path(first // chunk, first), sink, batch, first, chunk)
        done += len(batch)
        progress(done, stop - start)
    there = sum(
        count
        for first, count in _chunks(0, total, chunk)
        if (folder / sink.path(first // chunk, first)).exists()
    )
    return WrittenCubes(
        path=folder,
        start=start,
        stop=stop,
        made=sum(count for _, count in missing),
        total=total,
        missing=total - there,
    )


def _sink(form: str) -> ModuleType:
    if form == "npy":
        from ferrule.data._sinks import npy

        return npy
    if form == "zarr":
        from ferrule.data._sinks import zarr

        return zarr
    if form == "parquet":
        from ferrule.data._sinks import parquet

        return parquet
    raise InvalidArgumentError(f"format must be 'npy', 'zarr' or 'parquet', got {form!r:.80}")


def _chunks(start: int, stop: int, chunk: int) -> Iterator[tuple[int, int]]:
    """Yield (first cube, count) of the chunks of a range, which begins with one."""
    return ((first, min(chunk, stop - first)) for first in range(start, stop, chunk))


def _prepare(cubes: Cubes, folder: Path, sink: ModuleType, chunk: int, *, resume: bool) -> None:
    """Make the folder, or see that it is of this stream."""
    expected = {"format": _FORMAT, "files": sink.NAME, "chunk": chunk, **identity(cubes)}
    manifest = folder / _MANIFEST
    if not folder.parent.is_dir():
        raise hinted(
            NotFoundError(f"there is no folder `{folder.parent}`"), f"mkdir -p {folder.parent}"
        )
    if folder.exists() and not folder.is_dir():
        raise InvalidArgumentError(f"`{folder}` is a file; the path of a folder is expected")
    if not manifest.exists():
        # Hidden ones are on their way to a place: another part has just begun.
        held = folder.is_dir() and any(entry.name[0] != "." for entry in folder.iterdir())
        # Its files come after its manifest, which may be there by now.
        if held and not manifest.exists():
            raise hinted(
                AlreadyExistsError(f"`{folder}` holds other files"),
                "choose an empty or a new folder",
            )
        _make_folder(folder)
        with replacing(manifest) as file:
            write_all(file, json.dumps(expected, indent=1).encode() + b"\n")
    elif not resume:
        raise hinted(
            AlreadyExistsError(f"`{folder}` holds cubes"),
            "resume=True goes on with them; or choose another folder",
        )
    advice = "choose another folder, or remove this one to start anew"
    check_same(_manifest(manifest), expected, str(folder), advice)
    sink.prepare(folder, cubes, chunk)


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise StorageError(f"could not make `{folder}`: {why}") from error


def _manifest(path: Path) -> Any:
    try:
        return json.loads(path.read_bytes())
    except ValueError:
        raise hinted(
            DataLossError(f"`{path}` is damaged"), "remove the folder to start anew"
        ) from None


def _write_chunk(path: Path, sink: ModuleType, batch: Any, first: int, chunk: int) -> None:
    if not path.parent.is_dir():
        _make_folder(path.parent)
    with replacing(path) as file:
        sink.write(file, batch, first, chunk)
