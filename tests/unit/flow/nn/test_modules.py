"""Modules know their parts, and give and take their state."""

import copy
import pickle

import numpy as np
import pytest

from ferrule import flow
from ferrule.flow import nn


class Branch(nn.Module):
    def __init__(self):
        self.scale = nn.Parameter([2.0])
        self.name = "a branch"
        self.constant = flow.tensor([5.0])

    def forward(self, x):
        return x * self.scale


class Tree(nn.Module):
    def __init__(self):
        super().__init__()
        self.left = Branch()
        self.right = Branch()
        self.offset = flow.zeros(1, requires_grad=True)
        self.register_buffer("seen", flow.tensor(0))
        self.register_buffer("scratch", flow.tensor(0.0), persistent=False)

    def forward(self, x):
        return self.left(x) + self.right(x) + self.offset


@pytest.fixture
def tree():
    return Tree()


def names(pairs):
    return [name for name, _ in pairs]


def test_leaves_that_require_gradients_are_parameters(tree):
    assert names(tree.named_parameters()) == ["offset", "left.scale", "right.scale"]
    assert names(tree.named_buffers()) == ["seen", "scratch"]
    assert names(tree.named_children()) == ["left", "right"]
    assert names(tree.named_modules()) == ["", "left", "right"]
    assert names(tree.named_modules("tree")) == ["tree", "tree.left", "tree.right"]
    assert list(tree.children()) == [tree.left, tree.right]
    assert list(tree.modules()) == [tree, tree.left, tree.right]
    assert [id(b) for b in tree.buffers()] == [id(tree.seen), id(tree.scratch)]


def test_what_is_shared_is_met_once_and_saved_by_each_name():
    model = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    model[1].weight = model[0].weight
    model.append(model[0])
    assert len(list(model.parameters())) == 3
    assert len(list(model.modules())) == 3
    assert list(model.state_dict()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_a_module_that_is_below_itself_is_met_once(tree):
    tree.left.up = tree
    assert len(list(tree.modules())) == 3


def test_a_call_is_forward(tree):
    assert tree(flow.tensor([3.0])).tolist() == [12.0]
    with pytest.raises(NotImplementedError, match=r"Module does not define forward\(\)"):
        nn.Module()(1)


def test_the_state_stays_as_it_was_when_the_module_changes(tree):
    state = tree.state_dict()
    assert list(state) == ["offset", "seen", "left.scale", "right.scale"]
    assert not state["left.scale"].requires_grad
    with flow.no_grad():
        tree.left.scale += 1.0
    assert state["left.scale"].tolist() == [2.0]
    tree.load_state_dict(state)
    assert tree.left.scale.tolist() == [2.0]
    assert tree.left.scale.requires_grad


def test_a_state_is_taken_in_place_of_arrays_too(tree):
    scale = tree.left.scale
    state = {"offset": np.ones(1), "seen": 7, "left.scale": [3], "right.scale": flow.ones(1)}
    assert tree.load_state_dict(state) == ([], [])
    assert tree.left.scale is scale
    assert (scale.tolist(), scale.dtype, tree.seen.item()) == ([3.0], np.float32, 7)


def test_a_state_that_does_not_fit_is_refused_whole(tree):
    state = tree.state_dict()
    state["offset"] = flow.ones(1)
    state["right.scale"] = flow.ones(2)
    state["left.scael"] = state.pop("left.scale")
    with pytest.raises(ValueError, match="the state does not fit Tree") as caught:
        tree.load_state_dict(state)
    message = str(caught.value)
    assert "`right.scale` has shape (1,), and (2,) is expected" not in message
    assert "`right.scale` has shape (2,), and (1,) is expected" in message
    assert "missing: `left.scale`" in message
    assert "unexpected: `left.scael` (is it `left.scale`?)" in message
    assert tree.offset.tolist() == [0.0]


def test_without_strict_other_names_are_passed_over(tree):
    found = tree.load_state_dict({"offset": [4.0], "other": [1.0]}, strict=False)
    assert found.missing_keys == ["seen", "left.scale", "right.scale"]
    assert found.unexpected_keys == ["other"]
    assert tree.offset.tolist() == [4.0]


def test_train_and_eval_reach_all_modules(tree):
    assert tree.eval() is tree
    assert [module.training for module in tree.modules()] == [False] * 3
    tree.train()
    assert [module.training for module in tree.modules()] == [True] * 3


def test_gradients_are_forgotten(tree):
    tree(flow.tensor([1.0])).backward()
    assert tree.left.scale.grad.tolist() == [1.0]
    tree.zero_grad()
    assert all(parameter.grad is None for parameter in tree.parameters())


def test_frozen_parameters_stay_parameters(tree):
    tree.left.requires_grad_(False)
    tree.left.scale = flow.tensor([7.0])
    assert "left.scale" in tree.state_dict()
    tree(flow.tensor([1.0])).backward()
    assert tree.left.scale.grad is None
    assert tree.right.scale.grad.tolist() == [1.0]


def test_apply_meets_children_first(tree):
    met = []
    assert tree.apply(met.append) is tree
    assert met == [tree.right, tree.left, tree]


def test_another_dtype_is_of_floats_only(tree):
    tree.right.scale = tree.left.scale
    assert tree.double() is tree
    assert [p.dtype.name for p in tree.parameters()] == ["float64"] * 2
    assert tree.right.scale is tree.left.scale
    assert tree.left.scale.requires_grad
    assert tree.seen.dtype == np.int64
    assert tree.float().offset.dtype == np.float32


def test_copies_and_pickles_are_modules_of_their_own():
    model = nn.Sequential(nn.Linear(2, 3), nn.Dropout(0.1))
    for made in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert repr(made) == repr(model)
        np.testing.assert_array_equal(made[0].weight.detach(), model[0].weight.detach().numpy())
        assert made[0].weight.requires_grad
        made[0].register_buffer("own", flow.zeros(1))
        assert "0.own" not in model.state_dict()


def test_attributes_go_away_with_what_they_were(tree):
    del tree.left
    assert names(tree.named_parameters()) == ["offset", "right.scale"]
    tree.offset = None
    assert names(tree.named_parameters()) == ["right.scale"]
    tree.offset = nn.Parameter([1.0])
    assert names(tree.named_parameters()) == ["offset", "right.scale"]


def test_a_name_that_is_not_there_is_guessed(tree):
    with pytest.raises(AttributeError, match=r"Tree has no attribute `lefd`: is it `left`\?"):
        _ = tree.lefd
    with pytest.raises(AttributeError, match=r"is it `forward`\?"):
        _ = tree.foward
    assert not hasattr(tree, "other")


def test_a_parameter_is_not_replaced_by_a_value_with_history(tree):
    with pytest.raises(
        TypeError, match=r"has history: write `with flow.no_grad\(\): module.offset"
    ):
        tree.offset = tree.offset * 2.0
    with pytest.raises(TypeError, match=r"would not be trained: make it nn\.Parameter"):
        tree.offset = flow.zeros(1)
    with pytest.raises(
        TypeError, match="`left` is a module: a Module or None is expected, got int"
    ):
        tree.left = 3
    with pytest.raises(TypeError, match="`seen` is a buffer: a tensor or None is expected"):
        tree.seen = 3


@pytest.mark.parametrize(
    "value", [[nn.ReLU()], (nn.ReLU(),), {"a": nn.ReLU()}], ids=["list", "tuple", "dict"]
)
def test_modules_that_nothing_would_find_are_refused(tree, value):
    with pytest.raises(TypeError, match=r"make it an nn\.ModuleList"):
        tree.layers = value


def test_parameters_that_nothing_would_find_are_refused(tree):
    with pytest.raises(TypeError, match="use register_parameter"):
        tree.weights = [nn.Parameter([1.0])]
    tree.sizes = [1, 2]
    assert tree.sizes == [1, 2]


def test_parts_are_registered_by_name(tree):
    tree.register_parameter("frozen", flow.tensor([1.0]))
    tree.register_parameter("absent", None)
    tree.register_module("7", nn.ReLU())
    assert "frozen" in names(tree.named_parameters())
    for call in (tree.register_parameter, tree.register_buffer, tree.register_module):
        with pytest.raises(TypeError, match="must be a"):
            call("wrong", 3)
    for name in ("", "a.b", "forward"):
        with pytest.raises(ValueError, match="name"):
            tree.register_buffer(name, flow.zeros(1))


def test_sequences_are_indexed_and_sliced():
    model = nn.Sequential(nn.Linear(2, 3), nn.ReLU(), nn.Linear(3, 1))
    assert len(model) == 3
    assert model[-1] is model[2]
    assert list(model[:2]) == [model[0], model[1]]
    assert isinstance(model[:2], nn.Sequential)
    model[1] = nn.Tanh()
    assert [type(module).__name__ for module in model] == ["Linear", "Tanh", "Linear"]
    with pytest.raises(IndexError, match="there are 3 modules, and none at 3"):
        _ = model[3]


def test_lists_of_modules_are_found():
    layers = nn.ModuleList([nn.Linear(2, 2)])
    layers.append(nn.Linear(2, 2))
    layers.extend([nn.ReLU()])
    assert len(layers) == 3
    assert isinstance(layers[1:], nn.ModuleList)
    assert names(layers.named_parameters()) == ["0.weight", "0.bias", "1.weight", "1.bias"]


def test_the_tree_is_shown():
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.Sequential(nn.Conv2d(1, 2, 3)))
    assert repr(model) == (
        "Sequential(\n"
        "  (0): Linear(in_features=2, out_features=3, bias=False)\n"
        "  (1): Sequential(\n"
        "    (0): Conv2d(1, 2, kernel_size=(3, 3), stride=(1, 1), padding=0)\n"
        "  )\n"
        ")"
    )
    shown = [repr(m) for m in (nn.MaxPool2d(2), nn.Dropout(0.1), nn.Embedding(3, 2), nn.Flatten())]
    assert shown == [
        "MaxPool2d(kernel_size=(2, 2), stride=(2, 2), padding='valid')",
        "Dropout(p=0.1)",
        "Embedding(3, 2)",
        "Flatten(start_dim=1, end_dim=-1)",
    ]
    assert repr(nn.MSELoss(reduction="sum")) == "MSELoss(reduction='sum')"


def test_a_traced_function_follows_the_mode():
    model = nn.Sequential(nn.Dropout(0.5))
    call = flow.function(lambda x: model(x))
    x = flow.ones(1000)
    assert 400 < (call(x).numpy() == 0).sum() < 600
    model.eval()
    assert (call(x).numpy() == 1).all()
    model.train()
    assert 400 < (call(x).numpy() == 0).sum() < 600


def test_a_traced_function_reads_parameters_anew():
    model = nn.Linear(1, 1, bias=False)
    call = flow.function(lambda x: model(x))
    for weight in (2.0, 3.0):
        model.load_state_dict({"weight": [[weight]]})
        assert call(flow.ones(1, 1)).item() == weight
