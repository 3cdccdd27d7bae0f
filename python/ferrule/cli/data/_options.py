"""Options that the data commands share."""

from enum import StrEnum
from typing import Annotated

import typer

from ferrule._hints import hinted
from ferrule.cli._options import OnError


class Format(StrEnum):
    """What is written into a folder."""

    parquet = "parquet"
    csv = "csv"
    tsv = "tsv"
    arrow = "arrow"
    feather = "feather"
    npy = "npy"


Source = Annotated[
    str,
    typer.Argument(help="A file, a folder, a quoted glob or a URI.", metavar="SRC"),
]
OnErrorOption = Annotated[
    OnError, typer.Option(help="Rows that are broken: stop at the first, or leave them out.")
]
FormatOption = Annotated[
    Format, typer.Option("--format", help="The format of the files in a folder.")
]
Compression = Annotated[
    str | None,
    typer.Option(
        metavar="CODEC",
        help="Parquet: snappy, zstd, lz4, gzip, brotli, none. Arrow: lz4, zstd.",
        show_default="snappy, where it pays, for Parquet",
    ),
]
Seed = Annotated[
    int,
    typer.Option(metavar="N", min=0, max=2**32 - 1, help="The same one draws the same rows."),
]


def as_rows(text: str | None) -> slice | None:
    """Read `--rows`: N, or A..B, or A.. to the end.

    Raises
    ------
    typer.BadParameter
        For anything else.
    """
    if text is None:
        return None
    first, dots, stop = text.partition("..")
    try:
        start = int(first or 0) if dots else 0
        end = (int(stop) if stop else None) if dots else int(first)
    except ValueError:
        start, end = -1, None
    if start < 0 or (end is not None and end < start):
        raise hinted(
            typer.BadParameter(f"--rows is `{text}`; a number or a range is expected"),
            "write --rows 100, --rows 100..200 or --rows 100..",
        )
    return slice(start, end)


def as_list(text: str | None) -> list[str] | None:
    """Read a list of names apart by commas."""
    return None if text is None else [name.strip() for name in text.split(",")]


def as_types(texts: list[str]) -> dict[str, str]:
    """Read `--type NAME=TYPE`, given any number of times.

    Raises
    ------
    typer.BadParameter
        For one without `=`.
    """
    types = {}
    for text in texts:
        name, equals, kind = text.rpartition("=")
        if not equals or not name:
            raise hinted(
                typer.BadParameter(f"--type is `{text}`; NAME=TYPE is expected"),
                "write --type zip=string",
            )
        types[name] = kind
    return types
