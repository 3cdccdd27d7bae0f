"""The file that names the checkpoints of a folder."""

import json
import os
import re
from pathlib import Path
from typing import NamedTuple

from ferrule.data._durable import replacing, write_all

_LINE = re.compile(r'^(model_checkpoint_path|all_model_checkpoint_paths): ("(?:[^"\\]|\\.)*")$')


class CheckpointState(NamedTuple):
    """What the index says."""

    model_checkpoint_path: str
    all_model_checkpoint_paths: list[str]


def write_index(folder: Path, latest: str, kept: list[str], name: str | None) -> None:
    """Name the latest checkpoint and all that are kept, relative to the folder where within."""
    lines = [f"model_checkpoint_path: {_quoted(folder, latest)}"]
    lines += [f"all_model_checkpoint_paths: {_quoted(folder, each)}" for each in kept]
    with replacing(folder / (name or "checkpoint")) as file:
        write_all(file, ("\n".join(lines) + "\n").encode())


def _quoted(folder: Path, path: str) -> str:
    inside = os.path.relpath(path, folder)
    return json.dumps(path if inside.startswith("..") else inside, ensure_ascii=False)


def read_index(folder: Path, name: str | None = None) -> CheckpointState | None:
    """Return what the index of a folder says, or None where there is none."""
    path = folder / (name or "checkpoint")
    if not path.is_file():
        return None
    latest, kept = None, []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        match = _LINE.match(line)
        if match is None:
            continue
        place = str(folder / json.loads(match[2]))
        if match[1] == "model_checkpoint_path":
            latest = place
        else:
            kept.append(place)
    return None if latest is None else CheckpointState(latest, kept)


def get_checkpoint_state(
    checkpoint_dir: str | os.PathLike[str], latest_filename: str | None = None
) -> CheckpointState | None:
    """Return the checkpoints of a folder by its index, or None where there is none."""
    return read_index(Path(checkpoint_dir), latest_filename)
