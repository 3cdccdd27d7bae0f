"""Arguments and options that commands share."""

from pathlib import Path
from typing import Annotated, Any

import typer


def flag(*names: str, help: str) -> Any:  # noqa: A002 -- typer's word
    """Return an option without a value."""
    return typer.Option(*names, help=help, metavar="")


ModelFile = Annotated[Path, typer.Argument(help="A model file.", metavar="MODEL")]
DataFile = Annotated[
    Path,
    typer.Argument(
        help="CSV, TSV, Parquet, Arrow, Feather or npy; a row a sample. The first row of a CSV"
        " names the columns, unless all of it is numbers.",
        metavar="DATA",
    ),
]
Json = Annotated[bool, flag("--json", help="Print JSON.")]
Quiet = Annotated[bool, flag("--quiet", "-q", help="No progress, no notes.")]
