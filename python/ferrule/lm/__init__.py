"""Language models on a CPU: text from the files people have, quantised as they are.

    m = ferrule.lm.load("model.gguf")
    print(m.generate("Once upon a time", max_tokens=32).text)

A GGUF file, or a ``.bin`` of llama2.c with its tokenizer beside it, is read; nothing in it is
executed but its chat template, within bounds. Results depend neither on the number of threads nor
on what else runs.
"""

from ferrule.lm._completion import Completion, Piece, TokenLogprob, Usage
from ferrule.lm._model import LanguageModel, load

__all__ = ["Completion", "LanguageModel", "Piece", "TokenLogprob", "Usage", "load"]
