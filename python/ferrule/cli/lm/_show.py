"""Answers as they are made."""

import sys
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

from ferrule.cli import _console

if TYPE_CHECKING:
    from ferrule.lm import Piece


def show(pieces: "Iterator[Piece]", *, quiet: bool) -> str:
    """Print an answer on stdout as it comes, then its speed on stderr; return the answer."""
    began = time.perf_counter()
    first, count, text = began, 0, []
    for piece in pieces:
        if not count:
            first = time.perf_counter()
        count += 1
        text.append(piece.text)
        sys.stdout.write(piece.text)
        sys.stdout.flush()
    sys.stdout.write("\n")
    sys.stdout.flush()
    if count and not quiet:
        _console.note(speed(count, first - began, time.perf_counter() - first))
    return "".join(text)


def speed(count: int, to_first: float, rest: float) -> str:
    """Tell the speed of an answer of `count` tokens in a line."""
    line = f"{count} tokens; first after {1e3 * to_first:.0f} ms"
    if count > 1 and rest > 0:
        line += f", then {(count - 1) / rest:.1f} tokens/s"
    return line
