"""What an attack is, and how all of them are written to a folder with their verdicts."""

import json
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Attack:
    """A file and the answer that reading it must have."""

    name: str
    content: bytes
    error: str | None
    """Class of `ferrule.errors`; None for a file that is odd but good."""
    says: str
    """Part of the message."""


def damaged(name: str, content: bytes, says: str) -> Attack:
    """Return an attack that is answered as damage."""
    return Attack(name, content, "DataLossError", says)


def main(attacks: Iterable[Attack], suffix: str) -> None:
    """Write every file, and the verdicts, to the folder that the command line names."""
    if len(sys.argv) != 2:
        sys.exit(f"usage: python {sys.argv[0]} FOLDER")
    folder = Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    verdicts = {}
    for attack in attacks:
        name = f"{attack.name}{suffix}"
        (folder / name).write_bytes(attack.content)
        verdicts[name] = {"error": attack.error, "says": attack.says}
    (folder / "verdicts.json").write_text(json.dumps(verdicts, indent=1) + "\n")
    print(f"{len(verdicts)} files in {folder}")
