"""`ferrule data`: one file a command."""

import typer

from ferrule.cli.data.convert import convert
from ferrule.cli.data.cubes import cubes
from ferrule.cli.data.inspect import inspect
from ferrule.cli.data.sample import sample
from ferrule.cli.data.split import split

__all__ = ["data"]

data = typer.Typer(help="Look at data, and make what learners take of it.")


@data.callback(invoke_without_command=True)
def _data(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


data.command()(inspect)
data.command()(convert)
data.command()(split)
data.command()(sample)
data.command()(cubes)
