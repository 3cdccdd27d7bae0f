"""The `ferrule` command: one file a command, each importing what it needs when it runs."""

import sys

__all__ = ["main"]


def main() -> int:
    """Run the command line of this process and return its exit code.

    0 is success, 1 a failure, 2 a wrong command line, 130 Ctrl-C.
    """
    from ferrule.cli._run import run

    return run(sys.argv[1:])
