"""Batched networks with exact derivatives: against autograd, the batched L-BFGS, error messages."""

import numpy as np
import pytest
import torch

from pbdl_utils.networks.mlp import mlp, parameter_count
from pbdl_utils.networks.pinn import BatchedMLP, adaptive_points, burgers_residual, fit_inverse_pinn, jet, lbfgs

WIDTHS = [2, 7, 6, 5, 1]


@pytest.fixture(autouse=True)
def double() -> None:
    torch.set_num_threads(1)
    torch.set_default_dtype(torch.float64)
    torch.manual_seed(0)
    yield
    torch.set_default_dtype(torch.float32)


def random_network(count: int = 3) -> BatchedMLP:
    network = BatchedMLP(WIDTHS, count)
    with torch.no_grad():
        network.theta.add_(0.3 * torch.randn_like(network.theta))  # biases that are not zero
    return network


def nested(network: BatchedMLP, points: torch.Tensor) -> tuple[torch.Tensor, ...]:
    """The same four quantities with autograd, one derivative after the other."""
    points = points.expand(network.count, -1, -1).clone().requires_grad_()
    u = network(points)
    first = torch.autograd.grad(u.sum(), points, create_graph=True)[0]
    second = torch.autograd.grad(first[..., 0].sum(), points, create_graph=True)[0]
    return u, first[..., 1], first[..., 0], second[..., 0]


def test_jet_equals_autograd():
    network, points = random_network(), torch.rand(11, 2) * 2 - 1
    for ours, theirs in zip(jet(network, points), nested(network, points), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)


def test_weight_gradients_equal_autograd():
    network, points = random_network(), torch.rand(3, 11, 2) * 2 - 1
    mixing = torch.randn(4, 3, 11)
    ours = sum((m * v.square()).sum() for m, v in zip(mixing, jet(network, points), strict=True))
    theirs = sum((m * v.square()).sum() for m, v in zip(mixing, nested(network, points), strict=True))
    gradients = [torch.autograd.grad(value, network.theta)[0] for value in (ours, theirs)]
    torch.testing.assert_close(*gradients, rtol=1e-10, atol=1e-11)


def test_residual_gradient_equals_finite_differences():
    network, points, step = random_network(1), torch.rand(5, 2), 1e-6
    loss = lambda: burgers_residual(jet(network, points)).square().mean()  # noqa: E731
    gradient = torch.autograd.grad(loss(), network.theta)[0][0]
    direction = torch.randn_like(network.theta)
    with torch.no_grad():
        network.theta.add_(step * direction)
        ahead = loss()
        network.theta.sub_(2 * step * direction)
        behind = loss()
    torch.testing.assert_close((ahead - behind) / (2 * step), gradient @ direction[0], rtol=1e-6, atol=1e-9)


def test_same_function_as_an_ordinary_network():
    batched = random_network(2)
    for index in range(2):
        plain = mlp(WIDTHS, torch.nn.Tanh)
        torch.nn.utils.vector_to_parameters(batched.theta[index], plain.parameters())
        points = torch.rand(9, 2)
        torch.testing.assert_close(batched(points)[index], plain(points)[:, 0])


def test_parameters_and_seeds():
    network = BatchedMLP([2, *8 * [20], 1], 1)
    assert parameter_count(network) == 3021
    several = BatchedMLP(WIDTHS, 2, seeds=[4, 7])
    assert torch.equal(several.theta[1], BatchedMLP(WIDTHS, 1, seeds=[7]).theta[0])
    assert not torch.equal(several.theta[0], several.theta[1])


def test_lbfgs_minimises_each_row():
    curvature = torch.tensor([[1.0, 10.0, 100.0], [3.0, 300.0, 3e4]])
    target = torch.tensor([[1.0, -2.0, 0.5], [0.1, 4.0, -3.0]])
    theta = torch.zeros(2, 3, requires_grad=True)
    history = lbfgs(theta, lambda: 0.5 * (curvature * (theta - target) ** 2).sum(1), 60)
    torch.testing.assert_close(theta.detach(), target, rtol=1e-6, atol=1e-6)
    values = torch.stack(history)
    assert (values.diff(dim=0) <= 0).all()
    assert values[-1].max() < 1e-10


def test_lbfgs_rows_do_not_influence_each_other():
    def rosenbrock(theta):
        return (1 - theta[:, 0]) ** 2 + 100 * (theta[:, 1] - theta[:, 0] ** 2) ** 2

    starts = torch.tensor([[-1.2, 1.0], [0.5, -0.5]])
    together = starts.clone().requires_grad_()
    lbfgs(together, lambda: rosenbrock(together), 80)
    torch.testing.assert_close(together.detach(), torch.ones(2, 2), rtol=1e-5, atol=1e-5)
    alone = starts[:1].clone().requires_grad_()
    lbfgs(alone, lambda: rosenbrock(alone), 20)
    again = starts.clone().requires_grad_()
    lbfgs(again, lambda: rosenbrock(again), 20)
    torch.testing.assert_close(alone.detach()[0], again.detach()[0])


def test_lbfgs_stops_when_told():
    theta = torch.ones(1, 2, requires_grad=True)
    answers = iter([True, True, False])
    history = lbfgs(theta, lambda: (theta**4).sum(1), 100, keep_going=lambda: next(answers))
    assert len(history) == 3


@pytest.mark.parametrize("widths, count, seeds", [([3, 5, 1], 1, None), ([2, 1], 1, None), ([2, 5, 1], 2, [0])])
def test_impossible_networks(widths, count, seeds):
    with pytest.raises(ValueError, match="expected"):
        BatchedMLP(widths, count, seeds=seeds)


def test_wrong_points():
    network = random_network()
    for points in (torch.rand(5), torch.rand(5, 3), torch.rand(2, 5, 2)):
        with pytest.raises(ValueError, match="columns x and t"):
            jet(network, points)


def test_adaptive_points_prefer_large_residuals():
    network = random_network()
    with torch.no_grad():
        network.theta.mul_(2)  # steeper: the residual is large at few places
    points = adaptive_points(network, 2000, torch.Generator().manual_seed(0))
    assert points.shape == (3, 2000, 2)
    assert points[..., 0].abs().max() <= 1 and points[..., 1].min() >= 0 and points[..., 1].max() <= 1
    even = torch.rand(2000, 2) * torch.tensor([2.0, 1.0]) - torch.tensor([1.0, 0.0])
    adaptive, uniform = (burgers_residual(jet(network, p)).abs().mean(1) for p in (points, even))
    assert (adaptive > 1.05 * uniform).all()


def test_fit_lowers_the_misfit_and_repeats():
    x = np.linspace(-0.9, 0.9, 20)
    seen = []
    options = dict(seeds=[3, 5], adam_steps=60, lbfgs_steps=20)
    network = fit_inverse_pinn(x, x, 0.5, monitor=lambda seconds, _: seen.append(seconds), **options)
    points = torch.as_tensor(np.stack([x, np.full(20, 0.5)], axis=1))
    target = torch.as_tensor(x)
    before, after = BatchedMLP(network.widths, 2, seeds=[3, 5])(points), network(points)
    assert ((after - target).square().mean(1) < 0.5 * (before - target).square().mean(1)).all()
    assert len(seen) == 3 and seen == sorted(seen)
    assert torch.equal(network.theta, fit_inverse_pinn(x, x, 0.5, **options).theta)


def test_fit_stops_in_time():
    network = fit_inverse_pinn([0.0], [0.0], 0.5, seeds=[0], seconds=0.0)
    assert torch.equal(network.theta, BatchedMLP(network.widths, 1).theta)


def test_fit_refuses_malformed_observations():
    for x, u, when in (([0.0], [0.0, 1.0], 0.5), ([0.0], [0.0], 2.0)):
        with pytest.raises(ValueError, match="same length"):
            fit_inverse_pinn(x, u, when)
