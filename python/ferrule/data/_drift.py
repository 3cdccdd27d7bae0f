"""One schema for many files; where a file differs from the first, it is named."""

from collections.abc import Sequence

import pyarrow as pa

from ferrule._hints import hinted
from ferrule._words import counted, listed, nearest, short
from ferrule.data._formats._part import Part
from ferrule.errors import InvalidArgumentError


def common_schema(parts: Sequence[Part], names: Sequence[str] | None) -> pa.Schema:
    """Return the columns called `names`, all for None, with types that hold those of all parts.

    Columns are found by name, wherever they stand. Whole numbers widen to floats, floats to wider
    floats, and columns without any value take the type of the others.

    Raises
    ------
    InvalidArgumentError
        For a column that is missing, one that is in later files only, and types that do not go
        together.
    """
    first = parts[0]
    schema = _chosen(first, names)
    for part in parts[1:]:
        other = _chosen_like(first, part, schema, names)
        if other.equals(schema):
            continue
        schema = pa.schema(
            [
                pa.field(name, _wider(first, part, name, schema.field(name).type, kind))
                for name, kind in zip(other.names, other.types, strict=True)
            ]
        )
    if not any(part.parses for part in parts):
        return schema
    # Text without any value stays text.
    kinds = [pa.string() if pa.types.is_null(kind) else kind for kind in schema.types]
    return pa.schema(list(zip(schema.names, kinds, strict=True)))


def _chosen(part: Part, names: Sequence[str] | None) -> pa.Schema:
    schema = part.head.schema
    if names is None:
        return schema
    for name in names:
        if schema.get_field_index(name) < 0:
            raise _no_column(part, name)
        if list(names).count(name) > 1:
            raise InvalidArgumentError(f"column `{name}` is given twice")
    if not names:
        raise InvalidArgumentError("no columns are chosen; name at least one")
    return pa.schema([schema.field(name) for name in names])


def _no_column(part: Part, name: str) -> InvalidArgumentError:
    names = part.head.schema.names
    near = nearest(name, names)
    advice = f"did you mean `{near}`?" if near else f"its columns are {listed(names)}"
    return hinted(InvalidArgumentError(f"`{part.name}` has no column `{name}`"), advice)


def _chosen_like(
    first: Part, part: Part, schema: pa.Schema, names: Sequence[str] | None
) -> pa.Schema:
    """Return the columns of `part` that are those of `schema`."""
    other = part.head.schema
    if first.head.named != part.head.named:
        bare = part if first.head.named else first
        raise InvalidArgumentError(
            f"`{part.name}` is not like `{first.name}`: `{bare.name}` has no names of columns"
        )
    missing = [name for name in schema.names if other.get_field_index(name) < 0]
    extra = [] if names is not None else [n for n in other.names if schema.get_field_index(n) < 0]
    if missing or extra:
        said = f"no column {listed(missing, 3)}" if missing else f"also {listed(extra, 3)}"
        raise hinted(
            InvalidArgumentError(
                f"`{part.name}` has {said}; `{first.name}` has"
                f" {counted(len(first.head.schema), 'column')}: {listed(schema.names, 6)}"
            ),
            "choose the columns that all files have: columns=[…]",
        )
    return pa.schema([other.field(name) for name in schema.names])


def _wider(first: Part, part: Part, name: str, one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Return the type that holds both."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    if _is_number(one) and _is_number(other):
        whole = pa.types.is_integer(one) and pa.types.is_integer(other)
        widest = max(one, other, key=lambda kind: kind.bit_width)
        if pa.types.is_floating(one) and pa.types.is_floating(other):
            return widest
        return pa.int64() if whole else pa.float64()
    raise InvalidArgumentError(
        f"`{part.name}`: column `{short(name, 80)}` holds {other}; it holds {one} in `{first.name}`"
    )


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)
