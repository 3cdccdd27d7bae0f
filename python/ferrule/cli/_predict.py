"""The work of `ferrule predict`: batches in, labels out, the output whole or not there."""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import ferrule
from ferrule._hints import hinted
from ferrule._words import counted
from ferrule.artifact import GraphModel
from ferrule.cli import _console
from ferrule.cli._files import existing_model
from ferrule.data import Source, read
from ferrule.data._durable import check_writable, replacing, write_all
from ferrule.data._endings import ending
from ferrule.data._formats._part import BATCH_ROWS
from ferrule.data._write import refuse_own_input
from ferrule.data._writers import buffered
from ferrule.errors import InvalidArgumentError

Write = Callable[[pa.RecordBatch], None]


def execute(
    model_path: Path, data: str, output: Path | None, *, distances: bool, quiet: bool
) -> None:
    """Label the rows of `data`; see the command's help."""
    writer = _writer(output, distances=distances)
    model = ferrule.load(
        existing_model(model_path, "the model comes first: ferrule predict MODEL DATA")
    )
    if isinstance(model, GraphModel):
        raise hinted(
            InvalidArgumentError(f"`{model_path}` is a graph; `ferrule predict` takes estimators"),
            "in Python, ferrule.load(path).predict(...) runs it",
        )
    source = read(data)
    if output is not None:
        refuse_own_input(source, output, "labels")
    if not quiet:
        _console.note_on_header(source)
    source = _columns_for(model, source)
    started, rows = time.perf_counter(), 0
    with writer as write, warnings.catch_warnings():
        # The columns were chosen by name; the matrix made of them has no names to compare.
        warnings.simplefilter("ignore", UserWarning)
        for batch in _labelled(model, source, distances=distances):
            write(batch)
            rows += batch.num_rows
    if output is not None and not quiet:
        seconds = time.perf_counter() - started
        _console.note(f"labelled {rows:,} rows in {seconds:.2f} s: {output}")


def _columns_for(model: Any, source: Source) -> Source:
    """Choose the columns that the model was fitted on."""
    names = getattr(model, "feature_names_in_", None)
    if names is not None and source.named:
        chosen = source.select([str(name) for name in names])
        _ = chosen.schema  # missing columns are told before anything is written
        return chosen
    n_columns = len(source.columns)
    if n_columns != model.n_features_in_:
        wanted = "" if names is None else f": {', '.join(f'`{name}`' for name in names)}"
        raise hinted(
            InvalidArgumentError(
                f"`{source.name}` has {counted(n_columns, 'column')};"
                f" the model takes {model.n_features_in_}{wanted}"
            ),
            "give a file of just these columns, in this order",
        )
    return source


def _labelled(model: Any, source: Source, *, distances: bool) -> Iterator[pa.RecordBatch]:
    for rows in source.matrices(BATCH_ROWS, model.cluster_centers_.dtype):
        columns: dict[str, NDArray[Any]] = {"label": model.predict(rows)}
        if distances:
            gaps = np.asarray(model.transform(rows))
            columns |= {f"distance_{index}": gaps[:, index] for index in range(gaps.shape[1])}
        yield pa.RecordBatch.from_pydict({name: pa.array(v) for name, v in columns.items()})


def _writer(output: Path | None, *, distances: bool) -> Any:
    """Return a context that gives a function to write batches with."""
    if output is None:
        return _csv_to(sys.stdout.buffer)
    kinds: dict[str, Any] = {".csv": _csv, ".parquet": _parquet, ".npy": _npy}
    kind = kinds.get(output.suffix.lower())
    if kind is None:
        raise hinted(
            InvalidArgumentError(f"`{output}` {ending(output)}, which is no kind of output"),
            f"predictions are written as {', '.join(kinds)}",
        )
    if kind is _npy and distances:
        raise hinted(
            InvalidArgumentError("an .npy file holds one array: no distances beside the labels"),
            f"write -o {output.with_suffix('.parquet')}",
        )
    check_writable(output)
    return kind(output)


@contextmanager
def _csv_to(sink: Any) -> Iterator[Write]:
    from pyarrow import csv

    headed = False

    def write(batch: pa.RecordBatch) -> None:
        nonlocal headed
        if not headed:
            sink.write(",".join(batch.schema.names).encode() + b"\n")
        headed = True
        csv.write_csv(batch, sink, csv.WriteOptions(include_header=False))

    yield write


@contextmanager
def _csv(output: Path) -> Iterator[Write]:
    with replacing(output) as file:
        sink = buffered(file)
        with _csv_to(sink) as write:
            yield write
        sink.flush()


@contextmanager
def _parquet(output: Path) -> Iterator[Write]:
    import pyarrow.parquet as pq

    with replacing(output) as file:
        sink = buffered(file)
        made: list[pq.ParquetWriter] = []

        def write(batch: pa.RecordBatch) -> None:
            if not made:
                made.append(pq.ParquetWriter(sink, batch.schema))
            made[0].write_batch(batch)

        try:
            yield write
        finally:
            for writer in made:
                writer.close()
        sink.flush()


@contextmanager
def _npy(output: Path) -> Iterator[Write]:
    labels: list[NDArray[np.int32]] = []
    with replacing(output) as file:
        yield lambda batch: labels.append(batch.column("label").to_numpy())
        array = BytesIO()
        np.save(array, np.concatenate(labels) if labels else np.empty(0, np.int32))
        write_all(file, array.getbuffer())
