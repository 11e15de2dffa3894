"""The periodic U-Net: exact equivariance, which strided U-Nets do not have, and the properties its docstring states."""

import itertools

import pytest
import torch

from pbdl_utils.networks import UNet, parameter_count
from pbdl_utils.networks.periodic import PeriodicUNet

torch.set_num_threads(1)


def defect(network: torch.nn.Module, field: torch.Tensor, shift: tuple[int, int]) -> float:
    """Return the relative difference between shifting the input and shifting the output."""
    with torch.no_grad():
        before, after = network(field.roll(shift, (-2, -1))), network(field).roll(shift, (-2, -1))
    return float((before - after).norm() / (after - after.mean()).norm())


@pytest.mark.parametrize("linear", [False, True])
def test_commutes_with_every_shift(linear):
    torch.manual_seed(0)
    network, field = PeriodicUNet(width=3, levels=4, linear=linear).double(), torch.randn(1, 1, 16, 12).double()
    assert max(defect(network, field, shift) for shift in itertools.product(range(16), range(12))) < 1e-13


def test_a_strided_unet_commutes_with_multiples_of_its_coarsest_cell_only():
    torch.manual_seed(0)
    network, field = UNet(widths=(4, 4, 4, 4)).double(), torch.randn(1, 1, 32, 32).double()
    assert defect(network, field, (8, 16)) < 1e-13
    assert min(defect(network, field, shift) for shift in ((1, 0), (0, 3), (4, 4))) > 1e-9


@pytest.mark.parametrize("levels", [1, 3, 5])
def test_receptive_field(levels):
    torch.manual_seed(0)
    field = torch.randn(1, 1, 128, 128, requires_grad=True)
    PeriodicUNet(width=4, levels=levels)(field)[0, 0, 64, 64].backward()
    seen = (field.grad[0, 0] != 0).any(dim=0).nonzero()
    assert 64 - seen.min() == seen.max() - 64 == 1 + 3 * 2 ** (levels - 1) - 2


def test_linear_network_is_linear():
    torch.manual_seed(0)
    network, (a, b) = PeriodicUNet(width=4, linear=True).double(), torch.randn(2, 3, 1, 32, 32).double()
    torch.testing.assert_close(network(2 * a - 5 * b), 2 * network(a) - 5 * network(b))


@pytest.mark.parametrize(("a", "b", "width", "levels"), [(1, 1, 16, 5), (2, 3, 4, 3), (1, 2, 5, 1)])
def test_parameters_follow_the_formula(a, b, width, levels):
    count = (9 * a + 1) * width + (2 * levels - 1) * (10 * width**2 + 2 * width) + b * (width + 1)
    assert parameter_count(PeriodicUNet(a, b, width=width, levels=levels)) == count
    biases = width + (2 * levels - 1) * 2 * width + b
    assert parameter_count(PeriodicUNet(a, b, width=width, levels=levels, linear=True)) == count - biases


def test_defaults_and_shapes():
    assert parameter_count(PeriodicUNet()) == 23_505
    assert parameter_count(PeriodicUNet(linear=True)) == 23_200
    assert PeriodicUNet(2, 3, width=4)(torch.zeros(5, 2, 48, 33)).shape == (5, 3, 48, 33)


def test_errors_say_what_was_expected():
    with pytest.raises(ValueError, match="at least 1"):
        PeriodicUNet(levels=0)
    with pytest.raises(ValueError, match="at least 16"):
        PeriodicUNet()(torch.zeros(1, 1, 8, 32))
