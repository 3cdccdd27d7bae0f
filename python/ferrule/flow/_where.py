"""The lines of the user's that operations come from."""

import contextlib
import linecache
import os
import re
import sys
from pathlib import Path
from typing import TypeAlias

Line: TypeAlias = tuple[str, int]

_HOME = f"{Path(__file__).resolve().parents[1]}{os.sep}"
_SKIPPED = (_HOME, str(contextlib.__file__))
# What IPython calls the cells of notebooks.
_CELL = re.compile(r"<ipython-input-(\d+)-.*>|.*[/\\]ipykernel_\d+[/\\]\d+\.py")
_QUOTED_MAX = 100


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
    cell = _CELL.fullmatch(file)
    place = f"{Path(file).name}:{number}"
    if cell:
        place = f"cell {cell[1]}, line {number}" if cell[1] else f"the cell's line {number}"
    if len(source) > _QUOTED_MAX:
        source = f"{source[: _QUOTED_MAX - 1]}…"
    return f"{place}: `{source}`" if source else place


def tell(error: Exception, line: Line) -> None:
    """Add a line to what an exception says."""
    error.args = (f"{error} (at {quoted(line)})", *error.args[1:])


def here(text: str) -> str:
    """Return the text of an error with the line of the user's that it is about."""
    return f"{text} (at {quoted(user_line())})"
