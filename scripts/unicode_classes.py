"""Writes crates/lm/src/tokenizer/unicode/ranges.rs from the Unicode database of `unicodedata2`.

Run as: pip install unicodedata2 && python scripts/unicode_classes.py
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import unicodedata2 as unicodedata

TARGET = Path(__file__).parents[1] / "crates/lm/src/tokenizer/unicode/ranges.rs"
CLASSES = {"L": "L", "N": "N", "P": "P", "Mn": "M", "Cf": "F", "Co": "F"}
WIDTH = 100


def class_of(code: int) -> str:
    """Return the letter of a code point's class, or nothing for those without one."""
    category = unicodedata.category(chr(code))
    return CLASSES.get(category, CLASSES.get(category[0], ""))


def ranges() -> Iterator[tuple[int, int, str]]:
    """Yield the first and last code points of each range of one class."""
    for name, group in groupby(range(0x110000), class_of):
        codes = list(group)
        if name:
            yield codes[0], codes[-1], name


def lines() -> Iterator[str]:
    """Yield lines of as many ranges as fit."""
    line = "   "
    for first, last, name in ranges():
        item = f" ({first:#x}, {last:#x}, {name}),"
        if len(line) + len(item) > WIDTH:
            yield line
            line = "   "
        line += item
    yield line


def main() -> None:
    """Write the file."""
    rows = list(ranges())
    version = unicodedata.unidata_version
    head = f"""//! General categories of Unicode {version}, by scripts/unicode_classes.py.

use super::Class::{{self, Format as F, Letter as L, Mark as M, Number as N, Punctuation as P}};

/// The first and last code points of each range, in rising order.
#[rustfmt::skip]
pub(super) static RANGES: [(u32, u32, Class); {len(rows)}] = [
"""
    TARGET.write_text(head + "\n".join(lines()) + "\n];\n", encoding="utf-8")


if __name__ == "__main__":
    main()
