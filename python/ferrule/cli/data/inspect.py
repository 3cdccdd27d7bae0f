"""`ferrule data inspect`."""

from pathlib import Path
from typing import Annotated

import typer

from ferrule.cli._options import Json, OnError, Quiet
from ferrule.cli.data._options import OnErrorOption, Source, as_list, as_rows


def inspect(
    src: Source,
    *,
    columns: Annotated[
        str | None,
        typer.Option(metavar="A,B,…", help="Columns to look at.", show_default="all"),
    ] = None,
    rows: Annotated[
        str | None,
        typer.Option(metavar="N|A..B", help="The first rows, or a range.", show_default="all"),
    ] = None,
    report: Annotated[
        Path | None,
        typer.Option(metavar="FILE.html", help="Write it as a page as well.", show_default=False),
    ] = None,
    on_error: OnErrorOption = OnError.stop,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what a table holds: types, missing values, extremes, means and small histograms.

    All of it is read once, in batches, so that it may be larger than memory. A saved stack of
    frames (.safetensors) is taken too.
    """
    from ferrule.cli.data._inspect import Wish, show

    wish = Wish(as_list(columns), as_rows(rows), on_error.value, report, json, quiet)
    show(src, wish)
