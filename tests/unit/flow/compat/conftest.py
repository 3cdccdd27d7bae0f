"""A graph of its own for every test."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

import ferrule.flow.compat.v1 as tf


@pytest.fixture(autouse=True)
def graph() -> Iterator[tf.Graph]:
    with tf.Graph().as_default() as made:
        yield made


@pytest.fixture
def run() -> Callable[..., Any]:
    """Run fetches in a new session whose variables are initialised."""

    def call(fetches: Any, feed_dict: Any = None) -> Any:
        with tf.Session() as session:
            session.run([tf.global_variables_initializer(), tf.local_variables_initializer()])
            return session.run(fetches, feed_dict)

    return call
