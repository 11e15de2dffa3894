"""Burgers' equation on the periodic interval [-1, 1]: exact solution, spectral reference, differentiable step.

The equation is ``du/dt + u du/dx = nu d2u/dx2``, dimensionless, with one viscosity for the whole book.
"""

from collections.abc import Sequence

import numpy as np
import torch
from jaxtyping import Float
from numpy.typing import ArrayLike
from torch import Tensor

from pbdl_utils.problems import VISCOSITY

LENGTH = 2.0  # of the periodic interval [-1, 1]
SHOCK_TIME = 1 / np.pi  # when -sin(pi x) would form its shock without viscosity


def cell_centres(resolution: int) -> Float[np.ndarray, " x"]:
    """Return the centres of ``resolution`` equal cells on [-1, 1], float64, shape ``(resolution,)``.

    Raises:
        ValueError: for fewer than two cells.
    """
    if resolution < 2:
        raise ValueError(f"resolution is {resolution}, expected at least two cells.")
    return -1 + (np.arange(resolution) + 0.5) * (LENGTH / resolution)


def cole_hopf(
    x: ArrayLike, t: ArrayLike, *, viscosity: float = VISCOSITY, spacing: float = 0.05
) -> Float[np.ndarray, "t x"]:
    """Return the exact solution that starts from ``-sin(pi x)``, in float64.

    The Cole-Hopf transform (Hopf 1950, Cole 1951) turns Burgers' equation into the heat equation. Its solution is
    a weighted mean of the initial velocity over the points ``y`` from which the fluid may have come,

        u(x, t) = int u0(y) w dy / int w dy,   log w = -(x - y)**2 / (4 nu t) - cos(pi y) / (2 pi nu).

    For small viscosities ``w`` spans hundreds of powers of ten, so its logarithm is shifted to a largest value of
    zero before it is exponentiated. The integrands are analytic and die out like a Gaussian: the trapezoidal rule
    then converges faster than any power of its spacing (``tests/unit/test_burgers.py``).

    Args:
        x: positions, shape ``(n,)`` or a number; any position is allowed, the solution has period 2.
        t: times >= 0, shape ``(m,)`` or a number.
        viscosity: kinematic viscosity nu > 0.
        spacing: distance of the quadrature points, in widths ``sqrt(4 nu t)`` of the heat kernel.

    Returns:
        velocity of shape ``(m, n)``, also for single numbers.

    Raises:
        ValueError: if a time is negative, or the viscosity or the spacing is not positive.
    """
    positions = np.atleast_1d(np.asarray(x, dtype=np.float64))
    times = np.atleast_1d(np.asarray(t, dtype=np.float64))
    if positions.ndim != 1 or times.ndim != 1:
        raise ValueError(f"expected lists of positions and times, got shapes {positions.shape} and {times.shape}.")
    if not (times >= 0).all():
        raise ValueError("a time is negative: the exact solution exists for t >= 0 only.")
    if not (viscosity > 0 and spacing > 0):
        raise ValueError(f"viscosity is {viscosity} and spacing {spacing}, expected positive numbers.")
    # The cosine changes log w by 1/(pi nu) at most, so beyond this distance every weight is below exp(-45).
    reach = np.sqrt(1 / (np.pi * viscosity) + 45)
    count = int(np.ceil(reach / spacing))
    offsets = np.arange(-count, count + 1) * spacing
    return np.stack([_weighted_mean(positions, time, viscosity, offsets) for time in times])


def _weighted_mean(
    positions: Float[np.ndarray, " x"], time: float, viscosity: float, offsets: Float[np.ndarray, " q"]
) -> Float[np.ndarray, " x"]:
    origins = positions[:, None] - np.sqrt(4 * viscosity * time) * offsets
    log_weights = -(offsets**2) - np.cos(np.pi * origins) / (2 * np.pi * viscosity)
    weights = np.exp(log_weights - log_weights.max(axis=1, keepdims=True))
    return (-np.sin(np.pi * origins) * weights).sum(axis=1) / weights.sum(axis=1)


def spectral_solution(
    initial: Float[np.ndarray, " x"],
    times: Sequence[float] | np.ndarray,
    *,
    viscosity: float = VISCOSITY,
    max_step: float = 2.5e-4,
    length: float = LENGTH,
) -> Float[np.ndarray, "t x"]:
    """Return the solution for any smooth periodic initial state: Fourier in space, ETDRK4 in time, in float64.

    Products are dealiased with the 2/3 rule; the exponential integrator (Cox and Matthews 2002, with the stable
    coefficients of Kassam and Trefethen 2005) treats the viscous term exactly. The result is accurate once the
    grid resolves the shocks, whose width is about ``8 nu / jump``: some 2000 points for this book's viscosity.

    Args:
        initial: velocity at equidistant points of one period, shape ``(n,)``, n even. Cell centres will do.
        times: increasing times >= 0, shape ``(m,)``.
        viscosity: kinematic viscosity nu > 0.
        max_step: upper limit of the time step; the intervals between the times are divided evenly.
        length: the period.

    Returns:
        velocity of shape ``(m, n)``.

    Raises:
        ValueError: if the arguments are malformed.
        FloatingPointError: if the solution grows out of bounds; use a smaller ``max_step`` or more points.
    """
    initial, times = np.asarray(initial, dtype=np.float64), np.asarray(times, dtype=np.float64)
    if initial.ndim != 1 or initial.size < 4 or initial.size % 2:
        raise ValueError(f"initial state has shape {initial.shape}, expected an even number of points, at least 4.")
    if times.ndim != 1 or not times.size or times[0] < 0 or (np.diff(times) <= 0).any():
        raise ValueError("expected a non-empty list of increasing times >= 0.")
    if not (viscosity > 0 and max_step > 0 and length > 0):
        raise ValueError("viscosity, max_step and length must be positive.")
    wavenumbers = 2 * np.pi / length * np.arange(initial.size // 2 + 1)
    factor = np.where(np.arange(wavenumbers.size) < initial.size / 3, -0.5j * wavenumbers, 0)

    def advection(spectrum: np.ndarray) -> np.ndarray:
        return factor * np.fft.rfft(np.fft.irfft(spectrum, initial.size) ** 2)

    spectrum, now, step, states = np.fft.rfft(initial), 0.0, None, []
    for time in times:
        steps = int(np.ceil((time - now) / max_step - 1e-9))
        if steps and step != (time - now) / steps:
            step = (time - now) / steps
            coefficients = _etdrk4_coefficients(-viscosity * wavenumbers**2, step)
        for _ in range(steps):
            spectrum = _etdrk4_step(spectrum, advection, coefficients)
        states.append(np.fft.irfft(spectrum, initial.size))
        if not np.abs(states[-1]).max() <= 10 * np.abs(initial).max() + 1e-300:
            raise FloatingPointError(f"the solution is unstable at t={time:g}: use a smaller max_step or more points.")
        now = time
    return np.stack(states)


def _etdrk4_coefficients(linear: Float[np.ndarray, " k"], step: float) -> tuple[np.ndarray, ...]:
    """Return exp(hL), exp(hL/2) and the four weights, as means over a circle around each hL (no cancellation)."""
    circle = np.exp(1j * np.pi * (np.arange(32) + 0.5) / 32)
    z = step * linear[:, None] + circle
    half = step * ((np.exp(z / 2) - 1) / z).mean(axis=1).real
    first = step * ((-4 - z + np.exp(z) * (4 - 3 * z + z**2)) / z**3).mean(axis=1).real
    middle = step * ((2 + z + np.exp(z) * (z - 2)) / z**3).mean(axis=1).real
    last = step * ((-4 - 3 * z - z**2 + np.exp(z) * (4 - z)) / z**3).mean(axis=1).real
    return np.exp(step * linear), np.exp(step * linear / 2), half, first, middle, last


def _etdrk4_step(spectrum: np.ndarray, slope, coefficients: tuple[np.ndarray, ...]) -> np.ndarray:
    decay, half_decay, half, first, middle, last = coefficients
    slope_0 = slope(spectrum)
    a = half_decay * spectrum + half * slope_0
    slope_a = slope(a)
    b = half_decay * spectrum + half * slope_a
    slope_b = slope(b)
    c = half_decay * a + half * (2 * slope_b - slope_0)
    return decay * spectrum + first * slope_0 + 2 * middle * (slope_a + slope_b) + last * slope(c)


def burgers_step(
    velocity: Float[Tensor, "... x"], dt: float, *, viscosity: float = VISCOSITY, substeps: int = 1
) -> Float[Tensor, "... x"]:
    """Advance the velocity by one time step: explicit central diffusion, then semi-Lagrangian self-advection.

    The scheme of the chapter on the forward simulation, in plain torch: the same numbers as PhiFlow's operators to
    round-off, differentiable, on any device and for any number of leading batch dimensions. First order in time.

    Args:
        velocity: values at the cell centres of the periodic interval [-1, 1], shape ``(..., x)``.
        dt: time step.
        viscosity: kinematic viscosity nu >= 0.
        substeps: number of equal parts into which the diffusion step is divided.

    Raises:
        ValueError: if the explicit diffusion would be unstable, ``nu dt / (substeps dx**2) > 0.5``.
    """
    resolution = velocity.shape[-1]
    dx = LENGTH / resolution
    number = viscosity * dt / (substeps * dx**2)
    if number > 0.5:
        raise ValueError(f"diffusion number is {number:.3g}, expected at most 0.5: use more substeps or a smaller dt.")
    for _ in range(substeps):
        velocity = velocity + number * (velocity.roll(1, -1) - 2 * velocity + velocity.roll(-1, -1))
    departure = torch.arange(resolution, device=velocity.device) - velocity * (dt / dx)  # in cells
    left = departure.detach().floor()
    weight = departure - left
    index = left.long() % resolution
    return (1 - weight) * velocity.gather(-1, index) + weight * velocity.gather(-1, (index + 1) % resolution)
