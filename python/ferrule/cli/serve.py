"""`ferrule serve`."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from ferrule._hints import hinted


def serve(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="MODEL... [OPTIONS]")] = None,
) -> None:
    """Serve models over gRPC and REST from native code (ferrule serve --help)."""
    from ferrule import _core

    _check(arguments or [])
    raise typer.Exit(_core.serve_main(["ferrule serve", *(arguments or [])]))


def _check(arguments: list[str]) -> None:
    """Refuse what would be told less well by the server, which knows neither data nor our words."""
    from ferrule.cli._files import check_is_no_data

    for before, argument in pairwise(["", *arguments]):
        if argument.split("=")[0] == "--port":
            raise hinted(
                typer.BadParameter("there is no option --port; there are two ports"),
                "--http-port is REST's, --grpc-port is gRPC's",
            )
        if not argument.startswith("-") and not before.startswith("--"):
            check_is_no_data(Path(argument))
