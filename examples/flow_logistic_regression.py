"""Logistic regression with tensors and gradients alone.

usage: python examples/flow_logistic_regression.py

It tells benign from malignant tumours in scikit-learn's breast cancer data, 569 rows of 30
features, by full-batch gradient descent with momentum in a loop of its own.
"""

import numpy as np
from sklearn.datasets import load_breast_cancer

from ferrule import flow
from ferrule.flow.nn import functional as F  # noqa: N812

TESTED, STEPS, RATE, MOMENTUM, DECAY = 143, 300, 0.3, 0.9, 1e-3


def main() -> None:
    """Train and print what is reached."""
    x, y = load_breast_cancer(return_X_y=True)
    seen, unseen = np.split(np.random.default_rng(0).permutation(len(x)), [-TESTED])
    x = (x - x[seen].mean(0)) / x[seen].std(0)

    w = flow.zeros(x.shape[1], dtype="float64", requires_grad=True)
    b = flow.zeros((), dtype="float64", requires_grad=True)
    speeds = {w: flow.zeros_like(w), b: flow.zeros_like(b)}

    @flow.function
    def step(x: flow.Tensor, y: flow.Tensor) -> flow.Tensor:
        """Take one step down the gradient, as one graph."""
        loss = F.binary_cross_entropy_with_logits(x @ w + b, y) + DECAY * (w * w).sum()
        loss.backward()
        with flow.no_grad():
            for parameter, speed in speeds.items():
                speed *= MOMENTUM
                speed += parameter.grad
                parameter -= RATE * speed
                parameter.grad = None
        return loss

    for number in range(STEPS):
        loss = step(x[seen], y[seen].astype(float))
        if number % 100 == 0:
            print(f"step {number}: loss {loss.item():.4f}")
    chance = (flow.tensor(x[unseen]) @ w + b).sigmoid().detach()
    reached = float(((chance > 0.5).numpy() == y[unseen]).mean())
    print(f"loss {loss.item():.4f}, tells {reached:.1%} of {TESTED} tumours it has not seen")
    assert reached > 0.95


if __name__ == "__main__":
    main()
