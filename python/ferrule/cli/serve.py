"""`ferrule serve`."""

from itertools import pairwise
from pathlib import Path
from typing import Annotated

import typer

from ferrule._hints import hinted

# Options of the server that take a value, maybe as the next argument.
VALUED = frozenset(
    f"--{name}"
    for name in (
        *("name", "host", "http-port", "grpc-port", "threads", "config"),
        *("api-key-file", "tls-cert", "tls-key", "allowed-host"),
    )
)


def serve(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="MODEL... [OPTIONS]")] = None,
) -> None:
    """Serve models over gRPC and REST from native code (ferrule serve --help)."""
    from ferrule import _core

    _check(arguments or [])
    raise typer.Exit(_core.serve_main(["ferrule serve", *(arguments or [])]))


def _check(arguments: list[str]) -> None:
    """Refuse what the server could tell less about: it knows neither data nor near names."""
    from ferrule.cli._files import check_is_no_data, existing_model

    options = [argument.split("=")[0] for argument in arguments if argument.startswith("--")]
    if "--port" in options:
        raise hinted(
            typer.BadParameter("there is no option --port; there are two ports"),
            "--http-port is REST's, --grpc-port is gRPC's",
        )
    models = [
        Path(argument)
        for before, argument in pairwise(["", *arguments])
        if not argument.startswith("-") and before not in VALUED
    ]
    if "--name" in options and len(models) > 1:
        raise hinted(
            typer.BadParameter(f"--name is for one model; {len(models)} are given"),
            "drop it: each file's stem is its model's name",
        )
    for model in models:
        check_is_no_data(model)
        if not model.is_dir():
            existing_model(model)
