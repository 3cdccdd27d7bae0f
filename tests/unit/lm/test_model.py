"""A real model, through Python: what it answers, and how it refuses."""

import math

import numpy as np
import pytest

import ferrule.lm
from ferrule.errors import (
    DataLossError,
    InvalidArgumentError,
    ResourceExhaustedError,
    StorageError,
)

# Greedy answers of llama.cpp (xllamacpp 2026.10) on the same file, as far as neither has to choose
# between two tokens that are about as likely.
GOLDEN = {
    "Photosynthesis is the process by which": " plants convert sunlight into energy. This process",
}


@pytest.mark.parametrize("prompt", GOLDEN)
def test_greedy_answers_are_those_of_llama_cpp(smollm2, prompt):
    assert smollm2.generate(prompt, max_tokens=40).text.startswith(GOLDEN[prompt])


def test_an_answer_says_what_it_took_and_why_it_ended(smollm2):
    answer = smollm2.generate("The capital of France is", max_tokens=5)
    assert answer.finish_reason == "length"
    assert len(answer.tokens) == answer.usage.completion_tokens == 5
    assert answer.usage.prompt_tokens == len(smollm2.tokenize("The capital of France is"))
    assert answer.usage.total_tokens == answer.usage.prompt_tokens + 5
    assert str(answer) == answer.text == smollm2.detokenize(answer.tokens)


def test_a_stream_is_the_answer_in_pieces(smollm2):
    options = {"max_tokens": 24, "temperature": 1.2, "seed": 5}
    whole = smollm2.generate("Once upon a time", **options)
    pieces = list(smollm2.stream("Once upon a time", **options))
    assert [piece.token for piece in pieces] == whole.tokens
    assert "".join(piece.text for piece in pieces) == whole.text
    assert [piece.finish_reason for piece in pieces] == [None] * 23 + ["length"]


def test_the_seed_decides_what_is_drawn(smollm2):
    def drawn(seed):
        return smollm2.generate("Hello", max_tokens=12, temperature=1.5, seed=seed).tokens

    assert drawn(1) == drawn(1)
    assert drawn(1) != drawn(2)


def test_a_stop_ends_the_answer_and_is_no_part_of_it(smollm2):
    prompt = "The capital of France is"
    whole = smollm2.generate(prompt, max_tokens=30).text
    # Begins and ends within tokens.
    stop = whole[11:17]
    answer = smollm2.generate(prompt, max_tokens=30, stop=[stop, "never said"])
    assert answer.text == whole[: whole.index(stop)]
    assert answer.finish_reason == "stop"


def test_a_conversation_follows_the_models_template(smollm2):
    answer = smollm2.chat([{"role": "user", "content": "What is 2+2?"}], max_tokens=40)
    assert answer.finish_reason == "stop"
    assert "<|im_end|>" not in answer.text
    asked = smollm2.tokenize(
        "<|im_start|>system\nYou are a helpful AI assistant named SmolLM, trained by Hugging Face"
        "<|im_end|>\n<|im_start|>user\nWhat is 2+2?<|im_end|>\n<|im_start|>assistant\n",
        special=True,
    )
    assert answer.usage.prompt_tokens == len(asked)
    assert answer.tokens == smollm2.generate(asked, max_tokens=40).tokens


def test_log_probabilities_are_those_of_the_logits(smollm2):
    prompt = smollm2.tokenize("Water boils at")
    answer = smollm2.generate(prompt, max_tokens=6, logprobs=3)
    logits = smollm2.logits(prompt + answer.tokens)[len(prompt) - 1 : -1].astype(np.float64)
    expected = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    for place, told in enumerate(answer.logprobs):
        assert told.token == answer.tokens[place]
        assert told.logprob == pytest.approx(expected[place, told.token], abs=1e-4)
        assert list(told.top) == list(np.argsort(-expected[place], kind="stable")[:3])


def test_a_row_of_logits_has_the_same_bits_however_long_the_text_is(smollm2):
    tokens = smollm2.tokenize("It does not matter to a word what comes behind it, or does it?")
    whole = smollm2.logits(tokens)
    assert whole.shape == (len(tokens), smollm2.vocabulary_size)
    assert np.array_equal(smollm2.logits(tokens[:5]), whole[:5])


def test_perplexity_is_the_mean_surprise_of_the_logits(smollm2):
    tokens = smollm2.tokenize("The quick brown fox jumps over the lazy dog. " * 9)
    logits = smollm2.logits(tokens).astype(np.float64)
    log = logits - np.log(np.exp(logits).sum(axis=1, keepdims=True))
    surprise = -log[np.arange(len(tokens) - 1), tokens[1:]]
    assert smollm2.perplexity(tokens) == pytest.approx(math.exp(surprise.mean()), rel=1e-5)


def test_text_is_found_again_in_its_tokens(smollm2):
    text = "Größe: 5 µm, «naïve» 日本語 🙂\n\n\tend"
    assert smollm2.detokenize(smollm2.tokenize(text)) == text
    named = smollm2.tokenize("<|im_end|>", special=True)
    assert len(named) == 1
    assert len(smollm2.tokenize("<|im_end|>")) > 1


def test_a_model_tells_what_it_is(smollm2):
    assert repr(smollm2) == "LanguageModel(llama, 30 layers, 49,152 tokens, context 1,024)"


@pytest.mark.parametrize(
    ("prompt", "options", "said"),
    [
        ([], {}, "the prompt is empty; expected at least one token"),
        ([1] * 1025, {}, "the prompt has 1025 tokens, and the context holds 1024"),
        ([60_000], {}, "token 60000 is not one of the vocabulary's 49152"),
        ("a", {"temperature": -1.0}, "temperature is -1; expected between 0 and 100"),
        ("a", {"top_p": math.nan}, "top_p is NaN; expected between 0 and 1"),
        ("a", {"logit_bias": {60_000: 1.0}}, "token 60000 is not one of the vocabulary's 49152"),
        ("a", {"temprature": 1.0}, "'temprature' is no option; expected some of max_tokens"),
    ],
)
def test_what_cannot_be_is_refused_by_name(smollm2, prompt, options, said):
    with pytest.raises(InvalidArgumentError) as raised:
        smollm2.generate(prompt, **options)
    assert said in str(raised.value)


def test_a_full_cache_is_told_and_given_back(smollm2_file):
    small = ferrule.lm.load(smollm2_file, cache_bytes=3_000_000)
    with pytest.raises(ResourceExhaustedError, match="the cache of keys and values has"):
        small.generate([1] * 100)
    assert small.generate([1] * 20, max_tokens=2).usage.completion_tokens == 2


def test_files_that_are_no_models_are_refused(tmp_path, smollm2_file):
    with pytest.raises(StorageError, match=r"gone\.gguf"):
        ferrule.lm.load(tmp_path / "gone.gguf")
    other = tmp_path / "other.gguf"
    other.write_bytes(b"no model at all" * 10)
    with pytest.raises(InvalidArgumentError, match="not a GGUF file"):
        ferrule.lm.load(other)
    cut = tmp_path / "cut.gguf"
    with smollm2_file.open("rb") as file:
        cut.write_bytes(file.read(20_000_000))
    with pytest.raises(DataLossError, match="download or copy it again"):
        ferrule.lm.load(cut)
