"""Where a block of CSV may be cut: at the ends of lines, but for those in quoted cells."""

import numpy as np
from numpy.typing import NDArray

_QUOTE = ord('"')
_ENDS = frozenset(b"\r\n")
Places = NDArray[np.intp]
Spans = tuple[Places, Places]


def last_line_end(block: bytes, most: int, delimiter: str) -> int:
    """Return the end of the last line of `block` within its first `most` bytes; 0 for none.

    Parameters
    ----------
    block : bytes
        Begins with a line.
    most : int
        Where to look back from.
    delimiter : str
        Stands between cells; a quote behind it, or at the begin of a line, opens a quoted cell.
    """
    if b'"' not in block:
        return block.rfind(b"\n", 0, most) + 1
    begins, ends = _quoted_spans(block, delimiter)
    while (at := block.rfind(b"\n", 0, most)) >= 0:
        span = int(np.searchsorted(begins, at)) - 1
        if span < 0 or at > ends[span]:
            return at + 1
        most = int(begins[span])
    return 0


def _quoted_spans(block: bytes, delimiter: str) -> Spans:
    """Return where quoted cells begin and end; one that is not closed ends with the block."""
    quotes = np.flatnonzero(np.frombuffer(block, np.uint8) == _QUOTE)
    if not _take_turns(block, quotes, delimiter):
        quotes = _without_strays(block, quotes, delimiter)
    begins, ends = quotes[::2], quotes[1::2]
    return begins, ends if len(ends) == len(begins) else np.append(ends, len(block))


def _take_turns(block: bytes, quotes: Places, delimiter: str) -> bool:
    """Tell whether each second quote closes what the one before opened.

    It does where every opening one begins a cell, or follows a closing one, of which it then is
    the double, and every closing one ends a cell or is so followed.
    """
    text = np.frombuffer(block, np.uint8)
    structural = np.zeros(256, bool)
    structural[[ord(delimiter), *_ENDS, _QUOTE]] = True
    opening, closing = quotes[::2], quotes[1::2]
    before = structural[text[opening - 1]] | (opening == 0)
    after = structural[text[np.minimum(closing + 1, len(text) - 1)]] | (closing == len(text) - 1)
    return bool(before.all() and after.all())


def _without_strays(block: bytes, quotes: Places, delimiter: str) -> Places:
    """Return the quotes that open and close cells, of a block of which some do neither."""
    structural = _ENDS | {ord(delimiter)}
    kept: list[int] = []
    skip = -1
    for at in quotes.tolist():
        if at == skip:
            continue
        if len(kept) % 2 == 0:
            if at == 0 or block[at - 1] in structural:
                kept.append(at)
        elif block[at + 1 : at + 2] == b'"':
            skip = at + 1
        else:
            kept.append(at)
    return np.asarray(kept, np.intp)
