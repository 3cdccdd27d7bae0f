"""`ferrule serve`."""

from typing import Annotated

import typer


def serve(
    arguments: Annotated[list[str] | None, typer.Argument(metavar="MODEL... [OPTIONS]")] = None,
) -> None:
    """Serve models over gRPC and REST from native code (ferrule serve --help)."""
    from ferrule import _core

    raise typer.Exit(_core.serve_main(["ferrule serve", *(arguments or [])]))
