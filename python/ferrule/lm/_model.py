"""A language model in memory."""

import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeAlias, TypedDict, Unpack

from ferrule import _core
from ferrule.errors import InvalidArgumentError
from ferrule.lm._completion import Completion, FinishReason, Piece, TokenLogprob, Usage

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_GIB = 1 << 30

# (token, text, its log probability and the most likely ones', why the answer ended)
_Step: TypeAlias = tuple[
    int, str, tuple[float, list[tuple[int, float]]] | None, FinishReason | None
]


class Options(TypedDict, total=False):
    """What may be asked of an answer; see `LanguageModel.generate`."""

    max_tokens: int
    temperature: float
    top_k: int
    top_p: float
    min_p: float
    repeat_penalty: float
    repeat_last: int
    presence_penalty: float
    frequency_penalty: float
    logit_bias: Mapping[int, float]
    seed: int
    stop: str | Sequence[str]
    logprobs: int | None
    ignore_end: bool


_DEFAULTS: dict[str, Any] = {
    "max_tokens": 64,
    "temperature": 0.0,
    "top_k": 0,
    "top_p": 1.0,
    "min_p": 0.0,
    "repeat_penalty": 1.0,
    "repeat_last": 64,
    "presence_penalty": 0.0,
    "frequency_penalty": 0.0,
    "logit_bias": {},
    "seed": 0,
    "stop": (),
    "logprobs": None,
    "ignore_end": False,
}


def load(
    path: str | os.PathLike[str],
    *,
    context: int | None = None,
    cache_bytes: int = _GIB,
) -> "LanguageModel":
    """Load a language model.

    Parameters
    ----------
    path : path
        A GGUF file, or a ``.bin`` of llama2.c with ``tokenizer.bin`` beside it.
    context : int, optional
        Most tokens of a prompt and its answer; by default what the model was trained for, up to
        4,096.
    cache_bytes : int, default 1 GiB
        Most bytes of keys and values, over all answers that are being made. They are allocated as
        answers grow.

    Returns
    -------
    LanguageModel
        Its products run on as many threads as ``FERRULE_NUM_THREADS`` says, else on all CPUs of the
        process.

    Raises
    ------
    StorageError
        The file cannot be read.
    DataLossError
        It is damaged or truncated.
    UnimplementedError
        It is of a family that is not known here.

    Examples
    --------
    >>> import ferrule.lm
    >>> m = ferrule.lm.load("stories260K.bin")  # doctest: +SKIP
    >>> m.generate("Once upon a time", max_tokens=8).text  # doctest: +SKIP
    ', there was a little girl named L'
    """
    return LanguageModel(_core.LanguageModel(os.fspath(path), context, cache_bytes))


class LanguageModel:
    """A language model that was loaded; threads may share it. Made by `load`."""

    def __init__(self, core: _core.LanguageModel) -> None:
        self._core = core

    @property
    def architecture(self) -> str:
        """The family, such as ``llama``."""
        return self._core.architecture

    @property
    def context(self) -> int:
        """Most tokens of a prompt and its answer."""
        return self._core.context

    @property
    def vocabulary_size(self) -> int:
        """Tokens that there are."""
        return self._core.vocabulary

    def __repr__(self) -> str:
        core = self._core
        return (
            f"LanguageModel({core.architecture}, {core.layers} layers, "
            f"{core.vocabulary:,} tokens, context {core.context:,})"
        )

    def tokenize(self, text: str, *, ends: bool = False, special: bool = False) -> list[int]:
        """Return the tokens of a text.

        Parameters
        ----------
        text : str
        ends : bool, default False
            With what the model wants before and after a text, such as a token of its beginning.
        special : bool, default False
            Read the names of special tokens, such as ``<|im_end|>``, as the tokens. Leave it off
            for text of others: they could forge the turns of a conversation.

        Examples
        --------
        >>> m.tokenize("Hello")  # doctest: +SKIP
        [19556]
        """
        return self._core.tokenize(text, ends, special)

    def detokenize(self, tokens: Sequence[int]) -> str:
        """Return the text of tokens; what is no UTF-8 becomes the replacement character."""
        return self._core.detokenize(list(tokens))

    def generate(self, prompt: str | Sequence[int], **options: Unpack[Options]) -> Completion:
        """Go on from a prompt.

        Parameters
        ----------
        prompt : str or sequence of int
            A text, or tokens that are taken as they are.
        max_tokens : int, default 64
        temperature : float, default 0.0
            What logits are divided by; 0 takes the most likely token each time.
        top_k, top_p, min_p : default 0, 1.0, 0.0
            Draw only from the so many most likely tokens (0: all), from those that together reach a
            probability, from those with at least this share of the most likely one's.
        repeat_penalty, repeat_last : default 1.0, 64
            What the logits of the last tokens, of prompt and answer, are divided by.
        presence_penalty, frequency_penalty : float, default 0.0
            Taken from the logits of the answer's tokens, once or as often as they came.
        logit_bias : mapping of int to float
            Added to the logits of tokens.
        seed : int, default 0
            The same seed, model and prompt give the same answer.
        stop : str or sequence of str
            Texts that end the answer and are not part of it.
        logprobs : int, optional
            Tell the probability of each token, and of so many alternatives.
        ignore_end : bool, default False
            Draw tokens that end an answer like others.

        Returns
        -------
        Completion

        Raises
        ------
        InvalidArgumentError
            The prompt is empty, or does not fit the context; an option is unknown or cannot be.
        ResourceExhaustedError
            The cache of keys and values is full.

        Examples
        --------
        >>> m.generate("The capital of France is", max_tokens=5).text  # doctest: +SKIP
        ' Paris.'
        """
        tokens = self._prompt(prompt)
        return _whole(len(tokens), self._pieces(tokens, options))

    def stream(self, prompt: str | Sequence[int], **options: Unpack[Options]) -> Iterator[Piece]:
        """Go on from a prompt, a token at a time; the options are `generate`'s.

        Examples
        --------
        >>> for piece in m.stream("Once upon a time"):  # doctest: +SKIP
        ...     print(piece.text, end="", flush=True)
        """
        return self._pieces(self._prompt(prompt), options)

    def chat(self, messages: Iterable[Mapping[str, str]], **options: Unpack[Options]) -> Completion:
        """Answer a conversation; the options are `generate`'s.

        Parameters
        ----------
        messages : iterable of mapping
            Each with ``role`` (``system``, ``user`` or ``assistant``) and ``content``.

        Raises
        ------
        InvalidArgumentError
            As `generate`; the model has no chat template; the template refuses the messages.

        Examples
        --------
        >>> m.chat([{"role": "user", "content": "Hi!"}]).text  # doctest: +SKIP
        'Hello! How can I help you today?'
        """
        tokens = self._conversation(messages)
        return _whole(len(tokens), self._pieces(tokens, options))

    def chat_stream(
        self, messages: Iterable[Mapping[str, str]], **options: Unpack[Options]
    ) -> Iterator[Piece]:
        """Answer a conversation, a token at a time; the options are `generate`'s."""
        return self._pieces(self._conversation(messages), options)

    def logits(self, prompt: str | Sequence[int]) -> "NDArray[np.float32]":
        """Return the logits after each token of a prompt.

        Returns
        -------
        array of float32, shape (tokens, vocabulary)
        """
        import numpy as np

        tokens = self._prompt(prompt)
        out = np.empty((len(tokens), self.vocabulary_size), np.float32)
        self._core.logits(tokens, out)
        return out

    def perplexity(self, text: str | Sequence[int]) -> float:
        """Return the perplexity of a text: exp of the mean of -ln p of its tokens but the first.

        Raises
        ------
        InvalidArgumentError
            The text has fewer than two tokens, or more than the context holds.
        """
        tokens = self._prompt(text)
        if len(tokens) < 2:
            message = f"the text has {len(tokens)} tokens; expected at least 2"
            raise InvalidArgumentError(message)
        return math.exp(self._core.negative_log_likelihood(tokens) / (len(tokens) - 1))

    def _prompt(self, prompt: str | Sequence[int]) -> list[int]:
        if isinstance(prompt, str):
            return self.tokenize(prompt, ends=True)
        return [int(token) for token in prompt]

    def _conversation(self, messages: Iterable[Mapping[str, str]]) -> list[int]:
        pairs = []
        for place, message in enumerate(messages):
            if not {"role", "content"} <= message.keys():
                text = f"message {place} has {sorted(message)}; expected 'role' and 'content'"
                raise InvalidArgumentError(text)
            pairs.append((message["role"], message["content"]))
        return self._core.chat_tokens(pairs)

    def _pieces(self, tokens: list[int], options: Options) -> Iterator[Piece]:
        unknown = sorted(options.keys() - _DEFAULTS.keys())
        if unknown:
            message = f"{unknown[0]!r} is no option; expected some of {', '.join(_DEFAULTS)}"
            raise InvalidArgumentError(message)
        asked = {**_DEFAULTS, **options}
        asked["stop"] = [asked["stop"]] if isinstance(asked["stop"], str) else list(asked["stop"])
        asked["logit_bias"] = list(asked["logit_bias"].items())
        return map(_piece, self._core.generate(tokens, **asked))


def _piece(step: _Step) -> Piece:
    token, text, logprobs, finish = step
    logprob = TokenLogprob(token, logprobs[0], dict(logprobs[1])) if logprobs else None
    return Piece(token, text, logprob, finish)


def _whole(prompt_tokens: int, pieces: Iterator[Piece]) -> Completion:
    made = list(pieces)
    return Completion(
        text="".join(piece.text for piece in made),
        tokens=[piece.token for piece in made],
        usage=Usage(prompt_tokens, len(made)),
        finish_reason=(made[-1].finish_reason if made else None) or "length",
        logprobs=[piece.logprob for piece in made if piece.logprob],
    )
