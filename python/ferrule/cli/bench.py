"""`ferrule bench`."""

from pathlib import Path
from typing import Annotated

import typer

from ferrule._hints import hinted
from ferrule.cli._options import Json, Quiet, flag

_Rate = Annotated[
    float | None,
    typer.Option(
        metavar="R",
        min=1.0,
        help="Calls a second of the run at a fixed rate.",
        show_default="half the peak",
    ),
]
_Threads = Annotated[
    int | None,
    typer.Option(metavar="N", min=1, help="Threads to drive from.", show_default="half the cores"),
]
_Plot = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE.png|FILE.svg", help="Where to draw.", show_default="MODEL-bench.png"
    ),
]
_Connections = Annotated[
    int | None,
    typer.Option(
        metavar="N", min=1, help="Most gRPC connections.", show_default="one a call in flight"
    ),
]


def bench(
    targets: Annotated[
        list[str],
        typer.Argument(
            metavar="TARGET",
            help="A model file, to be served for the while; or the http:// and grpc:// addresses"
            " of running servers, behind the model file where that is at hand.",
            show_default=False,
        ),
    ],
    *,
    name: Annotated[
        str | None,
        typer.Option(
            metavar="NAME", help="The model's name on the server.", show_default="the file's stem"
        ),
    ] = None,
    concurrency: Annotated[
        str, typer.Option(metavar="N,N,…", help="Calls in flight, a run each.")
    ] = "1,8,64",
    connections: _Connections = None,
    seconds: Annotated[float, typer.Option(metavar="S", min=0.1, help="Length of each run.")] = 3.0,
    rate: _Rate = None,
    threads: _Threads = None,
    api_key_file: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A file with the key that the server asks for."),
    ] = None,
    plot: _Plot = None,
    no_plot: Annotated[bool, flag("--no-plot", help="Draw nothing.")] = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Measure a server: throughput and latency over gRPC and REST, one row a call.

    Each number of calls in flight is run closed-loop (a call follows an answer), then one run goes
    at a fixed rate, where latency counts from when a call was due. A sample of the answers is
    compared with the model's; a wrong or failed one fails the command.
    """
    from ferrule.cli._bench import Plan, execute

    execute(
        Plan(
            targets=targets,
            name=name,
            flights=_parse_flights(concurrency),
            connections=connections,
            seconds=seconds,
            rate=rate,
            threads=threads,
            api_key_file=api_key_file,
            plot=plot,
            draw=not no_plot,
            json=json,
            quiet=quiet,
        )
    )


def _parse_flights(text: str) -> list[int]:
    try:
        flights = [int(part) for part in text.split(",")]
    except ValueError:
        flights = []
    if not flights or min(flights) < 1 or max(flights) > 10_000:
        raise hinted(
            typer.BadParameter(f"--concurrency is `{text}`; numbers from 1 to 10000 are expected"),
            "write --concurrency 1,8,64",
        )
    return flights
