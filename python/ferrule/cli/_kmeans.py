"""The work of `ferrule train kmeans`: read, scale, fit each K, choose, save, report."""

import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

import ferrule
from ferrule._hints import hinted
from ferrule._words import counted
from ferrule.artifact import ScaledKMeans, Scaler
from ferrule.artifact._paths import path_to_save
from ferrule.cli import _console, _kmeans_report
from ferrule.cli._scaled_source import ScaledSource
from ferrule.cli._silhouette import SAMPLE_ROWS, Silhouette
from ferrule.cluster import KMeans, MiniBatchKMeans
from ferrule.cluster._stream import Stream
from ferrule.data import Source, read
from ferrule.data._durable import check_writable
from ferrule.errors import InvalidArgumentError

if TYPE_CHECKING:
    from rich.progress import Progress

Matrix = NDArray[np.floating[Any]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What the command line asks for."""

    data: str
    ks: range
    features: list[str] | None
    output: Path | None
    scale: bool
    sample: int | None
    random_state: int
    limits: dict[str, float | None]
    """n_init, max_iter and tol, where they are not the estimator's own."""
    minibatch: bool
    stream: bool
    dtype: str | None
    on_error: str
    plot: Path | None
    json: bool
    quiet: bool

    @property
    def is_sweep(self) -> bool:
        """Whether several K are tried."""
        return len(self.ks) > 1

    @property
    def plot_path(self) -> Path | None:
        """Where a plot goes: where asked, else beside the model of a sweep."""
        if self.plot is None and self.is_sweep and self.output is not None:
            return self.output.with_name(f"{self.output.stem}-k.svg")
        return self.plot


@dataclass(frozen=True, slots=True)
class Samples:
    """What is fitted: rows in memory, or a stream of them."""

    names: tuple[str, ...] | None
    rows: Matrix | Stream
    rows_in_file: int
    scaler: Scaler | None

    @property
    def n_rows(self) -> int:
        """How many rows are fitted."""
        return self.rows.n_rows if isinstance(self.rows, Stream) else len(self.rows)

    @property
    def fitted(self) -> Any:
        """What an estimator takes."""
        return self.rows.source if isinstance(self.rows, Stream) else self.rows

    def some(self, seed: int, most: int) -> tuple[Matrix, NDArray[np.intp]]:
        """Return at most so many rows by chance, in their order, and their numbers."""
        picked = np.arange(self.n_rows)
        if len(picked) > most:
            picked = np.sort(np.random.default_rng(seed).choice(len(picked), most, replace=False))
        if isinstance(self.rows, Stream):
            return self.rows.take(picked).values, picked
        return self.rows[picked], picked

    def label(self, index: int) -> str:
        """Name a feature."""
        return self.names[index] if self.names else f"x{index}"


@dataclass(frozen=True, slots=True)
class Candidate:
    """One K and what came of it."""

    k: int
    model: KMeans | MiniBatchKMeans
    seconds: float
    silhouette: float | None
    warnings: tuple[str, ...]
    """What the fit had to say."""


@dataclass(frozen=True, slots=True)
class Saved:
    """The model's file."""

    digest: str
    replaced: bool
    """Whether another file was there before."""


def execute(plan: Plan) -> None:
    """Do what `plan` says."""
    _check_places(plan)
    with _progress(plan) as progress:
        samples = _read(plan, progress)
        if plan.output is None and not plan.quiet:
            unsaved = "note: the model is not saved; name a file with -o model.safetensors"
            _console.note(unsaved, progress.console)
        candidates = _fit_all(plan, samples, progress)
    best = _best(candidates)
    saved = None if plan.output is None else _save(plan, samples, best)
    _kmeans_report.report(plan, samples, candidates, best, saved)


def _check_places(plan: Plan) -> None:
    """Find out before the fit what would spoil it after."""
    for path in (plan.output, plan.plot_path):
        if path is not None:
            check_writable(path)
    if plan.output is not None:
        path_to_save(plan.output)
    if plan.plot is not None and plan.plot.suffix not in {".svg", ".png", ".pdf"}:
        raise InvalidArgumentError(f"`{plan.plot}` does not end in .svg, .png or .pdf")


@contextmanager
def _progress(plan: Plan) -> "Iterator[Progress]":
    """Show progress on stderr, where that is a terminal and nobody asked for quiet."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    to = _console.console(stderr=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[detail]}"),
        TimeElapsedColumn(),
    )
    hidden = plan.quiet or not to.is_terminal
    with Progress(*columns, console=to, disable=hidden, transient=True) as progress:
        yield progress


def _read(plan: Plan, progress: "Progress") -> Samples:
    """Read the columns asked for, sample and scale them."""
    source = read(plan.data, columns=plan.features, dtype=plan.dtype, on_error=plan.on_error)
    if not plan.quiet:
        _console.note_on_header(source, progress.console)
    if plan.stream:
        samples = _stream(plan, source)
    else:
        samples = _load(plan, _read_rows(source, progress), source)
    if source.n_bad_rows and not plan.quiet:
        _console.note(f"note: {counted(source.n_bad_rows, 'bad row')} left out", progress.console)
    return samples


def _stream(plan: Plan, source: Source) -> Samples:
    """Read the rows once, to know them, and scale them wherever they are read again."""
    stream = Stream.of(source)
    _check_enough(plan, stream.n_rows)
    scaler = None
    if plan.scale:
        scaler = _standard_scaler(stream.mean, np.sqrt(stream.variance))
        stream = Stream.of(ScaledSource(source, scaler))
    return Samples(source.columns if source.named else None, stream, stream.n_rows, scaler)


def _load(plan: Plan, rows: Matrix, source: Source) -> Samples:
    """Sample and scale rows in memory."""
    n_read = len(rows)
    if plan.sample is not None and plan.sample < n_read:
        chosen = np.random.default_rng(plan.random_state).choice(n_read, plan.sample, replace=False)
        rows = rows[np.sort(chosen)]
    _check_enough(plan, len(rows))
    scaler = None
    if plan.scale:
        mean, spread = rows.mean(axis=0, dtype=np.float64), rows.std(axis=0, dtype=np.float64)
        scaler = _standard_scaler(mean, spread)
        rows = scaler.transform(rows)
    return Samples(source.columns if source.named else None, rows, n_read, scaler)


def _read_rows(source: Source, progress: "Progress") -> Matrix:
    task = progress.add_task("reading", total=None, detail="")

    def blocks() -> Iterator[Matrix]:
        for block in source.matrices():
            yield block
            progress.update(task, advance=len(block), detail="rows")

    rows = source.joined(blocks())
    progress.remove_task(task)
    return rows


def _check_enough(plan: Plan, n_rows: int) -> None:
    if n_rows < plan.ks[-1]:
        raise hinted(
            InvalidArgumentError(
                f"{plan.ks[-1]} clusters need at least as many rows; there are {n_rows}"
            ),
            f"choose --k of at most {n_rows}",
        )


def _standard_scaler(shift: NDArray[np.float64], spread: NDArray[np.float64]) -> Scaler:
    # A constant feature is shifted to 0 and left at that.
    return Scaler("standard", shift, np.where(spread > 0, spread, 1.0))


def _fit_all(plan: Plan, samples: Samples, progress: "Progress") -> list[Candidate]:
    silhouette = None
    if plan.is_sweep:
        judged, picked = samples.some(plan.random_state, SAMPLE_ROWS)
        silhouette = Silhouette(judged)
    candidates = []
    for k in plan.ks:
        model = _estimator(plan, k)
        total = model.max_iter if isinstance(model, KMeans) else None
        task = progress.add_task(f"k={k}", total=total, detail="")

        def show(iteration: int, inertia: float, _shift: float, task: Any = task) -> None:
            progress.update(task, completed=iteration, detail=f"inertia {inertia:.6g}")

        started = time.perf_counter()
        model.callback = None if progress.disable else show
        with warnings.catch_warnings(record=True) as told:
            warnings.simplefilter("always")
            model.fit(samples.fitted)
        seconds = time.perf_counter() - started
        score = silhouette.score(model.labels_[picked]) if silhouette else None
        said = tuple(dict.fromkeys(str(warning.message) for warning in told))
        candidates.append(Candidate(k, model, seconds, score, said))
        progress.remove_task(task)
    return candidates


def _estimator(plan: Plan, k: int) -> KMeans | MiniBatchKMeans:
    given: dict[str, Any] = {name: v for name, v in plan.limits.items() if v is not None}
    estimator = MiniBatchKMeans if plan.minibatch else KMeans
    return estimator(k, random_state=plan.random_state, **given)


def _file_name(data: str) -> str:
    """Return the name of a file without its place: of a URI neither keys nor parameters."""
    return PurePath(urlsplit(data).path if "://" in data else data).name


def _best(candidates: list[Candidate]) -> Candidate:
    return max(candidates, key=lambda one: -2.0 if one.silhouette is None else one.silhouette)


def _save(plan: Plan, samples: Samples, best: Candidate) -> Saved:
    """Save the model, with the names of its features and its scaler."""
    model: Any = best.model
    model.callback = None
    if samples.scaler is not None:
        model = ScaledKMeans(samples.scaler, model, feature_names=samples.names)
    elif samples.names is not None:
        model.feature_names_in_ = np.asarray(samples.names, dtype=object)
    metadata: dict[str, Any] = {"data": _file_name(plan.data)}
    if best.silhouette is not None:
        metadata["silhouette"] = best.silhouette
    assert plan.output is not None  # noqa: S101 -- asked only where there is an output
    replaced = plan.output.exists()
    with warnings.catch_warnings():
        # The fit took an array; its names are those of the file's columns.
        warnings.simplefilter("ignore", UserWarning)
        return Saved(ferrule.save(model, plan.output, metadata=metadata), replaced)
