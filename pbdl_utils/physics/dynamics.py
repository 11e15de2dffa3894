"""Small dynamical systems, their integration, and measures of chaos: what the chapters on learned dynamics share.

All equations are dimensionless. States carry their components on the last axis; every other axis is a batch.
"""

from collections.abc import Callable

import numpy as np
import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor

from pbdl_utils.physics.burgers import _etdrk4_coefficients, _etdrk4_step

Field = Callable[[Tensor], Tensor]  # state (*batch, d) -> rate of change (*batch, d)
Step = Callable[[Tensor], Tensor]  # state (*batch, d) -> state one time step later


def cubic_spiral(state: Float[Tensor, "*batch 2"]) -> Float[Tensor, "*batch 2"]:
    """Return the rate of change ``W state**3`` with W = [[-0.1, -2], [2, -0.1]].

    A stable spiral whose linearisation at the origin vanishes: the radius decays algebraically, like ``t**-0.5``.
    Source: the demonstration of torchdiffeq (Chen et al. 2018) with the signs of the reference article.
    """
    x, y = (state**3).unbind(-1)
    return torch.stack([-0.1 * x - 2 * y, 2 * x - 0.1 * y], dim=-1)


def lorenz63(
    state: Float[Tensor, "*batch 3"], sigma: float = 10.0, rho: float = 28.0, beta: float = 8 / 3
) -> Float[Tensor, "*batch 3"]:
    """Return the rate of change of Lorenz's convection model (Lorenz 1963), chaotic for the default parameters."""
    x, y, z = state.unbind(-1)
    return torch.stack([sigma * (y - x), x * (rho - z) - y, x * y - beta * z], dim=-1)


def van_der_pol(state: Float[Tensor, "*batch 2"], mu: float = 1.0) -> Float[Tensor, "*batch 2"]:
    """Return the rate of change of ``x'' = mu (1 - x**2) x' - x`` for the state ``(x, x')``; stiff for large ``mu``."""
    x, v = state.unbind(-1)
    return torch.stack([v, mu * (1 - x**2) * v - x], dim=-1)


def rk4_step(field: Field, state: Float[Tensor, "*batch d"], dt: float) -> Float[Tensor, "*batch d"]:
    """Advance the state by ``dt`` with the classical Runge-Kutta method of fourth order (Kutta 1901)."""
    k1 = field(state)
    k2 = field(state + dt / 2 * k1)
    k3 = field(state + dt / 2 * k2)
    k4 = field(state + dt * k3)
    return state + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


def integrate(
    field: Field, state: Float[Tensor, "*batch d"], dt: float, steps: int, substeps: int = 1
) -> Float[Tensor, "time *batch d"]:
    """Return the states at ``0, dt, ..., steps * dt``, each ``dt`` divided into ``substeps`` steps of ``rk4_step``."""
    return iterate(lambda now: rk4_step(field, now, dt / substeps), state, steps, substeps)


def iterate(
    step: Step, state: Float[Tensor, "*batch d"], steps: int, substeps: int = 1
) -> Float[Tensor, "time *batch d"]:
    """Return the start and ``steps`` further states, each ``substeps`` applications of the map ``step`` apart.

    Raises:
        ValueError: if a number of steps is not positive.
    """
    if steps < 1 or substeps < 1:
        raise ValueError(f"steps is {steps} and substeps {substeps}, expected at least 1.")
    states = [state]
    for _ in range(steps):
        for _ in range(substeps):
            state = step(state)
        states.append(state)
    return torch.stack(states)


def kuramoto_sivashinsky(
    initial: Float[np.ndarray, "*batch x"], dt: float, steps: int, *, length: float, substeps: int = 1
) -> Float[np.ndarray, "time *batch x"]:
    """Solve ``u_t + u u_x + u_xx + u_xxxx = 0`` on a periodic interval: Fourier in space, ETDRK4 in time, float64.

    Products are dealiased with the 2/3 rule. The exponential integrator (Cox and Matthews 2002, coefficients of
    Kassam and Trefethen 2005) treats the linear terms exactly, so that ``dt / substeps`` of 0.25 is accurate.

    Args:
        initial: velocity at equidistant points of one period, an even number of at least four.
        dt: time between the returned states.
        steps: number of such times.
        length: the period.
        substeps: steps of the integrator per ``dt``.

    Returns:
        velocity at the times ``0, dt, ..., steps * dt``.

    Raises:
        ValueError: if the arguments are malformed.
        FloatingPointError: if the solution grows out of bounds; use more substeps or more points.
    """
    initial = np.asarray(initial, dtype=np.float64)
    points = initial.shape[-1] if initial.ndim else 0
    if points < 4 or points % 2:
        raise ValueError(f"initial has shape {initial.shape}, expected an even number of points, at least 4.")
    if not (dt > 0 and length > 0 and steps >= 1 and substeps >= 1):
        raise ValueError("dt, length, steps and substeps must be positive.")
    wavenumbers = 2 * np.pi / length * np.arange(points // 2 + 1)
    factor = np.where(np.arange(wavenumbers.size) < points / 3, -0.5j * wavenumbers, 0)
    coefficients = _etdrk4_coefficients(wavenumbers**2 - wavenumbers**4, dt / substeps)

    def advection(spectrum: np.ndarray) -> np.ndarray:
        return factor * np.fft.rfft(np.fft.irfft(spectrum, points) ** 2)

    spectrum, states = np.fft.rfft(initial), [initial]
    for _ in range(steps):
        for _ in range(substeps):
            spectrum = _etdrk4_step(spectrum, advection, coefficients)
        states.append(np.fft.irfft(spectrum, points))
        if not np.abs(states[-1]).max() < 1e3 + 10 * np.abs(initial).max():
            raise FloatingPointError("the solution grows out of bounds: use more substeps or more points.")
    return np.stack(states)


def largest_lyapunov(
    step: Step,
    state: Float[Tensor, "*more batch d"],
    dt: float,
    steps: int,
    *,
    every: int = 10,
    separation: float = 1e-7,
) -> Float[Tensor, "*more batch"]:
    """Return the largest Lyapunov exponent of a map that advances the state by ``dt``, one estimate per batch entry.

    Each state gets a neighbour at the distance ``separation``. Both are advanced; every ``every`` steps the growth of
    their distance is recorded and the neighbour is pulled back to the initial distance (Benettin et al. 1976). Growth
    during the first tenth of the steps is not counted: the neighbour first has to turn into the fastest direction.
    Start on the attractor. Use float64, or a separation well above the rounding error.

    Args:
        step: a solver's step or a learned map; it gets states and neighbours as one batch of twice the size,
            ``(*more, 2 batch, d) -> (*more, 2 batch, d)``.
        dt: time that one step takes.
        steps: number of steps, a multiple of ``every``.

    Returns:
        exponent per unit of time; not a number where the map left the finite numbers.

    Raises:
        ValueError: if the steps do not make at least ten rounds, or the state has no batch axis.
    """
    rounds = steps // every
    if state.ndim < 2:
        raise ValueError(f"state has shape {tuple(state.shape)}, expected a batch axis before the components.")
    if rounds < 10 or steps % every:
        raise ValueError(f"{steps} steps in rounds of {every}: expected a whole number of rounds, at least ten.")
    generator = torch.Generator().manual_seed(0)
    offset = torch.randn(state.shape, generator=generator, dtype=torch.float64).to(state)
    near = state + separation * offset / offset.norm(dim=-1, keepdim=True)
    total = torch.zeros(state.shape[:-1], dtype=torch.float64, device=state.device)
    skipped = rounds // 10
    for index in range(rounds):
        pair = torch.cat([state, near], dim=-2)
        for _ in range(every):
            pair = step(pair)
        state, near = pair.chunk(2, dim=-2)
        distance = (near - state).norm(dim=-1, keepdim=True).clamp_min(torch.finfo(state.dtype).tiny)
        if index >= skipped:
            total += (distance[..., 0].double() / separation).log()
        near = state + separation * (near - state) / distance
    return total / ((rounds - skipped) * every * dt)


def zero_one_test(series: Float[Tensor, "*batch n"], *, count: int = 100, seed: int = 0) -> Float[Tensor, "*batch"]:
    """Return K of the 0-1 test for chaos: near 1 for a chaotic series, near 0 for a regular one.

    The series drives a walk in the plane, ``p(n) + i q(n) = sum_j series(j) exp(i c j)``. It spreads like Brownian
    motion when the series is chaotic and stays bounded when it is regular. K is the correlation of the mean squared
    displacement, less its oscillating part, with time; the median over ``count`` values of c in (pi/5, 4 pi/5).
    The samples must not be too close in time, or a chaotic series looks regular. Source: Gottwald and Melbourne (2009).

    Raises:
        ValueError: for fewer than 100 samples.
    """
    samples = series.shape[-1]
    if samples < 100:
        raise ValueError(f"the series has {samples} samples, expected at least 100.")
    generator = torch.Generator().manual_seed(seed)
    c = torch.pi * (0.2 + 0.6 * torch.rand(count, generator=generator, dtype=torch.float64)).to(series.device)
    angle = c[:, None] * torch.arange(1, samples + 1, dtype=torch.float64, device=series.device)
    series = series.double()[..., None, :]
    walk = (series * torch.exp(1j * angle)).cumsum(-1)
    walk = walk - walk.mean(-1, keepdim=True)
    lags = torch.arange(1, samples // 10 + 1, device=series.device)
    starts = samples - len(lags)
    # mean of |walk(j + n) - walk(j)|^2 over the starts j: two running sums of squares and a correlation, by FFT
    early = torch.cat([walk[..., :starts], torch.zeros_like(walk[..., starts:])], dim=-1)
    cross = torch.fft.ifft(torch.fft.fft(walk) * torch.fft.fft(early).conj()).real[..., lags]
    sums = F.pad(walk.abs().square().cumsum(-1), (1, 0))
    spread = (sums[..., lags + starts] - sums[..., lags] + sums[..., starts, None] - 2 * cross) / starts
    swing = (1 - (c[:, None] * lags).cos()) / (1 - c.cos())[:, None]
    displacement = spread - series.mean(-1, keepdim=True) ** 2 * swing
    displacement = displacement - displacement.mean(-1, keepdim=True)
    time = lags - lags.double().mean()
    scale = displacement.norm(dim=-1) * time.norm()
    return ((displacement * time).sum(-1) / scale.clamp_min(1e-300)).median(dim=-1).values


def measure_distance(
    samples: Float[Tensor, "*batch n d"], truth: Float[Tensor, "m d"], *, directions: int = 50, levels: int = 1000
) -> Float[Tensor, "*batch"]:
    """Return how far two sets of states are apart as distributions: the sliced Wasserstein-1 distance.

    All components are divided by their standard deviation in ``truth``; the distance is the mean over fixed random
    directions of the mean absolute difference of quantiles, so it is in standard deviations. For ``d = 1`` this is the
    Wasserstein distance itself. Infinite where a sample is not finite. Source: Rabin et al. (2011).
    """
    finite = samples.isfinite().all(dim=-1).all(dim=-1)
    scale = truth.double().std(dim=0)
    generator = torch.Generator().manual_seed(0)
    axes = torch.randn(truth.shape[-1], directions, generator=generator, dtype=torch.float64).to(truth.device)
    axes = axes[:, :1] if truth.shape[-1] == 1 else axes
    axes = axes / axes.norm(dim=0) / scale[:, None]
    clean = torch.where(finite[..., None, None], samples, 0).double()
    distance = (_quantiles(clean @ axes, levels) - _quantiles(truth.double() @ axes, levels)).abs().mean((-2, -1))
    return torch.where(finite, distance, torch.inf)


def _quantiles(values: Float[Tensor, "*batch n s"], levels: int) -> Float[Tensor, "*batch q s"]:
    ordered = values.sort(dim=-2).values
    place = (torch.arange(levels, device=values.device) + 0.5) / levels * (values.shape[-2] - 1)
    low = place.floor().long()
    part = (place - low).to(values)[:, None]
    return ordered[..., low, :] * (1 - part) + ordered[..., (low + 1).clamp(max=values.shape[-2] - 1), :] * part


def power_spectrum(
    series: Float[Tensor, "*batch n"], dt: float, *, window: int = 1024
) -> tuple[Float[Tensor, " f"], Float[Tensor, "*batch f"]]:
    """Return frequencies (cycles per time) and the one-sided power density of a series, its mean removed.

    Averaged over half-overlapping windows with a Hann taper (Welch 1967); the integral over all frequencies is the
    variance.

    Raises:
        ValueError: if the series is shorter than the window.
    """
    if series.shape[-1] < window:
        raise ValueError(f"the series has {series.shape[-1]} samples, fewer than the window of {window}.")
    taper = torch.hann_window(window, dtype=torch.float64, device=series.device)
    pieces = (series.double() - series.double().mean(-1, keepdim=True)).unfold(-1, window, window // 2)
    density = torch.fft.rfft(pieces * taper).abs().square().mean(dim=-2) * 2 * dt / taper.square().sum()
    density[..., 0] /= 2
    density[..., -1] /= 2 if window % 2 == 0 else 1
    return torch.fft.rfftfreq(window, dt, dtype=torch.float64, device=series.device), density


def valid_time(
    predicted: Float[Tensor, "time *batch d"], truth: Float[Tensor, "time *batch d"], dt: float, limit: float = 0.4
) -> Float[Tensor, "*batch"]:
    """Return the time until which the prediction's error stays below ``limit`` times the truth's own deviation.

    The error is the norm over the components; the deviation is the root mean square distance of all true states from
    their mean. The last time is returned where the limit is never passed; a state that is not finite passes it.
    """
    dims = tuple(range(truth.ndim - 1))
    deviation = (truth - truth.mean(dim=dims)).square().sum(-1).mean().sqrt()
    good = (predicted - truth).norm(dim=-1) < limit * deviation
    return dt * (good.long().cumprod(dim=0).sum(dim=0) - 1).clamp_min(0).to(truth.dtype)
