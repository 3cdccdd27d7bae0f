"""`ferrule.Server` takes the options it documents, and speaks of them as Python does."""

import inspect
import re

import numpy as np
import pytest

import ferrule
from ferrule.cluster import KMeans
from ferrule.errors import InvalidArgumentError

MODEL = KMeans(2, n_init=1, random_state=0).fit(np.arange(8.0).reshape(4, 2))


def test_an_unknown_option_is_refused_by_the_constructor():
    with pytest.raises(TypeError, match="unexpected keyword argument 'port'"):
        ferrule.Server(MODEL, port=80)


def test_every_option_of_the_core_is_a_parameter():
    with pytest.raises(InvalidArgumentError) as caught:
        ferrule._core.Server('{"nope": 1}')
    keys = set(re.findall(r"`(\w+)`", str(caught.value))) - {"nope"}
    assert keys == set(inspect.signature(ferrule.Server).parameters)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"host": "0.0.0.0"}, "give api_key_file, or no_auth"),
        ({"host": "not an address"}, "host not an address is not"),
        ({"tls_cert": "c.pem"}, "tls_cert and tls_key belong together"),
        ({"threads": 9999}, "threads 9999 is above 1024"),
        ({"limits": {"nope": 1}}, "unknown field `nope`"),
    ],
)
def test_mistakes_are_told_in_the_words_of_python(options, says):
    with pytest.raises(InvalidArgumentError) as caught:
        ferrule.Server(MODEL, **options).start()
    assert says in str(caught.value)
    assert not re.search(r"--\w|serve\.toml", str(caught.value))
