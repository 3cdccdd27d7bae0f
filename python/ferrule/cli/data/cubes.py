"""`ferrule data cubes`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ferrule._hints import hinted
from ferrule.cli._options import Json, Quiet


class Sink(StrEnum):
    """Where cubes go."""

    checksum = "checksum"
    npy = "npy"
    zarr = "zarr"
    parquet = "parquet"


class Columns(StrEnum):
    """How columns are drawn."""

    per_layer = "per-layer"
    shared = "shared"


class Dtype(StrEnum):
    """The precision of a cube."""

    float16 = "float16"
    float32 = "float32"
    float64 = "float64"


_Stack = Annotated[
    Path, typer.Argument(metavar="STACK", help="A stack of frames, as FrameStack.save writes it.")
]
_Count = Annotated[int, typer.Option("-n", metavar="N", min=1, help="Cubes of the whole stream.")]
_Shape = Annotated[str, typer.Option(metavar="F,R,C", help="Frames, rows and columns of a cube.")]
_Columns = Annotated[Columns, typer.Option(help="Draw columns for each frame, or once for a cube.")]
_Rows = Annotated[str, typer.Option(metavar="first|random|A:B", help="Which rows of the frames.")]
_Dtype = Annotated[
    Dtype | None, typer.Option(help="Precision of a cube.", show_default="as the stack")
]
_Layout = Annotated[str, typer.Option(metavar="AXES", help="The order of a cube's axes.")]
_Seed = Annotated[
    int,
    typer.Option(metavar="N", min=0, max=2**64 - 1, help="The same seed gives the same cubes."),
]
_Part = Annotated[
    str | None,
    typer.Option(metavar="K/N", help="Make one of N parts, 1/N to N/N.", show_default="all"),
]
_Sink = Annotated[
    Sink, typer.Option(help="Add the cubes up to a checksum, or write them to files.")
]
_Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FOLDER", help="Where files of cubes go."),
]
_State = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="Keep here how far a checksum is; a run goes on from there, and parts join.",
    ),
]


def cubes(
    stack: _Stack,
    *,
    n: _Count,
    shape: _Shape = "100,100,100",
    columns: _Columns = Columns.per_layer,
    rows: _Rows = "first",
    dtype: _Dtype = None,
    layout: _Layout = "frame,row,col",
    seed: _Seed = 0,
    part: _Part = None,
    sink: _Sink = Sink.checksum,
    output: _Output = None,
    state: _State = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Make the cubes of a stream, as many as N, and go on where an earlier run stopped.

    Cube i depends only on the seed and on i. Parts may be made at once, by many processes, on one
    state file or into one folder; each cube counts once.
    """
    from ferrule.cli.data._cubes import Plan, execute

    if (sink is Sink.checksum) != (output is None):
        wrong = "a checksum has no --output" if output else f"--sink {sink.value} needs --output"
        raise typer.BadParameter(wrong)
    if state is not None and sink is not Sink.checksum:
        raise hinted(
            typer.BadParameter(f"--state is for a checksum, not for --sink {sink.value}"),
            "files tell by themselves how far a run came",
        )
    execute(
        Plan(
            stack=stack,
            n=n,
            options={
                "shape": _numbers(shape),
                "columns": columns.value.replace("-", "_"),
                "rows": _rows(rows),
                "dtype": None if dtype is None else dtype.value,
                "layout": layout,
                "seed": seed,
            },
            part=None if part is None else _part(part),
            sink=sink.value,
            output=output,
            state=state,
            json=json,
            quiet=quiet,
        )
    )


def _numbers(text: str) -> tuple[int, ...]:
    try:
        return tuple(int(side) for side in text.replace("x", ",").split(","))
    except ValueError:
        raise hinted(
            typer.BadParameter(f"--shape is `{text}`; three numbers are expected"),
            "write --shape 100,100,100: frames, rows, columns",
        ) from None


def _rows(text: str) -> str | slice:
    if ":" not in text:
        return text
    try:
        return slice(*(int(edge) if edge else None for edge in text.split(":")))
    except (ValueError, TypeError):
        raise hinted(
            typer.BadParameter(f"--rows is `{text}`; a range is expected"),
            "write --rows 200:300",
        ) from None


def _part(text: str) -> tuple[int, int]:
    try:
        k, n_parts = map(int, text.split("/"))
    except ValueError:
        k = n_parts = 0
    if not 1 <= k <= n_parts:
        raise hinted(
            typer.BadParameter(f"--part is `{text}`; one of 1/N to N/N is expected"),
            "write --part 3/8 for the third of eight",
        )
    return k, n_parts
