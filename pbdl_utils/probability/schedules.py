"""Noise schedules: the steps of denoising diffusion (Ho et al. 2020) and the levels of annealed Langevin dynamics."""

import math
from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor


class Schedule:
    """What follows from the variances beta_1 ... beta_N that denoising diffusion adds per step.

    All tensors are float64 of shape ``(N + 1,)`` and indexed by the noise step n = 0 ... N, where n = 0 is data:
    ``beta``; ``alpha = 1 - beta``; ``alpha_bar``, its running product; ``signal = sqrt(alpha_bar)`` and
    ``sigma = sqrt(1 - alpha_bar)``, so that step n holds ``signal * data + sigma * noise``; ``posterior``, the variance
    of step n - 1 given step n and the data (beta with a tilde); ``tau = 1 - n / N``, the generation time that a network
    is given.

    Args:
        betas: beta_1 ... beta_N, between 0 and 1.
        tau: generation times of the steps 0 ... N, falling from 1 (data) to 0; ``1 - n / N`` by default.

    Raises:
        ValueError: if a beta does not lie between 0 and 1 or the times do not fit.
    """

    def __init__(self, betas: Sequence[float] | Tensor, tau: Tensor | None = None) -> None:
        betas = torch.as_tensor(betas, dtype=torch.float64)
        if betas.ndim != 1 or not len(betas) or not bool(((betas > 0) & (betas < 1)).all()):
            raise ValueError("betas: expected a list of at least one number between 0 and 1, both excluded.")
        self.steps = len(betas)
        self.beta = torch.cat([betas.new_zeros(1), betas])
        self.alpha = 1 - self.beta
        self.alpha_bar = self.alpha.cumprod(dim=0)
        self.signal, self.sigma = self.alpha_bar.sqrt(), (1 - self.alpha_bar).sqrt()
        previous = torch.cat([self.alpha_bar[:1], self.alpha_bar[:-1]])
        self.posterior = self.beta * (1 - previous) / (1 - self.alpha_bar).clamp(min=1e-300)
        self.tau = 1 - torch.arange(self.steps + 1, dtype=torch.float64) / self.steps if tau is None else tau
        if self.tau.shape != self.beta.shape or not bool((self.tau.diff() < 0).all()):
            raise ValueError(f"tau: expected {self.steps + 1} falling times, one per step 0 ... {self.steps}.")

    def respaced(self, steps: int) -> "Schedule":
        """Return a schedule that visits ``steps`` of the noise levels, equally spaced in n, the noisiest included.

        The levels keep their ``tau``, so a network trained on this schedule serves both.

        Raises:
            ValueError: if there are not so many levels.
        """
        if not 1 <= steps <= self.steps:
            raise ValueError(f"steps is {steps}, expected 1 ... {self.steps}, the number of noise levels.")
        chosen = torch.linspace(0, self.steps, steps + 1, dtype=torch.float64).round().long()
        alpha_bar = self.alpha_bar[chosen]
        return Schedule(1 - alpha_bar[1:] / alpha_bar[:-1], self.tau[chosen])

    def level(self, tau: Float[Tensor, "*any"]) -> tuple[Float[Tensor, "*any"], Float[Tensor, "*any"]]:
        """Return (signal, sigma) of the step that belongs to each generation time (the nearest one)."""
        rising = self.tau.flip(0).to(tau.device)
        place = torch.searchsorted(((rising[1:] + rising[:-1]) / 2).contiguous(), tau.double().contiguous())
        n = self.steps - place
        return self.signal.to(tau)[n], self.sigma.to(tau)[n]


def linear_schedule(steps: int = 1000, first: float = 1e-4, last: float = 0.02) -> Schedule:
    """Return betas that rise linearly (Ho et al. 2020), times ``1000 / steps`` so that the total noise stays.

    The largest beta is cut at 0.999.
    """
    if steps < 1 or not 0 < first <= last:
        raise ValueError(f"steps {steps}, first {first}, last {last}: expected steps >= 1 and 0 < first <= last.")
    scale = 1000 / steps
    return Schedule((scale * torch.linspace(first, last, steps, dtype=torch.float64)).clamp(max=0.999))


def constant_schedule(steps: int = 1000, beta: float = 0.02) -> Schedule:
    """Return the same beta for each step."""
    return Schedule(torch.full((steps,), beta, dtype=torch.float64))


def noise_levels(largest: float, smallest: float, count: int) -> Float[Tensor, " count"]:
    """Return noise levels that fall geometrically, float64: neighbours overlap equally (Song and Ermon 2019)."""
    if not largest > smallest > 0 or count < 2:
        raise ValueError(
            f"levels {largest} ... {smallest}, {count} of them: expected falling positive ones, at least two."
        )
    return torch.logspace(math.log10(largest), math.log10(smallest), count, dtype=torch.float64)


def annealing_steps(levels: Float[Tensor, " level"], base: float) -> Float[Tensor, " level"]:
    """Return Langevin step sizes in proportion to the variance of each level, ``base`` at the last and smallest one."""
    levels = torch.as_tensor(levels, dtype=torch.float64)
    if not bool((levels > 0).all()) or not base > 0:
        raise ValueError("expected positive noise levels and a positive step size.")
    return base * (levels / levels[-1]) ** 2
