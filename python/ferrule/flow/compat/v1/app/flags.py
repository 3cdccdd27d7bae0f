"""Flags of the command line: ``--learning_rate=0.1``, ``--verbose``, ``--noverbose``."""

import argparse
import sys
from collections.abc import Sequence
from typing import Any


class Flags:
    """The values of the flags, by attribute; read from the command line when first asked for.

    Examples
    --------
    >>> import ferrule.flow.compat.v1 as tf
    >>> flags = tf.app.flags
    >>> flags.DEFINE_float("docs_rate", 0.5, "how far a step goes")
    >>> flags.FLAGS.docs_rate
    0.5
    """

    def __init__(self) -> None:
        self.__dict__["_parser"] = argparse.ArgumentParser(allow_abbrev=False)
        self.__dict__["_values"] = {}
        self.__dict__["_argv"] = None

    def define(self, name: str, default: Any, help_text: str, **settings: Any) -> None:
        """Add a flag."""
        try:
            self._parser.add_argument(
                f"--{name}", dest=name, default=default, help=help_text, **settings
            )
        except argparse.ArgumentError:
            raise ValueError(f"the flag {name!r} is defined twice") from None
        if settings.get("type") is _truth:
            self._parser.add_argument(f"--no{name}", dest=name, action="store_const", const=False)
        if self._argv is not None:
            self.parse(self._argv)

    def parse(self, argv: Sequence[str]) -> list[str]:
        """Take the flags out of a command line, and return what is left."""
        found, rest = self._parser.parse_known_args(list(argv[1:]))
        self.__dict__["_argv"] = list(argv)
        given = vars(found)
        for name, value in given.items():
            self._values.setdefault(name, value)
        self._values.update({name: value for name, value in given.items() if value is not None})
        return [*argv[:1], *rest]

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._values:
            self.parse(sys.argv if self._argv is None else self._argv)
        if name not in self._values:
            raise AttributeError(f"there is no flag {name!r}; define it by tf.app.flags.DEFINE_…")
        return self._values[name]

    def __setattr__(self, name: str, value: Any) -> None:
        self._values[name] = value

    def flag_values_dict(self) -> dict[str, Any]:
        """Return the values of all flags by name."""
        self.parse(sys.argv if self._argv is None else self._argv)
        return dict(self._values)


def _truth(text: str) -> bool:
    if text.lower() in {"true", "t", "1", "yes"}:
        return True
    if text.lower() in {"false", "f", "0", "no"}:
        return False
    raise argparse.ArgumentTypeError(f"expected true or false, got {text!r}")


def _listed(text: str) -> list[str]:
    return [part.strip() for part in text.split(",")] if text else []


FLAGS = Flags()


def DEFINE_string(name: str, default: str | None, help: str, **settings: Any) -> None:  # noqa: N802
    """Add a flag whose value is text."""
    FLAGS.define(name, default, help, type=str)


def DEFINE_integer(name: str, default: int | None, help: str, **settings: Any) -> None:  # noqa: N802
    """Add a flag whose value is an int."""
    FLAGS.define(name, default, help, type=int)


def DEFINE_float(name: str, default: float | None, help: str, **settings: Any) -> None:  # noqa: N802
    """Add a flag whose value is a float."""
    FLAGS.define(name, default, help, type=float)


def DEFINE_boolean(name: str, default: bool | None, help: str, **settings: Any) -> None:  # noqa: N802
    """Add a flag that is on or off: ``--name``, ``--name=false``, ``--noname``."""
    FLAGS.define(name, default, help, type=_truth, nargs="?", const=True)


DEFINE_bool = DEFINE_boolean


def DEFINE_enum(  # noqa: N802
    name: str, default: str | None, enum_values: Sequence[str], help: str, **settings: Any
) -> None:
    """Add a flag whose value is one of `enum_values`."""
    FLAGS.define(name, default, help, choices=list(enum_values))


def DEFINE_list(name: str, default: Any, help: str, **settings: Any) -> None:  # noqa: N802
    """Add a flag whose value is a list, its parts apart by commas."""
    value = _listed(default) if isinstance(default, str) else default
    FLAGS.define(name, value, help, type=_listed)
