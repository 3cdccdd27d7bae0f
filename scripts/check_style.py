"""Holds the sources to the limits of CONTRIBUTING.md; exits 1 and names each breach."""

import ast
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 1000
BLOB_BYTES_MAX = 1_000_000
GENERATED = ("crates/proto/src/generated/",)
# A word that must not stand in a source, and what to do about it.
BANNED = {
    r"\b(TODO|FIXME|XXX)\b": "do it now or open an issue",
    r"^\s*(import|from) (pickle|marshal|shelve)\b": "nothing of ours reads or writes pickles",
    r"shell=True": "pass a list of arguments",
}
PICKLE_TESTS = "tests/"
RUST_FN = re.compile(
    r"^(\s*)(?:pub(?:\([^)]*\))? )?(?:const |async |unsafe |extern \"C\" )*fn (\w+)"
)


def main() -> int:
    """Check every file that git tracks."""
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard"],  # noqa: S607
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    breaches = [b for name in listed.stdout.splitlines() for b in file_breaches(name)]
    for breach in breaches:
        print(f"style: {breach}", file=sys.stderr)
    return 1 if breaches else 0


def file_breaches(name: str) -> list[str]:
    """Return what one file does wrong."""
    path = ROOT / name
    if not path.is_file() or name.startswith(GENERATED):
        return []
    if path.stat().st_size > BLOB_BYTES_MAX:
        return [f"{name}: larger than 1 MB"]
    if path.suffix not in {".py", ".rs"}:
        return []
    text = path.read_text()
    lines = text.split("\n")
    found = list(banned_words(name, lines))
    if len(lines) > FILE_LINES_MAX:
        found.append(f"{name}: {len(lines)} lines; at most {FILE_LINES_MAX}")
    lengths = python_functions(text) if path.suffix == ".py" else rust_functions(lines)
    found += [
        f"{name}:{start}: {function} has {length} lines; at most {FUNCTION_LINES_MAX}"
        for function, start, length in lengths
        if length > FUNCTION_LINES_MAX
    ]
    return found


def banned_words(name: str, lines: list[str]) -> list[str]:
    """Lines with a word that has a better replacement."""
    if name == "scripts/check_style.py":
        return []
    return [
        f"{name}:{number}: `{match.group().strip()}`: {advice}"
        for number, line in enumerate(lines, 1)
        for pattern, advice in BANNED.items()
        if (match := re.search(pattern, line))
        and not ("pickle" in match.group() and name.startswith(PICKLE_TESTS))
    ]


def python_functions(text: str) -> list[tuple[str, int, int]]:
    """(name, first line, lines without the docstring) of each function."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            first = node.body[0]
            if ast.get_docstring(node) is not None:
                length -= (first.end_lineno or first.lineno) - first.lineno + 1
            found.append((node.name, node.lineno, length))
    return found


def rust_functions(lines: list[str]) -> list[tuple[str, int, int]]:
    """(name, first line, lines) of each function, by its closing brace's indentation."""
    found = []
    start, name, indent = 0, "", ""
    for number, line in enumerate(lines, 1):
        if not name and (match := RUST_FN.match(line)):
            start, indent, name = number, match.group(1), match.group(2)
        if name and (
            line == f"{indent}}}" or (line.rstrip().endswith(("}", ";")) and number == start)
        ):
            found.append((name, start, number - start + 1))
            name = ""
    return found


if __name__ == "__main__":
    sys.exit(main())
