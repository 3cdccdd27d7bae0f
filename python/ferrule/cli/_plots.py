"""Plots, where matplotlib is installed."""

from collections.abc import Sequence
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ferrule.data._durable import replacing, write_all

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ferrule.cli._kmeans import Candidate

HOW_TO_GET = "matplotlib is not installed (pip install 'ferrule[plot]')"
POINTS = 5000
_BLUE, _ORANGE = "#2b6cb0", "#dd6b20"
_COLOURS = (_BLUE, "#2f855a", _ORANGE, "#805ad5", "#718096")


def available() -> bool:
    """Tell whether plots can be drawn."""
    return find_spec("matplotlib") is not None


def sweep(path: Path, candidates: "Sequence[Candidate]", best: "Candidate") -> None:
    """Draw inertia and silhouette over K."""
    figure = _figure(9, 3.6)
    left, right = figure.subplots(1, 2)
    ks = [one.k for one in candidates]
    left.plot(ks, [one.model.inertia_ for one in candidates], "o-", color=_BLUE)
    left.set(title="inertia", xlabel="k", ylim=(0, None))
    scores = [np.nan if one.silhouette is None else one.silhouette for one in candidates]
    right.plot(ks, scores, "o-", color=_BLUE)
    right.plot([best.k], [best.silhouette], "o", color=_ORANGE, markersize=9)
    right.annotate(
        f"k={best.k}", (best.k, best.silhouette or 0.0), (8, 4), textcoords="offset points"
    )
    floor = min(0.0, float(np.nanmin(scores)))
    right.set(title="mean silhouette (higher is better)", xlabel="k", ylim=(floor, 1))
    for axes in (left, right):
        _tidy(axes)
        axes.xaxis.get_major_locator().set_params(integer=True)
    _save(figure, path)


def clusters(
    path: Path,
    rows: NDArray[Any],
    labels: NDArray[np.int32],
    centers: NDArray[Any],
    names: Sequence[str],
    *,
    n_rows: int,
) -> None:
    """Draw the first two features of a sample of `n_rows` rows, coloured by cluster."""
    from matplotlib import colormaps

    # In a chance order, lest the cluster of the last rows lie above the others.
    mixed = np.random.default_rng(0).permutation(len(rows))
    # A single feature is drawn over the position in the sample.
    flat = rows.shape[1] == 1
    x, y = rows[mixed, 0], np.arange(len(mixed)) if flat else rows[mixed, 1]
    figure = _figure(6.4, 4.8)
    axes = figure.subplots()
    colours = colormaps["tab20" if len(centers) > 10 else "tab10"](labels[mixed] % 20)
    axes.scatter(x, y, s=4, c=colours, linewidths=0, alpha=0.6)
    if not flat:
        axes.scatter(centers[:, 0], centers[:, 1], s=70, c="black", marker="x", linewidths=2)
    shown = f"{len(rows):,} of {n_rows:,} rows" if len(rows) < n_rows else "all rows"
    axes.set(title=f"{len(centers)} clusters, {shown}", xlabel=names[0])
    axes.set(ylabel="row" if flat else names[1])
    _tidy(axes)
    _save(figure, path)


def load(path: Path, title: str, results: Sequence[dict[str, Any]]) -> None:
    """Draw throughput and latency over the calls in flight, a line for each name."""
    figure = _figure(10, 4.2)
    left, right = figure.subplots(1, 2)
    names = list(dict.fromkeys(result["name"] for result in results))
    for index, name in enumerate(names):
        colour = _COLOURS[index % len(_COLOURS)]
        mine = [result for result in results if result["name"] == name]
        flights = [str(result["in_flight"]) for result in mine]
        rates = [one["throughput"] for one in mine]
        left.plot(flights, rates, "o-", color=colour, label=name)
        for flight, rate in zip(flights, rates, strict=True):
            place = {"xytext": (0, 6 if index else -13), "textcoords": "offset points"}
            left.annotate(
                f"{rate:,.0f}", (flight, rate), ha="center", fontsize=8, color=colour, **place
            )
        right.plot(flights, [one["p50_ms"] for one in mine], "o-", color=colour, label=name)
        right.plot(flights, [one["p99_ms"] for one in mine], "o:", color=colour)
    left.set_title("requests a second")
    right.set_title("latency, ms: median (solid), p99 (dotted)")
    for axes in (left, right):
        axes.set_xlabel("calls in flight")
        axes.margins(x=0.12)
        _plain_log_scale(axes)
        _tidy(axes)
    left.legend(frameon=False, fontsize=8)
    figure.suptitle(title)
    _save(figure, path)


def _plain_log_scale(axes: Any) -> None:
    """Use whole decades, written out."""
    axes.set_yscale("log")
    low, high = axes.dataLim.intervaly
    axes.set_ylim(10.0 ** np.floor(np.log10(low)), 10.0 ** np.ceil(np.log10(high * 1.2)))
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}")
    axes.yaxis.set_minor_formatter(lambda *_: "")


def _figure(width: float, height: float) -> "Figure":
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _tidy(axes: Any) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="#e2e8f0", linewidth=0.8)
    axes.set_axisbelow(True)


def _save(figure: "Figure", path: Path) -> None:
    drawn = BytesIO()
    figure.savefig(drawn, dpi=150, format=path.suffix[1:])
    with replacing(path) as file:
        write_all(file, drawn.getbuffer())
