"""One contender with one model: reads "PROMPT ANSWER" a line, writes rates and tokens as JSON.

usage: worker.py NAME MODEL CONTEXT
"""

import json
import os
import sys
import time
from collections.abc import Callable

THREADS = 2
# Most tokens that a peer is asked to name.
TOLD_MAX = 8
Told = dict[str, object]


def prompt_of(count: int) -> list[int]:
    """Return the tokens that all contenders read: small numbers, which every vocabulary has."""
    return [(7 * place) % 1000 + 300 for place in range(count)]


def ferrule(path: str, context: int) -> Callable[[int, int], Told]:
    """Ours."""
    os.environ["FERRULE_NUM_THREADS"] = str(THREADS)
    import ferrule.lm

    model = ferrule.lm.load(path, context=context)

    def answer(prompt: int, count: int) -> Told:
        pieces = model.stream(prompt_of(prompt), max_tokens=count, ignore_end=True)
        began = time.perf_counter()
        tokens = [next(pieces).token]
        first = time.perf_counter()
        tokens += [piece.token for piece in pieces]
        rest = time.perf_counter() - first
        return {
            "tokens": tokens,
            "prefill": prompt / (first - began),
            "decode": (count - 1) / rest,
        }

    return answer


def llama_cpp(path: str, context: int, *, flash: bool) -> Callable[[int, int], Told]:
    """llama.cpp as `xllamacpp` builds it."""
    import xllamacpp

    params = xllamacpp.CommonParams()
    params.model.path = path
    params.n_ctx, params.n_batch, params.n_ubatch = context, 512, 512
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = THREADS
    kinds = xllamacpp.llama_flash_attn_type
    params.flash_attn_type = (
        kinds.LLAMA_FLASH_ATTN_TYPE_ENABLED if flash else kinds.LLAMA_FLASH_ATTN_TYPE_DISABLED
    )
    server = xllamacpp.Server(params)

    def answer(prompt: int, count: int) -> Told:
        asked = {
            "prompt": prompt_of(prompt),
            "n_predict": count,
            "max_tokens": count,
            "temperature": 0,
            "top_k": 1,
            "ignore_eos": True,
            "cache_prompt": False,
        }
        # Tokens come with their probabilities, which cost time: not where time is taken.
        if count <= TOLD_MAX:
            asked |= {"n_probs": 1, "logprobs": 1}
        told = server.handle_completions(asked)
        told = json.loads(told) if isinstance(told, str) else told
        content = (told["choices"][0].get("logprobs") or {}).get("content", [])
        return {
            "tokens": [entry["id"] for entry in content],
            "prefill": told["timings"]["prompt_per_second"],
            "decode": told["timings"]["predicted_per_second"],
        }

    return answer


CONTENDERS: dict[str, Callable[[str, int], Callable[[int, int], Told]]] = {
    "ferrule": ferrule,
    "llama.cpp": lambda path, context: llama_cpp(path, context, flash=False),
    "llama.cpp, flash attention": lambda path, context: llama_cpp(path, context, flash=True),
}


def main() -> None:
    """Answer until the input ends."""
    name, path, context = sys.argv[1:]
    answer = CONTENDERS[name](path, int(context))
    for line in sys.stdin:
        prompt, count = map(int, line.split())
        print(json.dumps(answer(prompt, count)), flush=True)


if __name__ == "__main__":
    main()
