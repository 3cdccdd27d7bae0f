"""How a table of functions of one tensor becomes members of a family."""

from collections.abc import Callable
from typing import Any

from oracle.builder import Builder

Function = Callable[[Any, Any], Any]


def members(
    table: dict[str, tuple[Function, float]],
    *,
    limit: float = 2.0,
    positive: bool = False,
    kinked: bool = False,
    flat: bool = False,
) -> list[Callable[[Builder], None]]:
    """Return a member for each `name: (function of tf and x, bound of the result)`.

    Operands are at most `limit`, or in (0.25, 2.25) where `positive`; where `kinked`, none is zero
    but by chance. The results of `flat` functions may be equal.
    """

    def member(name: str, function: Function, bound: float) -> Callable[[Builder], None]:
        def add(b: Builder) -> None:
            x = b.pick(distinct=kinked, limit=limit)
            x = b.positive(x) if positive else x
            distinct = False if flat else None
            b.emit(name, function(b.tf, x.tensor), x.shape, bound, x, distinct=distinct)

        return add

    return [member(name, *row) for name, row in table.items()]
