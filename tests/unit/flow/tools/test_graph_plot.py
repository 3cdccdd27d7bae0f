"""Pictures of graphs."""

import re
import xml.etree.ElementTree as ET  # the pictures are our own

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf
from ferrule import flow
from ferrule.errors import NotFoundError
from ferrule.flow import nn

SVG = "{http://www.w3.org/2000/svg}"


def boxes(plot):
    """Return name → (left, top, right, bottom) of operations."""
    found = {}
    for group in ET.fromstring(plot.svg).iter(f"{SVG}g"):
        if "node" in group.get("class").split():
            rect = group.find(f"{SVG}rect")
            x, y, width, height = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
            name = group.find(f"{SVG}title").text.partition(":")[0]
            found[name] = (x, y, x + width, y + height)
    return found


def chain(length):
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [3], name="x")
        for first in range(0, length, 10):
            with tf.name_scope(f"block_{first // 10}"):
                for step in range(first, min(first + 10, length)):
                    x = tf.add(tf.nn.relu(x, name=f"relu_{step}"), x, name=f"add_{step}")
    return graph


def test_operations_are_below_what_they_take_and_apart():
    found = boxes(flow.plot(chain(40)))
    assert len(found) == 81
    for step in range(40):
        scope = f"block_{step // 10}"
        assert found[f"{scope}/relu_{step}"][3] < found[f"{scope}/add_{step}"][1]
    rects = list(found.values())
    for place, (left, top, right, bottom) in enumerate(rects):
        for other in rects[:place]:
            apart = right <= other[0] or other[2] <= left or bottom <= other[1] or other[3] <= top
            assert apart


def test_scopes_hold_their_operations():
    plot = flow.plot(chain(20))
    scopes = [g for g in ET.fromstring(plot.svg).iter(f"{SVG}g") if g.get("class") == "scope"]
    named = {scope.find(f"{SVG}text").text: scope.find(f"{SVG}rect") for scope in scopes}
    assert set(named) == {"block_0", "block_1"}
    rect = named["block_1"]
    left, top = float(rect.get("x")), float(rect.get("y"))
    right, bottom = left + float(rect.get("width")), top + float(rect.get("height"))
    for name, box in boxes(plot).items():
        inside = left < box[0] and top < box[1] and box[2] < right and box[3] < bottom
        assert inside == name.startswith("block_1/")


def test_lines_carry_shapes_and_constants_stand_in_what_takes_them():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float64, [None, 4], name="x")
        y = tf.multiply(x, 0.5, name="half")
    plot = flow.plot(y)
    texts = [text.text for text in ET.fromstring(plot.svg).iter(f"{SVG}text")]
    assert "(?, 4) float64" in texts
    assert "0.5" in texts
    assert set(boxes(plot)) == {"x", "half"}


def test_a_tensor_shows_what_it_depends_on_alone():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [2], name="x")
        wanted = tf.exp(x, name="wanted")
        tf.log(x, name="other")
    assert set(boxes(flow.plot(wanted))) == {"x", "wanted"}
    assert set(boxes(flow.plot([wanted, graph.get_operation_by_name("other")]))) == {
        "x",
        "wanted",
        "other",
    }


def test_functions_and_modules_are_drawn_with_the_names_of_their_tensors(tmp_path):
    model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))
    path = tmp_path / "model.svg"
    plot = flow.plot(model, flow.ones(2, 4), path=path)
    assert {"x", "0.weight", "2.bias"} <= set(boxes(plot))
    assert path.read_text(encoding="utf-8") == plot.svg

    @flow.function
    def step(x):
        return model(x).sum()

    step(flow.ones(2, 4))
    assert "model.0.weight" in boxes(flow.plot(step))


def test_a_training_graph_of_two_hundred_operations_is_drawn():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [None, 8], name="x")
        for layer in range(4):
            x = tf.layers.dense(x, 8, activation=tf.nn.relu, name=f"layer_{layer}")
        loss = tf.reduce_mean(tf.square(x))
        tf.train.AdamOptimizer().minimize(loss)
    plot = flow.plot(graph)
    assert len(boxes(plot)) > 200
    width, height = (float(ET.fromstring(plot.svg).get(key)) for key in ("width", "height"))
    assert 300 < width < 20_000
    assert 300 < height < 20_000


def test_names_and_lines_are_escaped():
    graph = tf.Graph()
    with graph.as_default():
        tf.placeholder(tf.float32, [1], name="x") < 1  # noqa: B015  <&">
    svg = flow.plot(graph).svg
    ET.fromstring(svg)
    assert "&lt;&amp;" in svg


def test_scopes_that_need_each_other_are_drawn_too():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [1], name="x")
        with tf.name_scope("a"):
            first = tf.exp(x, name="first")
        with tf.name_scope("b"):
            second = tf.exp(first, name="second") + tf.log(first)
        with tf.name_scope("a/"):
            tf.add(second, first, name="third")
    assert len(boxes(flow.plot(graph))) == 6


def test_a_path_is_named_and_the_rest_are_examples(tmp_path):
    with pytest.raises(TypeError, match="path="):
        flow.plot(chain(1), str(tmp_path / "a.svg"))
    with pytest.raises(TypeError, match="none are expected"):
        flow.plot(chain(1), np.ones(3))
    with pytest.raises(NotFoundError, match="there is no folder"):
        flow.plot(chain(1), path=tmp_path / "none" / "a.svg")
    with pytest.raises(ValueError, match="no operations"):
        flow.plot(tf.Graph())


def test_one_graph_has_one_picture():
    assert flow.plot(chain(15)).svg == flow.plot(chain(15)).svg
    assert re.match(r"<Plot of 31 operations", repr(flow.plot(chain(15))))
