"""Toy densities with exact answers, noise schedules, samplers that count network evaluations, and metrics.

Generation time is ``tau``: 0 is noise, 1 is data. Points have the shape ``(*batch, d)``; networks are called as
``network(x, tau)`` (or ``score(x, sigma)``), where the second argument has the shape ``(*batch, 1)``.
"""

from pbdl_utils.probability.metrics import (
    central_coverage,
    mode_share,
    mode_spread,
    nll,
    ranks,
    sliced_wasserstein2,
    uniformity,
)
from pbdl_utils.probability.mixtures import GaussianMixture, two_gaussians
from pbdl_utils.probability.samplers import (
    Counter,
    Sampled,
    adaptive,
    annealed_langevin,
    ddim,
    ddpm_ancestral,
    euler,
    langevin,
    midpoint,
)
from pbdl_utils.probability.schedules import Schedule, annealing_steps, constant_schedule, linear_schedule, noise_levels

__all__ = [
    "Counter",
    "GaussianMixture",
    "Sampled",
    "Schedule",
    "adaptive",
    "annealed_langevin",
    "annealing_steps",
    "central_coverage",
    "constant_schedule",
    "ddim",
    "ddpm_ancestral",
    "euler",
    "langevin",
    "linear_schedule",
    "midpoint",
    "mode_share",
    "mode_spread",
    "nll",
    "noise_levels",
    "ranks",
    "sliced_wasserstein2",
    "two_gaussians",
    "uniformity",
]
