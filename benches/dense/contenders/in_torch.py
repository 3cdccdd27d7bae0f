"""PyTorch."""

import torch
from torch.nn import functional

from dense import task as tasks

torch.set_num_threads(2)


def mlp(parameters: list, x: torch.Tensor) -> torch.Tensor:
    """The scores of images."""
    w1, b1, w2, b2 = parameters
    return torch.relu(x @ w1 + b1) @ w2 + b2


def cnn(parameters: list, x: torch.Tensor) -> torch.Tensor:
    """The scores of images."""
    w1, b1, w2, b2, w3, b3 = parameters
    x = functional.max_pool2d(
        torch.relu(functional.conv2d(x.view(-1, 1, 28, 28), w1, b1, padding=1)), 2
    )
    x = functional.max_pool2d(torch.relu(functional.conv2d(x, w2, b2, padding=1)), 2)
    # The last layer's weights are of images with channels last.
    return x.permute(0, 2, 3, 1).flatten(1) @ w3 + b3


def train(task: tasks.Task, *, compiled: bool) -> object:
    """A training step."""
    model = {"mlp": mlp, "cnn": cnn}[task.kind]
    x, labels = (torch.tensor(one) for one in tasks.images(task.size))
    arrays = [
        w.transpose(3, 2, 0, 1).copy() if w.ndim == 4 else w for w in tasks.weights(task.kind)
    ]
    parameters = [torch.tensor(w, requires_grad=True) for w in arrays]

    def loss_of(x: torch.Tensor) -> torch.Tensor:
        return functional.cross_entropy(model(parameters, x), labels)

    forward = torch.compile(loss_of) if compiled else loss_of
    optimizer = torch.optim.SGD(parameters, lr=tasks.RATE)

    def step() -> torch.Tensor:
        loss = forward(x)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step, lambda made: made.item()


def chain(task: tasks.Task, *, compiled: bool) -> object:
    """Additions, products and maxima of elements."""
    x = torch.tensor(tasks.numbers(task.size))
    half, third = torch.tensor(0.5), torch.tensor(0.3)

    def work(x: torch.Tensor) -> torch.Tensor:
        y = torch.maximum(x * 1.5 + 0.25, half)
        return torch.maximum(y * 0.75 - 0.125, third) * 2.0 + 1.0

    work = torch.compile(work) if compiled else work
    return lambda: work(x), lambda made: made.double().sum().item()


def build(task: tasks.Task, *, compiled: bool) -> object:
    """The step of a task."""
    return (chain if task.kind == "chain" else train)(task, compiled=compiled)
