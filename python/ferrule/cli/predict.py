"""`ferrule predict`."""

from pathlib import Path
from typing import Annotated

import typer

from ferrule.cli._options import DataFile, ModelFile, Quiet, flag


def predict(
    model: ModelFile,
    data: DataFile,
    *,
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="A .csv, .parquet or .npy file.",
            show_default="CSV on stdout",
        ),
    ] = None,
    distances: Annotated[
        bool, flag("--distances", help="Add the distance to each centre.")
    ] = False,
    quiet: Quiet = False,
) -> None:
    """Label each row of a file, in batches: files may be larger than memory.

    Columns are taken by the names that the model was fitted on, where it has them.
    """
    from ferrule.cli._predict import execute

    execute(model, data, output, distances=distances, quiet=quiet)
