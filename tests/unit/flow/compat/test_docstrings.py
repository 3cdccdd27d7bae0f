"""The examples in the docstrings run and give what they say."""

import doctest
import pkgutil
from importlib import import_module

import pytest

import ferrule.flow.compat.v1 as tf

MODULES = [
    "ferrule.flow.compat.v1",
    *(each.name for each in pkgutil.walk_packages(tf.__path__, "ferrule.flow.compat.v1.")),
]
CASES = [
    pytest.param(case, id=case.name)
    for name in MODULES
    for case in doctest.DocTestFinder().find(import_module(name))
    if case.examples
]


@pytest.mark.parametrize("case", CASES)
def test_the_example_holds(case):
    # Of a user's module, not of ours, where `range` is TensorFlow's.
    case.globs = {}
    result = doctest.DocTestRunner().run(case, clear_globs=False)
    assert result.attempted
    assert not result.failed
