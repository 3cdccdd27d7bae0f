"""The tree of commands."""

from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from ferrule.cli.bench import bench
from ferrule.cli.data import data
from ferrule.cli.inspect import inspect
from ferrule.cli.lm import lm
from ferrule.cli.predict import predict
from ferrule.cli.schema import schema
from ferrule.cli.serve import serve
from ferrule.cli.train import kmeans
from ferrule.cli.version import version

_EPILOG = "Data goes to stdout, all else to stderr. Exit codes: 0 done, 1 failed, 2 wrong use."


class _Ordered(TyperGroup):
    """Lists the commands in the order of their use."""

    def list_commands(self, ctx: Any) -> list[str]:
        order = ["train", "inspect", "predict", "serve", "lm", "data", "schema", "bench", "version"]
        return sorted(super().list_commands(ctx), key=order.index)


app = typer.Typer(
    cls=_Ordered,
    help="From a Python fit to a native service: train, save, serve and measure models.",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"]},
    pretty_exceptions_enable=False,
)
train = typer.Typer(help="Fit a model to a file of data and save it as one file.")


def _version(*, wanted: bool) -> None:
    if wanted:
        version()
        raise typer.Exit


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    wanted: Annotated[
        bool,
        typer.Option(
            "--version",
            help="Show the version.",
            metavar="",
            is_eager=True,
            callback=lambda value: _version(wanted=value),
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@train.callback(invoke_without_command=True)
def _train(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


train.command()(kmeans)
app.add_typer(train, name="train")
app.command()(inspect)
app.command()(predict)
app.command(
    context_settings={"ignore_unknown_options": True, "help_option_names": []},
    add_help_option=False,
)(serve)
app.add_typer(data, name="data")
app.add_typer(lm, name="lm")
app.command()(schema)
app.command()(bench)
app.command()(version)
