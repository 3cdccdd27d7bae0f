"""One schema for many files; where a file differs from the first, it is named."""

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ferrule._hints import hinted
from ferrule._words import counted, listed, nearest, short
from ferrule.data._formats._part import Part
from ferrule.errors import InvalidArgumentError

_TEXTS = (pa.string(), pa.large_string())
_UNITS = ("s", "ms", "us", "ns")


def common_schema(
    parts: Sequence[Part], names: Sequence[str] | None, types: Mapping[str, pa.DataType]
) -> pa.Schema:
    """Return the columns called `names`, all for None, with types that hold those of all parts.

    Columns are found by name, wherever they stand. Those in `types` take what stands there. Of the
    others, whole numbers widen to floats, floats to wider floats, categories to text, times to
    finer ones, and columns without any value take the type of the others. Sparse files have the
    columns of each other.

    Raises
    ------
    InvalidArgumentError
        For a column that is missing, one that is in later files only, and types that do not go
        together.
    """
    first = parts[0]
    if names is None and len(parts) > 1 and all(part.sparse for part in parts):
        names = _sparse_names(parts)
    for name in types:
        if first.field(name) is None:
            raise _no_column(first, name)
    schema = _typed(_chosen(first, names), types)
    for part in parts[1:]:
        other = _typed(_chosen_like(first, part, schema, names), types)
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


def _typed(schema: pa.Schema, types: Mapping[str, pa.DataType]) -> pa.Schema:
    return pa.schema([pa.field(one.name, types.get(one.name, one.type)) for one in schema])


def _sparse_names(parts: Sequence[Part]) -> list[str]:
    """Return the names of all columns of sparse files, indices in their order."""
    names = {name for part in parts for name in part.head.schema.names}
    indices = sorted(int(name) for name in names if name.isdecimal())
    every = range(indices[0], indices[-1] + 1) if indices else ()
    return [*sorted(name for name in names if not name.isdecimal()), *map(str, every)]


def _chosen(part: Part, names: Sequence[str] | None) -> pa.Schema:
    if names is None:
        return part.head.schema
    fields: dict[str, Any] = {}
    for name in names:
        field = part.field(name)
        if field is None:
            raise _no_column(part, name)
        if name in fields:
            raise InvalidArgumentError(f"column `{name}` is given twice")
        fields[name] = field
    if not names:
        raise InvalidArgumentError("no columns are chosen; name at least one")
    return pa.schema(list(fields.values()))


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
    fields = {name: part.field(name) for name in schema.names}
    missing = [name for name, field in fields.items() if field is None]
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
    return pa.schema([field for field in fields.values() if field is not None])


def _wider(first: Part, part: Part, name: str, one: pa.DataType, other: pa.DataType) -> pa.DataType:
    """Return the type that holds both."""
    if one == other or pa.types.is_null(other):
        return one
    if pa.types.is_null(one):
        return other
    for widened in (_wider_number, _wider_text, _wider_time):
        kind = widened(one, other)
        if kind is not None:
            return kind
    advice = (
        f"read it as text in all of them: types={{'{name}': 'string'}}, or --type {name}=string"
    )
    raise hinted(
        InvalidArgumentError(
            f"`{part.name}`: column `{short(name, 80)}` holds {other}; it holds {one} in"
            f" `{first.name}`"
        ),
        advice if part.parses else None,
    )


def _wider_number(one: Any, other: Any) -> pa.DataType | None:
    if not (_is_number(one) and _is_number(other)):
        return None
    widest: pa.DataType = max(one, other, key=lambda kind: kind.bit_width)
    for alike in (pa.types.is_floating, pa.types.is_unsigned_integer):
        if alike(one) and alike(other):
            return widest
    whole = pa.types.is_integer(one) and pa.types.is_integer(other)
    return pa.int64() if whole else pa.float64()


def _is_number(kind: pa.DataType) -> bool:
    return pa.types.is_integer(kind) or pa.types.is_floating(kind)


def _wider_text(one: Any, other: Any) -> pa.DataType | None:
    """Return text for text, categories of text and both; large where one of them is."""
    kinds = [kind.value_type if pa.types.is_dictionary(kind) else kind for kind in (one, other)]
    if not all(kind in _TEXTS for kind in kinds):
        return None
    return pa.large_string() if pa.large_string() in kinds else pa.string()


def _wider_time(one: Any, other: Any) -> pa.DataType | None:
    """Return the finer of two times of one zone; a date is a time of none."""
    if not all(pa.types.is_timestamp(kind) or pa.types.is_date32(kind) for kind in (one, other)):
        return None
    times = [kind for kind in (one, other) if pa.types.is_timestamp(kind)]
    if any(kind.tz != (times[0].tz if len(times) == 2 else None) for kind in times):
        return None
    finest: pa.DataType = max(times, key=lambda kind: _UNITS.index(kind.unit))
    return finest
