"""Ratios over interleaved rounds, plain tables, JSON."""

import json
import pathlib

RESULTS = pathlib.Path(__file__).resolve().parents[1] / "results"


def table(head: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table, columns padded so that it reads well on a terminal too."""
    widths = [max(len(row[i]) for row in [head, *rows]) for i in range(len(head))]

    def line(cells: list[str]) -> str:
        first = cells[0].ljust(widths[0])
        rest = [cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)]
        return "| " + " | ".join([first, *rest]) + " |"

    rule = "|" + "|".join(["-" * (widths[0] + 2), *("-" * (w + 1) + ":" for w in widths[1:])]) + "|"
    return "\n".join([line(head), rule, *(line(row) for row in rows)])


def claim(
    what: str, got: float, *, at_least: float | None = None, below: float | None = None
) -> dict:
    """Return one claim and whether the figure of this run holds it."""
    held = got >= at_least if at_least is not None else got < below
    target = f">= {at_least:g}" if at_least is not None else f"< {below:g}"
    return {"what": what, "got": got, "target": target, "held": bool(held)}


def describe_claims(claims: list[dict]) -> str:
    """Return the claims as a table."""
    rows = [
        [c["what"], c["target"], f"{c['got']:.4g}", "yes" if c["held"] else "NO"] for c in claims
    ]
    return table(["claim", "target", "got", "held"], rows)


def write(path: pathlib.Path, result: dict[str, object]) -> None:
    """Write `result` as JSON that diffs well."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(result, indent=1, sort_keys=True) + "\n")


def report(outcome: dict, out: pathlib.Path | None) -> None:
    """Print how the claims of `outcome` fared; write it to `out`, where that is given."""
    print("\n" + describe_claims(outcome["claims"]))
    if out:
        write(out, outcome)
        print(f"written: {out}")
