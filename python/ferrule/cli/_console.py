"""Where output goes: results to stdout, all else to stderr, colours only to terminals."""

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console
    from rich.table import Table as RichTable

    from ferrule.data import Source

# Tables that are piped into a file are not cut to a terminal's width.
_PIPE_WIDTH = 200


def console(*, stderr: bool = False) -> "Console":
    """Return a console on stdout or stderr; it keeps to NO_COLOR."""
    from rich.console import Console

    stream = sys.stderr if stderr else sys.stdout
    width = None if stream.isatty() else _PIPE_WIDTH
    return Console(file=stream, width=width, highlight=False, soft_wrap=stderr)


def error(message: str, hints: Iterable[str] = ()) -> None:
    """Tell on stderr, in one line, what went wrong, and below it what to do."""
    from rich.text import Text

    to = console(stderr=True)
    to.print(Text.assemble(("error: ", "bold red"), " ".join(message.split())))
    for hint in hints:
        to.print(Text.assemble(("hint: ", "bold cyan"), hint))


def note(message: str, to: "Console | None" = None) -> None:
    """Tell something on stderr; `to` is the console of the progress shown there meanwhile."""
    (to or console(stderr=True)).print(message, markup=False)


def note_on_header(source: "Source", to: "Console | None" = None) -> None:
    """Tell how the first row of a file was understood, where it could be meant otherwise."""
    for doubt in source.notes[:1]:
        note(f"note: {doubt}", to)


def print_json(value: Any) -> None:
    """Print `value` on stdout as JSON."""
    sys.stdout.write(json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def print_table(table: "RichTable") -> None:
    """Print a table on stdout."""
    console().print(table)


def print_facts(facts: Mapping[str, str]) -> None:
    """Print names and values on stdout, one a line, the values below each other."""
    from rich.text import Text

    width = max(map(len, facts)) + 2
    to = console()
    for name, value in facts.items():
        to.print(Text.assemble((name.ljust(width), "bold"), value))


def table(*columns: str, left: Sequence[str] = ()) -> "RichTable":
    """Return an empty table; columns are flush right, but for those in `left`."""
    from rich import box
    from rich.table import Table

    made = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="left" if column in left else "right", no_wrap=True)
    return made


def byte_size(size: int) -> str:
    """Write a number of bytes in the unit that fits."""
    amount, unit = float(size), "B"
    for larger in ("KiB", "MiB", "GiB", "TiB"):
        if amount < 1024:
            break
        amount, unit = amount / 1024, larger
    return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"


def number(value: float, digits: int = 4) -> str:
    """Write `value` with thousands separated and at most `digits` significant after the point."""
    if value == 0 or 1e-3 <= abs(value) < 1e9:
        decimals = max(0, digits - len(str(int(abs(value)))))
        return f"{value:,.{decimals}f}"
    return f"{value:.{digits - 1}e}"
