"""What `ferrule data inspect` reads and prints."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferrule._hints import hinted
from ferrule.cli import _console
from ferrule.data import FrameStack, read
from ferrule.data._durable import check_writable
from ferrule.data._summary import DISTINCT_MAX, Column, Summary, Tick, summary_of, summary_of_stack
from ferrule.errors import InvalidArgumentError

_COLUMNS_SHOWN = 50
_SPARK_BARS = 16
_SPARKS = "▁▂▃▄▅▆▇█"
_NAME_WIDTH, _TEXT_WIDTH = 32, 16


@dataclass(frozen=True, slots=True)
class Wish:
    """The options of the command."""

    columns: list[str] | None
    rows: slice | None
    on_error: str
    report: Path | None
    json: bool
    quiet: bool


def show(what: str, wish: Wish) -> None:
    """Read `what` and print what it holds."""
    if wish.report is not None:
        if wish.report.suffix not in {".html", ".htm"}:
            raise InvalidArgumentError(f"`{wish.report}` does not end in .html")
        check_writable(wish.report)
    summary = _summary(what, wish)
    if wish.json:
        _console.print_json(as_json(summary))
    else:
        _print(summary)
    if wish.report is not None:
        from ferrule.cli.data._inspect_page import page
        from ferrule.data._durable import replacing

        with replacing(wish.report) as file:
            file.write(page(summary).encode())
    if not wish.quiet:
        for note in summary.notes:
            _console.note(f"note: {note}")
        if wish.report is not None:
            _console.note(f"report: {wish.report}")


def _summary(what: str, wish: Wish) -> Summary:
    if what.lower().endswith(".safetensors"):
        if wish.columns is not None or wish.rows is not None:
            raise InvalidArgumentError("--columns and --rows are for tables, not for a stack")
        try:
            stack = FrameStack.open(what)
        except InvalidArgumentError as error:
            raise hinted(error, f"a model? ferrule inspect {what}") from None
        with _progress("columns", stack.n_columns, wish) as tick:
            return summary_of_stack(what, stack, tick)
    source = read(what, columns=wish.columns, rows=wish.rows, on_error=wish.on_error)
    with _progress("rows", source.n_rows, wish) as tick:
        return summary_of(source, tick)


@contextmanager
def _progress(noun: str, total: int | None, wish: Wish) -> Iterator[Tick]:
    """Show progress on stderr, where that is a terminal and nobody asked for quiet."""
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    to = _console.console(stderr=True)
    done = TextColumn("{task.completed:,.0f} " + noun)
    columns = (TextColumn("reading"), BarColumn(), done, TimeElapsedColumn())
    hidden = wish.quiet or not to.is_terminal
    with Progress(*columns, console=to, disable=hidden, transient=True) as progress:
        task = progress.add_task("reading", total=total)
        yield lambda count: progress.update(task, advance=count)


def facts(summary: Summary) -> dict[str, str]:
    """Return how much there is, as names and values."""
    found = {"rows": f"{summary.n_rows:,}", "columns": f"{len(summary.columns):,}"}
    if summary.n_frames is not None:
        found = {"frames": f"{summary.n_frames:,}", **found}
    if summary.n_files > 1:
        found["files"] = f"{summary.n_files:,}"
    return found


def _print(summary: Summary) -> None:
    from rich.text import Text

    _console.print_facts(facts(summary))
    left = ("column", "type", "distribution")
    table = _console.table(
        "column", "type", "missing", "min", "mean", "max", "distribution", left=left
    )
    for column in summary.columns[:_COLUMNS_SHOWN]:
        cells = [column.name, column.type, f"{column.missing:,}" if column.missing else "-"]
        cells += [extreme(column, column.minimum), written(column.mean)]
        cells.append(extreme(column, column.maximum))
        # As text: names and values of the data are no markup.
        table.add_row(*map(Text, [_cut(cells[0], _NAME_WIDTH), *cells[1:], _drawn(column)]))
    _console.print_table(table)
    if len(summary.columns) > _COLUMNS_SHOWN:
        rest = len(summary.columns) - _COLUMNS_SHOWN
        _console.note(f"{rest:,} more columns; --columns, --json or --report shows them")


def written(value: Any) -> str:
    """Write a figure of a column; `-` where there is none."""
    if value is None:
        return "-"
    return value if isinstance(value, str) else _console.number(value)


def extreme(column: Column, value: Any) -> str:
    """Write the least or the greatest value of a column, of whole numbers as such."""
    return f"{int(value):,}" if column.is_whole and value is not None else written(value)


def described(column: Column) -> str:
    """Say in words what is not in the figures of a column."""
    parts = []
    if column.top:
        many = column.distinct is None
        distinct = f"over {DISTINCT_MAX:,}" if many else f"{column.distinct:,}"
        top = ", ".join(f"{_cut(text, _TEXT_WIDTH)} ({count:,})" for text, count in column.top)
        parts.append(f"{distinct} distinct: {top}")
    if column.infinite:
        parts.append(f"{column.infinite:,} infinite")
    return "; ".join(parts)


def _drawn(column: Column) -> str:
    _, counts = column.bars(_SPARK_BARS)
    most = max(counts, default=0)
    # A bar that is not empty is never drawn as empty.
    bars = "".join(
        _SPARKS[max(1, round(count / most * 7))] if count else _SPARKS[0] for count in counts
    )
    return " ".join(part for part in (bars, described(column)) if part)


def _cut(text: str, width: int) -> str:
    shown = "".join(c if c.isprintable() else "�" for c in text)
    return shown if len(shown) <= width else shown[: width - 1] + "…"


def as_json(summary: Summary) -> dict[str, Any]:
    """Return all that was found as plain values."""
    return {
        "name": summary.name,
        "frames": summary.n_frames,
        "rows": summary.n_rows,
        "files": summary.n_files,
        "columns": [_column_json(column) for column in summary.columns],
        "notes": summary.notes,
    }


def _column_json(column: Column) -> dict[str, Any]:
    edges, counts = column.bars()
    found = {
        "name": column.name,
        "type": column.type,
        "missing": column.missing,
        "infinite": column.infinite,
        "min": column.minimum,
        "mean": column.mean,
        "max": column.maximum,
        "std": column.std,
        "histogram": {"edges": edges, "counts": counts},
        "distinct": column.distinct,
        "top": [{"value": value, "count": count} for value, count in column.top],
    }
    return {name: _finite(value) for name, value in found.items()}


def _finite(value: Any) -> Any:
    """Return None for a figure that JSON has no number for."""
    return None if isinstance(value, float) and value - value != 0 else value
