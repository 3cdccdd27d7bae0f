"""`ferrule data convert`."""

from typing import Annotated

import typer

from ferrule.cli._options import Json, OnError, Quiet
from ferrule.cli.data._options import (
    Compression,
    Format,
    FormatOption,
    OnErrorOption,
    as_list,
    as_rows,
    as_types,
)

_NONE: list[str] = []


def convert(
    src: Annotated[
        list[str],
        typer.Argument(help="Files, folders, quoted globs or URIs.", metavar="SRC"),
    ],
    dst: Annotated[
        str,
        typer.Argument(
            help="A file, whose ending tells the format; or a folder, with a slash at its end:"
            " each file is then converted by itself; or FILE.safetensors, a stack of frames.",
            metavar="DST",
        ),
    ],
    *,
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Columns to write, in this order.", show_default="all"),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(metavar="N|A..B", help="The first rows, or a range.", show_default="all"),
    ] = None,
    types: Annotated[
        list[str],
        typer.Option(
            "--type",
            metavar="NAME=TYPE",
            help="The type of a column of a CSV, where its first MiB tells another.",
            show_default=False,
        ),
    ] = _NONE,
    format: FormatOption = Format.parquet,  # noqa: A002 -- the option's name
    compression: Compression = None,
    on_error: OnErrorOption = OnError.stop,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write tables in another format: one file of all, or one of each in a folder.

    Parquet is written so that few rows or columns of it can be read at little cost. What is there
    is replaced, once all is written.
    """
    from ferrule.cli.data._report import Clock, report
    from ferrule.data import convert as run

    clock = Clock()
    written = run(
        src,
        dst,
        columns=as_list(columns),
        rows=as_rows(rows),
        types=as_types(types),
        format=format.value,
        compression=compression,
        on_error=on_error.value,
        progress=not quiet,
    )
    report(written, clock, json=json, quiet=quiet)
