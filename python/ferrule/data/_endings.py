"""What kind of data a file holds, told by how its name ends."""

from pathlib import PurePosixPath

from ferrule._hints import hinted
from ferrule.errors import InvalidArgumentError

ENDINGS = {
    ".csv": "csv",
    ".tsv": "csv",
    ".parquet": "parquet",
    ".npy": "npy",
    ".npz": "npz",
    ".arrow": "arrow",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".libsvm": "libsvm",
    ".svmlight": "libsvm",
}
# Text may be compressed as a whole; the other kinds compress what is in them.
COMPRESSIONS = {".gz": "gzip", ".bz2": "bz2", ".zst": "zstd"}
_TEXT = {"csv", "libsvm"}


def kind_of(name: str) -> str | None:
    """Return the kind of data in a file called `name`; None where its ending tells none.

    A URI may have a query behind the name.
    """
    kind = ENDINGS.get(data_ending(name))
    return kind if kind in _TEXT or not compression_of(name) else None


def data_ending(name: str) -> str:
    """Return the ending that tells the kind, in lower case: `.csv` for `x.CSV.gz`."""
    path = _path(name)
    return PurePosixPath(path.stem).suffix if path.suffix in COMPRESSIONS else path.suffix


def compression_of(name: str) -> str | None:
    """Return the codec that the whole file is compressed with, by pyarrow's name."""
    return COMPRESSIONS.get(_path(name).suffix)


def _path(name: str) -> PurePosixPath:
    return PurePosixPath((name.partition("?")[0] if "://" in name else name).lower())


def ending(name: object) -> str:
    """Say how the name of a file ends."""
    suffix = PurePosixPath(str(name)).suffix
    return f"ends in `{suffix}`" if suffix else "has no ending"


def checked_kind(name: str, shown: str) -> str:
    """Return the kind of data in a file called `name`.

    Raises
    ------
    InvalidArgumentError
        Where its ending tells none; it is shown as `shown`.
    """
    kind = kind_of(name)
    if kind is None:
        raise hinted(
            InvalidArgumentError(f"`{shown}` {ending(name)}, which is no kind of data"),
            f"the kinds that are read are {', '.join(ENDINGS)}",
        )
    return kind
