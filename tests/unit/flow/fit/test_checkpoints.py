"""A training that was interrupted goes on, and ends with the same bits."""

import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from safetensors import safe_open

from ferrule import flow
from ferrule.data import Cubes
from ferrule.errors import DataLossError, InvalidArgumentError, NotFoundError
from ferrule.flow import nn, optim
from ferrule.flow.optim import lr_scheduler

EPOCHS = 6


def interrupted(at):
    """Raise within an epoch, when some of its batches have changed the model."""
    count = 0

    def loss(prediction, target):
        nonlocal count
        count += 1
        if count == at:
            raise KeyboardInterrupt
        return nn.functional.cross_entropy(prediction, target)

    return loss


def options(run, **others):
    return {
        "epochs": EPOCHS,
        "validation": (run.x[:20], run.y[:20]),
        "metrics": ["accuracy"],
        "compile": False,
        **others,
    }


@pytest.mark.parametrize("every", [None, 1, 3])
@pytest.mark.parametrize("at", [1, 4, 6, 15])
def test_an_interrupted_training_ends_with_the_same_bits(make, tmp_path, at, every):
    whole = make()
    wanted = whole.fit(**options(whole))

    first = make()
    kept = {"checkpoint": tmp_path / "run", "checkpoint_every": every}
    with pytest.raises(KeyboardInterrupt):
        first.fit(**options(first, loss=interrupted(at), **kept))
    flow.manual_seed(99)
    again = make()
    history = again.fit(**options(again, checkpoint=tmp_path / "run"))
    assert dict(history) == dict(wanted)
    assert again.bits() == whole.bits()
    for name, value in whole.optimizer.state_dict().items():
        np.testing.assert_array_equal(value, again.optimizer.state_dict()[name].numpy())
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


@pytest.mark.parametrize(("every", "steps"), [(None, 4), (1, 6), (4, 4)])
def test_a_checkpoint_is_as_old_as_was_asked_for(make, tmp_path, every, steps):
    # An epoch has four batches of training and two of validation, so that the ninth loss is that
    # of the third batch of the second.
    first = make()
    with pytest.raises(KeyboardInterrupt):
        first.fit(
            **options(first, loss=interrupted(9)),
            checkpoint=tmp_path / "run",
            checkpoint_every=every,
        )
    with safe_open(tmp_path / "run", "np") as file:
        assert file.get_tensor("optimizer/steps") == steps


def test_a_longer_training_goes_on_where_a_shorter_ended(make, tmp_path):
    whole, again = make(), make()
    whole.fit(epochs=5)
    again.fit(epochs=2, checkpoint=tmp_path / "run")
    history = make().fit(epochs=2, checkpoint=tmp_path / "run")
    assert history.n_epochs == 2
    again = make()
    again.fit(epochs=5, checkpoint=tmp_path / "run")
    assert again.bits() == whole.bits()


def test_schedules_and_early_stopping_go_on_too(make, tmp_path):
    def run(epochs, path):
        run = make()
        history = run.fit(
            epochs=epochs,
            checkpoint=path,
            scheduler=lr_scheduler.StepLR(run.optimizer, 2, 0.5),
            early_stopping=flow.EarlyStopping(patience=3, min_delta=0.05),
        )
        return history, run.bits()

    wanted, bits = run(30, None)
    run(wanted.best_epoch + 2, tmp_path / "run")
    history, found = run(30, tmp_path / "run")
    assert (history.n_epochs, history.best_epoch) == (wanted.n_epochs, wanted.best_epoch)
    assert history["lr"] == wanted["lr"]
    assert found == bits
    # What had stopped stays so, with the best weights.
    history, found = run(30, tmp_path / "run")
    assert (history.n_epochs, history.why_stopped) == (wanted.n_epochs, "early stopping")
    assert found == bits


def test_generators_of_modules_go_on(make, tmp_path):
    def run(epochs, path):
        run = make()
        run.model[2] = nn.Dropout(0.5, generator=flow.Generator(11))
        run.fit(epochs=epochs, checkpoint=path)
        return run.bits()

    wanted = run(4, None)
    run(2, tmp_path / "run")
    assert run(4, tmp_path / "run") == wanted


def test_buffers_go_on(tmp_path):
    class Counting(nn.Module):
        def __init__(self):
            self.weight = nn.Parameter([1.0])
            self.register_buffer("rows", flow.tensor(0))

        def forward(self, x):
            self.rows.add_(len(x))
            return x * self.weight

    for epochs in (1, 3):
        model = Counting()
        optimizer = optim.SGD(model.parameters(), lr=0.1)
        data = (np.ones((5, 1)), np.ones((5, 1)))
        flow.fit(model, data, nn.MSELoss(), optimizer, epochs=epochs, checkpoint=tmp_path / "run")
        assert model.rows.item() == 5 * epochs


def test_without_resume_it_starts_anew(make, tmp_path):
    whole, again = make(), make()
    whole.fit(epochs=2)
    make().fit(epochs=1, checkpoint=tmp_path / "run")
    history = again.fit(epochs=2, checkpoint=tmp_path / "run", resume=False)
    assert history.n_epochs == 2
    assert again.bits() == whole.bits()


def test_a_checkpoint_is_a_safetensors_file_of_names(run, tmp_path):
    run.fit(epochs=1, checkpoint=tmp_path / "run")
    with safe_open(tmp_path / "run", "np") as file:
        names = set(file.keys())
        weight = file.get_tensor("model/0.weight")
    assert {"optimizer/steps", "optimizer/state.0.exp_avg", "generator/default"} < names
    np.testing.assert_array_equal(weight, run.model[0].weight.detach().numpy())


def test_a_checkpoint_of_another_training_is_refused(make, tmp_path):
    path = tmp_path / "run"
    make().fit(checkpoint=path)
    with pytest.raises(ValueError, match="was made with seed=0, not 1: go on with that, or start"):
        make().fit(checkpoint=path, seed=1)
    other = make()
    other.optimizer = optim.SGD(other.model.parameters())
    with pytest.raises(InvalidArgumentError, match=r"made with optimizer='AdamW\(.*not 'SGD\("):
        other.fit(checkpoint=path)
    other = make()
    other.model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 2))
    other.optimizer = optim.AdamW(other.model.parameters(), lr=0.02)
    with pytest.raises(InvalidArgumentError, match="is of another training"):
        other.fit(checkpoint=path)
    flow_file = tmp_path / "model.safetensors"
    from safetensors.numpy import save_file

    save_file({"x": np.ones(1)}, flow_file)
    with pytest.raises(InvalidArgumentError, match="is no checkpoint of fit"):
        make().fit(checkpoint=flow_file)


def test_another_learning_rate_or_other_data_are_refused_with_what_differs(make, tmp_path):
    path = tmp_path / "run"
    make().fit(checkpoint=path)
    other = make()
    other.optimizer.lr = 0.5
    with pytest.raises(InvalidArgumentError, match=r"made with lr=\[0\.02\], not \[0\.5\]: go on"):
        other.fit(checkpoint=path, epochs=2)
    other = make()
    other.x = other.x + 1
    with pytest.raises(InvalidArgumentError, match=r"made with data='float32 \(50, 4\) #.*not"):
        other.fit(checkpoint=path, epochs=2)
    other = make()
    with pytest.raises(InvalidArgumentError, match="made with clip_norm=None, not 1"):
        other.fit(checkpoint=path, epochs=2, clip_norm=1.0)
    assert make().fit(checkpoint=path, epochs=2).n_epochs == 2


def test_a_rate_that_a_schedule_has_changed_is_gone_on_from(make, tmp_path):
    path = tmp_path / "run"
    run = make()
    scheduler = optim.lr_scheduler.ExponentialLR(run.optimizer, 0.5)
    run.fit(checkpoint=path, epochs=2, scheduler=scheduler)
    # In the same process, with what the schedule has made of the rate, or anew.
    assert run.fit(checkpoint=path, epochs=3, scheduler=scheduler).n_epochs == 3
    again = make()
    scheduler = optim.lr_scheduler.ExponentialLR(again.optimizer, 0.5)
    assert again.fit(checkpoint=path, epochs=4, scheduler=scheduler).n_epochs == 4


def test_a_damaged_checkpoint_is_refused(make, tmp_path):
    path = tmp_path / "run"
    make().fit(checkpoint=path)
    content = path.read_bytes()
    for damaged in (b"", content[:100], content.replace(b"n_epochs", b"m_epochs")):
        path.write_bytes(damaged)
        with pytest.raises(DataLossError, match=r"damaged|empty"):
            make().fit(checkpoint=path)


def test_a_place_that_cannot_be_written_is_told_before_the_training(run, tmp_path):
    before = run.bits()
    with pytest.raises(NotFoundError, match="there is no folder"):
        run.fit(checkpoint=tmp_path / "none" / "run")
    with pytest.raises(InvalidArgumentError, match="is a folder"):
        run.fit(checkpoint=tmp_path)
    assert run.bits() == before


def test_ctrl_c_leaves_the_last_checkpoint_whole(make, tmp_path):
    script = """
        import sys
        sys.path.insert(0, sys.argv[1])
        from conftest import Run
        Run().fit(epochs=10**6, checkpoint="run", callbacks=[
            lambda epoch, numbers: print(epoch, flush=True) if epoch < 2 else None])
    """
    folder = str(Path(__file__).parent)
    words = [sys.executable, "-c", textwrap.dedent(script), folder]
    process = subprocess.Popen(words, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout.readline() == b"0\n"
    assert process.stdout.readline() == b"1\n"
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert process.returncode != 0
    assert b"KeyboardInterrupt" in err
    assert [path.name for path in tmp_path.iterdir()] == ["run"]
    again = make()
    again.fit(epochs=1, checkpoint=tmp_path / "run")
    done = again.optimizer.steps.item() / 4
    assert done >= 2
    assert done == int(done)
    whole = make()
    whole.fit(epochs=int(done))
    assert again.bits() == whole.bits()


def _source(run):
    return pa.table({"a": run.x[:, 0], "b": run.x[:, 1], "label": run.y}), {"target": "label"}


def _cubes(run):
    cubes = Cubes(
        np.random.default_rng(0).random((1, 9, 2)).astype(np.float32), (1, 1, 2), total=50
    )
    return (cubes, run.y[:, None, None]), {}


@pytest.mark.parametrize("data_of", [_source, _cubes])
def test_sources_and_cubes_go_on_within_an_epoch(make, tmp_path, data_of):
    def trained(loss, **kept):
        run = make()
        run.model[0] = nn.Linear(2, 16)
        run.optimizer = optim.Adam(run.model.parameters(), lr=0.02)
        data, others = data_of(run)
        run.fit(data, epochs=3, loss=loss, compile=False, **kept, **others)
        return run.bits()

    kept = {"checkpoint": tmp_path / "run", "checkpoint_every": 1}
    wanted = trained(nn.CrossEntropyLoss())
    with pytest.raises(KeyboardInterrupt):
        trained(interrupted(7), **kept)
    assert trained(nn.CrossEntropyLoss(), **kept) == wanted
