"""`import ferrule` is quick and quiet."""

import json
import statistics
import subprocess
import sys

PROBE = """
import json, sys, time
events = []
sys.addaudithook(lambda name, args: events.append((name, str(args[0]) if args else "")))
start = time.perf_counter()
import ferrule
seconds = time.perf_counter() - start
print(json.dumps({"seconds": seconds, "modules": sorted(sys.modules), "events": events,
                  "home": ferrule.__path__[0]}))
"""


def probe() -> dict:
    output = subprocess.run(
        [sys.executable, "-c", PROBE], check=True, capture_output=True, text=True
    ).stdout
    return json.loads(output)


def test_import_takes_under_100_ms():
    assert statistics.median(probe()["seconds"] for _ in range(5)) < 0.1


def test_import_loads_neither_numpy_nor_scikit_learn():
    loaded = {name.partition(".")[0] for name in probe()["modules"]}
    assert not loaded & {"numpy", "sklearn", "scipy", "pandas", "pyarrow", "typer", "rich", "grpc"}


def test_import_opens_no_socket_starts_no_process_and_reads_only_its_own_modules():
    result = probe()
    for name, argument in result["events"]:
        assert not name.startswith(
            ("socket.", "subprocess.", "os.exec", "os.fork", "os.posix_spawn")
        )
        if name == "open":
            assert argument.startswith(result["home"]) or argument.endswith((".py", ".pyc")), (
                argument
            )


def test_every_public_name_resolves_and_is_listed():
    import ferrule

    assert ferrule.__all__ == sorted(ferrule.__all__)
    for name in ferrule.__all__:
        assert getattr(ferrule, name) is not None
    assert set(dir(ferrule)) == set(ferrule.__all__)
