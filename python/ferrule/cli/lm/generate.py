"""`ferrule lm generate`."""

from typing import Annotated

import typer

from ferrule.cli._options import Json, Quiet
from ferrule.cli.lm._options import (
    Context,
    LanguageModelFile,
    MaxTokens,
    Seed,
    Temperature,
    TopP,
)


def generate(
    model: LanguageModelFile,
    prompt: Annotated[str, typer.Argument(help="The text to go on from.", metavar="PROMPT")],
    *,
    max_tokens: MaxTokens = 64,
    temperature: Temperature = 0.0,
    top_p: TopP = 1.0,
    seed: Seed = 0,
    context: Context = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Go on from a text."""
    from ferrule.cli import _console
    from ferrule.cli._files import existing_model
    from ferrule.cli.lm import _show
    from ferrule.lm import load

    loaded = load(existing_model(model), context=context)
    if json:
        answer = loaded.generate(
            prompt, max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed
        )
        usage = {
            "prompt_tokens": answer.usage.prompt_tokens,
            "completion_tokens": answer.usage.completion_tokens,
            "total_tokens": answer.usage.total_tokens,
        }
        _console.print_json(
            {
                "text": answer.text,
                "tokens": answer.tokens,
                "finish_reason": answer.finish_reason,
                "usage": usage,
            }
        )
        return
    pieces = loaded.stream(
        prompt, max_tokens=max_tokens, temperature=temperature, top_p=top_p, seed=seed
    )
    _show.show(pieces, quiet=quiet)
