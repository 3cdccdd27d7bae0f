"""A training learns, tells how far it is, and is the same each time."""

import numpy as np
import pytest

from ferrule import flow
from ferrule.flow import nn, optim
from ferrule.flow.nn import functional as F  # noqa: N812
from ferrule.flow.optim import lr_scheduler


def test_it_is_the_loop_that_one_would_write(make):
    run, other = make(), make()
    other.model.eval()
    run.model[2].p = other.model[2].p = 0.0
    history = run.fit(epochs=3, shuffle=False)

    losses = []
    other.model.train()
    for _ in range(3):
        total = 0.0
        for at in range(0, 50, 16):
            x, y = flow.tensor(other.x[at : at + 16]), flow.tensor(other.y[at : at + 16])
            loss = F.cross_entropy(other.model(x), y)
            loss.backward()
            other.optimizer.step()
            other.optimizer.zero_grad()
            total += loss.item() * len(x)
        losses.append(total / 50)
    assert run.bits() == other.bits()
    assert history["loss"] == losses


def test_compiled_and_eager_have_the_same_bits(make):
    run, other = make(), make()
    first = run.fit(epochs=3, metrics=["accuracy"])
    second = other.fit(epochs=3, metrics=["accuracy"], compile=False)
    assert dict(first) == dict(second)
    assert run.bits() == other.bits()


def test_the_seed_decides(make):
    runs = [make() for _ in range(3)]
    histories = [run.fit(epochs=2, seed=seed) for run, seed in zip(runs, (1, 1, 2), strict=True)]
    assert runs[0].bits() == runs[1].bits() != runs[2].bits()
    assert histories[0]["loss"] == histories[1]["loss"]


def test_it_learns(run):
    history = run.fit(epochs=150, metrics=["accuracy"], validation=(run.x, run.y))
    assert history["val_accuracy"][-1] > 0.95
    assert history["loss"][-1] < 0.5 * history["loss"][0]
    assert not run.model.training


def test_numbers_of_validation_are_means_over_its_rows(run):
    history = run.fit(epochs=1, validation=(run.x[:33], run.y[:33]), metrics=["accuracy"])
    with flow.no_grad():
        logits = run.model(flow.tensor(run.x[:33]))
    wanted = F.cross_entropy(logits, run.y[:33]).item()
    assert history["val_loss"] == [pytest.approx(wanted, rel=1e-6)]
    right = (logits.numpy().argmax(1) == run.y[:33]).mean()
    assert history["val_accuracy"] == [pytest.approx(right, rel=1e-6)]


def test_metrics_are_named_or_functions(run):
    def confidence(prediction, target):
        return prediction.softmax().amax(-1)

    history = run.fit(epochs=1, metrics=[confidence, "accuracy"])
    assert list(history) == ["loss", "confidence", "accuracy"]
    assert 0.5 < history["confidence"][0] < 1
    assert list(run.fit(epochs=1, metrics={"right": "accuracy"})) == ["loss", "right"]
    with pytest.raises(ValueError, match="no metric is called 'auc'; there is accuracy"):
        run.fit(metrics=["auc"])
    with pytest.raises(ValueError, match="is it binary_accuracy"):
        run.fit(metrics="accuracy", data=(run.x, run.x[:, :2]), loss=nn.MSELoss())


def test_regressions_and_binary_classes_have_their_metrics(run):
    run.model[3] = nn.Linear(16, 1)
    run.optimizer = optim.Adam(run.model.parameters(), lr=0.01)
    labels = run.y[:, None].astype(bool)
    history = run.fit((run.x, labels), loss=nn.BCEWithLogitsLoss(), metrics=["binary_accuracy"])
    assert 0 <= history["binary_accuracy"][0] <= 1
    history = run.fit((run.x, run.x[:, :1]), loss=nn.MSELoss(), metrics=["mse", "mae"])
    assert history["mse"] == history["loss"]
    assert history["mae"][0] < history["mse"][0] ** 0.5


def test_a_schedule_is_followed(run):
    scheduler = lr_scheduler.ExponentialLR(run.optimizer, 0.5)
    history = run.fit(epochs=3, scheduler=scheduler)
    assert history["lr"] == [0.02, 0.01, 0.005]


def test_a_plateau_sees_the_loss(run):
    scheduler = lr_scheduler.ReduceLROnPlateau(run.optimizer, factor=0.5, patience=0, threshold=0.9)
    history = run.fit(epochs=3, scheduler=scheduler)
    assert history["lr"] == [0.02, 0.02, 0.01]


def test_gradients_are_clipped(run):
    run.optimizer = optim.SGD(run.model.parameters(), lr=1.0)
    before = run.model.state_dict()
    run.fit(clip_norm=1e-3, batch_size=50)
    after = run.model.state_dict()
    moved = np.concatenate([(after[n].numpy() - before[n].numpy()).ravel() for n in before])
    assert np.linalg.norm(moved) == pytest.approx(1e-3, rel=1e-3)


def test_callbacks_see_every_epoch_and_may_stop(run):
    seen = []

    def stop(epoch, numbers):
        seen.append((epoch, list(numbers)))
        return epoch == 1

    history = run.fit(epochs=5, callbacks=[stop, lambda epoch, numbers: seen.append(epoch)])
    assert seen == [(0, ["loss"]), 0, (1, ["loss"]), 1]
    assert history.n_epochs == 2
    assert history.why_stopped == "a callback"


def test_early_stopping_ends_with_the_best_weights(make):
    run = make()
    weights, losses = [], []

    def keep(epoch, numbers):
        weights.append(run.bits())
        losses.append(numbers["val_loss"])

    history = run.fit(
        epochs=200, validation=(run.x[:9], 1 - run.y[:9]), early_stopping=3, callbacks=[keep]
    )
    best = int(np.argmin(losses))
    assert history.best_epoch == best
    assert history.n_epochs == best + 4
    assert history.why_stopped == "early stopping"
    assert run.bits() == weights[best]


def test_early_stopping_follows_what_it_is_told_to(run):
    rule = flow.EarlyStopping(patience=1, monitor="accuracy", min_delta=2.0, restore_best=False)
    history = run.fit(epochs=9, metrics=["accuracy"], early_stopping=rule)
    assert (history.n_epochs, history.best_epoch) == (2, 0)
    with pytest.raises(ValueError, match="early stopping monitors `val_loss`; there is `loss`"):
        run.fit(early_stopping=flow.EarlyStopping(monitor="val_loss"))
    with pytest.raises(ValueError, match="patience must be at least 1"):
        flow.EarlyStopping(patience=0)


def test_the_history_is_a_mapping(run):
    history = run.fit(epochs=2)
    assert dict(history) == {"loss": history["loss"]}
    assert history.last == {"loss": history["loss"][1]}
    assert repr(history) == f"History(epoch 2, loss {history['loss'][1]:.4g})"


def test_nothing_is_told_where_there_is_no_terminal(run, capsys):
    run.fit(epochs=2)
    assert capsys.readouterr() == ("", "")
    run.fit(epochs=2, verbose=True)
    out, err = capsys.readouterr()
    assert out == ""
    assert [line.split(",")[0] for line in err.splitlines()] == ["epoch 1", "epoch 2"]


def test_a_terminal_has_a_bar_and_a_line_an_epoch(run, capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    run.fit(epochs=2)
    err = capsys.readouterr().err
    assert "epoch 1, loss " in err
    assert "epoch 2, loss " in err
    run.fit(epochs=2, verbose=False)
    assert capsys.readouterr().err == ""


def test_a_loss_of_nan_stops_at_once(run):
    run.x[20] = np.nan
    with pytest.raises(FloatingPointError, match="the loss is NaN in batch 1"):
        run.fit(shuffle=False)


def test_gradients_from_before_do_not_count(make):
    run, other = make(), make()
    run.model(flow.tensor(run.x)).sum().backward()
    run.fit(epochs=1)
    other.fit(epochs=1)
    assert run.bits() == other.bits()
    assert all(parameter.grad is None for parameter in run.model.parameters())


def test_a_model_of_doubles_is_trained_in_doubles():
    model = nn.Linear(3, 1, dtype="float64")
    x = np.random.default_rng(0).normal(size=(40, 3))
    y = x @ [[1.0], [2.0], [3.0]]
    optimizer = optim.SGD(model.parameters(), lr=0.2)
    history = flow.fit(model, (x, y), nn.MSELoss(), optimizer, epochs=200)
    assert history["loss"][-1] < 1e-25


@pytest.mark.parametrize("name", ["epochs", "batch_size", "checkpoint_every"])
def test_counts_are_checked(run, name):
    with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
        run.fit(checkpoint="run", **{name: 0})
    with pytest.raises(ValueError, match="checkpoint_every needs a checkpoint"):
        run.fit(checkpoint_every=1)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ({"model": lambda x: x}, "the model is a Module, not function"),
        ({"loss": nn.MSELoss}, "not the class MSELoss: call it"),
        ({"loss": "mse"}, "the loss is a function of predictions and targets, not 'mse'"),
        ({"optimizer": "adam"}, "the optimizer is one of ferrule.flow.optim, not 'adam'"),
        ({"loss": lambda p, y: p}, r"a tensor of one number, got shape \(16, 2\): take its mean"),
        ({"loss": lambda p, y: 0.0}, "a tensor of one number, got float"),
    ],
)
def test_mistakes_are_told(run, parts, message):
    given = {"model": run.model, "loss": nn.CrossEntropyLoss(), "optimizer": run.optimizer}
    given |= parts
    with pytest.raises(TypeError, match=message):
        flow.fit(data=(run.x, run.y), batch_size=16, **given)


def test_an_optimizer_of_other_parameters_is_told(run):
    run.optimizer = optim.SGD(nn.Linear(1, 1).parameters())
    with pytest.raises(RuntimeError, match="of the parameters that the loss is computed with"):
        run.fit()
