"""Writes ``crates/format/tests/gguf/kinds.gguf``: blocks of every kind, and what they stand for.

``python scripts/record_gguf.py`` with the packages ``gguf`` and ``numpy``. Both the file and the
weights are those of the ``gguf`` package, which is the reference for reading GGUF in Python. A
tensor ``Q4_0`` holds random blocks of that kind, and ``Q4_0.weights`` what they stand for. The
first blocks have special scales.
"""

from pathlib import Path

import gguf
import numpy as np
from gguf import GGMLQuantizationType as Kind
from numpy.typing import NDArray

PATH = Path(__file__).parent.parent / "crates/format/tests/gguf/kinds.gguf"

# Where the scales of a block are, bytes.
SCALES: dict[Kind, tuple[int, ...]] = {
    Kind.F32: (),
    Kind.F16: (0,),
    Kind.BF16: (0,),
    Kind.Q4_0: (0,),
    Kind.Q4_1: (0, 2),
    Kind.Q5_0: (0,),
    Kind.Q5_1: (0, 2),
    Kind.Q8_0: (0,),
    Kind.Q2_K: (80, 82),
    Kind.Q3_K: (108,),
    Kind.Q4_K: (0, 2),
    Kind.Q5_K: (0, 2),
    Kind.Q6_K: (208,),
}

# As bits of a float16: 0, -0, the least and the greatest subnormal, a negative one, the least
# normal, the greatest, infinities, NaN, 1, -1.
SPECIAL = [
    *(0x0000, 0x8000, 0x0001, 0x03FF, 0x8001, 0x0400),
    *(0x7BFF, 0x7C00, 0xFC00, 0x7E00, 0x3C00, 0xBC00),
]


def blocks_of(kind: Kind, rng: np.random.Generator) -> NDArray[np.uint8]:
    """Return random blocks ``[count, bytes]``, the first of them with special scales."""
    weights, size = gguf.GGML_QUANT_SIZES[kind]
    count = 256 if weights == 1 else len(SPECIAL) + 256 // weights + 8
    blocks = rng.integers(0, 256, (count, size), dtype=np.uint8)
    for number, place in enumerate(SCALES[kind]):
        scales = rng.normal(0, 0.02, count).astype(np.float16).view(np.uint16)
        scales[: len(SPECIAL)] = np.roll(SPECIAL, 5 * number)
        blocks[:, place : place + 2] = scales[:, None].view(np.uint8)
    return blocks


def main() -> None:
    """Write the file."""
    rng = np.random.default_rng(6)
    writer = gguf.GGUFWriter(PATH, "none")
    writer.add_uint8("test.u8", 255)
    writer.add_int8("test.i8", -128)
    writer.add_uint16("test.u16", 65535)
    writer.add_int16("test.i16", -32768)
    writer.add_uint32("test.u32", 2**32 - 1)
    writer.add_int32("test.i32", -(2**31))
    writer.add_uint64("test.u64", 2**64 - 1)
    writer.add_int64("test.i64", -(2**63))
    writer.add_float32("test.f32", 0.1)
    writer.add_float64("test.f64", 0.1)
    writer.add_bool("test.bool", True)
    writer.add_string("test.string", "Grüße, 世界")
    writer.add_array("test.strings", ["", "a", "▁token"])
    writer.add_array("test.i32s", [-1, 0, 7])
    writer.add_array("test.f32s", [0.5, -1.5])
    writer.add_array("test.bools", [True, False])
    for kind in SCALES:
        blocks = blocks_of(kind, rng)
        with np.errstate(all="ignore"):
            weights = gguf.dequantize(blocks, kind)
        writer.add_tensor(kind.name, blocks.reshape(1, -1), raw_dtype=kind)
        writer.add_tensor(f"{kind.name}.weights", weights.reshape(-1, 16))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


if __name__ == "__main__":
    main()
