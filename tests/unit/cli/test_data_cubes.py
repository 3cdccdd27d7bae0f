import numpy as np
import pytest

from ferrule.data import Cubes, FrameStack
from ferrule.data._checksum import checksum


@pytest.fixture
def stack(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    stack = FrameStack(np.random.default_rng(0).random((6, 30, 20)))
    stack.save("frames.safetensors")
    return stack


COMMAND = ("data", "cubes", "frames.safetensors", "-n", 300)


def test_the_checksum_is_the_librarys(ferrule, stack):
    options = ("--columns", "shared", "--rows", "5:", "--dtype", "float32", "--seed", 7)
    told = ferrule.json(*COMMAND, "--shape", "4,10,8", *options)
    cubes = Cubes(
        stack, (4, 10, 8), columns="shared", rows=slice(5, None), dtype="float32", seed=7, total=300
    )
    assert told["total_checksum"] == checksum(cubes).checksum
    assert (told["made"], told["missing"], told["total"]) == (300, 0, 300)
    assert told["cubes_per_second"] > 0


def test_results_go_to_stdout_and_speed_to_stderr(ferrule, stack):
    code, out, err = ferrule(*COMMAND, "--shape", "4x10x8")
    assert code == 0
    whole = checksum(Cubes(stack, (4, 10, 8), total=300)).checksum
    assert f"checksum of all  {whole}" in out
    assert "made 300 cubes in" in err
    assert ferrule(*COMMAND, "--shape", "4,10,8", "--quiet")[2] == ""


def test_parts_say_what_is_missing_until_the_last(ferrule, stack):
    command = (*COMMAND, "--shape", "4,10,8", "--state", "state.json", "--part")
    assert "missing   200 cubes of the whole" in ferrule(*command, "2/3")[1]
    assert "missing   100 cubes of the whole" in ferrule(*command, "3/3")[1]
    whole = checksum(Cubes(stack, (4, 10, 8), total=300)).checksum
    assert f"checksum of all  {whole}" in ferrule(*command, "1/3")[1]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("--shape", "7,10,8"), 1, "a cube of 7 frames cannot be made: there are 6"),
        (("--shape", "10,8"), 1, "three whole numbers (frames, rows, columns)"),
        (("--shape", "a,b,c"), 2, "--shape is `a,b,c`; three numbers are expected"),
        (("--part", "0/3"), 2, "--part is `0/3`; one of 1/N to N/N is expected"),
        (("--part", "4/3"), 2, "--part is `4/3`"),
        (("--part", "three"), 2, "--part is `three`"),
        (("--rows", "5:x"), 2, "--rows is `5:x`; a range is expected"),
        (("--rows", "1:2:3:4"), 2, "--rows is `1:2:3:4`"),
        (("--rows", "last"), 1, "'first', 'random' or a slice"),
        (("--layout", "row", "--shape", "4,10,8"), 1, "frame, row and col in some order"),
        (("--sink", "npy"), 2, "--sink npy needs --output"),
        (("-o", "x"), 2, "a checksum has no --output"),
        (("--sink", "npy", "-o", "x", "--state", "s"), 2, "--state is for a checksum"),
        (("--seed", "-1"), 2, "--seed"),
        (("--state", "none/state.json", "--shape", "4,10,8"), 1, "there is no folder `none`"),
    ],
)
def test_mistakes_are_told_in_a_line_with_a_hint(ferrule, stack, arguments, code, message):
    got, out, err = ferrule(*COMMAND, *arguments)
    assert (got, out) == (code, "")
    lines = err.splitlines()
    assert lines[0].startswith("error: ")
    assert message in lines[0]
    assert all(line.startswith("hint: ") for line in lines[1:])


def test_a_missing_stack_is_named(ferrule, stack):
    code, _, err = ferrule("data", "cubes", "none.safetensors", "-n", 3)
    assert code == 1
    assert "none.safetensors" in err.splitlines()[0]


@pytest.mark.parametrize("sink", ["npy", "zarr", "parquet"])
def test_cubes_go_to_files_part_by_part(ferrule, stack, tmp_path, sink):
    command = (*COMMAND, "--shape", "4,10,8", "--sink", sink, "-o", "out", "--part")
    first = ferrule.json(*command, "1/2")
    assert (first["made"], first["missing"], first["path"]) == (150, 150, "out")
    code, out, err = ferrule(*command, "2/2")
    assert code == 0
    assert "cubes   150 to 300 of 300" in out
    assert "missing" not in out
    assert "made 150 cubes" in err
    if sink == "npy":
        made = np.concatenate([np.load(path) for path in sorted(tmp_path.glob("out/*.npy"))])
        assert made.tobytes() == Cubes(stack, (4, 10, 8), total=300).batch(0, 300).tobytes()


def test_a_folder_of_another_stream_is_told(ferrule, stack):
    command = (*COMMAND, "--shape", "4,10,8", "--sink", "npy", "-o", "out")
    assert ferrule(*command, "--quiet") == (0, "cubes   0 to 300 of 300\nfolder  out\n", "")
    code, out, err = ferrule(*command, "--seed", 1)
    assert (code, out) == (1, "")
    assert err.startswith("error: `out` is of another stream: its seed is 0, here it is 1\nhint: ")
