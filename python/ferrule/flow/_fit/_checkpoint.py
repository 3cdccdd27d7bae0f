"""A training as a file that it goes on from."""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ferrule._core import Tensor
from ferrule.errors import DataLossError, InvalidArgumentError
from ferrule.flow import _tensor_file
from ferrule.flow._fit._early_stopping import Stopper
from ferrule.flow._fit._history import History
from ferrule.flow._fit._means import Means
from ferrule.flow._random import Generator, default_generator
from ferrule.flow._tensors import tensor
from ferrule.flow.nn import Module
from ferrule.flow.optim import Optimizer

_KEY = "ferrule.flow.fit"
_VERSION = 2


@dataclass(slots=True)
class State:
    """All that a training depends on."""

    model: Module
    optimizer: Optimizer
    scheduler: Any
    stopper: Stopper | None
    history: History
    means: Means
    settings: Mapping[str, Any]
    # Learning rates that the training began with.
    rates: Sequence[float]


class Checkpoint:
    """A file that always is whole, from between two batches.

    Parameters
    ----------
    path : path-like
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).expanduser()

    def save(self, state: State) -> None:
        """Put the file in the place of the one before."""
        _tensor_file.write(self.path, _arrays(state), {_KEY: json.dumps(_words(state))})

    def load(self, state: State) -> None:
        """Give everything the values of the file, where there is one.

        Raises
        ------
        ferrule.errors.DataLossError
            Where the file is damaged.
        ferrule.errors.InvalidArgumentError
            Where it is of another training, or no checkpoint.
        """
        if not self.path.exists():
            return
        arrays, metadata = _tensor_file.read(self.path)
        if _KEY not in metadata:
            raise InvalidArgumentError(f"`{self.path}` is no checkpoint of fit")
        try:
            words = json.loads(metadata[_KEY])
            self._check(words, state)
            _restore(state, _by_owner({n: tensor(a) for n, a in arrays.items()}), words)
        except (KeyError, TypeError, AttributeError, json.JSONDecodeError) as error:
            raise DataLossError(f"`{self.path}` is damaged: {error!r}") from error
        except InvalidArgumentError:
            raise
        except ValueError as error:
            raise InvalidArgumentError(f"`{self.path}` is of another training: {error}") from error

    def _check(self, words: dict[str, Any], state: State) -> None:
        if words["version"] != _VERSION:
            raise InvalidArgumentError(
                f"`{self.path}` has version {words['version']} of checkpoints"
            )
        for name, value in state.settings.items():
            if words["settings"][name] != value:
                raise InvalidArgumentError(
                    f"`{self.path}` was made with {name}={words['settings'][name]!r}, not "
                    f"{value!r}: go on with that, or start anew with resume=False"
                )
        # A schedule may have changed them since.
        if list(state.rates) not in (words["rates"], words["rates_now"]):
            raise InvalidArgumentError(
                f"`{self.path}` was made with lr={words['rates']}, not {list(state.rates)}: go on "
                "with that, or start anew with resume=False"
            )


def _generators(model: Module) -> Iterator[tuple[str, Generator]]:
    """Yield the generators that the model draws from, each once."""
    yield "default", default_generator()
    seen = {id(default_generator())}
    for name, module in model.named_modules():
        for attribute, value in vars(module).items():
            if isinstance(value, Generator) and id(value) not in seen:
                seen.add(id(value))
                yield f"{name}.{attribute}", value


def rates_of(optimizer: Optimizer) -> list[float]:
    """Return the learning rates that an optimizer has now, one a group."""
    return [group["lr"] for group in optimizer.param_groups]


def _arrays(state: State) -> dict[str, Any]:
    owned = {
        "model": state.model.state_dict(),
        "optimizer": state.optimizer.state_dict(),
        "best": state.stopper.weights if state.stopper else {},
        "generator": {name: one.state for name, one in _generators(state.model)},
    }
    return {
        f"{owner}/{name}": value.numpy()
        for owner, values in owned.items()
        for name, value in values.items()
    }


def _by_owner(tensors: Mapping[str, Tensor]) -> dict[str, dict[str, Tensor]]:
    owned: dict[str, dict[str, Tensor]] = {
        "model": {},
        "optimizer": {},
        "best": {},
        "generator": {},
    }
    for name, value in tensors.items():
        owner, _, rest = name.partition("/")
        owned[owner][rest] = value
    return owned


def _words(state: State) -> dict[str, Any]:
    scheduler = state.scheduler
    return {
        "version": _VERSION,
        "settings": dict(state.settings),
        "rates": list(state.rates),
        "rates_now": rates_of(state.optimizer),
        "history": state.history.to_json(),
        "epoch": state.means.to_json(),
        "early_stopping": state.stopper.to_json() if state.stopper else None,
        "scheduler": scheduler.state_dict() if scheduler is not None else None,
        "seeds": {name: generator.seed for name, generator in _generators(state.model)},
    }


def _restore(state: State, owned: dict[str, dict[str, Tensor]], words: dict[str, Any]) -> None:
    history, means = History.from_json(words["history"]), Means.from_json(words["epoch"])
    # The model first: that it does not fit is the likeliest, and then nothing has changed.
    state.model.load_state_dict(owned["model"])
    state.optimizer.load_state_dict(owned["optimizer"])
    for name, generator in _generators(state.model):
        generator.manual_seed(int(words["seeds"][name]))
        generator.state.copy_(owned["generator"][name])
    if state.stopper and words["early_stopping"]:
        state.stopper.load(words["early_stopping"], owned["best"])
    if state.scheduler is not None and words["scheduler"]:
        state.scheduler.load_state_dict(words["scheduler"])
    state.history, state.means, state.rates = history, means, words["rates"]
