"""Words of messages: numbers with their nouns, lists that stay short, what is most like what."""

from collections.abc import Iterable, Sequence
from difflib import get_close_matches


def counted(number: int, noun: str) -> str:
    """Return `number` and `noun`, in the plural but for one."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def listed(names: Sequence[str], most: int = 12) -> str:
    """Return the first of `names`, and how many more there are."""
    shown = ", ".join(f"`{short(name, 80)}`" for name in names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def short(text: str, most: int = 40) -> str:
    """Return the beginning of `text`, in one line."""
    return " ".join(text[:most].split())


def nearest(name: str, names: Iterable[str]) -> str | None:
    """Return the one of `names` that is most like `name`, where one is."""
    near = get_close_matches(name, list(names), n=1)
    return near[0] if near else None


def is_number(text: str) -> bool:
    """Tell whether `text` reads as a number; Python's underscores are none."""
    try:
        float(text)
    except ValueError:
        return False
    return "_" not in text
