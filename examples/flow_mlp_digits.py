"""A multilayer perceptron on handwritten digits.

usage: python examples/flow_mlp_digits.py

scikit-learn's 1,797 digits of 8 x 8 pixels; 360 of them, drawn at random, are not trained on.
"""

import numpy as np
from sklearn.datasets import load_digits

from ferrule import flow
from ferrule.flow import nn, optim

TESTED = 360


def main() -> None:
    """Train and print what is reached."""
    digits = load_digits()
    x, y = digits.data / 16, digits.target
    seen, unseen = np.split(np.random.default_rng(0).permutation(len(x)), [-TESTED])

    flow.manual_seed(1)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Dropout(0.2), nn.Linear(64, 10))
    print(model)
    history = flow.fit(
        model,
        (x[seen], y[seen]),
        nn.CrossEntropyLoss(),
        optim.Adam(model.parameters(), lr=0.005),
        epochs=40,
        batch_size=64,
        validation=(x[unseen], y[unseen]),
        metrics=["accuracy"],
        early_stopping=flow.EarlyStopping(patience=8, monitor="val_accuracy"),
    )
    print(history)

    # After fit the model is in eval mode, with the weights of its best epoch.
    with flow.no_grad():
        read = model(flow.tensor(x[unseen], "float32")).argmax(1)
    reached = float((read.numpy() == y[unseen]).mean())
    print(f"reads {reached:.1%} of {TESTED} digits it has not seen")
    assert reached > 0.95


if __name__ == "__main__":
    main()
