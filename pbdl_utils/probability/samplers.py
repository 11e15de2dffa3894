"""Samplers: from a network (or an exact field) to points, counting the network evaluations that it takes.

All of them start from points ``x`` of shape ``(*batch, d)``, run without gradients, and return ``Sampled``. An
evaluation is one call for the whole batch. Random numbers come from ``generator`` (on the CPU), else the global state.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor
from torchdiffeq import odeint

from pbdl_utils.probability.schedules import Schedule

Points = Float[Tensor, "*batch d"]
Field = Callable[[Points, Float[Tensor, "*batch 1"]], Points]


@dataclass
class Sampled:
    """Result of a sampler: final points, evaluations per point, states on the way ``(state, *batch, d)`` if kept."""

    points: Points
    evaluations: int
    path: Tensor | None = None


class Counter:
    """Wraps a function and counts its calls in ``.calls``."""

    def __init__(self, function: Callable) -> None:
        self.function, self.calls = function, 0

    def __call__(self, *arguments):
        self.calls += 1
        return self.function(*arguments)


def _filled(x: Points, value) -> Float[Tensor, "*batch 1"]:
    """A second argument for the network: the same value for each point."""
    return torch.full_like(x[..., :1], float(value))


def _normal(x: Points, generator: torch.Generator | None) -> Points:
    if generator is None:
        return torch.randn_like(x)
    return torch.randn(x.shape, dtype=x.dtype, generator=generator).to(x.device)


def _checked(x: Points, steps: int) -> None:
    if x.ndim < 2 or not x.is_floating_point() or not bool(x.isfinite().all()):
        raise ValueError(f"the start has the shape {tuple(x.shape)}, expected finite floats of shape (*batch, d).")
    if not isinstance(steps, int) or steps < 1:
        raise ValueError(f"steps is {steps}, expected a positive whole number.")


class _Path:
    """Collects the states at the wanted step numbers."""

    def __init__(self, keep: Sequence[int], x: Points) -> None:
        self.keep, self.states = set(keep), []
        self.add(0, x)

    def add(self, step: int, x: Points) -> None:
        if step in self.keep:
            self.states.append(x)

    def stacked(self) -> Tensor | None:
        return torch.stack(self.states) if self.states else None


@torch.no_grad()
def langevin(
    score: Callable[[Points], Points],
    x: Points,
    *,
    step: float,
    steps: int,
    generator: torch.Generator | None = None,
    keep: Sequence[int] = (),
) -> Sampled:
    """Langevin dynamics: ``x <- x + step * score(x) + sqrt(2 step) z``.

    Args:
        score: maps points to the gradient of the log density.
        step: step size, in units of ``x`` squared; the stationary variance exceeds the true one by O(step).
        keep: step numbers, 0 ... ``steps``, after which the state is kept.
    """
    _checked(x, steps)
    if not step > 0:
        raise ValueError(f"step is {step}, expected a positive number.")
    score, path = Counter(score), _Path(keep, x)
    for number in range(1, steps + 1):
        x = x + step * score(x) + (2 * step) ** 0.5 * _normal(x, generator)
        path.add(number, x)
    return Sampled(x, score.calls, path.stacked())


@torch.no_grad()
def annealed_langevin(
    score: Field,
    x: Points,
    *,
    levels: Sequence[float] | Tensor,
    step_sizes: Sequence[float] | Tensor,
    steps: int,
    generator: torch.Generator | None = None,
    keep: Sequence[int] = (),
) -> Sampled:
    """Langevin dynamics through falling noise levels (Song and Ermon 2019).

    Args:
        score: ``score(x, sigma)`` with ``sigma`` of shape ``(*batch, 1)``.
        levels: noise levels, the largest first.
        step_sizes: one per level.
        steps: steps per level.
        keep: numbers of levels after which the state is kept; 0 is the start.
    """
    _checked(x, steps)
    if len(levels) != len(step_sizes) or not len(levels):
        raise ValueError(f"{len(levels)} levels and {len(step_sizes)} step sizes: expected one step size per level.")
    score, path = Counter(score), _Path(keep, x)
    for number, (sigma, size) in enumerate(zip(levels, step_sizes, strict=True), start=1):
        x = langevin(lambda at, level=sigma: score(at, _filled(at, level)), x, step=float(size), steps=steps,
                     generator=generator).points  # fmt: skip
        path.add(number, x)
    return Sampled(x, score.calls, path.stacked())


@torch.no_grad()
def ddpm_ancestral(
    noise: Field,
    x: Points,
    schedule: Schedule,
    *,
    variance: str = "beta",
    generator: torch.Generator | None = None,
    keep: Sequence[int] = (),
) -> Sampled:
    """Ancestral sampling of denoising diffusion (Ho et al. 2020), from step N down to the data.

    Args:
        noise: ``noise(x, tau)``, the estimate of the noise in ``x``.
        x: the start, standard normal.
        variance: of the noise that each step adds: ``"beta"``, or the smaller ``"posterior"``.
        keep: noise steps n, N ... 0, whose states are kept, in the order of generation.
    """
    _checked(x, schedule.steps)
    if variance not in ("beta", "posterior"):
        raise ValueError(f"variance is {variance!r}, expected 'beta' or 'posterior'.")
    noise, path = Counter(noise), _Path([schedule.steps - n for n in keep], x)
    added = schedule.beta if variance == "beta" else schedule.posterior
    for n in range(schedule.steps, 0, -1):
        estimate = noise(x, _filled(x, schedule.tau[n]))
        x = (x - float(schedule.beta[n] / schedule.sigma[n]) * estimate) / float(schedule.alpha[n].sqrt())
        if n > 1:
            x = x + float(added[n].sqrt()) * _normal(x, generator)
        path.add(schedule.steps - n + 1, x)
    return Sampled(x, noise.calls, path.stacked())


@torch.no_grad()
def ddim(
    noise: Field,
    x: Points,
    schedule: Schedule,
    *,
    eta: float = 0.0,
    generator: torch.Generator | None = None,
    keep: Sequence[int] = (),
) -> Sampled:
    """Implicit sampler (Song, Meng and Ermon 2021): deterministic for ``eta = 0``; for 1, ancestral with ``posterior``.

    Args: as in ``ddpm_ancestral``.
    """
    _checked(x, schedule.steps)
    if not 0 <= eta <= 1:
        raise ValueError(f"eta is {eta}, expected a number from 0 to 1.")
    noise, path = Counter(noise), _Path([schedule.steps - n for n in keep], x)
    for n in range(schedule.steps, 0, -1):
        estimate = noise(x, _filled(x, schedule.tau[n]))
        data = (x - float(schedule.sigma[n]) * estimate) / float(schedule.signal[n])
        added = eta**2 * float(schedule.posterior[n])
        left = max(float(schedule.sigma[n - 1]) ** 2 - added, 0.0) ** 0.5
        x = float(schedule.signal[n - 1]) * data + left * estimate
        if added > 0 and n > 1:
            x = x + added**0.5 * _normal(x, generator)
        path.add(schedule.steps - n + 1, x)
    return Sampled(x, noise.calls, path.stacked())


@torch.no_grad()
def euler(
    velocity: Field, x: Points, *, steps: int, start: float = 0.0, end: float = 1.0, keep: Sequence[int] = ()
) -> Sampled:
    """Move points with ``velocity(x, tau)`` from ``start`` to ``end`` by explicit Euler steps, one evaluation each."""
    _checked(x, steps)
    velocity, path, size = Counter(velocity), _Path(keep, x), (end - start) / steps
    for number in range(steps):
        x = x + size * velocity(x, _filled(x, start + number * size))
        path.add(number + 1, x)
    return Sampled(x, velocity.calls, path.stacked())


@torch.no_grad()
def midpoint(
    velocity: Field, x: Points, *, steps: int, start: float = 0.0, end: float = 1.0, keep: Sequence[int] = ()
) -> Sampled:
    """Move points as ``euler`` does, by the midpoint rule: second order, two evaluations per step."""
    _checked(x, steps)
    velocity, path, size = Counter(velocity), _Path(keep, x), (end - start) / steps
    for number in range(steps):
        tau = start + number * size
        middle = x + size / 2 * velocity(x, _filled(x, tau))
        x = x + size * velocity(middle, _filled(x, tau + size / 2))
        path.add(number + 1, x)
    return Sampled(x, velocity.calls, path.stacked())


@torch.no_grad()
def adaptive(
    velocity: Field,
    x: Points,
    *,
    tolerance: float = 1e-5,
    times: Sequence[float] = (0.0, 1.0),
    method: str = "dopri5",
) -> Sampled:
    """Move points with a solver of torchdiffeq that chooses its own steps; the path holds the states at ``times``.

    Args:
        tolerance: relative and absolute tolerance; one step size serves the whole batch.
        times: generation times, monotonic, at least two.
    """
    _checked(x, 1)
    if len(times) < 2 or not tolerance > 0:
        raise ValueError(
            f"times {list(times)}, tolerance {tolerance}: expected at least two times, a positive tolerance."
        )
    velocity = Counter(velocity)
    moments = torch.tensor(times, dtype=x.dtype, device=x.device)
    path = odeint(
        lambda tau, at: velocity(at, _filled(at, tau)), x, moments, rtol=tolerance, atol=tolerance, method=method
    )
    return Sampled(path[-1], velocity.calls, path)
