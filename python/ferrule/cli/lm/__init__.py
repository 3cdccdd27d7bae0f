"""`ferrule lm`: one file a command."""

import typer

from ferrule.cli.lm.bench import bench
from ferrule.cli.lm.chat import chat
from ferrule.cli.lm.generate import generate
from ferrule.cli.lm.perplexity import perplexity

__all__ = ["lm"]

lm = typer.Typer(help="Run language models: GGUF files, quantised as they are.")


@lm.callback(invoke_without_command=True)
def _lm(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


lm.command()(chat)
lm.command()(generate)
lm.command()(perplexity)
lm.command()(bench)
