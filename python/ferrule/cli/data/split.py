"""`ferrule data split`."""

from typing import Annotated

import typer

from ferrule.cli._options import Json, OnError, Quiet
from ferrule.cli.data._options import (
    Compression,
    Format,
    FormatOption,
    OnErrorOption,
    Seed,
    Source,
)


def split(
    src: Source,
    dst: Annotated[
        str, typer.Argument(help="A folder, for train, validation and test.", metavar="FOLDER")
    ],
    *,
    train: Annotated[float, typer.Option(metavar="SHARE", help="Share of the rows.")] = 0.8,
    validation: Annotated[float, typer.Option(metavar="SHARE", help="Share of the rows.")] = 0.0,
    stratify: Annotated[
        str | None,
        typer.Option(
            metavar="COLUMN",
            help="Give each file each value of this column in the same share.",
            show_default=False,
        ),
    ] = None,
    seed: Seed = 0,
    format: FormatOption = Format.parquet,  # noqa: A002 -- the option's name
    compression: Compression = None,
    on_error: OnErrorOption = OnError.stop,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Deal the rows of a table by chance to files for training, validation and test.

    Sizes are exact, no row is in two files, and the same seed deals the same; what is neither
    for training nor validation is for the test.
    """
    from ferrule.cli.data._report import Clock, report
    from ferrule.data import split as run

    clock = Clock()
    written = run(
        src,
        dst,
        train=train,
        validation=validation,
        seed=seed,
        stratify=stratify,
        format=format.value,
        compression=compression,
        on_error=on_error.value,
        progress=not quiet,
    )
    report(written, clock, json=json, quiet=quiet)
