"""The line of the user's that made an operation."""

import contextlib
import linecache
import os
import sys
from pathlib import Path
from typing import TypeAlias

Line: TypeAlias = tuple[str, int]

_HOME = f"{Path(__file__).resolve().parents[3]}{os.sep}"
_SKIPPED = (_HOME, str(contextlib.__file__))


def user_line() -> Line:
    """Return the file and the line of the innermost frame that is not Ferrule's."""
    frame = sys._getframe(1)
    while frame.f_back is not None and frame.f_code.co_filename.startswith(_SKIPPED):
        frame = frame.f_back
    return frame.f_code.co_filename, frame.f_lineno


def quoted(line: Line) -> str:
    """Return a line as ``train.py:12: `y = tf.matmul(a, b)` ``."""
    file, number = line
    source = linecache.getline(file, number).strip()
    place = f"{Path(file).name}:{number}"
    return f"{place}: `{source}`" if source else place
