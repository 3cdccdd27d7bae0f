"""What tests of `fit` share."""

import numpy as np
import pytest

from ferrule import flow
from ferrule.flow import nn, optim


class Run:
    """A small model with dropout, and what it is trained on: always the same."""

    def __init__(self):
        rng = np.random.default_rng(0)
        self.x = rng.normal(size=(50, 4)).astype(np.float32)
        self.y = (self.x[:, 0] * self.x[:, 1] > 0).astype(np.int64)
        flow.manual_seed(5)
        self.model = nn.Sequential(nn.Linear(4, 16), nn.ReLU(), nn.Dropout(0.3), nn.Linear(16, 2))
        self.optimizer = optim.AdamW(self.model.parameters(), lr=0.02)

    def fit(self, data=None, **options):
        options = {"batch_size": 16, "loss": nn.CrossEntropyLoss(), **options}
        loss = options.pop("loss")
        data = (self.x, self.y) if data is None else data
        return flow.fit(self.model, data, loss, self.optimizer, **options)

    def bits(self):
        return {name: value.numpy().tobytes() for name, value in self.model.state_dict().items()}


@pytest.fixture
def make():
    return Run


@pytest.fixture
def run(make):
    return make()
