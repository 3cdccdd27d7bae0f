"""`ferrule lm chat`."""

import sys
from typing import Annotated

import typer

from ferrule.cli._options import Quiet
from ferrule.cli.lm._options import (
    Context,
    LanguageModelFile,
    MaxTokens,
    Seed,
    Temperature,
    TopP,
)


def chat(
    model: LanguageModelFile,
    *,
    system: Annotated[
        str | None, typer.Option("--system", help="What the model is told before all.")
    ] = None,
    max_tokens: MaxTokens = 512,
    temperature: Temperature = 0.0,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    context: Context = None,
    quiet: Quiet = False,
) -> None:
    """Talk with a model; Ctrl-D ends it. Without a terminal, each line of stdin is a turn."""
    from ferrule.cli import _console
    from ferrule.cli._files import existing_model
    from ferrule.cli.lm import _show
    from ferrule.lm import load

    loaded = load(existing_model(model), context=context)
    messages = [{"role": "system", "content": system}] if system else []
    asked = sys.stdin.isatty()
    if asked and not quiet:
        _console.note(f"{loaded!r}. Ctrl-D ends the conversation.")
    while (said := _line(asked=asked)) is not None:
        if not said.strip():
            continue
        messages.append({"role": "user", "content": said})
        pieces = loaded.chat_stream(
            messages, max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed
        )
        answer = _show.show(pieces, quiet=quiet)
        messages.append({"role": "assistant", "content": answer})


def _line(*, asked: bool) -> str | None:
    """Return the next line of stdin; None at its end."""
    try:
        return input("> " if asked else "")
    except EOFError:
        return None
