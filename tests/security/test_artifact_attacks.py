"""Every file of `attacks/artifacts.py` gets its verdict, at once and in little memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
MILLISECONDS_MAX = 50
MIB_MAX = 192

# Runs in a process of its own, whose address space may grow by MIB_MAX at most: an allocation
# beyond that ends the process.
READER = """
import json, resource, sys, time
from pathlib import Path
import ferrule
import ferrule.artifact, ferrule.errors

folder, mib_max = Path(sys.argv[1]), int(sys.argv[2])
pages = int(Path("/proc/self/statm").read_text().split()[0])
limit = pages * resource.getpagesize() + (mib_max << 20)
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
answers = {}
for path in sorted(folder.glob("*.safetensors")):
    best = 1e9
    for _ in range(3):
        started = time.process_time()
        try:
            ferrule.inspect(path)
            error, text = None, ""
        except ferrule.errors.FerruleError as failure:
            error, text = type(failure).__name__, str(failure)
        best = min(best, time.process_time() - started)
    answers[path.name] = {"error": error, "text": text, "milliseconds": best * 1e3}
print(json.dumps(answers))
"""


@pytest.fixture(scope="module", name="answers")
def all_answers(tmp_path_factory):
    folder = tmp_path_factory.mktemp("attacks")
    subprocess.run([sys.executable, ROOT / "attacks/artifacts.py", folder], check=True)
    done = subprocess.run(
        [sys.executable, "-c", READER, folder, str(MIB_MAX)],
        check=True,
        capture_output=True,
        text=True,
    )
    verdicts = json.loads((folder / "verdicts.json").read_text())
    answers = json.loads(done.stdout)
    assert answers.keys() == verdicts.keys()
    return folder, {name: (answers[name], verdicts[name]) for name in verdicts}


def test_each_file_has_its_verdict_and_the_error_names_the_file(answers):
    folder, pairs = answers
    assert len(pairs) >= 60
    for name, (answer, verdict) in pairs.items():
        assert answer["error"] == verdict["error"], (name, answer)
        if verdict["error"] is not None:
            assert answer["text"].startswith(f"{folder / name}: "), (name, answer)
            assert verdict["says"] in answer["text"], (name, answer)


def test_no_file_takes_long(answers):
    slow = {n: a["milliseconds"] for n, (a, _) in answers[1].items()}
    assert max(slow.values()) < MILLISECONDS_MAX, sorted(slow.items(), key=lambda i: -i[1])[:5]


def test_no_message_has_control_characters_or_runs_on(answers):
    folder, pairs = answers
    for name, (answer, _) in pairs.items():
        text = answer["text"].removeprefix(f"{folder / name}: ")
        assert text.isprintable(), (name, answer)
        assert len(text) < 500, (name, answer)
