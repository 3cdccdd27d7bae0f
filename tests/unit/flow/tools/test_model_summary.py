"""Tables of what models are made of."""

import numpy as np
import pytest

import ferrule.flow.compat.v1 as tf
from ferrule import flow
from ferrule.flow import nn


@pytest.fixture
def model():
    return nn.Sequential(nn.Linear(4, 8), nn.Dropout(0.5), nn.Sequential(nn.Linear(8, 3)))


def test_each_layer_has_a_row_with_its_parameters(model):
    made = flow.summary(model)
    assert [(row[0], row[1], row[3]) for row in made.rows] == [
        ("0", "Linear", "40"),
        ("1", "Dropout", ""),
        ("2", "Sequential", ""),
        ("  0", "Linear", "27"),
    ]
    assert (made.parameters, made.trainable, made.bytes) == (67, 67, 268)


def test_an_example_gives_the_shapes_and_changes_nothing(model):
    model.train()
    before = flow.default_generator().state.item()
    made = flow.summary(model, np.zeros((5, 4)))
    assert [row[2] for row in made.rows] == ["(5, 8)", "(5, 8)", "(5, 3)", "(5, 3)"]
    assert all(module.training for module in model.modules())
    assert not any("forward" in vars(module) for module in model.modules())
    assert flow.default_generator().state.item() == before


def test_a_failing_example_leaves_the_model_as_it_was(model):
    with pytest.raises(ValueError, match="4 features"):
        flow.summary(model, np.zeros((5, 6)))
    assert not any("forward" in vars(module) for module in model.modules())
    assert model.training


def test_what_is_deeper_is_counted_in_the_row_above(model):
    made = flow.summary(model, depth=1)
    assert [(row[0], row[3]) for row in made.rows] == [("0", "40"), ("1", ""), ("2", "27")]
    with pytest.raises(ValueError, match="depth is at least 1"):
        flow.summary(model, depth=0)


def test_what_is_shared_or_frozen_counts_once_and_apart():
    layer = nn.Linear(4, 4)
    model = nn.Sequential(layer, nn.ReLU(), layer)
    model.register_buffer("steps", flow.zeros(3))
    layer.bias.requires_grad_(False)
    made = flow.summary(model)
    assert (made.parameters, made.trainable, made.bytes) == (20, 16, 92)
    assert [row[0] for row in made.rows] == ["0", "1", "2 (shared)"]


def test_a_function_shows_the_operations_that_it_was_traced_to():
    w = flow.ones(3, 2, requires_grad=True)

    @flow.function
    def predict(x):
        return (x @ w).relu()

    made = flow.summary(predict, flow.ones(5, 3))
    rows = {row[0]: row[1:] for row in made.rows}
    assert rows["x"] == ("placeholder", "(5, 3)", "", "60 B")
    assert rows["w"] == ("variable", "(3, 2)", "6", "24 B")
    assert rows["mat_mul"][1] == "(5, 2)"
    assert made.trainable == 6
    assert str(flow.summary(predict)) == str(made)
    with pytest.raises(TypeError, match="give examples"):
        flow.summary(flow.function(lambda x: x))


def test_a_graph_shows_scopes_down_to_a_depth():
    graph = tf.Graph()
    with graph.as_default():
        x = tf.placeholder(tf.float32, [None, 4], name="x")
        tf.layers.dense(x, 3, name="hidden")
        tf.Variable(0, trainable=False, name="steps")
    made = flow.summary(graph, depth=1)
    rows = {row[0]: row for row in made.rows}
    assert rows["x"][2] == "(?, 4)"
    assert rows["hidden/"][3] == "15"
    assert (made.parameters, made.trainable) == (16, 15)
    assert len(flow.summary(graph, depth=None).rows) == len(graph.get_operations())


def test_notebooks_show_a_table_and_names_are_escaped(model):
    made = flow.summary(model)
    assert made._repr_html_().count("<tr>") == 5
    model.register_module("<b>", nn.ReLU())
    assert "<b>" not in flow.summary(model)._repr_html_()
    assert repr(made) == str(made)


def test_what_is_no_model_is_refused():
    with pytest.raises(TypeError, match=r"expected a flow\.nn\.Module.*got int"):
        flow.summary(3)
