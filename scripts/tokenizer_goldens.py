"""Trains small tokenizers and records what their own libraries make of texts.

Writes crates/lm/tests/fixtures/tokenizers. Run as:
pip install tokenizers sentencepiece protobuf gguf && python scripts/tokenizer_goldens.py
With a folder that holds smollm2.gguf (SmolLM2-135M-Instruct) and gemma3.gguf (Gemma 3 270M), it
records what their vocabularies make of the same texts, too.
"""

from __future__ import annotations

import io
import json
import sys
from pathlib import Path
from typing import Any

import gguf
import sentencepiece
from sentencepiece import sentencepiece_model_pb2 as pb
from tokenizers import (
    AddedToken,
    Regex,
    Tokenizer,
    decoders,
    models,
    normalizers,
    pre_tokenizers,
    processors,
    trainers,
)

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "crates/lm/tests/fixtures/tokenizers"
CORPUS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md"]
UNKNOWN = "<unk>"
UNKNOWN_WORD = "[UNK]"
LLAMA3 = (
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


def texts() -> list[str]:
    """Return the texts to encode: scripts, emoji, marks, spaces, code, names of special tokens."""
    found: list[str] = json.loads((TARGET / "texts.json").read_text())
    return found


def corpus() -> list[str]:
    """Return lines to train on."""
    lines = [line for name in CORPUS for line in (ROOT / name).read_text().splitlines()]
    words = [text for text in texts() if text.isalnum() and len(text) < 20]
    return lines + [" ".join(words)] * 5


def byte_level(pre_tokenizer: Any, normalizer: Any = None, *, ignore_merges: bool) -> Tokenizer:
    """Train byte-level BPE."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizer
    if normalizer is not None:
        tokenizer.normalizer = normalizer
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=500, initial_alphabet=alphabet, special_tokens=["<s>", "<|end|>"]
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.add_tokens([AddedToken("</s>", normalized=False)])
    tokenizer.decoder = decoders.ByteLevel()
    if ignore_merges:
        described = json.loads(tokenizer.to_str())
        described["model"]["ignore_merges"] = True
        tokenizer = Tokenizer.from_str(json.dumps(described))
    return tokenizer


def metaspace() -> Tokenizer:
    """Train BPE over characters as Llama's, with bytes to fall back on."""
    bytes_ = [f"<0x{byte:02X}>" for byte in range(256)]
    tokenizer = Tokenizer(models.BPE(unk_token=UNKNOWN, fuse_unk=True, byte_fallback=True))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")]
    )
    special = [UNKNOWN, "<s>", "</s>"]
    trainer = trainers.BpeTrainer(
        vocab_size=550, special_tokens=special + bytes_, limit_alphabet=120, max_token_length=12
    )
    tokenizer.train_from_iterator(corpus(), trainer)
    described = json.loads(tokenizer.to_str())
    described["added_tokens"] = [t for t in described["added_tokens"] if t["content"] in special]
    tokenizer = Tokenizer.from_str(json.dumps(described))
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", 1)]
    )
    return tokenizer


def word_piece() -> Tokenizer:
    """Train WordPiece as BERT's."""
    tokenizer = Tokenizer(models.WordPiece(unk_token=UNKNOWN_WORD))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", UNKNOWN_WORD, "[CLS]", "[SEP]"]
    trainer = trainers.WordPieceTrainer(vocab_size=600, special_tokens=special)
    tokenizer.train_from_iterator(corpus(), trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    return tokenizer


def sentence_piece(symbols: list[str], *, prefix: bool) -> pb.ModelProto:
    """Train SentencePiece's BPE."""
    written = io.BytesIO()
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(corpus()),
        model_writer=written,
        model_type="bpe",
        vocab_size=700,
        byte_fallback=True,
        character_coverage=0.98,
        normalization_rule_name="identity",
        remove_extra_whitespaces=False,
        add_dummy_prefix=prefix,
        split_digits=True,
        user_defined_symbols=symbols,
        minloglevel=2,
    )
    model = pb.ModelProto()
    model.ParseFromString(written.getvalue())
    return model


def write_gguf(name: str, model: str, tokens: list[str], kinds: list[int], **more: Any) -> None:
    """Write a file that holds a vocabulary and nothing else."""
    writer = gguf.GGUFWriter(str(TARGET / f"{name}.gguf"), "llama")
    writer.add_tokenizer_model(model)
    writer.add_token_list(tokens)
    writer.add_token_types(kinds)
    for key, value in more.items():
        getattr(writer, f"add_{key}")(value)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def record(name: str, ids: list[list[int]]) -> None:
    """Write what the library made of each text."""
    rows = ",\n".join(json.dumps(row, separators=(",", ":")) for row in ids)
    (TARGET / f"{name}.ids.json").write_text(f"[\n{rows}\n]\n")


def record_json(name: str, tokenizer: Tokenizer) -> None:
    """Write a tokenizer, and what it makes of each text."""
    described = json.loads(tokenizer.to_str())
    compact = json.dumps(described, ensure_ascii=False, separators=(",", ":"))
    (TARGET / f"{name}.json").write_text(compact)
    record(name, [tokenizer.encode(text, add_special_tokens=False).ids for text in texts()])


def record_sentence_piece(name: str, model: pb.ModelProto) -> None:
    """Write a model as GGUF, and what SentencePiece makes of each text."""
    tokens = [piece.piece for piece in model.pieces]
    write_gguf(
        name,
        "llama",
        tokens,
        [piece.type for piece in model.pieces],
        token_scores=[piece.score for piece in model.pieces],
        bos_token_id=1,
        eos_token_id=2,
        add_space_prefix=model.normalizer_spec.add_dummy_prefix,
    )
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
    record(name, processor.encode(texts()))


def strings(reader: gguf.GGUFReader, key: str) -> list[str]:
    """Return the strings under a key."""
    field = reader.fields[f"tokenizer.ggml.{key}"]
    return [bytes(field.parts[at]).decode() for at in field.data]


def numbers(reader: gguf.GGUFReader, key: str) -> list[float]:
    """Return the numbers under a key."""
    field = reader.fields[f"tokenizer.ggml.{key}"]
    return [field.parts[at][0].item() for at in field.data]


def record_smollm2(path: Path) -> None:
    """Record what SmolLM2's vocabulary makes of each text."""
    reader = gguf.GGUFReader(path)
    tokens, kinds = strings(reader, "tokens"), numbers(reader, "token_type")
    merges = [tuple(merge.split(" ")) for merge in strings(reader, "merges")]
    tokenizer = Tokenizer(models.BPE({token: at for at, token in enumerate(tokens)}, merges))
    level = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), level])
    special = [token for token, kind in zip(tokens, kinds, strict=True) if kind == 3]
    tokenizer.add_special_tokens([AddedToken(token, normalized=False) for token in special])
    record("smollm2", [tokenizer.encode(text).ids for text in texts()])


def record_gemma3(path: Path) -> None:
    """Record what Gemma's vocabulary makes of each text."""
    reader = gguf.GGUFReader(path)
    keys = ["scores", "token_type"]
    rows = zip(strings(reader, "tokens"), *(numbers(reader, key) for key in keys), strict=True)
    model = pb.ModelProto()
    for token, score, kind in rows:
        # The file has spaces in user-defined tokens, where SentencePiece has its mark.
        piece = token.replace(" ", "▁") if kind == 4 else token
        model.pieces.add(piece=piece, score=score, type=int(kind))
    model.trainer_spec.model_type = 2
    model.trainer_spec.byte_fallback = True
    for name in ["unk", "bos", "eos", "pad"]:
        setattr(model.trainer_spec, f"{name}_piece", f"<{name}>")
    model.normalizer_spec.name = "identity"
    model.normalizer_spec.add_dummy_prefix = False
    model.normalizer_spec.remove_extra_whitespaces = False
    processor = sentencepiece.SentencePieceProcessor(model_proto=model.SerializeToString())
    record("gemma3", processor.encode(texts()))


def main() -> None:
    """Write every fixture."""
    level = pre_tokenizers.ByteLevel
    digits = pre_tokenizers.Sequence([pre_tokenizers.Digits(True), level(add_prefix_space=False)])
    smollm = byte_level(digits, ignore_merges=False)
    record_json("smollm", smollm)
    record_json("gpt2", byte_level(level(add_prefix_space=True), ignore_merges=False))
    plain = level(add_prefix_space=False, use_regex=False)
    for name, pattern, normalizer in [
        ("llama3", LLAMA3, None),
        ("qwen2", LLAMA3.replace("{1,3}", ""), normalizers.NFC()),
    ]:
        split = pre_tokenizers.Split(Regex(pattern), "isolated")
        steps = pre_tokenizers.Sequence([split, plain])
        record_json(name, byte_level(steps, normalizer, ignore_merges=name == "llama3"))
    record_json("metaspace", metaspace())
    record_json("wordpiece", word_piece())
    record_sentence_piece("spm", sentence_piece([], prefix=True))
    symbols = ["\n", "\n\n", "\n\n\n", "▁▁", "▁▁▁", "▁▁▁▁"]
    record_sentence_piece("spm_bare", sentence_piece(symbols, prefix=False))
    described = json.loads(smollm.to_str())
    tokens = sorted(smollm.get_vocab(), key=smollm.get_vocab().__getitem__)
    kinds = [{"<s>": 3, "<|end|>": 3, "</s>": 4}.get(token, 1) for token in tokens]
    merges = [" ".join(merge) for merge in described["model"]["merges"]]
    write_gguf("smollm", "gpt2", tokens, kinds, token_merges=merges, tokenizer_pre="smollm")
    if len(sys.argv) > 1:
        record_smollm2(Path(sys.argv[1]) / "smollm2.gguf")
        record_gemma3(Path(sys.argv[1]) / "gemma3.gguf")


if __name__ == "__main__":
    main()
