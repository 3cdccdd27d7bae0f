"""`ferrule train kmeans`."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from ferrule._hints import hinted
from ferrule.cli._options import DataFile, Json, OnError, flag


class Dtype(StrEnum):
    """The precision of a fit."""

    float32 = "float32"
    float64 = "float64"


_Features = Annotated[
    str | None,
    typer.Option(metavar="A,B,…", help="Columns to use.", show_default="all"),
]
_Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", metavar="FILE.safetensors", help="Where to save the model."),
]
_Sample = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Fit on this many random rows.", show_default="all"),
]
_RandomState = Annotated[
    int,
    typer.Option(
        metavar="N", min=0, max=2**32 - 1, help="Seed: the same one gives the same model."
    ),
]
_NInit = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Fits from new initial centres; the best is kept.",
        show_default="1",
    ),
]
_MaxIter = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        min=1,
        help="Most iterations of a fit.",
        show_default="300; 100 passes for --minibatch",
    ),
]
_Tol = Annotated[
    float | None,
    typer.Option(
        metavar="T",
        min=0.0,
        help="Converged when the centres move less than this, relative to the data's variance.",
        show_default="1e-4; 0 for --minibatch",
    ),
]
_Dtype = Annotated[
    Dtype | None,
    typer.Option(help="Precision of the fit and the model.", show_default="as the data"),
]
_OnError = Annotated[
    OnError,
    typer.Option(
        help="Rows that are broken, or lack a number in a column in use: stop at the first, or"
        " leave them out."
    ),
]
_Plot = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.svg|FILE.png",
        help="Plot the scores of a range, or the clusters of one K.",
        show_default="OUTPUT-k.svg for a range",
    ),
]


def kmeans(
    data: DataFile,
    *,
    k: Annotated[
        str, typer.Option("--k", metavar="K|LOW..HIGH", help="Clusters, or a range to try.")
    ] = "8",
    features: _Features = None,
    output: _Output = None,
    scale: Annotated[
        bool, flag("--scale", help="Standardise each feature first; served that way too.")
    ] = False,
    sample: _Sample = None,
    random_state: _RandomState = 0,
    n_init: _NInit = None,
    max_iter: _MaxIter = None,
    tol: _Tol = None,
    minibatch: Annotated[
        bool, flag("--minibatch", help="Fit on small batches: faster, not exact.")
    ] = False,
    stream: Annotated[
        bool,
        flag("--stream", help="With --minibatch: read the data anew for each pass, never hold it."),
    ] = False,
    dtype: _Dtype = None,
    on_error: _OnError = OnError.stop,
    plot: _Plot = None,
    json: Json = False,
    quiet: Annotated[
        bool, flag("--quiet", "-q", help="Print nothing but errors, and what --json asks for.")
    ] = False,
) -> None:
    """Fit K-Means to a file of numbers.

    With a range, as in `--k 2..12`, each K is fitted and the one of the best silhouette is kept.
    """
    from ferrule.cli._kmeans import Plan, execute

    if stream and (not minibatch or sample is not None):
        raise hinted(
            typer.BadParameter("--stream goes with --minibatch, and without --sample"),
            "write --minibatch --stream",
        )
    execute(
        Plan(
            data=data,
            ks=_parse_k(k),
            features=None if features is None else [name.strip() for name in features.split(",")],
            output=output,
            scale=scale,
            sample=sample,
            random_state=random_state,
            limits={"n_init": n_init, "max_iter": max_iter, "tol": tol},
            minibatch=minibatch,
            stream=stream,
            dtype=None if dtype is None else dtype.value,
            on_error=on_error.value,
            plot=plot,
            json=json,
            quiet=quiet,
        )
    )


def _parse_k(text: str) -> range:
    low, dots, high = text.partition("..")
    try:
        first = int(low)
        last = int(high) if dots else first
    except ValueError:
        raise hinted(
            typer.BadParameter(f"--k is `{text}`; a number or a range is expected"),
            "write --k 3 or --k 2..12",
        ) from None
    if last < first:
        raise hinted(typer.BadParameter(f"--k {text} runs backwards"), f"write {last}..{first}")
    least = 2 if dots else 1
    if first < least:
        raise hinted(
            typer.BadParameter(f"--k is {text}; it starts at {least} or above"),
            "the silhouette, by which a range is judged, needs two clusters" if dots else None,
        )
    return range(first, last + 1)
