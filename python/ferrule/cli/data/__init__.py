"""`ferrule data`: one file a command."""

import typer

from ferrule.cli.data.cubes import cubes

__all__ = ["data"]

data = typer.Typer(help="Look at data, and make what learners take of it.")


@data.callback(invoke_without_command=True)
def _data(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


data.command()(cubes)
