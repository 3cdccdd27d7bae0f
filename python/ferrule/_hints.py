"""Advice that rides on an exception as its note: what to do about it."""

from typing import TypeVar

E = TypeVar("E", bound=BaseException)


def hinted(error: E, hint: str | None) -> E:
    """Return `error` with `hint` as its note, where there is one."""
    if hint:
        error.add_note(hint)
    return error


def hints_of(error: BaseException) -> list[str]:
    """Return the notes of `error`."""
    return list(getattr(error, "__notes__", []))
