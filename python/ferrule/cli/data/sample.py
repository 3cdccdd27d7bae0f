"""`ferrule data sample`."""

from typing import Annotated

import typer

from ferrule.cli._options import Json, OnError, Quiet
from ferrule.cli.data._options import Compression, OnErrorOption, Seed, Source


def sample(
    src: Source,
    dst: Annotated[
        str, typer.Argument(help="A file, whose ending tells the format.", metavar="DST")
    ],
    *,
    n: Annotated[int, typer.Option("-n", metavar="N", min=1, help="Rows to draw.")],
    seed: Seed = 0,
    compression: Compression = None,
    on_error: OnErrorOption = OnError.stop,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Write some rows of a table, each as likely as any other, in their order."""
    from ferrule.cli.data._report import Clock, report
    from ferrule.data import convert, read
    from ferrule.data import sample as run
    from ferrule.data._write import refuse_own_input
    from ferrule.data._writers import writer_of

    clock = Clock()
    writer_of(dst)
    source = read(src, on_error=on_error.value, progress=not quiet)
    refuse_own_input(source, dst)
    drawn = run(source, n, seed=seed)
    report(convert(drawn, dst, compression=compression), clock, json=json, quiet=quiet)
