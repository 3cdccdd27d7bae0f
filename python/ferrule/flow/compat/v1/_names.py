"""Names of operations: unique, and in scopes."""

import re

_VALID = re.compile(r"[A-Za-z0-9.][A-Za-z0-9_.\\/>-]*")


class Names:
    """The names that a graph has given away, and the scope that it is in."""

    def __init__(self) -> None:
        # By lower-case name, for names that differ by case alone are not allowed: how often asked.
        self._used: dict[str, int] = {}
        self.scope = ""

    def unique(self, name: str) -> str:
        """Return `name` in the current scope, with ``_1``, ``_2``… where it is taken.

        A name that ends in ``/`` is taken as it is, less the slash.
        """
        if name.endswith("/"):
            name = name[:-1]
            self._used.setdefault(name.lower(), 1)
            return name
        if self.scope:
            name = f"{self.scope}/{name}"
        key = name.lower()
        asked = self._used.get(key, 0)
        self._used[key] = asked + 1
        if not asked:
            return name
        number = asked
        while f"{key}_{number}" in self._used:
            number += 1
        self._used[f"{key}_{number}"] = 1
        self._used[key] = number + 1
        return f"{name}_{number}"

    def entered(self, name: str | None) -> str:
        """Return the scope that ``name_scope(name)`` enters."""
        if not name:
            return ""
        if name.endswith("/"):
            return name[:-1]
        check_name(name)
        return self.unique(name)


def check_name(name: str) -> None:
    """Raise ValueError unless `name` may be an operation's."""
    if not isinstance(name, str) or not _VALID.fullmatch(name.removesuffix("/")):
        raise ValueError(
            f"{name!r} is not a valid name: expected a letter, a digit or a dot, then letters, "
            "digits and any of _ . - / \\ >"
        )
