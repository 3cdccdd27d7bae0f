import json

import pytest

from ferrule.cli import _console


def test_help_lists_the_commands_in_the_order_of_their_use(ferrule):
    code, out, err = ferrule("--help")
    assert (code, err) == (0, "")
    order = ["train", "inspect", "predict", "serve", "data", "schema", "bench", "version"]
    places = [out.index(f"│ {name} ") for name in order]
    assert places == sorted(places)


@pytest.mark.parametrize("command", [[], ["train"], ["data"]])
def test_no_command_shows_help(ferrule, command):
    code, out, _ = ferrule(*command)
    assert code == 0
    assert "Usage: ferrule" in out


@pytest.mark.parametrize(
    "command", ["train kmeans", "inspect", "predict", "data cubes", "schema", "bench"]
)
def test_each_command_has_help(ferrule, command):
    code, out, err = ferrule(*command.split(), "--help")
    assert (code, err) == (0, "")
    assert f"Usage: ferrule {command}" in out


def test_version_is_the_packages(ferrule):
    from ferrule import __version__

    assert ferrule.json("version")["ferrule"] == __version__
    for command in ("version", "--version"):
        assert ferrule(command)[1].startswith(f"ferrule {__version__} (Python 3.")


def test_inspect_prints_what_the_library_says(ferrule, model):
    import ferrule as package

    info = package.inspect(model)
    assert ferrule("inspect", model)[1] == f"{info!r}\n"
    assert ferrule.json("inspect", model) == json.loads(json.dumps(info.to_dict()))


def test_inspect_leaves_out_how_a_fit_was_run(ferrule, model):
    shown = ferrule("inspect", model)[1]
    assert "n_clusters=4" in shown
    assert not [name for name in ("callback", "copy_x", "verbose") if name in shown]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0, "0.000"),
        (1.23456, "1.235"),
        (12345.6789, "12,346"),
        (1e12, "1.000e+12"),
        (-2e-7, "-2.000e-07"),
    ],
)
def test_numbers_are_short_and_keep_their_size(value, text):
    assert _console.number(value) == text
