"""Types that pyarrow's kernels and writers do not all know, as others that hold the same."""

import re
from typing import Any

import pyarrow as pa

_PANDAS_INDEX = re.compile(r"__index_level_\d+__")


def usual_schema(schema: pa.Schema) -> pa.Schema:
    """Return `schema` with usual types, without metadata, and without what was a pandas index."""
    return pa.schema(
        [
            pa.field(one.name, usual_type(one.type))
            for one in schema
            if not _PANDAS_INDEX.fullmatch(one.name)
        ]
    )


def usual_type(kind: Any) -> pa.DataType:
    """Return text for views of text, as polars exports it; other types are usual already."""
    found: pa.DataType = kind
    if pa.types.is_dictionary(kind):
        dictionary: Any = pa.dictionary
        found = dictionary(pa.int32(), usual_type(kind.value_type), kind.ordered)
    elif pa.types.is_string_view(kind):
        found = pa.large_string()
    elif pa.types.is_binary_view(kind):
        found = pa.large_binary()
    return found


def usual_batch(batch: pa.RecordBatch) -> pa.RecordBatch:
    """Return `batch` with usual types; columns of those are not copied."""
    kinds = [usual_type(kind) for kind in batch.schema.types]
    if kinds == batch.schema.types:
        return batch
    columns = [_usual(column, kind) for column, kind in zip(batch.columns, kinds, strict=True)]
    return pa.RecordBatch.from_arrays(columns, names=batch.schema.names)


def _usual(column: Any, kind: pa.DataType) -> Any:
    if column.type == kind:
        return column
    if pa.types.is_dictionary(kind):
        # No cast leads from a dictionary of views to another.
        words = column.dictionary.cast(kind.value_type)
        indices = column.indices.cast(pa.int32())
        return pa.DictionaryArray.from_arrays(indices, words, ordered=kind.ordered)
    return column.cast(kind)
