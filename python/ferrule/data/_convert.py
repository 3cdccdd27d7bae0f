"""`convert`: a table in one format becomes files in another."""

from collections.abc import Mapping, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from dataclasses import dataclass
from os import PathLike, fspath, sched_getaffinity
from pathlib import Path, PurePosixPath
from threading import Event
from typing import Any

import pyarrow as pa

from ferrule._hints import hinted
from ferrule.data._endings import COMPRESSIONS, kind_of
from ferrule.data._numeric import as_float_dtype
from ferrule.data._read import read
from ferrule.data._remote import shown
from ferrule.data._source import Source
from ferrule.data._stack import FrameStack
from ferrule.data._stack_file import SUFFIX as STACK_ENDING
from ferrule.data._write import inside, refuse_own_input, writing
from ferrule.data._writers import WRITTEN_ENDINGS
from ferrule.errors import InvalidArgumentError


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written.

    Attributes
    ----------
    name : str
        Its path or URI.
    n_rows : int
        How many rows it has.
    """

    name: str
    n_rows: int


def convert(
    what: Any,
    to: str | PathLike[str],
    *,
    columns: Sequence[str] | None = None,
    rows: int | slice | range | None = None,
    types: Mapping[str, str] | None = None,
    format: str = "parquet",  # noqa: A002 -- what pandas and polars call it
    compression: str | None = None,
    on_error: str = "raise",
    progress: bool = False,
) -> list[Written]:
    """Write a table to a file, or each of its files to one in a folder.

    Parquet is written so that few rows or few columns of it can be read at little cost: in row
    groups of about 8 MiB, or 1 MiB from 256 columns on, with small pages and a page index.

    Parameters
    ----------
    what : path, str, list of those, table or Source
        What `read` takes.
    to : path or str
        A file, whose ending tells the format, or a folder, told by a slash at its end or by being
        there: each file of `what` is then written to one of the same name in `format`, whether
        they are alike or not. URIs may be given too. What is there is replaced, once all is
        written. A file that ends in ``.safetensors`` becomes a `FrameStack`, each file of `what`
        a frame; `rows` then are those of each file.
    columns, rows, types, on_error, progress
        As for `read`.
    format : {"parquet", "csv", "tsv", "arrow", "feather", "npy"}
        The format in a folder.
    compression : str, optional
        Codec: for Parquet ``"snappy"``, ``"zstd"``, ``"lz4"``, ``"gzip"``, ``"brotli"`` or
        ``"none"``; by default ``"snappy"`` for the columns that it makes smaller, ``"none"`` for
        the others. For Arrow ``"lz4"`` or ``"zstd"``; CSV by the ending ``.csv.gz``.

    Returns
    -------
    list of Written
        What was written.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        For a bad row, a format that is not known, one that cannot hold the columns, two files that
        would be written to one, or one that would be written over what is read.
    ferrule.errors.StorageError
        Where the disk is full; nothing is left under the name.

    Examples
    --------
    >>> import numpy as np, tempfile
    >>> from ferrule.data import convert, read
    >>> path = tempfile.mkdtemp() + "/x.parquet"
    >>> (written,) = convert(np.eye(3), path)
    >>> written.n_rows, read(path, rows=1).to_numpy()
    (3, array([[1., 0., 0.]]))
    """
    target = fspath(to)
    if target.endswith(STACK_ENDING):
        if compression not in {None, "none"}:
            raise InvalidArgumentError(f"compression is {compression!r}; a stack is not compressed")
        frames = read(what, types=types, on_error=on_error)
        stack = FrameStack.read(frames, columns=columns, rows=rows, progress=progress)
        stack.save(target)
        return [Written(target, stack.n_frames * stack.n_rows)]
    source = read(
        what, columns=columns, rows=rows, types=types, on_error=on_error, progress=progress
    )
    if not _is_folder(target):
        refuse_own_input(source, target)
        return [write(source, target, compression)]
    return _into_folder(source, target, format, compression)


def _is_folder(target: str) -> bool:
    path = target.partition("?")[0] if "://" in target else target
    if path.endswith("/"):
        return True
    return "://" not in target and Path(target).is_dir()


def _into_folder(
    source: Source, folder: str, format_: str, compression: str | None
) -> list[Written]:
    if f".{format_}" not in WRITTEN_ENDINGS:
        raise hinted(
            InvalidArgumentError(f"format is {format_!r}, which is none that is written"),
            f"those that are: {', '.join(one[1:] for one in WRITTEN_ENDINGS)}",
        )
    files = source.files()
    targets = [inside(folder, f"{_stem(file, i)}.{format_}") for i, file in enumerate(files)]
    for file, target in zip(files, targets, strict=True):
        if targets.count(target) > 1:
            raise hinted(
                InvalidArgumentError(f"two files would be written to `{target}`"),
                "convert folder by folder, or into one file",
            )
        refuse_own_input(source, target)
        del file
    if "://" not in folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
    threads = min(len(sched_getaffinity(0)), len(files))
    stop = Event()
    with ThreadPoolExecutor(threads) as pool:
        pairs = zip(files, targets, strict=True)
        jobs = [pool.submit(write, *pair, compression, stop) for pair in pairs]
        try:
            return [job.result() for job in jobs]
        except BaseException:
            # Also Ctrl-C: large files are not waited for.
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise


def _stem(source: Source, index: int) -> str:
    part = source.parts[0]
    if part.file is None:
        return f"part-{index:05d}"
    place = part.file.path
    # Paths on web servers are whole addresses.
    path = PurePosixPath(place.partition("?")[0] if "://" in place else place)
    return PurePosixPath(path.stem).stem if path.suffix in COMPRESSIONS else path.stem


def write(
    source: Source, to: str, compression: str | None = None, stop: Event | None = None
) -> Written:
    """Write all of `source` to one file; nothing, and `CancelledError`, once `stop` is set."""
    schema = schema_for(source, to)
    n_rows = 0
    with writing(to, schema, named=source.named, compression=compression) as out:
        for batch in batches_for(source, to):
            if stop is not None and stop.is_set():
                raise CancelledError
            out.write(batch)
            n_rows += batch.num_rows
    return Written(shown(to), n_rows)


def schema_for(source: Source, to: str) -> pa.Schema:
    """Return the columns as the format of `to` holds them: npy takes floats of one type only."""
    if kind_of(to) != "npy":
        return source.schema
    kind = pa.from_numpy_dtype(as_float_dtype(None, source.schema))
    return pa.schema([pa.field(name, kind) for name in source.columns])


def batches_for(source: Source, to: str) -> Any:
    """Return the rows as the format of `to` holds them."""
    if kind_of(to) != "npy":
        return source.batches()
    schema = schema_for(source, to)
    return (
        pa.record_batch([pa.array(column.copy()) for column in matrix.T], schema=schema)
        for matrix in source.matrices()
    )
