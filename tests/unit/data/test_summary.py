import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from ferrule.data import FrameStack, read
from ferrule.data._histogram import Histogram
from ferrule.data._summary import summary_of


def quiet(_):
    pass


def test_figures_are_those_of_pandas_whatever_the_batches(tmp_path):
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {"a": generator.normal(1e6, 1, 5000), "b": generator.integers(-9, 9, 5000), "c": 2.5}
    )
    frame.loc[::3, "a"] = np.nan
    frame.to_parquet(tmp_path / "x.parquet", row_group_size=700)
    summary = summary_of(read(tmp_path / "x.parquet"), quiet)
    expected = frame.describe()
    assert summary.n_rows == 5000
    for column in summary.columns:
        theirs = expected[column.name]
        assert (column.minimum, column.maximum) == (theirs["min"], theirs["max"])
        assert column.mean == pytest.approx(theirs["mean"], rel=1e-14)
        assert column.std == pytest.approx(frame[column.name].std(ddof=0), rel=1e-9, abs=1e-12)
        assert column.count == theirs["count"]
        assert column.missing == frame[column.name].isna().sum()


def test_texts_times_and_truth_values_are_told():
    table = pa.table(
        {
            "city": ["Oslo", "Rome", "Oslo", None],
            "ok": [True, False, None, True],
            "day": pa.array([3, 1, None, 2], pa.date32()),
            "kind": pa.array(["x", "y", "x", "x"]).dictionary_encode(),
            "many": pa.array([None] * 4),
        }
    )
    city, ok, day, kind, many = summary_of(read(table), quiet).columns
    assert (city.missing, city.distinct, city.top) == (1, 2, [("Oslo", 2), ("Rome", 1)])
    assert (ok.missing, ok.mean) == (1, pytest.approx(2 / 3))
    assert (day.minimum, day.maximum, day.missing) == ("1970-01-02", "1970-01-04", 1)
    assert kind.top[0] == ("x", 3)
    assert (many.missing, many.minimum, many.bars()) == (4, None, ([], []))


def test_extremes_of_whole_numbers_are_told_to_the_last_digit():
    (column,) = summary_of(read(pa.table({"id": [2**53 + 1, -(2**62) - 1, None]})), quiet).columns
    assert (column.minimum, column.maximum) == (-(2**62) - 1, 2**53 + 1)


def test_the_most_frequent_texts_are_found_among_many_others():
    texts = [f"n{index}" for index in range(20_000)] + ["often"] * 7 + ["twice"] * 2
    for table in (pa.table({"id": texts}), pa.table({"id": [*texts[:5000], *texts[-9:]]})):
        (column,) = summary_of(read(table), quiet).columns
        assert column.top[:2] == [("often", 7), ("twice", 2)]
        assert column.distinct == (None if len(table) > 10_000 else 5002)


def test_infinities_and_missing_values_are_counted_and_nothing_else():
    table = pa.table({"a": [1.0, np.inf, -np.inf, np.nan, None, 3.0]})
    (column,) = summary_of(read(table), quiet).columns
    assert (column.infinite, column.missing, column.count) == (2, 2, 2)
    assert (column.minimum, column.mean, column.maximum) == (1.0, 2.0, 3.0)


@pytest.mark.parametrize("scale", [1e-300, 1.0, 1e300])
def test_a_histogram_counts_every_value_within_its_edges(scale):
    generator = np.random.default_rng(1)
    batches = [generator.normal(shift, 1, 500) * scale for shift in (0, 100, -3000, 0)]
    histogram = Histogram()
    for batch in batches:
        histogram.add(batch, batch.min(), batch.max())
    edges, counts = histogram.bars(24)
    assert sum(counts) == 2000
    assert len(counts) <= 24
    assert len(edges) == len(counts) + 1
    everything = np.concatenate(batches)
    expected, _ = np.histogram(everything, edges)
    # A value that is an edge but for rounding may be counted beside it.
    assert np.abs(expected - counts).sum() <= 4


def test_a_histogram_of_extremes_and_of_one_value_has_bars():
    histogram = Histogram()
    values = np.array([-1.7e308, 0.0, 1.7e308])
    histogram.add(values, -1.7e308, 1.7e308)
    assert sum(histogram.bars(8)[1]) == 3
    for value in (0.0, 5.0, -1e308, 5e-324):
        histogram = Histogram()
        histogram.add(np.array([value, value]), value, value)
        assert histogram.bars(8)[1] == [2]


def test_bars_of_whole_numbers_hold_as_many_different_ones_each():
    histogram = Histogram(whole=True)
    for values in (np.arange(18, 90), np.arange(18, 90)[::-1]):
        histogram.add(values.astype(float), 18.0, 89.0)
    edges, counts = histogram.bars(24)
    assert set(counts) == {6}
    np.testing.assert_allclose(np.diff(edges), 3)


def test_describe_is_over_all_frames():
    values = np.random.default_rng(2).normal(size=(4, 3, 50))
    values[1, 2, 3] = np.nan
    table = FrameStack(values, ["a", "b", "c"]).describe().to_pandas().set_index("column")
    assert list(table.missing) == [0, 0, 1]
    for name, reduce in {
        "min": np.nanmin,
        "mean": np.nanmean,
        "max": np.nanmax,
        "std": np.nanstd,
    }.items():
        np.testing.assert_allclose(table[name], reduce(values, axis=(0, 2)), rtol=1e-12)


def test_html_of_a_stack_escapes_names():
    html = FrameStack(np.ones((1, 1, 2)), ["<script>alert(1)</script>"])._repr_html_()
    assert "<script>" not in html
    assert "&lt;script&gt;" in html
