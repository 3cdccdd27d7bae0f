"""A saved model comes back as it was, and says what it is."""

import dataclasses
import json
import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import ferrule
from ferrule.artifact import ScaledKMeans, Scaler
from ferrule.cluster import KMeans, MiniBatchKMeans


@pytest.fixture(name="X")
def samples():
    rng = np.random.default_rng(0)
    return rng.normal(size=(300, 4)) + rng.integers(0, 3, size=(300, 1)) * 5


def fitted(X, k, **parameters):
    """Fit from the first rows, so that every fit is the same."""
    start = np.asarray(X)[:k]
    return KMeans(n_clusters=k, init=start, n_init=1, random_state=0, **parameters).fit(X)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_a_loaded_model_predicts_and_transforms_to_the_same_bits(X, path, dtype):
    X = X.astype(dtype)
    model = fitted(X, 3, tol=1e-3)
    ferrule.save(model, path)
    loaded = ferrule.load(path)
    assert type(loaded) is KMeans
    assert loaded.cluster_centers_.dtype == dtype
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    np.testing.assert_array_equal(loaded.transform(X), model.transform(X))
    assert loaded.score(X) == model.score(X)
    assert loaded.get_params() == model.set_params(init="k-means++").get_params()
    assert (loaded.inertia_, loaded.n_iter_) == (model.inertia_, model.n_iter_)


def test_a_loaded_model_is_the_callers_to_change(X, path):
    ferrule.save(fitted(X, 2), path)
    first, second = ferrule.load(path), ferrule.load(path)
    first.cluster_centers_[:] = 0
    assert np.any(second.cluster_centers_ != 0)


def test_a_mini_batch_model_comes_back_as_one(X, path):
    model = MiniBatchKMeans(n_clusters=3, init=X[:3], n_init=1, random_state=0).fit(X)
    ferrule.save(model, path)
    loaded = ferrule.load(path)
    assert type(loaded) is MiniBatchKMeans
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))
    assert (loaded.n_iter_, loaded.n_steps_) == (model.n_iter_, model.n_steps_)
    assert loaded.batch_size == model.batch_size


def test_a_loaded_model_can_be_fitted_again(X, path):
    model = fitted(X, 3)
    ferrule.save(model, path)
    again = ferrule.load(path).set_params(init=X[:3]).fit(X)
    np.testing.assert_array_equal(again.cluster_centers_, model.cluster_centers_)


def test_feature_names_come_back_and_are_held(X, path):
    frame = pd.DataFrame(X, columns=["a", "b", "c", "größe"])
    model = fitted(frame, 3)
    ferrule.save(model, path)
    loaded = ferrule.load(path)
    assert list(loaded.feature_names_in_) == list(frame.columns)
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame.rename(columns={"a": "z"}))
    assert ferrule.inspect(path).signature.feature_names == ("a", "b", "c", "größe")


def test_equal_fits_have_equal_digests_and_others_have_others(X, tmp_path):
    def digest(name, **parameters):
        model = fitted(X, 3, **parameters)
        return ferrule.save(model, tmp_path / f"{name}.safetensors")

    assert digest("a") == digest("b")
    assert digest("a") != digest("c", tol=0.5)


def test_parameters_without_a_json_form_come_back_as_their_defaults(X, path):
    model = KMeans(n_clusters=3, init=X[:3], n_init=1, random_state=np.random.RandomState(0)).fit(X)
    ferrule.save(model, path)
    loaded = ferrule.load(path)
    assert (loaded.init, loaded.n_init, loaded.random_state) == ("k-means++", 1, None)


def test_inspect_tells_what_the_file_holds(X, path):
    model = fitted(X, 3)
    digest = ferrule.save(model, path, metadata={"owner": "risk", "tags": ["a", 1, 2.5, None]})
    info = ferrule.inspect(path)
    assert info.digest == digest
    assert digest.startswith("sha256:")
    assert info.path == str(path)
    assert info.size == path.stat().st_size
    assert info.kind == "kmeans"
    assert info.training == {
        "estimator": "KMeans",
        "library": "ferrule",
        "rows": 300,
        "inertia": model.inertia_,
        "n_iter": model.n_iter_,
    }
    assert info.metadata == {"owner": "risk", "tags": ["a", 1, 2.5, None]}
    assert [str(spec) for spec in info.signature.inputs] == ["X FP64 [-1, 4]"]
    outputs = ["label INT32 [-1]", "distances FP64 [-1, 3] (on request)"]
    assert [str(spec) for spec in info.signature.outputs] == outputs
    assert [str(tensor) for tensor in info.tensors] == ["cluster_centers F64 [3, 4]"]
    assert json.loads(json.dumps(info.to_dict())) == info.to_dict()
    for text in (str(path), digest, "cluster_centers F64 [3, 4]", 'owner="risk"', "n_clusters=3"):
        assert text in repr(info)
    with pytest.raises(dataclasses.FrozenInstanceError):
        info.kind = "other"


def test_a_signature_renames_the_input_and_sets_its_dtype(X, path):
    model = fitted(X, 3)
    ferrule.save(model, path, signature={"features": "FP32"})
    info = ferrule.inspect(path)
    assert str(info.signature.inputs[0]) == "features FP32 [-1, 4]"
    loaded = ferrule.load(path)
    assert loaded.cluster_centers_.dtype == np.float32
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


@pytest.mark.parametrize(
    "signature",
    [{}, {"X": "FP16"}, {"X": "float32"}, {"X": "FP32", "Y": "FP32"}, {1: "FP32"}, "FP32", 3],
)
def test_a_wrong_signature_is_refused_with_an_example(X, path, signature):
    model = fitted(X, 2)
    with pytest.raises(ferrule.errors.InvalidArgumentError, match="signature must map"):
        ferrule.save(model, path, signature=signature)
    assert not path.exists()


@pytest.mark.parametrize("name", ["", "a\nb", "x" * 129])
def test_a_wrong_input_name_is_refused(X, path, name):
    model = fitted(X, 2)
    with pytest.raises(ferrule.errors.InvalidArgumentError, match="input name"):
        ferrule.save(model, path, signature={name: "FP64"})
    assert not path.exists()


@pytest.mark.parametrize(
    ("metadata", "message"),
    [
        ({"a": {"b": np.zeros(2)}}, r"metadata\['a'\]\['b'\] is of type ndarray"),
        ({"a": float("nan")}, r"metadata\['a'\] is nan"),
        ({1: 2}, "has the key 1; keys must be str"),
        ({"a": 2**64}, "is 18446744073709551616; expected"),
        ({"a": "\ud800"}, r"is '\\ud800'; expected"),
    ],
)
def test_metadata_that_json_cannot_hold_is_refused_by_its_name(X, path, metadata, message):
    model = fitted(X, 2)
    with pytest.raises(ferrule.errors.InvalidArgumentError, match=message):
        ferrule.save(model, path, metadata=metadata)
    assert not path.exists()


def test_metadata_comes_back_the_same_to_the_last_bit(X, path):
    model = fitted(X, 2)
    rng = np.random.default_rng(1)
    floats = [*rng.normal(size=200) * 10.0 ** rng.integers(-300, 300, 200), -0.0, 5e-324, 1e16, 1.0]
    metadata = {"floats": [float(f) for f in floats], "integers": [2**64 - 1, -(2**63), 0]}
    ferrule.save(model, path, metadata=metadata)
    stored = ferrule.inspect(path).metadata
    assert [f.hex() for f in stored["floats"]] == [f.hex() for f in metadata["floats"]]
    assert stored["integers"] == metadata["integers"]


def test_a_model_behind_a_scaler_comes_back(X, path):
    scaler = Scaler("standard", X.mean(axis=0), X.std(axis=0))
    kmeans = fitted(scaler.transform(X), 3)
    model = ScaledKMeans(scaler, kmeans, feature_names=["a", "b", "c", "d"])
    ferrule.save(model, path)
    loaded = ferrule.load(path)
    assert type(loaded) is ScaledKMeans
    frame = pd.DataFrame(X, columns=["a", "b", "c", "d"])
    np.testing.assert_array_equal(loaded.predict(frame), kmeans.labels_)
    np.testing.assert_array_equal(loaded.transform(frame), model.transform(frame))
    assert loaded.score(frame) == model.score(frame)
    with pytest.raises(ValueError, match="feature names should match"):
        loaded.predict(frame[["b", "a", "c", "d"]])
    with pytest.raises(ValueError, match="NaN"):
        loaded.predict(frame * np.nan)


def test_what_is_not_a_model_is_refused_with_what_is_taken(path):
    for thing in (None, {"a": 1}, np.zeros((2, 2)), KMeans):
        with pytest.raises(ferrule.errors.InvalidArgumentError, match="save takes a fitted KMeans"):
            ferrule.save(thing, path)
    assert not path.exists()


def test_a_model_that_is_not_fitted_is_refused(path):
    with pytest.raises(ferrule.errors.FailedPreconditionError, match="call fit before saving"):
        ferrule.save(KMeans(), path)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_centres_that_are_not_finite_are_refused(X, path, value):
    model = fitted(X, 2)
    model.cluster_centers_[1, 2] = value
    with pytest.raises(ferrule.errors.InvalidArgumentError, match="element 6"):
        ferrule.save(model, path)
    assert not path.exists()


def test_centres_that_float32_cannot_hold_are_refused(X, path):
    model = fitted(X, 2)
    model.cluster_centers_[0, 0] = 1e300
    with pytest.raises(ferrule.errors.InvalidArgumentError, match="inf"):
        ferrule.save(model, path, signature={"X": "FP32"})


def test_strings_paths_and_relative_paths_all_work(X, tmp_path, monkeypatch):
    model = fitted(X, 2)
    monkeypatch.chdir(tmp_path)
    ferrule.save(model, "plain.safetensors")
    ferrule.save(model, os.fspath(tmp_path / "größe \u3042.safetensors"))
    assert sorted(p.name for p in Path().iterdir()) == [
        "größe \u3042.safetensors",
        "plain.safetensors",
    ]
    assert ferrule.inspect("plain.safetensors").path == "plain.safetensors"


@pytest.mark.parametrize("name", ["model.pkl", "model", "model.safetensors.bak", "m.SAFETENSORS"])
def test_a_file_that_no_server_would_find_is_not_made(X, tmp_path, name):
    with pytest.raises(ferrule.errors.InvalidArgumentError, match=r"does not end in \.safetensors"):
        ferrule.save(fitted(X, 2), tmp_path / name)
    assert not list(tmp_path.iterdir())


def test_a_tilde_is_the_home(X, tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    digest = ferrule.save(fitted(X, 2), "~/two.safetensors")
    assert (tmp_path / "two.safetensors").exists()
    assert ferrule.inspect("~/two.safetensors").digest == digest
    assert len(ferrule.load("~/two.safetensors").cluster_centers_) == 2
    with ferrule.Server("~/two.safetensors") as server:
        assert server.http_url
