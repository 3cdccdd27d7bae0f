"""`ferrule lm bench`."""

from typing import Annotated

import typer

from ferrule.cli._options import Json
from ferrule.cli.lm._options import LanguageModelFile


def bench(
    model: LanguageModelFile,
    *,
    prompt_tokens: Annotated[
        int, typer.Option("--prompt-tokens", "-p", help="Tokens that are read.")
    ] = 512,
    max_tokens: Annotated[
        int, typer.Option("--max-tokens", "-n", help="Tokens that are written.")
    ] = 128,
    rounds: Annotated[int, typer.Option("--rounds", help="How often; the median counts.")] = 5,
    json: Json = False,
) -> None:
    """Measure how fast a model reads and writes."""
    import statistics
    import time

    from ferrule.cli import _console
    from ferrule.cli._files import existing_model
    from ferrule.lm import load

    began = time.perf_counter()
    loaded = load(existing_model(model), context=prompt_tokens + max_tokens)
    loading = time.perf_counter() - began
    prompt = [(7 * place) % loaded.vocabulary_size for place in range(prompt_tokens)]
    reading, writing = [], []
    for _ in range(rounds + 1):
        began = time.perf_counter()
        pieces = loaded.stream(prompt, max_tokens=max_tokens, ignore_end=True)
        next(pieces)
        first = time.perf_counter()
        count = sum(1 for _ in pieces)
        reading.append(prompt_tokens / (first - began))
        writing.append(count / (time.perf_counter() - first))
    facts = {
        "load_ms": 1e3 * loading,
        "prefill_tokens_per_second": statistics.median(reading[1:]),
        "decode_tokens_per_second": statistics.median(writing[1:]),
    }
    if json:
        _console.print_json(facts)
    else:
        _console.print_facts({name: f"{value:,.1f}" for name, value in facts.items()})
