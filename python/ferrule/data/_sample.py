"""`sample`: some rows of a table, by chance."""

from typing import Any

import pyarrow as pa

from ferrule._hints import hinted
from ferrule.data._deal import Deal
from ferrule.data._read import read
from ferrule.data._source import Source
from ferrule.data._split import n_good_rows
from ferrule.errors import InvalidArgumentError


def sample(
    what: Any, n_rows: int, *, seed: int = 0, on_error: str = "raise", progress: bool = False
) -> Source:
    """Return `n_rows` rows of a table, each as likely as any other, in their order.

    The table is streamed; where its rows are not known beforehand it is read twice. Only the
    rows drawn are held in memory. The same table and seed give the same rows.

    Parameters
    ----------
    what : path, str, list of those, table or Source
        What `read` takes; of less than a billion rows.
    n_rows : int
        Rows to draw, without replacement.
    seed : int
        At least 0.
    on_error, progress
        As for `read`.

    Returns
    -------
    Source
        Of a table in memory; `convert` writes it.

    Raises
    ------
    ferrule.errors.InvalidArgumentError
        Where there are fewer rows.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule.data import sample
    >>> sample(np.arange(100.0).reshape(50, 2), 5).to_numpy().shape
    (5, 2)
    """
    source = read(what, on_error=on_error, progress=progress)
    total = n_good_rows(source)
    if not 0 < n_rows <= total:
        raise hinted(
            InvalidArgumentError(
                f"{n_rows:,} rows are to be drawn from `{source.name}`, which has {total:,}"
            ),
            f"draw from 1 to {total:,}",
        )
    if seed < 0:
        raise InvalidArgumentError(f"seed is {seed}; at least 0 is expected")
    deal = Deal([n_rows, total - n_rows], seed)
    drawn = [batch.filter(pa.array(deal.take(batch.num_rows) == 0)) for batch in source.batches()]
    return read(pa.Table.from_batches(drawn, source.schema))
