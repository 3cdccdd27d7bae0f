import numpy as np
import pytest
from sklearn.datasets import make_blobs

CENTERS = np.array(
    [[0.0, 5.0, 0.0, 0.0, 0.0], [1.0, 1.0, 4.0, 0.0, 0.0], [1.0, 0.0, 0.0, 5.0, 1.0]]
)


@pytest.fixture(scope="session")
def blobs():
    """100 samples of 5 features around three known centres, and which each is from."""
    X, truth = make_blobs(n_samples=100, centers=CENTERS, cluster_std=1.0, random_state=42)
    X.flags.writeable = False
    return X, truth


@pytest.fixture
def centers():
    return CENTERS.copy()
