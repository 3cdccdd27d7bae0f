"""Rules for constructor parameters, checked by ``fit`` and not before, as scikit-learn has it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from numbers import Integral, Real
from typing import Any

import numpy as np

from ferrule.errors import InvalidParameterError


@dataclass(frozen=True, slots=True)
class Rule:
    """What a parameter may be: words for the message, and the test."""

    text: str
    accepts: Callable[[Any], bool]


def integer(minimum: int) -> Rule:
    """Accept an integer of at least `minimum`."""
    return Rule(
        f"an int in the range [{minimum}, inf)",
        lambda value: isinstance(value, Integral) and int(value) >= minimum,
    )


def real(minimum: float) -> Rule:
    """Accept a real number of at least `minimum`."""
    return Rule(
        f"a float in the range [{minimum}, inf)",
        lambda value: isinstance(value, Real) and float(value) >= minimum,
    )


def one_of(*choices: str) -> Rule:
    """Accept one of the strings given."""
    listed = ", ".join(repr(choice) for choice in sorted(choices))
    return Rule(f"a str among {{{listed}}}", lambda v: isinstance(v, str) and v in choices)


def is_array_like(value: Any) -> bool:
    """Tell whether `value` holds elements, and is neither a string nor a class."""
    holds = any(hasattr(value, name) for name in ("__len__", "shape", "__array__"))
    return holds and not isinstance(value, (str, bytes, type))


ARRAY_LIKE = Rule("an array-like", is_array_like)
BOOLEAN = Rule("an instance of 'bool'", lambda value: isinstance(value, (bool, np.bool_)))
CALLABLE = Rule("a callable", callable)
NONE = Rule("None", lambda value: value is None)
VERBOSE = Rule(
    "an int in the range [0, inf) or a bool",
    lambda value: isinstance(value, np.bool_) or (isinstance(value, Integral) and int(value) >= 0),
)
RANDOM_STATE = Rule(
    "an int in the range [0, 4294967295], a numpy.random.RandomState or Generator, or None",
    lambda value: (
        value is None
        or isinstance(value, (np.random.RandomState, np.random.Generator))
        or (isinstance(value, Integral) and 0 <= int(value) < 2**32)
    ),
)


def check(estimator: object, rules: Mapping[str, tuple[Rule, ...]]) -> None:
    """Hold each parameter of `estimator` to its rules.

    Raises
    ------
    ferrule.errors.InvalidParameterError
        Where no rule of a parameter accepts its value.
    """
    for name, allowed in rules.items():
        value = getattr(estimator, name)
        if not any(rule.accepts(value) for rule in allowed):
            texts = [rule.text for rule in allowed]
            wanted = " or ".join([", ".join(texts[:-1]), texts[-1]] if texts[:-1] else texts)
            raise InvalidParameterError(
                f"The {name!r} parameter of {type(estimator).__name__} must be {wanted}. "
                f"Got {value!r} instead."
            )
