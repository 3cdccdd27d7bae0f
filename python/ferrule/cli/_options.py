"""Arguments and options that commands share."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer


class OnError(StrEnum):
    """What is done about bad rows."""

    stop = "raise"
    skip = "skip"


def flag(*names: str, help: str) -> Any:  # noqa: A002 -- typer's word
    """Return an option without a value."""
    return typer.Option(*names, help=help, metavar="")


ModelFile = Annotated[Path, typer.Argument(help="A model file.", metavar="MODEL")]
DataFile = Annotated[
    str,
    typer.Argument(
        help="CSV, TSV, Parquet, Arrow, Feather, npy, npz or LibSVM; a row a sample. A file, a"
        " folder, a quoted glob, or a URI: s3://, gs://, hdfs://, webhdfs://, https://. The first"
        " row of a CSV names the columns, unless all of it is numbers.",
        metavar="DATA",
    ),
]
Json = Annotated[bool, flag("--json", help="Print JSON.")]
Quiet = Annotated[bool, flag("--quiet", "-q", help="No progress, no notes.")]
