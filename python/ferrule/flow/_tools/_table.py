"""Tables as text and as HTML."""

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

_UNITS = ("B", "KB", "MB", "GB", "TB")


@dataclass(frozen=True)
class Table:
    """Rows under a title and column names, with lines below.

    Names that begin with ``>`` are of columns that are set to the right.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    notes: Sequence[str] = ()

    def text(self) -> str:
        """Return it for a terminal."""
        names = [name.lstrip(">") for name in self.columns]
        cells = [names, *self.rows]
        widths = [max(len(row[column]) for row in cells) for column in range(len(names))]
        rule = "─" * (sum(widths) + 2 * (len(widths) - 1))
        lines = [self._line(row, widths) for row in cells]
        return "\n".join([self.title, rule, lines[0], rule, *lines[1:], rule, *self.notes])

    def _line(self, row: Sequence[str], widths: Sequence[int]) -> str:
        each = zip(self.columns, row, widths, strict=True)
        cells = [c.rjust(w) if name.startswith(">") else c.ljust(w) for name, c, w in each]
        return "  ".join(cells).rstrip()

    def html(self) -> str:
        """Return it for a notebook."""
        head = "".join(self._cell("th", name, name.lstrip(">")) for name in self.columns)
        body = "".join(f"<tr>{self._row(row)}</tr>" for row in self.rows)
        notes = "<br>".join(escape(note) for note in self.notes)
        return (
            f"<table><caption>{escape(self.title)}</caption><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table><p>{notes}</p>"
        )

    def _row(self, row: Sequence[str]) -> str:
        return "".join(
            self._cell("td", name, cell) for name, cell in zip(self.columns, row, strict=True)
        )

    @staticmethod
    def _cell(tag: str, column: str, text: str) -> str:
        side = "right" if column.startswith(">") else "left"
        return f'<{tag} style="text-align:{side};white-space:pre">{escape(text)}</{tag}>'


def in_bytes(count: float | None) -> str:
    """Return a number of bytes as text, such as ``1.5 MB``."""
    return "?" if count is None else in_units(count, _UNITS)


def in_units(value: float, units: Sequence[str]) -> str:
    """Return a number with the greatest of `units`, each 1,000 of the one before, that it fills."""
    place = 0
    while value >= 999.5 and place + 1 < len(units):
        value, place = value / 1000, place + 1
    digits = 0 if place == 0 or value >= 99.95 else 1
    return f"{value:.{digits}f} {units[place]}"


def shortened(text: str, most: int) -> str:
    """Return `text`, or its beginning and end where it is longer than `most`."""
    if len(text) <= most:
        return text
    half = (most - 1) // 2
    return f"{text[: most - 1 - half]}…{text[len(text) - half :]}"
