"""Runs what README.md shows, in order, in an empty folder."""

import re

import numpy as np
from documents import ROOT, commands

README = (ROOT / "README.md").read_text()


def test_everything_that_the_readme_shows_runs(shell, tmp_path):
    x = np.random.default_rng(0).normal(size=(300, 2)) + np.repeat([[0, 0], [9, 9], [0, 9]], 100, 0)
    np.savetxt(tmp_path / "points.csv", x, delimiter=",", header="a,b", comments="")
    outputs = {
        text.split()[0:2][-1]: shell.run(language, text) for language, text in commands(README)
    }
    assert '{"predictions":[' in outputs["-s"].replace(" ", "")
    assert (tmp_path / "labels.parquet").stat().st_size > 0
    assert (tmp_path / "points-bench.png").read_bytes().startswith(b"\x89PNG")


def test_every_command_and_file_that_the_readme_names_is_there():
    from typer.main import get_command

    from ferrule.cli._app import _Ordered, app

    named = set(re.findall(r"`ferrule (\w+)", README))
    group = get_command(app)
    assert isinstance(group, _Ordered)
    assert named == set(group.commands)
    for link in re.findall(r"\]\(([\w./-]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_readme_fits_a_screen_or_two():
    assert len(README.splitlines()) < 80
