"""The examples in the docstrings of tensors and functions run and give what they say."""

import doctest
import pkgutil
from importlib import import_module

import pytest

from ferrule import flow

MODULES = [
    each.name
    for each in pkgutil.walk_packages(flow.__path__, "ferrule.flow.")
    if not each.name.startswith("ferrule.flow.compat")
]
CASES = [
    pytest.param(case, id=case.name)
    for name in MODULES
    for case in doctest.DocTestFinder().find(import_module(name))
    if case.examples
]


@pytest.mark.parametrize("case", CASES)
def test_the_example_holds(case):
    result = doctest.DocTestRunner().run(case)
    assert result.attempted
    assert not result.failed


def test_every_public_name_has_a_docstring():
    for name in flow.__all__:
        assert getattr(flow, name).__doc__, name
