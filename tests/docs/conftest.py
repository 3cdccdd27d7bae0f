import pytest
from documents import Shell


@pytest.fixture
def shell(tmp_path):
    """Runs what documents show, in a folder of its own."""
    shell = Shell(tmp_path)
    yield shell
    shell.close()
