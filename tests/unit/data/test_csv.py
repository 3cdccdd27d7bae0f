"""CSV as Python's csv module has it, in blocks of any size; bad rows with their place."""

import csv
import io

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ferrule.data import read
from ferrule.errors import InvalidArgumentError

TEXT = st.text(st.sampled_from("ab ,\"\n;é'#\t"), max_size=6)


@pytest.fixture(params=[1, 50, 1 << 23])
def block_bytes(request, monkeypatch):
    monkeypatch.setattr("ferrule.data._formats.csv._BLOCK_BYTES", request.param)
    monkeypatch.setattr("ferrule.data._formats.csv._CAREFUL_BYTES", 40)
    return request.param


def written(tmp_path, text):
    path = tmp_path / "x.csv"
    path.write_text(text, encoding="utf-8", newline="")
    return path


@settings(max_examples=60)
@given(
    rows=st.lists(
        st.tuples(st.floats(allow_nan=False, allow_infinity=False), TEXT, st.integers(-9, 9)),
        min_size=1,
        max_size=12,
    ),
    ends=st.sampled_from(["\n", "\r\n"]),
    last=st.booleans(),
)
def test_what_python_writes_is_read_back_in_blocks_of_any_size(tmp_path_factory, rows, ends, last):
    folder = tmp_path_factory.mktemp("csv")
    sink = io.StringIO(newline="")
    out = csv.writer(sink, lineterminator=ends)
    out.writerow(["number", "a text", "count"])
    out.writerows([(repr(number), text, count) for number, text, count in rows])
    text = sink.getvalue()
    path = written(folder, text if last else text.removesuffix(ends))
    expected = {
        "number": [number for number, _, _ in rows],
        "a text": [text for _, text, _ in rows],
        "count": [count for _, _, count in rows],
    }
    for size in (1, 30, 1 << 20):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ferrule.data._formats.csv._BLOCK_BYTES", size)
            patch.setattr("ferrule.data._formats.csv._CAREFUL_BYTES", size)
            source = read(path, types={"number": "float64", "a text": "string", "count": "int64"})
            assert source.to_arrow().to_pydict() == expected
            assert source.select(["count", "number"]).to_numpy().tolist() == [
                [count, number] for number, _, count in rows
            ]


@pytest.mark.usefixtures("block_bytes")
@pytest.mark.parametrize("policy", ["skip", "collect"])
def test_bad_rows_are_left_out_and_listed_with_row_line_and_column(tmp_path, policy):
    chance = np.random.default_rng(1)
    lines, good, bad = ["a,b,note"], [], []
    line = 2
    for row in range(1, 301):
        kind = chance.choice(["good", "long", "short", "text", "lines", "blank", "none"])
        if kind == "blank":
            lines.append("")
            line += 1
            kind = "good"
        cells = {
            "good": f"{row},{row}.5,x",
            "long": f"{row},{row},x,y",
            "short": f"{row}",
            "text": f"{row},abc,x",
            "lines": f'{row},{row}.5,"two\nlines"',
            "none": f",{row},x",
        }[kind]
        lines.append(cells)
        if kind in ("good", "lines"):
            good.append([row, row + 0.5])
        else:
            column = {"text": "b", "none": "a"}.get(kind)
            bad.append((row, line if kind != "none" else None, column))
        line += 2 if kind == "lines" else 1
    source = read(written(tmp_path, "\n".join(lines)), columns=["a", "b"], on_error=policy)
    np.testing.assert_array_equal(source.to_numpy(), good)
    assert source.n_bad_rows == len(bad)
    listed = sorted(source.errors, key=lambda one: one.row)
    if policy == "skip":
        assert listed == []
        return
    assert [(one.row, one.column) for one in listed] == [(row, column) for row, _, column in bad]
    for one, (_, line, _) in zip(listed, bad, strict=True):
        assert line is None or one.line == line
        assert one.file.endswith("x.csv")


@pytest.mark.usefixtures("block_bytes")
def test_the_first_bad_row_is_the_one_raised(tmp_path):
    path = written(tmp_path, "a,b\n" + "1,2\n" * 30 + "1,x\n" + "1\n" * 9)
    with pytest.raises(InvalidArgumentError, match="column `b` has `x` in row 31, line 32"):
        read(path).to_numpy()
    with pytest.raises(InvalidArgumentError, match="row 32, line 33 has 1 column"):
        read(path).to_arrow()


@pytest.mark.usefixtures("block_bytes")
@pytest.mark.parametrize(("start", "stop"), [(0, 5), (3, 17), (19, None), (0, 0), (50, 60)])
def test_ranges_count_bad_rows(tmp_path, start, stop):
    path = written(
        tmp_path, "a\n" + "".join("1,1\n" if i % 4 == 3 else f"{i}\n" for i in range(20))
    )
    source = read(path, rows=slice(start, stop), on_error="skip")
    expected = [i for i in range(20)[start:stop] if i % 4 != 3]
    assert [i for batch in source.batches() for i in batch.column(0).to_pylist()] == expected


def test_types_are_those_that_pandas_tells(tmp_path):
    path = written(tmp_path, "i,f,b,t,d\n1,.5,true,x,2013-01-02 03:04:05\n,1e3,false,y,\n")
    table = read(path).to_arrow()
    assert [str(kind) for kind in table.schema.types] == [
        "int64",
        "double",
        "bool",
        "string",
        "timestamp[s]",
    ]
    frame = pd.read_csv(path, parse_dates=["d"])
    assert table["f"].to_pylist() == frame["f"].tolist()
    assert table["i"].to_pylist() == [1, None]
    assert table["d"].to_pylist() == [frame["d"][0].to_pydatetime(), None]


def test_a_type_told_too_early_is_named_with_the_way_out(tmp_path):
    path = written(tmp_path, "a\n" + "1\n" * 600_000 + "1.5\n")
    with pytest.raises(
        InvalidArgumentError, match=r"has `1\.5` in row 600001, .* a whole number"
    ) as e:
        read(path).to_arrow()
    assert "types={" in e.value.__notes__[0]
    assert read(path, types={"a": "float64"}).to_arrow()["a"][-1].as_py() == 1.5
    assert read(path).to_numpy()[-1, 0] == 1.5


def test_types_that_are_given_go_before_those_that_differ_between_files(tmp_path):
    (tmp_path / "a.csv").write_text("zip,n\n123,1\n")
    (tmp_path / "b.csv").write_text("zip,n\nEC1A,2\n")
    with pytest.raises(InvalidArgumentError, match="column `zip` holds string") as caught:
        read(tmp_path).to_arrow()
    assert "types={'zip': 'string'}" in caught.value.__notes__[0]
    table = read(tmp_path, types={"zip": "string"}).to_arrow()
    assert table.to_pydict() == {"zip": ["123", "EC1A"], "n": [1, 2]}


def test_text_stays_as_it_is_written(tmp_path):
    path = written(tmp_path, "code,n\nNA,1\n,2\n007,3\nnull,4\nx,5\n")
    assert read(path).to_arrow()["code"].to_pylist() == ["NA", "", "007", "null", "x"]


def test_missing_values_become_nan_where_that_is_asked(tmp_path):
    path = written(tmp_path, "a,b\n1,\nNaN,inf\n")
    got = read(path, missing="nan").to_numpy()
    np.testing.assert_array_equal(got, [[1, np.nan], [np.nan, np.inf]])
    table = pa.table({"a": [1, None], "b": pa.array([None, True])})
    np.testing.assert_array_equal(read(table, missing="nan").to_numpy(), [[1, np.nan], [np.nan, 1]])


def test_files_without_rows_or_values_take_the_types_of_the_others(tmp_path):
    for name, text in (("0", "a,b\n"), ("1", "a,b\n,\n"), ("2", "a,b\n1,x\n2.5,y\n")):
        (tmp_path / f"{name}.csv").write_text(text)
    source = read(tmp_path)
    assert [str(kind) for kind in source.schema.types] == ["double", "string"]
    assert source.to_arrow().to_pydict() == {"a": [None, 1, 2.5], "b": ["", "x", "y"]}
    assert source.count() == 3
    assert [str(kind) for kind in read(tmp_path / "1.csv").schema.types] == ["string", "string"]


@pytest.mark.usefixtures("block_bytes")
def test_a_header_of_several_lines_is_one(tmp_path):
    path = written(tmp_path, '\n\n"a\nname",b\n1,2\n\n3,x\n')
    assert read(path).columns == ("a\nname", "b")
    with pytest.raises(InvalidArgumentError, match="column `b` has `x` in row 2, line 7"):
        read(path).to_numpy()
    assert read(path, columns=["a\nname"]).to_numpy().tolist() == [[1], [3]]
    with pytest.raises(InvalidArgumentError, match="has no column `z`") as caught:
        read(path, columns=["z"]).to_numpy()
    assert "\n" not in str(caught.value)


CELL = st.sampled_from(
    ["1", "2.5", "abc", '"q,1"', '"two\nlines"', '"say ""x"""', "", '5" pipe', 'pipe 5"', '""']
)


@settings(max_examples=150)
@given(
    rows=st.lists(st.lists(CELL, min_size=1, max_size=4), min_size=1, max_size=12),
    ends=st.sampled_from(["\n", "\r\n"]),
)
def test_rows_and_their_faults_do_not_depend_on_the_blocks(tmp_path_factory, rows, ends):
    text = "a,b,c\n" + ends.join(",".join(cells) for cells in rows) + "\n"
    path = written(tmp_path_factory.mktemp("csv"), text)
    types = {"a": "float64", "b": "string", "c": "float64"}
    found = []
    for size, careful in ((1 << 20, 1 << 20), (1, 1), (9, 30)):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("ferrule.data._formats.csv._BLOCK_BYTES", size)
            patch.setattr("ferrule.data._formats.csv._CAREFUL_BYTES", careful)
            source = read(path, on_error="collect", types=types)
            found.append((source.to_arrow().to_pydict(), source.errors))
    assert repr(found[0]) == repr(found[1]) == repr(found[2])
    # The careful way is Python's csv module.
    whole = [cells for cells in csv.reader(io.StringIO(text, newline="")) if cells][1:]
    assert len(found[0][0]["a"]) + len(found[0][1]) == len(whole)
