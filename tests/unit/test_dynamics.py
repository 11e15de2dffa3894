"""Dynamical systems against the oracle values of the specification, exact solutions and independent solvers."""

import itertools
import math

import numpy as np
import pytest
import torch
from scipy.integrate import solve_ivp

from pbdl_utils.physics import dynamics
from pbdl_utils.physics.dynamics import (
    cubic_spiral,
    integrate,
    iterate,
    kuramoto_sivashinsky,
    largest_lyapunov,
    lorenz63,
    measure_distance,
    power_spectrum,
    rk4_step,
    valid_time,
    van_der_pol,
    zero_one_test,
)

WAVE = 2 * np.pi * np.arange(64) / 64


@pytest.fixture(scope="module")
def attractor():
    """64 states on Lorenz' attractor, float64."""
    generator = torch.Generator().manual_seed(1)
    start = 3 * torch.randn(64, 3, generator=generator, dtype=torch.float64) + torch.tensor([1.0, 1.0, 25.0]).double()
    return integrate(lorenz63, start, 0.02, 750)[-1]


def evaluations(mu, end, method):
    def field(_, y):
        return [y[1], mu * (1 - y[0] ** 2) * y[1] - y[0]]

    return solve_ivp(field, (0, end), [2.0, 0.0], method=method, rtol=1e-5).nfev


# --- vector fields ---


def test_spiral_has_the_radii_of_the_specification():
    states = integrate(cubic_spiral, torch.tensor([2.0, 0.0]).double(), 0.02, 1250)
    found = states[[50, 250, 500, 1250]].norm(dim=-1)
    assert found.tolist() == pytest.approx([1.663, 0.967, 0.812, 0.524], abs=5e-4)


def test_lorenz_has_its_fixed_points_and_contracts_volumes():
    side = math.sqrt(8 / 3 * 27)
    points = torch.tensor([[0, 0, 0], [side, side, 27], [-side, -side, 27]], dtype=torch.float64)
    assert lorenz63(points).abs().max() < 1e-12
    jacobian = torch.func.jacrev(lorenz63)(torch.tensor([1.0, 2.0, 3.0]).double())
    assert jacobian.trace().item() == pytest.approx(-(10 + 1 + 8 / 3))


def test_van_der_pol_is_an_oscillator_without_mu_and_has_the_period_of_the_literature_at_one():
    end = integrate(lambda s: van_der_pol(s, 0.0), torch.tensor([1.0, 0.0]).double(), 2 * math.pi / 100, 100)[-1]
    assert end.tolist() == pytest.approx([1, 0], abs=1e-5)
    x = integrate(van_der_pol, torch.tensor([2.0, 0.0]).double(), 0.02, 1500)[:, 0]
    before = ((x[:-1] < 0) & (x[1:] >= 0)).nonzero()[:, 0]
    rising = 0.02 * (before - x[before] / (x[before + 1] - x[before]))
    assert rising.diff()[-1].item() == pytest.approx(6.6633, abs=1e-3)


def test_explicit_solver_needs_forty_times_the_evaluations_of_an_implicit_one():
    assert evaluations(100, 200, "RK45") > 40 * evaluations(100, 200, "BDF")


# --- integration ---


def test_rk4_converges_with_fourth_order():
    start, end = torch.tensor([[1.0, 0.0], [math.cos(2), -math.sin(2)]], dtype=torch.float64)
    errors = [(integrate(lambda s: van_der_pol(s, 0.0), start, 2 / n, n)[-1] - end).norm() for n in (20, 40, 80)]
    orders = [math.log2(coarse / fine) for coarse, fine in itertools.pairwise(errors)]
    assert orders == pytest.approx([4, 4], abs=0.1)


def test_rk4_agrees_with_scipy_and_takes_batches():
    start = torch.tensor([[1.0, 2.0, 20.0], [-3.0, 1.0, 15.0]]).double()
    states = integrate(lorenz63, start, 0.1, 5, substeps=50)
    assert states.shape == (6, 2, 3)
    for index in range(2):
        exact = solve_ivp(
            lambda _, y: lorenz63(torch.tensor(y)).numpy(), (0, 0.5), start[index], "DOP853", rtol=1e-10, atol=1e-10
        )
        assert np.abs(states[-1, index].numpy() - exact.y[:, -1]).max() < 1e-5


def test_iterate_refuses_no_steps():
    with pytest.raises(ValueError, match="at least 1"):
        iterate(lambda s: s, torch.zeros(1, 2), 0)


def test_gradient_through_rk4_agrees_with_finite_differences():
    start = torch.tensor([1.0, 2.0, 20.0], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: integrate(lorenz63, s, 0.02, 5)[-1], start)


# --- Kuramoto-Sivashinsky ---


def test_ks_agrees_with_an_independent_solver():
    length, wave = 22.0, 2 * np.pi / 22 * np.arange(33)

    def field(_, u):
        slope = np.fft.rfft(u)
        nonlinear = np.where(np.arange(33) < 64 / 3, -0.5j * wave, 0) * np.fft.rfft(u**2)
        return np.fft.irfft((wave**2 - wave**4) * slope + nonlinear, 64)

    start = np.cos(WAVE) + 0.3 * np.sin(2 * WAVE)
    exact = solve_ivp(field, (0, 2), start, method="BDF", rtol=1e-8, atol=1e-9).y[:, -1]
    assert np.abs(kuramoto_sivashinsky(start, 1.0, 2, length=length, substeps=8)[-1] - exact).max() < 1e-5


def test_ks_converges_with_fourth_order():
    start = np.cos(WAVE) + 0.3 * np.sin(2 * WAVE)
    ends = [kuramoto_sivashinsky(start, 2.0, 1, length=22.0, substeps=n)[-1] for n in (128, 256, 512, 2048)]
    errors = [np.abs(end - ends[-1]).max() for end in ends[:-1]]
    assert np.log2(np.divide(errors[:-1], errors[1:])) == pytest.approx([4, 4], abs=0.5)


def test_ks_keeps_the_mean_and_commutes_with_shifts_and_takes_batches():
    start = np.stack([np.cos(WAVE), 0.2 + np.sin(2 * WAVE)])
    states = kuramoto_sivashinsky(start, 0.5, 20, length=22.0, substeps=2)
    assert states.shape == (21, 2, 64)
    assert np.abs(states.mean(-1) - start.mean(-1)).max() < 1e-12
    shifted = kuramoto_sivashinsky(np.roll(start[1], 5), 0.5, 20, length=22.0, substeps=2)
    assert np.abs(np.roll(states[-1, 1], 5) - shifted[-1]).max() < 1e-10


def test_ks_refuses_odd_grids():
    with pytest.raises(ValueError, match="even number"):
        kuramoto_sivashinsky(np.zeros(63), 0.1, 1, length=22.0)


# --- Lyapunov exponent ---


def test_exponent_of_a_linear_map_is_exact():
    matrix = torch.tensor([[1.02, 0.01], [0.0, 0.9]]).double()
    found = largest_lyapunov(lambda s: s @ matrix.T, torch.zeros(1, 2).double(), 0.1, 2000)
    assert found.item() == pytest.approx(math.log(1.02) / 0.1, rel=1e-3)


def test_exponent_of_lorenz(attractor):
    found = largest_lyapunov(lambda s: rk4_step(lorenz63, s, 0.02), attractor, 0.02, 2000)
    assert found.shape == (64,)
    assert found.mean().item() == pytest.approx(0.90, abs=0.02)


def test_exponent_of_a_limit_cycle_is_zero():
    start = torch.tensor([[2.0, 0.0]]).double()
    assert abs(largest_lyapunov(lambda s: rk4_step(van_der_pol, s, 0.05), start, 0.05, 2000).item()) < 0.02


def test_exponent_needs_ten_rounds_and_a_batch():
    with pytest.raises(ValueError, match="ten"):
        largest_lyapunov(lambda s: s, torch.ones(1, 2), 0.1, 95)
    with pytest.raises(ValueError, match="batch axis"):
        largest_lyapunov(lambda s: s, torch.ones(2), 0.1, 100)


# --- 0-1 test ---


def test_zero_one_test_has_the_values_of_the_specification(attractor):
    coarse = integrate(lorenz63, attractor[0], 0.5, 500, substeps=10)[1:, 0]
    fine = integrate(lorenz63, attractor[0], 0.01, 5000)[1:, 0]
    assert zero_one_test(coarse).item() == pytest.approx(0.997, abs=0.005)
    assert abs(zero_one_test(fine).item()) < 0.1
    cycle = integrate(van_der_pol, torch.tensor([2.0, 0.0]).double(), 0.5, 500, substeps=5)[1:, 0]
    assert abs(zero_one_test(cycle).item()) < 0.05


def test_zero_one_test_of_the_logistic_map_takes_batches():
    rates = torch.tensor([3.55, 3.97]).double()
    series = iterate(lambda x: rates * x * (1 - x), torch.full((2,), 0.3).double(), 2000)[1:].T
    regular, chaotic = zero_one_test(series).tolist()
    assert abs(regular) < 0.1 and chaotic > 0.95
    with pytest.raises(ValueError, match="at least 100"):
        zero_one_test(series[:, :50])


def test_zero_one_test_is_the_formula_written_out():
    series = 0.4 + torch.randn(300, generator=torch.Generator().manual_seed(3)).double()
    c = torch.pi * (0.2 + 0.6 * torch.rand(100, generator=torch.Generator().manual_seed(0), dtype=torch.float64))
    walk = (series * torch.exp(1j * c[:, None] * torch.arange(1, 301))).cumsum(-1)
    n = torch.arange(1, 31).double()
    spread = torch.stack([(walk[:, k : k + 270] - walk[:, :270]).abs().square().mean(-1) for k in range(1, 31)], -1)
    displacement = spread - series.mean() ** 2 * (1 - (c[:, None] * n).cos()) / (1 - c.cos())[:, None]
    expected = torch.stack([torch.corrcoef(torch.stack([n, row]))[0, 1] for row in displacement]).median()
    assert zero_one_test(series).item() == pytest.approx(expected.item(), abs=1e-10)


# --- invariant measures, spectra, valid time ---


def test_distance_of_shifted_measures_is_the_shift():
    generator = torch.Generator().manual_seed(0)
    truth = 3 * torch.randn(20_000, 1, generator=generator).double()
    assert measure_distance(truth, truth).item() < 1e-12
    assert measure_distance(truth + 1.5, truth).item() == pytest.approx(0.5, abs=0.01)
    assert measure_distance(truth[:5000], truth).item() < 0.05
    broken = torch.stack([truth, truth])
    broken[1, 3] = torch.nan
    assert measure_distance(broken, truth).tolist() == pytest.approx([0, math.inf])


def test_distance_sees_a_wrong_correlation_that_marginals_hide():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.randn(2, 20_000, generator=generator).double()
    along, against = torch.stack([a, a + 0.1 * b], dim=-1), torch.stack([a, -a + 0.1 * b], dim=-1)
    assert measure_distance(against, along) > 0.3


def test_power_spectrum_keeps_the_variance_and_finds_the_frequency():
    dt = 0.1
    time = dt * torch.arange(100_000, dtype=torch.float64)
    noise = torch.randn(len(time), generator=torch.Generator().manual_seed(0)).double()
    series = torch.stack([3 + 2 * torch.cos(2 * torch.pi * 0.7 * time), noise])
    frequency, density = power_spectrum(series, dt)
    assert frequency[density[0].argmax()].item() == pytest.approx(0.7, abs=0.01)
    assert (density.sum(-1) * frequency[1]).tolist() == pytest.approx([2, 1], rel=0.03)
    with pytest.raises(ValueError, match="fewer"):
        power_spectrum(series[:, :100], dt)


def test_valid_time_is_where_the_error_passes_the_limit():
    truth = torch.stack([torch.sin(torch.arange(200) * 0.5)] * 3, dim=-1)[:, None].double()
    predicted = truth.repeat(1, 3, 1)
    predicted[50:, 1] += 10
    predicted[20:, 2] = torch.nan
    assert valid_time(predicted, truth, 0.1).tolist() == pytest.approx([19.9, 4.9, 1.9])


def test_public_names_are_documented():
    for name in (cubic_spiral, integrate, iterate, kuramoto_sivashinsky, largest_lyapunov, zero_one_test):
        assert name.__doc__ and name.__module__ == dynamics.__name__
