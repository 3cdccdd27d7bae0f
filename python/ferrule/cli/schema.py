"""`ferrule schema`."""

from typing import Annotated

import typer

from ferrule.cli._options import ModelFile, flag


def schema(
    model: ModelFile,
    *,
    openapi: Annotated[bool, flag("--openapi", help="OpenAPI 3.1, as JSON.")] = False,
    proto: Annotated[bool, flag("--proto", help="The gRPC service, as .proto.")] = False,
    example: Annotated[
        bool, flag("--example", help="A request, and curl, Python and Go that send it.")
    ] = False,
) -> None:
    """Show how to call a model: OpenAPI, .proto, or ready examples (the default)."""
    from ferrule import _core
    from ferrule.cli._files import existing_model

    chosen = [
        name for name, on in {"openapi": openapi, "proto": proto, "example": example}.items() if on
    ]
    if len(chosen) > 1:
        raise typer.BadParameter(f"--{chosen[0]} and --{chosen[1]} exclude each other")
    kind = chosen[0] if chosen else "example"
    typer.echo(_core.schema(str(existing_model(model)), kind).rstrip("\n"))
