"""Training a model."""

import os
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from ferrule.data._durable import check_writable
from ferrule.flow._fit._batches import Order
from ferrule.flow._fit._checkpoint import Checkpoint, State, rates_of
from ferrule.flow._fit._data import batches_of
from ferrule.flow._fit._early_stopping import EarlyStopping, Stopper
from ferrule.flow._fit._history import History
from ferrule.flow._fit._loop import Callback, Kept, Loop
from ferrule.flow._fit._means import Means
from ferrule.flow._fit._metrics import Metric, metrics_of
from ferrule.flow._fit._progress import shown
from ferrule.flow._fit._steps import Loss, Steps
from ferrule.flow._random import manual_seed
from ferrule.flow.nn import Module
from ferrule.flow.optim import Optimizer


def fit(
    model: Module,
    data: Any,
    loss: Loss,
    optimizer: Optimizer,
    *,
    epochs: int = 1,
    batch_size: int = 32,
    target: str | Sequence[str] | None = None,
    validation: Any = None,
    metrics: Iterable[str | Metric] | Mapping[str, str | Metric] = (),
    callbacks: Iterable[Callback] = (),
    scheduler: Any = None,
    early_stopping: EarlyStopping | int | None = None,
    checkpoint: str | os.PathLike[str] | None = None,
    checkpoint_every: int | None = None,
    resume: bool = True,
    clip_norm: float | None = None,
    shuffle: bool = True,
    seed: int = 0,
    compile: bool = True,  # noqa: A002
    verbose: bool | None = None,
) -> History:
    """Train a model, and leave it in the mode of use (see `Module.eval`).

    Parameters
    ----------
    model : Module
    data : (x, y), Source, Cubes or batches
        - Two arrays or tensors of equally many rows, or one that is its own target. Memory-mapped
          arrays are read batch by batch.
        - A `ferrule.data.Source`, or anything that `ferrule.data.read` takes, with `target`. It is
          read anew in each epoch; rows are shuffled within blocks of 65,536.
        - `ferrule.data.Cubes` with a total, alone or in a pair with an array of targets; whole
          batches of them are shuffled.
        - An iterable of batches (x, y), or of x alone, for each epoch, or a function from the
          number of the epoch to one. `batch_size` and `shuffle` are then its own matter.

        Floats become the dtype of the model's parameters, integers int64.
    loss : callable
        From what the model gives and the targets to a scalar tensor: `nn.CrossEntropyLoss()`.
    optimizer : Optimizer
        Of the model's parameters.
    epochs : int
        How often the data are gone through, those before a resumption counted.
    batch_size : int
        Rows of a batch; the last may have fewer.
    target : str or sequence of str, optional
        The columns of a source that are the targets. Integers are classes.
    validation : optional
        As `data`; the loss and the metrics of it are computed after each epoch.
    metrics : names, functions, or a mapping of names to either
        "accuracy", "binary_accuracy" (of logits), "mae", "mse", or functions as `loss` is one.
        What is told is the mean over all rows.
    callbacks : iterable of callable
        Each is called with the number of an epoch, counted from 0, and its numbers by name; where
        one returns True, the training stops.
    scheduler : from `optim.lr_scheduler`, optional
        Its `step` is called after each epoch, that of `ReduceLROnPlateau` with the loss of the
        validation data, or, without such data, that of training.
    early_stopping : EarlyStopping or int, optional
        When to stop; a number is its patience.
    checkpoint : path, optional
        A file that is replaced after each epoch, whole whatever happens. It has all that the
        training depends on, so that one that was interrupted ends with the same bits. Other data,
        another seed, batch size, clipping, model or optimizer, its learning rate too, are refused
        with what differs; of batches that an iterable gives, nothing is known.
    checkpoint_every : int, optional
        After how many batches of an epoch the file is replaced too.
    resume : bool
        Whether to go on from `checkpoint` where it exists.
    clip_norm : float, optional
        What the norm of all gradients is scaled down to; see `optim.clip_grad_norm_`.
    shuffle : bool
        Whether rows are in another order in each epoch, a function of the seed and its number.
    seed : int
        From 0 to 2**64 - 1. It starts the default generator too, which dropout draws from.
    compile : bool
        Whether a step runs as one graph; a model that decides by the values of tensors cannot.
    verbose : bool, optional
        None: a bar where stderr is a terminal. True: elsewhere a line an epoch. False: nothing.

    Returns
    -------
    History
        The numbers of each epoch: "loss", the metrics, and "val_" and these of validation data.

    Raises
    ------
    FloatingPointError
        Where the loss is NaN.
    ValueError
        For data without rows, a number that is out of range, or a checkpoint of another training.
    TypeError
        For data of another kind.

    Examples
    --------
    >>> import numpy as np
    >>> from ferrule import flow
    >>> from ferrule.flow import nn, optim
    >>> x = np.linspace(-1, 1, 100)[:, None]
    >>> model = nn.Linear(1, 1)
    >>> optimizer = optim.SGD(model.parameters(), lr=0.1)
    >>> history = flow.fit(model, (x, 3 * x + 1), nn.MSELoss(), optimizer, epochs=50)
    >>> history.n_epochs, history["loss"][-1] < 1e-6
    (50, True)
    >>> round(model.weight.item(), 2), round(model.bias.item(), 2)
    (3.0, 1.0)
    """
    _check_parts(model, loss, optimizer)
    if checkpoint_every is not None and checkpoint is None:
        raise ValueError("checkpoint_every needs a checkpoint, the path of the file")
    _check_counts(epochs=epochs, batch_size=batch_size, checkpoint_every=checkpoint_every)
    order = Order(batch_size, _dtype_of(model), seed, shuffled=shuffle)
    trained = batches_of(data, target, order)
    checked = None
    if validation is not None:
        checked = batches_of(validation, target, order.unshuffled())
    chosen = metrics_of(metrics)
    steps = Steps(model, loss, optimizer, chosen, clip_norm=clip_norm, compiled=compile)
    if isinstance(early_stopping, int):
        early_stopping = EarlyStopping(patience=early_stopping)
    names = ["loss", *chosen]
    names += [f"val_{name}" for name in names] if checked else []
    stopper = Stopper(early_stopping, names) if early_stopping is not None else None
    settings = {
        "seed": seed,
        "batch_size": batch_size,
        "shuffle": shuffle,
        "clip_norm": clip_norm,
        "data": trained.description,
        "optimizer": optimizer.description,
    }
    state = State(
        model, optimizer, scheduler, stopper, History(), Means(), settings, rates_of(optimizer)
    )
    kept = Kept(_opened(checkpoint), checkpoint_every)
    loop = Loop(state, steps, trained, checked, kept, list(callbacks))
    manual_seed(_stream(seed))
    with shown(epochs, verbose=verbose) as bar:
        return loop.run(epochs, bar, resume=resume)


def _check_parts(model: Any, loss: Any, optimizer: Any) -> None:
    if not isinstance(model, Module):
        raise TypeError(f"the model is a Module, not {type(model).__name__}")
    if isinstance(loss, type) or not callable(loss):
        got = f"the class {loss.__name__}: call it" if isinstance(loss, type) else repr(loss)
        raise TypeError(f"the loss is a function of predictions and targets, not {got}")
    if not isinstance(optimizer, Optimizer):
        raise TypeError(f"the optimizer is one of ferrule.flow.optim, not {optimizer!r}")


def _check_counts(**counts: int | None) -> None:
    for name, number in counts.items():
        if number is not None and number < 1:
            raise ValueError(f"{name} must be at least 1, got {number}")


def _stream(seed: int) -> int:
    """Return the seed of the numbers that modules draw.

    Another than `seed`, by which the parameters may have been drawn: the masks of dropout would
    be made of the same numbers.
    """
    return int(np.random.SeedSequence([seed, 1]).generate_state(1, np.uint64)[0])


def _dtype_of(model: Module) -> np.dtype[Any]:
    floats = (param.dtype for param in model.parameters() if param.dtype.kind == "f")
    return next(floats, np.dtype("float32"))


def _opened(path: str | os.PathLike[str] | None) -> Checkpoint | None:
    if path is None:
        return None
    checkpoint = Checkpoint(path)
    check_writable(checkpoint.path)
    return checkpoint
