"""Each mistake is answered in one line that says what is wrong, and a hint that says what to do."""

import os

import numpy as np
import pytest

CSVS = {
    "text.csv": "name,x\nAda,1\nBob,2\n",
    "late.csv": "a,b\n" + "1,2\n" * 5 + "1,x7\n",
    "missing.csv": "a,b\n1,2\n3,\n5,6\n",
    "nan.csv": "a,b\n1,2\nNaN,1\n",
    "infinite.csv": "a,b\n1,2\n3,inf\n",
    "ragged.csv": "a,b\n1,2\n3,4,5\n",
    "twice.csv": "a,a\n1,2\n",
    "empty.csv": "",
    "header.csv": "a,b\n",
    "semicolons.csv": "a;b\n1;2\n",
    "decimals.csv": "1,5;2,5\n3,5;4,5\n",
    "tabs.csv": "a\tb\n1\t2\n",
    "commas.tsv": "1,2\n3,4\n",
    "bare": "1,2\n",
    "three.csv": "a,b\n1,2\n3,4\n5,6\n",
}

MISTAKES = [
    # command, exit code, what the error says, what the hint says
    ("train kmeans /zzz", 1, "there is no file `/zzz`", "check the path"),
    ("train kmeans three.cvs", 1, "there is no file `three.cvs`", "did you mean `three.csv`?"),
    ("train kmeans no/x.csv", 1, "there is no folder `no`", "check the path"),
    ("train kmeans notes.txt", 1, "`notes.txt` ends in `.txt`", ".parquet"),
    ("train kmeans bare", 1, "`bare` has no ending", ".parquet"),
    ("train kmeans semicolons.csv", 1, "separated by `;`", "tr ';' ',' < semicolons.csv"),
    ("train kmeans decimals.csv", 1, "separated by `;`", "tr ',;' '.,' < decimals.csv"),
    ("train kmeans tabs.csv", 1, "separated by tabs; commas", "call it tabs.tsv"),
    ("train kmeans commas.tsv", 1, "separated by `,`; tabs", "call it commas.csv"),
    ("train kmeans hollow", 1, "`hollow` is a folder without files of data", "check the path"),
    ("train kmeans empty.csv", 1, "`empty.csv` is empty", ""),
    ("train kmeans header.csv", 1, "`header.csv` has no rows", ""),
    ("train kmeans text.csv", 1, "column `name` has `Ada` in row 1", "--features"),
    ("train kmeans late.csv --k 2", 1, "column `b` has `x7` in row 6", "--features"),
    ("train kmeans missing.csv", 1, "column `b` has no value in row 2", "fill them in"),
    ("train kmeans nan.csv", 1, "column `a` has no value in row 2", "fill them in"),
    ("train kmeans infinite.csv", 1, "column `b` is infinite", ""),
    ("train kmeans ragged.csv", 1, "3 columns; 2 are expected: `3,4,5`", ""),
    ("train kmeans twice.csv", 1, "two columns called `a`", ""),
    ("train kmeans garbage.csv", 1, "`garbage.csv` is not CSV in UTF-8", ""),
    ("train kmeans garbage.parquet", 1, "`garbage.parquet` is not Parquet", ""),
    ("train kmeans garbage.arrow", 1, "`garbage.arrow` is not Arrow", ""),
    ("train kmeans garbage.npy", 1, "`garbage.npy` is not an npy file", ""),
    ("train kmeans objects.npy", 1, "`objects.npy` is not an npy file of plain numbers", ""),
    ("train kmeans cube.npy", 1, "3 dimensions; 2 are expected", ""),
    ("train kmeans words.npy", 1, "numbers are expected", ""),
    ("train kmeans three.csv --features a,c", 1, "has no column `c`", "its columns are `a`, `b`"),
    ("train kmeans points.parquet --features hieght", 1, "`hieght`", "did you mean `height`?"),
    ("train kmeans three.csv --features a,a", 1, "column `a` is given twice", ""),
    ("train kmeans three.csv --k 4", 1, "there are 3", "choose --k of at most 3"),
    ("train kmeans three.csv --k 2..9", 1, "9 clusters need", "choose --k of at most 3"),
    ("train kmeans three.csv --k 2 -o no/m.safetensors", 1, "no folder `no`", "mkdir -p no"),
    ("train kmeans three.csv --k 2 -o m.pkl", 1, "`m.pkl`", "save as m.safetensors"),
    ("train kmeans three.csv --k 2 -o m", 1, "`m` does not end in", "save as m.safetensors"),
    ("train kmeans three.csv --k 2 --plot p.gif", 1, "`p.gif` does not end in", ""),
    ("train kmeans three.csv --k zero", 2, "--k is `zero`", "write --k 3 or --k 2..12"),
    ("train kmeans three.csv --k 0", 2, "--k is 0", "ferrule train kmeans --help"),
    ("train kmeans three.csv --k 1..3", 2, "--k is 1..3", "two clusters"),
    ("train kmeans three.csv --k 5..2", 2, "--k 5..2 runs backwards", "write 2..5"),
    ("train kmeans three.csv --tol -1", 2, "--tol", "ferrule train kmeans --help"),
    ("train kmeans three.csv --nope", 2, "--nope", "ferrule train kmeans --help"),
    ("train kmeans", 2, "missing argument", "ferrule train kmeans --help"),
    ("trian", 2, "no such command 'trian'", "did you mean 'train'?"),
    ("inspect zzz", 1, "there is no model `zzz`", "ferrule train kmeans DATA"),
    ("inspect renamed.safetensors", 1, "is a Parquet file, not a Ferrule artifact", ""),
    ("inspect points.parquet", 1, "is a file of data, not a model", "ferrule train kmeans points"),
    ("predict three.csv four.safetensors", 1, "not a model file", "ferrule predict MODEL DATA"),
    ("serve three.csv", 1, "`three.csv` is a file of data", "ferrule train kmeans three.csv"),
    ("serve fuor.safetensors", 1, "no model `fuor", "did you mean `four.safetensors`?"),
    ("serve four.safetensors four.safetensors --name x", 2, "2 are given", "file's stem"),
    ("serve four.safetensors --port 80", 2, "no option --port", "--http-port"),
    ("inspect .", 1, "`.` is a folder; a model file is expected", ""),
    ("inspect cut.safetensors", 1, "cut.safetensors", "damaged"),
    ("predict four.safetensors three.csv", 1, "no column `height`", "its columns are `a`, `b`"),
    ("predict fuor.safetensors three.csv", 1, "no model", "did you mean `four.safetensors`?"),
    ("predict four.safetensors points.parquet -o p.xls", 1, "`p.xls`", ".csv, .parquet, .npy"),
    ("predict four.safetensors points.parquet -o no/p.csv", 1, "no folder `no`", "mkdir -p no"),
    ("schema nope.safetensors", 1, "there is no model `nope.safetensors`", ""),
    ("schema four.safetensors --proto --openapi", 2, "exclude each other", ""),
    ("bench nope.safetensors", 1, "there is no model `nope.safetensors`", ""),
    ("bench four.safetensors ftp://x:1", 1, "`ftp://x:1` is no address", "http://HOST:PORT"),
    ("bench grpc://127.0.0.1:1", 1, "not known what the model takes", "give the model file"),
    ("bench http://127.0.0.1:1", 1, "127.0.0.1:1 does not answer", "is the server running"),
    ("bench four.safetensors grpc://127.0.0.1:1 --no-plot", 1, "cannot connect", "running"),
    ("bench four.safetensors --concurrency 1,many", 2, "--concurrency", "1,8,64"),
    ("bench", 2, "missing argument", "ferrule bench --help"),
]


@pytest.fixture
def mistakes(data, model):
    for name, text in CSVS.items():
        (data / name).write_text(text)
    (data / "hollow").mkdir()
    (data / "notes.txt").write_text("1,2\n")
    garbage = bytes(range(128, 256)) * 4
    for ending in ("csv", "parquet", "arrow", "npy"):
        (data / f"garbage.{ending}").write_bytes(garbage)
    np.save(data / "objects.npy", np.array([[{}, {}]], dtype=object), allow_pickle=True)
    np.save(data / "cube.npy", np.zeros((2, 2, 2)))
    np.save(data / "words.npy", np.array([["a", "b"]]))
    (data / "renamed.safetensors").write_bytes((data / "points.parquet").read_bytes())
    (data / "cut.safetensors").write_bytes(model.read_bytes()[:-9])


@pytest.mark.usefixtures("mistakes")
@pytest.mark.parametrize(("command", "code", "error", "hint"), MISTAKES, ids=lambda v: str(v)[:60])
def test_a_mistake_is_answered_with_what_is_wrong_and_what_to_do(
    ferrule, command, code, error, hint
):
    got, out, err = ferrule(*command.split())
    lines = err.splitlines()
    assert (got, out) == (code, "")
    assert lines[0].startswith("error: ")
    assert error in lines[0]
    assert not lines[0].endswith(".") or lines[0].endswith("..")
    assert all(line.startswith("hint: ") for line in lines[1:])
    assert hint in "\n".join(lines[1:])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_is_not_ours_is_refused_before_the_fit(data, ferrule):
    locked = data / "locked"
    locked.mkdir(mode=0o500)
    code, _, err = ferrule(
        "train", "kmeans", "points.parquet", "--k", 2, "-o", locked / "m.safetensors"
    )
    assert code == 1
    assert "no permission to write to" in err


def test_a_defect_is_told_in_one_line_with_the_way_to_its_trace(ferrule, monkeypatch, model):
    def broken(_path):
        raise RuntimeError("boom")

    monkeypatch.setattr("ferrule.artifact.inspect", broken)
    code, out, err = ferrule("inspect", model)
    assert (code, out) == (1, "")
    assert err.startswith("error: defect in ferrule: RuntimeError: boom\nhint: FERRULE_DEBUG=1")
