"""The loop of a training."""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice

from ferrule.flow._fit._batches import Batches
from ferrule.flow._fit._checkpoint import Checkpoint, State
from ferrule.flow._fit._history import History
from ferrule.flow._fit._means import Means
from ferrule.flow._fit._progress import Shown
from ferrule.flow._fit._steps import Steps
from ferrule.flow.optim.lr_scheduler import ReduceLROnPlateau

Callback = Callable[[int, dict[str, float]], object]


@dataclass(frozen=True, slots=True)
class Kept:
    """Where a training is kept, and after how many batches of an epoch too."""

    checkpoint: Checkpoint | None
    every: int | None

    def load(self, state: State) -> None:
        """Give a training the values that were kept, where there are any."""
        if self.checkpoint:
            self.checkpoint.load(state)

    def epoch(self, state: State) -> None:
        """Keep a training at the end of an epoch."""
        if self.checkpoint:
            self.checkpoint.save(state)

    def batch(self, state: State) -> None:
        """Keep a training after a batch, where it is its turn."""
        if self.checkpoint and self.every and state.means.n_batches % self.every == 0:
            self.checkpoint.save(state)


class Loop:
    """Epoch after epoch."""

    def __init__(
        self,
        state: State,
        steps: Steps,
        trained: Batches,
        checked: Batches | None,
        kept: Kept,
        callbacks: list[Callback],
    ) -> None:
        self._state = state
        self._steps = steps
        self._trained = trained
        self._checked = checked
        self._kept = kept
        self._callbacks = callbacks

    def run(self, epochs: int, bar: Shown, *, resume: bool) -> History:
        """Train up to a number of epochs, from what was kept where that is asked for."""
        state = self._state
        state.optimizer.zero_grad()
        if resume:
            self._kept.load(state)
        history, stopper = state.history, state.stopper
        while history.n_epochs < epochs and not (stopper and stopper.is_over):
            epoch = history.n_epochs
            numbers = self._epoch(epoch, bar)
            history.add(numbers)
            bar.end(history.n_epochs, numbers)
            if stopper:
                stopper.see(epoch, numbers, state.model)
            self._schedule(numbers)
            self._kept.epoch(state)
            answers = [callback(epoch, numbers) for callback in self._callbacks]
            if any(answer is True for answer in answers):
                history.why_stopped = "a callback"
                break
        return self._finish()

    def _epoch(self, epoch: int, bar: Shown) -> dict[str, float]:
        state = self._state
        done = state.means.n_batches
        bar.start(epoch, done, self._trained.n_batches)

        def seen(loss: float) -> None:
            bar.batch(loss)
            self._kept.batch(state)

        rest = islice(self._trained.epoch(epoch), done, None)
        numbers = self._steps.train(rest, state.means, seen=seen)
        state.means = Means()
        if self._checked is not None:
            numbers |= self._steps.validate(self._checked.epoch(epoch))
        if state.scheduler is not None:
            numbers["lr"] = state.optimizer.lr
        return numbers

    def _schedule(self, numbers: dict[str, float]) -> None:
        scheduler = self._state.scheduler
        if isinstance(scheduler, ReduceLROnPlateau):
            scheduler.step(numbers.get("val_loss", numbers["loss"]))
        elif scheduler is not None:
            scheduler.step()

    def _finish(self) -> History:
        history, stopper = self._state.history, self._state.stopper
        if stopper:
            stopper.restore(self._state.model)
            history.best_epoch = stopper.best_epoch
            if stopper.is_over:
                history.why_stopped = "early stopping"
        self._state.model.eval()
        return history
