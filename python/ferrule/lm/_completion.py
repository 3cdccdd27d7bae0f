"""What a model answers."""

from dataclasses import dataclass, field
from typing import Literal

FinishReason = Literal["stop", "length"]


@dataclass(frozen=True)
class TokenLogprob:
    """How likely a token of an answer was.

    Attributes
    ----------
    token : int
    logprob : float
        The natural logarithm of its probability, before temperature and penalties.
    top : dict of int to float
        The most likely tokens at its place, the most likely first.
    """

    token: int
    logprob: float
    top: dict[int, float]


@dataclass(frozen=True)
class Usage:
    """How many tokens were read and written."""

    prompt_tokens: int
    completion_tokens: int

    @property
    def total_tokens(self) -> int:
        """Both together."""
        return self.prompt_tokens + self.completion_tokens


@dataclass(frozen=True)
class Piece:
    """A step of an answer.

    Attributes
    ----------
    token : int
    text : str
        What can be shown since the last step: empty while a character is incomplete.
    logprob : TokenLogprob or None
        Where asked for.
    finish_reason : {"stop", "length"} or None
        Set on the last.
    """

    token: int
    text: str
    logprob: TokenLogprob | None = None
    finish_reason: FinishReason | None = None


@dataclass(frozen=True)
class Completion:
    """A whole answer.

    Attributes
    ----------
    text : str
    tokens : list of int
        The token that ended it included.
    usage : Usage
    finish_reason : {"stop", "length"}
        Whether the model ended it (or a text of `stop` was met), or it is as long as it may be.
    logprobs : list of TokenLogprob
        One a token where asked for.
    """

    text: str
    tokens: list[int]
    usage: Usage
    finish_reason: FinishReason
    logprobs: list[TokenLogprob] = field(default_factory=list)

    def __str__(self) -> str:
        return self.text
