"""Language models: reading a prompt and writing an answer, ours beside llama.cpp, on two threads.

usage: python benches/lm.py MODEL.gguf ... [--rounds N] [--prompt N] [--answer N] [--smoke]
                            [--out FILE]

Each contender is a process of its own that keeps the model in memory; they are timed in turn, round
by round, after a round of warm-up, and a ratio is the median over rounds. llama.cpp (the prebuilt
`xllamacpp`, with and without flash attention) tells its own times, which leave out all that is
around the model; ours are taken around the calls. Before that, the first tokens of all must be the
same. Then the rates beside what the machine was measured to read. A peer that is not installed is
left out.
"""

import argparse
import importlib.util
import json
import pathlib
import statistics
import subprocess
import sys

import numpy as np

from harness import machine, results

OURS = "ferrule"
PEERS = {"llama.cpp": "xllamacpp", "llama.cpp, flash attention": "xllamacpp"}
PREFILL_TARGET, DECODE_TARGETS = 2.0, {"gemma": 1.2}
DECODE_TARGET = 1.5
# Greedy tokens that are compared: later ones may part where two are about as likely.
CHECKED_TOKENS = 3


class Contender:
    """A contender's process, with one model."""

    def __init__(self, name: str, model: pathlib.Path, context: int) -> None:
        self.name = name
        here = pathlib.Path(__file__).parent
        command = [sys.executable, "-m", "text.worker", name, str(model.resolve()), str(context)]
        self.process = subprocess.Popen(
            command,
            cwd=here,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )

    def ask(self, prompt: int, answer: int) -> dict:
        """Read and write so many tokens; return the tokens and both rates."""
        self.process.stdin.write(f"{prompt} {answer}\n")
        self.process.stdin.flush()
        for line in self.process.stdout:
            if line.startswith("{"):
                return json.loads(line)
        raise SystemExit(f"{self.name} ended with code {self.process.wait()}")

    def stop(self) -> None:
        """End the process."""
        self.process.stdin.close()
        self.process.wait()


def main() -> None:
    """Time all models, print, write down."""
    options = arguments()
    names = [OURS, *(n for n, package in PEERS.items() if importlib.util.find_spec(package))]
    array = np.ones(2 * machine.last_cache_bytes() // 8)
    outcome = {"machine": machine.facts(), "cases": [], "claims": []}
    outcome["read GB/s"] = machine.read_bandwidth(array)
    print(f"{outcome['machine']['cpu']}; reads {outcome['read GB/s']:.1f} GB/s past its caches")
    del array
    for model in options.models:
        case = run_case(model, names, options)
        print(describe(case), flush=True)
        outcome["cases"].append(case)
        outcome["claims"] += claims(case)
    results.report(outcome, options.out)


def arguments() -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("models", nargs="+", type=pathlib.Path, help="GGUF files")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--prompt", type=int, default=512, help="tokens that are read")
    parser.add_argument("--answer", type=int, default=128, help="tokens that are written")
    parser.add_argument("--smoke", action="store_true", help="a quick look that proves nothing")
    parser.add_argument("--out", type=pathlib.Path, help="JSON file to write")
    options = parser.parse_args()
    if options.smoke:
        options.rounds, options.prompt, options.answer = 1, 16, 4
    return options


def run_case(model: pathlib.Path, names: list[str], options: argparse.Namespace) -> dict:
    """Check that the contenders agree, then time them in turn."""
    context = options.prompt + options.answer + 64
    contenders = [Contender(name, model, context) for name in names]
    first = [one.ask(options.prompt, CHECKED_TOKENS)["tokens"] for one in contenders]
    for one, tokens in zip(contenders, first, strict=True):
        if tokens != first[0]:
            print(f"note: {one.name} answers {tokens}, {OURS} {first[0]}")
    rates: dict[str, dict[str, list[float]]] = {n: {"prefill": [], "decode": []} for n in names}
    for _ in range(options.rounds):
        for one in contenders:
            told = one.ask(options.prompt, options.answer)
            for kind, kept in rates[one.name].items():
                kept.append(told[kind])
    for one in contenders:
        one.stop()
    ratios = {
        name: {
            kind: statistics.median(
                ours / theirs
                for ours, theirs in zip(rates[OURS][kind], rates[name][kind], strict=True)
            )
            for kind in ("prefill", "decode")
        }
        for name in names
    }
    median = {
        name: {kind: statistics.median(kept) for kind, kept in both.items()}
        for name, both in rates.items()
    }
    return {
        "model": model.stem,
        "bytes": model.stat().st_size,
        "same": all(tokens == first[0] for tokens in first),
        "rates": median,
        "ratios": ratios,
    }


def describe(case: dict) -> str:
    """Return a table of a model's rates, tokens a second."""
    head = ["", "prefill", "ours over it", "decode", "ours over it", "GB/s of weights"]
    rows = []
    for name, rates in case["rates"].items():
        ratio = case["ratios"][name]
        read = case["bytes"] * rates["decode"] / 1e9
        figures = [f"{rates['prefill']:.0f}", f"{ratio['prefill']:.2f}"]
        figures += [f"{rates['decode']:.1f}", f"{ratio['decode']:.2f}", f"{read:.1f}"]
        rows.append([name, *figures])
    return f"\n{case['model']}, tokens a second\n{results.table(head, rows)}"


def claims(case: dict) -> list[dict]:
    """Hold the figures to what is claimed of them: over the better peer each time."""
    peers = [ratio for name, ratio in case["ratios"].items() if name != OURS]
    if not peers:
        return []
    named = [target for name, target in DECODE_TARGETS.items() if name in case["model"].lower()]
    decode = named[0] if named else DECODE_TARGET
    return [
        results.claim(
            f"{case['model']}: prefill x llama.cpp",
            min(ratio["prefill"] for ratio in peers),
            at_least=PREFILL_TARGET,
        ),
        results.claim(
            f"{case['model']}: decode x llama.cpp",
            min(ratio["decode"] for ratio in peers),
            at_least=decode,
        ),
    ]


if __name__ == "__main__":
    main()
