"""Tables into files: Parquet, CSV, Arrow and npy, whole or not at all."""

from pathlib import Path

from ferrule._hints import hinted
from ferrule.data._source import Source
from ferrule.errors import InvalidArgumentError


def refuse_own_input(source: Source, output: Path) -> None:
    """Refuse to write over a file that is being read.

    Raises
    ------
    InvalidArgumentError
        Where `output` is one of the files of `source`.
    """
    if not output.exists():
        return
    for part in source.parts:
        if part.file is not None and part.file.local and output.samefile(part.file.path):
            raise hinted(
                InvalidArgumentError(f"`{output}` is the file being read"),
                f"write elsewhere: -o {output.stem}-labels{output.suffix}",
            )
