"""One module a format."""

from ferrule.data._endings import checked_kind
from ferrule.data._formats._part import Part
from ferrule.data._formats.arrow import Arrow
from ferrule.data._formats.csv import Csv
from ferrule.data._formats.libsvm import Libsvm
from ferrule.data._formats.npy import Npy, Npz
from ferrule.data._formats.parquet import Parquet
from ferrule.data._locations import File
from ferrule.errors import InvalidArgumentError

_PARTS: dict[str, type[Csv | Parquet | Arrow | Npy | Npz | Libsvm]] = {
    "csv": Csv,
    "parquet": Parquet,
    "arrow": Arrow,
    "npy": Npy,
    "npz": Npz,
    "libsvm": Libsvm,
}


def as_part(file: File) -> Part:
    """Return what reads `file`, by its ending.

    Raises
    ------
    InvalidArgumentError
        For an ending that no format has, and an empty file.
    """
    kind = checked_kind(file.path, file.name)
    if file.size == 0:
        raise InvalidArgumentError(f"`{file.name}` is empty")
    return _PARTS[kind](file)
