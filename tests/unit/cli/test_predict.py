import io

import numpy as np
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet as pq
import pytest

import ferrule as package


@pytest.fixture
def expected(model, points):
    fitted = package.load(model)
    frame = pa.table({"height": points[:, 0], "weight": points[:, 1]})
    return fitted.predict(frame), np.asarray(fitted.transform(frame))


def test_labels_go_to_stdout_as_csv(data, model, expected, monkeypatch, ferrule):
    buffer = io.BytesIO()
    monkeypatch.setattr("ferrule.cli._predict.sys.stdout", io.TextIOWrapper(buffer))
    code, _, err = ferrule("predict", model, "points.parquet")
    assert (code, err) == (0, "")
    lines = buffer.getvalue().decode().split()
    assert lines[0] == "label"
    assert [int(line) for line in lines[1:]] == expected[0].tolist()


def test_parquet_and_csv_hold_labels_and_distances(data, model, expected, ferrule):
    for name, read in (("p.parquet", pq.read_table), ("p.csv", pyarrow.csv.read_csv)):
        code, _, err = ferrule("predict", model, "points.parquet", "-o", name, "--distances")
        assert code == 0, err
        assert "labelled 400 rows" in err
        table = read(name)
        assert table.column_names == ["label", *(f"distance_{i}" for i in range(4))]
        np.testing.assert_array_equal(table["label"], expected[0])
        distances = np.column_stack(table.columns[1:])
        np.testing.assert_allclose(distances, expected[1], rtol=1e-12)


def test_npy_holds_labels(data, model, expected, ferrule):
    assert ferrule("predict", model, "points.parquet", "-o", "p.npy")[0] == 0
    labels = np.load("p.npy")
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, expected[0])


def test_columns_are_found_by_name_wherever_they_stand(data, model, expected, points, ferrule):
    shuffled = {"id": list("abcd") * 100, "weight": points[:, 1], "height": points[:, 0]}
    pyarrow.csv.write_csv(pa.table(shuffled), "more.csv")
    assert ferrule("predict", model, "more.csv", "-o", "p.npy")[0] == 0
    np.testing.assert_array_equal(np.load("p.npy"), expected[0])


def test_batches_are_labelled_as_the_whole(data, model, expected, monkeypatch, ferrule):
    monkeypatch.setattr("ferrule.cli._predict.BATCH_ROWS", 7)
    assert ferrule("predict", model, "points.parquet", "-o", "p.npy")[0] == 0
    np.testing.assert_array_equal(np.load("p.npy"), expected[0])


def test_a_failure_midway_leaves_the_old_output_and_no_litter(data, model, ferrule):
    pq.write_table(pa.table({"height": [1.0, None], "weight": [1.0, 2.0]}), "holes.parquet")
    (data / "p.csv").write_text("old")
    before = sorted(data.iterdir())
    code, _, err = ferrule("predict", model, "holes.parquet", "-o", "p.csv")
    assert code == 1
    assert "column `height` has no value in row 2" in err
    assert (data / "p.csv").read_text() == "old"
    assert sorted(data.iterdir()) == [*before]


def test_a_file_of_another_width_is_refused(data, model, ferrule):
    np.save("three.npy", np.zeros((5, 3)))
    code, _, err = ferrule("predict", model, "three.npy")
    assert code == 1
    assert "has 3 columns; the model takes 2: `height`, `weight`" in err


def test_distances_do_not_fit_in_npy(data, model, ferrule):
    code, _, err = ferrule("predict", model, "points.parquet", "-o", "p.npy", "--distances")
    assert code == 1
    assert "hint: write -o p.parquet" in err


def test_a_scaled_model_scales_what_it_labels(data, points, ferrule):
    command = ("train", "kmeans", "points.parquet", "--k", 4, "--scale", "-o", "s.safetensors")
    assert ferrule(*command)[0] == 0
    assert ferrule("predict", "s.safetensors", "points.parquet", "-o", "p.npy")[0] == 0
    frame = pq.read_table("points.parquet")
    np.testing.assert_array_equal(np.load("p.npy"), package.load("s.safetensors").predict(frame))


def test_the_file_being_read_is_not_replaced(data, model, ferrule):
    before = (data / "points.parquet").read_bytes()
    code, _, err = ferrule("predict", model, "points.parquet", "-o", "points.parquet")
    assert code == 1
    assert "is the file being read" in err
    assert "points-labels.parquet" in err
    assert (data / "points.parquet").read_bytes() == before
