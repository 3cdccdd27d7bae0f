"""From arguments to an exit code: what goes wrong is told in one line, with a hint."""

import os
import sys
import traceback
from collections.abc import Sequence

import typer

from ferrule._hints import hints_of
from ferrule.cli import _console
from ferrule.cli._app import app
from ferrule.errors import (
    DataLossError,
    FerruleError,
    NotFoundError,
    UnavailableError,
    UnimplementedError,
)

FAILURE = 1
USAGE = 2
INTERRUPTED = 130
# The base of every wrong use of the command line; typer exports only its children.
_WrongUse = typer.BadParameter.__mro__[2]
_DEBUG = "FERRULE_DEBUG"
# What to do about errors that bring no hint of their own.
_ADVICE: dict[type[BaseException], str] = {
    NotFoundError: "check the path",
    DataLossError: "the file is damaged: copy or save it again",
    UnimplementedError: "a newer ferrule may do it: pip install -U ferrule",
    UnavailableError: "is the server running, and is this its address?",
    PermissionError: "choose a place that you may use",
    MemoryError: "use --sample, --dtype float32, fewer --features or --minibatch --stream",
}


def run(arguments: Sequence[str]) -> int:
    """Run the command that `arguments` name; never raises."""
    try:
        outcome = app(list(arguments), prog_name="ferrule", standalone_mode=False)
        sys.stdout.flush()
    except (KeyboardInterrupt, typer.Abort):
        return _interrupted()
    except BrokenPipeError:
        return _leave_quietly()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else FAILURE
    except Exception as error:
        return _report(error)
    # Typer makes a code of an interrupt that comes in a command, and raises one that comes before.
    return _interrupted() if outcome == INTERRUPTED else int(outcome or 0)


def _interrupted() -> int:
    _console.note("interrupted")
    return INTERRUPTED


def _report(error: Exception) -> int:
    if os.environ.get(_DEBUG):
        traceback.print_exception(error)
    if isinstance(error, _WrongUse):
        message, hint = _wrong_use(error)
        _console.error(message, hints_of(error) or [hint or _help_hint(error)])
        return USAGE
    if isinstance(error, FerruleError | OSError | MemoryError):
        _console.error(_text(error), hints_of(error) or _advice(error))
        return FAILURE
    _console.error(
        f"defect in ferrule: {type(error).__name__}: {error}",
        [f"{_DEBUG}=1 shows where; please report it"],
    )
    return FAILURE


def _wrong_use(error: Exception) -> tuple[str, str]:
    """Return what is wrong, and what typer would do about it, in the style of our messages."""
    text = str(error.format_message())  # type: ignore[attr-defined]
    sentences = text.removeprefix("Invalid value: ").rstrip(".").split(". ", 1)
    message, hint = (sentence[:1].lower() + sentence[1:] for sentence in (*sentences, "")[:2])
    return message, hint


def _help_hint(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    command = context.command_path if context is not None else "ferrule"
    return f"{command} --help"


def _text(error: BaseException) -> str:
    if isinstance(error, FerruleError):
        return str(error)
    if isinstance(error, MemoryError):
        return "out of memory"
    if isinstance(error, OSError) and error.strerror:
        place = f" `{error.filename}`" if error.filename else ""
        return f"{error.strerror.lower()}{place}"
    return str(error)


def _advice(error: BaseException) -> list[str]:
    return [hint for kind, hint in _ADVICE.items() if isinstance(error, kind)][:1]


def _leave_quietly() -> int:
    # The reader of our output is gone; Python would complain when it flushes at exit.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return FAILURE
