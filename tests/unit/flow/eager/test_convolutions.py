"""Convolutions at their edges: read in two shapes, filters that are not finite, no channels."""

import numpy as np
import pytest

from ferrule import flow


def test_a_function_may_read_a_convolution_in_two_shapes():
    x, filters = flow.ones((1, 4, 4, 3)), flow.ones((3, 3, 3, 3))

    def both(x, filters):
        made = flow.conv2d(x, filters, 1, "same")
        return made + made.reshape(4, 4, 3)

    np.testing.assert_array_equal(flow.function(both)(x, filters), both(x, filters))


@pytest.mark.parametrize("value", [np.inf, np.nan])
@pytest.mark.parametrize("channels", [4, 8])
def test_a_filter_that_is_not_finite_reaches_the_gradient_of_its_own_pixels_alone(value, channels):
    filters = np.ones((3, 3, channels, 2), np.float32)
    filters[2, 2, 0, 0] = value
    x = flow.tensor(np.ones((1, 6, 6, channels), np.float32), requires_grad=True)
    flow.conv2d(x, flow.tensor(filters), 1, "valid").sum().backward()
    got = x.grad.numpy()[0, :, :, 0]
    assert got[0].tolist() == got[:, 0].tolist() == [2, 4, 6, 6, 4, 2]
    assert not np.isfinite(got[2:, 2:]).any()
    assert np.isfinite(got[:2]).all()
    assert np.isfinite(got[:, :2]).all()


def test_convolutions_without_channels_give_zeros_and_the_bias():
    x = flow.tensor(np.ones((2, 4, 4, 0), np.float32), requires_grad=True)
    filters, bias = flow.ones((3, 3, 0, 3)), flow.tensor(np.array([1, -1, 2], np.float32))
    assert flow.conv2d(x, filters, 1, "same").numpy().tolist() == np.zeros((2, 4, 4, 3)).tolist()
    layer = flow.function(lambda x: flow.relu(flow.conv2d(x, filters, 1, "same") + bias))
    np.testing.assert_array_equal(layer(x.detach()), np.tile([1, 0, 2], (2, 4, 4, 1)))
    x = flow.tensor(np.ones((2, 4, 4, 16), np.float32), requires_grad=True)
    flow.conv2d(x, flow.ones((3, 3, 16, 0)), 1, "same").sum().backward()
    np.testing.assert_array_equal(x.grad, np.zeros((2, 4, 4, 16)))
