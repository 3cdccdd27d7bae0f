import importlib.util

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.feather
import pyarrow.parquet as pq
import pytest
from sklearn.cluster import KMeans
from sklearn.preprocessing import StandardScaler

import ferrule as package


def test_the_table_says_sizes_centres_inertia_iterations_and_seconds(data, ferrule, points):
    code, out, err = ferrule("train", "kmeans", "points.parquet", "--k", 4)
    assert code == 0, err
    for word in (
        "cluster",
        "rows",
        "share",
        "height",
        "weight",
        "inertia",
        "iterations",
        "seconds",
    ):
        assert word in out
    assert "not saved" in err


def test_json_holds_what_scikit_learn_finds(data, ferrule, points):
    result = ferrule.json("train", "kmeans", "points.parquet", "--k", 4)
    expected = KMeans(4, n_init=1, random_state=0).fit(points)
    assert result["inertia"] == pytest.approx(expected.inertia_, rel=1e-9)
    centers = sorted(cluster["center"] for cluster in result["clusters"])
    np.testing.assert_allclose(centers, sorted(expected.cluster_centers_.tolist()))
    assert sum(cluster["rows"] for cluster in result["clusters"]) == len(points)
    assert result["features"] == ["height", "weight"]


def test_the_model_saved_labels_as_the_fit_did(data, ferrule, points, model):
    loaded = package.load(model)
    expected = KMeans(4, n_init=1, random_state=0).fit_predict(points)
    assert list(loaded.feature_names_in_) == ["height", "weight"]
    pairs = set(zip(loaded.predict(pq.read_table("points.parquet")), expected, strict=True))
    assert len(pairs) == 4


def test_the_same_command_twice_gives_the_same_digest(data, ferrule):
    command = ("train", "kmeans", "points.parquet", "--k", 4, "-o", "m.safetensors")
    assert ferrule.json(*command)["digest"] == ferrule.json(*command)["digest"]


def test_scale_is_the_standard_scaler_and_is_served_with_the_model(data, ferrule, points):
    stretched = points * [1.0, 1000.0] + [0.0, 5e4]
    np.save("stretched.npy", stretched)
    ferrule("train", "kmeans", "stretched.npy", "--k", 4, "--scale", "-o", "scaled.safetensors")
    expected = KMeans(4, n_init=1, random_state=0).fit_predict(
        StandardScaler().fit_transform(stretched)
    )
    labels = package.load("scaled.safetensors").predict(stretched)
    assert len(set(zip(labels, expected, strict=True))) == 4


def test_a_range_keeps_the_k_of_the_best_silhouette(data, ferrule):
    result = ferrule.json(
        "train", "kmeans", "points.parquet", "--k", "2..6", "-o", "best.safetensors", "--quiet"
    )
    scores = {tried["k"]: tried["silhouette"] for tried in result["tried"]}
    assert list(scores) == [2, 3, 4, 5, 6]
    assert result["k"] == 4 == max(scores, key=scores.get)
    assert len(package.load("best.safetensors").cluster_centers_) == 4
    assert (data / "best-k.svg").read_text().startswith("<?xml")


def test_a_range_shows_bars_and_marks_the_best(data, ferrule):
    code, out, _ = ferrule("train", "kmeans", "points.parquet", "--k", "2..5")
    assert code == 0
    (best,) = [line for line in out.splitlines() if line.endswith("best ")]
    assert best.split()[0] == "4"
    assert "█" in best


def test_a_plot_without_matplotlib_says_how_to_get_it(data, ferrule, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "ferrule.cli._plots.find_spec",
        lambda name: None if name == "matplotlib" else found(name),
    )
    code, _, err = ferrule("train", "kmeans", "points.parquet", "--k", 3, "--plot", "p.svg")
    assert code == 0
    assert "pip install 'ferrule[plot]'" in err
    assert not (data / "p.svg").exists()


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_the_clusters_of_one_k_are_drawn_where_asked(data, ferrule, ending):
    code, _, err = ferrule("train", "kmeans", "points.parquet", "--k", 4, "--plot", f"p.{ending}")
    assert code == 0, err
    head = (data / f"p.{ending}").read_bytes()[:5]
    assert head == {"svg": b"<?xml", "png": b"\x89PNG\r"}[ending]


@pytest.mark.parametrize("features", ["weight", "weight,height"])
def test_features_are_taken_by_name_in_the_order_given(data, ferrule, points, features):
    result = ferrule.json("train", "kmeans", "points.parquet", "--features", features, "--k", 1)
    mean = dict(zip(["height", "weight"], points.mean(axis=0), strict=True))
    assert result["features"] == features.split(",")
    assert result["clusters"][0]["center"] == pytest.approx([mean[f] for f in features.split(",")])


def test_a_sample_is_as_large_as_asked_and_seeded(data, ferrule):
    command = ("train", "kmeans", "points.parquet", "--k", 2, "--sample", 100)
    first, again = ferrule.json(*command), ferrule.json(*command)
    assert (first["rows"], first["rows_in_file"]) == (100, 400)
    assert first["inertia"] == again["inertia"]
    other = ferrule.json(*command, "--random-state", 5)
    assert other["inertia"] != first["inertia"]


def test_options_reach_the_estimator(data, ferrule):
    code, _, err = ferrule(
        *("train", "kmeans", "points.parquet", "--k", 5, "--n-init", 3, "--max-iter", 7),
        *("--tol", 0.01, "--random-state", 11, "--dtype", "float32", "-o", "m.safetensors"),
    )
    assert code == 0, err
    model = package.load("m.safetensors")
    parameters = model.get_params()
    expected = {"n_clusters": 5, "n_init": 3, "max_iter": 7, "tol": 0.01, "random_state": 11}
    assert {name: parameters[name] for name in expected} == expected
    assert model.cluster_centers_.dtype == np.float32


def test_minibatch_fits_a_minibatch_model(data, ferrule):
    code, _, err = ferrule(
        "train", "kmeans", "points.parquet", "--k", 4, "--minibatch", "-o", "m.safetensors"
    )
    assert code == 0, err
    assert package.inspect("m.safetensors").training["estimator"] == "MiniBatchKMeans"


def write(kind, points, path):
    table = pa.table({"a": points[:, 0], "b": points[:, 1]})
    if kind == "stream":
        with pa.ipc.new_stream(path, table.schema) as stream:
            stream.write_table(table)
        return
    {
        "csv": lambda: pyarrow.csv.write_csv(table, path),
        "tsv": lambda: pyarrow.csv.write_csv(table, path, pyarrow.csv.WriteOptions(delimiter="\t")),
        "bare": lambda: np.savetxt(path, points, delimiter=","),
        "parquet": lambda: pq.write_table(table, path, row_group_size=100),
        "feather": lambda: pyarrow.feather.write_feather(table, path, chunksize=64),
        "npy": lambda: np.save(path, points),
        "fortran": lambda: np.save(path, np.asfortranarray(points)),
    }[kind]()


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("csv", "x.csv"),
        ("tsv", "x.tsv"),
        ("bare", "x.csv"),
        ("parquet", "x.parquet"),
        ("feather", "x.feather"),
        ("stream", "x.arrow"),
        ("npy", "x.npy"),
        ("fortran", "x.npy"),
    ],
)
def test_every_kind_of_file_gives_the_same_model(data, ferrule, points, kind, name):
    write(kind, points, name)
    result = ferrule.json("train", "kmeans", name, "--k", 4)
    reference = ferrule.json("train", "kmeans", "points.parquet", "--k", 4)
    assert result["rows"] == 400
    assert result["inertia"] == pytest.approx(reference["inertia"], rel=1e-12)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1,2\n3,4\n", "the first row of `x.csv` is all numbers, so it is data"),
        ("a,2019\n3,4\n5,6\n", "is taken as names of columns, `2019` among them"),
        ("a,b\n3,4\n5,6\n", ""),
    ],
)
def test_a_first_row_that_may_be_names_or_data_is_told(data, ferrule, text, says):
    (data / "x.csv").write_text(text)
    _, _, err = ferrule("train", "kmeans", "x.csv", "--k", 2, "-o", "x.safetensors")
    assert ("note: " in err) == bool(says)
    assert says in err
    _, _, err = ferrule("predict", "x.safetensors", "x.csv")
    assert says in err
    assert ferrule("train", "kmeans", "x.csv", "--k", 2, "-q")[2] == ""


def test_quiet_prints_nothing_but_the_json_asked_for(data, ferrule):
    command = ("train", "kmeans", "points.parquet", "--k", 3, "-q", "-o", "m.safetensors")
    assert ferrule(*command) == (0, "", "")
    assert ferrule.json(*command)["k"] == 3


def test_that_nothing_is_saved_is_told_before_the_fit(data, ferrule, monkeypatch):
    def interrupted(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr("ferrule.cli._kmeans._fit_all", interrupted)
    code, out, err = ferrule("train", "kmeans", "points.parquet")
    assert (code, out) == (130, "")
    said = [line for line in err.splitlines() if line]
    assert said == [
        "note: the model is not saved; name a file with -o model.safetensors",
        "interrupted",
    ]


def test_a_model_that_takes_the_place_of_another_is_told(data, ferrule):
    command = ("train", "kmeans", "points.parquet", "--k", 3, "-o", "m.safetensors")
    assert ferrule(*command)[2].startswith("saved m.safetensors (sha256:")
    assert ferrule(*command)[2].startswith("replaced m.safetensors (sha256:")


def test_what_a_fit_warns_of_is_a_note(data, ferrule):
    (data / "same.csv").write_text("a,b\n" + "1,2\n" * 5)
    _, _, err = ferrule("train", "kmeans", "same.csv", "--k", 3, "-o", "m.safetensors")
    assert err.startswith("note: k=3: Number of distinct clusters (1) found smaller than")
    assert "Warning" not in err
    assert ferrule("train", "kmeans", "same.csv", "--k", 3, "-q") == (0, "", "")


@pytest.mark.parametrize("options", [(), ("--scale",)])
def test_a_stream_gives_about_the_clusters_of_the_rows_in_memory(data, ferrule, options):
    exact = ferrule.json("train", "kmeans", "points.parquet", "--k", 4, *options)
    command = ("train", "kmeans", "points.parquet", "--k", 4, "--minibatch", "--stream", *options)
    result = ferrule.json(*command, "-o", "m.safetensors", "--plot", "p.svg")
    assert result["inertia"] < 1.2 * exact["inertia"]
    assert (result["rows"], result["rows_in_file"]) == (400, 400)
    assert ferrule("predict", "m.safetensors", "points.parquet", "-o", "p.npy")[0] == 0
    sizes = np.bincount(np.load("p.npy"))
    assert [cluster["rows"] for cluster in result["clusters"]] == sizes.tolist()
    assert (data / "p.svg").exists()


def test_a_range_is_streamed_too(data, ferrule):
    result = ferrule.json(
        "train", "kmeans", "points.parquet", "--k", "2..5", "--minibatch", "--stream"
    )
    assert result["k"] == 4


def test_a_stream_goes_with_minibatch_alone(data, ferrule):
    for extra in ((), ("--minibatch", "--sample", 10)):
        code, _, err = ferrule("train", "kmeans", "points.parquet", "--stream", *extra)
        assert code == 2
        assert "hint: write --minibatch --stream" in err
