"""How good is a generative model, measured: likelihood, distance of samples, shares of modes, calibration."""

import math
from collections.abc import Callable

import torch
from jaxtyping import Float, Int
from torch import Tensor

from pbdl_utils.probability.mixtures import GaussianMixture, two_gaussians

DIRECTIONS, QUANTILES = 64, 500


def nll(
    log_prob: Callable[[Float[Tensor, "n d"]], Float[Tensor, " n"]],
    points: Float[Tensor, "n d"],
    truth: GaussianMixture | None = None,
) -> float:
    """Return the mean negative log-likelihood of held-out points, in nats.

    With ``truth`` the chance of the test set is taken out: the mean of ``log p - log q`` over the points, plus the
    exact entropy of p. The expectation is the same and the scatter far smaller; the result may not fall below the
    entropy by more than that scatter.

    Raises:
        ValueError: if a log-likelihood is not finite.
    """
    values = log_prob(points).double()
    if values.shape != points.shape[:-1] or not bool(values.isfinite().all()):
        raise ValueError(f"log_prob gave the shape {tuple(values.shape)} or numbers that are not finite.")
    if truth is None:
        return -values.mean().item()
    return (truth.log_prob(points.double()) - values).mean().item() + truth.entropy()


def sliced_wasserstein2(
    samples: Float[Tensor, "*batch n 2"], truth: Float[Tensor, "m 2"] | GaussianMixture
) -> Float[Tensor, "*batch"]:
    """Return the sliced Wasserstein-2 distance in the plane, in units of ``x``.

    Root mean square difference of the projections' 500 quantiles, over 64 equally spaced directions in the half circle.
    It does not fall to zero for a perfect model: n points of the truth itself have a distance, which the chapters call
    the floor (about 0.03 for 5,000 points of the toy problem).

    Args:
        truth: many points of the true distribution, or the mixture itself, whose quantiles are computed exactly.

    Raises:
        ValueError: if the points are not planar or not finite, or fewer than 500.
    """
    samples = _planar(samples, "samples").double()
    angle = math.pi * torch.arange(DIRECTIONS, dtype=torch.float64, device=samples.device) / DIRECTIONS
    directions = torch.stack([angle.cos(), angle.sin()])
    levels = (torch.arange(QUANTILES, dtype=torch.float64, device=samples.device) + 0.5) / QUANTILES
    found = _quantiles(samples @ directions, levels)
    if isinstance(truth, GaussianMixture):
        wanted = _mixture_quantiles(truth, directions, levels)
    else:
        wanted = _quantiles(_planar(truth, "truth").to(samples) @ directions, levels)
    return (found - wanted).square().mean(dim=(-2, -1)).sqrt()


def _planar(points: Tensor, name: str) -> Tensor:
    if points.ndim < 2 or points.shape[-1] != 2 or points.shape[-2] < QUANTILES or not bool(points.isfinite().all()):
        shape = tuple(points.shape)
        raise ValueError(f"{name} has the shape {shape}, expected at least {QUANTILES} finite points, (*batch, n, 2).")
    return points


def _quantiles(values: Float[Tensor, "*batch n s"], levels: Float[Tensor, " q"]) -> Float[Tensor, "*batch q s"]:
    """Quantiles along the second last axis, with linear interpolation; torch.quantile is limited in size and slow."""
    ordered = values.sort(dim=-2).values
    place = levels * (values.shape[-2] - 1)
    low = place.floor().long()
    part = (place - low)[:, None]
    return ordered[..., low, :] * (1 - part) + ordered[..., (low + 1).clamp(max=values.shape[-2] - 1), :] * part


def _mixture_quantiles(
    mixture: GaussianMixture, directions: Float[Tensor, "2 s"], levels: Float[Tensor, " q"]
) -> Float[Tensor, "q s"]:
    """Quantiles of the projected mixture, itself a mixture in one dimension, by bisection."""
    means, stds = mixture.means.to(directions) @ directions, (mixture.stds.to(directions) ** 2 @ directions**2).sqrt()
    weights = mixture.weights.to(directions)
    low = (means - 10 * stds).amin().expand(len(levels), directions.shape[1])
    high = (means + 10 * stds).amax().expand_as(low)
    for _ in range(60):
        middle = (low + high) / 2
        share = torch.special.ndtr((middle[..., None, :] - means) / stds).mul(weights[:, None]).sum(dim=-2)
        below = share < levels[:, None]
        low, high = torch.where(below, middle, low), torch.where(below, high, middle)
    return (low + high) / 2


def mode_share(
    samples: Float[Tensor, "*batch n d"], mixture: GaussianMixture | None = None, mode: int = 1
) -> Float[Tensor, "*batch"]:
    """Return the share of points that belong to component ``mode``: its responsibility is the largest.

    For the toy problem (the default mixture, right-hand mode) the share of true points is 0.5025, not 0.5: a few points
    of the wide mode lie inside of the narrow one.
    """
    return (_modes(samples, mixture) == mode).double().mean(dim=-1)


def mode_spread(
    samples: Float[Tensor, "*batch n d"], mixture: GaussianMixture | None = None, mode: int = 1
) -> Float[Tensor, "*batch"]:
    """Return the standard deviation, root mean square over the d components, of the points that belong to ``mode``.

    Raises:
        ValueError: if fewer than two points belong to the mode.
    """
    inside = (_modes(samples, mixture) == mode)[..., None].double()
    count = inside.sum(dim=-2)
    if bool((count < 2).any()):
        raise ValueError(f"fewer than two points belong to mode {mode}: it has no spread.")
    center = ((inside * samples).sum(dim=-2) / count)[..., None, :]
    variance = (inside * (samples - center).square()).sum(dim=-2) / (count - 1)
    return variance.mean(dim=-1).sqrt()


def _modes(samples: Tensor, mixture: GaussianMixture | None) -> Int[Tensor, "*batch n"]:
    if samples.ndim < 2 or not bool(samples.isfinite().all()):
        raise ValueError(f"samples has the shape {tuple(samples.shape)}, expected finite points, (*batch, n, d).")
    return (mixture or two_gaussians()).responsibilities(samples.double()).argmax(dim=-1)


def ranks(draws: Float[Tensor, "case draw d"], truth: Float[Tensor, "case d"]) -> Int[Tensor, "case d"]:
    """Return how many posterior draws lie below the true value, 0 ... number of draws, per case and component.

    For an exact posterior the ranks are uniform (simulation-based calibration, Talts et al. 2018).
    """
    _cases(draws, truth)
    return (draws < truth[:, None]).sum(dim=1)


def central_coverage(
    draws: Float[Tensor, "case draw d"], truth: Float[Tensor, "case d"], level: float = 0.9
) -> Float[Tensor, " d"]:
    """Return the share of cases whose true value lies in the central interval that holds ``level`` of the draws.

    Raises:
        ValueError: if the shapes do not fit, or ``level`` does not lie between 0 and 1.
    """
    _cases(draws, truth)
    if not 0 < level < 1:
        raise ValueError(f"level is {level}, expected a number between 0 and 1.")
    ends = torch.tensor([(1 - level) / 2, (1 + level) / 2], dtype=draws.dtype, device=draws.device)
    low, high = torch.quantile(draws, ends, dim=1)
    return ((truth >= low) & (truth <= high)).double().mean(dim=0)


def uniformity(counted: Int[Tensor, " case"], draws: int, bins: int = 10) -> float:
    """Return the p-value of a chi-squared test that ranks 0 ... ``draws`` are uniform.

    Raises:
        ValueError: if a rank is out of range, ``draws + 1`` is not a multiple of ``bins``, or a bin expects fewer than
            five cases.
    """
    if (draws + 1) % bins or len(counted) < 5 * bins:
        raise ValueError(
            f"{draws + 1} ranks in {bins} bins, {len(counted)} cases: expected equal bins, five cases each."
        )
    if int(counted.min()) < 0 or int(counted.max()) > draws:
        raise ValueError(f"ranks from {int(counted.min())} to {int(counted.max())}, expected 0 to {draws}.")
    found = torch.bincount(counted * bins // (draws + 1), minlength=bins).double()
    expected = len(counted) / bins
    statistic = ((found - expected) ** 2 / expected).sum()
    return torch.special.gammaincc(torch.tensor((bins - 1) / 2, dtype=torch.float64), statistic.cpu() / 2).item()


def _cases(draws: Tensor, truth: Tensor) -> None:
    if draws.ndim != 3 or truth.shape != (draws.shape[0], draws.shape[2]):
        raise ValueError(
            f"draws {tuple(draws.shape)}, truth {tuple(truth.shape)}: expected (case, draw, d), (case, d)."
        )
    if not bool(draws.isfinite().all() & truth.isfinite().all()):
        raise ValueError("draws or truth hold numbers that are not finite.")
