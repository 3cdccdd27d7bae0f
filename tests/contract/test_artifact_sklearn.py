"""A fitted scikit-learn model saves, and its artifact predicts what it predicts."""

import numpy as np
import pandas as pd
import pytest
from sklearn.cluster import BisectingKMeans, KMeans, MiniBatchKMeans
from sklearn.decomposition import PCA
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, RobustScaler, StandardScaler

import ferrule
from ferrule.errors import FailedPreconditionError, InvalidArgumentError

NAMES = ["age", "income", "visits"]
SCALERS = {
    "none": None,
    "standard": StandardScaler(),
    "mean only": StandardScaler(with_std=False),
    "std only": StandardScaler(with_mean=False),
    "neither": StandardScaler(with_mean=False, with_std=False),
    "minmax": MinMaxScaler(),
    "minmax range": MinMaxScaler(feature_range=(-3, 7)),
    "minmax clip": MinMaxScaler(clip=True),
}


@pytest.fixture(name="X", params=[np.float64, np.float32], ids=["float64", "float32"])
def samples(request):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, 3)) * [1.0, 1e4, 1e-3] + rng.integers(0, 4, size=(400, 1)) * [
        8,
        8e4,
        0,
    ]
    return X.astype(request.param)


def pipeline(scaler, kmeans):
    return kmeans if scaler is None else Pipeline([("scale", scaler), ("cluster", kmeans)])


@pytest.mark.parametrize("scaler", SCALERS.values(), ids=SCALERS)
@pytest.mark.parametrize("cls", [KMeans, MiniBatchKMeans])
def test_the_artifact_predicts_what_the_pipeline_predicts(X, tmp_path, scaler, cls):
    model = pipeline(scaler, cls(n_clusters=4, random_state=0, n_init=1)).fit(X)
    path = tmp_path / "model.safetensors"
    ferrule.save(model, path)
    loaded = ferrule.load(path)
    wider = np.concatenate([X, X * 3, X - X.mean(axis=0)]).astype(X.dtype)
    np.testing.assert_array_equal(loaded.predict(wider), model.predict(wider))
    tolerance = 1e-4 if X.dtype == np.float32 else 1e-9
    expected = model.transform(wider)
    np.testing.assert_allclose(
        loaded.transform(wider), expected, rtol=tolerance, atol=tolerance * expected.max()
    )
    assert loaded.cluster_centers_.dtype == X.dtype
    training = ferrule.inspect(path).training
    assert (training["library"], training["estimator"]) == ("scikit-learn", cls.__name__)
    assert training["rows"] == 400


@pytest.mark.parametrize("scaler", ["none", "standard", "minmax"])
def test_feature_names_are_kept(tmp_path, scaler):
    frame = pd.DataFrame(np.random.default_rng(0).normal(size=(50, 3)), columns=NAMES)
    model = pipeline(SCALERS[scaler], KMeans(n_clusters=3, random_state=0, n_init=1)).fit(frame)
    path = tmp_path / "model.safetensors"
    ferrule.save(model, path)
    loaded = ferrule.load(path)
    assert list(loaded.feature_names_in_) == NAMES
    np.testing.assert_array_equal(loaded.predict(frame), model.predict(frame))
    assert ferrule.inspect(path).signature.feature_names == tuple(NAMES)


def test_a_pipeline_of_a_model_alone_and_a_step_that_passes_through_save(X, tmp_path):
    kmeans = KMeans(n_clusters=3, random_state=0, n_init=1)
    for model in (make_pipeline(kmeans), Pipeline([("no", "passthrough"), ("cluster", kmeans)])):
        ferrule.save(model.fit(X), tmp_path / "model.safetensors")
        loaded = ferrule.load(tmp_path / "model.safetensors")
        np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_our_estimator_behind_a_scikit_learn_scaler_saves(X, tmp_path):
    kmeans = ferrule.cluster.KMeans(n_clusters=4, init=np.eye(4, 3), n_init=1)
    model = make_pipeline(StandardScaler(), kmeans).fit(X)
    ferrule.save(model, tmp_path / "model.safetensors")
    loaded = ferrule.load(tmp_path / "model.safetensors")
    np.testing.assert_array_equal(loaded.predict(X), model.predict(X))


def test_a_mini_batch_model_from_partial_fits_saves(X, tmp_path):
    model = MiniBatchKMeans(n_clusters=3, random_state=0, n_init=1)
    for rows in np.array_split(X, 4):
        model.partial_fit(rows)
    path = tmp_path / "model.safetensors"
    ferrule.save(model, path)
    np.testing.assert_array_equal(ferrule.load(path).predict(X), model.predict(X))
    assert "rows" not in ferrule.inspect(path).training


class Shifted(KMeans):
    def predict(self, X):
        return super().predict(X) + 1


@pytest.mark.parametrize(
    "model",
    [
        BisectingKMeans(n_clusters=2),
        Shifted(n_clusters=2),
        PCA(n_components=2),
        make_pipeline(RobustScaler(), KMeans(n_clusters=2)),
        make_pipeline(StandardScaler(), MinMaxScaler(), KMeans(n_clusters=2)),
        make_pipeline(StandardScaler(), PCA(n_components=2)),
        StandardScaler(),
    ],
    ids=lambda model: str(model)[:24],
)
def test_anything_else_is_refused_with_a_list_of_what_is_taken(X, tmp_path, model):
    model.fit(X)
    with pytest.raises(InvalidArgumentError, match=r"cannot save a .*save takes a fitted KMeans"):
        ferrule.save(model, tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("model", [KMeans(), make_pipeline(StandardScaler(), KMeans())])
def test_a_model_that_is_not_fitted_is_refused(tmp_path, model):
    with pytest.raises(FailedPreconditionError, match="call fit before saving"):
        ferrule.save(model, tmp_path / "model.safetensors")


def test_a_model_whose_predictions_ours_would_not_repeat_is_refused(X, tmp_path):
    model = KMeans(n_clusters=4, random_state=0, n_init=1).fit(X)
    model.predict = lambda rows: np.zeros(len(rows), dtype=np.int32)
    with pytest.raises(InvalidArgumentError, match=r"disagree on \d+ of 256 sample rows"):
        ferrule.save(model, tmp_path / "model.safetensors")
    assert list(tmp_path.iterdir()) == []


def test_centres_in_one_place_and_more_centres_than_sample_rows_save(tmp_path):
    same = KMeans(n_clusters=1, n_init=1).fit(np.ones((5, 2)))
    ferrule.save(same, tmp_path / "same.safetensors")
    many = np.random.default_rng(0).normal(size=(600, 2))
    model = KMeans(n_clusters=500, n_init=1, random_state=0).fit(many)
    ferrule.save(model, tmp_path / "many.safetensors")
    loaded = ferrule.load(tmp_path / "many.safetensors")
    np.testing.assert_array_equal(loaded.predict(many), model.predict(many))
