"""`ferrule inspect`."""

import typer

from ferrule.cli._options import Json, ModelFile


def inspect(
    model: ModelFile,
    *,
    json: Json = False,
) -> None:
    """Show what a model file holds: signature, parameters, training facts, digest.

    The whole file is verified; nothing in it is executed.
    """
    from ferrule.artifact import inspect as inspect_artifact
    from ferrule.cli import _console
    from ferrule.cli._files import existing_model

    info = inspect_artifact(existing_model(model))
    if json:
        _console.print_json(info.to_dict())
    else:
        typer.echo(repr(info))
