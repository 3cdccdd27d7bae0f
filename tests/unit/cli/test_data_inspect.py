import json
import re
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ferrule.data import FrameStack


@pytest.fixture
def table(tmp_path, monkeypatch):
    """In x.csv: numbers, text, missing values, and a name that is HTML."""
    monkeypatch.chdir(tmp_path)
    generator = np.random.default_rng(0)
    frame = pd.DataFrame(
        {
            "height": generator.normal(170, 9, 300),
            "age": generator.integers(18, 90, 300),
            "city": generator.choice(["Oslo", "<i>Rome</i>"], 300),
            "<script>x</script>": 1.0,
        }
    )
    frame.loc[::10, "height"] = np.nan
    frame.to_csv("x.csv", index=False)
    return frame


def test_inspect_prints_a_line_a_column_with_a_histogram(ferrule, table):
    code, out, err = ferrule("data", "inspect", "x.csv")
    assert (code, err) == (0, "")
    lines = {line.split()[0]: line for line in out.splitlines() if line.strip()}
    assert lines["rows"].split() == ["rows", "300"]
    assert f"{table.height.isna().sum()} " in lines["height"]
    assert re.search("[▂▃▄▅▆▇█]{5}", lines["height"])
    assert f" {table.age.min()} " in lines["age"]
    assert "2 distinct: " in lines["city"]
    assert "<script>x</script>" in out


def test_inspect_json_has_the_figures_of_pandas(ferrule, table):
    found = ferrule.json("data", "inspect", "x.csv")
    height, age, city, _ = found["columns"]
    assert (found["rows"], found["frames"], found["files"]) == (300, None, 1)
    assert height["mean"] == pytest.approx(table.height.mean())
    assert height["missing"] == 30
    assert sum(height["histogram"]["counts"]) == 270
    assert (age["min"], age["max"]) == (table.age.min(), table.age.max())
    assert city["distinct"] == 2


def test_columns_and_rows_can_be_chosen(ferrule, table):
    found = ferrule.json("data", "inspect", "x.csv", "--columns", "age", "--rows", "10..20")
    assert [column["name"] for column in found["columns"]] == ["age"]
    assert found["rows"] == 10
    assert found["columns"][0]["max"] == table.age[10:20].max()


def test_a_stack_is_taken(ferrule, tmp_path):
    path = tmp_path / "s.safetensors"
    values = np.random.default_rng(0).random((4, 3, 50))
    FrameStack(values, ["a", "b", "c"]).save(path)
    found = ferrule.json("data", "inspect", path)
    assert (found["frames"], found["rows"], len(found["columns"])) == (4, 50, 3)
    assert found["columns"][1]["max"] == values[:, 1].max()
    assert "frames" in ferrule("data", "inspect", path)[1]
    code, _, err = ferrule("data", "inspect", path, "--rows", "3")
    assert code == 1
    assert "not for a stack" in err


def test_a_model_file_is_no_stack(ferrule, model):
    code, _, err = ferrule("data", "inspect", model)
    assert code == 1
    assert "not a stack of frames" in err
    assert f"hint: a model? ferrule inspect {model}" in err


class Page(HTMLParser):
    """The elements of a page, whether they are closed in order, and what they load."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.loads = [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.loads += [value for name, value in attributes if name in {"src", "href"}]
        if tag != "meta":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


@pytest.mark.usefixtures("table")
def test_the_report_is_one_escaped_page_that_loads_nothing(ferrule):
    code, _, err = ferrule("data", "inspect", "x.csv", "--report", "x.html")
    assert (code, err) == (0, "report: x.html\n")
    text = Path("x.html").read_text()
    page = Page(text)
    assert page.tags.count("article") == 4
    assert page.tags.count("svg") == 3
    assert page.loads == []
    assert "script" not in page.tags
    assert "i" not in page.tags
    assert "://" not in text
    assert "prefers-color-scheme: dark" in text
    assert "width=device-width" in text


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["none.csv"], "there is no file"),
        (["x.csv", "--report", "x.txt"], "does not end in .html"),
        (["x.csv", "--report", "none/x.html"], "there is no folder"),
        (["x.csv", "--columns", "heigt"], "no column `heigt`"),
    ],
)
@pytest.mark.usefixtures("table")
def test_mistakes_are_told_in_a_line(ferrule, arguments, message):
    code, out, err = ferrule("data", "inspect", *arguments)
    assert (code, out) == (1, "")
    assert message in err.splitlines()[0]


def test_control_characters_of_the_data_do_not_reach_the_terminal(ferrule, tmp_path):
    path = tmp_path / "x.parquet"
    pd.DataFrame({"a\x1b[2J": ["\x1b[31m", "b"], "[red]n": [1.0, 2.0]}).to_parquet(path)
    _, out, _ = ferrule("data", "inspect", path)
    assert "\x1b" not in out
    assert "[red]n" in out
    assert json.loads(ferrule("data", "inspect", path, "--json")[1])["columns"][0]["top"]
