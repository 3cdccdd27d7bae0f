"""`split` and `sample` are exact, disjoint, fair and reproducible."""

import collections
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ferrule.data import convert, read, sample, split
from ferrule.data._deal import Deal, shares, strata_shares
from ferrule.errors import InvalidArgumentError

ROWS = np.arange(1000.0)[:, None]


def parts(folder):
    return {path.stem: read(path).to_numpy()[:, 0] for path in folder.iterdir()}


def test_every_row_is_in_exactly_one_file_and_sizes_are_exact(tmp_path):
    written = split(ROWS, tmp_path, train=0.7, validation=0.1)
    assert [one.n_rows for one in written] == [700, 100, 200]
    found = parts(tmp_path)
    assert {name: len(rows) for name, rows in found.items()} == {
        "train": 700,
        "validation": 100,
        "test": 200,
    }
    assert sorted(np.concatenate(list(found.values()))) == ROWS[:, 0].tolist()
    assert all((np.diff(rows) > 0).all() for rows in found.values())


def test_the_seed_alone_decides_not_the_format_or_the_files(tmp_path):
    convert(ROWS, tmp_path / "x.csv")
    convert(ROWS, tmp_path / "x.parquet")
    (tmp_path / "many").mkdir()
    for index in range(4):
        convert(ROWS[index * 250 : (index + 1) * 250], tmp_path / f"many/{index}.npy")
    made = {}
    for name in ("x.csv", "x.parquet", "many"):
        split(tmp_path / name, tmp_path / f"out-{name}", seed=5)
        made[name] = parts(tmp_path / f"out-{name}")["test"].tolist()
    assert made["x.csv"] == made["x.parquet"] == made["many"]
    split(ROWS, tmp_path / "other", seed=6)
    assert parts(tmp_path / "other")["test"].tolist() != made["many"]
    drawn = [sample(tmp_path / name, 50, seed=5).to_numpy()[:, 0].tolist() for name in made]
    assert drawn[0] == drawn[1] == drawn[2]
    assert len(set(drawn[0])) == 50


@pytest.mark.parametrize("category", [pa.string(), pa.dictionary(pa.int8(), pa.string())])
def test_a_stratified_split_gives_each_value_its_share(tmp_path, category):
    generator = np.random.default_rng(0)
    kinds = generator.choice(["a", "b", "c", None], p=[0.6, 0.3, 0.05, 0.05], size=2000)
    table = pa.table({"x": np.arange(2000.0), "kind": pa.array(list(kinds), category)})
    split(table, tmp_path, train=0.75, stratify="kind")
    counts = {
        name: collections.Counter(read(tmp_path / f"{name}.parquet").to_arrow()["kind"].to_pylist())
        for name in ("train", "test")
    }
    for kind, total in collections.Counter(kinds.tolist()).items():
        assert abs(counts["train"][kind] - 0.75 * total) < 1
        assert counts["train"][kind] + counts["test"][kind] == total
    assert counts["train"].total() == 1500


@given(
    st.lists(st.integers(0, 40), min_size=1, max_size=9),
    st.floats(0.01, 1),
    st.floats(0, 1),
)
def test_shares_of_strata_sum_to_the_shares_of_all(counts, train, rest):
    fractions = [train, rest * (1 - train)]
    sizes = np.array(strata_shares(counts, fractions))
    assert (sizes >= 0).all()
    assert sizes.sum(axis=1).tolist() == counts
    assert sizes.sum(axis=0).tolist() == shares(sum(counts), fractions)


@given(st.lists(st.integers(0, 3000), min_size=2, max_size=4), st.lists(st.integers(0, 900)))
def test_a_deal_does_not_depend_on_how_it_is_taken(sizes, takes):
    total = sum(sizes)
    whole = Deal(sizes, 3).take(total)
    assert np.bincount(whole, minlength=len(sizes)).tolist() == sizes
    deal, got, left = Deal(sizes, 3), [], total
    for take in [*takes, total]:
        take = min(take, left)
        got.append(deal.take(take))
        left -= take
    assert np.concatenate(got).tolist() == whole.tolist()


def test_each_row_and_each_pair_is_as_likely_as_any_other():
    draws = np.array([Deal([3, 7], seed).take(10) == 0 for seed in range(4000)])
    # Standard deviations of the counts: about 29 and 16.
    assert np.abs(draws.sum(axis=0) - 1200).max() < 5 * 29
    pairs = (draws[:, :, None] & draws[:, None, :]).sum(axis=0)[np.triu_indices(10, 1)]
    assert np.abs(pairs - 4000 / 15).max() < 5 * 16


def test_files_without_a_share_are_not_written(tmp_path):
    split(ROWS, tmp_path, train=1.0)
    assert [path.name for path in tmp_path.iterdir()] == ["train.parquet"]


@pytest.mark.parametrize(
    "options", [{"train": 0}, {"train": 1.5}, {"train": 0.8, "validation": 0.3}]
)
def test_shares_that_do_not_sum_up_are_refused(tmp_path, options):
    with pytest.raises(InvalidArgumentError, match="sum to at most 1"):
        split(ROWS, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_what_cannot_be_drawn_or_stratified_is_refused(tmp_path):
    with pytest.raises(InvalidArgumentError, match="which has 1,000"):
        sample(ROWS, 1001)
    with pytest.raises(InvalidArgumentError, match="has no column `y`"):
        split(ROWS, tmp_path, stratify="y")
    with pytest.raises(InvalidArgumentError, match="more than 10,000 values"):
        split(np.arange(20_000.0)[:, None], tmp_path, stratify="0")
    assert list(tmp_path.iterdir()) == []


def test_values_that_are_no_numbers_are_a_stratum_of_their_own(tmp_path):
    kinds = np.array([1.0, np.nan, 2.0, np.nan] * 50)
    table = pa.table({"kind": pa.array(kinds, mask=np.arange(200) < 40), "x": np.arange(200.0)})
    split(table, tmp_path, train=0.75, stratify="kind")
    train = read(tmp_path / "train.parquet").to_arrow()["kind"]
    assert train.null_count == 30
    assert np.isnan(train.drop_null().to_numpy()).sum() == 60
    with pytest.raises(InvalidArgumentError, match="whose values are no classes"):
        split(pa.table({"a": [[1], [2]]}), tmp_path / "out", stratify="a")


FULL = """
import resource, signal, sys
import numpy as np
from ferrule.data import split
from ferrule.errors import StorageError
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))
try:
    split(np.random.default_rng(0).normal(size=(20_000, 10)), sys.argv[1], train=0.9)
except StorageError as error:
    print(error)
"""


def test_a_disk_that_is_full_for_one_file_leaves_none(tmp_path):
    done = subprocess.run(
        [sys.executable, "-c", FULL, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.startswith(f"no space left to write `{tmp_path}/train.parquet`")
    assert done.stderr == ""
    assert list(tmp_path.iterdir()) == []


def test_a_bad_row_midway_leaves_no_file(tmp_path):
    (tmp_path / "x.csv").write_text("a\n" + "1\n" * 50 + "1,2\n")
    with pytest.raises(InvalidArgumentError, match="row 51, line 52"):
        split(tmp_path / "x.csv", tmp_path / "out")
    assert not list((tmp_path / "out").iterdir()) if (tmp_path / "out").exists() else True
    split(tmp_path / "x.csv", tmp_path / "out", on_error="skip")
    assert len(parts(tmp_path / "out")["train"]) == 40
