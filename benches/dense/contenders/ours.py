"""Ferrule."""

import os

from dense import task as tasks
from ferrule import flow

os.environ.setdefault("FERRULE_NUM_THREADS", "2")


def mlp(parameters: list, x: object) -> object:
    """The scores of images."""
    w1, b1, w2, b2 = parameters
    return (x @ w1 + b1).relu() @ w2 + b2


def cnn(parameters: list, x: object) -> object:
    """The scores of images."""
    w1, b1, w2, b2, w3, b3 = parameters
    x = flow.max_pool2d((flow.conv2d(x.reshape(-1, 28, 28, 1), w1, padding="same") + b1).relu(), 2)
    x = flow.max_pool2d((flow.conv2d(x, w2, padding="same") + b2).relu(), 2)
    return x.flatten(1) @ w3 + b3


def train(task: tasks.Task, *, compiled: bool) -> object:
    """A training step."""
    model = {"mlp": mlp, "cnn": cnn}[task.kind]
    x, labels = tasks.images(task.size)
    x, targets = flow.tensor(x), flow.one_hot(labels, 10)
    parameters = [flow.tensor(w, requires_grad=True) for w in tasks.weights(task.kind)]
    optimizer = flow.optim.SGD(parameters, lr=tasks.RATE)

    def step(x: object, targets: object) -> object:
        loss = -(model(parameters, x).log_softmax(1) * targets).sum() / float(task.size)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss

    step = flow.function(step) if compiled else step
    return lambda: step(x, targets), lambda made: made.item()


def chain(task: tasks.Task, *, compiled: bool) -> object:
    """Additions, products and maxima of elements."""
    x = flow.tensor(tasks.numbers(task.size))

    def work(x: object) -> object:
        y = flow.maximum(x * 1.5 + 0.25, 0.5)
        return flow.maximum(y * 0.75 - 0.125, 0.3) * 2.0 + 1.0

    work = flow.function(work) if compiled else work
    return lambda: work(x), lambda made: made.double().sum().item()


def build(task: tasks.Task, *, compiled: bool) -> object:
    """The step of a task."""
    return (chain if task.kind == "chain" else train)(task, compiled=compiled)
