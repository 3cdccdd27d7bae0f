"""The work of `ferrule predict`: batches in, labels out, the output whole or not there."""

import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

import ferrule
from ferrule._hints import hinted
from ferrule._tables import Selection, Table, counted, ending, open_table
from ferrule.cli import _console
from ferrule.cli._files import atomic_file, check_writable, existing_model
from ferrule.errors import InvalidArgumentError

Write = Callable[[pa.RecordBatch], None]


def execute(
    model_path: Path, data: Path, output: Path | None, *, distances: bool, quiet: bool
) -> None:
    """Label the rows of `data`; see the command's help."""
    _refuse_own_input(data, output)
    writer = _writer(output, distances=distances)
    model = ferrule.load(
        existing_model(model_path, "the model comes first: ferrule predict MODEL DATA")
    )
    table = open_table(data)
    if not quiet:
        _console.note_on_header(table)
    selection = _columns_for(model, table)
    started, rows = time.perf_counter(), 0
    with writer as write, warnings.catch_warnings():
        # The columns were chosen by name; the matrix made of them has no names to compare.
        warnings.simplefilter("ignore", UserWarning)
        for batch in _labelled(model, selection, distances=distances):
            write(batch)
            rows += batch.num_rows
    if output is not None and not quiet:
        seconds = time.perf_counter() - started
        _console.note(f"labelled {rows:,} rows in {seconds:.2f} s: {output}")


def _refuse_own_input(data: Path, output: Path | None) -> None:
    """Refuse to replace the file that is read by its labels."""
    if output is not None and output.exists() and data.exists() and output.samefile(data):
        raise hinted(
            InvalidArgumentError(f"`{output}` is the file being read"),
            f"write elsewhere: -o {data.stem}-labels{data.suffix}",
        )


def _columns_for(model: Any, table: Table) -> Selection:
    """Choose the columns that the model was fitted on."""
    names = getattr(model, "feature_names_in_", None)
    if names is not None and table.columns is not None:
        return table.choose([str(name) for name in names])
    if table.n_columns != model.n_features_in_:
        wanted = "" if names is None else f": {', '.join(f'`{name}`' for name in names)}"
        raise hinted(
            InvalidArgumentError(
                f"`{table.path}` has {counted(table.n_columns, 'column')};"
                f" the model takes {model.n_features_in_}{wanted}"
            ),
            "give a file of just these columns, in this order",
        )
    return table.choose(None)


def _labelled(model: Any, selection: Selection, *, distances: bool) -> Iterator[pa.RecordBatch]:
    for rows in selection.batches(str(model.cluster_centers_.dtype)):
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
    with atomic_file(output) as temporary, temporary.open("wb") as file, _csv_to(file) as write:
        yield write


@contextmanager
def _parquet(output: Path) -> Iterator[Write]:
    import pyarrow.parquet as pq

    with atomic_file(output) as temporary:
        made: list[pq.ParquetWriter] = []

        def write(batch: pa.RecordBatch) -> None:
            if not made:
                made.append(pq.ParquetWriter(temporary, batch.schema))
            made[0].write_batch(batch)

        try:
            yield write
        finally:
            for file in made:
                file.close()


@contextmanager
def _npy(output: Path) -> Iterator[Write]:
    labels: list[NDArray[np.int32]] = []
    with atomic_file(output) as temporary:
        yield lambda batch: labels.append(batch.column("label").to_numpy())
        np.save(temporary, np.concatenate(labels) if labels else np.empty(0, np.int32))
