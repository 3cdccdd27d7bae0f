"""Functions that are traced: the same numbers as without, and changes in place."""

import os
import signal
import threading
import time

import numpy as np
import pytest

from ferrule import flow


def test_a_traced_function_gives_the_bits_that_it_gives_untraced():
    def function(x, w):
        return ((x @ w).tanh() * 2 + x.sum(1, keepdim=True)).softmax(1)

    x, w = flow.rand(5, 4), flow.rand(4, 3)
    assert np.array_equal(flow.function(function)(x, w).numpy(), function(x, w).numpy())


def test_a_function_is_traced_once_for_each_signature():
    runs = []

    @flow.function
    def twice(x, scale=2):
        runs.append(x.shape)
        return x * scale

    for _ in range(3):
        assert twice(flow.ones(2)).tolist() == [2, 2]
    assert twice(flow.ones(3)).shape == (3,)
    assert twice(flow.ones(2, dtype="float64")).dtype == flow.float64
    assert twice(flow.ones(2), 3).tolist() == [3, 3]
    assert twice(flow.ones(2), scale=3).tolist() == [3, 3]
    assert len(runs) == twice.n_traces == 5


def test_nests_of_arguments_and_results_keep_their_form():
    @flow.function
    def function(batch, *rest, flag):
        assert flag == "yes"
        total = batch["x"] + batch["y"][0] + rest[0]
        return {"sum": total, "parts": [batch["x"], (total * 2, None, 5)]}

    made = function({"x": np.float32(1), "y": [flow.tensor(2.0)]}, flow.tensor(3.0), flag="yes")
    assert made["sum"].item() == 6
    assert made["parts"][0].item() == 1
    assert made["parts"][1][0].item() == 12
    assert made["parts"][1][1:] == (None, 5)


def test_tensors_of_the_code_around_are_read_at_each_call():
    scale = flow.tensor(2.0)
    function = flow.function(lambda x: x * scale)
    assert function(flow.ones(1)).item() == 2
    scale.fill_(5)
    assert function(flow.ones(1)).item() == 5


def test_changes_in_place_happen_at_each_call_and_in_order():
    count, log = flow.tensor(0.0), flow.zeros(3)

    @flow.function
    def step(x):
        count.add_(1)
        log.copy_(x * count)
        count.mul_(2)
        return log.sum()

    assert [step(flow.ones(3)).item() for _ in range(3)] == [3, 9, 21]
    assert count.item() == 14
    assert log.tolist() == [7, 7, 7]


def test_a_training_step_in_a_function_is_that_without():
    generator = np.random.default_rng(0)
    X, y = generator.random((16, 4), np.float32), generator.random((16, 1), np.float32)

    def trained(wrap):
        w = flow.tensor(np.full((4, 1), 0.1, np.float32), requires_grad=True)

        def step(x, t):
            loss = ((x @ w - t) ** 2).mean()
            loss.backward()
            with flow.no_grad():
                w.sub_(w.grad * 0.1)
            w.grad = None
            return loss

        step = wrap(step)
        losses = [step(flow.tensor(X), flow.tensor(y)).item() for _ in range(20)]
        assert w.grad is None
        return losses, w.tolist()

    eager, traced = trained(lambda f: f), trained(flow.function)
    np.testing.assert_allclose(traced[0], eager[0], rtol=1e-5)
    np.testing.assert_allclose(traced[1], eager[1], rtol=1e-5)
    assert eager[0][-1] < eager[0][0] / 2


def test_gradients_that_a_function_leaves_add_up_as_without():
    w = flow.ones(2, requires_grad=True)
    step = flow.function(lambda x: (w * x).sum().backward())
    step(flow.ones(2))
    step(flow.ones(2))
    assert w.grad.tolist() == [2, 2]


def test_dropout_in_a_function_draws_anew_at_each_call_and_as_it_would_without():
    def drop(x):
        return flow.dropout(x, 0.5)

    flow.manual_seed(3)
    expected = [drop(flow.ones(50)).tolist() for _ in range(3)]
    flow.manual_seed(3)
    traced = flow.function(drop)
    assert [traced(flow.ones(50)).tolist() for _ in range(3)] == expected
    assert expected[0] != expected[1]


def test_another_seed_reaches_a_function_that_was_traced():
    traced = flow.function(lambda: flow.rand(4))
    for seed in (1, 2):
        flow.manual_seed(seed)
        drawn = traced().tolist()
        flow.manual_seed(seed)
        assert flow.rand(4).tolist() == drawn


def test_the_gradient_of_dropout_in_a_function_uses_the_mask_that_was_drawn():
    x = flow.ones(200, requires_grad=True)
    y = flow.function(lambda x: flow.dropout(x, 0.3) * 1.0)(x)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), y.numpy())


def test_a_leaf_that_is_frozen_later_is_no_longer_trained():
    w = flow.ones(1, requires_grad=True)

    @flow.function
    def step(x):
        loss = (w * x).sum()
        if loss.requires_grad:
            loss.backward()
            with flow.no_grad():
                w.sub_(w.grad)
            w.grad = None
        return loss

    step(flow.ones(1))
    assert w.item() == 0
    w.requires_grad_(False)
    step(flow.ones(1))
    assert w.item() == 0
    w.requires_grad_()
    step(flow.ones(1))
    assert w.item() == -1


def test_a_gradient_may_be_changed_in_place_before_it_is_used():
    def step(w):
        (w * w).sum().backward()
        w.grad.mul_(0.1)
        with flow.no_grad():
            w.sub_(w.grad)
        return w.tolist() if not flow.is_tracing() else None

    eager, traced = (flow.tensor([3.0, 4.0], requires_grad=True) for _ in range(2))
    step(eager)
    flow.function(lambda: step(traced))()
    assert traced.tolist() == eager.tolist()
    assert traced.grad.tolist() == eager.grad.tolist()


def test_numbers_of_another_type_or_sign_are_another_trace():
    told = flow.function(lambda x, number: (x, type(number)))
    assert [told(flow.ones(1), one)[1] for one in (True, 1, 1.0)] == [bool, int, float]
    divided = flow.function(lambda x, number: x / number)
    assert [divided(flow.ones(1), zero).item() for zero in (0.0, -0.0)] == [np.inf, -np.inf]


def test_a_panic_leaves_the_function_and_its_tensors_usable():
    count = flow.tensor(0.0)

    @flow.function
    def pick(x, k):
        count.add_(1)
        return x.argmax(k)

    with pytest.raises(ValueError, match="nothing along axis"):
        pick(flow.zeros(3, 0), 1)
    assert pick(flow.ones(3, 2), 1).tolist() == [0, 0, 0]
    assert count.item() == 1


def test_outputs_without_gradients_have_no_history():
    w = flow.ones(2, requires_grad=True)
    a, b = flow.function(lambda x: ((x * w), (x * w).detach()))(flow.ones(2))
    assert a.requires_grad
    assert not b.requires_grad


def test_objects_that_are_equal_are_traced_apart():
    class Named:
        __slots__ = ("value",)

        def __init__(self, value):
            self.value = value

        def __eq__(self, other):
            return True

        def __hash__(self):
            return 0

        @flow.function
        def times(self, x):
            return x * self.value

    assert [Named(value).times(flow.ones(1)).item() for value in (1.0, 2.0, 3.0)] == [1, 2, 3]


def test_traces_for_objects_that_are_gone_are_dropped():
    class Scale:
        def __init__(self):
            self.by = flow.ones(1)

        @flow.function
        def times(self, x):
            return x * self.by

    for _ in range(40):
        assert Scale().times(flow.ones(1)).item() == 1
    assert Scale.times.n_traces <= 2


def test_many_traces_of_one_function_are_told():
    function = flow.function(lambda x, rate: x * rate)
    for number in range(4):
        function(flow.ones(1), number / 7)
    with pytest.warns(UserWarning, match=r"traced 5 times, for numbers.*flow\.tensor"):
        function(flow.ones(1), 3.5)
    for number in range(20):
        function(flow.ones(1), number / 11)


def test_batches_of_several_sizes_are_no_reason_to_warn_but_many_are():
    function = flow.function(lambda x: x * 2)
    for size in range(15):
        function(flow.ones(size))
    with pytest.warns(UserWarning, match=r"traced 16 times, for other numbers, shapes"):
        function(flow.ones(20))


def test_a_function_of_an_object_is_bound_to_it():
    class Counter:
        def __init__(self, step):
            self.step = flow.tensor(step)
            self.total = flow.tensor(0.0)

        @flow.function
        def add(self, x):
            self.total.add_(x * self.step)
            return self.total

    one, two = Counter(1.0), Counter(2.0)
    for _ in range(3):
        one.add(flow.tensor(1.0))
        two.add(flow.tensor(1.0))
    assert (one.total.item(), two.total.item()) == (3, 6)


@pytest.mark.parametrize(
    ("mistake", "says"),
    [
        (lambda x: x if x > 0 else -x, r"where\(\)"),
        (lambda x: float(x), "not known while"),
        (lambda x: x.numpy(), "not known while"),
        (lambda x: x + flow.ones(7), r"\(7,\)"),
        (lambda x: x.backward(), "requires_grad"),
        (lambda x: x.add_(1), r"argument.*clone\(\)"),
        (lambda x: flow.loop(lambda y: y, [1.0, 2.0]), "outside"),
    ],
)
def test_a_mistake_in_a_traced_function_is_answered_and_leaves_no_trace(mistake, says):
    x = flow.ones(2).sum() if "7" not in says else flow.ones(2)
    with pytest.raises((RuntimeError, ValueError), match=says):
        flow.function(mistake)(x)
    assert not flow.is_tracing()
    assert flow.function(lambda x: x * 2)(flow.ones(1)).item() == 2


def test_a_tensor_that_escapes_its_trace_says_so():
    escaped = []
    flow.function(lambda x: escaped.append(x * 2))(flow.ones(1))
    with pytest.raises(RuntimeError, match="after its trace"):
        escaped[0].item()
    with pytest.raises(RuntimeError, match="after its trace"):
        flow.function(lambda x: x + escaped[0])(flow.ones(1))


def test_a_failing_call_leaves_captured_tensors_as_they_were():
    table, count = flow.ones(3, 2), flow.tensor(0.0)

    @flow.function
    def look(places):
        count.add_(1)
        return flow.embedding(table, places)

    look(flow.tensor([0, 2]))
    with pytest.raises(ValueError, match="7"):
        look(flow.tensor([0, 7]))
    assert count.item() == 1
    assert look(flow.tensor([1, 1])).shape == (2, 2)
    assert count.item() == 2


def test_a_loop_steps_through_rows_as_calls_would():
    w = flow.tensor(0.0, requires_grad=True)

    def step(x, y):
        loss = (w * x - y) ** 2
        loss.backward()
        with flow.no_grad():
            w.sub_(w.grad * 0.01)
        w.grad = None
        return loss

    xs = np.random.default_rng(0).random(1000, np.float32)
    flow.loop(step, xs, 3 * xs)
    looped = w.item()
    with flow.no_grad():
        w.zero_()
    for x in xs:
        step(flow.tensor(x), flow.tensor(3 * x))
    assert abs(looped - w.item()) <= 1e-6
    with pytest.raises(ValueError, match="equally many rows"):
        flow.loop(step, xs, xs[:3])


def test_ctrl_c_ends_a_loop_and_leaves_its_tensors_usable():
    total = flow.tensor(0.0)

    @flow.function
    def add(x):
        total.add_(x)

    def forever():
        while True:
            flow.loop(add, rows)

    rows = np.ones(3_000_000, np.float32)
    threading.Thread(target=lambda: (time.sleep(0.3), os.kill(os.getpid(), signal.SIGINT))).start()
    started = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        forever()
    assert time.monotonic() - started < 3
    assert total.item() > 0


def test_threads_call_one_function_at_once():
    scale = flow.tensor(3.0)
    function = flow.function(lambda x: (x * scale).sum())
    right = []

    def work(number):
        x = flow.full((100,), float(number))
        right.append(all(function(x).item() == 300 * number for _ in range(50)))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert right == [True] * 4


def test_a_thread_waits_for_a_tensor_that_a_function_changes():
    total = flow.tensor(0.0, dtype="float64")
    add = flow.function(lambda x: total.add_(x))
    rows = np.ones(100_000)
    add.loop(rows[:1])
    seen = []

    def read():
        while len(seen) < 50:
            seen.append(total.item())

    reader = threading.Thread(target=read)
    reader.start()
    while reader.is_alive():
        add.loop(rows)
    reader.join()
    assert seen == sorted(seen)
    assert all((value - 1) % 100_000 == 0 for value in seen)


def test_a_signal_handler_may_call_a_function_that_runs():
    total = flow.tensor(0.0)
    add = flow.function(lambda x: total.add_(x))
    twice = flow.function(lambda x: x * 2)
    rows = np.ones(3_000_000, np.float32)
    add.loop(rows[:1])
    answers = []

    def handle(*_):
        answers.append(twice(flow.tensor(4.0)).item())
        for use in (lambda: add(flow.tensor(1.0)), lambda: total.item(), lambda: repr(total)):
            try:
                answers.append(use())
            except RuntimeError as error:
                answers.append("signal handler" in str(error))

    before = signal.signal(signal.SIGUSR1, handle)
    try:
        threading.Timer(0.2, lambda: os.kill(os.getpid(), signal.SIGUSR1)).start()
        ends = time.monotonic() + 30
        while not answers and time.monotonic() < ends:
            twice.loop(rows)
            add.loop(rows)
    finally:
        signal.signal(signal.SIGUSR1, before)
    assert answers[0] == 8
    assert len(answers) == 4


def test_history_that_a_call_cannot_keep_is_refused():
    w, state = flow.ones(2, requires_grad=True), flow.zeros(2)

    @flow.function
    def step(x, *, keep):
        new = (state + x) * w
        state.copy_(new if keep else new.detach())
        return new.sum()

    with pytest.raises(RuntimeError, match=r"detach\(\)"):
        step(flow.ones(2), keep=True)
    step(flow.ones(2), keep=False).backward()
    assert w.grad.tolist() == [1, 1]
    assert state.tolist() == [1, 1]
