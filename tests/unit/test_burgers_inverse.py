"""The finite-volume solver of the inverse problem: accuracy, conservation, and two gradients that must agree."""

import numpy as np
import pytest
import torch

from pbdl_utils.physics.burgers import VISCOSITY, cell_centres, cole_hopf, spectral_solution
from pbdl_utils.physics.burgers_inverse import FiniteVolumeAdjoint, advance, finite_volume_step, steps_needed
from pbdl_utils.statistics import convergence_order


def sine(resolution=128):
    return torch.tensor(-np.sin(np.pi * cell_centres(resolution)))


def rough(seed=0, resolution=128):
    noise = np.random.default_rng(seed).standard_normal(resolution)
    return sine(resolution) + 0.2 * torch.tensor(noise)


def test_second_order_before_the_shock():
    resolutions, errors = [64, 128, 256, 512], []
    for resolution in resolutions:
        positions = cell_centres(resolution) - 0.003  # so that no extremum lies at a special place in its cell
        exact = cole_hopf(positions, 0.2)[0]
        errors.append(np.abs(advance(torch.tensor(-np.sin(np.pi * positions)), 0.2).numpy() - exact).mean())
    assert 1.7 < convergence_order([2 / n for n in resolutions], errors) < 2.5


def test_small_error_after_the_shock():
    exact = cole_hopf(cell_centres(128), [0.5, 1.0])
    assert np.abs(advance(sine(), 0.5).numpy() - exact[0]).mean() < 0.005
    assert np.abs(advance(sine(), 1.0).numpy() - exact[1]).mean() < 0.003


def test_a_moving_shock_arrives_in_the_right_cell():
    fine, coarse = cell_centres(2048), cell_centres(128)
    exact = spectral_solution(0.5 - np.sin(np.pi * fine), [0.6])[0].reshape(128, 16).mean(1)
    found = advance(torch.tensor(0.5 - np.sin(np.pi * coarse)), 0.6, steps=steps_needed(0.6, 128, speed=1.5)).numpy()
    assert abs(np.argmin(np.diff(found)) - np.argmin(np.diff(exact))) <= 1


def test_momentum_is_conserved_and_no_maximum_appears():
    start = rough()
    end = advance(start, 0.5)
    assert float(end.mean() - start.mean()) == pytest.approx(0, abs=1e-14)
    assert end.max() <= start.max() + 1e-12
    assert end.min() >= start.min() - 1e-12


def test_batches_and_chains_of_intervals():
    both = torch.stack([sine(), rough()])
    assert torch.equal(advance(both, 0.25)[1], advance(rough(), 0.25))
    assert torch.allclose(advance(advance(sine(), 0.25), 0.25), advance(sine(), 0.5), atol=1e-14)
    assert advance(sine(), 0) is not None
    assert torch.equal(advance(sine(), 0), sine())


def test_gradient_agrees_with_finite_differences():
    start, direction = rough(1).requires_grad_(), torch.tensor(np.random.default_rng(2).standard_normal(128))
    loss = advance(start, 0.5).square().sum()
    (gradient,) = torch.autograd.grad(loss, start)
    with torch.no_grad():
        up, down = (advance(start + sign * 1e-6 * direction, 0.5).square().sum() for sign in (1, -1))
    assert float((up - down) / 2e-6) == pytest.approx(float(gradient @ direction), rel=1e-6)


@pytest.mark.parametrize("resolution", [64, 128])
@pytest.mark.parametrize("start", [sine, rough, lambda resolution: torch.zeros(resolution, dtype=torch.float64)])
@pytest.mark.parametrize("viscosity", [0.0, VISCOSITY])
def test_adjoint_by_hand_is_the_gradient_of_autograd(resolution, start, viscosity):
    steps = steps_needed(0.5, resolution)
    by_hand = FiniteVolumeAdjoint(resolution, 0.5 / steps, viscosity=viscosity)
    state = start(resolution=resolution).requires_grad_()
    bar = np.random.default_rng(3).standard_normal(resolution)
    end = advance(state, 0.5, viscosity=viscosity)
    (automatic,) = torch.autograd.grad(end @ torch.tensor(bar), state)
    final, tape = by_hand.forward(state.detach().numpy(), steps)
    assert np.abs(final - end.detach().numpy()).max() < 1e-13
    assert np.abs(by_hand.backward(bar, tape) - automatic.numpy()).max() < 1e-10 * np.abs(automatic.numpy()).max()


def test_steps_obey_both_limits():
    assert steps_needed(0.5, 128) == 64  # advection limits
    assert steps_needed(0.5, 128, speed=2) == 128
    assert steps_needed(0.5, 1024) > 512  # diffusion limits


@pytest.mark.parametrize("arguments", [(0, 128, 1), (1, 0, 1), (1, 128, 0)])
def test_impossible_plans_are_refused(arguments):
    duration, resolution, speed = arguments
    with pytest.raises(ValueError, match="positive"):
        steps_needed(duration, resolution, speed=speed)


def test_backward_in_time_is_refused():
    with pytest.raises(ValueError, match="backwards"):
        advance(sine(), -0.1)


def test_a_step_leaves_a_constant_state_alone():
    constant = torch.full((128,), 0.7, dtype=torch.float64)
    assert torch.allclose(finite_volume_step(constant, 1 / 128), constant, atol=1e-15)
