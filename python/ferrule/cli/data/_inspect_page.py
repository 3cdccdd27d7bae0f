"""The report of `ferrule data inspect`: one page that needs nothing else."""

from html import escape

from ferrule.cli.data._inspect import described, extreme, facts, written
from ferrule.data._summary import Column, Summary

_COLUMNS_MAX = 1000
_WIDTH, _HEIGHT = 240, 64
_STYLE = """
:root { color-scheme: light dark; --text: #1a202c; --soft: #5a6578; --back: #f7f8fa;
  --card: #ffffff; --line: #d9dee7; --bar: #2b6cb0; }
@media (prefers-color-scheme: dark) {
  :root { --text: #e6e9ef; --soft: #9aa5b8; --back: #12161c; --card: #1b212a; --line: #2f3845;
    --bar: #63a4e8; }
}
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 1.5rem 1rem; background: var(--back);
  color: var(--text); font: 16px/1.5 system-ui, sans-serif; }
h1 { font-size: 1.3rem; margin: 0 0 .25rem; overflow-wrap: anywhere; }
h2 { font-size: 1rem; margin: 0; overflow-wrap: anywhere; }
.facts, .soft, figcaption, dt { color: var(--soft); }
.facts { margin: 0 0 1.25rem; }
main { display: grid; gap: .75rem; grid-template-columns: repeat(auto-fill, minmax(16.5rem, 1fr)); }
article { background: var(--card); border: 1px solid var(--line); border-radius: .5rem;
  padding: .75rem .9rem; min-width: 0; }
article p { margin: .25rem 0 0; font-size: .85rem; overflow-wrap: anywhere; }
figure { margin: .5rem 0 0; }
svg { display: block; width: 100%; height: 4rem; fill: var(--bar); }
figcaption { display: flex; justify-content: space-between; font-size: .75rem; }
dl { display: grid; grid-template-columns: auto 1fr auto 1fr; gap: 0 .6rem; margin: .5rem 0 0;
  font-size: .85rem; }
dd { margin: 0; text-align: right; font-variant-numeric: tabular-nums; overflow-wrap: anywhere; }
"""


def page(summary: Summary) -> str:
    """Return the whole page; every word of the data is escaped."""
    told = ", ".join(f"{value} {name}" for name, value in facts(summary).items())
    cards = "".join(_card(column, summary) for column in summary.columns[:_COLUMNS_MAX])
    rest = len(summary.columns) - _COLUMNS_MAX
    notes = [*summary.notes, *([f"{rest:,} more columns are not shown"] if rest > 0 else [])]
    said = "".join(f'<p class="soft">{escape(note)}</p>' for note in notes)
    name = escape(summary.name)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        # Nothing may be loaded, whatever the data says.
        '<meta http-equiv="Content-Security-Policy"'
        " content=\"default-src 'none'; style-src 'unsafe-inline'\">"
        f"<title>{name}</title><style>{_STYLE}</style></head>\n"
        f'<body><h1>{name}</h1><p class="facts">{escape(told)}</p>\n'
        f"<main>{cards}</main>{said}</body></html>\n"
    )


def _card(column: Column, summary: Summary) -> str:
    rows = summary.n_rows * (summary.n_frames or 1)
    missing = f"{column.missing:,}"
    if column.missing and rows:
        missing += f" ({100 * column.missing / rows:.1f} %)"
    figures = {
        "min": extreme(column, column.minimum),
        "max": extreme(column, column.maximum),
        "mean": written(column.mean),
        "std": written(column.std),
        "missing": missing,
    }
    listed = "".join(
        f"<dt>{name}</dt><dd>{escape(value)}</dd>"
        for name, value in figures.items()
        if value != "-"
    )
    words = described(column)
    said = f"<p>{escape(words)}</p>" if words else ""
    return (
        f'<article><h2>{escape(column.name)} <span class="soft">{escape(column.type)}</span></h2>'
        f"{_figure(column)}<dl>{listed}</dl>{said}</article>\n"
    )


def _figure(column: Column) -> str:
    edges, counts = column.bars()
    if not counts:
        return ""
    width, most = _WIDTH / len(counts), max(counts)
    bars = []
    for index, (count, low, high) in enumerate(zip(counts, edges, edges[1:], strict=False)):
        height = max(1.0, _HEIGHT * count / most) if count else 0.0
        told = f"{written(low)} to {written(high)}: {count:,}"
        bars.append(
            f'<rect x="{index * width:.1f}" y="{_HEIGHT - height:.1f}" width="{width * 0.9:.1f}"'
            f' height="{height:.1f}"><title>{escape(told)}</title></rect>'
        )
    label = escape(f"histogram of {column.name}", quote=True)
    return (
        f'<figure><svg viewBox="0 0 {_WIDTH} {_HEIGHT}" preserveAspectRatio="none" role="img"'
        f' aria-label="{label}">{"".join(bars)}</svg><figcaption><span>{written(edges[0])}</span>'
        f"<span>{written(edges[-1])}</span></figcaption></figure>"
    )
