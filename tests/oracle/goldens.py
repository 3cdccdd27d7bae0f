"""What TensorFlow made of the graphs, in one small file."""

import dataclasses
from pathlib import Path

import numpy as np

PATH = Path(__file__).with_name("goldens.npz")
# Of float64's eight bytes the first six hold 36 bits of the fraction: 7e-12 relative.
KEPT_BYTES = 6


@dataclasses.dataclass
class Golden:
    """A result of a graph in float64, and how far float32 may be off, both norm-wise."""

    value: np.ndarray | None  # None where there is no gradient
    error: float  # ‖TensorFlow's in float32 - value‖
    sensitivity: float  # ‖change of value‖ where float32 rounds the inputs once more


Goldens = dict[int, dict[str, Golden]]


def save(goldens: Goldens, path: Path = PATH) -> None:
    """Write all results of all seeds."""
    rows = [(seed, name, g) for seed, found in goldens.items() for name, g in found.items()]
    lines = [f"{seed}/{name}/{_shape_text(g.value)}" for seed, name, g in rows]
    values = [g.value.reshape(-1) for _, _, g in rows if g.value is not None]
    np.savez_compressed(
        path,
        index=np.frombuffer("\n".join(lines).encode(), np.uint8),
        values=_packed(np.concatenate(values)),
        errors=np.array([(g.error, g.sensitivity) for _, _, g in rows], np.float32),
    )


def load(path: Path = PATH) -> Goldens:
    """Read what `save` wrote."""
    with np.load(path) as file:
        lines = file["index"].tobytes().decode().split("\n")
        values, errors = _unpacked(file["values"]), file["errors"].astype(np.float64)
    goldens: Goldens = {}
    start = 0
    for line, (error, sensitivity) in zip(lines, errors, strict=True):
        seed, name, text = line.split("/")
        value = None
        if text != "none":
            shape = tuple(int(n) for n in text.split(",") if n)
            end = start + int(np.prod(shape))
            value, start = values[start:end].reshape(shape), end
        goldens.setdefault(int(seed), {})[name] = Golden(value, error, sensitivity)
    return goldens


def _shape_text(value: np.ndarray | None) -> str:
    return "none" if value is None else ",".join(map(str, value.shape))


def _packed(values: np.ndarray) -> np.ndarray:
    """Round to the kept bytes; return them as (byte, value), so that like stands by like."""
    dropped = 8 * (8 - KEPT_BYTES)
    bits = values.astype(">f8").view(">u8").astype(np.uint64) + np.uint64(1 << (dropped - 1))
    return np.ascontiguousarray(bits.astype(">u8").view(np.uint8).reshape(-1, 8)[:, :KEPT_BYTES].T)


def _unpacked(planes: np.ndarray) -> np.ndarray:
    whole = np.zeros((planes.shape[1], 8), np.uint8)
    whole[:, :KEPT_BYTES] = planes.T
    return whole.view(">f8").reshape(-1).astype(np.float64)
