"""Runs what the guides show, in order, in an empty folder."""

import re

import pytest
from documents import ROOT, commands

GUIDES = sorted((ROOT / "docs" / "guides").glob("*.md"))


@pytest.mark.parametrize("guide", GUIDES, ids=lambda path: path.stem)
def test_everything_that_a_guide_shows_runs(shell, guide):
    text = guide.read_text()
    outputs = [shell.run(language, command) for language, command in commands(text)]
    if "ferrule serve" in text:
        assert any('{"predictions":[' in output.replace(" ", "") for output in outputs)
    for link in re.findall(r"\]\(([\w./-]+)\)", text):
        assert (guide.parent / link).exists(), link
