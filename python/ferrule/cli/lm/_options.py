"""Arguments and options that the commands of language models share."""

from pathlib import Path
from typing import Annotated

import typer

LanguageModelFile = Annotated[
    Path, typer.Argument(help="A GGUF file, or a .bin of llama2.c.", metavar="MODEL")
]
MaxTokens = Annotated[int, typer.Option("--max-tokens", "-n", help="Most tokens of an answer.")]
Temperature = Annotated[
    float, typer.Option("--temperature", help="0: the most likely token each time.")
]
TopP = Annotated[float, typer.Option("--top-p", help="Draw from the likely tokens of this share.")]
Seed = Annotated[int, typer.Option("--seed", help="The same seed gives the same answer.")]
Context = Annotated[int | None, typer.Option("--context", help="Most tokens of prompt and answer.")]
