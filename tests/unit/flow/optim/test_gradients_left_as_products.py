"""Gradients that `backward` leaves as products are seen as if it had computed them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from ferrule import flow

SHAPES = {"w": (24, 16), "b": (16,), "v": (16, 12)}


@pytest.fixture
def parameters():
    generator = np.random.default_rng(3)
    return {
        name: flow.tensor(generator.normal(size=shape), requires_grad=True)
        for name, shape in SHAPES.items()
    }


def batch(seed=0, rows=3):
    return flow.tensor(np.random.default_rng(seed).normal(size=(rows, 24)))


def loss_of(parameters, x):
    hidden = (x @ parameters["w"] + parameters["b"]).tanh()
    return (hidden @ parameters["v"]).square().mean()


def plan(parameters, **kwargs):
    """Let the structure be known, so that gradients are left as products."""
    loss_of(parameters, batch(9, **kwargs)).backward()
    forget(parameters)


def forget(parameters):
    for parameter in parameters.values():
        parameter.grad = None


def gradients(parameters, x):
    """Return the gradients by another way, which computes them at once."""
    names = list(parameters)
    grads = flow.grad(lambda *given: loss_of(dict(zip(names, given, strict=True)), x), range(3))
    return dict(zip(names, grads(*(parameters[name].detach() for name in names)), strict=True))


def bits(tensors):
    return {name: tensor.numpy().tobytes() for name, tensor in tensors.items()}


def test_a_gradient_that_is_read_has_the_bits_of_one_that_is_computed_at_once(parameters):
    plan(parameters)
    loss_of(parameters, batch()).backward()
    assert parameters["w"]._grad_factors() is not None
    assert parameters["b"]._grad_factors() is None
    grads = {name: parameter.grad for name, parameter in parameters.items()}
    assert bits(grads) == bits(gradients(parameters, batch()))
    assert parameters["w"].grad is grads["w"]
    assert parameters["w"]._grad_factors() is None


@pytest.mark.parametrize(
    "make",
    [
        lambda params: flow.optim.SGD(params, lr=0.1),
        lambda params: flow.optim.SGD(params, lr=0.1, momentum=0.9, weight_decay=0.01),
        lambda params: flow.optim.Adam(params, lr=0.1),
    ],
    ids=["SGD", "momentum", "Adam"],
)
def test_steps_have_the_bits_of_steps_along_gradients_that_were_read(make):
    made = []
    for reads in (False, True):
        generator = np.random.default_rng(3)
        parameters = {
            name: flow.tensor(generator.normal(size=shape).astype(np.float32), requires_grad=True)
            for name, shape in SHAPES.items()
        }
        optimizer = make(parameters.values())
        for seed in range(4):
            loss_of(parameters, batch(seed).float()).backward()
            if reads:
                assert all(parameter.grad is not None for parameter in parameters.values())
            optimizer.step()
            optimizer.zero_grad()
        made.append(bits(parameters))
    assert made[0] == made[1]


def test_a_gradient_can_be_read_after_the_step_that_took_it(parameters):
    plan(parameters)
    expected = bits(gradients(parameters, batch()))
    loss_of(parameters, batch()).backward()
    flow.optim.SGD(parameters.values(), lr=0.1).step()
    assert bits({name: parameters[name].grad for name in SHAPES}) == expected


def test_gradients_of_several_passes_are_summed(parameters):
    plan(parameters)
    for seed in (1, 2):
        loss_of(parameters, batch(seed)).backward()
    one, two = (gradients(parameters, batch(seed)) for seed in (1, 2))
    assert bits({name: parameters[name].grad for name in SHAPES}) == bits(
        {name: one[name] + two[name] for name in SHAPES}
    )


@pytest.mark.parametrize("share", [flow.tensor, flow.from_numpy], ids=["copied", "shared"])
@pytest.mark.parametrize("change", ["input", "weights"])
def test_what_changes_between_backward_and_step_does_not_change_the_gradient(
    parameters, share, change
):
    array = batch().numpy().copy()
    plan(parameters)
    x = share(array)
    expected = gradients(parameters, x)
    before = {name: parameter.detach() for name, parameter in parameters.items()}
    loss_of(parameters, x).backward()
    if change == "input":
        x.mul_(-3.0)
        array *= 7.0
    else:
        with flow.no_grad():
            for name, parameter in parameters.items():
                parameter.mul_(2.0)
                before[name] = before[name] * 2.0
    flow.optim.SGD(parameters.values(), lr=0.5).step()
    stepped = {name: before[name] - 0.5 * expected[name] for name in SHAPES}
    assert bits(parameters) == bits(stepped)
    assert bits({name: parameters[name].grad for name in SHAPES}) == bits(expected)


def test_two_factors_that_are_parameters_step_along_each_others_old_values():
    generator = np.random.default_rng(5)
    arrays = [generator.normal(size=shape) for shape in ((2, 16), (16, 24))]
    for _ in range(2):
        a, b = (flow.tensor(array, requires_grad=True) for array in arrays)
        (a @ b).sum().backward()
        factors = b._grad_factors()
        optimizer = flow.optim.SGD([a, b], lr=0.5)
        optimizer.step()
    assert factors is not None
    of_a = np.broadcast_to(arrays[1].sum(1), (2, 16))
    of_b = np.broadcast_to(arrays[0].sum(0)[:, None], (16, 24))
    np.testing.assert_allclose(a.numpy(), arrays[0] - 0.5 * of_a, rtol=1e-12)
    np.testing.assert_allclose(b.numpy(), arrays[1] - 0.5 * of_b, rtol=1e-12)


def test_a_second_pass_takes_the_weights_of_its_own_forward_pass(parameters):
    plan(parameters)
    expected = bits(gradients(parameters, batch()))
    loss = loss_of(parameters, batch())
    loss.backward()
    flow.optim.SGD(parameters.values(), lr=0.5).step()
    forget(parameters)
    loss.backward()
    assert bits({name: parameters[name].grad for name in SHAPES}) == expected


def test_a_gradient_is_clipped_and_set_as_any_other(parameters):
    plan(parameters)
    loss_of(parameters, batch()).backward()
    norm = flow.nn.utils.clip_grad_norm_(parameters.values(), 1e-3).item()
    grads = gradients(parameters, batch())
    assert norm == pytest.approx(np.sqrt(sum((g.numpy() ** 2).sum() for g in grads.values())))
    for name, grad in grads.items():
        np.testing.assert_allclose(
            parameters[name].grad.numpy(), grad.numpy() * (1e-3 / norm), rtol=1e-3
        )
    loss_of(parameters, batch()).backward()
    forget(parameters)
    assert all(parameter.grad is None for parameter in parameters.values())


def test_weights_are_changed_where_they_lie(parameters):
    optimizer = flow.optim.SGD(parameters.values(), lr=0.1)
    for _ in range(2):
        loss_of(parameters, batch()).backward()
        optimizer.step()
        optimizer.zero_grad()
    loss = loss_of(parameters, batch())
    loss.backward()
    before = parameters["w"].numpy().__array_interface__["data"][0]
    optimizer.step()
    assert parameters["w"].numpy().__array_interface__["data"][0] == before
    assert loss.item() > 0


def test_batches_of_many_sizes_bring_no_warning():
    w = flow.zeros(48, 48, requires_grad=True)
    optimizer = flow.optim.SGD([w], lr=0.1)
    for rows in range(1, 21):
        for _ in range(2):
            (flow.ones(rows, 48) @ w).sum().backward()
            factors = w._grad_factors()
            optimizer.step()
            optimizer.zero_grad()
        assert factors is not None
    np.testing.assert_allclose(w.numpy(), -0.1 * 2 * sum(range(1, 21)), rtol=1e-5)


def test_batches_of_many_sizes_are_traced_a_few_times():
    w = flow.zeros(48, 48, requires_grad=True)
    optimizer = flow.optim.SGD([w], lr=0.1)
    before = type(optimizer)._apply.n_traces
    for rows in range(1, 21):
        for _ in range(2):
            (flow.ones(rows, 48) @ w).sum().backward()
            optimizer.step()
            optimizer.zero_grad()
    assert type(optimizer)._apply.n_traces - before <= 9


def test_a_thread_that_looks_on_puts_no_older_gradient_back():
    w = flow.zeros(1024, 1024, requires_grad=True)
    optimizer = flow.optim.SGD([w], lr=1.0)
    done = threading.Event()

    def look():
        while not done.is_set():
            _ = w.grad

    with ThreadPoolExecutor(1) as threads:
        looking = threads.submit(look)
        for step in range(100):
            w.grad = None
            (flow.full((32, 1024), float(step % 5)) @ w).sum().backward()
            time.sleep(0.001)
            optimizer.step()
        done.set()
        looking.result()
    assert w[0, 0].item() == -32.0 * 20 * (0 + 1 + 2 + 3 + 4)


def test_gradients_that_threads_send_to_one_leaf_all_arrive():
    w, x = flow.zeros(512, 512, requires_grad=True), flow.ones(32, 512)

    def send():
        for _ in range(20):
            (x @ w).sum().backward()

    with ThreadPoolExecutor(4) as threads:
        for sent in [threads.submit(send) for _ in range(4)]:
            sent.result()
    assert w.grad[0, 0].item() == 4 * 20 * 32
