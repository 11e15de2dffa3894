"""Toy densities, schedules, samplers and metrics against closed forms, quadrature, autograd and oracle values."""

import math

import pytest
import torch

from pbdl_utils import probability as pb
from pbdl_utils.probability import GaussianMixture, two_gaussians

BLOBS = two_gaussians()
SKEW = GaussianMixture([[1.0, -2.0], [0.0, 3.0], [-4.0, 0.5]], [[0.3, 2.0], [1.0, 0.7], [0.5, 0.5]], [0.2, 0.5, 0.3])
SMALL = GaussianMixture([[0.5, -1.0]], [[0.6, 1.4]])  # a single Gaussian: all samplers can be solved by hand


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def points(*shape: int, seed: int = 0) -> torch.Tensor:
    return 3 * torch.randn(*shape, 2, generator=generator(seed), dtype=torch.float64)


# mixtures


def test_density_of_one_gaussian_is_that_of_torch():
    x = points(50)
    normal = torch.distributions.Normal(torch.tensor([0.5, -1.0]).double(), torch.tensor([0.6, 1.4]).double())
    torch.testing.assert_close(SMALL.log_prob(x), normal.log_prob(x).sum(-1))


@pytest.mark.parametrize("mixture", [BLOBS, SKEW, two_gaussians(0.2)])
def test_moments_and_normalisation_by_quadrature(mixture):
    assert mixture.expectation(lambda x: torch.ones(len(x)).double()) == pytest.approx(1, abs=1e-10)
    for i in range(2):
        assert mixture.expectation(lambda x, i=i: x[:, i]) == pytest.approx(mixture.mean()[i].item(), abs=1e-8)
        for j in range(2):
            second = (
                mixture.expectation(lambda x, i=i, j=j: x[:, i] * x[:, j])
                - (mixture.mean()[i] * mixture.mean()[j]).item()
            )
            assert second == pytest.approx(mixture.covariance()[i, j].item(), abs=1e-8)


def test_oracle_values_of_the_toy_problem():
    assert BLOBS.entropy() == pytest.approx(2.8174, abs=5e-5)
    assert BLOBS.mean().tolist() == pytest.approx([1.5, 1.0])
    assert BLOBS.covariance().flatten().tolist() == pytest.approx([2.875, 1.5, 1.5, 1.625])
    clean, noised = BLOBS, BLOBS.noised(1, 0.1)
    assert clean.expectation(lambda x: clean.score(x).square().sum(-1)) == pytest.approx(4.726, abs=5e-4)
    assert 200 - noised.expectation(lambda x: noised.score(x).square().sum(-1)) == pytest.approx(195.44, abs=5e-3)
    single = torch.distributions.MultivariateNormal(BLOBS.mean(), BLOBS.covariance())
    assert BLOBS.expectation(lambda x: -single.log_prob(x)) == pytest.approx(3.2801, abs=5e-5)


@pytest.mark.parametrize(
    ("sigma", "floor"), [(4, 0.0145), (2, 0.150), (1, 0.993), (0.5, 5.554), (0.2, 45.89), (0.01, 19995.3)]
)
def test_floors_of_denoising_score_matching(sigma, floor):
    noised = BLOBS.noised(1, sigma)
    found = 2 / sigma**2 - noised.expectation(lambda x: noised.score(x).square().sum(-1), points=800)
    assert found == pytest.approx(floor, rel=4e-3)


@pytest.mark.parametrize("mixture", [BLOBS, SKEW])
@pytest.mark.parametrize(("alpha", "sigma"), [(1.0, 0.0), (0.4, 0.8)])
def test_score_is_the_gradient_of_the_log_density(mixture, alpha, sigma):
    x = points(4, 50).requires_grad_()
    (gradient,) = torch.autograd.grad(mixture.log_prob(x, alpha, sigma).sum(), x)
    torch.testing.assert_close(mixture.score(x, alpha, sigma), gradient)
    torch.testing.assert_close(mixture.noise(x, alpha, sigma), -sigma * gradient)


def test_numbers_as_noise_levels_keep_double_precision():
    x = points(20)
    level = torch.full((20, 1), 0.1, dtype=torch.float64)
    assert torch.equal(BLOBS.score(x, 1.0, 0.1), BLOBS.score(x, 1.0, level))
    assert torch.equal(BLOBS.velocity(x, 0.1), BLOBS.velocity(x, level))
    assert torch.equal(BLOBS.noise(x, 0.7, 0.1), BLOBS.noise(x, 0.7, level))


def test_score_far_out_is_that_of_the_wide_mode():
    """Where the density underflows the reference text's score vanishes; the true one grows with the distance."""
    x = torch.tensor([[-5.0, -5.0], [-60.0, 10.0]])
    torch.testing.assert_close(BLOBS.score(x), -x)
    torch.testing.assert_close(BLOBS.responsibilities(x).sum(-1), torch.ones(2))


def test_a_noised_mixture_is_the_mixture_with_noise():
    x = points(100)
    torch.testing.assert_close(SKEW.noised(0.3, 0.9).log_prob(x), SKEW.log_prob(x, 0.3, 0.9))
    level = torch.tensor([[0.3], [0.7]], dtype=torch.float64)
    both = SKEW.score(x[:2], level, 1 - level)
    for k in range(2):
        torch.testing.assert_close(both[k], SKEW.score(x[k], level[k, 0].item(), 1 - level[k, 0].item()))


def test_the_given_point_is_data_plus_noise_on_average():
    x, alpha, sigma = points(30), 0.6, 0.8
    torch.testing.assert_close(alpha * SKEW.denoised(x, alpha, sigma) + sigma * SKEW.noise(x, alpha, sigma), x)


def test_denoiser_against_averages_over_posterior_weights():
    data = SKEW.sample(400_000, generator(1)).double()
    x, alpha, sigma = torch.tensor([0.3, 0.8]).double(), 0.7, 0.9
    weight = (-(x - alpha * data).square().sum(-1) / (2 * sigma**2)).exp()
    found = (weight[:, None] * data).sum(0) / weight.sum()
    torch.testing.assert_close(SKEW.denoised(x, alpha, sigma), found, atol=0.02, rtol=0)


def test_velocity_against_the_mean_of_many_pairs():
    """The mean of x1 - eps over pairs that pass close to a point of the straight path."""
    data, noise = BLOBS.sample(2_000_000, generator(2)), torch.randn(2_000_000, 2, generator=generator(3))
    passing = 0.5 * data + 0.5 * noise
    for place in ([0.75, 0.5], [1.5, 1.0], [-0.3, 0.2]):
        close = (passing - torch.tensor(place)).norm(dim=-1) < 0.08
        found = (data - noise)[close].mean(0)
        torch.testing.assert_close(BLOBS.velocity(torch.tensor(place), 0.5), found, atol=0.06, rtol=0)


@pytest.mark.parametrize("mixture", [BLOBS, SKEW])
def test_velocity_carries_the_density(mixture):
    """Continuity equation along the flow: d log p / d tau + div v + v . score = 0."""
    x, tau = points(40), torch.tensor(0.6, dtype=torch.float64)
    _, rate = torch.func.jvp(lambda t: mixture.log_prob(x, t, 1 - t), (tau,), (torch.ones_like(tau),))
    jacobian = torch.func.vmap(torch.func.jacfwd(lambda at: mixture.velocity(at, tau)))(x)
    divergence = jacobian.diagonal(dim1=-2, dim2=-1).sum(-1)
    transport = (mixture.velocity(x, tau) * mixture.score(x, tau, 1 - tau)).sum(-1)
    torch.testing.assert_close(rate + divergence + transport, torch.zeros_like(rate), atol=1e-8, rtol=1e-7)


def test_velocity_at_both_ends_and_in_terms_of_the_score():
    x = points(20)
    torch.testing.assert_close(BLOBS.velocity(x, 0.0), BLOBS.mean() - x)  # hence the collapse of one Euler step
    torch.testing.assert_close(BLOBS.velocity(x, 1.0), x)
    by_score = (x + (1 - 0.7) * BLOBS.score(x, 0.7, 1 - 0.7)) / 0.7
    torch.testing.assert_close(BLOBS.velocity(x, 0.7), by_score)


def test_samples_have_the_moments_and_are_reproducible():
    drawn = SKEW.sample((2, 100_000), generator(4))
    assert drawn.shape == (2, 100_000, 2) and drawn.dtype == torch.float32
    torch.testing.assert_close(drawn.mean(1).double(), SKEW.mean().expand(2, 2), atol=0.05, rtol=0)
    torch.testing.assert_close(drawn[0].T.cov().double(), SKEW.covariance(), atol=0.1, rtol=0)
    assert torch.equal(SKEW.sample(5, generator(1)), SKEW.sample(5, generator(1)))


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (([0.0, 1.0], [1.0, 1.0]), "means has the shape"),
        (([[0.0, math.nan]], [1.0]), "finite entries"),
        (([[0.0, 1.0]], [1.0, 2.0, 3.0]), "stds has the shape"),
        (([[0.0, 1.0]], [-1.0]), "all positive"),
        (([[0.0, 1.0], [1.0, 1.0]], [1.0, 1.0], [0.5, 0.6]), "sum 1"),
        (([[0.0, 1.0], [1.0, 1.0]], [1.0, 1.0], [1.5, -0.5]), "sum 1"),
    ],
)
def test_impossible_mixtures_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        GaussianMixture(*arguments)


def test_wrong_points_and_levels_are_refused():
    with pytest.raises(ValueError, match="expected floats of shape"):
        BLOBS.score(torch.zeros(4, 3))
    with pytest.raises(ValueError, match="expected floats of shape"):
        BLOBS.log_prob(torch.zeros(4, 2, dtype=torch.long))
    with pytest.raises(ValueError, match="a noise level has the shape"):
        BLOBS.score(torch.zeros(4, 2), torch.ones(4))
    with pytest.raises(ValueError, match="two dimensions"):
        GaussianMixture([[0.0]], [1.0]).entropy()
    with pytest.raises(ValueError, match="between 0 and 1"):
        two_gaussians(1.0)
    with pytest.raises(ValueError, match="positive numbers"):
        BLOBS.sample(0)
    with pytest.raises(ValueError, match="sigma is -1"):
        BLOBS.noised(1, -1)


# schedules


def test_oracle_values_of_the_schedules():
    constant, linear = pb.constant_schedule(), pb.linear_schedule()
    assert constant.alpha_bar[200].item() == pytest.approx(0.0176, abs=5e-5)
    assert constant.alpha_bar[1000].item() == pytest.approx(1.7e-9, rel=0.02)
    assert (constant.alpha_bar[1:] < 0.01).double().mean().item() == pytest.approx(0.77, abs=0.005)
    for n, value in ((200, 0.659), (400, 0.195), (600, 0.0259), (1000, 4.0e-5)):
        assert linear.alpha_bar[n].item() == pytest.approx(value, rel=0.01)
    assert (linear.alpha_bar[1:] < 0.01).double().mean().item() == pytest.approx(0.33, abs=0.005)


def test_closed_form_equals_the_chain():
    schedule, mean, variance = pb.linear_schedule(50), 1.0, 0.0
    for n in range(1, 51):
        mean = math.sqrt(schedule.alpha[n]) * mean
        variance = schedule.alpha[n].item() * variance + schedule.beta[n].item()
        assert mean == pytest.approx(schedule.signal[n].item(), rel=1e-12)
        assert variance == pytest.approx(schedule.sigma[n].item() ** 2, rel=1e-12)


def test_posterior_variance_from_bayes():
    """Precision of x_{n-1} given x_n and the data: that of the chain's step plus that of the closed form."""
    schedule = pb.linear_schedule(20)
    for n in range(2, 21):
        precision = (schedule.alpha[n] / schedule.beta[n] + 1 / schedule.sigma[n - 1] ** 2).item()
        assert schedule.posterior[n].item() == pytest.approx(1 / precision, rel=1e-10)
    assert schedule.posterior[1] == 0


def test_a_respaced_schedule_visits_levels_of_the_original():
    schedule = pb.linear_schedule(1000)
    short = schedule.respaced(7)
    assert short.steps == 7
    chosen = (1000 * (1 - short.tau)).round().long()
    torch.testing.assert_close(short.alpha_bar, schedule.alpha_bar[chosen])
    assert chosen[0] == 0 and chosen[-1] == 1000
    torch.testing.assert_close(schedule.respaced(1000).beta, schedule.beta)


def test_levels_are_found_by_generation_time():
    schedule = pb.linear_schedule(1000)
    for chosen in (schedule, schedule.respaced(9)):
        signal, sigma = chosen.level(chosen.tau.float())
        torch.testing.assert_close(signal, chosen.signal.float())
        torch.testing.assert_close(sigma, chosen.sigma.float())
    shape = (3, 4, 1)
    assert schedule.level(torch.rand(shape))[0].shape == shape


def test_noise_levels_and_step_sizes():
    levels = pb.noise_levels(4.0, 0.01, 6)
    torch.testing.assert_close(levels[1:] / levels[:-1], torch.full((5,), (0.01 / 4) ** 0.2).double())
    reference = pb.annealing_steps([4.0, 2.0, 1.0, 0.5, 0.2, 0.01], 1e-5)
    assert reference.tolist() == pytest.approx([1.6, 0.4, 0.1, 0.025, 0.004, 1e-5])


def test_impossible_schedules_are_refused():
    for call in (
        lambda: pb.Schedule([0.1, 1.2]),
        lambda: pb.Schedule([]),
        lambda: pb.Schedule([0.1], tau=torch.tensor([0.0, 1.0])),
        lambda: pb.linear_schedule(0),
        lambda: pb.linear_schedule(10, 0.02, 0.01),
        lambda: pb.linear_schedule(10).respaced(11),
        lambda: pb.noise_levels(1.0, 2.0, 3),
        lambda: pb.annealing_steps([1.0, 0.0], 1e-5),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


# samplers: on a Gaussian each is a linear map, so mean and variance are known exactly

COUNT = 10_000


def moments(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    return x.mean(0), x.var(0)


def start(seed: int = 5) -> torch.Tensor:
    return torch.randn(COUNT, 2, generator=generator(seed), dtype=torch.float64)


def test_langevin_has_its_exact_stationary_variance():
    """x <- (1 - h/s^2) x + sqrt(2h) z has the variance s^2 / (1 - h / (2 s^2)): too large by O(h)."""
    step = 0.1
    drawn = pb.langevin(SMALL.score, start(), step=step, steps=100, generator=generator(6))
    mean, variance = moments(drawn.points)
    exact = SMALL.stds[0] ** 2
    torch.testing.assert_close(mean, SMALL.means[0], atol=0.05, rtol=0)
    torch.testing.assert_close(variance, exact / (1 - step / (2 * exact)), atol=0, rtol=0.05)
    assert drawn.evaluations == 100


def test_annealed_langevin_is_langevin_at_each_level():
    levels, sizes, seen = [2.0, 0.5], [0.4, 0.025], []

    def score(x, sigma):
        assert sigma.shape == (COUNT, 1)
        seen.append(sigma[0, 0].item())
        return SMALL.score(x, 1.0, sigma)

    drawn = pb.annealed_langevin(
        score, start(), levels=levels, step_sizes=sizes, steps=20, generator=generator(7), keep=[0, 1, 2]
    )
    assert seen == [2.0] * 20 + [0.5] * 20
    assert drawn.evaluations == 40 and drawn.path.shape == (3, COUNT, 2)
    draws, x = generator(7), start()
    for sigma, size in zip(levels, sizes, strict=True):
        score_here = lambda at, sigma=sigma: SMALL.score(at, 1.0, sigma)  # noqa: E731
        x = pb.langevin(score_here, x, step=size, steps=20, generator=draws).points
    torch.testing.assert_close(drawn.points, x)


def exact_noise(mixture, schedule):
    return lambda x, tau: mixture.noise(x, *schedule.level(tau))


@pytest.mark.parametrize("variance", ["beta", "posterior"])
def test_ancestral_sampling_has_its_exact_moments(variance):
    """On a Gaussian the sampler is a chain of linear maps; its mean and variance follow by recursion."""
    schedule = pb.linear_schedule(40)
    mean, spread = torch.zeros(2).double(), torch.ones(2).double()
    added = schedule.beta if variance == "beta" else schedule.posterior
    for n in range(40, 0, -1):
        total = schedule.alpha_bar[n] * SMALL.stds[0] ** 2 + schedule.sigma[n] ** 2
        factor = 1 - schedule.beta[n] / total
        shift = schedule.beta[n] / total * schedule.signal[n] * SMALL.means[0]
        mean = (factor * mean + shift) / schedule.alpha[n].sqrt()
        spread = factor**2 * spread / schedule.alpha[n] + (added[n] if n > 1 else 0)
    drawn = pb.ddpm_ancestral(
        exact_noise(SMALL, schedule), start(), schedule, variance=variance, generator=generator(8), keep=[40, 20, 0]
    )
    torch.testing.assert_close(drawn.points.mean(0), mean, atol=0.05, rtol=0)
    torch.testing.assert_close(drawn.points.var(0), spread, atol=0, rtol=0.05)
    assert drawn.evaluations == 40 and torch.equal(drawn.path[0], start()) and torch.equal(drawn.path[2], drawn.points)


def test_many_steps_give_the_right_gaussian():
    schedule = pb.linear_schedule(300)
    for sampler in (pb.ddpm_ancestral, pb.ddim):
        mean, variance = moments(sampler(exact_noise(SMALL, schedule), start()[:5000], schedule).points)
        torch.testing.assert_close(mean, SMALL.means[0], atol=0.05, rtol=0)
        torch.testing.assert_close(variance, SMALL.stds[0] ** 2, atol=0, rtol=0.07)


def test_implicit_sampler_is_deterministic_and_with_eta_one_ancestral():
    schedule, x = pb.linear_schedule(30), start()[:100]
    noise = exact_noise(BLOBS, schedule)
    assert torch.equal(pb.ddim(noise, x, schedule).points, pb.ddim(noise, x, schedule).points)
    ancestral = pb.ddpm_ancestral(noise, x, schedule, variance="posterior", generator=generator(9))
    implicit = pb.ddim(noise, x, schedule, eta=1.0, generator=generator(9))
    torch.testing.assert_close(implicit.points, ancestral.points, atol=1e-9, rtol=1e-9)
    assert implicit.evaluations == 30


def exact_flow(x: torch.Tensor) -> torch.Tensor:
    """The probability flow of a Gaussian maps normal scores to normal scores."""
    return SMALL.means[0] + SMALL.stds[0] * x


@pytest.mark.parametrize(("sampler", "order", "calls"), [(pb.euler, 1, 1), (pb.midpoint, 2, 2)])
def test_orders_of_the_integrators(sampler, order, calls):
    """On dx/dtau = x + tau (for the flow of a Gaussian the leading error of the midpoint rule happens to vanish)."""
    x, errors = start()[:200], []
    exact = (x + 1) * math.e - 2
    for steps in (80, 160):
        drawn = sampler(lambda at, tau: at + tau, x, steps=steps)
        assert drawn.evaluations == calls * steps
        errors.append((drawn.points - exact).abs().max().item())
    assert math.log2(errors[0] / errors[1]) == pytest.approx(order, abs=0.1)


def test_integrators_run_backwards_and_adaptively():
    x = start()[:200]
    drawn = pb.adaptive(SMALL.velocity, x, tolerance=1e-8, times=(0.0, 0.5, 1.0))
    torch.testing.assert_close(drawn.points, exact_flow(x), atol=1e-6, rtol=0)
    assert drawn.path.shape == (3, 200, 2) and drawn.evaluations > 10
    back = pb.midpoint(SMALL.velocity, drawn.points, steps=400, start=1.0, end=0.0)
    torch.testing.assert_close(back.points, x, atol=1e-4, rtol=0)


def test_one_euler_step_collapses_to_the_mean():
    drawn = pb.euler(BLOBS.velocity, start()[:100], steps=1)
    torch.testing.assert_close(drawn.points, BLOBS.mean().expand(100, 2))


def test_samplers_serve_several_networks_at_once_and_keep_no_graph():
    x = torch.zeros(3, 5, 2)
    weight = torch.ones(2, requires_grad=True)
    drawn = pb.euler(lambda at, tau: weight * at + tau, x, steps=4, keep=range(5))
    assert drawn.path.shape == (5, 3, 5, 2) and not drawn.points.requires_grad


def test_impossible_runs_are_refused():
    x = torch.zeros(4, 2)
    schedule = pb.linear_schedule(10)
    for call in (
        lambda: pb.euler(BLOBS.velocity, x, steps=0),
        lambda: pb.midpoint(BLOBS.velocity, torch.full((4, 2), math.nan), steps=3),
        lambda: pb.euler(BLOBS.velocity, torch.zeros(2), steps=3),
        lambda: pb.langevin(BLOBS.score, x, step=-1.0, steps=3),
        lambda: pb.annealed_langevin(BLOBS.score, x, levels=[1.0, 0.5], step_sizes=[0.1], steps=3),
        lambda: pb.ddpm_ancestral(BLOBS.velocity, x, schedule, variance="none"),
        lambda: pb.ddim(BLOBS.velocity, x, schedule, eta=2.0),
        lambda: pb.adaptive(BLOBS.velocity, x, times=(0.0,)),
    ):
        with pytest.raises(ValueError, match="expected"):
            call()


# metrics


def test_nll_of_the_truth_is_the_entropy_and_of_a_wrong_model_is_more():
    held_out = BLOBS.sample(50_000, generator(10))
    assert pb.nll(BLOBS.log_prob, held_out) == pytest.approx(BLOBS.entropy(), abs=0.02)
    assert pb.nll(BLOBS.log_prob, held_out.double(), BLOBS) == pytest.approx(BLOBS.entropy(), abs=1e-9)
    single = GaussianMixture(BLOBS.mean()[None], BLOBS.covariance().diagonal().sqrt()[None])
    exact = BLOBS.expectation(lambda x: -single.log_prob(x))
    assert pb.nll(single.log_prob, held_out, BLOBS) == pytest.approx(exact, abs=0.02)
    with pytest.raises(ValueError, match="not finite"):
        pb.nll(lambda x: x[:, 0] * math.nan, held_out)
    with pytest.raises(ValueError, match="gave the shape"):
        pb.nll(lambda x: x, held_out)


def test_sliced_distance_of_known_cases():
    drawn = BLOBS.sample((2, 5000), generator(11))
    shift = torch.tensor([0.6, -0.8])
    found = pb.sliced_wasserstein2(drawn + shift, drawn[0])
    assert found.shape == (2,)
    assert found[0].item() == pytest.approx(math.sqrt(0.5), rel=1e-5)  # the mean of cos^2 over the half circle
    gauss = GaussianMixture([[0.0, 0.0]], [1.0])
    collapsed = pb.sliced_wasserstein2(torch.zeros(500, 2), gauss)
    assert collapsed.item() == pytest.approx(1.0, abs=2e-3)
    assert pb.sliced_wasserstein2(drawn[0], drawn[0]).item() == 0


def test_exact_quantiles_agree_with_those_of_many_points():
    drawn, many = BLOBS.sample(1000, generator(12)) + 0.3, BLOBS.sample(50_000, generator(13))
    exact, sampled = pb.sliced_wasserstein2(drawn, BLOBS), pb.sliced_wasserstein2(drawn, many)
    assert exact.item() == pytest.approx(sampled.item(), abs=0.02)


@pytest.mark.parametrize(("count", "low", "high"), [(5000, 0.024, 0.040), (1225, 0.049, 0.085), (500, 0.072, 0.184)])
def test_floor_of_the_sliced_distance(count, low, high):
    found = pb.sliced_wasserstein2(BLOBS.sample((12, count), generator(14)), BLOBS)
    assert low < found.mean() < high


def test_exact_fields_reproduce_the_oracle_distances():
    x = torch.randn(2, 5000, 2, generator=generator(15))
    for steps, value in ((1, 1.4994), (2, 0.674), (5, 0.286), (10, 0.146)):
        found = pb.sliced_wasserstein2(pb.euler(BLOBS.velocity, x, steps=steps).points, BLOBS).mean().item()
        assert found == pytest.approx(value, abs=0.02)
    schedule = pb.linear_schedule(20)
    drawn = pb.ddpm_ancestral(exact_noise(BLOBS, schedule), x, schedule, generator=generator(16)).points
    assert pb.sliced_wasserstein2(drawn, BLOBS).mean().item() == pytest.approx(0.084, abs=0.02)
    assert pb.mode_spread(drawn).mean().item() == pytest.approx(0.551, abs=0.015)


def test_shares_and_spreads_of_the_modes():
    for weight in (0.5, 0.2):
        mixture = two_gaussians(weight)
        drawn = mixture.sample((2, 50_000), generator(17))
        expected = mixture.expectation(lambda x, m=mixture: (m.responsibilities(x).argmax(-1) == 1).double(), 800)
        torch.testing.assert_close(
            pb.mode_share(drawn, mixture), torch.full((2,), expected).double(), atol=0.008, rtol=0
        )
    assert pb.mode_share(two_gaussians().sample(200_000, generator(18))).item() == pytest.approx(0.5025, abs=0.004)
    far = GaussianMixture([[0.0, 0.0], [30.0, 0.0]], [1.0, 0.5])
    drawn = far.sample(50_000, generator(19))
    assert pb.mode_spread(drawn, far).item() == pytest.approx(0.5, rel=0.02)
    assert pb.mode_spread(drawn, far, mode=0).item() == pytest.approx(1.0, rel=0.02)
    assert pb.mode_share(drawn, far).item() + pb.mode_share(drawn, far, mode=0).item() == pytest.approx(1)


def posterior_draws(cases: int, draws: int, factor: float = 1.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Normal prior, one noisy observation each; exact posterior draws whose width is multiplied by ``factor``."""
    truth = torch.randn(cases, 2, generator=generator(20))
    observed = truth + 0.5 * torch.randn(cases, 2, generator=generator(21))
    noise = torch.randn(cases, draws, 2, generator=generator(22))
    return 0.8 * observed[:, None] + factor * 0.2**0.5 * noise, truth


def test_calibration_of_an_exact_and_of_an_overconfident_posterior():
    exact, truth = posterior_draws(2000, 199)
    covered = pb.central_coverage(exact, truth, 0.9)
    torch.testing.assert_close(covered, torch.full((2,), 0.9).double(), atol=0.025, rtol=0)
    counted = pb.ranks(exact, truth)
    assert counted.shape == (2000, 2) and counted.min() >= 0 and counted.max() <= 199
    assert pb.uniformity(counted[:, 0], draws=199) > 0.01
    narrow, truth = posterior_draws(2000, 199, factor=0.5)
    assert pb.uniformity(pb.ranks(narrow, truth)[:, 0], draws=199) < 1e-6
    expected = math.erf(0.5 * 1.6449 / math.sqrt(2))  # half the width covers less
    assert pb.central_coverage(narrow, truth, 0.9).mean().item() == pytest.approx(expected, abs=0.03)


def test_uniformity_against_a_table_of_chi_squared():
    """Nine degrees of freedom: the 5 % point of chi-squared is 16.919."""
    counted = torch.arange(10).repeat_interleave(100)
    assert pb.uniformity(counted, draws=9) == pytest.approx(1.0)
    moved = counted.clone()
    moved[:29] = 9  # two bins off by 29: statistic 2 * 29^2 / 100 = 16.82
    assert pb.uniformity(moved, draws=9) == pytest.approx(0.0515, abs=0.001)


def test_damaged_samples_are_refused():
    good, exact = torch.zeros(600, 2), torch.zeros(60, 9, 2)
    for call in (
        lambda: pb.sliced_wasserstein2(torch.zeros(20, 2), BLOBS),
        lambda: pb.sliced_wasserstein2(torch.full((600, 2), math.inf), BLOBS),
        lambda: pb.sliced_wasserstein2(good, torch.zeros(600, 3)),
        lambda: pb.mode_share(good * math.nan),
        lambda: pb.ranks(exact, torch.zeros(60)),
        lambda: pb.central_coverage(exact, torch.zeros(60, 2), 1.0),
        lambda: pb.central_coverage(exact * math.nan, torch.zeros(60, 2)),
        lambda: pb.uniformity(torch.zeros(60).long(), draws=8),
        lambda: pb.uniformity(torch.full((60,), 12), draws=9),
    ):
        with pytest.raises(ValueError, match=r"expected|not finite"):
            call()
    with pytest.raises(ValueError, match="no spread"):
        pb.mode_spread(good)
