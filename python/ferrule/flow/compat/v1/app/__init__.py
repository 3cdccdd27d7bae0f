"""Scripts: flags of the command line, and `run`."""

import sys
from collections.abc import Callable
from typing import Any, NoReturn

from ferrule.flow.compat.v1._missing import raiser
from ferrule.flow.compat.v1.app import flags

__all__ = ["flags", "run"]


def run(main: Callable[[list[str]], Any] | None = None, argv: list[str] | None = None) -> NoReturn:
    """Take the flags from the command line, call `main` with what is left, and exit.

    By default ``main`` of the script itself.
    """
    arguments = sys.argv if argv is None else argv
    rest = flags.FLAGS.parse(arguments)
    function = main or sys.modules["__main__"].main
    sys.exit(function(rest))


__getattr__ = raiser("tf.app", __name__)
