"""`ferrule data convert | split | sample`."""

import numpy as np
import pyarrow.csv
import pyarrow.parquet as pq
import pytest


def test_convert_writes_and_tells(data, ferrule, points):
    code, out, err = ferrule("data", "convert", "points.parquet", "p.csv", "--columns", "weight")
    assert (code, out) == (0, "")
    assert err.startswith("wrote p.csv: 400 rows, ")
    np.testing.assert_array_equal(pyarrow.csv.read_csv("p.csv")["weight"], points[:, 1])
    assert ferrule("data", "convert", "points.parquet", "p.npy", "-q") == (0, "", "")
    np.testing.assert_array_equal(np.load("p.npy"), points)


def test_convert_takes_many_files_ranges_and_types(data, ferrule, points):
    (data / "a.csv").write_text("height,weight\n1,2\n")
    result = ferrule.json("data", "convert", "a.csv", "points.parquet", "all.parquet", "--rows", 3)
    assert [(one["file"], one["rows"]) for one in result["files"]] == [("all.parquet", 3)]
    np.testing.assert_array_equal(pq.read_table("all.parquet")["height"][1:], points[:2, 0])
    ferrule.json("data", "convert", "a.csv", "t.parquet", "--type", "weight=string")
    assert pq.read_table("t.parquet")["weight"].to_pylist() == ["2"]
    assert ferrule("data", "convert", "*.parquet", "out/", "--format", "arrow", "-q")[0] == 0
    assert sorted(path.name for path in (data / "out").iterdir()) == [
        "all.arrow",
        "points.arrow",
        "t.arrow",
    ]


def test_split_and_sample_are_the_same_for_the_same_seed(data, ferrule):
    for folder in ("one", "two"):
        result = ferrule.json("data", "split", "points.parquet", folder, "--validation", 0.1)
        assert [one["rows"] for one in result["files"]] == [320, 40, 40]
        assert ferrule("data", "sample", "points.parquet", f"{folder}.csv", "-n", 9)[0] == 0
    assert (data / "one/test.parquet").read_bytes() == (data / "two/test.parquet").read_bytes()
    assert (data / "one.csv").read_bytes() == (data / "two.csv").read_bytes()


def test_commands_chain_from_csv_to_predictions(data, ferrule):
    (data / "gaps.csv").write_text("a,b,name\n" + "1,2,x\n,2,y\n3,4,z\n9,9,w\n" * 20)
    assert ferrule("data", "split", "gaps.csv", "parts", "--stratify", "name")[0] == 0
    code, _, err = ferrule(
        "train",
        "kmeans",
        "parts/train.parquet",
        "--k",
        2,
        "--features",
        "a,b",
        "--on-error",
        "skip",
        "-o",
        "m.safetensors",
    )
    assert code == 0
    assert "note: 16 bad rows left out" in err
    code, _, err = ferrule("predict", "m.safetensors", "parts/*.parquet", "-o", "labels.csv")
    assert code == 1
    assert "parts/test.parquet`: column `a` has no value in row" in err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("convert", "points.parquet"), 2, "missing argument"),
        (("convert", "points.parquet", "points.parquet"), 1, "is the file being read"),
        (("convert", "points.parquet", "x.csv", "--rows", "9..2"), 2, "write --rows 100"),
        (("convert", "points.parquet", "x.csv", "--type", "height"), 2, "--type zip=string"),
        (("convert", "points.parquet", "x.csv", "--type", "height=real"), 1, "which is no type"),
        (
            ("convert", "points.parquet", "x.csv", "--columns", "hieght"),
            1,
            "did you mean `height`?",
        ),
        (("split", "points.parquet", "out", "--train", "2"), 1, "sum to at most 1"),
        (("split", "points.parquet", "out", "--stratify", "none"), 1, "has no column `none`"),
        (("sample", "points.parquet", "x.csv", "-n", "401"), 1, "draw from 1 to 400"),
        (("sample", "points.parquet", "points.parquet", "-n", "4"), 1, "is the file being read"),
    ],
)
def test_mistakes_are_told_in_a_line_and_leave_nothing(data, ferrule, arguments, code, says):
    got, out, err = ferrule("data", *arguments)
    assert (got, out) == (code, "")
    assert err.startswith("error: ")
    assert says in err
    assert [path.name for path in data.iterdir()] == ["points.parquet"]


def test_without_a_command_help_is_shown(ferrule):
    code, out, _ = ferrule("data")
    assert code == 0
    assert "convert" in out
