"""What `ferrule train kmeans` prints and draws."""

from typing import TYPE_CHECKING, Any

import numpy as np

from ferrule.cli import _console, _plots

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ferrule.cli._kmeans import Candidate, Plan, Samples, Saved

_FEATURES_SHOWN = 6
_CLUSTERS_SHOWN = 50
_BAR_WIDTH = 20


def report(
    plan: "Plan",
    samples: "Samples",
    candidates: "list[Candidate]",
    best: "Candidate",
    saved: "Saved | None",
) -> None:
    """Print the results on stdout, and where they went on stderr."""
    centers, sizes = _centers(samples, best), np.bincount(best.model.labels_, minlength=best.k)
    if plan.json:
        _console.print_json(_as_json(plan, samples, candidates, best, saved, centers, sizes))
    elif not plan.quiet:
        if plan.is_sweep:
            _print_sweep(candidates, best)
        _print_clusters(samples, centers, sizes)
        _console.print_facts(_facts(samples, best))
    _draw(plan, samples, candidates, best)
    if not plan.quiet:
        _tell(plan, candidates, best, saved)


def _centers(samples: "Samples", best: "Candidate") -> "NDArray[Any]":
    """Return the centres in the units of the data."""
    centers = best.model.cluster_centers_.astype(np.float64)
    return centers if samples.scaler is None else samples.scaler.inverse_transform(centers)


def _facts(samples: "Samples", best: "Candidate") -> dict[str, str]:
    rows = f"{samples.n_rows:,}"
    if samples.n_rows < samples.rows_in_file:
        rows += f" of {samples.rows_in_file:,}"
    unit = " (of scaled features)" if samples.scaler is not None else ""
    return {
        "rows": f"{rows} x {best.model.n_features_in_}, {samples.rows.dtype}",
        "inertia": _console.number(best.model.inertia_, 6) + unit,
        "iterations": str(best.model.n_iter_),
        "seconds": f"{best.seconds:.3f}",
    }


def _print_sweep(candidates: "list[Candidate]", best: "Candidate") -> None:
    table = _console.table("k", "inertia", "iterations", "seconds", "silhouette", "", left=("",))
    for one in candidates:
        score = "-" if one.silhouette is None else f"{one.silhouette:.4f}"
        bar = "█" * round(_BAR_WIDTH * max(one.silhouette or 0.0, 0.0))
        table.add_row(
            str(one.k),
            _console.number(one.model.inertia_, 6),
            str(one.model.n_iter_),
            f"{one.seconds:.3f}",
            score,
            f"{bar} best" if one is best else bar,
            style="bold" if one is best else None,
        )
    _console.print_table(table)


def _print_clusters(
    samples: "Samples", centers: "NDArray[Any]", sizes: "NDArray[np.int64]"
) -> None:
    d = centers.shape[1]
    names = [samples.label(index) for index in range(min(d, _FEATURES_SHOWN))]
    more = [f"… {d - _FEATURES_SHOWN} more"] if d > _FEATURES_SHOWN else []
    table = _console.table("cluster", "rows", "share", *names, *more)
    for cluster in range(min(len(centers), _CLUSTERS_SHOWN)):
        values = [_console.number(value) for value in centers[cluster, :_FEATURES_SHOWN]]
        share = f"{100 * sizes[cluster] / sizes.sum():.1f} %"
        table.add_row(str(cluster), f"{sizes[cluster]:,}", share, *values, *([""] if more else []))
    if len(centers) > _CLUSTERS_SHOWN:
        table.add_row("…", f"{len(centers) - _CLUSTERS_SHOWN} more")
    _console.print_table(table)


def _draw(
    plan: "Plan", samples: "Samples", candidates: "list[Candidate]", best: "Candidate"
) -> None:
    path = plan.plot_path
    if path is None:
        return
    if not _plots.available():
        if not plan.quiet or plan.plot is not None:
            _console.note(f"no plot: {_plots.HOW_TO_GET}")
        return
    if plan.is_sweep:
        _plots.sweep(path, candidates, best)
    else:
        rows, picked = samples.some(0, _plots.POINTS)
        if samples.scaler is not None:
            rows = samples.scaler.inverse_transform(rows)
        names = [samples.label(index) for index in range(rows.shape[1])]
        labels = best.model.labels_[picked]
        centers = _centers(samples, best)
        _plots.clusters(path, rows, labels, centers, names, n_rows=samples.n_rows)
    if not plan.quiet:
        _console.note(f"plot: {path}")


def _tell(
    plan: "Plan", candidates: "list[Candidate]", best: "Candidate", saved: "Saved | None"
) -> None:
    """Tell what the fits had to say, which K is best, and where the model is."""
    for one in candidates:
        for warning in one.warnings:
            _console.note(f"note: k={one.k}: {warning}")
    if plan.is_sweep:
        _console.note(f"k={best.k} has the best silhouette")
    if saved is not None:
        done = "replaced" if saved.replaced else "saved"
        short = f"{saved.digest[:19]}…"
        _console.note(f"{done} {plan.output} ({short}); serve it: ferrule serve {plan.output}")


def _as_json(
    plan: "Plan",
    samples: "Samples",
    candidates: "list[Candidate]",
    best: "Candidate",
    saved: "Saved | None",
    centers: "NDArray[Any]",
    sizes: "NDArray[np.int64]",
) -> dict[str, Any]:
    return {
        "k": best.k,
        "inertia": float(best.model.inertia_),
        "iterations": int(best.model.n_iter_),
        "seconds": best.seconds,
        "rows": samples.n_rows,
        "rows_in_file": samples.rows_in_file,
        "dtype": str(samples.rows.dtype),
        "features": [samples.label(index) for index in range(centers.shape[1])],
        "clusters": [
            {"cluster": index, "rows": int(size), "center": center.tolist()}
            for index, (size, center) in enumerate(zip(sizes, centers, strict=True))
        ],
        "tried": [
            {
                "k": one.k,
                "inertia": float(one.model.inertia_),
                "iterations": int(one.model.n_iter_),
                "seconds": one.seconds,
                "silhouette": one.silhouette,
            }
            for one in candidates
        ],
        "model": None if plan.output is None else str(plan.output),
        "digest": None if saved is None else saved.digest,
    }
