"""Holds the Rust crates to the layers of ARCHITECTURE.md; exits 1 and names each breach."""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

# crate: the crates of ours that it may depend on, directly or not.
ALLOWED = {
    "base": set(),
    "format": {"base"},
    "tensor": {"base"},
    "proto": set(),
    "graph": {"base", "tensor"},
    "learn": {"base", "tensor"},
    "artifact": {"base", "format", "graph", "tensor"},
    "lm": {"base", "format", "tensor"},
    "loadgen": {"base", "proto"},
    "runtime": {"artifact", "base", "format", "graph", "learn", "tensor"},
    "server": {"artifact", "base", "format", "graph", "learn", "proto", "runtime", "tensor"},
}
MAY_USE_UNSAFE = {"tensor", "python"}
IO = re.compile(r"\bstd::(fs|net|io|env|process|thread|time::SystemTime)\b")


def main() -> int:
    """Run every check and print the breaches."""
    graph = dependency_graph()
    breaches = [*layer_breaches(graph), *unsafe_breaches(), *format_io_breaches()]
    for breach in breaches:
        print(f"layers: {breach}", file=sys.stderr)
    return 1 if breaches else 0


def dependency_graph() -> dict[str, set[str]]:
    """Return each package's name to all it depends on, transitively, without dev-dependencies."""
    command = ["cargo", "metadata", "--format-version", "1", "--locked"]
    output = subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout  # noqa: S603
    metadata = json.loads(output)
    names = {package["id"]: package["name"] for package in metadata["packages"]}
    direct = {
        names[node["id"]]: {
            names[dep["pkg"]]
            for dep in node["deps"]
            if any(kind["kind"] != "dev" for kind in dep["dep_kinds"])
        }
        for node in metadata["resolve"]["nodes"]
    }
    return {name: reachable(name, direct) for name in direct}


def reachable(start: str, direct: dict[str, set[str]]) -> set[str]:
    """All that ``start`` leads to."""
    seen: set[str] = set()
    waiting = [start]
    while waiting:
        for name in direct[waiting.pop()] - seen:
            seen.add(name)
            waiting.append(name)
    return seen


def layer_breaches(graph: dict[str, set[str]]) -> list[str]:
    """Dependencies that point up, and pyo3 anywhere but in ``python``."""
    found = []
    for name, reached in graph.items():
        if not name.startswith("ferrule-"):
            continue
        crate = name.removeprefix("ferrule-")
        ours = {r.removeprefix("ferrule-") for r in reached if r.startswith("ferrule-")}
        if crate in ALLOWED and (extra := ours - ALLOWED[crate]):
            found.append(
                f"crates/{crate} depends on {sorted(extra)}; it may on {sorted(ALLOWED[crate])}"
            )
        if crate not in ALLOWED and crate not in {"python", "fuzz"}:
            found.append(f"crates/{crate} has no row in ALLOWED: give it its layer")
        if crate != "python" and any(r.startswith("pyo3") for r in reached):
            found.append(f"crates/{crate} has pyo3 in its tree; only crates/python may")
    return found


def unsafe_breaches() -> list[str]:
    """Crates that should forbid unsafe code and do not say so."""
    return [
        f"{path.parent.parent.name}: src/lib.rs lacks #![forbid(unsafe_code)]"
        for path in sorted(ROOT.glob("crates/*/src/lib.rs"))
        if path.parent.parent.name not in MAY_USE_UNSAFE
        and "#![forbid(unsafe_code)]" not in path.read_text()
    ]


def format_io_breaches() -> list[str]:
    """Any I/O in crates/format, which turns bytes into views and nothing else."""
    return [
        f"{path.relative_to(ROOT)} uses {match.group()}; crates/format does no I/O"
        for path in sorted(ROOT.glob("crates/format/src/**/*.rs"))
        for match in IO.finditer(path.read_text())
    ]


if __name__ == "__main__":
    sys.exit(main())
