"""Order, places, variances and norms, held to NumPy; and names that are not there."""

import re

import numpy as np
import pytest

from ferrule import flow
from ferrule.flow import nn, optim

RNG = np.random.default_rng(0)


@pytest.mark.parametrize("dim", [0, 1, -1])
@pytest.mark.parametrize("dtype", ["float32", "float64", "int32", "int64", "uint8"])
def test_sort_and_topk_are_numpy_s(dim, dtype):
    x = (RNG.normal(size=(5, 7, 3)) * 40 + 100).astype(dtype)
    values, places = flow.tensor(x).sort(dim)
    np.testing.assert_array_equal(values.numpy(), np.sort(x, dim))
    np.testing.assert_array_equal(places.numpy(), np.argsort(x, dim, kind="stable"))
    np.testing.assert_array_equal(np.take_along_axis(x, places.numpy(), dim), values.numpy())
    falling = flow.sort(x, dim, descending=True)[0]
    np.testing.assert_array_equal(falling.numpy(), np.flip(np.sort(x, dim), dim))
    least = flow.topk(x, 2, dim, largest=False)[0]
    np.testing.assert_array_equal(least.numpy(), np.take(np.sort(x, dim), [0, 1], dim))
    np.testing.assert_array_equal(flow.argsort(x, dim).numpy(), places.numpy())


def test_extremes_of_whole_numbers_are_in_order():
    x = np.array([np.iinfo(np.int64).max, 0, np.iinfo(np.int64).min])
    assert flow.sort(x)[1].tolist() == [2, 1, 0]


def test_order_has_gradients():
    def least(x):
        return (flow.sort(x)[0] * flow.tensor([1.0, 2.0, 3.0])).sum()

    assert flow.grad(least)([3.0, 1.0, 2.0]).tolist() == [3.0, 1.0, 2.0]


def test_gather_is_take_along_axis():
    x = RNG.normal(size=(4, 5, 6))
    for dim in (0, 1, 2, -1):
        shape = list(x.shape)
        shape[dim] = 7
        index = RNG.integers(0, x.shape[dim], size=shape)
        expected = np.take_along_axis(x, index, dim)
        np.testing.assert_array_equal(flow.gather(x, dim, index).numpy(), expected)
    fewer = flow.gather(x, 1, np.ones((2, 1, 3), int))
    np.testing.assert_array_equal(fewer.numpy(), x[:2, 1:2, :3])
    with pytest.raises(ValueError, match=r"index 6 .*less than 6"):
        flow.gather(x, 2, np.full((4, 5, 1), 6))
    with pytest.raises(ValueError, match="as many dimensions"):
        flow.gather(x, 0, [1, 2])


@pytest.mark.parametrize("dim", [None, 0, (0, 2), -1])
@pytest.mark.parametrize("correction", [0, 1])
def test_var_and_std_are_numpy_s(dim, correction):
    x = RNG.normal(size=(3, 4, 5))
    made = flow.tensor(x)
    for name in ("var", "std"):
        expected = getattr(np, name)(x, dim, ddof=correction, keepdims=True)
        got = getattr(made, name)(dim, correction=correction, keepdim=True)
        np.testing.assert_allclose(got.numpy(), expected, rtol=1e-12)
    assert np.isnan(flow.var(flow.ones(1)).item())


@pytest.mark.parametrize("p", [1, 2, 3.5, np.inf])
def test_norms_are_numpy_s_and_have_gradient_0_at_0(p):
    x = RNG.normal(size=(3, 4))
    expected = np.linalg.norm(x, p, axis=1) if p != 3.5 else (np.abs(x) ** p).sum(1) ** (1 / p)
    np.testing.assert_allclose(flow.tensor(x).norm(p, 1).numpy(), expected, rtol=1e-12)
    assert flow.grad(lambda x: x.norm(p))(np.zeros(3)).tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="above 0"):
        flow.norm(flow.ones(2), 0)
    with pytest.raises(TypeError, match=r"\.float\(\)"):
        flow.norm(flow.arange(3))


def test_several_tensors_of_places_go_side_by_side():
    x = RNG.normal(size=(4, 5, 6))
    i, j = np.array([[0, 3], [1, -1]]), np.array([4, -5])
    made = flow.tensor(x)
    np.testing.assert_array_equal(made[i, j].numpy(), x[i, j])
    np.testing.assert_array_equal(made[flow.tensor(i), flow.tensor(j), 2].numpy(), x[i, j, 2])
    np.testing.assert_array_equal(made[:, i, j].numpy(), x[:, i, j])
    np.testing.assert_array_equal(made[i, i, j].numpy(), x[i, i, j])
    with pytest.raises(ValueError, match=r"index 5 .*less than 5"):
        made[[0], [5]]
    with pytest.raises(IndexError, match="side by side"):
        made[i, :, j]
    slope = flow.grad(lambda x: x[[0, 0], [1, 1]].sum())(np.zeros((2, 3)))
    assert slope.tolist() == [[0, 2, 0], [0, 0, 0]]


def test_places_are_traced_too():
    x = RNG.normal(size=(4, 5))
    function = flow.function(lambda x, i, j: x[i, j] + flow.sort(x, 0)[0][0, 0])
    expected = x[[1, -1], [0, 2]] + np.sort(x, 0)[0, 0]
    np.testing.assert_allclose(function(x, np.array([1, -1]), np.array([0, 2])).numpy(), expected)


def test_numpy_s_reductions_take_tensors_and_give_them():
    x = RNG.normal(size=(3, 4))
    made = flow.tensor(x)
    for function in (np.sum, np.mean, np.prod, np.max, np.min, np.std, np.var):
        for options in ({}, {"axis": 0}, {"axis": 1, "keepdims": True}):
            got = function(made, **options)
            assert isinstance(got, flow.Tensor)
            np.testing.assert_allclose(got.numpy(), function(x, **options), rtol=1e-12)
    assert np.argmax(made).item() == np.argmax(x)
    assert bool(np.all(made < 9))
    assert np.sum(made, dtype="float32").dtype == np.float32
    assert flow.grad(lambda x: np.sum(x * x))([3.0]).tolist() == [6.0]
    with pytest.raises(TypeError, match="leave out="):
        np.sum(made, out=np.zeros(()))
    with pytest.raises(TypeError, match=r"does not take \['where'\]"):
        np.sum(made, where=x > 0)


def test_numpy_s_other_functions_give_arrays():
    made = flow.tensor([[3.0, 1.0], [2.0, 4.0]])
    assert isinstance(np.concatenate([made, made]), np.ndarray)
    np.testing.assert_array_equal(np.sort(made, axis=0), [[2, 1], [3, 4]])
    np.testing.assert_array_equal(np.percentile(made, [0, 100]), [1, 4])


def test_data_is_the_tensor_without_history():
    w = flow.ones(2, requires_grad=True)
    w.data -= 0.5
    assert w.tolist() == [0.5, 0.5]
    assert w.is_leaf
    assert not w.data.requires_grad
    assert w.device == "cpu"
    with pytest.raises(ValueError, match="shape"):
        w.data = flow.ones(3)


@pytest.mark.parametrize(
    ("owner", "name", "instead"),
    [
        (flow, "save", r"flow\.save_file.*ferrule\.save"),
        (flow, "load", r"flow\.load_file.*ferrule\.load"),
        (flow, "zeroes", "is it 'zeros'"),
        (flow, "device", "no device but the CPU"),
        (nn, "LayerNorm", "not here yet"),
        (nn, "Linaer", "is it 'Linear'"),
        (optim, "LBFGS", r"optim\.Adam"),
        (flow.ones(1), "cuda", "no device but the CPU"),
        (flow.ones(1), "masked_fill", r"flow\.where"),
    ],
)
def test_a_name_that_is_not_there_says_what_to_use(owner, name, instead):
    with pytest.raises(AttributeError, match=f"has no '{name}': .*{instead}"):
        getattr(owner, name)


def test_what_is_said_to_be_used_instead_is_there():
    from ferrule.flow import _missing

    x = flow.ones(1)
    owners = {"flow": flow, "nn": nn, "optim": optim, "Tensor": x, "x": x}
    for name, instead in _missing._INSTEAD.items():
        place, _, short = name.partition(".")
        with pytest.raises(AttributeError, match=re.escape(f"has no '{short}': {instead}")):
            getattr(owners[place], short)
        for owner, used in re.findall(r"\b(flow|nn|optim|x)\.(\w+)", instead):
            assert hasattr(owners[owner], used), instead


def test_infinities_may_be_around_and_not_in_random_numbers():
    made = flow.pad(flow.ones(1), [(1, 1)], value=float("-inf"))
    assert made.tolist() == [-np.inf, 1, -np.inf]
    assert np.isnan(flow.pad(flow.ones(1), [(1, 0)], value=float("nan")).tolist()[0])
    for bad in (float("inf"), float("nan")):
        with pytest.raises(ValueError, match="`high` of random numbers must be finite"):
            flow.uniform((2,), 0.0, bad)
        with pytest.raises(ValueError, match="`mean` of random numbers must be finite"):
            flow.normal((2,), bad)


def test_the_gradient_of_a_power_of_0_is_0():
    assert flow.grad(lambda x: x**0)(0.0).item() == 0
    slope = flow.grad(lambda x: (x ** flow.tensor([0.0, 1.0, 2.0])).sum())(np.zeros(3, "float32"))
    assert slope.tolist() == [0, 1, 0]
    assert flow.grad(flow.grad(lambda x: x**1))(0.0).item() == 0
