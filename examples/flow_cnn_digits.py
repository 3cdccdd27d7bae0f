"""A convolutional network on handwritten digits, with a training loop of one's own.

usage: python examples/flow_cnn_digits.py

scikit-learn's 1,797 digits of 8 x 8 pixels; 360 of them, drawn at random, are not trained on.
Images are channels last: [n, height, width, channels].
"""

import numpy as np
from sklearn.datasets import load_digits

from ferrule import flow
from ferrule.flow import nn, optim
from ferrule.flow.nn import functional as F  # noqa: N812

TESTED, BATCH, EPOCHS = 360, 64, 12


class Network(nn.Module):
    """Two convolutions, each halved, and a dense layer."""

    def __init__(self) -> None:
        self.first = nn.Conv2d(1, 8, kernel_size=3, padding="same")
        self.second = nn.Conv2d(8, 16, kernel_size=3, padding="same")
        self.head = nn.Linear(2 * 2 * 16, 10)

    def forward(self, images: flow.Tensor) -> flow.Tensor:
        """Return the logits of ten classes."""
        maps = F.max_pool2d(F.relu(self.first(images)), 2)
        maps = F.max_pool2d(F.relu(self.second(maps)), 2)
        return self.head(maps.flatten(1))


def main() -> None:
    """Train and print what is reached."""
    digits = load_digits()
    images = (digits.images / 16).astype(np.float32)[..., None]
    rng = np.random.default_rng(0)
    seen, unseen = np.split(rng.permutation(len(images)), [-TESTED])

    flow.manual_seed(1)
    network = Network()
    optimizer = optim.AdamW(network.parameters(), lr=0.005)

    @flow.function
    def step(x: flow.Tensor, y: flow.Tensor) -> flow.Tensor:
        loss = F.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    for epoch in range(EPOCHS):
        order = rng.permutation(seen)
        batches = [order[at : at + BATCH] for at in range(0, len(order), BATCH)]
        losses = [step(images[batch], digits.target[batch]).item() for batch in batches]
        print(f"epoch {epoch + 1}: loss {np.mean(losses):.4f}")

    with flow.no_grad():
        read = network(flow.tensor(images[unseen])).argmax(1)
    reached = float((read.numpy() == digits.target[unseen]).mean())
    print(f"reads {reached:.1%} of {TESTED} digits it has not seen")
    assert reached > 0.95


if __name__ == "__main__":
    main()
