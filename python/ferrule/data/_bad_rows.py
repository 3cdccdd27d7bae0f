"""Rows that cannot be what is asked for: raised, left out, or left out and listed."""

import threading
from dataclasses import dataclass, field

from ferrule._hints import hinted
from ferrule._words import short
from ferrule.errors import InvalidArgumentError

POLICIES = ("raise", "skip", "collect")
LISTED_MAX = 10_000


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out.

    Attributes
    ----------
    file : str
        The file, as its user wrote it.
    row : int
        Number of the row among those of the file, from 1; a header is none.
    line : int or None
        Number of its line, from 1, in a file of text.
    column : str or None
        The column at fault; None where it is the row as a whole.
    cause : str
        What is wrong: "has `x7`".
    expected : str or None
        What is expected in its place: "a number".
    """

    file: str
    row: int
    line: int | None
    column: str | None
    cause: str
    expected: str | None = None

    def __str__(self) -> str:
        place = f"row {self.row}" if self.line is None else f"row {self.row}, line {self.line}"
        if self.column is None:
            return f"`{self.file}`: {place} {self.cause}"
        said = f"`{self.file}`: column `{short(self.column, 80)}` {self.cause} in {place}"
        return f"{said}, where {self.expected} is expected" if self.expected else said


@dataclass(slots=True)
class BadRows:
    """What is done about bad rows, and those met so far; may be used by several threads."""

    policy: str = "raise"
    listed: list[BadRow] = field(default_factory=list)
    count: int = 0
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        if self.policy not in POLICIES:
            raise InvalidArgumentError(
                f"on_error is {self.policy!r}; expected {', '.join(map(repr, POLICIES))}"
            )

    @property
    def raises(self) -> bool:
        """Whether the first bad row ends the reading."""
        return self.policy == "raise"

    def meet(self, bad: BadRow, hint: str | None = None) -> None:
        """Raise for `bad`, or note that it is left out.

        Raises
        ------
        InvalidArgumentError
            Where the policy is to raise, with `hint`.
        """
        if self.raises:
            raise hinted(InvalidArgumentError(str(bad)), hint)
        with self._lock:
            self.count += 1
            if self.policy == "collect" and len(self.listed) < LISTED_MAX:
                self.listed.append(bad)
