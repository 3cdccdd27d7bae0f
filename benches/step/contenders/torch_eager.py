"""PyTorch, operation by operation."""

import torch

from step.task import LEARNING_RATE, XS, YS


class Torch:
    """`zero_grad`, `backward` and `step` of torch.optim.SGD, on one thread."""

    def __init__(self) -> None:
        torch.set_num_threads(1)
        self.w, self.b = (torch.zeros((), requires_grad=True) for _ in range(2))
        self.optimizer = torch.optim.SGD([self.w, self.b], lr=LEARNING_RATE)

    def learn(self, steps: int) -> None:
        optimizer, w, b = self.optimizer, self.w, self.b
        for i in range(steps):
            optimizer.zero_grad()
            ((YS[i % 32] - (w * XS[i % 32] + b)) ** 2).backward()
            optimizer.step()

    def learned(self) -> tuple[float, float]:
        return self.w.item(), self.b.item()
