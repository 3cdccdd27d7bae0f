"""`ferrule lm perplexity`."""

from pathlib import Path
from typing import Annotated

import typer

from ferrule.cli._options import Json
from ferrule.cli.lm._options import Context, LanguageModelFile


def perplexity(
    model: LanguageModelFile,
    text: Annotated[Path, typer.Argument(help="A file of text, in UTF-8.", metavar="FILE")],
    *,
    context: Context = None,
    json: Json = False,
) -> None:
    """Tell how well a model foretells a text: the lower, the better.

    A text that is longer than the context is cut to it.
    """
    from ferrule.cli import _console
    from ferrule.cli._files import existing_model
    from ferrule.lm import load

    loaded = load(existing_model(model), context=context)
    tokens = loaded.tokenize(text.read_text("utf-8"), ends=True)
    used = tokens[: loaded.context]
    if len(used) < len(tokens):
        _console.note(f"note: of {len(tokens):,} tokens, the first {len(used):,} are used")
    value = loaded.perplexity(used)
    if json:
        _console.print_json({"perplexity": value, "tokens": len(used)})
    else:
        _console.print_facts({"perplexity": f"{value:.4f}", "tokens": f"{len(used):,}"})
