"""The examples in the docstrings run and give what they say."""

import doctest
from importlib import import_module

import pytest


@pytest.mark.parametrize("module", ["_convert", "_read", "_sample", "_source", "_split"])
def test_the_examples_hold(module):
    results = doctest.testmod(import_module(f"ferrule.data.{module}"))
    assert results.attempted
    assert not results.failed
