"""Tensors that are computed at once, held to NumPy."""

import copy
import pickle

import numpy as np
import pytest

from ferrule import flow
from ferrule.errors import ResourceExhaustedError

DTYPES = ["float32", "float64", "int32", "int64", "uint8", "bool"]


def values(dtype, *shape):
    generator = np.random.default_rng(0)
    return (generator.random(shape) * 9 + 1).astype(dtype)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (2, 1, 3, 2)])
def test_a_tensor_gives_back_the_array_it_was_made_of(dtype, shape):
    array = values(dtype, *shape)
    tensor = flow.tensor(array)
    assert (tensor.shape, tensor.dtype, tensor.ndim) == (shape, np.dtype(dtype), len(shape))
    assert np.array_equal(tensor.numpy(), array)
    assert tensor.numpy().dtype == np.dtype(dtype)
    assert tensor.tolist() == array.tolist()


def test_pythons_numbers_become_float32_int64_and_bool():
    assert flow.tensor([1.0, 2]).dtype == flow.float32
    assert flow.tensor([1, 2]).dtype == flow.int64
    assert flow.tensor(True).dtype == flow.bool_
    assert flow.tensor(np.array([1.0])).dtype == flow.float64


def test_the_numpy_view_shares_memory_and_cannot_be_written():
    tensor = flow.tensor([1.0, 2.0])
    view = tensor.numpy()
    assert np.shares_memory(view, tensor.numpy())
    with pytest.raises(ValueError, match="read-only"):
        view[0] = 5
    tensor += 1
    assert tensor.tolist() == [2, 3]
    assert view.tolist() == [1, 2]


def test_the_bytes_of_an_array_may_be_in_another_order_or_no_truth_values():
    assert flow.tensor(np.array([1.0, 2.0], ">f4")).tolist() == [1, 2]
    assert (flow.ones(2) + np.array([1.0, 2.0], ">f4")).tolist() == [2, 3]
    truths = flow.tensor(np.array([0, 2], np.uint8).view(bool))
    assert truths.sum().item() == 1
    assert (truths == True).tolist() == [False, True]  # noqa: E712


def test_a_tensor_does_not_see_later_changes_of_its_array():
    array = np.ones(3, np.float32)
    tensor = flow.tensor(array)
    array[:] = 7
    assert tensor.tolist() == [1, 1, 1]


def test_numpys_functions_take_tensors():
    x = flow.tensor([1.0, 4.0])
    assert np.array_equal(np.sqrt(x), [1, 2])
    assert np.isfinite(x).all()
    assert np.add.reduce(x) == 5
    for two in (np.float32(2), np.float64(2), np.int64(2)):
        assert (two * x).tolist() == (x * two).tolist() == [2, 8]
    assert isinstance(np.eye(2, dtype=np.float32) @ x, flow.Tensor)


BINARY = ["add", "sub", "mul", "truediv", "floordiv", "mod", "pow"]
COMPARISONS = ["lt", "le", "eq", "ne", "gt", "ge"]


# `/` is of floats.
OPERATORS = [
    (name, dtype)
    for name in BINARY + COMPARISONS
    for dtype in ("float32", "float64", "int32", "int64")
    if name != "truediv" or dtype.startswith("float")
]


@pytest.mark.parametrize(("name", "dtype"), OPERATORS)
@pytest.mark.parametrize("shapes", [((3,), (3,)), ((2, 3), (3,)), ((2, 1), (1, 3)), ((), (2,))])
def test_operators_agree_with_numpy(dtype, name, shapes):
    x, y = values(dtype, *shapes[0]), values(dtype, *shapes[1])[::-1].copy()
    method = f"__{name}__"
    expected = getattr(np.asarray(x), method)(np.asarray(y))
    found = getattr(flow.tensor(x), method)(flow.tensor(y)).numpy()
    if name == "pow":
        np.testing.assert_allclose(found, expected, rtol=1e-6 if dtype == "float32" else 1e-14)
    else:
        assert np.array_equal(found, expected)
    assert found.dtype == expected.dtype


@pytest.mark.parametrize("number", [2, 3.5, True])
def test_a_python_number_takes_the_dtype_of_the_tensor_beside_it(number):
    for dtype in ("float32", "float64"):
        x = flow.tensor([1.0, 2.0], dtype)
        assert (x * number).dtype == x.dtype
        assert (number - x).tolist() == [number - 1, number - 2]


def test_an_array_beside_a_tensor_leaves_the_operator_to_the_tensor():
    made = np.array([1.0, 2.0], np.float32) + flow.tensor([1.0, 2.0])
    assert isinstance(made, flow.Tensor)
    assert made.tolist() == [2, 4]


@pytest.mark.parametrize(
    ("mistake", "error", "says"),
    [
        (lambda: flow.tensor([1.0]) + flow.tensor([1]), ValueError, "cast one of them"),
        (lambda: flow.tensor([1, 2]) * 0.5, TypeError, r"\.float\(\)"),
        (lambda: flow.tensor([1, 2]) / 2, TypeError, "//"),
        (lambda: flow.ones(2, 3) @ flow.ones(2, 3), ValueError, "mat_mul"),
        (lambda: flow.ones(2) + flow.ones(3), ValueError, r"\(2,\) and \(3,\)"),
        (lambda: flow.ones(2, 3).reshape(4, 2), ValueError, "reshape"),
        (lambda: flow.ones(2)[5], IndexError, "axis 0, which has size 2"),
        (lambda: flow.ones(2)[0, 0], IndexError, "2 indices"),
        (lambda: bool(flow.ones(2)), ValueError, r"any\(\) or all\(\)"),
        (lambda: flow.ones(2).item(), ValueError, r"shape \(2,\)"),
        (lambda: len(flow.tensor(1.0)), TypeError, "no length"),
        (lambda: flow.tensor(["a"]), TypeError, "float32, float64"),
        (lambda: flow.tensor([1j]), TypeError, "complex"),
        (lambda: flow.tensor([1], "uint8") + 256, OverflowError, "256"),
        (lambda: flow.zeros(2).sum(dim=3), ValueError, "axis 3"),
        (lambda: flow.ones(3).expand(2), ValueError, "expanded"),
        (lambda: flow.cat([]), ValueError, "at least one"),
        (lambda: flow.ones(1).expand(2**32, 2**32), ResourceExhaustedError, "too many elements"),
        (lambda: flow.zeros(3, 0).argmax(1), ValueError, "nothing along axis 1"),
        (lambda: flow.ones(3).int().div_(2), TypeError, "//"),
        (lambda: flow.split(flow.ones(3), [-1, 4]), ValueError, "do not sum up"),
        (lambda: flow.ones(1).to("cuda"), ValueError, "no device but the CPU"),
        (lambda: flow.grad(flow.ones(1), flow.ones(1)), TypeError, "backward"),
        (lambda: flow.ones(2) + "a", TypeError, "unsupported operand"),
        (lambda: flow.embedding(flow.ones(2, 3), [5]), ValueError, "5"),
    ],
)
def test_a_mistake_is_answered_with_what_to_do(mistake, error, says):
    with pytest.raises(error, match=says):
        mistake()


UNARY = {
    "exp": np.exp, "log": np.log, "sqrt": np.sqrt, "sin": np.sin, "cos": np.cos, "tan": np.tan,
    "tanh": np.tanh, "sinh": np.sinh, "cosh": np.cosh, "atan": np.arctan, "expm1": np.expm1,
    "log1p": np.log1p, "floor": np.floor, "ceil": np.ceil, "round": np.round, "abs": np.abs,
    "sign": np.sign, "square": np.square, "reciprocal": np.reciprocal, "isnan": np.isnan,
    "isinf": np.isinf, "isfinite": np.isfinite, "rsqrt": lambda x: 1 / np.sqrt(x),
    "sigmoid": lambda x: 1 / (1 + np.exp(-x)), "softplus": lambda x: np.log1p(np.exp(x)),
    "relu": lambda x: np.maximum(x, 0),
}  # fmt: skip


@pytest.mark.parametrize("name", UNARY)
def test_functions_agree_with_numpy(name):
    x = values("float64", 3, 5)
    np.testing.assert_allclose(getattr(flow.tensor(x), name)().numpy(), UNARY[name](x), rtol=1e-14)


@pytest.mark.parametrize("name", ["asin", "acos", "erf", "erfc"])
def test_functions_of_the_unit_interval_agree_with_scipy(name):
    special = pytest.importorskip("scipy.special")
    reference = {"asin": np.arcsin, "acos": np.arccos, "erf": special.erf, "erfc": special.erfc}
    x = np.linspace(-0.99, 0.99, 21)
    found = getattr(flow.tensor(x), name)().numpy()
    np.testing.assert_allclose(found, reference[name](x), rtol=1e-13, atol=1e-15)


@pytest.mark.parametrize("dim", [None, 0, 1, -1, (0, 2)])
@pytest.mark.parametrize("keepdim", [False, True])
@pytest.mark.parametrize(
    ("name", "reference"),
    [("sum", np.sum), ("mean", np.mean), ("prod", np.prod), ("amax", np.max), ("amin", np.min)],
)
def test_reductions_agree_with_numpy(dim, keepdim, name, reference):
    x = values("float64", 2, 3, 4)
    found = getattr(flow.tensor(x), name)(dim, keepdim).numpy()
    np.testing.assert_allclose(found, reference(x, axis=dim, keepdims=keepdim), rtol=1e-14)
    assert np.array_equal(getattr(flow.tensor(x), name)(axis=dim, keepdim=keepdim).numpy(), found)


def test_places_of_extremes_agree_with_numpy():
    x = values("float32", 3, 4)
    tensor = flow.tensor(x)
    assert tensor.argmax().item() == x.argmax()
    assert np.array_equal(tensor.argmin(1).numpy(), x.argmin(1))
    assert tensor.argmax(0, keepdim=True).shape == (1, 4)
    assert tensor.max().item() == x.max()
    for found, extreme, place in (
        (tensor.max(1), x.max(1), x.argmax(1)),
        (tensor.min(1), x.min(1), x.argmin(1)),
    ):
        assert np.array_equal(found[0].numpy(), extreme)
        assert np.array_equal(found[1].numpy(), place)
    assert (tensor > 5).sum().item() == (x > 5).sum()
    greatest, places = tensor.topk(2)
    assert np.array_equal(greatest.numpy(), -np.sort(-x)[:, :2])
    assert np.array_equal(np.take_along_axis(x, places.numpy(), 1), greatest.numpy())


def test_softmax_is_stable_along_any_dimension():
    x = np.array([[1000.0, 1001.0], [-1000.0, 5.0]])
    for dim in (0, 1, -1):
        shifted = np.exp(x - x.max(dim, keepdims=True))
        expected = shifted / shifted.sum(dim, keepdims=True)
        np.testing.assert_allclose(flow.tensor(x).softmax(dim).numpy(), expected, rtol=1e-14)
        assert np.isfinite(flow.logsumexp(flow.tensor(x), dim).numpy()).all()


INDICES = [
    0, -1, slice(1, None), slice(None, None, -1), slice(None, None, 2), None, ..., (0, 1),
    (slice(None), 1), (..., -1), (slice(0, 2), None, slice(1, 3)), (0, ..., 0), (None, 1, None),
    ([2, 0],), (slice(None), [1, -1]), [[0, 1], [2, -1]], slice(5, 9), (1, slice(3, 0, -2)),
]  # fmt: skip


@pytest.mark.parametrize("index", INDICES, ids=repr)
def test_indexing_agrees_with_numpy(index):
    x = values("float32", 3, 4, 2)
    if isinstance(index, tuple):
        ours = tuple(np.array(i) if isinstance(i, list) else i for i in index)
    else:
        ours = index
    found = flow.tensor(x)[ours]
    expected = x[np.array(index) if isinstance(index, list) else ours]
    assert np.array_equal(found.numpy(), expected)


def test_truth_values_choose_elements_and_rows():
    x = values("float32", 3, 4)
    tensor = flow.tensor(x)
    assert np.array_equal(tensor[tensor > 5].numpy(), x[x > 5])
    rows = np.array([True, False, True])
    assert np.array_equal(tensor[rows].numpy(), x[rows])


@pytest.mark.parametrize(
    "index", [0, (0, 1), slice(None, None, 2), (slice(None), -1), (..., slice(1, 3)), ()], ids=repr
)
def test_item_assignment_agrees_with_numpy(index):
    x = values("float32", 3, 4)
    x[1, 1] = np.inf
    tensor = flow.tensor(x)
    tensor[index] = 7.5
    x[index] = 7.5
    assert np.array_equal(tensor.numpy(), x)
    part = np.arange(x[index].size, dtype=np.float32).reshape(x[index].shape)
    tensor[index] = part
    x[index] = part
    assert np.array_equal(tensor.numpy(), x)
    tensor[tensor > 5] = 0.0
    x[x > 5] = 0
    assert np.array_equal(tensor.numpy(), x)


def test_layouts_agree_with_numpy():
    x = values("int64", 2, 3, 4)
    tensor = flow.tensor(x)
    assert np.array_equal(tensor.T.numpy(), x.T)
    assert np.array_equal(tensor.permute(2, 0, 1).numpy(), x.transpose(2, 0, 1))
    assert np.array_equal(tensor.transpose(0, -1).numpy(), x.swapaxes(0, -1))
    assert np.array_equal(tensor.flatten(1).numpy(), x.reshape(2, 12))
    assert np.array_equal(tensor.reshape(-1, 6).numpy(), x.reshape(-1, 6))
    assert np.array_equal(tensor.flip(0, 2).numpy(), x[::-1, :, ::-1])
    assert np.array_equal(tensor.repeat(2, 1, 1, 3).numpy(), np.tile(x, (2, 1, 1, 3)))
    assert np.array_equal(tensor[:1].expand(5, -1, 4).numpy(), np.broadcast_to(x[:1], (5, 3, 4)))
    assert tensor.unsqueeze(1).squeeze(1).shape == tensor.shape
    assert np.array_equal(flow.cat([tensor, tensor], 1).numpy(), np.concatenate([x, x], 1))
    assert np.array_equal(flow.stack([tensor, tensor], -1).numpy(), np.stack([x, x], -1))
    parts = flow.split(tensor, [1, 3], 2)
    assert [part.shape for part in parts] == [(2, 3, 1), (2, 3, 3)]
    assert np.array_equal(flow.cat(parts, 2).numpy(), x)
    assert [part.shape[1] for part in flow.chunk(tensor, 2, 1)] == [2, 1]
    assert all(np.array_equal(a.numpy(), b) for a, b in zip(tensor, x, strict=True))


def test_products_agree_with_numpy_for_vectors_matrices_and_batches():
    x, y = values("float64", 3, 4), values("float64", 4, 5)
    vector, batch = values("float64", 4), values("float64", 2, 3, 4)
    for a, b in [(x, y), (x, vector), (vector, y), (vector, vector), (batch, y), (batch, vector)]:
        found = (flow.tensor(a) @ flow.tensor(b)).numpy()
        np.testing.assert_allclose(found, a @ b, rtol=1e-14)


def test_changes_in_place_reach_every_name_of_the_tensor():
    tensor = flow.ones(3)
    name = tensor
    tensor += 1
    tensor *= 3
    tensor.sub_(1.0).div_(5.0)
    assert name.tolist() == [1, 1, 1]
    assert name.fill_(4).tolist() == [4, 4, 4]
    assert name.zero_().tolist() == [0, 0, 0]
    with pytest.raises(ValueError, match="in place"):
        tensor += flow.ones(2, 3)


def test_dlpack_goes_both_ways():
    tensor = flow.tensor([[1.0, 2.0]])
    assert np.array_equal(np.from_dlpack(tensor), tensor.numpy())
    assert flow.from_dlpack(np.arange(3)).tolist() == [0, 1, 2]


def test_copies_and_pickles_are_equal_and_apart():
    leaf = flow.tensor([1.0, 2.0], requires_grad=True)
    for made in (copy.deepcopy(leaf), pickle.loads(pickle.dumps(leaf))):
        assert made.requires_grad
        assert made.tolist() == [1, 2]
        with flow.no_grad():
            made += 1
    assert leaf.tolist() == [1, 2]


def test_a_tensor_prints_its_elements_and_what_is_not_usual():
    assert repr(flow.tensor([1.0, 2.0])) == "tensor([1., 2.])"
    assert repr(flow.tensor(1, "int32")) == "tensor(1, dtype=int32)"
    assert repr(flow.ones(1, requires_grad=True)) == "tensor([1.], requires_grad=True)"
    assert f"{flow.tensor(1.5):.2f}" == "1.50"


def test_the_same_seed_draws_the_same_numbers():
    flow.manual_seed(5)
    first = [flow.rand(3), flow.randn(2, 2), flow.randint(0, 9, (4,)), flow.randperm(5)]
    flow.manual_seed(5)
    again = [flow.rand(3), flow.randn(2, 2), flow.randint(0, 9, (4,)), flow.randperm(5)]
    assert all(np.array_equal(a.numpy(), b.numpy()) for a, b in zip(first, again, strict=True))
    assert sorted(first[3].tolist()) == [0, 1, 2, 3, 4]
    assert not np.array_equal(flow.rand(3).numpy(), first[0].numpy())
    many = flow.rand(100_000).numpy()
    assert many.min() >= 0
    assert many.max() < 1
    assert abs(many.mean() - 0.5) < 0.01
