import doctest
import pickle

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest

from ferrule.data import FrameStack, _stack
from ferrule.errors import InvalidArgumentError, OutOfMemoryError


@pytest.fixture
def frames():
    generator = np.random.default_rng(0)
    return [generator.normal(size=(7, 3)) for _ in range(4)]


def test_the_examples_of_the_docstrings_run():
    results = doctest.testmod(_stack)
    assert results.attempted > 0
    assert results.failed == 0


@pytest.mark.parametrize(
    "make",
    [
        lambda x: x,
        np.asfortranarray,
        lambda x: pd.DataFrame(x, columns=["a", "b", "c"]),
        lambda x: pl.DataFrame(x, schema=["a", "b", "c"]),
        lambda x: pa.table(dict(zip("abc", x.T, strict=True))),
        lambda x: pa.RecordBatch.from_pydict(dict(zip("abc", map(list, x.T), strict=True))),
    ],
    ids=["c", "fortran", "pandas", "polars", "table", "record batch"],
)
def test_frames_of_every_library_lie_by_frame_column_and_row(frames, make):
    stack = FrameStack.from_frames(map(make, frames))
    assert stack.values.shape == (4, 3, 7)
    assert stack.values.flags.c_contiguous
    assert stack.values.ctypes.data % 64 == 0
    for index, frame in enumerate(frames):
        np.testing.assert_array_equal(stack.values[index], frame.T)
        np.testing.assert_array_equal(stack.frame(index), frame)
    expected = ("0", "1", "2") if isinstance(make(frames[0]), np.ndarray) else ("a", "b", "c")
    assert stack.columns == expected


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_dtype_is_what_was_asked_for(frames, dtype):
    stack = FrameStack.from_frames(frames, dtype=dtype)
    assert stack.dtype == dtype
    np.testing.assert_array_equal(stack.frame(2), frames[2].astype(dtype))
    assert stack.nbytes == 4 * 3 * 7 * np.dtype(dtype).itemsize


@pytest.mark.parametrize(
    ("dtype", "kept"), [("f2", "f2"), ("f4", "f4"), (">f4", "f4"), ("i8", "f8"), ("?", "f8")]
)
def test_dtype_without_a_wish_is_that_of_the_first_frame(dtype, kept):
    assert FrameStack.from_frames([np.ones((2, 2), dtype)]).dtype == np.dtype(kept)


def test_missing_values_become_nan():
    stack = FrameStack.from_frames([pa.table({"a": [1.0, None], "b": [None, 2]})])
    np.testing.assert_array_equal(stack.frame(0), [[1, np.nan], [np.nan, 2]])


def test_slices_of_frames_share_the_memory(frames):
    stack = FrameStack.from_frames(frames)
    part = stack[1:3]
    assert (len(part), part.columns) == (2, stack.columns)
    assert np.shares_memory(part.values, stack.values)
    np.testing.assert_array_equal(stack[-1], frames[-1])
    assert len(list(stack)) == 4
    with pytest.raises(InvalidArgumentError, match="no run of at least one frame"):
        stack[::2]
    with pytest.raises(IndexError, match="no frame 4 among 4"):
        stack[4]


@pytest.mark.parametrize(
    ("others", "message"),
    [
        ([np.ones((6, 3))], "frame 1 has 6 rows, frame 0 has 7"),
        ([np.ones((7, 4))], "frame 1 has 4 columns, frame 0 has 3"),
        ([np.ones(7)], "frame 1 has 1 dimensions"),
        ([np.full((7, 3), "a")], "frame 1 holds <U1; numbers are expected"),
        ([pd.DataFrame(np.ones((7, 3)))], "frame 1 has names of columns, frame 0 has none"),
        ([object()], "frame 1 is a object"),
    ],
)
def test_a_frame_that_differs_is_named(frames, others, message):
    with pytest.raises(InvalidArgumentError, match=message):
        FrameStack.from_frames([frames[0], *others])


def test_a_column_of_another_name_is_named(frames):
    first, second = (pd.DataFrame(frames[0], columns=list(names)) for names in ("abc", "adc"))
    with pytest.raises(InvalidArgumentError, match="column 1 of frame 1 is `d`, that of frame 0"):
        FrameStack.from_frames([first, second])


@pytest.mark.parametrize("wrong", [[], np.ones((0, 2, 2)), "a.csv", pd.DataFrame({"a": [1]})])
def test_what_is_no_frames_is_refused(wrong):
    with pytest.raises(InvalidArgumentError):
        FrameStack.from_frames(wrong)


def test_values_too_large_for_the_dtype_are_refused():
    with pytest.raises(InvalidArgumentError, match="frame 0 has values too large for float16"):
        FrameStack.from_frames([np.full((2, 2), 1e6)], dtype="float16")


@pytest.mark.parametrize(
    "values",
    [
        np.ones((2, 2)),
        np.ones((2, 2, 2), int),
        np.ones((2, 2, 2)).T,
        np.ones((2, 0, 2)),
        [[[1.0]]],
    ],
)
def test_values_of_another_kind_are_refused(values):
    with pytest.raises(InvalidArgumentError):
        FrameStack(values)


@pytest.mark.parametrize("columns", [["a"], ["a", "a"], "ab", [1, 2]])
def test_columns_that_do_not_fit_are_refused(columns):
    with pytest.raises(InvalidArgumentError):
        FrameStack(np.ones((1, 2, 3)), columns)


@pytest.mark.parametrize("dtype", ["int32", "wrong", "f16"])
def test_dtypes_of_another_kind_are_refused(frames, dtype):
    with pytest.raises(InvalidArgumentError, match="float16, float32 or float64"):
        FrameStack.from_frames(frames, dtype=dtype)


def test_a_stack_larger_than_memory_is_refused_with_its_size():
    huge = np.broadcast_to(np.float64(0), (1 << 40, 1000))
    with pytest.raises(OutOfMemoryError, match="needs 8,796,093,022,208,000 bytes"):
        FrameStack.from_frames([huge])


def test_repr_is_one_line(frames):
    stack = FrameStack.from_frames(frames)
    assert repr(stack) == "FrameStack(4 frames x 7 rows x 3 columns, float64, 672 bytes)"


def test_pickles_by_value_in_memory(frames):
    stack = FrameStack.from_frames(frames)
    again = pickle.loads(pickle.dumps(stack))
    np.testing.assert_array_equal(again.values, stack.values)
    assert again.columns == stack.columns
