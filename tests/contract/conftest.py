import numpy as np
import pytest

import ferrule
from ferrule.cluster import KMeans

ROWS = 257


class Served:
    """Two models on one server: `blobs`, float64 with named columns, and `wide`, float32."""

    def __init__(self, folder):
        generator = np.random.default_rng(5)
        self.x = generator.normal(size=(ROWS, 3)) * 4
        self.model = KMeans(4, n_init=1, random_state=0).fit(self.x)
        self.wide_x = generator.normal(size=(ROWS, 20)).astype(np.float32)
        self.wide = KMeans(5, n_init=1, random_state=0).fit(self.wide_x)
        ferrule.save(self.model, folder / "blobs.safetensors")
        (folder / "wide").mkdir()
        ferrule.save(self.wide, folder / "wide" / "1.safetensors")
        ferrule.save(self.wide, folder / "wide" / "3.safetensors")
        self.labels = self.model.predict(self.x)
        self.distances = self.model.transform(self.x)
        self.folder = folder


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """Models on disk, and the answers that they must give."""
    return Served(tmp_path_factory.mktemp("models"))


@pytest.fixture(scope="session")
def server(served):
    """A server for them."""
    with ferrule.Server(served.folder) as server:
        yield server
